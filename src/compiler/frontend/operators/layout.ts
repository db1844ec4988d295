/** Nodes that change how a tensor is seen, and those that join tensors. ONNX operators Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Identity, Dropout, Concat (moves channels). */
import type { GraphNode } from '../../../graph/graph.ts';
import type { RearrangePart } from '../../../graph/integer-graph.ts';
import { findConstant, getIntegers, getNumber, getNumbers, getScalar } from '../attributes.ts';
import { addTensor, type Draft, needView, refuseExtraOutputs } from '../draft.ts';
import { type FactoredView, factoredDims, factorView, plainView, reshapeFactored, transposeFactored } from '../factored-view.ts';
import { makeParts, wholeAxis } from '../rearrange-parts.ts';
import { channelsLast, needLayout } from '../relayout.ts';
import { Unsupported } from '../unsupported.ts';
import { type Axis, isChannels, makeView, sameAxes, type View, viewDims } from '../view.ts';
import { needConstantMap } from './constant-map.ts';
import { AXES, pushRearrange } from './rearrange.ts';

/** The value as it is, before anything is moved: a view, or one that divides axes. */
export function needValue(draft: Draft, node: GraphNode): FactoredView {
  const name = node.inputs[0];
  const factored = draft.views.has(name) ? undefined : draft.factored.get(name);
  return factored ?? factorView(needView(draft, node, 0));
}

export function setValue(draft: Draft, node: GraphNode, value: FactoredView, at = 0): void {
  const view = plainView(value);
  if (view) draft.views.set(node.outputs[at], view);
  else draft.factored.set(node.outputs[at], { ...value, nodes: [...value.nodes, at === 0 ? node.name : `${node.name}#${at}`] });
}

function setReshaped(draft: Draft, node: GraphNode, value: FactoredView, dims: readonly number[]): void {
  const reshaped = reshapeFactored(value, dims);
  if (!reshaped) {
    throw new Unsupported(
      `it turns [${factoredDims(value).join(', ')}] into [${dims.join(', ')}], which cuts across rows, columns or channels`,
    );
  }
  setValue(draft, node, reshaped);
}

const normalize = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

export function buildIdentity(draft: Draft, node: GraphNode): void {
  refuseExtraOutputs(draft, node);
  draft.views.set(node.outputs[0], needView(draft, node, 0));
}

export function buildDropout(draft: Draft, node: GraphNode): void {
  // Input 2 (opset 12 and up) asks for training behaviour.
  if (getScalar(draft.graph, node, 'training_mode', 2, 0) !== 0)
    throw new Unsupported('training_mode is on: export the model for inference');
  buildIdentity(draft, node);
}

export function buildReshape(draft: Draft, node: GraphNode): void {
  const value = needValue(draft, node);
  const shape = getIntegers(draft.graph, node, 'shape', 1);
  if (!shape) throw new Unsupported('it has no shape');
  const from = factoredDims(value);
  const keepZero = getNumber(node, 'allowzero', 0) === 0;
  const dims = shape.map((dim, at) => (dim === 0 && keepZero ? (from[at] ?? 0) : dim));
  const total = from.reduce((n, dim) => n * dim, 1);
  const known = dims.reduce((n, dim) => (dim === -1 ? n : n * dim), 1);
  setReshaped(
    draft,
    node,
    value,
    dims.map((dim) => (dim === -1 ? total / known : dim)),
  );
}

export function buildFlatten(draft: Draft, node: GraphNode): void {
  const value = needValue(draft, node);
  const dims = factoredDims(value);
  const axis = normalize(getNumber(node, 'axis', 1), dims.length);
  const product = (list: number[]) => list.reduce((n, dim) => n * dim, 1);
  setReshaped(draft, node, value, [product(dims.slice(0, axis)), product(dims.slice(axis))]);
}

export function buildSqueeze(draft: Draft, node: GraphNode): void {
  const value = needValue(draft, node);
  const dims = factoredDims(value);
  const axes = getIntegers(draft.graph, node, 'axes', 1)?.map((axis) => normalize(axis, dims.length));
  setReshaped(
    draft,
    node,
    value,
    dims.filter((dim, at) => (axes ? !axes.includes(at) : dim !== 1)),
  );
}

export function buildUnsqueeze(draft: Draft, node: GraphNode): void {
  const value = needValue(draft, node);
  const added = getIntegers(draft.graph, node, 'axes', 1) ?? [];
  const rank = value.dims.length + added.length;
  const axes = added.map((axis) => normalize(axis, rank));
  const rest = factoredDims(value);
  setReshaped(
    draft,
    node,
    value,
    Array.from({ length: rank }, (_, at) => (axes.includes(at) ? 1 : rest.shift()!)),
  );
}

export function buildTranspose(draft: Draft, node: GraphNode): void {
  const value = needValue(draft, node);
  const permutation = getNumbers(node, 'perm') ?? value.dims.map((_, at) => value.dims.length - 1 - at);
  setValue(draft, node, transposeFactored(value, permutation));
}

/** Rows or columns one behind the other. False where the values are no maps of one layout. */
function joinAlongPlane(draft: Draft, node: GraphNode, views: readonly View[], dim: number): boolean {
  const [first] = views;
  if (!views.every((view) => view.axes.length === first.axes.length && view.axes.every((axes) => axes.length <= 1))) return false;
  // The axis of a dimension of size 1 is the one that another input has there, or the one that is left.
  const axes = first.axes.map((_, d) => views.map((view) => view.axes[d][0]).find((axis) => axis !== undefined));
  const usual = ([undefined, 'channels', 'height', 'width'] as const)[dim];
  const along = axes[dim] ?? (usual && !axes.includes(usual) ? usual : undefined);
  if (along !== 'height' && along !== 'width') return false;
  const isAlike = (view: View): boolean =>
    view.axes.every(([axis], d) => axis === undefined || axis === (d === dim ? along : axes[d])) &&
    AXES.every((axis) => axis === along || view.tensor[axis] === first.tensor[axis]);
  if (!views.every(isAlike)) return false;
  const total = views.reduce((sum, view) => sum + view.tensor[along], 0);
  const extents = { ...first.tensor, [along]: total };
  let at = 0;
  const parts = views.flatMap(({ tensor }, input) => {
    const run = { to: at, toStep: 1, from: 0, fromStep: 1, count: tensor[along] };
    at += tensor[along];
    const runsOf = (axis: Axis) => (axis === along ? [run] : wholeAxis(tensor[axis]));
    return makeParts(input, tensor, extents, runsOf('height'), runsOf('width'), runsOf('channels'));
  });
  const output = pushRearrange(
    draft,
    node,
    views.map((view) => view.tensor),
    extents,
    parts,
  );
  draft.views.set(
    node.outputs[0],
    makeView(
      output,
      axes.map((axis, d) => (d === dim ? [along] : axis ? [axis] : [])),
    ),
  );
  return true;
}

/** The inputs, constants as maps that lie as the first activation does. */
function needOperands(draft: Draft, node: GraphNode): View[] {
  const constants = node.inputs.map((_, index) => findConstant(draft.graph, node, index) !== undefined);
  if (!constants.includes(true)) return node.inputs.map((_, index) => needView(draft, node, index));
  const at = constants.indexOf(false);
  if (at < 0) throw new Unsupported('all its inputs are constant');
  const view = needView(draft, node, at);
  // A dimension over rows and columns becomes one of columns.
  const like = view.axes.every((axes) => axes.length <= 1) ? view : needLayout(draft, node, at, channelsLast(viewDims(view)));
  return node.inputs.map((_, index) =>
    constants[index] ? needConstantMap(draft, node, index, like) : index === at ? like : needView(draft, node, index),
  );
}

/** All pixels of maps one behind the other: [1, c, h·w] and [1, h·w, c]. The result is one row. False where the values are something else. */
function joinPixels(draft: Draft, node: GraphNode, views: readonly View[], dim: number): boolean {
  const [first] = views;
  const { channels } = first.tensor;
  const isPixels = (view: View): boolean =>
    view.tensor.channels === channels &&
    view.axes.length === first.axes.length &&
    view.axes.every((axes, d) => d === dim || axes.length === 0 || (axes.length === 1 && axes[0] === 'channels')) &&
    ['', 'height', 'width', 'height,width'].includes(view.axes[dim].join());
  if (!views.every(isPixels)) return false;
  const total = views.reduce((sum, { tensor }) => sum + tensor.height * tensor.width, 0);
  const extents = { height: 1, width: total, channels };
  let at = 0;
  const parts = views.map(({ tensor: { height, width } }, input): RearrangePart => {
    const grid = { offset: 0, rowStep: width * channels, columnStep: channels };
    const part = { input, rows: height, columns: width, words: channels, from: grid, to: { ...grid, offset: at * channels } };
    at += height * width;
    return part;
  });
  const tensors = views.map((view) => view.tensor);
  const output = pushRearrange(draft, node, tensors, extents, parts);
  const channelsDim = first.axes.findIndex((axes, d) => d !== dim && axes.length > 0);
  const axes = first.axes.map((_, d): Axis[] => (d === dim ? ['width'] : d === channelsDim ? ['channels'] : []));
  draft.views.set(node.outputs[0], makeView(output, axes));
  return true;
}

export function buildConcat(draft: Draft, node: GraphNode): void {
  const views = needOperands(draft, node);
  const [first] = views;
  const axis = normalize(getNumber(node, 'axis', 1), first.axes.length);
  for (const view of views) {
    const plane = view.tensor.height === first.tensor.height && view.tensor.width === first.tensor.width;
    const others =
      view.axes.length === first.axes.length && view.axes.every((axes, dim) => dim === axis || sameAxes(axes, first.axes[dim]));
    if (!plane || !others || !isChannels(view, axis)) {
      if (joinAlongPlane(draft, node, views, axis) || joinPixels(draft, node, views, axis)) return;
      throw new Unsupported(
        `it joins ${views.map((v) => `[${viewDims(v).join(', ')}]`).join(' and ')} along dimension ${axis}; only maps that agree in all other dimensions can be joined`,
      );
    }
  }
  if (views.length === 1) {
    draft.views.set(node.outputs[0], first);
    return;
  }
  const channels = views.reduce((n, view) => n + view.tensor.channels, 0);
  const output = addTensor(draft, node.outputs[0], { height: first.tensor.height, width: first.tensor.width, channels });
  draft.layers.push({
    kind: 'concat',
    name: node.name,
    nodes: [node.name],
    inputs: views.map((view) => view.tensor.id),
    output: output.id,
  });
  draft.views.set(
    node.outputs[0],
    makeView(
      output,
      first.axes.map((axes, dim) => (dim === axis ? ['channels'] : axes)),
    ),
  );
}
