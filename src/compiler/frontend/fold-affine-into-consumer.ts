/**
 * Pass: a scale and bias per channel in front of convolutions moves into them. Requires nothing.
 *   affine(s, t) → conv(W, b)   →   conv(W·s, b + Σ W·t)
 * Only where exact: every reader is a convolution, and with t ≠ 0 none of them pads (a skipped tap would have seen t).
 */
import type { DraftGraph, FloatAffine, FloatConv, FloatLayer } from './layer-graph.ts';
import { borderTensors, mergeNodes } from './rewrite.ts';

export function foldAffineIntoConsumer(graph: DraftGraph): DraftGraph {
  let layers: readonly FloatLayer[] = graph.layers;
  const outputs = borderTensors(graph);
  for (const affine of graph.layers) {
    if (affine.kind !== 'affine' || outputs.has(affine.output)) continue;
    const readers = layers.filter((layer) => layer.inputs.includes(affine.output));
    const shifts = affine.bias.some((t) => t !== 0);
    if (!readers.every((layer) => layer.kind === 'conv' && !(shifts && layer.window.pads.some((pad) => pad > 0)))) continue;
    layers = layers
      .filter((layer) => layer !== affine)
      .map((layer) => (layer.kind === 'conv' && readers.includes(layer) ? absorb(graph, layer, affine, shifts) : layer));
  }
  return { ...graph, layers };
}

function absorb(graph: DraftGraph, conv: FloatConv, affine: FloatAffine, shifts: boolean): FloatConv {
  const inputScale = conv.inputScale ? conv.inputScale.map((s, c) => s * affine.scale[c]) : affine.scale;
  const merged = { ...conv, inputs: affine.inputs, inputScale, nodes: mergeNodes(conv, affine) };
  if (!shifts) return merged;
  const { data, offset, strides } = conv.weights;
  const [kernelH, kernelW] = conv.window.kernel;
  const outChannels = graph.tensors[conv.output].channels;
  const perGroup = graph.tensors[conv.inputs[0]].channels / conv.groups;
  const bias = conv.bias.map((b, o) => {
    const firstChannel = Math.floor((o * conv.groups) / outChannels) * perGroup;
    let sum = 0;
    for (let ky = 0; ky < kernelH; ky++) {
      for (let kx = 0; kx < kernelW; kx++) {
        for (let i = 0; i < perGroup; i++) {
          const weight = data[offset + o * strides.output + ky * strides.row + kx * strides.column + i * strides.input];
          sum += weight * (conv.inputScale?.[firstChannel + i] ?? 1) * affine.bias[firstChannel + i];
        }
      }
    }
    return b + (conv.outputScale?.[o] ?? 1) * sum;
  });
  return { ...merged, bias };
}
