/** What the builders of elementwise operators share: tensors like their input, and the small layers that most of them are made of. */
import type { GraphNode } from '../../../graph/graph.ts';
import { addTensor, type Draft } from '../draft.ts';
import type { Expression } from '../expression.ts';
import { type FloatClamp, type LayerTensor, NO_CLAMP } from '../layer-graph.ts';
import type { Probe } from '../probe.ts';
import { type View, viewLike } from '../view.ts';

export type Extents = Pick<LayerTensor, 'height' | 'width' | 'channels'>;
export const POINTWISE = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] } as const;

/** A new tensor of the input's shape for the node's result. */
export function outputLike(draft: Draft, node: GraphNode, view: View): LayerTensor {
  const output = addTensor(draft, node.outputs[0], view.tensor);
  draft.views.set(node.outputs[0], viewLike(view, output));
  return output;
}

/** A tensor that the model has no value for: its range is derived, or measured by a probe. */
export function innerTensor(draft: Draft, node: GraphNode, suffix: string, extents: Extents, probe?: Probe): LayerTensor {
  const tensor = addTensor(draft, innerName(node, suffix), extents, false);
  if (!probe) return tensor;
  const probed = { ...tensor, probe };
  draft.tensors[tensor.id] = probed;
  return probed;
}

export function innerName(node: GraphNode, suffix: string): string {
  return `${node.outputs[0]}#${suffix}`;
}

/** The names of a layer that is one of several of its node. */
export function partOf(node: GraphNode, suffix: string): { name: string; nodes: string[] } {
  return { name: `${node.name}#${suffix}`, nodes: [node.name] };
}

export function pushAffine(draft: Draft, node: GraphNode, view: View, scale: Float64Array, bias: Float64Array): void {
  const output = outputLike(draft, node, view);
  draft.layers.push({ kind: 'affine', name: node.name, nodes: [node.name], inputs: [view.tensor.id], output: output.id, scale, bias });
}

export function pushClamp(draft: Draft, node: GraphNode, view: View, clamp: FloatClamp): void {
  const output = outputLike(draft, node, view);
  draft.layers.push({ kind: 'clamp', name: node.name, nodes: [node.name], inputs: [view.tensor.id], output: output.id, clamp });
}

export function pushTable(draft: Draft, node: GraphNode, view: View, table: Expression): void {
  const output = outputLike(draft, node, view);
  draft.layers.push({
    kind: 'table',
    name: node.name,
    nodes: [node.name],
    inputs: [view.tensor.id],
    output: output.id,
    function: table,
    clamp: NO_CLAMP,
  });
}

export const fill = (view: View, value: number): Float64Array => new Float64Array(view.tensor.channels).fill(value);

/** −view, as a tensor that the model has no value for. Folds into the convolution that makes it where nothing else reads that. */
export function negate(draft: Draft, node: GraphNode, view: View, suffix: string): View {
  const output = innerTensor(draft, node, suffix, view.tensor);
  draft.layers.push({
    kind: 'affine',
    ...partOf(node, suffix),
    inputs: [view.tensor.id],
    output: output.id,
    scale: fill(view, -1),
    bias: fill(view, 0),
  });
  return viewLike(view, output);
}
