/**
 * Pass on the integer graph: a pointwise convolution of which only slices of channels are read is a convolution for each slice. Same bits: every output is
 * computed from its own weights. What is read as weights is then dense, and no slice is kept longer than its reader needs it.
 * Specification: docs/compiler.md, "Rearrangements".
 *
 *   conv → slice a, slice b (the heads of attention)   ⇒   conv a, conv b
 *
 * Requires: compose-moves. Guarantees the same words for every tensor that is left.
 */
import type { ConvLayer, IntegerGraph, IntegerLayer, RearrangeLayer } from '../../../graph/integer-graph.ts';
import { sliceOutputs } from './arrange-stores.ts';

/** Channels that fill the lanes of a vMAC whatever their number per output is. */
const SLICE_GRAIN = 16;

export function splitSlices(graph: IntegerGraph): IntegerGraph {
  const outputs = new Set(graph.outputs.map(({ tensor }) => tensor));
  const replaced = new Map<IntegerLayer, IntegerLayer[]>();
  for (const layer of graph.layers) {
    if (layer.kind !== 'conv' || layer.groups !== 1 || outputs.has(layer.output)) continue;
    if (!layer.window.kernel.every((size) => size === 1)) continue;
    const readers = graph.layers.filter(({ inputs }) => inputs.includes(layer.output));
    const slices = readers.map((reader) => sliceOf(graph, layer, reader));
    // Weights are among them: otherwise slices are as good where they lie.
    const isWeights = readers.some(({ output }) => graph.layers.some(({ kind, inputs }) => kind === 'matmul' && inputs[1] === output));
    if (
      slices.length < 2 ||
      !isWeights ||
      !slices.every((slice) => slice !== undefined) ||
      readers.some(({ output }) => outputs.has(output))
    ) {
      continue;
    }
    const convs = slices.map(({ first, count }, i) =>
      sliceOutputs(layer, first, count, { name: `${layer.name}#${i}`, output: readers[i]!.output }),
    );
    replaced.set(layer, convs);
    for (const reader of readers) replaced.set(reader, []);
  }
  return replaced.size === 0 ? graph : { ...graph, layers: graph.layers.flatMap((layer) => replaced.get(layer) ?? [layer]) };
}

/** The channels that a rearrangement takes of all pixels of a convolution's result, if that is all it does. */
function sliceOf(graph: IntegerGraph, conv: ConvLayer, layer: IntegerLayer): { first: number; count: number } | undefined {
  if (layer.kind !== 'rearrange' || layer.parts.length !== 1) return undefined;
  const { rows, columns, words, from, to } = (layer as RearrangeLayer).parts[0]!;
  const [input, output] = [graph.tensors[conv.output]!, graph.tensors[layer.output]!];
  const isWhole = rows === input.height && columns === input.width && words === output.channels && from.offset + words <= input.channels;
  const steps = (rowStep: number, columnStep: number, pitch: number): boolean =>
    (rows === 1 || rowStep === columns * pitch) && (columns === 1 || columnStep === pitch);
  const isNatural = steps(from.rowStep, from.columnStep, input.channels) && steps(to.rowStep, to.columnStep, words) && to.offset === 0;
  const isSame = output.height === input.height && output.width === input.width && words % SLICE_GRAIN === 0;
  return isWhole && isNatural && isSame ? { first: from.offset, count: words } : undefined;
}
