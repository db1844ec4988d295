/** Nodes that take, repeat or surround indices along dimensions. ONNX operators Slice, Split, Gather (constant indices), Pad, Expand, Tile. */
import type { GraphNode } from '../../../graph/graph.ts';
import { toNumbers } from '../../../graph/tensor.ts';
import { findConstant, getIntegers, getNumber, getScalar, getString } from '../attributes.ts';
import { type Draft, needView } from '../draft.ts';
import { type FactoredView, factoredDims, plainView, sliceFactored } from '../factored-view.ts';
import { Unsupported } from '../unsupported.ts';
import { viewDims } from '../view.ts';
import { needValue, setValue } from './layout.ts';
import { pushIndexMaps } from './rearrange.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function needAxis(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank) throw new Unsupported(`its axis ${axis} does not exist in a value of rank ${rank}`);
  return at;
}

/** Every `step`-th index from start to end, by the rules of ONNX Slice. */
function sliceIndices(size: number, start: number, end: number, step: number): number[] {
  const clamp = (v: number, low: number, high: number): number => Math.min(high, Math.max(low, v < 0 ? v + size : v));
  const first = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1);
  // A negative end beyond the beginning means "through index 0".
  const last = step > 0 ? clamp(end, 0, size) : end < -size ? -1 : clamp(end, -1, size - 1);
  const indices: number[] = [];
  for (let i = first; step > 0 ? i < last : i > last; i += step) indices.push(i);
  return indices;
}

export function buildSlice(draft: Draft, node: GraphNode): void {
  const value = needValue(draft, node);
  const dims = factoredDims(value);
  const starts = getIntegers(draft.graph, node, 'starts', 1);
  const ends = getIntegers(draft.graph, node, 'ends', 2);
  if (!starts || !ends) throw new Unsupported('it has no starts or no ends');
  const axes = getIntegers(draft.graph, node, 'axes', 3) ?? range(starts.length);
  const steps = getIntegers(draft.graph, node, 'steps', 4) ?? starts.map(() => 1);
  const maps: (number[] | undefined)[] = dims.map(() => undefined);
  axes.forEach((axis, i) => {
    const dim = needAxis(axis, dims.length);
    maps[dim] = sliceIndices(dims[dim], starts[i], ends[i], steps[i]);
  });
  if (!trySlice(draft, node, value, maps, 0)) pushIndexMaps(draft, node, needView(draft, node, 0), maps);
}

/**
 * Slices of values whose dimensions divide axes, and of those that are no maps, only change how the tensor is seen. False for others, which become tensors.
 */
function trySlice(
  draft: Draft,
  node: GraphNode,
  value: FactoredView,
  maps: readonly (readonly number[] | undefined)[],
  at: number,
): boolean {
  if (plainView(value) && value.dims.length <= 4) return false;
  let sliced: FactoredView | undefined = value;
  maps.forEach((map, dim) => {
    if (!map || !sliced) return;
    const step = map.length > 1 ? map[1] - map[0] : 1;
    const isEven = map.length > 0 && map.every((index, i) => index === map[0] + i * step);
    sliced = isEven ? sliceFactored(sliced, dim, map[0], map.length, step) : undefined;
  });
  if (!sliced) return false;
  setValue(draft, node, sliced, at);
  return true;
}

export function buildSplit(draft: Draft, node: GraphNode): void {
  const value = needValue(draft, node);
  const dims = factoredDims(value);
  const axis = needAxis(getNumber(node, 'axis', 0), dims.length);
  const even = Math.ceil(dims[axis] / node.outputs.length);
  const sizes = getIntegers(draft.graph, node, 'split', 1) ?? node.outputs.map((_, i) => Math.min(even, dims[axis] - i * even));
  let first = 0;
  node.outputs.forEach((name, at) => {
    const start = first;
    const indices = range(sizes[at]).map((i) => start + i);
    first += sizes[at];
    if (!name || !draft.used.has(name)) return;
    const maps = dims.map((_, dim) => (dim === axis ? indices : undefined));
    if (!trySlice(draft, node, value, maps, at)) pushIndexMaps(draft, node, needView(draft, node, 0), maps, { at });
  });
}

/** One index takes a dimension away; a list of them is a slice of sorts. */
export function buildGather(draft: Draft, node: GraphNode): void {
  const value = needValue(draft, node);
  const dims = factoredDims(value);
  const axis = needAxis(getNumber(node, 'axis', 0), dims.length);
  const constant = findConstant(draft.graph, node, 1);
  if (!constant) throw new Unsupported('its indices (input 1) must be constant');
  const indices = toNumbers(constant).map((i) => (i < 0 ? i + dims[axis] : i));
  if (constant.dims.length === 0) {
    const picked = sliceFactored(value, axis, indices[0], 1, 1)!;
    setValue(draft, node, { ...picked, dims: picked.dims.filter((_, dim) => dim !== axis) });
    return;
  }
  if (constant.dims.length !== 1) throw new Unsupported(`its indices have rank ${constant.dims.length}; one index or a list is supported`);
  const maps = dims.map((_, dim) => (dim === axis ? indices : undefined));
  if (!trySlice(draft, node, value, maps, 0)) pushIndexMaps(draft, node, needView(draft, node, 0), maps);
}

/** The index that position i of a padded dimension takes; −1: the constant. */
const PAD_SOURCES: Readonly<Record<string, (i: number, size: number) => number>> = {
  constant: (i, size) => (i < 0 || i >= size ? -1 : i),
  edge: (i, size) => Math.min(size - 1, Math.max(0, i)),
  reflect: (i, size) => {
    const period = Math.max(1, 2 * (size - 1));
    const at = ((i % period) + period) % period;
    return Math.min(at, period - at);
  },
  wrap: (i, size) => ((i % size) + size) % size,
};

export function buildPad(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const dims = viewDims(view);
  const pads = getIntegers(draft.graph, node, node.attributes.paddings === undefined ? 'pads' : 'paddings', 1);
  if (!pads) throw new Unsupported('it has no pads');
  const axes = (node.inputs[3] ? getIntegers(draft.graph, node, '', 3)! : range(dims.length)).map((axis) => needAxis(axis, dims.length));
  const mode = getString(node, 'mode', 'constant');
  const sourceOf = PAD_SOURCES[mode];
  if (!sourceOf) throw new Unsupported(`mode "${mode}" is not known`);
  const fill = mode === 'constant' ? getScalar(draft.graph, node, 'value', 2, 0) : 0;
  if (!Number.isFinite(fill)) throw new Unsupported(`it pads with ${fill}, which is not a number of the accelerator`);
  const maps: (number[] | undefined)[] = dims.map(() => undefined);
  axes.forEach((dim, i) => {
    const [before, after] = [pads[i], pads[i + axes.length]];
    if (before === 0 && after === 0) return;
    maps[dim] = range(before + dims[dim] + after).map((at) => sourceOf(at - before, dims[dim]));
  });
  pushIndexMaps(draft, node, view, maps, { fill });
}

export function buildExpand(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const dims = viewDims(view);
  const shape = getIntegers(draft.graph, node, 'shape', 1);
  if (!shape) throw new Unsupported('it has no shape');
  if (shape.length > dims.length) throw new Unsupported(`it expands rank ${dims.length} to rank ${shape.length}`);
  const lead = dims.length - shape.length;
  pushIndexMaps(
    draft,
    node,
    view,
    dims.map((dim, at) => (at >= lead && dim === 1 && shape[at - lead] > 1 ? range(shape[at - lead]).map(() => 0) : undefined)),
  );
}

export function buildTile(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const repeats = getIntegers(draft.graph, node, 'repeats', 1);
  if (!repeats) throw new Unsupported('its repeats must be constant');
  pushIndexMaps(
    draft,
    node,
    view,
    viewDims(view).map((dim, at) => (repeats[at] === 1 ? undefined : range(dim * repeats[at]).map((i) => i % dim))),
  );
}
