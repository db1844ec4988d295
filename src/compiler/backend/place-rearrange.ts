/**
 * How a rearrangement is done: not at all (a slice is read where it lies), by storing a stage's results where their words belong (alias, scatter), or by
 * copying. Specification: docs/compiler.md, "Rearrangements".
 */
import type { IntegerGraph, IntegerLayer, IntegerTensor, RearrangeLayer, RearrangePart, WordGrid } from '../../graph/integer-graph.ts';
import type { Alias, CopyBox, Scatter } from './stage.ts';
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
  /** Tensors that must have dense memory of their own. */
  readonly dense: ReadonlySet<number>;
  readonly constants: Map<number, Int16Array>;
}

/** Copies that are left to do, by input tensor. */
export interface PendingCopy {
  readonly input: number;
  readonly boxes: readonly CopyBox[];
}

/** Tensors that parts cut across pixels: they cannot lie inside another tensor. */
export function findDenseTensors(graph: IntegerGraph): Set<number> {
  const dense = new Set<number>();
  for (const layer of graph.layers) {
    if (layer.kind === 'conv') {
      // A kernel over the whole map reads it as one run of words.
      const { id, height, width } = graph.tensors[layer.inputs[0]!]!;
      const [kernelH, kernelW] = layer.window.kernel;
      if (height > 1 && kernelH === height && kernelW === width) dense.add(id);
    }
    if (layer.kind !== 'rearrange') continue;
    for (const part of layer.parts) {
      const input = layer.inputs[part.input]!;
      if (!pixelForm(part.from, graph.tensors[input]!, part)) dense.add(input);
      if (!pixelForm(part.to, graph.tensors[layer.output]!, part)) dense.add(layer.output);
    }
  }
  return dense;
}

/** Decides for every input, and returns the copies that are needed. */
export function placeRearrange(layer: RearrangeLayer, state: PlacementState): PendingCopy[] {
  const { graph, aliases, constants } = state;
  const output = graph.tensors[layer.output]!;
  if (isSlice(layer, state)) {
    const [part] = layer.parts;
    const input = layer.inputs[part!.input]!;
    const { offset } = part!.from;
    const tensor = graph.tensors[input]!;
    const isChannels = output.height === tensor.height && output.width === tensor.width && offset < tensor.channels;
    aliases.set(layer.output, isChannels ? { parent: input, channelOffset: offset } : { parent: input, channelOffset: 0, grid: part!.from });
    return [];
  }
  const words = output.height * output.width * output.channels;
  const covered = layer.parts.reduce((sum, part) => sum + part.rows * part.columns * part.words, 0);
  if (covered < words) constants.set(layer.output, new Int16Array(words).fill(layer.fill));
  return layer.inputs.flatMap((input, at): PendingCopy[] => {
    const parts = layer.parts.filter((part) => part.input === at);
    if (parts.length === 0) return [];
    if (!canScatter(parts, graph.tensors[input]!, state)) return [{ input, boxes: parts }];
    for (const part of parts) scatter(part, input, output, state);
    state.served.set(input, (state.served.get(input) ?? new Set()).add(layer));
    return [];
  });
}

/** One part that is the whole result, without repetition, read by layers that can read it where it lies. */
function isSlice(layer: RearrangeLayer, { graph, outputs, dense }: PlacementState): boolean {
  const [part, ...others] = layer.parts;
  if (!part || others.length > 0 || outputs.has(layer.output) || dense.has(layer.output)) return false;
  const output = graph.tensors[layer.output]!;
  const input = graph.tensors[layer.inputs[part.input]!]!;
  const isWhole = part.rows === output.height && part.columns === output.width && part.words === output.channels;
  const repeats = (part.rows > 1 && part.from.rowStep === 0) || (part.columns > 1 && part.from.columnStep === 0);
  return isWhole && !repeats && isNatural(part.to, output, part) && pixelForm(part.from, input, part) !== undefined;
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
  const { graph, aliases, scatters, outputs, dense, constants } = state;
  const tensor = graph.tensors[input]!;
  const isWhole = part.words === tensor.channels;
  const isFree = !aliases.has(input) && !outputs.has(input) && !dense.has(input) && !constants.has(input) && !scatters.has(input);
  if (isWhole && isFree) aliases.set(input, { parent: output.id, channelOffset: 0, grid: part.to });
  else scatters.set(input, [...(scatters.get(input) ?? []), { target: output.id, channel: part.from.offset, words: part.words, grid: part.to }]);
}
