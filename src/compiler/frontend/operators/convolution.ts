/** Conv → conv layer: any kernel, stride, padding, dilation, groups; one or two spatial dimensions. ONNX operator Conv. */
import type { GraphNode } from '../../../graph/graph.ts';
import { getNumber, needFloats } from '../attributes.ts';
import { addTensor, type Draft, needView } from '../draft.ts';
import { NO_CLAMP } from '../layer-graph.ts';
import { Unsupported } from '../unsupported.ts';
import { isChannels, makeView } from '../view.ts';
import { makeWindow, outputPlane, readSpatialDims, windowAxes } from '../window-attributes.ts';

export function buildConvolution(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const weights = needFloats(draft.graph, node, 1, 'the weights');
  const [outChannels, inPerGroup, ...kernel] = weights.dims;
  const dims = readSpatialDims(draft, node, view, kernel);
  if (!isChannels(view, 1)) throw new Unsupported('dimension 1 of its input is not the channels of a map');
  const groups = getNumber(node, 'group', 1);
  if (inPerGroup * groups !== view.tensor.channels || outChannels % groups !== 0) {
    throw new Unsupported(
      `its weights [${weights.dims.join(', ')}] with group ${groups} do not fit an input of ${view.tensor.channels} channels`,
    );
  }
  const bias = node.inputs[2] ? Float64Array.from(needFloats(draft.graph, node, 2, 'the bias').data) : new Float64Array(outChannels);
  if (bias.length !== outChannels) throw new Unsupported(`its bias has ${bias.length} values for ${outChannels} output channels`);

  const taps = kernel.reduce((n, k) => n * k, 1);
  // Strides of ONNX's [out][in][spatial…] order; the last spatial dimension is the fastest.
  const strideOf = (axis: 'height' | 'width'): number => {
    const at = dims.findIndex((dim) => dim.axis === axis);
    return at < 0 ? 0 : kernel.slice(at + 1).reduce((n, k) => n * k, 1);
  };
  const output = addTensor(draft, node.outputs[0], { ...outputPlane(dims, view), channels: outChannels });
  draft.layers.push({
    kind: 'conv',
    name: node.name,
    nodes: [node.name],
    inputs: [view.tensor.id],
    output: output.id,
    window: makeWindow(dims),
    groups,
    weights: {
      data: weights.data,
      offset: 0,
      strides: { output: inPerGroup * taps, input: taps, row: strideOf('height'), column: strideOf('width') },
    },
    bias,
    clamp: NO_CLAMP,
  });
  draft.views.set(node.outputs[0], makeView(output, windowAxes(dims)));
}
