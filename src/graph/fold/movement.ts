/** Constant folding of operators that only move elements: every type of data, strings and int64 included. */
import { resolvePads, resolveSlices } from '../shapes/movement.ts';
import { allocateData, countElements } from '../tensor.ts';
import type { Evaluator } from './evaluator.ts';
import { broadcastStrides, copyBlock, loadNumbers, readStrided, stridesOf } from './strided.ts';

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

export const MOVEMENT = {
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
  ScatterND: scatterNd,
} satisfies Record<string, Evaluator>;
