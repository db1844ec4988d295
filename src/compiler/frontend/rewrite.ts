/** Small helpers of the layer passes. */
import type { DraftGraph, FloatAffine, FloatLayer } from './layer-graph.ts';

/** Tensors that leave the accelerator. */
export function borderTensors(graph: Pick<DraftGraph, 'outputs'>): Set<number> {
  return new Set(graph.outputs.map((output) => output.tensor));
}

/** How many readers each tensor has; leaving the accelerator counts as one. */
export function countReaders(graph: DraftGraph): Map<number, number> {
  const counts = new Map<number, number>();
  for (const id of [...graph.layers.flatMap((layer) => layer.inputs), ...borderTensors(graph)]) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** ONNX nodes of two layers that become one, without repetition, those of the first in front. */
export function mergeNodes(first: FloatLayer, second: FloatLayer): string[] {
  return [...new Set([...first.nodes, ...second.nodes])];
}

/** e if the layer multiplies everything by 2^e and adds nothing; undefined otherwise. */
export function powerOfTwo({ scale, bias }: FloatAffine): number | undefined {
  const bits = Math.log2(scale[0]);
  return Number.isInteger(bits) && scale.every((s) => s === scale[0]) && bias.every((b) => b === 0) ? bits : undefined;
}
