/** Pooling nodes → pool layers. ONNX operators MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool. */
import type { GraphNode } from '../../../graph/graph.ts';
import type { Window } from '../../../graph/integer-graph.ts';
import { getNumber, getNumbers } from '../attributes.ts';
import { addTensor, type Draft, needView, refuseExtraOutputs } from '../draft.ts';
import { NO_CLAMP } from '../layer-graph.ts';
import { Unsupported } from '../unsupported.ts';
import { isChannels, makeView, type View } from '../view.ts';
import { makeWindow, outputPlane, readSpatialDims, windowAxes } from '../window-attributes.ts';

type PoolKind = 'maxpool' | 'averagepool';

function pushPool(draft: Draft, node: GraphNode, kind: PoolKind, view: View, window: Window, plane: { height: number; width: number }) {
  const output = addTensor(draft, node.outputs[0], { ...plane, channels: view.tensor.channels });
  const base = { name: node.name, nodes: [node.name], inputs: [view.tensor.id], output: output.id, window, clamp: NO_CLAMP };
  const countIncludePad = getNumber(node, 'count_include_pad', 0) === 1;
  draft.layers.push(kind === 'maxpool' ? { kind, ...base } : { kind, ...base, countIncludePad });
  return output;
}

function buildWindowPool(draft: Draft, node: GraphNode, kind: PoolKind): void {
  const view = needView(draft, node, 0);
  refuseExtraOutputs(draft, node);
  const kernel = getNumbers(node, 'kernel_shape');
  if (kernel === undefined) throw new Unsupported('it has no kernel_shape');
  const dims = readSpatialDims(draft, node, view, kernel);
  if (!isChannels(view, 1)) throw new Unsupported('dimension 1 of its input is not the channels of a map');
  const output = pushPool(draft, node, kind, view, makeWindow(dims), outputPlane(dims, view));
  draft.views.set(node.outputs[0], makeView(output, windowAxes(dims)));
}

/** One window over the whole map. */
function buildWholeMapPool(draft: Draft, node: GraphNode, kind: PoolKind, view: View, rank: number): void {
  const { height, width } = view.tensor;
  const window: Window = { kernel: [height, width], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
  const output = pushPool(draft, node, kind, view, window, { height: 1, width: 1 });
  draft.views.set(node.outputs[0], makeView(output, [[], ['channels'], ...new Array<[]>(rank - 2).fill([])]));
}

function buildGlobalPool(draft: Draft, node: GraphNode, kind: PoolKind): void {
  const view = needView(draft, node, 0);
  if (view.axes.length < 3 || !isChannels(view, 1)) throw new Unsupported('dimension 1 of its input is not the channels of a map');
  buildWholeMapPool(draft, node, kind, view, view.axes.length);
}

export const buildMaxPool = (draft: Draft, node: GraphNode): void => buildWindowPool(draft, node, 'maxpool');
export const buildAveragePool = (draft: Draft, node: GraphNode): void => buildWindowPool(draft, node, 'averagepool');
export const buildGlobalMaxPool = (draft: Draft, node: GraphNode): void => buildGlobalPool(draft, node, 'maxpool');
export const buildGlobalAveragePool = (draft: Draft, node: GraphNode): void => buildGlobalPool(draft, node, 'averagepool');
