/** Shape rules of operators that move, select, repeat or create elements. */
import { isTensor } from '../attribute-values.ts';
import {
  broadcast,
  type Dim,
  type Dims,
  isStatic,
  mapDim,
  multiplyDims,
  type NodeContext,
  type ShapeRule,
  type ValueType,
} from './node-context.ts';

function like(node: NodeContext, dims: Dims | undefined): readonly ValueType[] {
  return [{ dtype: node.dtype(0), dims }];
}

const concat: ShapeRule = (node) => {
  const shapes = node.node.inputs.map((_, index) => node.dims(index));
  const first = shapes.find((shape) => shape !== undefined);
  if (first === undefined) return like(node, undefined);
  const axis = node.axis(node.number('axis', 1), first.length);
  const dims: Dim[] = [...first];
  let sum: Dim = 0;
  for (const shape of shapes) {
    if (shape === undefined) {
      sum = null;
      continue;
    }
    if (shape.length !== first.length) node.fail(`inputs of rank ${first.length} and ${shape.length}`);
    for (const [index, dim] of shape.entries()) {
      if (index === axis) sum = typeof sum === 'number' && typeof dim === 'number' ? sum + dim : null;
      else if (typeof dim === 'number') {
        if (typeof dims[index] === 'number' && dims[index] !== dim)
          node.fail(`inputs differ in dimension ${index}: ${dims[index]} and ${dim}`);
        dims[index] = dim;
      }
    }
  }
  dims[axis] = sum;
  return like(node, dims);
};

const flatten: ShapeRule = (node) => {
  const dims = node.dims(0);
  if (dims === undefined) return like(node, [null, null]);
  const axis = node.number('axis', 1);
  const split = axis === dims.length ? axis : dims.length === 0 && axis === 0 ? 0 : node.axis(axis, dims.length);
  return like(node, [multiplyDims(dims.slice(0, split)), multiplyDims(dims.slice(split))]);
};

const reshape: ShapeRule = (node) => {
  const target = node.numbers(1);
  const dims = node.dims(0);
  if (target === undefined) {
    const [rank] = node.dims(1) ?? [];
    return like(node, typeof rank === 'number' ? new Array<Dim>(rank).fill(null) : undefined);
  }
  const keepZero = node.number('allowzero', 0) !== 0;
  const out: Dim[] = target.map((size, axis) => {
    if (size === 0 && !keepZero) {
      if (dims !== undefined && axis >= dims.length)
        node.fail(`the target shape [${target}] copies dimension ${axis}, the input has rank ${dims.length}`);
      return dims?.[axis] ?? null;
    }
    return size;
  });
  const free = out.indexOf(-1);
  if (free >= 0) {
    out[free] = 1;
    if (out.includes(-1)) node.fail(`the target shape [${target}] has more than one −1`);
    const total = dims && multiplyDims(dims);
    const rest = multiplyDims(out);
    out[free] = typeof total === 'number' && typeof rest === 'number' ? total / rest : null;
    // 0 elements: the free dimension is not determined by division.
    if (Number.isNaN(out[free])) out[free] = 0;
    if (typeof out[free] === 'number' && !Number.isInteger(out[free]))
      node.fail(`${total} elements do not fit the target shape [${target}]`);
    // One free dimension that is only moved keeps its name.
    if (out[free] === null && dims) out[free] = movedName(dims, out, free);
  } else if (isStatic(dims) && isStatic(out) && multiplyDims(dims) !== multiplyDims(out)) {
    node.fail(`[${dims}] cannot be reshaped to [${out}]`);
  }
  return like(node, out);
};

/** The name of the only free dimension of `dims`, if all the others multiply to the same on both sides. */
function movedName(dims: Dims, out: Dims, free: number): Dim {
  const names = dims.filter((dim) => typeof dim !== 'number');
  const known = multiplyDims(dims.filter((dim) => typeof dim === 'number'));
  const rest = multiplyDims(out.filter((_, axis) => axis !== free));
  return names.length === 1 && known === rest ? names[0] : null;
}

const transpose: ShapeRule = (node) => {
  const dims = node.dims(0);
  if (dims === undefined) return like(node, undefined);
  const order = node.list('perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  const axes = node.axes(order, dims.length);
  if (axes.size !== dims.length || order.length !== dims.length) node.fail(`perm [${order}] is not an order of ${dims.length} dimensions`);
  return like(
    node,
    order.map((axis) => dims[axis]),
  );
};

const squeeze: ShapeRule = (node) => {
  const dims = node.dims(0);
  const axes = node.listOrInput('axes', 1);
  if (dims === undefined || (axes === undefined && (node.isUnknownInput(1) || !isStatic(dims)))) return like(node, undefined);
  const dropped = axes ? node.axes(axes, dims.length) : new Set(dims.flatMap((dim, axis) => (dim === 1 ? [axis] : [])));
  for (const axis of dropped)
    if (typeof dims[axis] === 'number' && dims[axis] !== 1) node.fail(`dimension ${axis} is ${dims[axis]}, only 1 can be squeezed`);
  return like(
    node,
    dims.filter((_, axis) => !dropped.has(axis)),
  );
};

const unsqueeze: ShapeRule = (node) => {
  const dims = node.dims(0);
  const axes = node.listOrInput('axes', 1);
  if (dims === undefined || axes === undefined) return like(node, undefined);
  const rank = dims.length + axes.length;
  const added = node.axes(axes, rank);
  if (added.size !== axes.length) node.fail(`axes [${axes}] name one twice`);
  const rest = dims[Symbol.iterator]();
  return like(
    node,
    Array.from({ length: rank }, (_, axis): Dim => (added.has(axis) ? 1 : (rest.next().value ?? null))),
  );
};

/** Slices by axis, clamped to a dimension: first index, step, count. */
export interface AxisSlice {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** Resolves the starts, ends, axes and steps of a Slice; undefined when they are not constant. Free dimensions cannot be sliced. */
export function resolveSlices(node: NodeContext, dims: Dims): (AxisSlice | { axis: number; count: null })[] | undefined {
  const starts = node.listOrInput('starts', 1);
  const ends = node.listOrInput('ends', 2);
  if (starts === undefined || ends === undefined || node.isUnknownInput(3) || node.isUnknownInput(4)) return undefined;
  const axes = node.listOrInput('axes', 3) ?? starts.map((_, index) => index);
  const steps = node.numbers(4) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    node.fail(`starts, ends, axes and steps have ${starts.length}, ${ends.length}, ${axes.length} and ${steps.length} numbers`);
  }
  return starts.map((given, index) => {
    const axis = node.axis(axes[index], dims.length);
    const size = dims[axis];
    const step = steps[index];
    if (step === 0) node.fail('a step of 0');
    if (typeof size !== 'number') return { axis, count: null };
    const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value < 0 ? value + size : value));
    const start = step > 0 ? clamp(given, 0, size) : clamp(given, 0, size - 1);
    const end = step > 0 ? clamp(ends[index], 0, size) : clamp(ends[index], -1, size - 1);
    return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
}

const slice: ShapeRule = (node) => {
  const dims = node.dims(0);
  if (dims === undefined) return like(node, undefined);
  const slices = resolveSlices(node, dims);
  const out: Dim[] = [...dims];
  if (slices === undefined) out.fill(null);
  else for (const { axis, count } of slices) out[axis] = count;
  return like(node, out);
};

const split: ShapeRule = (node) => {
  const dims = node.dims(0);
  const count = node.node.outputs.length;
  if (dims === undefined) return node.node.outputs.map(() => ({ dtype: node.dtype(0), dims: undefined }));
  const axis = node.axis(node.number('axis', 0), dims.length);
  const sizes = node.listOrInput('split', 1);
  if (sizes !== undefined && sizes.length !== count) node.fail(`${sizes.length} sizes for ${count} outputs`);
  const total = dims[axis];
  if (sizes !== undefined && typeof total === 'number' && sizes.reduce((sum, size) => sum + size, 0) !== total) {
    node.fail(`the sizes [${sizes}] do not add to ${total}`);
  }
  // Equal parts, the last one smaller where it does not divide.
  const equal = mapDim(total, (size) => Math.ceil(size / count));
  const part = (index: number): Dim => {
    if (sizes !== undefined) return sizes[index];
    if (node.isUnknownInput(1) || typeof equal !== 'number' || typeof total !== 'number') return null;
    return index < count - 1 ? equal : total - equal * (count - 1);
  };
  return node.node.outputs.map((_, index) => ({ dtype: node.dtype(0), dims: dims.map((dim, at) => (at === axis ? part(index) : dim)) }));
};

const gather: ShapeRule = (node) => {
  const dims = node.dims(0);
  const indices = node.dims(1);
  if (dims === undefined || indices === undefined) return like(node, undefined);
  const axis = node.axis(node.number('axis', 0), dims.length);
  return like(node, [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)]);
};

const gatherNd: ShapeRule = (node) => {
  const dims = node.dims(0);
  const indices = node.dims(1);
  const depth = indices?.[indices.length - 1];
  if (dims === undefined || indices === undefined || typeof depth !== 'number') return like(node, undefined);
  return like(node, [...indices.slice(0, -1), ...dims.slice(node.number('batch_dims', 0) + depth)]);
};

const expand: ShapeRule = (node) => {
  const target = node.numbers(1);
  return like(node, target && broadcast(node, [node.dims(0), target]));
};

const tile: ShapeRule = (node) => {
  const dims = node.dims(0);
  const repeats = node.numbers(1);
  if (dims !== undefined && repeats !== undefined && repeats.length !== dims.length)
    node.fail(`${repeats.length} repeats for rank ${dims.length}`);
  return like(
    node,
    repeats ? dims?.map((dim, axis) => (repeats[axis] === 1 ? dim : mapDim(dim, (size) => size * repeats[axis]))) : dims?.map(() => null),
  );
};

/** Pads of a Pad node as begins and ends for every dimension; undefined when they are not constant. */
export function resolvePads(node: NodeContext, rank: number): number[] | undefined {
  const given = node.listOrInput('pads', 1);
  if (given === undefined || node.isUnknownInput(3)) return undefined;
  const axes = (node.numbers(3) ?? Array.from({ length: rank }, (_, axis) => axis)).map((axis) => node.axis(axis, rank));
  if (given.length !== 2 * axes.length) node.fail(`${given.length} pads for ${axes.length} dimensions`);
  const pads = new Array<number>(2 * rank).fill(0);
  for (const [index, axis] of axes.entries()) {
    pads[axis] = given[index];
    pads[axis + rank] = given[index + axes.length];
  }
  return pads;
}

const pad: ShapeRule = (node) => {
  const dims = node.dims(0);
  if (dims === undefined) return like(node, undefined);
  const pads = resolvePads(node, dims.length);
  const rank = dims.length;
  return like(
    node,
    dims.map((dim, axis) => {
      if (pads === undefined) return null;
      const total = pads[axis] + pads[axis + rank];
      return total === 0 ? dim : mapDim(dim, (size) => size + total);
    }),
  );
};

const shape: ShapeRule = (node) => {
  const rank = node.dims(0)?.length;
  if (rank === undefined) return [{ dtype: 'int64', dims: [null] }];
  const clamp = (value: number): number => Math.min(rank, Math.max(0, value < 0 ? value + rank : value));
  return [{ dtype: 'int64', dims: [Math.max(0, clamp(node.number('end', rank)) - clamp(node.number('start', 0)))] }];
};

const constantOfShape: ShapeRule = (node) => {
  const value = node.attribute('value');
  const [rank] = node.dims(0) ?? [];
  const dims = node.numbers(0) ?? (typeof rank === 'number' ? new Array<Dim>(rank).fill(null) : undefined);
  return [{ dtype: isTensor(value) ? value.dtype : 'float32', dims }];
};

const range: ShapeRule = (node) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => node.numbers(index)?.[0]);
  if (start === undefined || limit === undefined || delta === undefined) return like(node, [null]);
  if (delta === 0) node.fail('a step of 0');
  return like(node, [Math.max(0, Math.ceil((limit - start) / delta))]);
};

const CONSTANT_DTYPES = {
  value_float: 'float32',
  value_floats: 'float32',
  value_int: 'int64',
  value_ints: 'int64',
  value_string: 'string',
  value_strings: 'string',
} as const;

const constant: ShapeRule = (node) => {
  const value = node.attribute('value');
  if (isTensor(value)) return [{ dtype: value.dtype, dims: value.dims }];
  for (const [name, dtype] of Object.entries(CONSTANT_DTYPES)) {
    const given = node.attribute(name);
    if (given !== undefined) return [{ dtype, dims: Array.isArray(given) ? [given.length] : [] }];
  }
  return [];
};

const topK: ShapeRule = (node) => {
  const dims = node.dims(0);
  if (dims === undefined) return like(node, undefined);
  const axis = node.axis(node.number('axis', -1), dims.length);
  const k = node.attribute('k') ?? node.numbers(1)?.[0];
  const out = dims.map((dim, at) => (at === axis ? (typeof k === 'number' ? k : null) : dim));
  return [
    { dtype: node.dtype(0), dims: out },
    { dtype: 'int64', dims: out },
  ];
};

const oneHot: ShapeRule = (node) => {
  const dims = node.dims(0);
  const depth = node.numbers(1)?.[0] ?? null;
  if (dims === undefined) return [{ dtype: node.dtype(2), dims: undefined }];
  const axis = node.axis(node.number('axis', -1), dims.length + 1);
  return [{ dtype: node.dtype(2), dims: [...dims.slice(0, axis), depth, ...dims.slice(axis)] }];
};

export const MOVEMENT_RULES: Readonly<Record<string, ShapeRule>> = {
  Concat: concat,
  Flatten: flatten,
  Reshape: reshape,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Slice: slice,
  Split: split,
  Gather: gather,
  GatherElements: (node) => like(node, node.dims(1)),
  GatherND: gatherNd,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  Shape: shape,
  Size: () => [{ dtype: 'int64', dims: [] }],
  ConstantOfShape: constantOfShape,
  Range: range,
  Constant: constant,
  TopK: topK,
  OneHot: oneHot,
  NonZero: (node) => [{ dtype: 'int64', dims: [node.dims(0)?.length ?? null, null] }],
};
