/**
 * Pass: types and shapes of all values.
 * Requires: topological order, types of the inputs. Guarantees: the same nodes; `values` holds every output of every node whose operator has a
 * rule (outputs of the graph included), static wherever inputs are; `outputs` likewise. What an operator without a rule makes keeps the type that
 * the file gives it, or stays unknown.
 *
 *     input [1,3,224,224], weight [64,3,11,11]
 *     Conv(input, weight) strides 4 pads 2 → c          before: values {}
 *     Relu(c) → r                                       after:  values {c: [1,64,55,55], r: [1,64,55,55]}
 */
import { isGraph } from './attribute-values.ts';
import type { Graph, GraphNode, Tensor, ValueInfo } from './graph.ts';
import { ELEMENTWISE_RULES } from './shapes/elementwise.ts';
import { MOVEMENT_RULES } from './shapes/movement.ts';
import { type Dim, NodeContext, type ShapeRule, type ValueLookup, type ValueType } from './shapes/node-context.ts';
import { PRODUCT_RULES } from './shapes/products.ts';
import { WINDOW_RULES } from './shapes/windows.ts';

const RULES: ReadonlyMap<string, ShapeRule> = new Map(
  Object.entries({ ...ELEMENTWISE_RULES, ...WINDOW_RULES, ...MOVEMENT_RULES, ...PRODUCT_RULES } satisfies Record<string, ShapeRule>),
);

function mergeDim(inferred: Dim, declared: Dim): Dim {
  if (typeof inferred === 'number') return inferred;
  if (typeof declared === 'number') return declared;
  return inferred ?? declared;
}

/** What a rule found, completed by what the file says. The rule wins: files carry stale shapes after their batch size was changed. */
function mergeTypes(inferred: ValueType | undefined, declared: ValueType | undefined): ValueType | undefined {
  if (inferred === undefined || declared === undefined) return inferred ?? declared;
  const { dims } = inferred;
  if (dims === undefined) return { dtype: inferred.dtype, dims: declared.dims };
  if (declared.dims?.length !== dims.length) return inferred;
  return { dtype: inferred.dtype, dims: dims.map((dim, axis) => mergeDim(dim, declared.dims![axis])) };
}

/** Types and constants found so far; a sub-graph looks into the enclosing one as well. Shared with constant folding. */
export class KnownValues implements ValueLookup {
  readonly #types = new Map<string, ValueType>();
  readonly #constants = new Map<string, Tensor>();
  readonly #declared: ReadonlyMap<string, ValueInfo>;
  readonly #outer: ValueLookup | undefined;

  constructor(graph: Graph, outer?: ValueLookup) {
    this.#outer = outer;
    const outputs = graph.outputs.filter(({ dims }) => dims !== undefined);
    this.#declared = new Map([...graph.values, ...outputs.map((output): [string, ValueInfo] => [output.name, output])]);
    for (const input of graph.inputs) this.setType(input.name, input);
    for (const [name, tensor] of graph.initializers) this.setConstant(name, tensor);
  }

  type(name: string): ValueType | undefined {
    return this.#types.get(name) ?? this.#outer?.type(name);
  }

  constant(name: string): Tensor | undefined {
    return this.#constants.get(name) ?? this.#outer?.constant(name);
  }

  /** What the file says about a value. */
  declared(name: string): ValueInfo | undefined {
    return this.#declared.get(name);
  }

  setType(name: string, { dtype, dims }: ValueType): void {
    this.#types.set(name, { dtype, dims });
  }

  setConstant(name: string, tensor: Tensor): void {
    this.#constants.set(name, tensor);
    this.#types.set(name, { dtype: tensor.dtype, dims: tensor.dims });
  }
}

/** Both branches of an If, where they agree. */
function inferIf(node: GraphNode, known: KnownValues): (ValueType | undefined)[] {
  const branches = [node.attributes.then_branch, node.attributes.else_branch].filter(isGraph).map((branch) => {
    const inner = new KnownValues(branch, known);
    walkNodes(branch, inner);
    return branch.outputs.map(({ name }) => inner.type(name));
  });
  return node.outputs.map((_, index) => {
    const [a, b] = branches.map((types) => types[index]);
    if (a === undefined || b === undefined) return undefined;
    if (a.dims?.length !== b.dims?.length || a.dims === undefined) return { dtype: a.dtype, dims: undefined };
    return { dtype: a.dtype, dims: a.dims.map((dim, axis) => (dim === b.dims![axis] ? dim : null)) };
  });
}

/**
 * Enters the types of a node's outputs into `known`.
 * @throws InputError when inputs or attributes contradict the operator's definition, naming the node.
 */
export function inferNode(node: GraphNode, opset: number, known: KnownValues): void {
  const rule = node.domain === '' ? RULES.get(node.op) : undefined;
  const context = new NodeContext(node, opset, known);
  const types = node.op === 'If' && node.domain === '' ? inferIf(node, known) : (rule?.(context) ?? []);
  for (const [index, output] of node.outputs.entries()) {
    const type = output === '' ? undefined : mergeTypes(types[index], known.declared(output));
    const wrong = type?.dims?.some((dim) => typeof dim === 'number' && !(Number.isSafeInteger(dim) && dim >= 0));
    if (wrong) context.fail(`its output "${output}" would have the impossible shape [${type?.dims}]`);
    if (type !== undefined) known.setType(output, type);
  }
}

function walkNodes(graph: Graph, known: KnownValues): void {
  for (const node of graph.nodes) inferNode(node, graph.opset, known);
}

/** The graph with its `values` and `outputs` as far as they are known. */
export function describeValues(graph: Graph, known: KnownValues): Graph {
  const values = new Map<string, ValueInfo>();
  for (const name of graph.nodes.flatMap(({ outputs }) => outputs)) {
    const type = known.type(name);
    if (name !== '' && type !== undefined) values.set(name, { name, ...type });
  }
  return { ...graph, values, outputs: graph.outputs.map((output) => ({ ...output, ...known.type(output.name) })) };
}

/** Fills in types and shapes. @throws InputError for contradictions, naming the node. */
export function inferShapes(graph: Graph): Graph {
  const known = new KnownValues(graph);
  walkNodes(graph, known);
  return describeValues(graph, known);
}
