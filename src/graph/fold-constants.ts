/**
 * Pass: evaluates what does not depend on the inputs, inlines the branch that an If with a constant condition takes, writes out loops of a constant
 * number of iterations, and removes nodes and initializers that nothing uses.
 * Requires: topological order. Guarantees: no Constant nodes; no foldable node with constant inputs; shapes inferred as by inferShapes (one walk
 * does both, because a shape computation needs shapes and yields them); what would make absurdly large constants stays a node.
 *
 *     Shape(x [1,64,6,6]) → s;  Gather(s, 0) → n;  Unsqueeze(n) → u;  Concat(u, [-1]) → t;  Reshape(x, t) → y
 *     →  Reshape(x, t) → y   with the initializer t = [1, -1]
 */
import { isGraph } from './attribute-values.ts';
import { SHAPE_EVALUATORS } from './fold/constants.ts';
import type { OutputType } from './fold/evaluator.ts';
import { EVALUATORS, REQUIRED_INPUTS } from './fold/evaluators.ts';
import { freshName, identity, instantiate } from './fold/inline.ts';
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

/** The nodes of an If's branch as nodes of the graph around it. */
function inlineBranch(node: GraphNode, branch: Graph, walk: Walk): GraphNode[] {
  const made = new Set(branch.nodes.flatMap(({ outputs }) => outputs));
  const bindings = new Map<string, string>();
  for (const [index, output] of node.outputs.entries()) {
    const inner = branch.outputs[index]?.name;
    if (output !== '' && inner !== undefined && made.has(inner) && !bindings.has(inner)) bindings.set(inner, output);
  }
  const { nodes, results } = instantiate(branch, bindings, walk.names, (name, tensor) => setConstant(name, tensor, walk));
  const ends = node.outputs.flatMap((output, index): GraphNode[] => {
    const result = results[index];
    return output === '' || result === undefined || result === output ? [] : [identity(result, output, walk.names)];
  });
  return [...nodes, ...ends];
}

/** Iterations that are worth writing out. */
const MAX_UNROLLED = 64;
const TRUE: Tensor = { dtype: 'bool', dims: [], data: Uint8Array.of(1) };

/**
 * Writes out a Loop whose number of iterations is constant and whose condition turns out constant each time; false where that is not so, with `walk` as it
 * was, but for names.
 */
function unrollLoop(node: GraphNode, body: Graph, walk: Walk): boolean {
  const [count, condition] = node.inputs.map((name) => (name === '' ? undefined : walk.known.constant(name)));
  const isFixed = [0, 1].every((index) => !node.inputs[index] || walk.known.constant(node.inputs[index]) !== undefined);
  const most = count === undefined ? MAX_UNROLLED : Number(count.data[0]);
  if (!isFixed || !(most <= MAX_UNROLLED)) return false;
  const before = walk.nodes.length;
  let goesOn = condition === undefined || Number(condition.data[0]) !== 0;
  let carried = node.inputs.slice(2);
  const scans: string[][] = node.outputs.slice(carried.length).map(() => []);
  for (let iteration = 0; goesOn && iteration < most; iteration++) {
    const number = freshName(`${node.name}_iteration`, walk.names);
    setConstant(number, { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(iteration)) }, walk);
    const truth = freshName(`${node.name}_condition`, walk.names);
    setConstant(truth, TRUE, walk);
    const given = [number, truth, ...carried];
    const bindings = new Map(body.inputs.map(({ name }, index) => [name, given[index]] as const));
    const { nodes, results } = instantiate(body, bindings, walk.names, (name, tensor) => setConstant(name, tensor, walk));
    walkNodes(nodes, walk);
    const next = walk.known.constant(results[0]);
    if (next === undefined || (count === undefined && iteration + 1 === MAX_UNROLLED && Number(next.data[0]) !== 0)) {
      walk.nodes.length = before;
      return false;
    }
    goesOn = Number(next.data[0]) !== 0;
    for (const [index, scan] of scans.entries()) scan.push(results[1 + carried.length + index]);
    carried = results.slice(1, 1 + carried.length);
  }
  if (scans.some((scan) => scan.length === 0)) {
    walk.nodes.length = before;
    return false;
  }
  const ends = carried.flatMap((name, index) => (node.outputs[index] ? [identity(name, node.outputs[index], walk.names)] : []));
  walkNodes([...ends, ...scans.flatMap((scan, index) => stack(scan, node.outputs[carried.length + index], walk))], walk);
  return true;
}

/** The results of all iterations along a new first dimension. */
function stack(names: readonly string[], output: string, walk: Walk): GraphNode[] {
  if (!output) return [];
  const axes = freshName(`${output}_axes`, walk.names);
  setConstant(axes, { dtype: 'int64', dims: [1], data: BigInt64Array.of(0n) }, walk);
  const hasAxesInput = walk.opset >= 13;
  const make = (op: string, inputs: string[], result: string, attributes: GraphNode['attributes']): GraphNode => ({
    name: freshName(`${output}_${op}`, walk.names),
    op,
    domain: '',
    inputs,
    outputs: [result],
    attributes,
  });
  const parts = names.map((name) => {
    const part = freshName(`${name}_row`, walk.names);
    return make('Unsqueeze', hasAxesInput ? [name, axes] : [name], part, hasAxesInput ? {} : { axes: [0] });
  });
  return [
    ...parts,
    make(
      'Concat',
      parts.map(({ outputs }) => outputs[0]),
      output,
      { axis: 0 },
    ),
  ];
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
    const body = node.op === 'Loop' && node.domain === '' ? node.attributes.body : undefined;
    if (isGraph(body) && unrollLoop(node, body, walk)) continue;
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
