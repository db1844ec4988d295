/** Rows of tiles against windows enumerated tap by tap. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputRows, pooledRows, resultPixels } from './tile-rows.ts';
import { PixelCosts } from './window-cost.ts';
import { makeWork } from './work.test-util.ts';

const axis = fc.record({
  extent: fc.integer({ min: 1, max: 20 }),
  kernel: fc.integer({ min: 1, max: 7 }),
  stride: fc.integer({ min: 1, max: 4 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  pad: fc.integer({ min: 0, max: 8 }),
  out: fc.integer({ min: 1, max: 20 }),
});

/** Input rows that output row y reads. */
function rowsOf(a: { extent: number; kernel: number; stride: number; dilation: number; pad: number }, y: number): number[] {
  return Array.from({ length: a.kernel }, (_, k) => y * a.stride - a.pad + k * a.dilation).filter((row) => row >= 0 && row < a.extent);
}

describe('inputRows', () => {
  it('covers every row that a tap reads, and without dilation no row outside their hull', () => {
    fc.assert(
      fc.property(axis, fc.nat(19), fc.integer({ min: 1, max: 8 }), (a, from, count) => {
        const y0 = from % a.out;
        const y1 = Math.min(a.out, y0 + count);
        const work = makeWork({
          inHeight: a.extent,
          outHeight: a.out,
          kernelH: a.kernel,
          strideH: a.stride,
          dilationH: a.dilation,
          padTop: a.pad,
        });
        const { first, end } = inputRows(work, y0, y1);
        const read = Array.from({ length: y1 - y0 }, (_, i) => rowsOf(a, y0 + i)).flat();
        expect(first).toBeGreaterThanOrEqual(0);
        expect(end).toBeLessThanOrEqual(a.extent);
        expect(end).toBeGreaterThanOrEqual(first);
        for (const row of read) expect(row >= first && row < end).toBe(true);
        // Every window inside the input: nothing is clipped, and the hull is exact.
        const inside = rowsOf(a, y0).length === a.kernel && rowsOf(a, y1 - 1).length === a.kernel;
        if (inside) expect([first, end]).toEqual([Math.min(...read), Math.max(...read) + 1]);
        if (a.dilation === 1 && a.stride <= a.kernel && read.length > 0)
          expect([first, end]).toEqual([Math.min(...read), Math.max(...read) + 1]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('pooledRows', () => {
  it('counts the rows whose taps all exist, and no fewer than it must', () => {
    fc.assert(
      fc.property(axis, fc.nat(22), (a, y) => {
        const pool = {
          strideH: a.stride,
          padTop: a.pad,
          kernelH: a.kernel,
          dilationH: a.dilation,
          outHeight: a.out,
          inHeight: a.extent,
        };
        const rows = pooledRows(pool, y);
        for (let q = 0; q < rows; q++) expect(Math.max(-1, ...rowsOf(a, q))).toBeLessThan(Math.max(y, 0));
        if (y >= a.extent) expect(rows).toBe(a.out);
        // The next row reads a row that does not exist yet (or would, were the input taller).
        else if (y > 0 && rows < a.out) expect(rows * a.stride - a.pad + (a.kernel - 1) * a.dilation).toBeGreaterThanOrEqual(y);
      }),
      { numRuns: 500 },
    );
  });
});

describe('resultPixels', () => {
  const shape = fc.record({
    width: fc.integer({ min: 1, max: 12 }),
    height: fc.integer({ min: 1, max: 12 }),
    tileRows: fc.integer({ min: 1, max: 12 }),
    parts: fc.constantFrom(1, 2, 4),
    pad: fc.integer({ min: 0, max: 3 }),
  });

  it('is what the largest slot needs: every part from the start of its first row', () => {
    fc.assert(
      fc.property(shape, ({ width, height, tileRows, parts, pad }) => {
        const work = makeWork({
          inHeight: height,
          inWidth: width,
          outHeight: height,
          outWidth: width,
          kernelH: 3,
          kernelW: 3,
          padTop: pad,
        });
        const costs = new PixelCosts(work, 16, true);
        let local = 0;
        let bands = 0;
        for (let y = 0; y < height; y += tileRows) {
          const end = Math.min(height, y + tileRows) * width;
          const bounds = costs.partition(y * width, end, parts);
          let all = 0;
          for (let p = 0; p < parts; p++) {
            let pixels = 0;
            // Whole rows that the part touches.
            for (let row = 0; row < height; row++) {
              const touched = bounds[p] < (row + 1) * width && bounds[p + 1] > row * width && bounds[p] < bounds[p + 1];
              if (touched) pixels += width;
            }
            local = Math.max(local, pixels);
            all += pixels;
          }
          bands = Math.max(bands, all);
        }
        expect(resultPixels(costs, tileRows, parts, true, false)).toBe(tileRows * width);
        expect(resultPixels(costs, tileRows, parts, false, false)).toBeGreaterThanOrEqual(local);
        expect(resultPixels(costs, tileRows, parts, true, true)).toBeGreaterThanOrEqual(bands);
        // No more than a row of rounding for each part.
        expect(resultPixels(costs, tileRows, parts, true, true)).toBeLessThanOrEqual(bands + parts * width);
      }),
    );
  });
});
