/**
 * Which nodes run on which side, and in which part. A part is what runs on one side without a word from the other: host parts and accelerator parts
 * alternate, and a node belongs to the earliest part that has all its inputs. Parts are therefore convex, and as few as the sides of the nodes allow.
 *
 *     accelerator  Conv ─ Relu ─────────────┬─ Concat ─ Conv      parts: 1 accelerator (Conv, Relu), 2 host (Resize),
 *     host                     └─ Resize ───┘                            3 accelerator (Concat, Conv)
 *
 * What the accelerator could run goes to the host as well where its values' way there and back costs more than it saves (host-cost.ts).
 * Specification: docs/compiler.md (placement).
 */
import type { Graph, GraphNode } from '../../graph/graph.ts';
import { capturedValues } from '../../graph/order-nodes.ts';
import { estimateCosts, type PlacementCosts } from './host-cost.ts';

/** Data dependences between nodes, those of sub-graphs included. */
interface Links {
  readonly before: ReadonlyMap<GraphNode, readonly GraphNode[]>;
  readonly after: ReadonlyMap<GraphNode, readonly GraphNode[]>;
  /** Values that a node reads and that are no constants. */
  readonly reads: ReadonlyMap<GraphNode, readonly string[]>;
}

/** Nodes of one side that run together; parts are in the order of execution. */
export interface NodePart {
  readonly where: 'accelerator' | 'host';
  /** In the graph's order. */
  readonly nodes: readonly GraphNode[];
}

function linkNodes(graph: Graph): Links {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const before = new Map<GraphNode, GraphNode[]>();
  const after = new Map<GraphNode, GraphNode[]>(graph.nodes.map((node) => [node, []]));
  const reads = new Map<GraphNode, string[]>();
  for (const node of graph.nodes) {
    const values = [...new Set([...node.inputs, ...capturedValues(node)])].filter((name) => name !== '' && !graph.initializers.has(name));
    const list = [...new Set(values.flatMap((name) => producers.get(name) ?? []))];
    reads.set(node, values);
    before.set(node, list);
    for (const producer of list) after.get(producer)!.push(node);
  }
  return { before, after, reads };
}

/** Number of each node's part: even on the host, odd on the accelerator, as small as its inputs allow. */
function numberParts(graph: Graph, { before }: Links, isHost: (node: GraphNode) => boolean): Map<GraphNode, number> {
  const parts = new Map<GraphNode, number>();
  for (const node of graph.nodes) {
    const own = isHost(node) ? 0 : 1;
    const least = before.get(node)!.reduce((most, other) => Math.max(most, parts.get(other)!), own);
    parts.set(node, least % 2 === own ? least : least + 1);
  }
  return parts;
}

/** Seconds a frame of a placement. */
function measureCost(graph: Graph, { before, reads }: Links, costs: PlacementCosts, isHost: (node: GraphNode) => boolean): number {
  const parts = numberParts(graph, { before, reads, after: new Map() }, isHost);
  const home = new Map<string, number>();
  for (const node of graph.nodes) for (const name of node.outputs) home.set(name, parts.get(node)!);
  const used = new Set(parts.values());
  let cost = used.size * costs.part;
  const leaving = new Set(graph.outputs.map(({ name }) => name).filter((name) => (home.get(name) ?? 0) % 2 === 1));
  const entering = new Set<string>();
  for (const node of graph.nodes) {
    const part = parts.get(node)!;
    cost += part % 2 === 0 ? costs.onHost(node) : costs.onAccelerator(node);
    for (const name of reads.get(node)!) {
      const from = home.get(name);
      if (from === part) continue;
      if (part % 2 === 1 && !entering.has(`${part} ${name}`)) {
        entering.add(`${part} ${name}`);
        cost += costs.border(name);
      }
      if (from !== undefined && from % 2 === 1) leaving.add(name);
    }
  }
  for (const name of leaving) cost += costs.border(name);
  return cost;
}

/** Accelerated nodes that hang together within one part; fewest multiplications first. */
function findIslands(graph: Graph, links: Links, costs: PlacementCosts, isHost: (node: GraphNode) => boolean): GraphNode[][] {
  const parts = numberParts(graph, links, isHost);
  const seen = new Set<GraphNode>();
  const islands: { nodes: GraphNode[]; macs: number }[] = [];
  for (const start of graph.nodes) {
    if (isHost(start) || seen.has(start)) continue;
    const nodes: GraphNode[] = [];
    const stack = [start];
    seen.add(start);
    while (stack.length > 0) {
      const node = stack.pop()!;
      nodes.push(node);
      for (const other of [...links.before.get(node)!, ...links.after.get(node)!]) {
        if (seen.has(other) || parts.get(other) !== parts.get(node)) continue;
        seen.add(other);
        stack.push(other);
      }
    }
    islands.push({ nodes, macs: nodes.reduce((sum, node) => sum + costs.macs(node), 0) });
  }
  return islands.sort((a, b) => a.macs - b.macs).map(({ nodes }) => nodes);
}

/**
 * Nodes that the accelerator could run and that are better off on the host, whole islands at a time and then single nodes at the border of the host.
 * A network that runs entirely on the accelerator stays there, and so does the island with most multiplications, however few they are.
 * @param host Names of the nodes that must run on the host.
 */
export function chooseHostNodes(graph: Graph, host: ReadonlySet<string>): Set<string> {
  const chosen = new Set<string>();
  if (host.size === 0) return chosen;
  const links = linkNodes(graph);
  const costs = estimateCosts(graph);
  const isHost = (node: GraphNode): boolean => host.has(node.name) || chosen.has(node.name);
  let cost = measureCost(graph, links, costs, isHost);
  const tryToMove = (nodes: readonly GraphNode[]): boolean => {
    for (const node of nodes) chosen.add(node.name);
    const moved = measureCost(graph, links, costs, isHost);
    if (moved < cost) {
      cost = moved;
      return true;
    }
    for (const node of nodes) chosen.delete(node.name);
    return false;
  };
  const multiplies = (nodes: readonly GraphNode[]): boolean => nodes.some((node) => costs.macs(node) > 0);
  const isDispensable = (nodes: readonly GraphNode[], at: number, all: readonly GraphNode[][]): boolean =>
    !multiplies(nodes) || at < all.length - 1;
  while (findIslands(graph, links, costs, isHost).some((nodes, at, all) => isDispensable(nodes, at, all) && tryToMove(nodes)));
  for (let improved = true; improved; ) {
    improved = false;
    for (const node of graph.nodes) {
      if (isHost(node) || costs.macs(node) > 0) continue;
      const beside = [...links.before.get(node)!, ...links.after.get(node)!].some(isHost);
      if (beside && tryToMove([node])) improved = true;
    }
  }
  return chosen;
}

/** Parts of a graph in the order of execution. @param host Names of the nodes on the host. */
export function splitIntoParts(graph: Graph, host: ReadonlySet<string>): NodePart[] {
  const parts = numberParts(graph, linkNodes(graph), (node) => host.has(node.name));
  const groups = new Map<number, GraphNode[]>();
  for (const node of graph.nodes) {
    const number = parts.get(node)!;
    const group = groups.get(number);
    if (group) group.push(node);
    else groups.set(number, [node]);
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([number, nodes]) => ({ where: number % 2 === 0 ? ('host' as const) : ('accelerator' as const), nodes }));
}
