/**
 * How a rearrangement is done: not at all (a slice is read where it lies), by storing a stage's results where their words belong (alias, scatter), or by
 * copying. Specification: docs/compiler.md, "Rearrangements".
 */
import type { IntegerGraph, IntegerLayer, IntegerTensor, RearrangeLayer, RearrangePart, WordGrid } from '../../../graph/integer-graph.ts';
import type { Alias, CopyBox, Fill, Scatter } from './stage.ts';
import { naturalGrid, pixelForm } from './word-grid.ts';

/** What is known of the tensors when a rearrangement is reached. */
export interface PlacementState {
  readonly graph: IntegerGraph;
  readonly aliases: Map<number, Alias>;
  readonly scatters: Map<number, Scatter[]>;
  /** Layers that find what they read of a tensor where its scatters or its alias put it. */
  readonly served: Map<number, Set<IntegerLayer>>;
  /** Results of stages: their stores may be sent elsewhere. */
  readonly stageResults: ReadonlySet<number>;
  readonly outputs: ReadonlySet<number>;
  readonly dense: DenseTensors;
  readonly fills: Map<number, Fill>;
}

/** Copies that are left to do, by input tensor. */
export interface PendingCopy {
  readonly input: number;
  readonly boxes: readonly CopyBox[];
}

/** Tensors with limits on where they may lie. */
export interface DenseTensors {
  /** Parts cut across their pixels: not inside another tensor. */
  readonly cut: ReadonlySet<number>;
  /** Read as one run of pixels: their rows must follow each other. */
  readonly flattened: ReadonlySet<number>;
  /** Read as weights: their pixels begin at lines. */
  readonly lines: ReadonlySet<number>;
}

export function findDenseTensors(graph: IntegerGraph): DenseTensors {
  const cut = new Set<number>();
  const flattened = new Set<number>();
  const lines = new Set(graph.layers.flatMap((layer) => (layer.kind === 'matmul' ? [layer.inputs[1]!] : [])));
  for (const layer of graph.layers) {
    if (layer.kind === 'conv') {
      const { id, height, width } = graph.tensors[layer.inputs[0]!]!;
      const [kernelH, kernelW] = layer.window.kernel;
      if (height > 1 && kernelH === height && kernelW === width) flattened.add(id);
    }
    if (layer.kind !== 'rearrange') continue;
    for (const part of layer.parts) {
      const input = layer.inputs[part.input]!;
      if (!pixelForm(part.from, graph.tensors[input]!, part)) cut.add(input);
      if (!pixelForm(part.to, graph.tensors[layer.output]!, part)) cut.add(layer.output);
    }
  }
  return { cut, flattened, lines };
}

function isDense({ cut, flattened }: DenseTensors, tensor: number): boolean {
  return cut.has(tensor) || flattened.has(tensor);
}

/** Decides for every input, and returns the copies that are needed. */
export function placeRearrange(layer: RearrangeLayer, state: PlacementState): PendingCopy[] {
  const { graph, aliases, fills } = state;
  const output = graph.tensors[layer.output]!;
  if (isSlice(layer, state)) {
    const [part] = layer.parts;
    const input = layer.inputs[part!.input]!;
    const { offset } = part!.from;
    const tensor = graph.tensors[input]!;
    const isChannels = output.height === tensor.height && output.width === tensor.width && offset < tensor.channels;
    aliases.set(
      layer.output,
      isChannels ? { parent: input, channelOffset: offset } : { parent: input, channelOffset: 0, grid: part!.from },
    );
    return [];
  }
  const gaps = findGaps(layer, output);
  if (gaps.length > 0) fills.set(layer.output, { word: layer.fill, gaps });
  return layer.inputs.flatMap((input, at): PendingCopy[] => {
    const parts = layer.parts.filter((part) => part.input === at);
    if (parts.length === 0) return [];
    if (!canScatter(parts, graph.tensors[input]!, state)) return [{ input, boxes: parts }];
    for (const part of parts) scatter(part, input, output, state);
    state.served.set(input, (state.served.get(input) ?? new Set()).add(layer));
    return [];
  });
}

/** Words that no part writes. */
function findGaps(layer: RearrangeLayer, { height, width, channels }: IntegerTensor): Fill['gaps'] {
  const isWritten = new Uint8Array(height * width * channels);
  for (const { rows, columns, words, to } of layer.parts) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const first = to.offset + row * to.rowStep + column * to.columnStep;
        isWritten.fill(1, first, first + words);
      }
    }
  }
  const gaps: { first: number; end: number }[] = [];
  for (let first = isWritten.indexOf(0); first >= 0; first = isWritten.indexOf(0, gaps.at(-1)!.end)) {
    const end = isWritten.indexOf(1, first);
    gaps.push({ first, end: end < 0 ? isWritten.length : end });
  }
  return gaps;
}

/**
 * One part that is the whole result, without repetition, read by layers that can read it where it lies: pixels of the input, or any words of one that is
 * dense (`cut` keeps it so).
 */
function isSlice(layer: RearrangeLayer, { graph, outputs, dense, aliases }: PlacementState): boolean {
  const [part, ...others] = layer.parts;
  if (!part || others.length > 0 || outputs.has(layer.output) || isDense(dense, layer.output)) return false;
  const output = graph.tensors[layer.output]!;
  const input = graph.tensors[layer.inputs[part.input]!]!;
  const isWhole = part.rows === output.height && part.columns === output.width && part.words === output.channels;
  const repeats = (part.rows > 1 && part.from.rowStep === 0) || (part.columns > 1 && part.from.columnStep === 0);
  const isReadable = pixelForm(part.from, input, part) !== undefined || !aliases.has(input.id);
  return isWhole && !repeats && isNatural(part.to, output, part) && isReadable;
}

/** Do the steps go through the tensor's rows and pixels one by one, from its first word? */
function isNatural(grid: WordGrid, tensor: IntegerTensor, { rows, columns }: Pick<RearrangePart, 'rows' | 'columns'>): boolean {
  const natural = naturalGrid(tensor);
  return grid.offset === 0 && (rows === 1 || grid.rowStep === natural.rowStep) && (columns === 1 || grid.columnStep === natural.columnStep);
}

/** Are all parts channels of all pixels of what a stage stores? */
function canScatter(parts: readonly RearrangePart[], input: IntegerTensor, { stageResults }: PlacementState): boolean {
  if (!stageResults.has(input.id)) return false;
  return parts.every((part) => {
    const { rows, columns, words, from } = part;
    const isAll = rows === input.height && columns === input.width && from.offset + words <= input.channels;
    return isAll && isNatural({ ...from, offset: 0 }, input, part);
  });
}

function scatter(part: RearrangePart, input: number, output: IntegerTensor, state: PlacementState): void {
  const { graph, aliases, scatters, outputs, dense, fills } = state;
  const tensor = graph.tensors[input]!;
  const isWhole = part.words === tensor.channels;
  const isFree =
    !dense.lines.has(input) &&
    !aliases.has(input) &&
    !outputs.has(input) &&
    !isDense(dense, input) &&
    !fills.has(input) &&
    !scatters.has(input);
  if (isWhole && isFree) aliases.set(input, { parent: output.id, channelOffset: 0, grid: part.to });
  else
    scatters.set(input, [
      ...(scatters.get(input) ?? []),
      { target: output.id, channel: part.from.offset, words: part.words, grid: part.to },
    ]);
}
