/**
 * Puts nodes into topological order (stable: a list that is in order stays as it is) and checks that the graph is well formed:
 * every value has one producer, every input has a producer, no cycles.
 */
import { InputError } from '../util/errors.ts';
import { subgraphsOf } from './attribute-values.ts';
import type { Graph, GraphNode } from './graph.ts';

/** Values of enclosing graphs that a node's sub-graphs use. */
export function capturedValues(node: GraphNode): string[] {
  const captured = new Set<string>();
  for (const [, value] of subgraphsOf(node)) {
    const own = new Set<string>([...value.initializers.keys(), ...value.inputs.map((input) => input.name)]);
    for (const inner of value.nodes) for (const output of inner.outputs) own.add(output);
    const used = value.nodes.flatMap((inner) => [...inner.inputs, ...capturedValues(inner)]);
    for (const name of [...used, ...value.outputs.map((output) => output.name)]) if (name !== '' && !own.has(name)) captured.add(name);
  }
  return [...captured];
}

function findProducers(graph: Graph, where: string): Map<string, number> {
  const producers = new Map<string, number>();
  for (const name of graph.initializers.keys()) producers.set(name, -1);
  for (const { name } of graph.inputs) {
    if (producers.has(name)) throw new InputError(`${where}: two inputs or initializers are named "${name}"`);
    producers.set(name, -1);
  }
  for (const [index, node] of graph.nodes.entries()) {
    for (const output of node.outputs) {
      if (output === '') continue;
      const other = producers.get(output);
      if (other !== undefined) {
        const first = other < 0 ? 'is also an input or initializer' : `is also an output of node "${graph.nodes[other].name}"`;
        throw new InputError(`${where}: output "${output}" of node "${node.name}" ${first}; every value needs one producer`);
      }
      producers.set(output, index);
    }
  }
  return producers;
}

/**
 * Nodes of the graph in topological order.
 * @param outer Values of enclosing graphs, which a sub-graph may read.
 * @throws InputError for duplicate or missing values and for cycles, naming node and value.
 */
export function orderNodes(graph: Graph, where: string, outer: ReadonlySet<string> = new Set()): GraphNode[] {
  const producers = findProducers(graph, where);
  const { nodes } = graph;
  const waiting = new Int32Array(nodes.length);
  const consumers: number[][] = nodes.map(() => []);
  for (const [index, node] of nodes.entries()) {
    for (const name of new Set([...node.inputs, ...capturedValues(node)])) {
      if (name === '') continue;
      const producer = producers.get(name);
      if (producer === undefined) {
        if (outer.has(name)) continue;
        throw new InputError(`${where}: node "${node.name}" (${node.op}) reads "${name}", which nothing produces`);
      }
      if (producer < 0) continue;
      consumers[producer].push(index);
      waiting[index]++;
    }
  }
  for (const { name } of graph.outputs) {
    if (!producers.has(name) && !outer.has(name)) throw new InputError(`${where}: nothing produces the output "${name}"`);
  }
  // A node whose inputs are ready is taken at its place in the file; one that becomes ready later follows the node it waited for.
  const ordered: GraphNode[] = [];
  const stack: number[] = [];
  for (let start = 0; start < nodes.length; start++) {
    if (waiting[start] !== 0) continue;
    stack.push(start);
    while (stack.length > 0) {
      const index = stack.pop()!;
      waiting[index] = -1;
      ordered.push(nodes[index]);
      for (const consumer of consumers[index]) {
        waiting[consumer]--;
        // Consumers further down are reached by the outer loop; those already passed go now.
        if (waiting[consumer] === 0 && consumer < start) stack.push(consumer);
      }
    }
  }
  if (ordered.length < nodes.length) {
    const names = nodes.filter((_, index) => waiting[index] > 0).map((node) => `"${node.name}"`);
    throw new InputError(
      `${where}: the nodes ${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''} depend on each other in a circle`,
    );
  }
  return ordered;
}
