/** Constant folding of operators that make tensors of attributes, of shapes or of a few numbers. */
import { isTensor } from '../attribute-values.ts';
import { isStatic } from '../shapes/node-context.ts';
import { allocateData, countElements } from '../tensor.ts';
import type { Evaluator } from './evaluator.ts';
import { loadNumbers, storeNumbers, stridesOf } from './strided.ts';

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

/** Need every present input to be constant. */
export const CONSTANTS = {
  ConstantOfShape: constantOfShape,
  Constant: constant,
  Range: range,
  NonZero: nonZero,
} satisfies Record<string, Evaluator>;

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
