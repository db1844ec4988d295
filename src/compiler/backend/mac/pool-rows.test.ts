/** Homes of pooled tiles: every row that a tile's windows read is in its home, and the rotation keeps all vector units at work. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import { XC7Z045 } from '../../../machine/machine.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import type { Geometry } from '../stages/stage.ts';
import { copiesOfRow, pooledRowsOfTile, poolRingRows, rotatesHomes } from './pool-rows.ts';

const pools = fc
  .record({
    inHeight: fc.integer({ min: 1, max: 40 }),
    kernelH: fc.integer({ min: 1, max: 5 }),
    strideH: fc.integer({ min: 1, max: 4 }),
    padTop: fc.nat(2),
  })
  .filter(({ inHeight, kernelH, padTop }) => padTop < kernelH && inHeight + padTop >= kernelH)
  .map(({ inHeight, kernelH, strideH, padTop }): Geometry => {
    const outHeight = Math.floor((inHeight + padTop - kernelH) / strideH) + 1;
    const width = { kernelW: 1, strideW: 1, dilationW: 1, padLeft: 0, inWidth: 1, outWidth: 1 };
    return { ...width, inHeight, outHeight, kernelH, strideH, padTop, dilationH: 1 };
  });

describe('pooled tiles', () => {
  it('every pooled row is made once, by a tile whose rows reach its window', () => {
    fc.assert(
      fc.property(pools, fc.integer({ min: 1, max: 8 }), (pool, tileRows) => {
        const made: number[] = [];
        for (let t = 0; t * tileRows < pool.inHeight; t++) {
          const { first, end, low, high } = pooledRowsOfTile(pool, tileRows, t);
          for (let q = first; q < end; q++) {
            made.push(q);
            const top = q * pool.strideH - pool.padTop;
            expect(Math.max(0, top)).toBeGreaterThanOrEqual(low);
            expect(Math.min(pool.inHeight, top + pool.kernelH)).toBeLessThanOrEqual(high);
          }
          if (first < end) expect(high).toBeLessThanOrEqual(Math.min(pool.inHeight, (t + 1) * tileRows));
          const plan = { tileRows, chunkBlocks: 1 };
          if (first < end) expect(high - low).toBeLessThanOrEqual(poolRingRows(pool, plan, 4));
        }
        expect(made).toEqual(Array.from({ length: pool.outHeight }, (_, q) => q));
      }),
    );
  });

  it('homes rotate where blocks alone would leave vector units idle', () => {
    expect(rotatesHomes({ tileRows: 2, chunkBlocks: 1 }, 55, 4)).toBe(true);
    expect(rotatesHomes({ tileRows: 2, chunkBlocks: 4 }, 55, 4)).toBe(false);
    expect(rotatesHomes({ tileRows: 55, chunkBlocks: 1 }, 55, 4)).toBe(false);
    const pool = { inHeight: 55, outHeight: 27, kernelH: 3, strideH: 2, padTop: 0, dilationH: 1 } as Geometry;
    // 13 of 14 tiles of four rows leave the last row or two to the next tile as well.
    expect(copiesOfRow(pool, { tileRows: 4, chunkBlocks: 1 }, 4)).toBeCloseTo(1.24, 2);
    expect(copiesOfRow(pool, { tileRows: 4, chunkBlocks: 4 }, 4)).toBe(1);
  });

  it.each([
    ['windows that overlap', 3, 2, 0],
    ['windows side by side', 2, 2, 0],
    ['padded windows, every pixel', 3, 1, 1],
  ])('bits: %s', async (_, kernel, stride, pad) => {
    for (const computeUnits of [1, 2, 4]) {
      const b = new GraphBuilder();
      const graph = b.build(b.maxPool(b.conv(b.input(37, 37, 16), 32), { kernel, stride, pad }));
      const { difference } = await checkConformance(graph, { ...XC7Z045, computeUnits }, 2, 5);
      expect(difference).toBeUndefined();
    }
  });
});
