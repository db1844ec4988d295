/**
 * Constant folding of arithmetic: element by element with broadcasting, reductions, conversions of type.
 * Float results are those of double arithmetic rounded once, integers are exact (an int64 beyond 2^53 is left unfolded).
 */
import type { Tensor } from '../graph.ts';
import type { NodeContext } from '../shapes/node-context.ts';
import { allocateData, countElements, isFloat } from '../tensor.ts';
import type { Evaluator } from './evaluator.ts';
import { broadcastStrides, combine, loadNumbers, readStrided, storeNumbers, stridesOf } from './strided.ts';

const cast: Evaluator = (_, [input], [out]) => {
  const values = loadNumbers(input);
  if (values === undefined) return input.dtype === out.dtype ? [input] : undefined;
  if (isFloat(input.dtype) && !isFloat(out.dtype) && out.dtype !== 'bool') {
    // What lies outside the integer type is not defined by ONNX.
    if (!values.every((value) => Number.isSafeInteger(Math.trunc(value)))) return undefined;
    return [storeNumbers(values.map(Math.trunc), out.dtype, out.dims)];
  }
  return [storeNumbers(values, out.dtype, out.dims)];
};

const where: Evaluator = (_, [condition, whenTrue, whenFalse], [out]) => {
  const pick = combine(condition, { dtype: 'bool', dims: [], data: Uint8Array.of(1) }, out.dims, (flag) => flag);
  if (pick === undefined) return undefined;
  const [a, b] = [whenTrue, whenFalse].map(
    (side) => readStrided(side, out.dims, 0, broadcastStrides(side.dims, out.dims)).data as Float64Array,
  );
  const data = allocateData(out.dtype, pick.length);
  for (let i = 0; i < pick.length; i++) (data as Float64Array)[i] = pick[i] !== 0 ? a[i] : b[i];
  return [{ ...out, data }];
};

/** Int8 and other integer weights of a quantized model back to numbers: (x − zero point) · scale, per tensor or per slice of an axis. */
const dequantize: Evaluator = (node, [input, scale, zero], [out]) => {
  if (node.number('block_size', 0) !== 0) return undefined;
  const dims = input.dims.map(() => 1);
  if (scale.dims.length > 0 && countElements(scale.dims) > 1)
    dims[node.axis(node.number('axis', 1), dims.length)] = countElements(scale.dims);
  const centred = zero === undefined ? loadNumbers(input) : combine(input, { ...zero, dims }, out.dims, (x, z) => x - z);
  if (centred === undefined) return undefined;
  const scaled = combine({ dtype: 'float64', dims: out.dims, data: centred }, { ...scale, dims }, out.dims, (x, s) => x * s);
  return scaled && [storeNumbers(scaled, out.dtype, out.dims)];
};

/** Reductions over all given axes; axes as in shape inference. */
function reduction(
  start: number,
  apply: (sum: number, value: number) => number,
  finish: (sum: number, count: number) => number = (sum) => sum,
): Evaluator {
  return (node, [input], [out]) => {
    const values = loadNumbers(input);
    if (values === undefined) return undefined;
    const rank = input.dims.length;
    const given = node.listOrInput('axes', 1) ?? [];
    if (given.length === 0 && node.number('noop_with_empty_axes', 0) !== 0) return [input];
    const axes = given.length === 0 ? new Set(input.dims.keys()) : node.axes(given, rank);
    const kept = input.dims.map((size, axis) => (axes.has(axis) ? 1 : size));
    const outStrides = broadcastStrides(kept, input.dims);
    const sums = new Float64Array(countElements(kept)).fill(start);
    const inStrides = stridesOf(input.dims);
    for (const [index, value] of values.entries()) {
      let at = 0;
      for (let axis = 0; axis < rank; axis++) at += (Math.floor(index / inStrides[axis]) % input.dims[axis]) * outStrides[axis];
      sums[at] = apply(sums[at], value);
    }
    const count = values.length / sums.length;
    return [
      storeNumbers(
        sums.map((sum) => finish(sum, count)),
        out.dtype,
        out.dims,
      ),
    ];
  };
}

function unary(apply: (x: number) => number): Evaluator {
  return (_, [input], [out]) => {
    const values = loadNumbers(input);
    return values && [storeNumbers(values.map(apply), out.dtype, out.dims)];
  };
}

function binary(apply: (x: number, y: number) => number): Evaluator {
  return (_, [a, b], [out]) => {
    const values = combine(a, b, out.dims, apply);
    return values && [storeNumbers(values, out.dtype, out.dims)];
  };
}

/** Any number of inputs, folded from the left. */
function variadic(apply: (x: number, y: number) => number): Evaluator {
  return (_, inputs, [out]) => {
    let result: Tensor = inputs[0];
    for (const next of inputs.slice(1)) {
      const values = combine(result, next, out.dims, apply);
      if (values === undefined) return undefined;
      result = { dtype: 'float64', dims: out.dims, data: values };
    }
    const values = loadNumbers(result);
    return values && [storeNumbers(values, out.dtype, out.dims)];
  };
}

const flag = (condition: boolean): number => (condition ? 1 : 0);

function divide(node: NodeContext, x: number, y: number, integer: boolean): number {
  if (!integer) return x / y;
  if (y === 0) node.fail('integer division by zero');
  return Math.trunc(x / y);
}

const div: Evaluator = (node, inputs, outputs) => binary((x, y) => divide(node, x, y, !isFloat(outputs[0].dtype)))(node, inputs, outputs);

/** fmod = 0: the sign of the divisor (integers only); fmod = 1: the sign of the dividend. */
const mod: Evaluator = (node, inputs, outputs) => {
  const cLike = node.number('fmod', 0) !== 0;
  return binary((x, y) => {
    if (y === 0 && !isFloat(outputs[0].dtype)) node.fail('integer division by zero');
    return cLike ? x % y : x - y * Math.floor(x / y);
  })(node, inputs, outputs);
};

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

export const ARITHMETIC = {
  Cast: cast,
  Where: where,
  DequantizeLinear: dequantize,
  ReduceProd: reduction(1, (a, b) => a * b),
  ReduceSum: reduction(0, (a, b) => a + b),
  ReduceMax: reduction(-Infinity, Math.max),
  ReduceMin: reduction(Infinity, Math.min),
  ReduceMean: reduction(
    0,
    (a, b) => a + b,
    (sum, count) => sum / count,
  ),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundToEven),
  Sign: unary(Math.sign),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Not: unary((x) => flag(x === 0)),
} satisfies Record<string, Evaluator>;

/** Arithmetic of exactly two inputs. */
export const BINARY = {
  Add: binary((x, y) => x + y),
  Sub: binary((x, y) => x - y),
  Mul: binary((x, y) => x * y),
  Div: div,
  Mod: mod,
  Pow: binary((x, y) => x ** y),
  Equal: binary((x, y) => flag(x === y)),
  Less: binary((x, y) => flag(x < y)),
  LessOrEqual: binary((x, y) => flag(x <= y)),
  Greater: binary((x, y) => flag(x > y)),
  GreaterOrEqual: binary((x, y) => flag(x >= y)),
  And: binary((x, y) => flag(x !== 0 && y !== 0)),
  Or: binary((x, y) => flag(x !== 0 || y !== 0)),
  Xor: binary((x, y) => flag((x !== 0) !== (y !== 0))),
} satisfies Record<string, Evaluator>;

/** Arithmetic of one input or more. */
export const VARIADIC = {
  Max: variadic(Math.max),
  Min: variadic(Math.min),
  Sum: variadic((x, y) => x + y),
} satisfies Record<string, Evaluator>;
