/**
 * Layers that only say which words are the channels of a pixel: concatenations, rearrangements that leave rows and columns alone, and those that make channels
 * of blocks of pixels (SpaceToDepth, slices of every second row and column).
 */
import type { RearrangePart } from '../../graph/integer-graph.ts';
import type { DraftGraph, FloatLayer, LayerTensor } from './layer-graph.ts';

/** Channel `channel` of input `input`. */
export interface ChannelSource {
  readonly input: number;
  readonly channel: number;
}

/** A channel at a row and a column of the block that belongs to a pixel. */
export interface BlockSource extends ChannelSource {
  readonly row: number;
  readonly column: number;
}

/** Pixel (y, x) of the result is made of the pixels of an input from (y · rows, x · columns) on. */
export interface BlockMove {
  readonly rows: number;
  readonly columns: number;
  /** Of every channel of the result. */
  readonly sources: readonly BlockSource[];
}

/** Where every channel of the result comes from; undefined if the layer does anything else. */
export function readChannelMove(graph: DraftGraph, layer: FloatLayer): readonly ChannelSource[] | undefined {
  const move = readBlockMove(graph, layer);
  return move?.rows === 1 && move.columns === 1 ? move.sources : undefined;
}

/** The same of layers whose pixels are blocks of their inputs', all of one size. */
export function readBlockMove(graph: DraftGraph, layer: FloatLayer): BlockMove | undefined {
  if (layer.kind !== 'concat' && layer.kind !== 'rearrange') return undefined;
  const output = graph.tensors[layer.output];
  const inputs = layer.inputs.map((id) => graph.tensors[id]);
  const [rows, columns] = [inputs[0].height / output.height, inputs[0].width / output.width];
  if (!inputs.every(({ height, width }) => height === rows * output.height && width === columns * output.width)) return undefined;
  if (!Number.isInteger(rows) || !Number.isInteger(columns)) return undefined;
  if (layer.kind === 'concat') {
    const sourcesOf = ({ channels }: LayerTensor, input: number): BlockSource[] =>
      Array.from({ length: channels }, (_, channel) => ({ input, row: 0, column: 0, channel }));
    return { rows, columns, sources: inputs.flatMap(sourcesOf) };
  }
  const sources: (BlockSource | undefined)[] = new Array(output.channels).fill(undefined);
  for (const part of layer.parts) {
    const { channels, width } = inputs[part.input];
    const words = channelWords(part, inputs[part.input], output);
    if (!words) return undefined;
    for (const { from, to } of words) {
      const [row, inRow] = [Math.floor(from / (width * channels)), from % (width * channels)];
      const [column, channel] = [Math.floor(inRow / channels), inRow % channels];
      if (row >= rows || column >= columns || to >= output.channels) return undefined;
      sources[to] = { input: part.input, row, column, channel };
    }
  }
  return sources.every((source) => source !== undefined) ? { rows, columns, sources } : undefined;
}

interface Loop {
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/** The words of the first pixel that a part moves, if it moves those of all other pixels alike, block by block. */
function channelWords({ rows, columns, words, from, to }: RearrangePart, input: LayerTensor, output: LayerTensor) {
  const loops = [
    { count: words, from: 1, to: 1 },
    { count: columns, from: from.columnStep, to: to.columnStep },
    { count: rows, from: from.rowStep, to: to.rowStep },
  ].flatMap((loop) => splitLoop(loop, [output.channels, output.channels * output.width]));
  const pitch = input.channels * input.width;
  const axes = [
    { count: output.width, to: output.channels, from: (input.width / output.width) * input.channels },
    { count: output.height, to: output.channels * output.width, from: (input.height / output.height) * pitch },
  ];
  // Along rows and columns one loop each, over all of them.
  for (const axis of axes) {
    const at = loops.findIndex((loop) => loop.count === axis.count && loop.to === axis.to && loop.from === axis.from);
    if (at >= 0) loops.splice(at, 1);
    else if (axis.count > 1) return undefined;
  }
  if (loops.some((loop) => loop.to >= output.channels)) return undefined;
  return loops.reduce(
    (list, loop) =>
      list.flatMap((at) => Array.from({ length: loop.count }, (_, i) => ({ from: at.from + i * loop.from, to: at.to + i * loop.to }))),
    [{ from: from.offset, to: to.offset }],
  );
}

/** A loop cut where the result's next axis begins, a multiple of `bounds` words away; none over a single word. */
function splitLoop(loop: Loop, [bound, ...bounds]: readonly number[]): Loop[] {
  if (loop.count === 1) return [];
  if (bound === undefined) return [loop];
  const inner = Math.ceil(bound / loop.to);
  if (loop.to >= bound || loop.count <= inner || loop.count % inner !== 0 || bound % loop.to !== 0) return splitLoop(loop, bounds);
  const outer = { count: loop.count / inner, from: loop.from * inner, to: bound };
  return [{ ...loop, count: inner }, ...splitLoop(outer, bounds)];
}

/** Runs of neighbours that stay neighbours; −1: not from this source. */
export function pixelRuns(sources: readonly number[]): { to: number; from: number; count: number }[] {
  const runs: { to: number; from: number; count: number }[] = [];
  sources.forEach((from, to) => {
    if (from < 0) return;
    const last = runs.at(-1);
    if (last && last.to + last.count === to && last.from + last.count === from) last.count++;
    else runs.push({ to, from, count: 1 });
  });
  return runs;
}
