/**
 * Pass: Relu and Clip move into the layer that produces their input; two in a row join. Run after affine layers are gone, which they would hide.
 *   conv → clamp(0, ∞)   →   conv with clamp (0, ∞)
 */
import type { DraftGraph, FloatClamp, FloatLayer } from './layer-graph.ts';
import { countReaders, mergeNodes } from './rewrite.ts';

export function fuseClamp(graph: DraftGraph): DraftGraph {
  const readers = countReaders(graph);
  const layers: FloatLayer[] = [];
  const producerAt = new Map<number, number>();
  for (const layer of graph.layers) {
    const at = layer.kind === 'clamp' ? producerAt.get(layer.inputs[0]) : undefined;
    const producer = at === undefined ? undefined : layers[at];
    if (layer.kind === 'clamp' && producer && 'clamp' in producer && readers.get(layer.inputs[0]) === 1) {
      const clamp = composeClamps(producer.clamp, layer.clamp);
      const merged = { ...producer, output: layer.output, nodes: mergeNodes(producer, layer), clamp };
      const sum = graph.tensors[producer.output];
      const sumName = producer.kind === 'conv' ? (producer.sumName ?? (sum.measurable ? sum.name : undefined)) : undefined;
      layers[at!] = merged.kind === 'conv' && sumName !== undefined ? { ...merged, sumName } : merged;
      producerAt.set(layer.output, at!);
      continue;
    }
    producerAt.set(layer.output, layers.length);
    layers.push(layer);
  }
  return { ...graph, layers };
}

/** The clamp that does `first`, then `second`. */
export function composeClamps(first: FloatClamp, second: FloatClamp): FloatClamp {
  const bound = (v: number) => Math.min(Math.max(v, second.low), second.high);
  return { low: bound(first.low), high: bound(first.high) };
}
