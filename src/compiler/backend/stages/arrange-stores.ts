/**
 * Pass on the integer graph: rearrangements in the form in which their words are stored best. Same bits.
 *
 *   rearrange (runs over several pixels) → concat   ⇒   runs of single pixels: the result can lie inside the concatenation
 *   conv → rearrange (short runs of channels)       ⇒   a convolution for each run, whose results follow each other in DRAM
 */
import type { ConvLayer, IntegerGraph, IntegerLayer, IntegerTensor, RearrangeLayer, RearrangePart } from '../../../graph/integer-graph.ts';

/** Words of a burst: runs of whole bursts are stored well by themselves. */
const BURST_WORDS = 64;
/** Cycles of a short burst, when many follow each other: their responses limit them. */
export const SHORT_STORE_CYCLES = 6;
/** Bytes of DRAM traffic in a cycle. */
const BYTES_PER_CYCLE = 16.8;
/** MACs of a machine, and the outputs that a compute unit makes at least. */
const MACS = 256;
const LEAST_OUTPUTS = 4;

export function arrangeStores(graph: IntegerGraph): IntegerGraph {
  if (!graph.layers.some((layer) => layer.kind === 'rearrange')) return graph;
  return splitConvolutions({
    ...graph,
    layers: graph.layers.map((layer) => (layer.kind === 'rearrange' ? splitRuns(graph, layer) : layer)),
  });
}

const readersOf = (graph: IntegerGraph, id: number): IntegerLayer[] => graph.layers.filter((layer) => layer.inputs.includes(id));

/** Runs over several pixels of a result that a concatenation joins, cut at the pixels. */
function splitRuns(graph: IntegerGraph, layer: RearrangeLayer): RearrangeLayer {
  const { channels } = graph.tensors[layer.output]!;
  const isBorder = graph.outputs.some(({ tensor }) => tensor === layer.output);
  if (isBorder || !readersOf(graph, layer.output).some(({ kind }) => kind === 'concat')) return layer;
  if (layer.parts.some(({ words, to }) => words > channels && (words % channels !== 0 || to.offset % channels !== 0))) return layer;
  const parts = layer.parts.flatMap((part): RearrangePart[] =>
    part.words <= channels
      ? [part]
      : Array.from({ length: part.words / channels }, (_, i) => ({
          ...part,
          words: channels,
          from: { ...part.from, offset: part.from.offset + i * channels },
          to: { ...part.to, offset: part.to.offset + i * channels },
        })),
  );
  return { ...layer, parts };
}

/** Convolutions whose channels go to different rows of a result, each row's apart. */
function splitConvolutions(graph: IntegerGraph): IntegerGraph {
  const tensors: IntegerTensor[] = [...graph.tensors];
  const producers = new Map(graph.layers.map((layer) => [layer.output, layer]));
  const replaced = new Map<IntegerLayer, IntegerLayer[]>();
  for (const layer of graph.layers) {
    if (layer.kind !== 'rearrange') continue;
    let current: RearrangeLayer = layer;
    layer.inputs.forEach((id, at) => {
      const conv = producers.get(id);
      const parts = layer.parts.filter(({ input }) => input === at);
      if (conv?.kind !== 'conv' || conv.groups !== 1 || readersOf(graph, id).length > 1 || !isWorthwhile(graph, conv, parts)) return;
      const pieces = parts.map((part, i): ConvLayer => {
        const output = tensors.length;
        tensors.push({ ...tensors[id]!, id: output, name: `${tensors[id]!.name}#run${i}`, channels: part.words });
        return sliceOutputs(conv, part.from.offset, part.words, { name: `${conv.name}#run${i}`, output });
      });
      replaced.set(conv, pieces);
      current = redirect(current, at, pieces);
    });
    replaced.set(layer, [dropUnread(current)]);
  }
  return { ...graph, tensors, layers: graph.layers.flatMap((layer) => replaced.get(layer) ?? [layer]) };
}

/** Do the runs follow each other when stored apart, and is that worth reading the input again and the lanes that stay idle? */
function isWorthwhile(graph: IntegerGraph, conv: ConvLayer, parts: readonly RearrangePart[]): boolean {
  const tensor = graph.tensors[conv.output]!;
  const input = graph.tensors[conv.inputs[0]!]!;
  if (parts.length < 2 || graph.outputs.some((value) => value.tensor === conv.output)) return false;
  const isAlone = ({ rows, columns, words, from, to }: RearrangePart): boolean =>
    columns > 1 &&
    rows === tensor.height &&
    columns === tensor.width &&
    (rows === 1 || from.rowStep === tensor.width * tensor.channels) &&
    (columns === 1 || from.columnStep === tensor.channels) &&
    from.offset + words <= tensor.channels &&
    to.columnStep === words;
  const used = parts.reduce((sum, { words }) => sum + words, 0);
  const { channels } = graph.tensors[conv.output]!;
  if (used !== channels || !parts.every((part) => part.words % BURST_WORDS !== 0 && isAlone(part))) return false;
  const pixels = tensor.height * tensor.width;
  const outputsOf = (n: number): number => Math.ceil(n / LEAST_OUTPUTS) * LEAST_OUTPUTS;
  const idle = parts.reduce((sum, { words }) => sum + outputsOf(words), 0) - outputsOf(channels);
  const products = conv.weights.length / channels;
  const more =
    (idle * products * pixels) / MACS + ((parts.length - 1) * input.height * input.width * input.channels * 2) / BYTES_PER_CYCLE / 2;
  return more < pixels * parts.length * SHORT_STORE_CYCLES;
}

export function sliceOutputs(conv: ConvLayer, first: number, count: number, common: { name: string; output: number }): ConvLayer {
  const words = conv.weights.length / conv.bias.length;
  return {
    ...conv,
    ...common,
    weights: conv.weights.subarray(first * words, (first + count) * words),
    weightFractions: conv.weightFractions.slice(first, first + count),
    bias: conv.bias.slice(first, first + count),
    shift: conv.shift.slice(first, first + count),
  };
}

/** The rearrangement with input `at` replaced by one input for each of its parts. */
function redirect(layer: RearrangeLayer, at: number, pieces: readonly ConvLayer[]): RearrangeLayer {
  const inputs = [...layer.inputs];
  let piece = 0;
  const parts = layer.parts.map((part): RearrangePart => {
    if (part.input !== at) return part;
    const { output, bias } = pieces[piece++]!;
    const width = part.columns;
    const input = inputs.push(output) - 1;
    return { ...part, input, from: { offset: 0, rowStep: width * bias.length, columnStep: bias.length } };
  });
  return { ...layer, inputs, parts };
}

/** Without the inputs that no part reads: positions close up. */
function dropUnread(layer: RearrangeLayer): RearrangeLayer {
  const used = layer.inputs.map((_, input) => layer.parts.some((part) => part.input === input));
  const places = used.map((_, input) => used.slice(0, input).filter(Boolean).length);
  const parts = layer.parts.map((part) => ({ ...part, input: places[part.input]! }));
  return { ...layer, inputs: layer.inputs.filter((_, input) => used[input]), parts };
}
