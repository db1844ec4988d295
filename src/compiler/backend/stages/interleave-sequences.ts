/**
 * Pass on the integer graph: layers on single pixels that follow each other (recurrent layers, written out position by position) in the order of their depth, so
 * that chains which do not depend on each other (the directions of a bidirectional layer) take turns: one works while the other waits for its last result. The
 * same layers, the same bits. Specification: docs/compiler.md, "Sequences".
 *
 *   a1 → a2 → a3, b1 → b2 → b3   ⇒   a1, b1, a2, b2, a3, b3
 *
 * Requires: execution order. Guarantees the same; layers keep their order where their depth is the same.
 */
import type { IntegerGraph, IntegerLayer } from '../../../graph/integer-graph.ts';

export function interleaveSequences(graph: IntegerGraph): IntegerGraph {
  const isFlat = ({ output }: IntegerLayer): boolean => graph.tensors[output]!.height * graph.tensors[output]!.width === 1;
  const depths = new Map<number, number>();
  const depthOf = (layer: IntegerLayer): number => 1 + Math.max(0, ...layer.inputs.map((id) => depths.get(id) ?? 0));
  const layers: IntegerLayer[] = [];
  let run: { layer: IntegerLayer; depth: number }[] = [];
  /** Layers on larger maps that wait for the run. */
  let later: IntegerLayer[] = [];
  const inRun = new Set<number>();
  const inLater = new Set<number>();
  const close = (): void => {
    layers.push(...run.sort((a, b) => a.depth - b.depth).map(({ layer }) => layer), ...later);
    run = [];
    later = [];
    inRun.clear();
    inLater.clear();
  };
  for (const layer of graph.layers) {
    // What moves words is no work of its own: its reader decides.
    const depth = layer.kind === 'rearrange' || layer.kind === 'concat' ? depthOf(layer) - 1 : depthOf(layer);
    depths.set(layer.output, depth);
    if (isFlat(layer)) {
      if (layer.inputs.some((id) => inLater.has(id))) close();
      run.push({ layer, depth });
      inRun.add(layer.output);
    } else if (layer.inputs.some((id) => inRun.has(id) || inLater.has(id))) {
      later.push(layer);
      inLater.add(layer.output);
    } else {
      // What does not wait for the run goes in front of it (the products with all positions of the next direction).
      layers.push(layer);
    }
  }
  close();
  return { ...graph, layers };
}
