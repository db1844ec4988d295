/**
 * Pass: what works value by value moves in front of a rearrangement or concatenation, where convolutions can take it over. Run before folding.
 *   conv, conv → rearrange → clamp   →   conv → clamp, conv → clamp → rearrange
 * Only where the rearranged layers are convolutions or their normalizations (for clamps: anything that clamps) read by nothing else, and no word is repeated less often behind.
 */
import type {
  DraftGraph,
  FloatAffine,
  FloatClampLayer,
  FloatConcat,
  FloatLayer,
  FloatRearrange,
  FloatTable,
  LayerTensor,
} from './layer-graph.ts';
import { countReaders, mergeNodes, powerOfTwo } from './rewrite.ts';

type Move = FloatRearrange | FloatConcat;
type Elementwise = FloatAffine | FloatClampLayer | FloatTable;

export function hoistThroughMoves(graph: DraftGraph): DraftGraph {
  let current = graph;
  for (let next = hoistOne(current); next; next = hoistOne(current)) current = next;
  return current;
}

function isElementwise(layer: FloatLayer): layer is Elementwise {
  return layer.kind === 'affine' || layer.kind === 'clamp' || layer.kind === 'table';
}

/** The graph with one layer moved; undefined if there is none to move. */
function hoistOne(graph: DraftGraph): DraftGraph | undefined {
  const readers = countReaders(graph);
  const producers = new Map(graph.layers.map((layer) => [layer.output, layer]));
  for (const layer of graph.layers) {
    if (!isElementwise(layer)) continue;
    const move = producers.get(layer.inputs[0]);
    if (!move || (move.kind !== 'rearrange' && move.kind !== 'concat') || readers.get(move.output) !== 1) continue;
    const canTake = (id: number): boolean => {
      const producer = producers.get(id);
      return (
        readers.get(id) === 1 &&
        producer !== undefined &&
        (producer.kind === 'conv' ||
          producer.kind === 'affine' ||
          (layer.kind === 'affine' && producer.kind === 'matmul' && powerOfTwo(layer) !== undefined) ||
          (layer.kind === 'clamp' && 'clamp' in producer))
      );
    };
    if (!move.inputs.every(canTake) || !isWorthwhile(graph, move, layer)) continue;
    const channels = move.inputs.map((_, at) => (layer.kind === 'affine' ? channelMap(graph, move, at) : []));
    if (channels.some((map) => map === undefined)) continue;
    return moveInFront(graph, move, layer, channels as number[][]);
  }
  return undefined;
}

const wordsOf = ({ height, width, channels }: LayerTensor): number => height * width * channels;

/** No more words in front than behind, and all words of the result come from inputs (of a fill only a clamp is known). */
function isWorthwhile(graph: DraftGraph, move: Move, layer: Elementwise): boolean {
  const words = wordsOf(graph.tensors[move.output]);
  if (move.inputs.reduce((sum, id) => sum + wordsOf(graph.tensors[id]), 0) > words) return false;
  if (move.kind === 'concat' || layer.kind === 'clamp') return true;
  return move.parts.reduce((sum, part) => sum + part.rows * part.columns * part.words, 0) === words;
}

/** Which channel of the result each channel of an input becomes; undefined where it becomes several, or none. */
function channelMap(graph: DraftGraph, move: Move, at: number): number[] | undefined {
  const { channels } = graph.tensors[move.inputs[at]];
  if (move.kind === 'concat') {
    const first = move.inputs.slice(0, at).reduce((sum, id) => sum + graph.tensors[id].channels, 0);
    return Array.from({ length: channels }, (_, c) => first + c);
  }
  const result = graph.tensors[move.output].channels;
  const map = new Array<number>(channels).fill(-1);
  for (const { input, rows, columns, words, from, to } of move.parts) {
    if (input !== at) continue;
    // Steps of whole pixels on both sides keep the channels of a run.
    const isWhole = (steps: readonly number[], size: number): boolean => steps.every((step) => step % size === 0);
    const fromSteps = [...(rows > 1 ? [from.rowStep] : []), ...(columns > 1 ? [from.columnStep] : [])];
    const toSteps = [...(rows > 1 ? [to.rowStep] : []), ...(columns > 1 ? [to.columnStep] : [])];
    if (!isWhole(fromSteps, channels) || !isWhole(toSteps, result)) return undefined;
    for (let k = 0; k < words; k++) {
      const [c, o] = [(from.offset + k) % channels, (to.offset + k) % result];
      if (map[c] >= 0 && map[c] !== o) return undefined;
      map[c] = o;
    }
  }
  return map.includes(-1) ? undefined : map;
}

function moveInFront(graph: DraftGraph, move: Move, layer: Elementwise, channels: readonly number[][]): DraftGraph {
  const tensors = [...graph.tensors];
  const output = tensors[layer.output];
  const range = output.measurable ? { rangeOf: output.name } : output.rangeOf === undefined ? {} : { rangeOf: output.rangeOf };
  const copies = move.inputs.map((input, at): Elementwise => {
    const id = tensors.length;
    tensors.push({ ...tensors[input], id, name: `${output.name}#before${at}`, measurable: false, partOf: undefined, ...range });
    const common = { name: `${layer.name}#${at}`, inputs: [input], output: id };
    if (layer.kind !== 'affine') return { ...layer, ...common };
    const pickChannels = (values: Float64Array): Float64Array => Float64Array.from(channels[at], (c) => values[c]);
    return { ...layer, ...common, scale: pickChannels(layer.scale), bias: pickChannels(layer.bias) };
  });
  const merged = { nodes: mergeNodes(move, layer), inputs: copies.map((copy) => copy.output), output: layer.output };
  const moved: Move =
    move.kind === 'rearrange' && layer.kind === 'clamp'
      ? { ...move, ...merged, fill: Math.min(Math.max(move.fill, layer.clamp.low), layer.clamp.high) }
      : { ...move, ...merged };
  const layers = graph.layers.flatMap((other): FloatLayer[] => (other === move ? [...copies, moved] : other === layer ? [] : [other]));
  return { ...graph, tensors, layers };
}
