/**
 * Evaluation of operators on constants, for constant folding: shape arithmetic and the weight transformations that exporters leave in graphs.
 * Float results are those of double arithmetic rounded once, integers are exact (an int64 beyond 2^53 is left unfolded).
 */
import { isTensor } from '../attribute-values.ts';
import type { DataType, Tensor } from '../graph.ts';
import { resolvePads, resolveSlices } from '../shapes/movement.ts';
import { isStatic, type NodeContext } from '../shapes/node-context.ts';
import { allocateData, countElements, isFloat } from '../tensor.ts';
import { broadcastStrides, combine, copyBlock, loadNumbers, readStrided, storeNumbers, stridesOf } from './strided.ts';

/** Type of an output as shape inference found it. */
export interface OutputType {
  readonly dtype: DataType;
  readonly dims: readonly number[];
}

/** Outputs of a node whose inputs are constant; undefined where it cannot be evaluated exactly. */
export type Evaluator = (
  node: NodeContext,
  inputs: readonly Tensor[],
  outputs: readonly OutputType[],
) => readonly (Tensor | undefined)[] | undefined;

const relabel: Evaluator = (_, [input], [out]) => [{ dtype: input.dtype, dims: out.dims, data: input.data }];

const transpose: Evaluator = (node, [input], [out]) => {
  const strides = stridesOf(input.dims);
  const order = node.list('perm') ?? input.dims.map((_, axis) => input.dims.length - 1 - axis);
  return [
    readStrided(
      input,
      out.dims,
      0,
      order.map((axis) => strides[axis < 0 ? axis + input.dims.length : axis]),
    ),
  ];
};

const expand: Evaluator = (_, [input], [out]) => [readStrided(input, out.dims, 0, broadcastStrides(input.dims, out.dims))];

const slice: Evaluator = (node, [input], [out]) => {
  const strides = stridesOf(input.dims);
  let offset = 0;
  for (const part of resolveSlices(node, input.dims) ?? []) {
    if (part.count === null) return undefined;
    offset += part.start * strides[part.axis];
    strides[part.axis] *= part.step;
  }
  return [readStrided(input, out.dims, offset, strides)];
};

const concat: Evaluator = (node, inputs, [out]) => {
  const axis = node.axis(node.number('axis', 1), out.dims.length);
  const data = allocateData(out.dtype, countElements(out.dims));
  const strides = stridesOf(out.dims);
  let offset = 0;
  for (const input of inputs) {
    copyBlock(input.dims, { data: input.data, offset: 0, strides: stridesOf(input.dims) }, { data, offset, strides });
    offset += input.dims[axis] * strides[axis];
  }
  return [{ ...out, data }];
};

const split: Evaluator = (node, [input], outputs) => {
  const axis = node.axis(node.number('axis', 0), input.dims.length);
  const strides = stridesOf(input.dims);
  let offset = 0;
  return outputs.map(({ dims }) => {
    const part = readStrided(input, dims, offset, strides);
    offset += dims[axis] * strides[axis];
    return part;
  });
};

const gather: Evaluator = (node, [input, indices], [out]) => {
  const axis = node.axis(node.number('axis', 0), input.dims.length);
  const size = input.dims[axis];
  const outer = countElements(input.dims.slice(0, axis));
  const inner = countElements(input.dims.slice(axis + 1));
  const data = allocateData(input.dtype, countElements(out.dims));
  const source = input.data as Float64Array;
  const target = data as Float64Array;
  const positions = Array.from(indices.data as ArrayLike<number | bigint>, (value) =>
    Number(value) < 0 ? Number(value) + size : Number(value),
  );
  const outside = positions.find((position) => position < 0 || position >= size);
  if (outside !== undefined) node.fail(`index ${outside} is out of range for dimension ${axis} of [${input.dims}]`);
  let at = 0;
  for (let block = 0; block < outer; block++) {
    for (const position of positions) {
      const start = (block * size + position) * inner;
      for (let i = start; i < start + inner; i++) target[at++] = source[i];
    }
  }
  return [{ ...out, dtype: input.dtype, data }];
};

const tile: Evaluator = (_, [input], [out]) => {
  // Repeats of axis k are an axis of their own in front of it, with stride 0.
  const strides = stridesOf(input.dims);
  const dims = out.dims.flatMap((size, axis) => [input.dims[axis] === 0 ? 0 : size / input.dims[axis], input.dims[axis]]);
  const tiled = readStrided(
    input,
    dims,
    0,
    strides.flatMap((stride) => [0, stride]),
  );
  return [{ ...tiled, dims: out.dims }];
};

const pad: Evaluator = (node, [input, , value], [out]) => {
  const pads = resolvePads(node, input.dims.length);
  if (pads === undefined || node.text('mode', 'constant') !== 'constant' || pads.some((size) => size < 0)) return undefined;
  const data = allocateData(out.dtype, countElements(out.dims));
  const fill = value === undefined ? node.number('value', 0) : (value.data as Float32Array)[0];
  if (fill !== undefined && fill !== 0) (data as Float32Array).fill(fill);
  const strides = stridesOf(out.dims);
  const offset = strides.reduce((sum, stride, axis) => sum + stride * pads[axis], 0);
  copyBlock(input.dims, { data: input.data, offset: 0, strides: stridesOf(input.dims) }, { data, offset, strides });
  return [{ ...out, data }];
};

const constantOfShape: Evaluator = (node, _, [out]) => {
  const data = allocateData(out.dtype, countElements(out.dims));
  const value = node.attribute('value');
  if (isTensor(value)) (data as Float64Array).fill((value.data as Float64Array)[0]);
  return [{ ...out, data }];
};

const constant: Evaluator = (node, _, [out]) => {
  const value = node.attribute('value');
  if (isTensor(value)) return [value];
  const given = Object.entries(node.node.attributes).find(([name]) => name.startsWith('value_'))?.[1];
  const list = Array.isArray(given) ? given : [given];
  if (list.every((item) => typeof item === 'string')) return [{ ...out, data: list }];
  return list.every((item) => typeof item === 'number') ? [storeNumbers(Float64Array.from(list), out.dtype, out.dims)] : undefined;
};

const range: Evaluator = (_, [start, , delta], [out]) => {
  const [first] = loadNumbers(start) ?? [];
  const [step] = loadNumbers(delta) ?? [];
  if (first === undefined || step === undefined) return undefined;
  return [
    storeNumbers(
      Float64Array.from({ length: out.dims[0] }, (__, index) => first + index * step),
      out.dtype,
      out.dims,
    ),
  ];
};

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

const nonZero: Evaluator = (_, [input]) => {
  const values = loadNumbers(input);
  if (values === undefined) return undefined;
  const strides = stridesOf(input.dims);
  const found: number[] = [];
  for (const [index, value] of values.entries()) if (value !== 0) found.push(index);
  const rows = strides.flatMap((stride, axis) => found.map((index) => Math.floor(index / stride) % input.dims[axis]));
  const result = storeNumbers(Float64Array.from(rows), 'int64', [input.dims.length, found.length]);
  return [result];
};

const scatterNd: Evaluator = (node, [input, indices, updates], [out]) => {
  if (node.text('reduction', 'none') !== 'none') return undefined;
  const depth = indices.dims[indices.dims.length - 1];
  const positions = loadNumbers(indices);
  if (positions === undefined || depth === 0) return undefined;
  const strides = stridesOf(input.dims);
  const block = countElements(input.dims.slice(depth));
  const data = (input.data as Float64Array).slice();
  for (let row = 0; row < positions.length / depth; row++) {
    let at = 0;
    for (let axis = 0; axis < depth; axis++) {
      const given = positions[row * depth + axis];
      at += (given < 0 ? given + input.dims[axis] : given) * strides[axis];
    }
    for (let i = 0; i < block; i++) data[at + i] = (updates.data as Float64Array)[row * block + i];
  }
  return [{ ...out, data }];
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

/** Operators that need every present input to be constant. */
export const EVALUATORS: ReadonlyMap<string, Evaluator> = new Map(
  Object.entries({
    Identity: relabel,
    Reshape: relabel,
    Flatten: relabel,
    Squeeze: relabel,
    Unsqueeze: relabel,
    Transpose: transpose,
    Expand: expand,
    Slice: slice,
    Concat: concat,
    Split: split,
    Gather: gather,
    Tile: tile,
    Pad: pad,
    ConstantOfShape: constantOfShape,
    Constant: constant,
    Range: range,
    Cast: cast,
    Where: where,
    DequantizeLinear: dequantize,
    NonZero: nonZero,
    ScatterND: scatterNd,
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
    Max: variadic(Math.max),
    Min: variadic(Math.min),
    Sum: variadic((x, y) => x + y),
  } satisfies Record<string, Evaluator>),
);

const TWO_INPUTS = [
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Mod',
  'Pow',
  'Equal',
  'Less',
  'LessOrEqual',
  'Greater',
  'GreaterOrEqual',
  'And',
  'Or',
  'Xor',
];

/** Inputs that an operator cannot do without (1 where it is not listed): the others are optional. */
export const REQUIRED_INPUTS: ReadonlyMap<string, number> = new Map([
  ['Constant', 0],
  ...[...TWO_INPUTS, 'Reshape', 'Expand', 'Tile', 'Gather', 'DequantizeLinear'].map((op): [string, number] => [op, 2]),
  ...['Where', 'Range', 'ScatterND'].map((op): [string, number] => [op, 3]),
]);

/** Operators that need only the shape of their input. */
export const SHAPE_EVALUATORS: ReadonlyMap<string, Evaluator> = new Map(
  Object.entries({
    Shape: (node, _, [out]) => {
      const dims = node.dims(0);
      if (!isStatic(dims)) return undefined;
      const start = node.number('start', 0);
      const first = Math.min(dims.length, Math.max(0, start < 0 ? start + dims.length : start));
      return [storeNumbers(Float64Array.from(dims.slice(first, first + out.dims[0])), 'int64', out.dims)];
    },
    Size: (node) => {
      const dims = node.dims(0);
      return isStatic(dims) ? [storeNumbers(Float64Array.of(countElements(dims)), 'int64', [])] : undefined;
    },
  } satisfies Record<string, Evaluator>),
);
