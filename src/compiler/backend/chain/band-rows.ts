/** Which rows of a band's maps a member reads and makes. Specification: docs/compiler.md, "Bands". */
import { inputRows } from '../mac/tile-rows.ts';
import type { BandMember } from './band.ts';

/** Rows of its input that a member reads for a row of its result. */
export function inputRowsOf({ stage: { mac, vec } }: BandMember, row: number): { first: number; end: number } {
  if (mac) return inputRows(mac, row, row + 1);
  if (vec?.op !== 'max') return { first: row, end: row + 1 };
  const { geometry: g } = vec;
  const first = Math.min(g.inHeight - 1, Math.max(0, row * g.strideH - g.padTop));
  return { first, end: Math.max(first + 1, Math.min(g.inHeight, row * g.strideH - g.padTop + (g.kernelH - 1) * g.dilationH + 1)) };
}

/** Row of its buffer in which a row of a member's result lies. */
export function rowOf({ place }: BandMember, row: number): number {
  return row * place.rowScale + place.row;
}
