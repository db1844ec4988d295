/**
 * The source side of a window walk over a ring of input rows. Specification: microarchitecture.md, section 3 (addresses), isa.md, section 5 (a window's
 * kernel rows lie in one turn of the ring).
 */
import type { MacDescriptor } from '../../../isa/fields.ts';
import type { Geometry } from '../stages/stage.ts';

/** A ring of rows (or a plain slot: ring of its own length) in the maps buffers. */
export interface Ring {
  readonly base: number;
  readonly words: number;
}

export type SourceWalk = Pick<MacDescriptor, 'srcRing' | 'srcOffset' | 'srcColumn' | 'rowStep' | 'kRowStep'>;

/** Rows that a ring needs so that a window's kernel rows lie in one turn of it, or that it needs no turns. */
export function leastRingRows({ kernelH, dilationH, inHeight }: Geometry): number {
  return Math.min((kernelH - 1) * dilationH + 1, inHeight);
}

/**
 * Output rows [first, end) of a map whose input row r lies at (r − origin) modulo the ring. A window that is taller than the ring reads the few rows that
 * exist: then these do not wrap, and no ring is needed.
 */
export function walkSource(
  g: Geometry,
  ring: Ring,
  origin: number,
  rowWords: number,
  { first, end }: { readonly first: number; readonly end: number },
  column: number,
): SourceWalk {
  const iy0 = first * g.strideH - g.padTop;
  const kRowStep = modulo(g.dilationH * rowWords, ring.words);
  if ((g.kernelH - 1) * kRowStep <= ring.words) {
    const srcOffset = modulo((iy0 - origin) * rowWords, ring.words);
    return { srcRing: ring.words, srcOffset, srcColumn: column, rowStep: modulo(g.strideH * rowWords, ring.words), kRowStep };
  }
  const low = Math.max(0, iy0);
  const high = Math.min(g.inHeight, (end - 1) * g.strideH - g.padTop + (g.kernelH - 1) * g.dilationH + 1);
  const start = modulo((low - origin) * rowWords, ring.words);
  if (start + (high - low) * rowWords > ring.words) throw new Error(`rows ${low} to ${high} wrap in a ring of ${ring.words} words`);
  const srcColumn = column + start + (iy0 - low) * rowWords;
  return { srcRing: 0, srcOffset: 0, srcColumn, rowStep: g.strideH * rowWords, kRowStep: g.dilationH * rowWords };
}

function modulo(value: number, base: number): number {
  return ((value % base) + base) % base;
}
