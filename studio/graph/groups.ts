/** The graph as it is shown: nodes of one layer of the accelerator as one box, host nodes alone. */
import type { NetworkView, NodeView } from '../worker/protocol.ts';

export interface Group {
  readonly id: number;
  readonly title: string;
  /** Operators, main node first. */
  readonly ops: readonly string[];
  readonly nodes: readonly NodeView[];
  readonly where: NodeView['where'];
  /** Layer of the program, −1 for none. */
  readonly layer: number;
}

export interface GroupGraph {
  readonly groups: readonly Group[];
  readonly edges: readonly (readonly [number, number])[];
}

export function groupNodes(network: NetworkView): GroupGraph {
  const byKey = new Map<string, NodeView[]>();
  for (const node of network.nodes) {
    // What was folded away before anything runs (constants, identities) belongs nowhere.
    if (node.where === 'folded' && node.layer === undefined && node.part === undefined) continue;
    const layer = node.layerIndex >= 0 ? node.layerIndex : (node.layer ?? node.node);
    const key = node.where === 'host' || node.where === 'refused' ? `${node.where} ${node.node}` : `layer ${node.part ?? 0} ${layer}`;
    const list = byKey.get(key);
    if (list) list.push(node);
    else byKey.set(key, [node]);
  }
  const groups = [...byKey.values()].map((nodes, id): Group => {
    const main = nodes.find((node) => node.where === 'accelerated') ?? nodes[0];
    const layer = nodes.find((node) => node.layerIndex >= 0)?.layerIndex ?? -1;
    return { id, title: main.node, ops: nodes.map((node) => node.op), nodes, where: main.where, layer };
  });
  // A pool that moved in front of a concatenation belongs to a group before it: what it gives comes from the concatenation too.
  const producers = new Map<string, Set<number>>();
  for (const group of groups) for (const node of group.nodes) for (const output of node.outputs) producers.set(output, new Set([group.id]));
  const groupOf = new Map(groups.flatMap((group) => group.nodes.map((node) => [node.node, group.id] as const)));
  const edges = new Map<string, readonly [number, number]>();
  for (const node of network.nodes) {
    const to = groupOf.get(node.node);
    if (to === undefined) continue;
    for (const from of node.inputs.flatMap((input) => [...(producers.get(input) ?? [])])) {
      if (from < to) edges.set(`${from} ${to}`, [from, to]);
      else if (from > to) for (const output of node.outputs) producers.get(output)?.add(from);
    }
  }
  return { groups, edges: [...edges.values()] };
}
