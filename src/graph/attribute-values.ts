/** What an attribute holds: tests of its kind, and the sub-graphs of a node. */
import type { AttributeValue, Graph, GraphNode, Tensor } from './graph.ts';

/** A sub-graph: a branch of If, the body of Loop or Scan. */
export function isGraph(value: AttributeValue | undefined): value is Graph {
  return typeof value === 'object' && 'nodes' in value;
}

/** A constant tensor. */
export function isTensor(value: AttributeValue | undefined): value is Tensor {
  return typeof value === 'object' && 'dtype' in value;
}

/** Sub-graphs of a node (branches of If, bodies of Loop and Scan) by attribute name. */
export function subgraphsOf(node: GraphNode): [string, Graph][] {
  return Object.entries(node.attributes).filter((entry): entry is [string, Graph] => isGraph(entry[1]));
}
