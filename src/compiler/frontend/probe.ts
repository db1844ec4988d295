/**
 * Ranges of tensors that the ONNX model has no value for (the variance inside a normalization): ONNX nodes that compute them are added to the model when it
 * is calibrated. Specification: docs/numbers.md section 8.
 */
import type { AttributeValue, Graph, GraphNode, Tensor } from '../../graph/graph.ts';
import type { LayerGraph } from './layer-graph.ts';

/** Nodes and constants that compute a tensor's values, in any layout, from values of the model; node names are output names. */
export interface Probe {
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** Makes the nodes of probes one after the other; `probe()` is all of them so far. */
export class ProbeBuilder {
  private readonly nodes: GraphNode[] = [];
  private readonly constants = new Map<string, Tensor>();
  private readonly opset: number;

  constructor(opset: number) {
    this.opset = opset;
  }

  /** @returns the output's name */
  add(op: string, inputs: readonly string[], output: string, attributes: Record<string, AttributeValue> = {}): string {
    this.nodes.push({ name: output, op, domain: '', inputs, outputs: [output], attributes });
    return output;
  }

  /** Reduction with kept dimensions; axes are an attribute in old opsets, an input in new ones. */
  reduce(op: 'ReduceMean' | 'ReduceMax' | 'ReduceSum', input: string, axes: readonly number[], output: string): string {
    if (this.opset < (op === 'ReduceSum' ? 13 : 18)) return this.add(op, [input], output, { axes, keepdims: 1 });
    const name = `${output}#axes`;
    this.constants.set(name, { dtype: 'int64', dims: [axes.length], data: BigInt64Array.from(axes, BigInt) });
    return this.add(op, [input, name], output, { keepdims: 1 });
  }

  probe(): Probe {
    return { nodes: [...this.nodes], constants: new Map(this.constants) };
  }
}

/** The model with the nodes that compute what the layers need ranges of. */
export function addProbes(graph: Graph, parts: readonly LayerGraph[]): Graph {
  const nodes = new Map<string, GraphNode>();
  const initializers = new Map(graph.initializers);
  for (const { probe } of parts.flatMap((part) => part.tensors)) {
    for (const node of probe?.nodes ?? []) nodes.set(node.name, node);
    for (const [name, tensor] of probe?.constants ?? []) initializers.set(name, tensor);
  }
  return nodes.size === 0 ? graph : { ...graph, nodes: [...graph.nodes, ...nodes.values()], initializers };
}
