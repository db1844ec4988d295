/**
 * Pass: a Relu or Clip that no layer took (its input is also read elsewhere, or joins channels) becomes a max pool with a 1×1 window.
 *   clamp(0, ∞)   →   maxpool 1×1 with clamp (0, ∞)
 */
import type { DraftGraph, FloatLayer } from './layer-graph.ts';

export function lowerClamp(graph: DraftGraph): DraftGraph {
  const layers = graph.layers.map(
    (layer): FloatLayer =>
      layer.kind === 'clamp'
        ? { ...layer, kind: 'maxpool', window: { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] } }
        : layer,
  );
  return { ...graph, layers };
}
