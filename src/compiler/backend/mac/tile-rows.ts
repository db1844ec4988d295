/**
 * Which rows a tile needs and makes: input rows of output rows, pooled rows of result rows, result slots of tiles cut into parts.
 */
import type { Geometry, MacWork } from '../stages/stage.ts';
import type { PixelCosts } from './window-cost.ts';

/** Input rows [first, end) that output rows [y0, y1) read. */
export function inputRows(work: Pick<MacWork, 'geometry'>, y0: number, y1: number): { first: number; end: number } {
  const g = work.geometry;
  const first = y0 * g.strideH - g.padTop;
  const end = (y1 - 1) * g.strideH - g.padTop + (g.kernelH - 1) * g.dilationH + 1;
  const low = Math.min(Math.max(first, 0), g.inHeight);
  return { first: low, end: Math.max(low, Math.min(end, g.inHeight)) };
}

/** Does every row of a stage's input reach a result? */
export function readsAllRows(work: MacWork): boolean {
  const { inHeight, outHeight } = work.geometry;
  let done = 0;
  for (let y = 0; y < outHeight; y++) {
    const rows = inputRows(work, y, y + 1);
    if (rows.first > done && rows.end > rows.first) return false;
    done = Math.max(done, rows.end);
  }
  return done === inHeight;
}

/** Pooled rows that can be computed when the first y result rows exist. */
export function pooledRows(
  pool: Pick<Geometry, 'strideH' | 'padTop' | 'kernelH' | 'dilationH' | 'outHeight' | 'inHeight'>,
  y: number,
): number {
  if (y <= 0) return 0;
  if (y >= pool.inHeight) return pool.outHeight;
  const reach = y + pool.padTop - (pool.kernelH - 1) * pool.dilationH - 1;
  return Math.max(0, Math.min(pool.outHeight, Math.floor(reach / pool.strideH) + 1));
}

/**
 * Where a part of a tile, raster pixels [from, end), begins in a slot of its CU, and the slot's pixels: a part inside a row lies there alone,
 * any other from the start of its first row to the end of its last.
 */
export function slotOfPart(from: number, end: number, width: number): { offset: number; pixels: number } {
  const row = Math.floor(from / width) * width;
  if (end <= row + width) return { offset: 0, pixels: end - from };
  return { offset: from - row, pixels: Math.ceil(end / width) * width - row };
}

/** Pixels of the largest slot of a CU that keeps its part of every tile. */
export function largestSlot(costs: PixelCosts, tiles: readonly { readonly first: number; readonly end: number }[], parts: number): number {
  const { width } = costs;
  let most = 0;
  for (const { first, end } of tiles) {
    if (first === end) continue;
    const bounds = costs.partition(first * width, end * width, parts);
    for (let p = 0; p < parts; p++) most = Math.max(most, slotOfPart(bounds[p]!, bounds[p + 1]!, width).pixels);
  }
  return most;
}

/**
 * Pixels of the largest result slot. Gathered: the tile, in bands each part from its own row start; local: the largest part, from its row start.
 * Parts are cut by cycles, not by rows: clipped windows make some of them longer.
 */
export function resultPixels(costs: PixelCosts, tileRows: number, parts: number, gather: boolean, bands: boolean): number {
  const { width, height } = costs;
  if (gather && !bands) return tileRows * width;
  let most = 0;
  for (let y = 0; y < height; y += tileRows) {
    const bounds = costs.partition(y * width, Math.min(height, y + tileRows) * width, parts);
    const pixels = bounds.slice(1).map((end, p) => Math.ceil(end / width) * width - Math.floor(bounds[p]! / width) * width);
    most = Math.max(most, gather ? pixels.reduce((sum, n) => sum + n, 0) : Math.max(...pixels));
  }
  return most;
}
