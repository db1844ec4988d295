/** Mean, sum and maximum over rows, columns or channels of a map. ONNX operators ReduceMean, ReduceSum, ReduceMax. */
import type { GraphNode } from '../../../graph/graph.ts';
import { getIntegers, getNumber } from '../attributes.ts';
import { addTensor, type Draft, needView } from '../draft.ts';
import { NO_CLAMP } from '../layer-graph.ts';
import { Unsupported } from '../unsupported.ts';
import { type Axis, makeView } from '../view.ts';
import { POINTWISE } from './push.ts';

type Reduction = 'mean' | 'sum' | 'max';

/** Rows and columns by a pool or a depthwise convolution with weights 1; channels by a convolution with weights 1. */
function buildReduction(draft: Draft, node: GraphNode, reduction: Reduction): void {
  const view = needView(draft, node, 0);
  const rank = view.axes.length;
  const given = getIntegers(draft.graph, node, 'axes', 1);
  if (!given?.length && getNumber(node, 'noop_with_empty_axes', 0) === 1) {
    draft.views.set(node.outputs[0], view);
    return;
  }
  const axes = (given?.length ? given : view.axes.map((_, dim) => dim)).map((axis) => (axis < 0 ? axis + rank : axis));
  const reduced = new Set(view.axes.filter((_, dim) => axes.includes(dim)).flat());
  const keep = getNumber(node, 'keepdims', 1) === 1;
  const left = view.axes.map((list, dim): readonly Axis[] | undefined => (axes.includes(dim) ? (keep ? [] : undefined) : list));
  const outAxes = left.filter((list) => list !== undefined);
  if (reduced.size === 0) {
    draft.views.set(node.outputs[0], makeView(view.tensor, outAxes));
    return;
  }
  if (reduced.has('channels') && reduction === 'max') throw new Unsupported('it takes the maximum over channels');
  const { tensor } = view;
  const kept = (axis: Axis): number => (reduced.has(axis) ? 1 : tensor[axis]);
  const output = addTensor(draft, node.outputs[0], { height: kept('height'), width: kept('width'), channels: kept('channels') });
  const kernel = [tensor.height / output.height, tensor.width / output.width] as const;
  const window = { ...POINTWISE, kernel };
  const base = { name: node.name, nodes: [node.name], inputs: [tensor.id], output: output.id, window, clamp: NO_CLAMP };
  if (reduction === 'max') draft.layers.push({ kind: 'maxpool', ...base });
  else if (reduction === 'mean' && !reduced.has('channels')) draft.layers.push({ kind: 'averagepool', ...base, countIncludePad: false });
  else {
    const terms = kernel[0] * kernel[1] * (tensor.channels / output.channels);
    draft.layers.push({
      kind: 'conv',
      ...base,
      groups: output.channels,
      weights: { data: Float32Array.of(1), offset: 0, strides: { output: 0, row: 0, column: 0, input: 0 } },
      outputScale: new Float64Array(output.channels).fill(reduction === 'mean' ? 1 / terms : 1),
      bias: new Float64Array(output.channels),
    });
  }
  draft.views.set(node.outputs[0], makeView(output, outAxes));
}

export const buildReduceMean = (draft: Draft, node: GraphNode): void => buildReduction(draft, node, 'mean');
export const buildReduceSum = (draft: Draft, node: GraphNode): void => buildReduction(draft, node, 'sum');
export const buildReduceMax = (draft: Draft, node: GraphNode): void => buildReduction(draft, node, 'max');
