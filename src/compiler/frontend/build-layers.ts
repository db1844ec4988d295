/** Walks the ONNX nodes in order and builds a draft layer graph of those that the accelerator can run. Requires shapes and folded constants. */
import type { Graph, GraphNode, ValueInfo } from '../../graph/graph.ts';
import type { BorderValue } from '../../graph/integer-graph.ts';
import { capturedValues } from '../../graph/order-nodes.ts';
import { getNumbers } from './attributes.ts';
import { addTensor, createDraft, type Draft, materializeValue } from './draft.ts';
import { BUILDERS } from './operators/builders.ts';
import { Unsupported } from './unsupported.ts';
import { borderOf, layoutOfInput, makeView } from './view.ts';

export interface BuiltLayers {
  readonly draft: Draft;
  /** Values that enter from outside: graph inputs and results of host nodes. */
  readonly inputs: readonly BorderValue[];
  /** Nodes that could not be built, in order. */
  readonly failures: ReadonlyMap<string, Failure>;
}

export interface Failure {
  readonly reason: string;
  /** True if only the input is at fault, which another node outside the accelerator makes. */
  readonly follows: boolean;
}

/**
 * Builds every node that is not in `host`. Results of host nodes and of nodes that fail are taken as inputs from outside by the nodes that
 * read them.
 */
export function buildLayers(graph: Graph, host: ReadonlySet<string>): BuiltLayers {
  const draft = createDraft(graph);
  const inputs: BorderValue[] = [];
  const failures = new Map<string, Failure>();
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node.name] as const)));
  for (const node of graph.nodes) {
    if (host.has(node.name)) continue;
    const before = { tensors: draft.tensors.length, layers: draft.layers.length, inputs: inputs.length };
    let follows = false;
    try {
      const build = node.domain === '' || node.domain === 'ai.onnx' ? BUILDERS.get(node.op) : undefined;
      if (!build) throw new Unsupported(`the operator ${node.op} has no implementation on the accelerator`);
      for (const name of node.inputs) {
        if (!name || draft.views.has(name) || draft.factored.has(name) || graph.initializers.has(name)) continue;
        follows = producers.has(name);
        inputs.push(enterValue(draft, node, name));
        follows = false;
      }
      build(draft, node);
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      failures.set(node.name, { reason: error.message, follows });
      for (const [name, view] of draft.views) if (view.tensor.id >= before.tensors) draft.views.delete(name);
      for (const name of node.outputs) draft.factored.delete(name);
      draft.tensors.length = before.tensors;
      draft.layers.length = before.layers;
      inputs.length = before.inputs;
    }
  }
  materializeLeaving(draft, host, producers, failures);
  return { draft, inputs, failures };
}

/** Factored values that the host reads or that are outputs become tensors. */
function materializeLeaving(
  draft: Draft,
  host: ReadonlySet<string>,
  producers: ReadonlyMap<string, string>,
  failures: Map<string, Failure>,
): void {
  const leaving = new Set(draft.graph.outputs.map((output) => output.name));
  for (const node of draft.graph.nodes)
    if (host.has(node.name)) for (const name of [...node.inputs, ...capturedValues(node)]) leaving.add(name);
  for (const name of draft.factored.keys()) {
    if (!leaving.has(name) || draft.views.has(name)) continue;
    try {
      materializeValue(draft, name);
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      failures.set(producers.get(name)!, { reason: error.message, follows: false });
    }
  }
}

export function findValue(graph: Graph, name: string): ValueInfo | undefined {
  return graph.inputs.find((input) => input.name === name) ?? graph.values.get(name);
}

/** Brings a value from outside onto the accelerator; `node` is its first reader. */
function enterValue(draft: Draft, node: GraphNode, name: string): BorderValue {
  const info = findValue(draft.graph, name);
  if (!info?.dims?.every((dim) => typeof dim === 'number')) throw new Unsupported(`the shape of its input "${name}" is not known`);
  if (info.dtype !== 'float32') throw new Unsupported(`its input "${name}" has type ${info.dtype}, expected float32`);
  const dims = info.dims as number[];
  const layout = layoutOfInput(dims, readsChannelsLast(node, dims.length) || isSequence(draft.graph, dims.length));
  if (!layout) {
    throw new Unsupported(
      `its input "${name}" has shape [${dims.join(', ')}]; expected rank 1 to 4 with 1 frame in dimension 0 and no empty dimension`,
    );
  }
  const tensor = addTensor(draft, name, layout);
  const view = makeView(tensor, layout.axes);
  draft.views.set(name, view);
  return borderOf(view, name)!;
}

/** Is a value of rank 3 positions × features? It is in a network that multiplies matrices and has no convolution or pool of rank 3. */
function isSequence(graph: Graph, rank: number): boolean {
  if (rank !== 3 || !graph.nodes.some(({ op }) => op === 'MatMul')) return false;
  return !graph.nodes.some(({ op, inputs }) => SPATIAL_OPERATORS.has(op) && findValue(graph, inputs[0])?.dims?.length === 3);
}

/** Operators whose dimension 1 is channels. */
const SPATIAL_OPERATORS: ReadonlySet<string> = new Set([
  'Conv',
  'ConvTranspose',
  'MaxPool',
  'AveragePool',
  'GlobalMaxPool',
  'GlobalAveragePool',
  'BatchNormalization',
  'InstanceNormalization',
  'LRN',
]);

/** A value that is transposed at once to channels first, or multiplied along its last dimension, lies channels last. */
function readsChannelsLast(node: GraphNode, rank: number): boolean {
  if (rank === 3 && node.op === 'MatMul') return true;
  if (node.op !== 'Transpose') return false;
  const permutation = getNumbers(node, 'perm')?.join();
  return (rank === 4 && permutation === '0,3,1,2') || (rank === 3 && permutation === '0,2,1');
}
