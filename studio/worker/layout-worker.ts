/** Worker entry: lays a graph out. Large networks take seconds; the page stays responsive. */
import { Graph, layout } from '@dagrejs/dagre';

export interface LayoutRequest {
  readonly nodes: readonly { readonly width: number; readonly height: number }[];
  readonly edges: readonly (readonly [number, number])[];
}

export interface LayoutAnswer {
  readonly width: number;
  readonly height: number;
  /** Centres of the nodes. */
  readonly nodes: readonly { readonly x: number; readonly y: number }[];
  readonly edges: readonly (readonly { readonly x: number; readonly y: number }[])[];
}

self.onmessage = ({ data }: MessageEvent<LayoutRequest>) => {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 26, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const [id, node] of data.nodes.entries()) graph.setNode(`${id}`, { ...node });
  for (const [from, to] of data.edges) graph.setEdge(`${from}`, `${to}`);
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  const answer: LayoutAnswer = {
    width,
    height,
    nodes: data.nodes.map((_, id) => {
      const { x, y } = graph.node(`${id}`);
      return { x, y };
    }),
    edges: data.edges.map(([from, to]) => graph.edge(`${from}`, `${to}`).points),
  };
  self.postMessage(answer);
};
