/** Writes a Graph as an ONNX file: for models/, for sub-models given to another runtime, and for exposing intermediate values. */
import { subgraphsOf } from '../attribute-values.ts';
import type { Graph, GraphNode, ValueInfo } from '../graph.ts';
import { attributeToProto } from './attributes.ts';
import {
  type GraphProto,
  MODEL,
  type ModelProto,
  type NodeProto,
  NUMBER_BY_DATA_TYPE,
  type OperatorSetProto,
  type ValueInfoProto,
} from './schema.ts';
import { tensorToProto } from './tensor-proto.ts';
import { encodeMessage } from './wire.ts';

/** Since IR version 4 initializers need not be inputs, and a Graph does not list them there. */
const MIN_IR_VERSION = 4;

function valueToProto({ name, dtype, dims }: ValueInfo, inner: boolean): ValueInfoProto {
  // Unknown rank in a sub-graph: the reader found no type (see read-onnx.ts), so none is written.
  if (inner && dims === undefined) return { name };
  const shape = dims && { dims: dims.map((dim) => (typeof dim === 'number' ? { value: dim } : dim === null ? {} : { param: dim })) };
  return { name, type: { tensor: { elementType: NUMBER_BY_DATA_TYPE[dtype], ...(shape ? { shape } : {}) } } };
}

function nodeToProto(node: GraphNode): NodeProto {
  return {
    inputs: [...node.inputs],
    outputs: [...node.outputs],
    name: node.name,
    op: node.op,
    attributes: Object.entries(node.attributes).map(([name, value]) =>
      attributeToProto(node, name, value, (graph) => graphToProto(graph, true)),
    ),
    ...(node.domain === '' ? {} : { domain: node.domain }),
  };
}

function graphToProto(graph: Graph, inner: boolean): GraphProto {
  const border = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  return {
    nodes: graph.nodes.map(nodeToProto),
    name: graph.name === '' ? 'graph' : graph.name,
    initializers: [...graph.initializers].map(([name, tensor]) => tensorToProto(tensor, name)),
    inputs: graph.inputs.map((value) => valueToProto(value, inner)),
    outputs: graph.outputs.map((value) => valueToProto(value, inner)),
    values: [...graph.values.values()].filter(({ name }) => !border.has(name)).map((value) => valueToProto(value, inner)),
    sparseInitializers: [],
  };
}

function collectDomains(graph: Graph, domains: Set<string>): Set<string> {
  for (const node of graph.nodes) {
    domains.add(node.domain);
    for (const [, inner] of subgraphsOf(node)) collectDomains(inner, domains);
  }
  return domains;
}

/** The file's bytes. Weights are copied once, into the result. */
export function writeOnnx(graph: Graph): Uint8Array {
  const opsets: OperatorSetProto[] = [...collectDomains(graph, new Set(['']))].map((domain) => ({
    domain,
    version: domain === '' ? graph.opset : (graph.opsets?.get(domain) ?? 1),
  }));
  const model: ModelProto = {
    irVersion: Math.max(graph.irVersion, MIN_IR_VERSION),
    producer: 'snowflake',
    graph: graphToProto(graph, false),
    opsets,
  };
  return encodeMessage(model, MODEL);
}
