/** From an ONNX graph to parts: layers of the accelerator, and what the host runs. Specification: docs/compiler.md (front end, placement). */
import type { Graph, Tensor } from '../../graph/graph.ts';
import { InputError } from '../../util/errors.ts';
import { estimateCosts } from './host-cost.ts';
import { type HostPart, makeHostPart } from './host-part.ts';
import type { DraftGraph, LayerGraph } from './layer-graph.ts';
import { type Partition, type PartitionPart, partitionGraph } from './partition.ts';
import { FOLDING_PASSES, GRAPH_PASSES, LOWERING_PASSES, runPasses } from './pipeline.ts';
import { verifyLayerGraph } from './verify-layer-graph.ts';

/** Where a node of the model runs. */
export interface Placement {
  readonly node: string;
  readonly op: string;
  readonly where: 'accelerated' | 'host' | 'folded';
  /** For people: the layer, what it was folded into, or why it is on the host. */
  readonly how: string;
  /** The accelerator's layer that it is or is part of. */
  readonly layer?: string;
  /** Index of its part; absent for what is gone before anything runs. */
  readonly part?: number;
  /** Multiply-accumulates of one frame, padding taps skipped. */
  readonly macs: number;
  /** Estimated time on the host (host-cost.ts), for its nodes. */
  readonly hostSeconds?: number;
}

/** What runs on one side without a word from the other. */
export type ModelPart =
  | { readonly where: 'accelerator'; readonly layers: LayerGraph }
  /** In float32. It may read inputs of the model and results of any part before it. */
  | { readonly where: 'host'; readonly host: HostPart };

/** A model split into the accelerator's layers and the host's parts. */
export interface LoweredModel {
  /** In the order of execution; sides alternate. */
  readonly parts: readonly ModelPart[];
  /** Outputs of the model that depend on no input. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** Every node of the given graph, in its order. */
  readonly placement: readonly Placement[];
}

export interface LowerOptions {
  /** Sees the graph after every pass, by the pass's name. */
  readonly onPass?: (name: string, graph: Graph | DraftGraph) => void;
  /** Whether nodes may run on the host. Default true. */
  readonly allowHost?: boolean;
  /** Nodes that must run on the host, with the reason. */
  readonly hostNodes?: ReadonlyMap<string, string>;
}

/**
 * Lowers a model to layers of the accelerator and parts for the host; one frame.
 * @throws InputError where nodes would run on the host and `allowHost` is false, naming them
 */
export function lowerGraph(graph: Graph, options: LowerOptions = {}): LoweredModel {
  const prepared = runPasses(graph, GRAPH_PASSES, options.onPass);
  const forced = new Map<string, string>(options.hostNodes);
  for (;;) {
    const partition = partitionGraph(prepared, forced);
    const folded = partition.parts.map((part) =>
      part.where === 'host' ? part : { ...part, draft: runPasses(part.draft, FOLDING_PASSES, options.onPass) },
    );
    const leading = folded.flatMap((part) => (part.where === 'host' ? [] : findLeadingAffine(part.draft)));
    if (leading.length > 0) {
      for (const node of leading)
        forced.set(node, 'it prepares the input, and the padding behind it keeps it from being folded into a convolution');
      continue;
    }
    if (options.allowHost === false && partition.host.size > 0) throw refuseHost(prepared, partition);
    const parts = folded.map((part, index): ModelPart => finishPart(prepared, part, index, partition, options));
    const constants = prepared.outputs.flatMap(({ name }) => {
      const tensor = prepared.initializers.get(name);
      return tensor ? [[name, tensor] as const] : [];
    });
    return { parts, constants: new Map(constants), placement: describePlacement(graph, prepared, partition, parts) };
  }
}

/** Layer graphs of the accelerator's parts, in the order of execution. */
export function acceleratorParts(lowered: Pick<LoweredModel, 'parts'>): LayerGraph[] {
  return lowered.parts.flatMap((part) => (part.where === 'accelerator' ? [part.layers] : []));
}

/** Parts that the host runs, in the order of execution. */
export function hostParts(lowered: Pick<LoweredModel, 'parts'>): HostPart[] {
  return lowered.parts.flatMap((part) => (part.where === 'host' ? [part.host] : []));
}

function finishPart(graph: Graph, part: PartitionPart, index: number, partition: Partition, { onPass }: LowerOptions): ModelPart {
  if (part.where === 'accelerator')
    return { where: 'accelerator', layers: verifyLayerGraph(runPasses(part.draft, LOWERING_PASSES, onPass)) };
  const reasons = new Map(part.nodes.map((node) => [node, partition.host.get(node)!]));
  return { where: 'host', host: makeHostPart(graph, `part ${index + 1}`, reasons) };
}

/** Nodes of affine layers that read an input and are left over in a network with convolutions. */
function findLeadingAffine(graph: DraftGraph): string[] {
  if (!graph.layers.some((layer) => layer.kind === 'conv')) return [];
  const inputs = new Set(graph.inputs.map((input) => input.tensor));
  return graph.layers.flatMap((layer) => (layer.kind === 'affine' && inputs.has(layer.inputs[0]) ? layer.nodes : []));
}

const MAX_LISTED = 10;

function refuseHost(graph: Graph, { host }: Partition): InputError {
  const nodes = graph.nodes.filter((node) => host.has(node.name));
  const lines = nodes.slice(0, MAX_LISTED).map((node) => `  "${node.name}" (${node.op}): ${host.get(node.name)}`);
  if (nodes.length > MAX_LISTED) lines.push(`  … and ${nodes.length - MAX_LISTED} more`);
  const what = nodes.length === 1 ? '1 node does' : `${nodes.length} nodes do`;
  return new InputError(
    `${graph.name}: ${what} not run on the accelerator, and the host was ruled out:\n${lines.join('\n')}\n` +
      'Allow the host, replace these operators in the model (docs/compiler.md lists the supported ones), or cut the model there.',
  );
}

function describePlacement(graph: Graph, prepared: Graph, partition: Partition, parts: readonly ModelPart[]): Placement[] {
  const owners = new Map<string, { name: string; kind: string }>();
  for (const part of parts) {
    if (part.where === 'host') continue;
    for (const layer of part.layers.layers) for (const node of layer.nodes) if (!owners.has(node)) owners.set(node, layer);
  }
  const partOf = new Map(partition.parts.flatMap(({ nodes }, part) => nodes.map((node) => [node, part] as const)));
  const remaining = new Map(prepared.nodes.map((node) => [node.name, node]));
  const costs = estimateCosts(prepared);
  const known = new Set(graph.nodes.map(({ name }) => name));
  // Nodes of an If's branch that was inlined stand behind those of the model.
  const nodes = [...graph.nodes, ...prepared.nodes.filter(({ name }) => !known.has(name))];
  return nodes.map(({ name: node, op }): Placement => {
    const left = remaining.get(node);
    const part = partOf.get(node);
    const base = { node, op, macs: left ? costs.macs(left) : 0, ...(part === undefined ? {} : { part }) };
    const reason = partition.host.get(node);
    if (reason !== undefined) return { ...base, where: 'host', how: reason, hostSeconds: costs.onHost(left!) };
    const owner = owners.get(node);
    if (owner?.name === node) return { ...base, where: 'accelerated', how: owner.kind, layer: owner.name };
    if (owner) return { ...base, where: 'folded', how: `into "${owner.name}"`, layer: owner.name };
    return { ...base, where: 'folded', how: left ? 'changes no word' : 'constant, or into its reader' };
  });
}
