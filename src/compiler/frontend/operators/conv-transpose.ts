/** ConvTranspose → stride² convolutions with parts of the kernel, their results interleaved: no product with a zero in between. ONNX operator ConvTranspose. */
import type { GraphNode } from '../../../graph/graph.ts';
import { NodeContext } from '../../../graph/shapes/node-context.ts';
import { resolveTransposedWindow } from '../../../graph/window.ts';
import { getNumber, needFloats } from '../attributes.ts';
import { type Draft, needView } from '../draft.ts';
import { addPhases, type Phase } from '../phase-convolution.ts';
import { Unsupported } from '../unsupported.ts';
import { isChannels, makeView } from '../view.ts';
import { NO_VALUES, spatialAxes } from '../window-attributes.ts';
import { pushRearrange } from './rearrange.ts';

/** One spatial axis of a transposed convolution. */
interface TransposedAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Taken off the full output at its beginning. */
  readonly pad: number;
  readonly outSize: number;
}

const SINGLE: TransposedAxis = { kernel: 1, stride: 1, dilation: 1, pad: 0, outSize: 1 };

/**
 * Source position i adds kernel index k to result i·stride − pad + k·dilation. Results p, p + stride, … take those k for which
 * p + pad − k·dilation is a multiple of the stride: every (stride ÷ gcd)-th, on source positions that fall as k grows, hence in reverse.
 */
export function findPhases({ kernel, stride, dilation, pad, outSize }: TransposedAxis): Phase[] {
  return Array.from({ length: Math.min(stride, outSize) }, (_, first): Phase => {
    const taps = Array.from({ length: kernel }, (_, k) => k)
      .filter((k) => (first + pad - k * dilation) % stride === 0)
      .reverse();
    const position = (k: number): number => (first + pad - k * dilation) / stride;
    return {
      first,
      step: stride,
      count: Math.ceil((outSize - first) / stride),
      origin: taps.length > 0 ? position(taps[0]) : 0,
      stride: 1,
      dilation: taps.length > 1 ? position(taps[1]) - position(taps[0]) : 1,
      taps,
    };
  });
}

export function buildConvTranspose(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const { dims, data } = needFloats(draft.graph, node, 1, 'the weights');
  const [inChannels, outPerGroup, ...kernel] = dims;
  const axes = spatialAxes(view);
  if (!isChannels(view, 1)) throw new Unsupported('dimension 1 of its input is not the channels of a map');
  const groups = getNumber(node, 'group', 1);
  const source = view.tensor;
  if (inChannels !== source.channels || inChannels % groups !== 0) {
    throw new Unsupported(`its weights [${dims.join(', ')}] with group ${groups} do not fit an input of ${source.channels} channels`);
  }
  const sizes = axes.map((axis) => source[axis]);
  const geometry = resolveTransposedWindow(new NodeContext(node, draft.graph.opset, NO_VALUES), sizes, kernel);
  const axisOf = (name: 'height' | 'width'): TransposedAxis => {
    const d = axes.indexOf(name);
    if (d < 0) return { ...SINGLE, outSize: source[name] };
    const { strides, dilations, pads, outSize } = geometry;
    return { kernel: kernel[d], stride: strides[d], dilation: dilations[d], pad: pads[d], outSize: outSize[d] };
  };
  const [rows, columns] = [axisOf('height'), axisOf('width')];
  const channels = outPerGroup * groups;
  const bias = node.inputs[2] ? Float64Array.from(needFloats(draft.graph, node, 2, 'the bias').data) : new Float64Array(channels);
  if (bias.length !== channels) throw new Unsupported(`its bias has ${bias.length} values for ${channels} output channels`);

  // Strides of ONNX's [in][out of a group][spatial…] order.
  const inPerGroup = inChannels / groups;
  const taps = kernel.reduce((n, k) => n * k, 1);
  const strideOf = (name: 'height' | 'width'): number => {
    const d = axes.indexOf(name);
    return d < 0 ? 0 : kernel.slice(d + 1).reduce((n, k) => n * k, 1);
  };
  const [rowStride, columnStride] = [strideOf('height'), strideOf('width')];
  const weightOf = (o: number, ky: number, kx: number, i: number): number => {
    const group = Math.floor(o / outPerGroup);
    return data[((group * inPerGroup + i) * outPerGroup + (o % outPerGroup)) * taps + ky * rowStride + kx * columnStride];
  };
  const extents = { height: rows.outSize, width: columns.outSize, channels };
  // The phases need the extents of the result before it is pushed.
  const output = { id: -1, name: node.outputs[0], measurable: true, ...extents };
  const work = {
    node: node.name,
    layer: node.name,
    value: node.outputs[0],
    range: node.outputs[0],
    source,
    output,
    groups,
    weightOf,
    bias,
  };
  const { inputs, parts } = addPhases(draft, work, findPhases(rows), findPhases(columns));
  const result = pushRearrange(draft, node, inputs, extents, parts);
  draft.views.set(node.outputs[0], makeView(result, [[], ['channels'], ...axes.map((axis) => [axis])]));
}
