/** Sub-graphs as nodes of the graph around them: the branch of an If, an iteration of a Loop. */
import { isGraph } from '../attribute-values.ts';
import type { Graph, GraphNode, Tensor } from '../graph.ts';

/** A name like the wanted one that nothing has yet; it is taken then. */
export function freshName(wanted: string, names: Set<string>): string {
  let name = wanted;
  for (let n = 2; names.has(name); n++) name = `${wanted}_${n}`;
  names.add(name);
  return name;
}

/** Renames values inside a node's sub-graphs that come from outside. */
function renameCaptured(node: GraphNode, rename: ReadonlyMap<string, string>): GraphNode['attributes'] {
  const attributes: Record<string, GraphNode['attributes'][string]> = {};
  for (const [key, value] of Object.entries(node.attributes)) {
    if (!isGraph(value)) {
      attributes[key] = value;
      continue;
    }
    const own = new Set([
      ...value.initializers.keys(),
      ...value.inputs.map(({ name }) => name),
      ...value.nodes.flatMap(({ outputs }) => outputs),
    ]);
    const visible = new Map([...rename].filter(([from]) => !own.has(from)));
    const nodes = value.nodes.map((inner) => ({
      ...inner,
      inputs: inner.inputs.map((name) => visible.get(name) ?? name),
      attributes: renameCaptured(inner, visible),
    }));
    attributes[key] = {
      ...value,
      nodes,
      outputs: value.outputs.map((output) => ({ ...output, name: visible.get(output.name) ?? output.name })),
    };
  }
  return attributes;
}

/** A node that gives a value another name. */
export function identity(input: string, output: string, names: Set<string>): GraphNode {
  return { name: freshName(`${output}_identity`, names), op: 'Identity', domain: '', inputs: [input], outputs: [output], attributes: {} };
}

export interface Instance {
  /** With names that nothing else has. */
  readonly nodes: readonly GraphNode[];
  /** What the sub-graph's outputs are called now. */
  readonly results: readonly string[];
}

/**
 * A copy of a sub-graph's nodes.
 * @param bindings What its inputs, and results that get a certain name, are called outside
 * @param names All names in use; those of the copy are added
 * @param setConstant Takes its initializers
 */
export function instantiate(
  body: Graph,
  bindings: ReadonlyMap<string, string>,
  names: Set<string>,
  setConstant: (name: string, tensor: Tensor) => void,
): Instance {
  const rename = new Map(bindings);
  for (const [name, tensor] of body.initializers) {
    const fresh = freshName(name, names);
    rename.set(name, fresh);
    setConstant(fresh, tensor);
  }
  for (const name of body.nodes.flatMap(({ outputs }) => outputs))
    if (name !== '' && !rename.has(name)) rename.set(name, freshName(name, names));
  const nodes = body.nodes.map((inner) => ({
    ...inner,
    name: freshName(inner.name, names),
    inputs: inner.inputs.map((name) => rename.get(name) ?? name),
    outputs: inner.outputs.map((name) => rename.get(name) ?? name),
    attributes: renameCaptured(inner, rename),
  }));
  return { nodes, results: body.outputs.map(({ name }) => rename.get(name) ?? name) };
}
