/**
 * Results on their way through a fused max pool: which CU pools which tile (its *home*), which homes need a result row, and the rings of result
 * rows in the homes. Specification: docs/compiler.md, "Schedule of a MAC stage" (gathered results).
 */

import type { MacPlan } from '../mac/plan.ts';
import { pooledRowsOfTile, rotatesHomes } from '../mac/pool-rows.ts';
import type { Geometry, MacWork } from '../stages/stage.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext } from './emit-context.ts';

/** The rings of a stage while it is emitted. */
export class PoolRing {
  private readonly context: EmitContext;
  private readonly plan: MacPlan;
  private readonly work: MacWork;
  private readonly rotates: boolean;
  /** Tiles whose windows read a row. */
  private readonly readers: readonly (readonly number[])[];
  private readonly pieces = new Map<string, Piece>();

  constructor(context: EmitContext, plan: MacPlan, work: MacWork, pool: Geometry) {
    this.context = context;
    this.plan = plan;
    this.work = work;
    const { outHeight } = work.geometry;
    this.rotates = rotatesHomes(plan, outHeight, context.cus);
    const readers: number[][] = Array.from({ length: outHeight }, () => []);
    for (let t = 0; t * plan.tileRows < outHeight; t++) {
      const { first, end, low, high } = pooledRowsOfTile(pool, plan.tileRows, t);
      for (let r = low; r < high && first < end; r++) readers[r]!.push(t);
    }
    this.readers = readers;
  }

  /** The CU that pools block b of a tile: the next one for each item, or always the same for a block. */
  homeOf(tile: number, b: number): number {
    const { chunkBlocks, tileRows } = this.plan;
    const chunk = Math.floor(b / chunkBlocks);
    const tiles = Math.ceil(this.work.geometry.outHeight / tileRows);
    return (this.rotates ? (chunk * tiles + tile) * chunkBlocks + (b % chunkBlocks) : b) % this.context.cus;
  }

  /** CUs that need row r of block b. A row that no window reads goes to its own tile's home. */
  targetsOf(r: number, b: number): number {
    const own = Math.floor(r / this.plan.tileRows);
    const tiles = this.readers[r]!;
    return (tiles.length > 0 ? tiles : [own]).reduce((mask, tile) => mask | (1 << this.homeOf(tile, b)), 0);
  }

  /** Rows of [y0, y1) at which the homes change, besides the ends. */
  changes(y0: number, y1: number, b: number): number[] {
    const rows: number[] = [];
    for (let r = y0 + 1; r < y1; r++) if (this.targetsOf(r, b) !== this.targetsOf(r - 1, b)) rows.push(r);
    return rows;
  }

  /** Room for rows [y0, y1) of block b in the ring at `base` of every CU that needs them. */
  make(base: number, y0: number, y1: number, b: number): void {
    const { context, plan, work } = this;
    const rowWords = work.geometry.outWidth * plan.slotPitch;
    for (let r = y0; r < y1; r++) {
      const start = base + (r % plan.poolRingRows) * rowWords;
      const targets = this.targetsOf(r, b);
      for (let cu = 0; cu < context.cus; cu++) {
        if (targets & (1 << cu)) this.pieces.set(`${base}:${cu}:${r}`, context.list.newPiece(SPACE.maps(cu), start, start + rowWords));
      }
    }
  }

  /** Pieces of rows [first, end) in the rings at `base`: in one CU, or in all that have them. */
  rowsOf(base: number, first: number, end: number, cu?: number): Piece[] {
    const found: Piece[] = [];
    for (let r = first; r < end; r++) {
      for (let at = cu ?? 0; at < (cu === undefined ? this.context.cus : cu + 1); at++) {
        const piece = this.pieces.get(`${base}:${at}:${r}`);
        if (piece) found.push(piece);
      }
    }
    return found;
  }
}
