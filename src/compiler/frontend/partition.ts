/**
 * Decides which nodes run on the accelerator and which on the host. Host nodes must lie in front of all multiplications (head) or behind
 * them (tail); a node that the accelerator lacks in between is refused, with all others of its kind.
 */
import type { Graph, GraphNode } from '../../graph/graph.ts';
import type { BorderValue } from '../../graph/integer-graph.ts';
import { InputError } from '../../util/errors.ts';
import { buildLayers, type Failure } from './build-layers.ts';
import type { DraftGraph } from './layer-graph.ts';
import { HEAVY_OPERATORS } from './operators/builders.ts';
import { borderOf } from './view.ts';

export interface Partition {
  readonly draft: DraftGraph;
  /** Host nodes by name, with the reason. */
  readonly head: ReadonlyMap<string, string>;
  readonly tail: ReadonlyMap<string, string>;
}

const MAX_LISTED = 10;

/** @param forced Nodes that must run on the host, with the reason. @throws InputError for unsupported nodes between accelerated layers. */
export function partitionGraph(graph: Graph, forced: ReadonlyMap<string, string>): Partition {
  const wanted = new Map<string, Failure>([...forced].map(([name, reason]) => [name, { reason, follows: false }]));
  for (;;) {
    const analysis = buildLayers(graph, new Set(wanted.keys()));
    const { head, tail } = placeHostNodes(graph, new Map([...wanted, ...analysis.failures]));
    const host = new Set([...head.keys(), ...tail.keys()]);
    if (host.size === graph.nodes.length) throw nothingLeft(graph, new Map([...head, ...tail]));
    // Without the host nodes everything else was built before, so it can be built again.
    const { draft, inputs, failures } = buildLayers(graph, host);
    const outputs: BorderValue[] = [];
    const rejected = new Map<string, Failure>(failures);
    const reject = (name: string, reason: string) => rejected.set(name, { reason, follows: false });
    for (const { name, producer } of leavingValues(graph, host)) {
      const view = draft.views.get(name);
      if (!view) continue;
      const border = borderOf(view, name);
      if (border && !inputs.some((input) => input.tensor === border.tensor)) outputs.push(border);
      else if (border) reject(producer, 'it only rearranges an input, and the host reads the result');
      else reject(producer, 'its result leaves the accelerator in an element order that is neither channels first nor channels last');
    }
    if (rejected.size === 0)
      return { draft: { name: graph.name, tensors: draft.tensors, layers: draft.layers, inputs, outputs }, head, tail };
    for (const [name, failure] of rejected) wanted.set(name, failure);
  }
}

/** Values of accelerated nodes that are graph outputs or that host nodes read. */
function leavingValues(graph: Graph, host: ReadonlySet<string>): { name: string; producer: string }[] {
  const read = new Set(graph.outputs.map((output) => output.name));
  for (const node of graph.nodes) if (host.has(node.name)) for (const name of node.inputs) read.add(name);
  return graph.nodes
    .filter((node) => !host.has(node.name))
    .flatMap((node) => node.outputs.filter((name) => read.has(name)).map((name) => ({ name, producer: node.name })));
}

interface Links {
  readonly before: ReadonlyMap<GraphNode, readonly GraphNode[]>;
  readonly after: ReadonlyMap<GraphNode, readonly GraphNode[]>;
}

function linkNodes(graph: Graph): Links {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const before = new Map<GraphNode, GraphNode[]>();
  const after = new Map<GraphNode, GraphNode[]>(graph.nodes.map((node) => [node, []]));
  for (const node of graph.nodes) {
    const list = [...new Set(node.inputs.flatMap((name) => producers.get(name) ?? []))];
    before.set(node, list);
    for (const producer of list) after.get(producer)!.push(node);
  }
  return { before, after };
}

/** Nodes from which (along `links`, over any distance) a node of `marked` is reached; `order` visits links before the node itself. */
function reaches(
  order: readonly GraphNode[],
  links: ReadonlyMap<GraphNode, readonly GraphNode[]>,
  marked: (node: GraphNode) => boolean,
): Set<GraphNode> {
  const found = new Set<GraphNode>();
  for (const node of order) if (links.get(node)!.some((other) => marked(other) || found.has(other))) found.add(node);
  return found;
}

/** Splits the unsupported nodes into head and tail and takes with them what feeds the head and what follows the tail. */
function placeHostNodes(graph: Graph, unsupported: ReadonlyMap<string, Failure>) {
  const { before, after } = linkNodes(graph);
  const backwards = [...graph.nodes].reverse();
  const isAccelerated = (node: GraphNode) => !unsupported.has(node.name);
  const isHeavy = (node: GraphNode) => isAccelerated(node) && HEAVY_OPERATORS.has(node.op);
  const heavyBefore = reaches(graph.nodes, before, isHeavy);
  const heavyAfter = reaches(backwards, after, isHeavy);
  const anyBefore = reaches(graph.nodes, before, isAccelerated);

  const refused: GraphNode[] = [];
  const first = new Set<GraphNode>();
  const last = new Set<GraphNode>();
  for (const node of graph.nodes) {
    if (isAccelerated(node)) continue;
    if (heavyBefore.has(node) && heavyAfter.has(node)) refused.push(node);
    else if (heavyBefore.has(node) || (anyBefore.has(node) && !heavyAfter.has(node))) last.add(node);
    else first.add(node);
  }
  if (refused.length > 0) throw refusal(graph, refused, unsupported);

  const feedsHead = reaches(backwards, after, (node) => first.has(node));
  const followsTail = reaches(graph.nodes, before, (node) => last.has(node));
  const head = new Map<string, string>();
  const tail = new Map<string, string>();
  for (const node of graph.nodes) {
    const failure = unsupported.get(node.name);
    const follows = !failure || failure.follows;
    if (last.has(node) || followsTail.has(node)) tail.set(node.name, follows ? 'it follows a node on the host' : failure.reason);
    else if (first.has(node) || feedsHead.has(node)) head.set(node.name, failure?.reason ?? 'it feeds a node on the host');
  }
  return { head, tail };
}

function listNodes(nodes: readonly GraphNode[], reasons: ReadonlyMap<string, string>): string {
  const lines = nodes.slice(0, MAX_LISTED).map((node) => `  "${node.name}" (${node.op}): ${reasons.get(node.name)}`);
  if (nodes.length > MAX_LISTED) lines.push(`  … and ${nodes.length - MAX_LISTED} more`);
  return lines.join('\n');
}

function refusal(graph: Graph, refused: readonly GraphNode[], unsupported: ReadonlyMap<string, Failure>): InputError {
  // What only follows another unsupported node may well run once that one is replaced.
  const roots = refused.filter((node) => !unsupported.get(node.name)!.follows);
  const nodes = roots.length > 0 ? roots : refused;
  const reasons = new Map([...unsupported].map(([name, { reason }]) => [name, reason]));
  const what = nodes.length === 1 ? '1 node cannot' : `${nodes.length} nodes cannot`;
  return new InputError(
    `${graph.name}: ${what} run on the accelerator and ${nodes.length === 1 ? 'lies' : 'lie'} between layers that do, so the host cannot take ${nodes.length === 1 ? 'it' : 'them'} over:\n` +
      `${listNodes(nodes, reasons)}\nReplace these operators in the model (compiler.md lists the supported ones) or cut the model there.`,
  );
}

function nothingLeft(graph: Graph, reasons: ReadonlyMap<string, string>): InputError {
  return new InputError(`${graph.name}: no node can run on the accelerator:\n${listNodes(graph.nodes, reasons)}`);
}
