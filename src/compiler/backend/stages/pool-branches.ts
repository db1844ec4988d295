/**
 * Pass on the integer graph: a max pool behind a concatenation moves into its branches, where it runs behind each branch's convolution for nothing.
 * Requires: the pool is the concatenation's only reader. Guarantees the same bits (a maximum is taken per channel).
 *
 *   pool(concat(a, b))   ⇒   concat(pool(a), pool(b))
 */
import type { IntegerGraph, IntegerLayer, IntegerTensor, MaxPoolLayer } from '../../../graph/integer-graph.ts';

export function poolBranches(graph: IntegerGraph): IntegerGraph {
  const readers = new Map<number, number>();
  for (const layer of graph.layers) for (const id of layer.inputs) readers.set(id, (readers.get(id) ?? 0) + 1);
  const outputs = new Set(graph.outputs.map((value) => value.tensor));
  const concats = new Map(graph.layers.filter((layer) => layer.kind === 'concat').map((layer) => [layer.output, layer]));
  const moved = new Set<IntegerLayer>();
  const pools = new Map<IntegerLayer, MaxPoolLayer>();
  for (const layer of graph.layers) {
    if (layer.kind !== 'maxpool') continue;
    const concat = concats.get(layer.inputs[0]!);
    if (!concat || readers.get(concat.output) !== 1 || outputs.has(concat.output)) continue;
    // Every branch must be read by the concatenation alone, else it would be stored twice.
    if (concat.inputs.some((id) => readers.get(id) !== 1 || outputs.has(id))) continue;
    moved.add(concat);
    pools.set(layer, layer);
  }
  if (moved.size === 0) return graph;

  const tensors: IntegerTensor[] = [...graph.tensors];
  const layers = graph.layers.flatMap((layer): IntegerLayer[] => {
    if (moved.has(layer)) return [];
    if (layer.kind !== 'maxpool' || !pools.has(layer)) return [layer];
    const concat = concats.get(layer.inputs[0]!)!;
    const output = tensors[layer.output]!;
    const branches = concat.inputs.map((input, i): MaxPoolLayer => {
      const id = tensors.length;
      const { channels, name } = tensors[input]!;
      tensors.push({ ...output, id, channels, name: `${name}#pooled` });
      return { ...layer, name: `${layer.name}#${i}`, inputs: [input], output: id };
    });
    return [...branches, { ...concat, inputs: branches.map((branch) => branch.output), output: layer.output }];
  });
  return { ...graph, tensors, layers: hoistPools(layers) };
}

/** Each moved pool right behind the layer that makes its input, so that the two can be fused. */
function hoistPools(layers: readonly IntegerLayer[]): IntegerLayer[] {
  const ordered: IntegerLayer[] = [];
  for (const layer of layers) {
    const producer = layer.kind === 'maxpool' ? ordered.findIndex((other) => other.output === layer.inputs[0]) : -1;
    if (producer >= 0) ordered.splice(producer + 1, 0, layer);
    else ordered.push(layer);
  }
  return ordered;
}
