/** From an ONNX graph to a layer graph and the parts that the host runs. Specification: docs/compiler.md (front end). */
import type { Graph } from '../../graph/graph.ts';
import type { HostPart } from './host-part.ts';
import { makeHostPart } from './host-part.ts';
import type { DraftGraph, LayerGraph } from './layer-graph.ts';
import { partitionGraph } from './partition.ts';
import { FOLDING_PASSES, GRAPH_PASSES, LOWERING_PASSES, runPasses } from './pipeline.ts';
import { verifyLayerGraph } from './verify-layer-graph.ts';

/** Where a node of the model runs. */
export interface Placement {
  readonly node: string;
  readonly op: string;
  readonly where: 'accelerated' | 'host' | 'folded';
  /** For people: the layer, what it was folded into, or why it is on the host. */
  readonly how: string;
}

/** A model split into the accelerator's layers and the host's parts. */
export interface LoweredModel {
  readonly layers: LayerGraph;
  /** Runs before the layers, in float32. Its outputs feed layers, the tail, or are outputs of the model. */
  readonly head?: HostPart;
  /** Runs after the layers, in float32. It may also read inputs of the model and outputs of the head. */
  readonly tail?: HostPart;
  /** Every node of the given graph, in its order. */
  readonly placement: readonly Placement[];
}

export interface LowerOptions {
  /** Sees the graph after every pass, by the pass's name. */
  readonly onPass?: (name: string, graph: Graph | DraftGraph) => void;
}

/**
 * Lowers a model to layers of the accelerator; one frame.
 * @throws InputError naming the nodes that can run neither on the accelerator nor, because of where they lie, on the host.
 */
export function lowerGraph(graph: Graph, options: LowerOptions = {}): LoweredModel {
  const prepared = runPasses(graph, GRAPH_PASSES, options.onPass);
  const forced = new Map<string, string>();
  for (;;) {
    const { draft, head, tail } = partitionGraph(prepared, forced);
    const folded = runPasses(draft, FOLDING_PASSES, options.onPass);
    const leading = findLeadingAffine(folded);
    if (leading.length > 0) {
      for (const node of leading)
        forced.set(node, 'it prepares the input, and the padding behind it keeps it from being folded into a convolution');
      continue;
    }
    const layers = verifyLayerGraph(runPasses(folded, LOWERING_PASSES, options.onPass));
    return {
      layers,
      head: makeHostPart(prepared, 'head', head),
      tail: makeHostPart(prepared, 'tail', tail),
      placement: describePlacement(graph, prepared, layers, new Map([...head, ...tail])),
    };
  }
}

/** Nodes of affine layers that read an input and are left over in a network with convolutions. */
function findLeadingAffine(graph: DraftGraph): string[] {
  if (!graph.layers.some((layer) => layer.kind === 'conv')) return [];
  const inputs = new Set(graph.inputs.map((input) => input.tensor));
  return graph.layers.flatMap((layer) => (layer.kind === 'affine' && inputs.has(layer.inputs[0]) ? layer.nodes : []));
}

function describePlacement(graph: Graph, prepared: Graph, layers: LayerGraph, host: ReadonlyMap<string, string>): Placement[] {
  const owners = new Map<string, { name: string; kind: string }>();
  for (const layer of layers.layers) for (const node of layer.nodes) if (!owners.has(node)) owners.set(node, layer);
  const remaining = new Set(prepared.nodes.map((node) => node.name));
  return graph.nodes.map(({ name: node, op }): Placement => {
    const reason = host.get(node);
    const owner = owners.get(node);
    if (reason !== undefined) return { node, op, where: 'host', how: reason };
    if (owner?.name === node) return { node, op, where: 'accelerated', how: owner.kind };
    if (owner) return { node, op, where: 'folded', how: `into "${owner.name}"` };
    return { node, op, where: 'folded', how: remaining.has(node) ? 'changes no word' : 'constant, or into its reader' };
  });
}
