/** Parts of an ONNX graph: up to named values, or up to the last convolutions as the Snowflake papers count. */
import type { Graph, GraphNode, ValueInfo } from '../graph/graph.ts';
import { capturedValues } from '../graph/order-nodes.ts';

const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose']);

/** Node types that a machine fuses behind a convolution: the scope `convolutions` ends after them. */
const FUSED_BEHIND: ReadonlySet<string> = new Set([
  'BatchNormalization',
  'Relu',
  'LeakyRelu',
  'PRelu',
  'HardSwish',
  'HardSigmoid',
  'Sigmoid',
  'Tanh',
  'Elu',
  'Selu',
  'Softplus',
  'Gelu',
  'Mish',
  'Clip',
  'Add',
  'Concat',
  'MaxPool',
  'Dropout',
  'Identity',
]);

/** The graph that computes just these values: other nodes, constants and inputs are gone. Unknown names are left to the reader of the result. */
export function cutGraph(graph: Graph, outputNames: readonly string[]): Graph {
  const needed = new Set(outputNames);
  const nodes: GraphNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) needed.add(name);
    for (const name of capturedValues(node)) needed.add(name);
  }
  const known = new Map(graph.outputs.map((output) => [output.name, output]));
  const outputs = outputNames.map(
    (name): ValueInfo => known.get(name) ?? graph.values.get(name) ?? { name, dtype: 'float32', dims: undefined },
  );
  return {
    ...graph,
    nodes: nodes.reverse(),
    inputs: graph.inputs.filter((input) => needed.has(input.name)),
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    outputs,
  };
}

/** The same graph with these values as further outputs (those that are outputs already stay as they are). */
export function exposeValues(graph: Graph, names: readonly string[]): Graph {
  const present = new Set(graph.outputs.map((output) => output.name));
  const added = names.filter((name) => !present.has(name));
  return {
    ...graph,
    outputs: [...graph.outputs, ...added.map((name): ValueInfo => graph.values.get(name) ?? { name, dtype: 'float32', dims: undefined })],
  };
}

/**
 * The network up to its last convolutions and what is fused behind them: scope `convolutions` of the measurements.
 * A convolution is last when no other one depends on it; from there the chain of normalization, activation, residual add and pooling is followed.
 * A graph without convolutions stays whole.
 */
export function cutAfterConvolutions(graph: Graph): Graph {
  const consumers = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      const list = consumers.get(name);
      if (list) list.push(node);
      else consumers.set(name, [node]);
    }
  }
  const leadsToConvolution = new Map<GraphNode, boolean>();
  for (const node of [...graph.nodes].reverse()) {
    const next = node.outputs.flatMap((name) => consumers.get(name) ?? []);
    leadsToConvolution.set(
      node,
      next.some((n) => CONVOLUTIONS.has(n.op) || leadsToConvolution.get(n) === true),
    );
  }
  const last = graph.nodes.filter((node) => CONVOLUTIONS.has(node.op) && !leadsToConvolution.get(node));
  if (last.length === 0) return graph;
  const ends = last.map((convolution) => {
    let value = convolution.outputs[0];
    for (;;) {
      const next: GraphNode[] = consumers.get(value) ?? [];
      if (next.length !== 1 || !FUSED_BEHIND.has(next[0].op) || graph.outputs.some((output) => output.name === value)) return value;
      value = next[0].outputs[0];
    }
  });
  return cutGraph(graph, [...new Set(ends)]);
}
