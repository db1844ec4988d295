/**
 * Pass: drops layers whose results nobody reads and tensors that no layer touches, and numbers the tensors anew. Run last.
 */
import type { DraftGraph, FloatLayer } from './layer-graph.ts';
import { borderTensors } from './rewrite.ts';

export function removeUnused(graph: DraftGraph): DraftGraph {
  const needed = borderTensors(graph);
  const kept: FloatLayer[] = [];
  for (const layer of [...graph.layers].reverse()) {
    if (!needed.has(layer.output)) continue;
    kept.unshift(layer);
    for (const id of layer.inputs) needed.add(id);
  }
  const inputs = graph.inputs.filter((input) => needed.has(input.tensor));
  const tensors = graph.tensors.filter((tensor) => needed.has(tensor.id));
  const renumbered = new Map(tensors.map((tensor, id) => [tensor.id, id]));
  const border = <T extends { readonly tensor: number }>(value: T): T => ({ ...value, tensor: renumbered.get(value.tensor)! });
  return {
    name: graph.name,
    tensors: tensors.map((tensor, id) => ({ ...tensor, id })),
    layers: kept.map((layer) => ({
      ...layer,
      inputs: layer.inputs.map((id) => renumbered.get(id)!),
      output: renumbered.get(layer.output)!,
    })),
    inputs: inputs.map(border),
    outputs: graph.outputs.map(border),
  };
}
