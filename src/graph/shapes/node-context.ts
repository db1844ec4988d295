/** What a shape rule sees of its node: types and constants of the inputs, attributes with defaults, the opset; and arithmetic on dimensions. */
import { InputError } from '../../util/errors.ts';
import type { AttributeValue, DataType, GraphNode, Tensor } from '../graph.ts';
import { toNumbers } from '../tensor.ts';

/** A size, the name of a free dimension, or null when unknown. */
export type Dim = number | string | null;
export type Dims = readonly Dim[];

/** Type of a value; `dims` undefined: unknown rank. */
export interface ValueType {
  readonly dtype: DataType;
  readonly dims: Dims | undefined;
}

/** Types of a node's outputs, in order; undefined where nothing can be said. */
export type ShapeRule = (node: NodeContext) => readonly (ValueType | undefined)[];

/** Looks up what is known of values while a graph is walked. */
export interface ValueLookup {
  type(name: string): ValueType | undefined;
  constant(name: string): Tensor | undefined;
}

/** Operator versions in a graph: opset of the default domain, and of the others. */
export class NodeContext {
  readonly node: GraphNode;
  readonly opset: number;
  readonly #values: ValueLookup;

  constructor(node: GraphNode, opset: number, values: ValueLookup) {
    this.node = node;
    this.opset = opset;
    this.#values = values;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? '') !== '';
  }

  /** Type of input `index`; undefined when it is absent or unknown. */
  type(index: number): ValueType | undefined {
    return this.has(index) ? this.#values.type(this.node.inputs[index]) : undefined;
  }

  /** Dims of input `index`; undefined when its rank is unknown. */
  dims(index: number): Dims | undefined {
    return this.type(index)?.dims;
  }

  /** Element type of input `index`, or `fallback`. */
  dtype(index: number, fallback: DataType = 'float32'): DataType {
    return this.type(index)?.dtype ?? fallback;
  }

  constant(index: number): Tensor | undefined {
    return this.has(index) ? this.#values.constant(this.node.inputs[index]) : undefined;
  }

  /** Elements of a constant input as numbers (int64 beyond 2^53 as the nearest double). */
  numbers(index: number): number[] | undefined {
    const tensor = this.constant(index);
    return tensor === undefined ? undefined : toNumbers(tensor);
  }

  attribute(name: string): AttributeValue | undefined {
    return this.node.attributes[name];
  }

  /** An integer or float attribute. */
  number(name: string, fallback: number): number {
    const value = this.node.attributes[name];
    if (value === undefined) return fallback;
    if (typeof value !== 'number') this.fail(`attribute "${name}" must be a number`);
    return value;
  }

  text(name: string, fallback: string): string {
    const value = this.node.attributes[name];
    if (value === undefined) return fallback;
    if (typeof value !== 'string') this.fail(`attribute "${name}" must be a string`);
    return value;
  }

  /** An INTS or FLOATS attribute. */
  list(name: string): readonly number[] | undefined {
    const value = this.node.attributes[name];
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'number')) this.fail(`attribute "${name}" must be a list of numbers`);
    return value as readonly number[];
  }

  /** A list that is an attribute in old opsets and a constant input since; undefined when absent or not constant. */
  listOrInput(name: string, index: number): readonly number[] | undefined {
    return this.list(name) ?? this.numbers(index);
  }

  /** True when input `index` is there but its value is not known. */
  isUnknownInput(index: number): boolean {
    return this.has(index) && this.constant(index) === undefined;
  }

  /** An axis as an index from the front. */
  axis(value: number, rank: number): number {
    const axis = value < 0 ? value + rank : value;
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank) this.fail(`axis ${value} is out of range for rank ${rank}`);
    return axis;
  }

  /** Axes from the front, without repeats. */
  axes(values: readonly number[], rank: number): Set<number> {
    return new Set(values.map((value) => this.axis(value, rank)));
  }

  fail(message: string): never {
    throw new InputError(`node "${this.node.name}" (${this.node.op}): ${message}`);
  }
}

/** Applies arithmetic to a size; what is symbolic becomes unknown. */
export function mapDim(dim: Dim, change: (size: number) => number): Dim {
  return typeof dim === 'number' ? change(dim) : null;
}

/** Product of sizes, or null. */
export function multiplyDims(dims: Dims): Dim {
  if (dims.length === 1) return dims[0];
  let product = 1;
  for (const dim of dims) {
    if (typeof dim !== 'number') return null;
    product *= dim;
  }
  return product;
}

/** Every size is a number. */
export function isStatic(dims: Dims | undefined): dims is readonly number[] {
  return dims?.every((dim) => typeof dim === 'number') ?? false;
}

/** NumPy broadcasting of one dimension. */
function broadcastDim(node: NodeContext, a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1 || a === b) return a;
  if (typeof a === 'number' && typeof b === 'number') return node.fail(`dimensions ${a} and ${b} cannot be broadcast`);
  if (typeof a === 'number') return a;
  return typeof b === 'number' ? b : null;
}

/** NumPy broadcasting of shapes. */
export function broadcast(node: NodeContext, shapes: readonly (Dims | undefined)[]): Dims | undefined {
  let result: Dims = [];
  for (const shape of shapes) {
    if (shape === undefined) return undefined;
    const [long, short] = shape.length > result.length ? [shape, result] : [result, shape];
    const offset = long.length - short.length;
    result = long.map((dim, axis) => (axis < offset ? dim : broadcastDim(node, dim, short[axis - offset])));
  }
  return result;
}
