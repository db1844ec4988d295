/** Writes a Graph as an ONNX file: for models/, for sub-models given to another runtime, and for exposing intermediate values. */
import { subgraphsOf } from '../attribute-values.ts';
import type { Graph, GraphNode, ValueInfo } from '../graph.ts';
import { attributeToProto } from './attributes.ts';
import { NUMBER_BY_DATA_TYPE } from './data-types.ts';
import { encodeModel } from './encode-model.ts';
import type { GraphProto, NodeProto, ValueInfoProto } from './proto.ts';
import { tensorToProto } from './tensor-proto.ts';

/** Since IR version 4 initializers need not be inputs, and a Graph does not list them there. */
const MIN_IR_VERSION = 4;

function valueToProto({ name, dtype, dims }: ValueInfo, inner: boolean): ValueInfoProto {
  // Unknown rank in a sub-graph: the reader found no type (see read-onnx.ts), so none is written.
  if (inner && dims === undefined) return { name };
  const dim = dims?.map((size) => (typeof size === 'number' ? { dimValue: size } : size === null ? {} : { dimParam: size }));
  return { name, type: { tensorType: { elemType: NUMBER_BY_DATA_TYPE[dtype], ...(dim ? { shape: { dim } } : {}) } } };
}

function nodeToProto(node: GraphNode): NodeProto {
  return {
    input: [...node.inputs],
    output: [...node.outputs],
    name: node.name,
    opType: node.op,
    attribute: Object.entries(node.attributes).map(([name, value]) =>
      attributeToProto(node, name, value, (graph) => graphToProto(graph, true)),
    ),
    ...(node.domain === '' ? {} : { domain: node.domain }),
  };
}

function graphToProto(graph: Graph, inner: boolean): GraphProto {
  const border = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  return {
    node: graph.nodes.map(nodeToProto),
    name: graph.name === '' ? 'graph' : graph.name,
    initializer: [...graph.initializers].map(([name, tensor]) => tensorToProto(tensor, name)),
    input: graph.inputs.map((value) => valueToProto(value, inner)),
    output: graph.outputs.map((value) => valueToProto(value, inner)),
    valueInfo: [...graph.values.values()].filter(({ name }) => !border.has(name)).map((value) => valueToProto(value, inner)),
  };
}

function collectDomains(graph: Graph, domains: Set<string>): Set<string> {
  for (const node of graph.nodes) {
    domains.add(node.domain);
    for (const [, inner] of subgraphsOf(node)) collectDomains(inner, domains);
  }
  return domains;
}

/** The file's bytes. Weights are copied once, into the result, and aligned there. @throws InputError beyond 2 GiB */
export function writeOnnx(graph: Graph): Uint8Array {
  return encodeModel({
    irVersion: Math.max(graph.irVersion, MIN_IR_VERSION),
    producerName: 'snowflake',
    graph: graphToProto(graph, false),
    opsetImport: [...collectDomains(graph, new Set(['']))].map((domain) => ({
      domain,
      version: domain === '' ? graph.opset : (graph.opsets?.get(domain) ?? 1),
    })),
  });
}
