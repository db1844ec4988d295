/** Nodes that move nothing: they change the view of a tensor. ONNX operators Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Identity, Dropout, Concat (moves channels). */
import type { GraphNode } from '../../../graph/graph.ts';
import { getIntegers, getNumber, getNumbers, getScalar } from '../attributes.ts';
import { addTensor, type Draft, needView, refuseExtraOutputs } from '../draft.ts';
import { Unsupported } from '../unsupported.ts';
import { isChannels, makeView, reshapeView, sameAxes, transposeView, type View, viewDims } from '../view.ts';

function setReshaped(draft: Draft, node: GraphNode, view: View, dims: readonly number[]): void {
  const reshaped = reshapeView(view, dims);
  if (!reshaped) {
    throw new Unsupported(`it turns [${viewDims(view).join(', ')}] into [${dims.join(', ')}], which splits rows, columns or channels`);
  }
  draft.views.set(node.outputs[0], reshaped);
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
  const view = needView(draft, node, 0);
  const shape = getIntegers(draft.graph, node, 'shape', 1);
  if (!shape) throw new Unsupported('it has no shape');
  const from = viewDims(view);
  const keepZero = getNumber(node, 'allowzero', 0) === 0;
  const dims = shape.map((dim, at) => (dim === 0 && keepZero ? (from[at] ?? 0) : dim));
  const total = from.reduce((n, dim) => n * dim, 1);
  const known = dims.reduce((n, dim) => (dim === -1 ? n : n * dim), 1);
  setReshaped(
    draft,
    node,
    view,
    dims.map((dim) => (dim === -1 ? total / known : dim)),
  );
}

export function buildFlatten(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const dims = viewDims(view);
  const axis = normalize(getNumber(node, 'axis', 1), dims.length);
  const product = (list: number[]) => list.reduce((n, dim) => n * dim, 1);
  setReshaped(draft, node, view, [product(dims.slice(0, axis)), product(dims.slice(axis))]);
}

export function buildSqueeze(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const dims = viewDims(view);
  const axes = getIntegers(draft.graph, node, 'axes', 1)?.map((axis) => normalize(axis, dims.length));
  setReshaped(
    draft,
    node,
    view,
    dims.filter((dim, at) => (axes ? !axes.includes(at) : dim !== 1)),
  );
}

export function buildUnsqueeze(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const added = getIntegers(draft.graph, node, 'axes', 1) ?? [];
  const rank = view.axes.length + added.length;
  const axes = added.map((axis) => normalize(axis, rank));
  const rest = viewDims(view);
  setReshaped(
    draft,
    node,
    view,
    Array.from({ length: rank }, (_, at) => (axes.includes(at) ? 1 : rest.shift()!)),
  );
}

export function buildTranspose(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const permutation = getNumbers(node, 'perm') ?? view.axes.map((_, at) => view.axes.length - 1 - at);
  draft.views.set(node.outputs[0], transposeView(view, permutation));
}

export function buildConcat(draft: Draft, node: GraphNode): void {
  const views = node.inputs.map((_, index) => needView(draft, node, index));
  const [first] = views;
  const axis = normalize(getNumber(node, 'axis', 1), first.axes.length);
  for (const view of views) {
    const plane = view.tensor.height === first.tensor.height && view.tensor.width === first.tensor.width;
    const others =
      view.axes.length === first.axes.length && view.axes.every((axes, dim) => dim === axis || sameAxes(axes, first.axes[dim]));
    if (!plane || !others || !isChannels(view, axis)) {
      throw new Unsupported(
        `it joins ${views.map((v) => `[${viewDims(v).join(', ')}]`).join(' and ')} along dimension ${axis}; only channels of maps of one size can be joined`,
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
