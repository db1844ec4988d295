/**
 * Pass: evaluates what does not depend on the inputs, inlines the branch that an If with a constant condition takes, and removes nodes and
 * initializers that nothing uses.
 * Requires: topological order. Guarantees: no Constant nodes; no foldable node with constant inputs; shapes inferred as by inferShapes (one walk
 * does both, because a shape computation needs shapes and yields them); what would make absurdly large constants stays a node.
 *
 *     Shape(x [1,64,6,6]) → s;  Gather(s, 0) → n;  Unsqueeze(n) → u;  Concat(u, [-1]) → t;  Reshape(x, t) → y
 *     →  Reshape(x, t) → y   with the initializer t = [1, -1]
 */
import { isGraph } from './attribute-values.ts';
import { EVALUATORS, type OutputType, REQUIRED_INPUTS, SHAPE_EVALUATORS } from './fold/evaluators.ts';
import type { Graph, GraphNode, Tensor } from './graph.ts';
import { capturedValues } from './order-nodes.ts';
import { describeValues, inferNode, KnownValues } from './shape-inference.ts';
import { isStatic, NodeContext } from './shapes/node-context.ts';
import { countElements, elementBytes } from './tensor.ts';

/**
 * All constants together may be made this much larger (bytes) than what they are made from: enough for VGG-16 and VGG-19 whose weights are
 * ConstantOfShape nodes in test files (144 million for VGG-19), too little for a damaged file to fill the memory.
 */
const MAX_GROWTH_BYTES = 2 ** 30;

interface Walk {
  readonly opset: number;
  readonly known: KnownValues;
  readonly constants: Map<string, Tensor>;
  readonly nodes: GraphNode[];
  /** Bytes that may still be made. */
  growth: number;
  /** All value and node names, so that inlined ones can be kept apart. */
  readonly names: Set<string>;
}

/** Memory of a constant; 16-bit floats are held in 32 bits. */
function sizeBytes({ dtype, dims }: OutputType): number {
  return countElements(dims) * Math.max(4, elementBytes(dtype));
}

/** Constant outputs of a node, or undefined when it has to stay. */
function evaluate(node: GraphNode, walk: Walk): Tensor[] | undefined {
  const { opset, known } = walk;
  if (node.domain !== '') return undefined;
  const shapeOnly = SHAPE_EVALUATORS.get(node.op);
  const evaluator = shapeOnly ?? EVALUATORS.get(node.op);
  if (evaluator === undefined) return undefined;
  const context = new NodeContext(node, opset, known);
  const inputs: Tensor[] = [];
  for (const [index, name] of node.inputs.entries()) {
    const tensor = context.constant(index);
    if (tensor === undefined && name !== '' && shapeOnly === undefined) return undefined;
    // Absent optional inputs are holes that evaluators see as undefined.
    if (tensor !== undefined) inputs[index] = tensor;
  }
  for (let index = 0; index < (REQUIRED_INPUTS.get(node.op) ?? 1); index++)
    if (!context.has(index)) context.fail(`input ${index} is missing`);
  const outputs: OutputType[] = [];
  for (const name of node.outputs) {
    const type = known.type(name);
    // NonZero alone finds its shape by evaluation.
    if (node.op !== 'NonZero' && (type === undefined || !isStatic(type.dims))) return undefined;
    outputs.push({ dtype: type?.dtype ?? 'int64', dims: isStatic(type?.dims) ? type.dims : [] });
  }
  const given = inputs.reduce((sum, tensor) => sum + sizeBytes(tensor), 0);
  const made = outputs.reduce((sum, type) => sum + sizeBytes(type), 0);
  const growth = Math.max(0, made - given);
  if (growth > walk.growth) return undefined;
  walk.growth -= growth;
  const results = evaluator(context, inputs, outputs);
  return results?.every((tensor): tensor is Tensor => tensor !== undefined) ? [...results] : undefined;
}

function freshName(wanted: string, names: Set<string>): string {
  let name = wanted;
  for (let n = 2; names.has(name); n++) name = `${wanted}_${n}`;
  names.add(name);
  return name;
}

/** Renames values inside a node's sub-graphs that come from outside. */
function renameCaptured(node: GraphNode, rename: ReadonlyMap<string, string>): GraphNode['attributes'] {
  const attributes: Record<string, GraphNode['attributes'][string]> = {};
  for (const [key, value] of Object.entries(node.attributes)) {
    if (!isGraph(value)) {
      attributes[key] = value;
      continue;
    }
    const own = new Set([
      ...value.initializers.keys(),
      ...value.inputs.map(({ name }) => name),
      ...value.nodes.flatMap(({ outputs }) => outputs),
    ]);
    const visible = new Map([...rename].filter(([from]) => !own.has(from)));
    const nodes = value.nodes.map((inner) => ({
      ...inner,
      inputs: inner.inputs.map((name) => visible.get(name) ?? name),
      attributes: renameCaptured(inner, visible),
    }));
    attributes[key] = {
      ...value,
      nodes,
      outputs: value.outputs.map((output) => ({ ...output, name: visible.get(output.name) ?? output.name })),
    };
  }
  return attributes;
}

/** The nodes of an If's branch as nodes of the graph around it. */
function inlineBranch(node: GraphNode, branch: Graph, walk: Walk): GraphNode[] {
  const rename = new Map<string, string>();
  for (const [name, tensor] of branch.initializers) {
    const fresh = freshName(name, walk.names);
    rename.set(name, fresh);
    setConstant(fresh, tensor, walk);
  }
  const made = new Set(branch.nodes.flatMap(({ outputs }) => outputs));
  const ends: GraphNode[] = [];
  for (const [index, output] of node.outputs.entries()) {
    const inner = branch.outputs[index]?.name;
    if (inner === undefined || output === '') continue;
    if (made.has(inner) && !rename.has(inner)) rename.set(inner, output);
    else {
      const inputs = [rename.get(inner) ?? inner];
      ends.push({
        name: freshName(`${node.name}_${index}`, walk.names),
        op: 'Identity',
        domain: '',
        inputs,
        outputs: [output],
        attributes: {},
      });
    }
  }
  for (const name of made) if (name !== '' && !rename.has(name)) rename.set(name, freshName(name, walk.names));
  const inlined = branch.nodes.map((inner) => ({
    ...inner,
    name: freshName(inner.name, walk.names),
    inputs: inner.inputs.map((name) => rename.get(name) ?? name),
    outputs: inner.outputs.map((name) => rename.get(name) ?? name),
    attributes: renameCaptured(inner, rename),
  }));
  return [...inlined, ...ends];
}

function setConstant(name: string, tensor: Tensor, { known, constants }: Walk): void {
  known.setConstant(name, tensor);
  constants.set(name, tensor);
}

function walkNodes(nodes: readonly GraphNode[], walk: Walk): void {
  for (const node of nodes) {
    const condition = node.op === 'If' && node.domain === '' ? walk.known.constant(node.inputs[0]) : undefined;
    const branch = condition && node.attributes[Number(condition.data[0]) !== 0 ? 'then_branch' : 'else_branch'];
    if (isGraph(branch)) {
      walkNodes(inlineBranch(node, branch, walk), walk);
      continue;
    }
    inferNode(node, walk.opset, walk.known);
    const results = evaluate(node, walk);
    if (results === undefined) walk.nodes.push(node);
    else for (const [index, output] of node.outputs.entries()) if (output !== '') setConstant(output, results[index], walk);
  }
}

/** Keeps the nodes and constants that the outputs depend on. */
function removeDead(graph: Graph, nodes: readonly GraphNode[], constants: ReadonlyMap<string, Tensor>): Graph {
  const used = new Set(graph.outputs.map(({ name }) => name));
  const kept: GraphNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => used.has(name))) continue;
    kept.push(node);
    for (const name of [...node.inputs, ...capturedValues(node)]) used.add(name);
  }
  const initializers = new Map([...graph.initializers, ...constants].filter(([name]) => used.has(name)));
  return { ...graph, nodes: kept.reverse(), initializers };
}

/** Whether every node has an evaluator; with constant inputs it may still stay where its result would not be exact. */
export function canFold(graph: Graph): boolean {
  return graph.nodes.every(({ domain, op }) => domain === '' && (EVALUATORS.has(op) || SHAPE_EVALUATORS.has(op)));
}

/** @throws InputError where a node contradicts its operator's definition. */
export function foldConstants(graph: Graph): Graph {
  const names = new Set([
    ...graph.initializers.keys(),
    ...graph.inputs.map(({ name }) => name),
    ...graph.nodes.flatMap(({ name, outputs }) => [name, ...outputs]),
  ]);
  const walk: Walk = {
    opset: graph.opset,
    known: new KnownValues(graph),
    constants: new Map(),
    nodes: [],
    growth: MAX_GROWTH_BYTES,
    names,
  };
  walkNodes(graph.nodes, walk);
  return describeValues(removeDead(graph, walk.nodes, walk.constants), walk.known);
}
