/** Typed access to a node's attributes and constant inputs. */
import type { Graph, GraphNode, Tensor } from '../../graph/graph.ts';
import { toNumbers } from '../../graph/tensor.ts';
import { Unsupported } from './unsupported.ts';

export function getNumber(node: GraphNode, name: string, otherwise: number): number {
  const value = node.attributes[name];
  return typeof value === 'number' ? value : otherwise;
}

export function getString(node: GraphNode, name: string, otherwise: string): string {
  const value = node.attributes[name];
  return typeof value === 'string' ? value : otherwise;
}

export function getNumbers(node: GraphNode, name: string): readonly number[] | undefined {
  const value = node.attributes[name];
  return Array.isArray(value) && value.every((v) => typeof v === 'number') ? value : undefined;
}

/** The constant at an input position; undefined if the input is absent or computed. */
export function findConstant(graph: Graph, node: GraphNode, index: number): Tensor | undefined {
  const name = node.inputs[index];
  return name ? graph.initializers.get(name) : undefined;
}

/** The constant at an input position as float32; Unsupported if it is computed. `what` names it: "the weights". */
export function needFloats(graph: Graph, node: GraphNode, index: number, what: string): { data: Float32Array; dims: readonly number[] } {
  const tensor = findConstant(graph, node, index);
  if (tensor === undefined) throw new Unsupported(`${what} (input ${index}) must be constant`);
  if (tensor.data instanceof Float32Array) return { data: tensor.data, dims: tensor.dims };
  if (tensor.dtype === 'string') throw new Unsupported(`${what} (input ${index}) must be numbers, not strings`);
  return { data: Float32Array.from(toNumbers(tensor)), dims: tensor.dims };
}

/** A list of integers given as an attribute in old opsets and as a constant input in new ones; undefined if given in neither way. */
export function getIntegers(graph: Graph, node: GraphNode, attribute: string, index: number): readonly number[] | undefined {
  const list = getNumbers(node, attribute);
  if (list !== undefined) return list;
  if (!node.inputs[index]) return undefined;
  const tensor = findConstant(graph, node, index);
  if (tensor === undefined) throw new Unsupported(`its ${attribute} (input ${index}) must be constant`);
  return toNumbers(tensor);
}

/** A scalar bound given as an attribute (old opsets) or as a constant input; `otherwise` if absent. */
export function getScalar(graph: Graph, node: GraphNode, attribute: string, index: number, otherwise: number): number {
  const value = node.attributes[attribute];
  if (typeof value === 'number') return value;
  if (!node.inputs[index]) return otherwise;
  const tensor = findConstant(graph, node, index);
  if (tensor === undefined) throw new Unsupported(`its ${attribute} (input ${index}) must be constant`);
  const numbers = toNumbers(tensor);
  if (numbers.length !== 1) throw new Unsupported(`its ${attribute} must be one number, not ${numbers.length}`);
  return numbers[0];
}
