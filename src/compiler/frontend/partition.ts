/**
 * Cuts a graph into parts that run on the accelerator and on the host in turn. A node goes to the host when the accelerator lacks it, or when its
 * result would leave in an element order that has no name, or when the way there costs more than it saves (place-nodes.ts).
 * Specification: docs/compiler.md (placement).
 */
import type { Graph, GraphNode } from '../../graph/graph.ts';
import type { BorderValue } from '../../graph/integer-graph.ts';
import { capturedValues } from '../../graph/order-nodes.ts';
import { buildLayers, type Failure } from './build-layers.ts';
import type { DraftGraph } from './layer-graph.ts';
import { chooseHostNodes, type NodePart, splitIntoParts } from './place-nodes.ts';
import { borderOf } from './view.ts';

/** Layers of an accelerator part before they are folded, or the nodes of a host part. */
export type PartitionPart =
  | { readonly where: 'accelerator'; readonly nodes: readonly string[]; readonly draft: DraftGraph }
  | { readonly where: 'host'; readonly nodes: readonly string[] };

export interface Partition {
  /** In the order of execution; sides alternate. */
  readonly parts: readonly PartitionPart[];
  /** Host nodes by name, with the reason. */
  readonly host: ReadonlyMap<string, string>;
}

const CHEAPER = 'the way of its values to the accelerator and back costs more than it saves';

/** @param forced Nodes that must run on the host, with the reason. */
export function partitionGraph(graph: Graph, forced: ReadonlyMap<string, string>): Partition {
  const impossible = new Map<string, string>(forced);
  for (;;) {
    addFailures(impossible, buildLayers(graph, new Set(impossible.keys())).failures);
    const chosen = chooseHostNodes(graph, new Set(impossible.keys()));
    const host = new Set([...impossible.keys(), ...chosen]);
    const rejected = new Map<string, string>();
    const parts = splitIntoParts(graph, host).map((part): PartitionPart => {
      const nodes = part.nodes.map(({ name }) => name);
      return part.where === 'host' ? { where: 'host', nodes } : { where: 'accelerator', nodes, draft: buildPart(graph, part, rejected) };
    });
    if (rejected.size === 0) {
      const reasons = graph.nodes.flatMap(({ name }) => (host.has(name) ? [[name, impossible.get(name) ?? CHEAPER] as const] : []));
      return { parts, host: new Map(reasons) };
    }
    for (const [name, reason] of rejected) impossible.set(name, reason);
  }
}

function addFailures(reasons: Map<string, string>, failures: ReadonlyMap<string, Failure>): void {
  for (const [name, { reason }] of failures) reasons.set(name, reason);
}

/** The layers of one part; nodes that can not be in it are added to `rejected`. */
function buildPart(graph: Graph, part: NodePart, rejected: Map<string, string>): DraftGraph {
  const own = new Set(part.nodes.map(({ name }) => name));
  const others = new Set(graph.nodes.flatMap(({ name }) => (own.has(name) ? [] : [name])));
  const { draft, inputs, failures } = buildLayers(graph, others);
  addFailures(rejected, failures);
  const outputs: BorderValue[] = [];
  for (const { name, producer } of leavingValues(graph, part.nodes, own)) {
    const view = draft.views.get(name);
    if (!view) continue;
    const border = borderOf(view, name);
    if (border && !inputs.some((input) => input.tensor === border.tensor)) outputs.push(border);
    else if (border) rejected.set(producer, 'it only rearranges a value that the host has as well');
    else rejected.set(producer, 'its result leaves the accelerator in an element order that is neither channels first nor channels last');
  }
  return { name: graph.name, tensors: draft.tensors, layers: draft.layers, inputs, outputs };
}

/** Values of a part's nodes that are graph outputs or that others read. */
function leavingValues(graph: Graph, nodes: readonly GraphNode[], own: ReadonlySet<string>): { name: string; producer: string }[] {
  const read = new Set(graph.outputs.map((output) => output.name));
  for (const node of graph.nodes) if (!own.has(node.name)) for (const name of [...node.inputs, ...capturedValues(node)]) read.add(name);
  return nodes.flatMap((node) => node.outputs.filter((name) => read.has(name)).map((name) => ({ name, producer: node.name })));
}
