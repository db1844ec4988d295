/**
 * Pass on the integer graph: a rearrangement of what another one stacked or dealt out reads the maps in front of that one, whose stages can then store their
 * results where they belong. Same bits. Specification: docs/compiler.md, "Rearrangements".
 *
 *   stack(a, b) → rearrange   ⇒   rearrange(a, b)
 *   rows(a) → row i           ⇒   slice i of a
 *
 * Requires: nothing. Guarantees the same words for every tensor that is left; a rearrangement that nobody reads any more is gone.
 */
import type { IntegerGraph, IntegerLayer, IntegerTensor, RearrangeLayer, RearrangePart } from '../../../graph/integer-graph.ts';

/** Parts that one part may become. */
const MAX_PIECES = 64;

export function composeMoves(graph: IntegerGraph): IntegerGraph {
  const moves = new Map<number, RearrangeLayer>();
  const layers: IntegerLayer[] = [];
  for (const layer of graph.layers) {
    const next = layer.kind === 'rearrange' ? readThrough(graph, layer, moves) : layer;
    if (next.kind === 'rearrange') moves.set(next.output, next);
    layers.push(next);
  }
  const read = new Set([...layers.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ tensor }) => tensor)]);
  return { ...graph, layers: layers.filter((layer) => !moves.has(layer.output) || read.has(layer.output)) };
}

const sizeOf = ({ height, width, channels }: IntegerTensor): number => height * width * channels;

/** Are all words of an input moved as one run? */
function isRun(graph: IntegerGraph, { inputs }: RearrangeLayer, part: RearrangePart): boolean {
  const { input, rows, columns, words, from, to } = part;
  return from.offset === 0 && rows * columns * words === sizeOf(graph.tensors[inputs[input]!]!) && follows(part, from) && follows(part, to);
}

/** Are a part's words one run on this side? */
function follows({ rows, columns, words }: RearrangePart, { rowStep, columnStep }: RearrangePart['from']): boolean {
  return (columns === 1 || columnStep === words) && (rows === 1 || rowStep === columns * words);
}

/** The rearrangement with inputs that were rearranged replaced by what they were made of, where every part of it lies inside one part of that. */
function readThrough(graph: IntegerGraph, layer: RearrangeLayer, moves: ReadonlyMap<number, RearrangeLayer>): RearrangeLayer {
  if (!layer.inputs.some((id) => moves.has(id))) return layer;
  const inputs: number[] = [];
  const placeOf = (id: number): number => (inputs.includes(id) ? inputs.indexOf(id) : inputs.push(id) - 1);
  const parts: RearrangePart[] = [];
  for (const part of layer.parts) {
    const id = layer.inputs[part.input]!;
    const move = moves.get(id);
    if (!move) {
      parts.push({ ...part, input: placeOf(id) });
      continue;
    }
    const pieces = cutPart(graph, part, move);
    if (!pieces) return layer;
    for (const { piece, source } of pieces) parts.push({ ...piece, input: placeOf(source) });
  }
  return { ...layer, inputs, parts };
}

function cutPart(graph: IntegerGraph, part: RearrangePart, move: RearrangeLayer): { piece: RearrangePart; source: number }[] | undefined {
  for (const [rowCuts, columnCuts] of [
    [1, 1],
    [part.rows, 1],
    [1, part.columns],
  ] as const) {
    if (rowCuts * columnCuts > MAX_PIECES) continue;
    const pieces = Array.from({ length: rowCuts * columnCuts }, (_, i) => {
      const [row, column] = [rowCuts > 1 ? i : 0, columnCuts > 1 ? i : 0];
      const shift = ({ offset, rowStep, columnStep }: RearrangePart['from']) => ({
        offset: offset + row * rowStep + column * columnStep,
        rowStep,
        columnStep,
      });
      const cut = { ...part, rows: part.rows / rowCuts, columns: part.columns / columnCuts, from: shift(part.from), to: shift(part.to) };
      return insideOf(graph, cut, move) ?? rowOf(cut, move) ?? channelsOf(cut, move);
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
    if (!isRun(graph, stack, run)) continue;
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

/** The part as a row of what a part was dealt out to, if it is just that. */
function rowOf(part: RearrangePart, move: RearrangeLayer): { piece: RearrangePart; source: number } | undefined {
  const { rows, columns, words, from, to } = part;
  if (!follows(part, from) || !follows(part, to)) return undefined;
  for (const dealt of move.parts) {
    const length = dealt.columns * dealt.words;
    if (length !== rows * columns * words || (dealt.columns > 1 && dealt.to.columnStep !== dealt.words)) continue;
    const row = dealt.rows === 1 ? 0 : (from.offset - dealt.to.offset) / dealt.to.rowStep;
    if (from.offset !== dealt.to.offset + row * dealt.to.rowStep || !Number.isInteger(row) || row < 0 || row >= dealt.rows) continue;
    const piece = {
      ...dealt,
      rows: 1,
      from: { ...dealt.from, offset: dealt.from.offset + row * dealt.from.rowStep },
      to: { offset: to.offset, rowStep: length, columnStep: dealt.words },
    };
    return { piece, source: move.inputs[dealt.input]! };
  }
  return undefined;
}

/** The part as channels of what channels of pixels were taken from. */
function channelsOf(part: RearrangePart, move: RearrangeLayer): { piece: RearrangePart; source: number } | undefined {
  const [taken, ...others] = move.parts;
  if (!taken || others.length > 0 || taken.rows > 1 || taken.to.offset > 0 || taken.to.columnStep !== taken.words) return undefined;
  const { rows, columns, words, from } = part;
  if (rows > 1 || columns !== taken.columns || from.columnStep !== taken.words || from.offset + words > taken.words) return undefined;
  const offset = taken.from.offset + from.offset;
  return { piece: { ...part, from: { ...taken.from, offset } }, source: move.inputs[taken.input]! };
}
