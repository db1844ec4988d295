/**
 * Pass: a convolution that reads blocks of pixels as channels (SpaceToDepth, the slices of every second row and column in front of a detector) reads the map
 * itself, with a kernel, a stride and pads that many times as large: the same products, and no word is moved.
 *
 *     x → blocks of 2×2 → conv 3×3   →   x → conv 6×6/2
 *
 * Specification: docs/compiler.md, "Rearrangements".
 */
import { type BlockMove, type BlockSource, readBlockMove } from './block-moves.ts';
import { channelsRead, type DraftGraph, type FloatConv, type FloatLayer } from './layer-graph.ts';

/** Blocks of one tensor. */
type Blocks = Omit<BlockMove, 'sources'> & {
  readonly tensor: number;
  readonly sources: readonly Omit<BlockSource, 'input'>[];
};

export function readBlocks(graph: DraftGraph): DraftGraph {
  const known = new Map<number, Blocks>();
  const blocksOf = (tensor: number): Blocks => known.get(tensor) ?? wholePixels(graph, tensor);
  const layers = graph.layers.map((layer): FloatLayer => {
    const move = readBlockMove(graph, layer);
    const blocks = move && compose(move, layer.inputs.map(blocksOf));
    if (blocks) known.set(layer.output, blocks);
    const read = layer.kind === 'conv' ? known.get(layer.inputs[0]) : undefined;
    return layer.kind === 'conv' && read && isWhole(graph, read) && isPlain(graph, layer) ? widen(graph, layer, read) : layer;
  });
  return { ...graph, layers };
}

/** Every pixel is its own block. */
function wholePixels(graph: DraftGraph, tensor: number): Blocks {
  const { channels } = graph.tensors[tensor];
  return { tensor, rows: 1, columns: 1, sources: Array.from({ length: channels }, (_, channel) => ({ row: 0, column: 0, channel })) };
}

/** Blocks of blocks; undefined where they are not all of one tensor, and alike. */
function compose({ rows, columns, sources }: BlockMove, inputs: readonly Blocks[]): Blocks | undefined {
  const [first] = inputs;
  if (!inputs.every((other) => other.tensor === first.tensor && other.rows === first.rows && other.columns === first.columns))
    return undefined;
  return {
    tensor: first.tensor,
    rows: rows * first.rows,
    columns: columns * first.columns,
    sources: sources.map(({ input, row, column, channel }) => {
      const inner = inputs[input].sources[channel];
      return { row: row * first.rows + inner.row, column: column * first.columns + inner.column, channel: inner.channel };
    }),
  };
}

/**
 * Are they larger than a pixel, and is every word of them a channel, once? A block that is all rows or all columns is none: it is a stack (the heads of an
 * attention), whose makers store their results where they belong.
 */
function isWhole(graph: DraftGraph, { tensor, rows, columns, sources }: Blocks): boolean {
  const { height, width } = graph.tensors[tensor];
  if ((rows > 1 && rows === height) || (columns > 1 && columns === width)) return false;
  const words = new Set(sources.map(({ row, column, channel }) => (row * columns + column) * graph.tensors[tensor].channels + channel));
  return rows * columns > 1 && words.size === sources.length && words.size === rows * columns * graph.tensors[tensor].channels;
}

/** Does a convolution read all channels, in windows without gaps? */
function isPlain(graph: DraftGraph, layer: FloatConv): boolean {
  const input = graph.tensors[layer.inputs[0]];
  return layer.groups === 1 && channelsRead(layer, input) === input.channels && layer.window.dilation.every((step) => step === 1);
}

function widen(graph: DraftGraph, layer: FloatConv, { tensor, rows, columns, sources }: Blocks): FloatConv {
  const { window, weights, inputScale, ...rest } = layer;
  const { data, offset, strides } = weights;
  const [kernelH, kernelW] = window.kernel;
  const { channels } = graph.tensors[tensor];
  const row = kernelW * columns * channels;
  const output = kernelH * rows * row;
  const outputs = graph.tensors[layer.output].channels;
  const wide = new Float32Array(outputs * output);
  for (let o = 0; o < outputs; o++) {
    for (let ky = 0; ky < kernelH; ky++) {
      for (let kx = 0; kx < kernelW; kx++) {
        const from = offset + o * strides.output + ky * strides.row + kx * strides.column;
        sources.forEach((source, i) => {
          const to = (ky * rows + source.row) * row + (kx * columns + source.column) * channels + source.channel;
          wide[o * output + to] = data[from + i * strides.input] * (inputScale?.[i] ?? 1);
        });
      }
    }
  }
  const [top, left, bottom, right] = window.pads;
  return {
    ...rest,
    inputs: [tensor],
    window: {
      kernel: [kernelH * rows, kernelW * columns],
      stride: [window.stride[0] * rows, window.stride[1] * columns],
      dilation: [1, 1],
      pads: [top * rows, left * columns, bottom * rows, right * columns],
    },
    weights: { data: wide, offset: 0, strides: { output, row, column: channels, input: 1 } },
  };
}
