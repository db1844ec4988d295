/**
 * Pass on the integer graph: a rearrangement of what another one only stacked reads the stacked maps themselves, whose stages can then store their
 * results where they belong. Same bits. Specification: docs/compiler.md, "Rearrangements".
 *
 *   stack(a, b) → rearrange   ⇒   rearrange(a, b)
 *
 * Requires: nothing. Guarantees the same words for every tensor that is left; a stack that nobody reads any more is gone.
 */
import type { IntegerGraph, IntegerLayer, IntegerTensor, RearrangeLayer, RearrangePart } from '../../graph/integer-graph.ts';

/** Parts that one part may become. */
const MAX_PIECES = 64;

export function composeMoves(graph: IntegerGraph): IntegerGraph {
  const stacks = new Map<number, RearrangeLayer>();
  const layers: IntegerLayer[] = [];
  for (const layer of graph.layers) {
    const next = layer.kind === 'rearrange' ? readStacked(graph, layer, stacks) : layer;
    if (next.kind === 'rearrange' && next.parts.every((part) => isRun(graph, next, part))) stacks.set(next.output, next);
    layers.push(next);
  }
  const read = new Set([...layers.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ tensor }) => tensor)]);
  return { ...graph, layers: layers.filter((layer) => !stacks.has(layer.output) || read.has(layer.output)) };
}

const sizeOf = ({ height, width, channels }: IntegerTensor): number => height * width * channels;

/** Are all words of an input moved as one run? */
function isRun(graph: IntegerGraph, { inputs }: RearrangeLayer, { input, rows, columns, words, from, to }: RearrangePart): boolean {
  const follows = ({ rowStep, columnStep }: RearrangePart['from']): boolean =>
    (columns === 1 || columnStep === words) && (rows === 1 || rowStep === columns * words);
  return from.offset === 0 && rows * columns * words === sizeOf(graph.tensors[inputs[input]!]!) && follows(from) && follows(to);
}

/** The rearrangement with its stacked inputs replaced by what was stacked, where every part of it lies inside one of these. */
function readStacked(graph: IntegerGraph, layer: RearrangeLayer, stacks: ReadonlyMap<number, RearrangeLayer>): RearrangeLayer {
  if (!layer.inputs.some((id) => stacks.has(id))) return layer;
  const inputs: number[] = [];
  const placeOf = (id: number): number => (inputs.includes(id) ? inputs.indexOf(id) : inputs.push(id) - 1);
  const parts: RearrangePart[] = [];
  for (const part of layer.parts) {
    const id = layer.inputs[part.input]!;
    const stack = stacks.get(id);
    if (!stack) {
      parts.push({ ...part, input: placeOf(id) });
      continue;
    }
    const pieces = cutPart(graph, part, stack);
    if (!pieces) return layer;
    for (const { piece, source } of pieces) parts.push({ ...piece, input: placeOf(source) });
  }
  return { ...layer, inputs, parts };
}

function cutPart(graph: IntegerGraph, part: RearrangePart, stack: RearrangeLayer): { piece: RearrangePart; source: number }[] | undefined {
  for (const [rowCuts, columnCuts] of [
    [1, 1],
    [part.rows, 1],
    [1, part.columns],
  ] as const) {
    if (rowCuts * columnCuts > MAX_PIECES) continue;
    const pieces = Array.from({ length: rowCuts * columnCuts }, (_, i) => {
      const [row, column] = [rowCuts > 1 ? i : 0, columnCuts > 1 ? i : 0];
      const move = ({ offset, rowStep, columnStep }: RearrangePart['from']) => ({
        offset: offset + row * rowStep + column * columnStep,
        rowStep,
        columnStep,
      });
      const cut = { ...part, rows: part.rows / rowCuts, columns: part.columns / columnCuts, from: move(part.from), to: move(part.to) };
      return insideOf(graph, cut, stack);
    });
    if (pieces.every((piece) => piece !== undefined)) return pieces;
  }
  return undefined;
}

/** The part as one of a stacked map, if all its words are of one. */
function insideOf(graph: IntegerGraph, part: RearrangePart, stack: RearrangeLayer): { piece: RearrangePart; source: number } | undefined {
  const { rows, columns, words, from, to } = part;
  const first = from.offset;
  const end = first + (rows - 1) * from.rowStep + (columns - 1) * from.columnStep + words;
  for (const run of stack.parts) {
    const source = stack.inputs[run.input]!;
    const tensor = graph.tensors[source]!;
    if (first < run.to.offset || end > run.to.offset + sizeOf(tensor)) continue;
    const piece = { ...part, from: { ...from, offset: first - run.to.offset } };
    // All pixels of a single row are one row of pixels.
    const isColumn = columns === 1 && rows > 1 && tensor.height === 1;
    const lie = (grid: RearrangePart['from']) => ({ offset: grid.offset, rowStep: rows * grid.rowStep, columnStep: grid.rowStep });
    return { piece: isColumn ? { ...piece, rows: 1, columns: rows, from: lie(piece.from), to: lie(to) } : piece, source };
  }
  return undefined;
}
