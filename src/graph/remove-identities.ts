/**
 * Pass: nodes that hand their input on as it is (Identity, Cast to the type that a value has) are gone; their readers read the input. Where the result is an
 * output of the graph it keeps its name by an Identity. Requires inferred types.
 *
 *     Sub(x, m) → d;  Cast(d, float) → e;  Pow(e, 2) → p      →      Sub(x, m) → d;  Pow(d, 2) → p
 */
import { subgraphsOf } from './attribute-values.ts';
import type { DataType, Graph, GraphNode } from './graph.ts';

function typesOf(graph: Graph): Map<string, DataType> {
  const infos = [...graph.values.values(), ...graph.outputs, ...graph.inputs];
  return new Map(
    [...infos, ...[...graph.initializers].map(([name, { dtype }]) => ({ name, dtype }))].map(({ name, dtype }) => [name, dtype]),
  );
}

function isIdentity(node: GraphNode, types: ReadonlyMap<string, DataType>): boolean {
  if (node.domain !== '' || node.outputs.length !== 1) return false;
  if (node.op === 'Identity') return true;
  const type = types.get(node.inputs[0]);
  return node.op === 'Cast' && type !== undefined && type === types.get(node.outputs[0]);
}

/** See the file's header. */
export function removeIdentities(graph: Graph): Graph {
  const types = typesOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  // A value that a sub-graph reads by name keeps it.
  const hasSubgraphs = graph.nodes.some((node) => subgraphsOf(node).length > 0);
  const rename = new Map<string, string>();
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => rename.get(name) ?? name);
    const current = inputs.some((name, i) => name !== node.inputs[i]) ? { ...node, inputs } : node;
    if (!isIdentity(current, types)) nodes.push(current);
    else if (hasSubgraphs || outputs.has(node.outputs[0])) nodes.push({ ...current, op: 'Identity', attributes: {} });
    else rename.set(node.outputs[0], inputs[0]);
  }
  return { ...graph, nodes };
}
