/**
 * Pass: a scale and bias per channel that no convolution took becomes a depthwise 1×1 convolution. Run after the folding passes.
 *   affine(s, t)   →   conv(1×1, groups = channels, W = s, b = t)
 */
import { type DraftGraph, type FloatLayer, NO_CLAMP } from './layer-graph.ts';

export function lowerAffine(graph: DraftGraph): DraftGraph {
  const layers = graph.layers.map((layer): FloatLayer => {
    if (layer.kind !== 'affine') return layer;
    const { name, nodes, inputs, output, scale, bias } = layer;
    return {
      kind: 'conv',
      name,
      nodes,
      inputs,
      output,
      window: { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] },
      groups: scale.length,
      // The factor stays in double precision beside weights of 1.
      weights: { data: Float32Array.of(1), offset: 0, strides: { output: 0, row: 0, column: 0, input: 0 } },
      outputScale: scale,
      bias,
      clamp: NO_CLAMP,
    };
  });
  return { ...graph, layers };
}
