/**
 * Input rows on chip: a ring of rows that is loaded as tiles ask for them, or a tensor that is there already.
 */

import type { Ring } from '../mac/source-walk.ts';
import type { View } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source } from './emit-context.ts';
import type { RasterOutput } from './raster-walk.ts';

/** Rows of an image in a ring in every CU's maps buffer. */
export class RowRing {
  readonly ring: Ring;
  readonly pixelPitch: number;
  private readonly context: EmitContext;
  private readonly view: View | undefined;
  private readonly rows: number;
  private readonly rowWords: number;
  private readonly frame: number;
  /** Row at the start of the ring (or any row congruent to it). */
  readonly origin: number;
  /** Row → pieces by CU. */
  private readonly pieces = new Map<number, readonly Piece[]>();

  /** `view`: where missing rows are loaded from; undefined when they are made on chip. */
  constructor(
    context: EmitContext,
    view: View | undefined,
    base: number,
    width: number,
    pixelPitch: number,
    rows: number,
    frame: number,
    origin = 0,
  ) {
    this.context = context;
    this.view = view;
    this.pixelPitch = pixelPitch;
    this.rows = rows;
    this.rowWords = width * pixelPitch;
    this.frame = frame;
    this.origin = origin;
    this.ring = { base, words: rows * this.rowWords };
  }

  /** Load rows [first, end) that are not there. */
  require(first: number, end: number, source: Source): void {
    for (let r = first; r < end; ) {
      if (this.pieces.has(r)) {
        r++;
        continue;
      }
      const ringEnd = r + this.rows - ((r - this.origin) % this.rows);
      let to = r + 1;
      while (to < end && to < ringEnd && !this.pieces.has(to)) to++;
      const { context } = this;
      const loaded = context.loadRows(
        this.view!,
        { first: r, end: to, origin: this.origin },
        this.ring,
        this.pixelPitch,
        context.allCus,
        this.frame,
        source,
      );
      for (let i = r; i < to; i++) {
        const row = Array.from({ length: context.cus }, (_, cu) => loaded.get(cu)![i - r]!);
        this.pieces.set(i, row);
      }
      r = to;
    }
  }

  /** Room in every CU for rows [first, end) that are made on chip. */
  make(first: number, end: number): void {
    const { context, ring } = this;
    for (let r = first; r < end; r++) {
      const start = ring.base + this.offsetOf(r);
      const pieces = Array.from({ length: context.cus }, (_, cu) => context.list.newPiece(SPACE.maps(cu), start, start + this.rowWords));
      this.pieces.set(r, pieces);
    }
  }

  /** Columns of rows [first, end), for which there is room, from DRAM to the rows' beginnings in all CUs. */
  load(view: View, first: number, end: number, source: Source): void {
    const { context, ring, rowWords, pixelPitch } = this;
    const writes = Array.from({ length: context.cus }, (_, cu) => this.of(cu, first, end)).flat();
    const isDense = view.pixelPitch === view.channels && pixelPitch === view.channels;
    for (let r = first; r < end; r = isDense ? end : r + 1) {
      const address = view.address + r * view.rowPitch;
      const run = isDense
        ? { dramStep: view.rowPitch, step: rowWords % ring.words, rows: end - first, words: view.width * pixelPitch }
        : { dramStep: view.pixelPitch, step: pixelPitch, rows: view.width, words: view.channels };
      context.loadRuns(
        view,
        { dramAddress: address, base: ring.base, ring: ring.words, offset: this.offsetOf(r), ...run },
        writes,
        this.frame,
        source,
      );
    }
  }

  /** Word of row r, column x. */
  base(r: number, x: number): number {
    return this.ring.base + this.offsetOf(r) + x * this.pixelPitch;
  }

  /** Words from the ring's start to row r. */
  offsetOf(r: number): number {
    return ((r - this.origin) * this.rowWords) % this.ring.words;
  }

  /** Where results go that are rows of the ring, from row r on. */
  outputFrom(r: number): RasterOutput {
    const { ring, rowWords } = this;
    return {
      outBase: ring.base,
      outRing: ring.words,
      outOffset: this.offsetOf(r),
      outRowStep: rowWords % ring.words,
      outColStep: this.pixelPitch,
    };
  }

  /** Pieces of rows [first, end) in one CU. */
  of(cu: number, first: number, end: number): Piece[] {
    const list: Piece[] = [];
    for (let r = first; r < end; r++) list.push(this.pieces.get(r)![cu]!);
    return list;
  }
}
