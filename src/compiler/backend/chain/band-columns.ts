/** Which columns of a band's maps a CU makes, reads and holds. Specification: docs/compiler.md, "Bands". */
import type { Geometry } from '../stages/stage.ts';
import type { BandGraph, BandMember } from './band.ts';

/** Columns [from, to). */
export interface ColumnRange {
  readonly from: number;
  readonly to: number;
}

/** First column of a CU's share of a map. */
function cutOf(width: number, cu: number, cus: number): number {
  return Math.floor((width * cu) / cus);
}

/** Columns of a member's result that a CU makes. */
export function columnsOfCu({ width }: BandMember, cu: number, cus: number): ColumnRange {
  return { from: cutOf(width, cu, cus), to: cutOf(width, cu + 1, cus) };
}

/** Columns of its input that a member reads for some of its results. */
function inputColumns({ stage: { mac, vec } }: BandMember, { from, to }: ColumnRange): ColumnRange {
  const g: Geometry | undefined = mac?.geometry ?? (vec?.op === 'max' ? vec.geometry : undefined);
  if (!g) return { from, to };
  const first = Math.max(0, from * g.strideW - g.padLeft);
  const end = Math.min(g.inWidth, (to - 1) * g.strideW - g.padLeft + (g.kernelW - 1) * g.dilationW + 1);
  return { from: Math.min(first, g.inWidth - 1), to: Math.max(end, Math.min(first, g.inWidth - 1) + 1) };
}

/** Columns that every CU makes or reads of a buffer, hulls. */
export function heldColumns({ members, buffers }: BandGraph, b: number, cus: number): ColumnRange[] {
  const { zoom } = buffers[b]!;
  return Array.from({ length: cus }, (_, cu) => {
    let [from, to] = [Number.POSITIVE_INFINITY, 0];
    const add = (range: ColumnRange): void => {
      if (range.to <= range.from) return;
      from = Math.min(from, range.from);
      to = Math.max(to, range.to);
    };
    for (const member of members) {
      const own = columnsOfCu(member, cu, cus);
      if (own.to === own.from) continue;
      if (member.buffer === b) add(madeColumns(member, own));
      if (member.input.buffer === b) add(inputColumns(member, own));
      if (member.other?.buffer === b) add({ from: Math.floor(own.from / zoom), to: Math.floor((own.to - 1) / zoom) + 1 });
    }
    return to > from ? { from, to } : { from: 0, to: 0 };
  });
}

/** Columns of its buffer that a member writes. */
export function madeColumns({ place }: BandMember, { from, to }: ColumnRange): ColumnRange {
  return { from: from * place.columnScale + place.column, to: (to - 1) * place.columnScale + place.column + 1 };
}

/** Does a CU read columns that another one makes? */
export function isShared({ members, buffers }: BandGraph, b: number, held: readonly ColumnRange[], cus: number): boolean {
  if (buffers[b]!.isLoaded) return held.some(({ from }, cu) => cu > 0 && from < held[cu - 1]!.to);
  return members.some(
    (member) =>
      member.buffer === b &&
      held.some((range, cu) => {
        const foreign = Array.from({ length: cus }, (_, other) => sentColumns(member, columnsOfCu(member, other, cus), range));
        return foreign.some(({ from, to }, other) => other !== cu && to > from);
      }),
  );
}

/** Of a CU's results, those whose columns are among the held ones of another. */
export function sentColumns({ place }: BandMember, own: ColumnRange, held: ColumnRange): ColumnRange {
  const from = Math.max(own.from, Math.ceil((held.from - place.column) / place.columnScale));
  const to = Math.min(own.to, Math.ceil((held.to - place.column) / place.columnScale));
  return to > from ? { from, to } : { from: own.from, to: own.from };
}
