/** What operator builders write to: tensors and layers of a draft layer graph, and the view of every ONNX value built so far. */
import type { Graph, GraphNode } from '../../graph/graph.ts';
import type { RearrangePart } from '../../graph/integer-graph.ts';
import { type FactoredView, materialize } from './factored-view.ts';
import type { FloatLayer, LayerTensor } from './layer-graph.ts';
import { findRuns, makeParts, wholeAxis } from './rearrange-parts.ts';
import { Unsupported } from './unsupported.ts';
import type { View } from './view.ts';

export interface Draft {
  readonly graph: Graph;
  readonly tensors: LayerTensor[];
  readonly layers: FloatLayer[];
  /** By ONNX value name. A value without a view is not on the accelerator. */
  readonly views: Map<string, View>;
  /** Values whose dimensions divide the axes of a tensor; they become tensors when a layer reads them (needView). */
  readonly factored: Map<string, FactoredView>;
  /** Values of which only the numerator is there yet (its tensor is their view): the product that reads them divides its own result instead. */
  readonly quotients: Map<string, Quotient>;
  /** ONNX values that some node reads or that are graph outputs. */
  readonly used: ReadonlySet<string>;
}

/** A numerator and a divisor per pixel, the same for all channels. */
export interface Quotient {
  readonly numerator: LayerTensor;
  /** Softmax: the ONNX value that it is of. */
  readonly source: string;
  /** Pixels of the numerator whose channels make the reciprocal of the divisor: Σ weights · channel + bias, between 0 and 1. */
  readonly reciprocals: LayerTensor;
  readonly weights: readonly number[];
  readonly bias: number;
}

export function createDraft(graph: Graph): Draft {
  const used = new Set(graph.nodes.flatMap((node) => node.inputs));
  for (const output of graph.outputs) used.add(output.name);
  return { graph, tensors: [], layers: [], views: new Map(), factored: new Map(), quotients: new Map(), used };
}

export function addTensor(
  draft: Draft,
  name: string,
  extents: Pick<LayerTensor, 'height' | 'width' | 'channels'>,
  /** False for values that the model does not have; the name of a value of the model whose values it holds, for their range. */
  measured: boolean | string = true,
): LayerTensor {
  const { height, width, channels } = extents;
  const rangeOf = typeof measured === 'string' ? { rangeOf: measured } : {};
  const tensor: LayerTensor = { id: draft.tensors.length, name, height, width, channels, measurable: measured === true, ...rangeOf };
  draft.tensors.push(tensor);
  return tensor;
}

/** View of the node's activation input. */
export function needView(draft: Draft, node: GraphNode, index: number): View {
  const name = node.inputs[index];
  const view = name ? draft.views.get(name) : undefined;
  if (view) return view;
  if (name && draft.factored.has(name)) return materializeValue(draft, name);
  if (name && draft.graph.initializers.has(name)) throw new Unsupported(`input ${index} ("${name}") is constant, an activation is needed`);
  throw new Unsupported(`input ${index} ("${name ?? ''}") is not a tensor that the accelerator holds`);
}

/** Moves the words of a factored value into a tensor of its own, unless that has been done. */
export function materializeValue(draft: Draft, name: string): View {
  const factored = draft.factored.get(name)!;
  const { extents, parts, axes, order } = materialize(factored);
  const nodes = [...factored.nodes].reverse();
  const push = (layer: string, source: LayerTensor, tensor: LayerTensor, list: readonly RearrangePart[]): LayerTensor => {
    draft.layers.push({ kind: 'rearrange', name: layer, nodes, inputs: [source.id], output: tensor.id, parts: list, fill: 0 });
    return tensor;
  };
  let source = factored.tensor;
  if (order) {
    const list = makeParts(0, source, source, wholeAxis(source.height), wholeAxis(source.width), findRuns(order));
    source = push(`${nodes[0]}#dealt`, source, addTensor(draft, `${name}#dealt`, source, name), list);
  }
  const tensor = push(nodes[0], source, addTensor(draft, name, extents), parts);
  const view: View = { tensor, axes };
  draft.views.set(name, view);
  return view;
}

/** Refuses nodes whose optional outputs (indices, masks, statistics) are used. */
export function refuseExtraOutputs(draft: Draft, node: GraphNode): void {
  for (const name of node.outputs.slice(1)) {
    if (name && draft.used.has(name)) throw new Unsupported(`its extra output "${name}" is used; only the first can be computed`);
  }
}
