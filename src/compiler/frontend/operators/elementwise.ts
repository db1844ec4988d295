/** Scales, biases and bounds of one map. ONNX operators BatchNormalization, Neg, Relu, Clip. */
import type { GraphNode } from '../../../graph/graph.ts';
import { getNumber, getScalar, needFloats } from '../attributes.ts';
import { type Draft, needView, refuseExtraOutputs } from '../draft.ts';
import { Unsupported } from '../unsupported.ts';
import { isChannels } from '../view.ts';
import { fill, pushAffine, pushClamp } from './push.ts';

export function buildNeg(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  pushAffine(draft, node, view, fill(view, -1), fill(view, 0));
}

export function buildBatchNormalization(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  refuseExtraOutputs(draft, node);
  if (getNumber(node, 'training_mode', 0) === 1) throw new Unsupported('training_mode = 1: export the model for inference');
  if (getNumber(node, 'spatial', 1) !== 1) throw new Unsupported('spatial = 0: only statistics per channel are supported');
  if (view.axes.length < 2 || !isChannels(view, 1)) throw new Unsupported('dimension 1 of its input is not the channels of a map');
  const names = ['the scale', 'the bias', 'the mean', 'the variance'];
  const [gamma, beta, mean, variance] = names.map((what, i) => needFloats(draft.graph, node, i + 1, what).data);
  if ([gamma, beta, mean, variance].some((list) => list.length !== view.tensor.channels)) {
    throw new Unsupported(`its parameters do not have one value for each of ${view.tensor.channels} channels`);
  }
  const epsilon = getNumber(node, 'epsilon', 1e-5);
  const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c] + epsilon));
  const bias = Float64Array.from(beta, (b, c) => b - mean[c] * scale[c]);
  if (!scale.every(Number.isFinite)) throw new Unsupported('its variance plus epsilon is not positive in every channel');
  pushAffine(draft, node, view, scale, bias);
}

export function buildRelu(draft: Draft, node: GraphNode): void {
  pushClamp(draft, node, needView(draft, node, 0), { low: 0, high: Infinity });
}

export function buildClip(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const low = getScalar(draft.graph, node, 'min', 1, -Infinity);
  const high = getScalar(draft.graph, node, 'max', 2, Infinity);
  // ONNX: with min above max, everything becomes max.
  pushClamp(draft, node, view, { low: Math.min(low, high), high });
}
