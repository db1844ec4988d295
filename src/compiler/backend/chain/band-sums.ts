/** Sums in place: of a band's sums, those whose rows take the place of their second operand's, so that two rings are one. Specification: docs/compiler.md, "Bands". */
import { isPairWork } from '../stages/stage.ts';
import type { BandBuffer, BandGraph, BandMember } from './band.ts';
import type { ColumnRange } from './band-columns.ts';
import { inputRowsOf } from './band-rows.ts';

/**
 * Members whose rows may take the place of their second operand's: same rows, same columns in every CU, none of them another CU's, and nobody reads a row of the operand
 * behind them.
 * @param slots of every member's rows
 * @param held columns by buffer and CU
 * @param shared does a CU read columns of a buffer that another one makes?
 */
export function findSumsInPlace(
  graph: BandGraph,
  slots: readonly Int32Array[],
  held: readonly (readonly ColumnRange[])[],
  shared: readonly boolean[],
): number[] {
  return graph.members.flatMap((member, m) => {
    const { other, buffer } = member;
    if (!other || shared[other.buffer] || shared[buffer]) return [];
    return isLike(member, graph.buffers, held) && isLastReader(graph, slots, m) ? [m] : [];
  });
}

/** Does a sum behind MACs make rows that lie as its second operand's? */
function isLike(
  { stage, other, buffer, channels }: BandMember,
  buffers: readonly BandBuffer[],
  held: readonly (readonly ColumnRange[])[],
): boolean {
  if (!stage.mac || !isPairWork(stage.vec) || stage.isTableFirst || !other) return false;
  const [from, to] = [buffers[other.buffer]!, buffers[buffer]!];
  const isOne = [from, to].every((map) => map.zoom === 1 && map.channels === channels);
  const isSame = from.pitch === to.pitch && from.height === to.height && from.width === to.width;
  const range = (b: number): string => held[b]!.map(({ from: first, to: end }) => `${first} ${end}`).join();
  return isOne && isSame && range(other.buffer) === range(buffer);
}

/** Is every row of a member's second operand read by nobody else once the member takes it? */
function isLastReader({ members }: BandGraph, slots: readonly Int32Array[], m: number): boolean {
  const { buffer } = members[m]!.other!;
  // Steps are in order of slots, then of members.
  const timeOf = (member: number, row: number): number => slots[member]![row]! * members.length + member;
  return members.every((reader, r) => {
    if (r === m) return reader.input.buffer !== buffer;
    const isBefore = (row: number, y: number): boolean => timeOf(r, row) < timeOf(m, y);
    return slots[r]!.every((_, row) => {
      const { first, end } = reader.input.buffer === buffer ? inputRowsOf(reader, row) : { first: row, end: row };
      // The first of the rows is the first to be taken.
      return (end === first || isBefore(row, first)) && (reader.other?.buffer !== buffer || isBefore(row, row));
    });
  });
}
