/**
 * Pass on the integer graph: maps on which every layer works pixel by pixel become columns, one pixel a row. Schedules cut maps at rows, so that work begins
 * when the first rows are there and large maps need no stripes. Words and their order in memory stay as they are.
 *
 *   matmul(1 × T × C)   ⇒   matmul(T × 1 × C)
 *
 * Requires: nothing. Guarantees the same words for every tensor. Specification: docs/compiler.md, "Sequences".
 */
import type { IntegerGraph, IntegerLayer, IntegerTensor, RearrangeLayer, RearrangePart } from '../../../graph/integer-graph.ts';

/** More rows than this would make more pieces than they are worth. */
const MAX_ROWS = 1024;

export function standSequences(graph: IntegerGraph): IntegerGraph {
  const group = graph.tensors.map((_, id) => id);
  const find = (id: number): number => {
    let root = id;
    while (group[root] !== root) root = group[root]!;
    return root;
  };
  const lying = new Set<number>();
  for (const layer of graph.layers) {
    const ids = tensorsOfPixels(graph, layer);
    for (const id of ids) group[find(id)] = find(ids[0]!);
    if (!isPixelwise(graph, layer)) for (const id of [...layer.inputs, layer.output]) lying.add(id);
    // Rows that are dealt out otherwise than pixel by pixel stay rows.
    if (layer.kind === 'rearrange' && !layer.parts.every(canStand)) lying.add(layer.output);
  }
  graph.tensors.forEach(({ id, height, width }) => {
    if (height * width > MAX_ROWS) lying.add(id);
  });
  const stays = new Set([...lying].map(find));
  const stands = graph.tensors.map(({ id, width }) => width > 1 && !stays.has(find(id)));
  if (!stands.includes(true)) return graph;
  const tensors = graph.tensors.map((tensor): IntegerTensor => {
    return stands[tensor.id] ? { ...tensor, height: tensor.height * tensor.width, width: 1 } : tensor;
  });
  const layers = graph.layers.map((layer): IntegerLayer => {
    if (layer.kind !== 'rearrange') return layer;
    const { height, width } = graph.tensors[layer.output]!;
    // A slice that lies is read as it lies.
    const isSlice = layer.parts.length === 1 && layer.parts[0]!.rows === height && layer.parts[0]!.columns === width;
    const isStanding = stands[layer.output] || (!isSlice && layer.inputs.some((id) => stands[id]));
    return isStanding ? { ...layer, parts: layer.parts.map(standPart) } : layer;
  });
  return { ...graph, tensors, layers };
}

/** Does the layer treat every pixel alike, whatever is beside it? */
function isPixelwise(graph: IntegerGraph, layer: IntegerLayer): boolean {
  if (layer.kind !== 'conv') return layer.kind !== 'maxpool' && layer.kind !== 'averagepool';
  // A part of a transposed convolution may stop before the end of its input.
  const [input, output] = [graph.tensors[layer.inputs[0]!]!, graph.tensors[layer.output]!];
  if (input.height !== output.height || input.width !== output.width) return false;
  const { kernel, stride, pads } = layer.window;
  return [...kernel, ...stride].every((n) => n === 1) && pads.every((pad) => pad === 0);
}

/** Tensors of a layer whose pixels correspond: all must stand or none. */
function tensorsOfPixels(graph: IntegerGraph, layer: IntegerLayer): number[] {
  if (layer.kind === 'rearrange') return dealsChannels(graph, layer) ? [layer.output, ...layer.inputs] : [layer.output];
  if (layer.kind === 'matmul') return [layer.output, layer.inputs[0]!];
  const pixels = (id: number): number => graph.tensors[id]!.height * graph.tensors[id]!.width;
  return [layer.output, ...layer.inputs.filter((id) => pixels(id) === pixels(layer.output))];
}

/** Is the result put together of channels of maps that are like it? Their makers can store these where they belong, if all of them lie alike. */
function dealsChannels({ tensors }: IntegerGraph, { inputs, output, parts }: RearrangeLayer): boolean {
  const { height, width, channels } = tensors[output]!;
  const isNatural = ({ offset, rowStep, columnStep }: RearrangePart['from'], depth: number, words: number): boolean =>
    columnStep === depth && rowStep === width * depth && offset + words <= depth;
  return (
    parts.length > 1 &&
    inputs.every((id) => tensors[id]!.height === height && tensors[id]!.width === width) &&
    parts.every(
      ({ input, rows, columns, words, from, to }) =>
        rows === height && columns === width && isNatural(from, tensors[inputs[input]!]!.channels, words) && isNatural(to, channels, words),
    )
  );
}

/** Is a part one row of pixels, or several that follow each other? */
function canStand({ rows, columns, from, to }: RearrangePart): boolean {
  const follows = ({ rowStep, columnStep }: RearrangePart['from']): boolean => rowStep === columns * columnStep;
  return columns === 1 || rows === 1 || (follows(from) && follows(to));
}

/** A single row of pixels as rows of one pixel; several rows that follow each other likewise. */
function standPart(part: RearrangePart): RearrangePart {
  const { rows, columns, from, to } = part;
  if (columns === 1 || !canStand(part)) return part;
  const stand = ({ offset, columnStep }: RearrangePart['from']) => ({ offset, rowStep: columnStep, columnStep });
  return { ...part, rows: rows * columns, columns: 1, from: stand(from), to: stand(to) };
}
