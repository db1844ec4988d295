/** Multiply-accumulates of a whole network, by scope. The count of a node is src/graph/count-macs.ts. */
import { collectDims, countNodeMacs, MULTIPLYING, type NodeMacs } from '../src/graph/count-macs.ts';
import type { Graph } from '../src/graph/graph.ts';

export type LayerMacs = NodeMacs;

/** MACs of each Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU and RNN node of one frame. All shapes must be known (`Graph.values`). */
export function countMacs(graph: Graph): LayerMacs[] {
  const dims = collectDims(graph);
  return graph.nodes
    .filter(({ op }) => MULTIPLYING.has(op))
    .map((node) => {
      const macs = countNodeMacs(node, (name) => dims.get(name));
      if (macs === undefined) throw new Error(`${graph.name}: a shape at node "${node.name}" is not known`);
      return macs;
    });
}

/** Sum over the convolutions (scope of the papers) or everything. */
export function sumMacs(layers: readonly LayerMacs[], scope: 'convolutions' | 'network'): { skipped: number; full: number } {
  const counted = scope === 'network' ? layers : layers.filter(({ op }) => op === 'Conv' || op === 'ConvTranspose');
  return { skipped: counted.reduce((sum, layer) => sum + layer.skipped, 0), full: counted.reduce((sum, layer) => sum + layer.full, 0) };
}
