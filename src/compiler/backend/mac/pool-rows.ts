/**
 * Which rows a fused max pool reads and makes, tile by tile, and how many a ring of result rows must hold. Specification: docs/compiler.md, "Schedule of a
 * MAC stage" (gathered results).
 */
import type { Geometry } from '../stages/stage.ts';
import type { MacPlan } from './plan.ts';
import { leastRingRows } from './source-walk.ts';
import { pooledRows } from './tile-rows.ts';

/** The parts of a plan that pooling needs. */
type PoolPlan = Pick<MacPlan, 'tileRows' | 'chunkBlocks'>;

/**
 * Do homes change from tile to tile? Where a pass has fewer blocks than there are CUs, some vector units would have all the work. Rows that
 * windows of two tiles read then go to both homes.
 */
export function rotatesHomes({ tileRows, chunkBlocks }: PoolPlan, outHeight: number, cus: number): boolean {
  return chunkBlocks < cus && tileRows < outHeight;
}

/** CUs that take turns as homes of one block. */
function homesOfBlock(plan: PoolPlan, outHeight: number, cus: number): number {
  if (!rotatesHomes(plan, outHeight, cus)) return 1;
  let homes = 1;
  while ((homes * plan.chunkBlocks) % cus !== 0) homes++;
  return homes;
}

/** Pooled rows [first, end) that tile t completes, and result rows [low, high) that their windows read. */
export function pooledRowsOfTile(pool: Geometry, tileRows: number, tile: number) {
  const first = pooledRows(pool, tile * tileRows);
  const end = pooledRows(pool, Math.min(pool.inHeight, (tile + 1) * tileRows));
  const low = Math.max(0, first * pool.strideH - pool.padTop);
  const high = Math.min(pool.inHeight, (end - 1) * pool.strideH - pool.padTop + (pool.kernelH - 1) * pool.dilationH + 1);
  return { first, end, low, high: Math.max(low, high) };
}

/**
 * Rows of a ring: those that a tile's windows reach back to and the tile's own, and those of the tile behind it where the same CU is its home. With
 * three homes or more in rotation the next tiles' rows are in other CUs.
 */
export function poolRingRows(pool: Geometry, plan: PoolPlan, cus: number): number {
  const { tileRows } = plan;
  const height = pool.inHeight;
  const ahead = homesOfBlock(plan, height, cus) > 2 ? 0 : tileRows;
  let rows = leastRingRows(pool);
  for (let t = 0; t * tileRows < height; t++) {
    const end = Math.min(height, (t + 1) * tileRows);
    const { low } = pooledRowsOfTile(pool, tileRows, t);
    rows = Math.max(rows, Math.min(height, end + ahead) - Math.min(t * tileRows, low));
  }
  return rows;
}

/** Copies of a result row, on average: rows that two tiles' windows read go to two homes. */
export function copiesOfRow(pool: Geometry, plan: PoolPlan, cus: number): number {
  if (!rotatesHomes(plan, pool.inHeight, cus)) return 1;
  let rows = 0;
  for (let t = 0; t * plan.tileRows < pool.inHeight; t++) {
    const { first, end, low, high } = pooledRowsOfTile(pool, plan.tileRows, t);
    if (first < end) rows += high - low;
  }
  return Math.max(1, rows / pool.inHeight);
}
