/**
 * Input rows on chip: a ring of rows that is loaded as tiles ask for them, or a tensor that is there already.
 */
import type { EmitContext, Ring, Source } from './emit-context.ts';
import type { Piece } from './task.ts';
import type { View } from './view.ts';

/** Rows of an image in a ring in every CU's maps buffer. */
export class RowRing {
  readonly ring: Ring;
  readonly pixelPitch: number;
  private readonly context: EmitContext;
  private readonly view: View | undefined;
  private readonly rows: number;
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
    this.frame = frame;
    this.origin = origin;
    this.ring = { base, words: rows * width * pixelPitch };
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

  /** Rows made on chip: their pieces, by CU. */
  set(row: number, pieces: readonly Piece[]): void {
    this.pieces.set(row, pieces);
  }

  /** Pieces of rows [first, end) in one CU. */
  of(cu: number, first: number, end: number): Piece[] {
    const list: Piece[] = [];
    for (let r = first; r < end; r++) list.push(this.pieces.get(r)![cu]!);
    return list;
  }
}
