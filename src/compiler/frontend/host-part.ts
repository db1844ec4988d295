/** The ONNX sub-graph of nodes that the host runs in float32, with the values that enter and leave it. */
import type { Graph, GraphNode, Tensor, ValueInfo } from '../../graph/graph.ts';
import { capturedValues } from '../../graph/order-nodes.ts';
import { findValue } from './build-layers.ts';

const MAX_REASONS = 3;

/** Nodes that the host runs in float32, as a graph of their own. */
export interface HostPart {
  /** Runs as it is in ONNX Runtime. */
  readonly graph: Graph;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly string[];
  /** Why these nodes are not on the accelerator, for people. */
  readonly reason: string;
}

/** @param reasons The nodes of the part, with the reason of each. */
export function makeHostPart(graph: Graph, name: string, reasons: ReadonlyMap<string, string>): HostPart {
  const nodes = graph.nodes.filter((node) => reasons.has(node.name));
  const produced = new Set(nodes.flatMap((node) => node.outputs));
  const read = new Set(nodes.flatMap((node) => [...node.inputs, ...capturedValues(node)]).filter((value) => value !== ''));
  const initializers = new Map<string, Tensor>([...graph.initializers].filter(([value]) => read.has(value)));
  const readOutside = new Set([
    ...graph.outputs.map((output) => output.name),
    ...graph.nodes.filter((node) => !reasons.has(node.name)).flatMap((node) => [...node.inputs, ...capturedValues(node)]),
  ]);
  const infoOf = (value: string): ValueInfo => {
    const output = graph.outputs.find((other) => other.name === value);
    return findValue(graph, value) ?? output ?? { name: value, dtype: 'float32', dims: undefined };
  };
  const inputs = [...read].filter((value) => !produced.has(value) && !initializers.has(value));
  const outputs = [...produced].filter((value) => readOutside.has(value));
  const values = new Map([...graph.values].filter(([value]) => produced.has(value)));
  return {
    graph: {
      ...graph,
      name: `${graph.name}: ${name}`,
      nodes,
      initializers,
      values,
      inputs: inputs.map(infoOf),
      outputs: outputs.map(infoOf),
    },
    inputs,
    outputs,
    nodes: nodes.map((node) => node.name),
    reason: describeReasons(nodes, reasons),
  };
}

/** Distinct reasons with the first node that has each. */
function describeReasons(nodes: readonly GraphNode[], reasons: ReadonlyMap<string, string>): string {
  const first = new Map<string, string>();
  for (const { name, op } of nodes) {
    const reason = reasons.get(name)!;
    if (!first.has(reason)) first.set(reason, `${op} "${name}": ${reason}`);
  }
  return [...first.values()].slice(0, MAX_REASONS).join('; ');
}
