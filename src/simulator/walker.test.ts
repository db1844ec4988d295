/** The walker's closed forms against a pixel-by-pixel, tap-by-tap count. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupLines, paramLines } from '../isa/weights-group.ts';
import { makeDescriptor } from './descriptors.test-util.ts';
import {
  columnClasses,
  countTaps,
  forEachRun,
  macTotals,
  outputAddress,
  tapAddress,
  traceSteps,
  validColumns,
  validRows,
  windowSteps,
} from './walker.ts';

const walk = fc.record({
  kernelH: fc.integer({ min: 1, max: 4 }),
  kernelW: fc.integer({ min: 1, max: 5 }),
  strideH: fc.integer({ min: 1, max: 3 }),
  strideW: fc.integer({ min: 1, max: 3 }),
  dilationH: fc.integer({ min: 1, max: 3 }),
  dilationW: fc.integer({ min: 1, max: 3 }),
  iy0: fc.integer({ min: -5, max: 5 }),
  ix0: fc.integer({ min: -5, max: 5 }),
  inHeight: fc.integer({ min: 1, max: 12 }),
  inWidth: fc.integer({ min: 1, max: 12 }),
  outWidth: fc.integer({ min: 1, max: 9 }),
  x0: fc.integer({ min: 0, max: 8 }),
  count: fc.integer({ min: 1, max: 40 }),
  words: fc.integer({ min: 1, max: 40 }),
  adjacent: fc.boolean(),
  lanes: fc.constantFrom(1, 2, 4, 8, 16),
});

describe('window walker', () => {
  it('counts taps, steps and useful MACs like a walk over every tap', () => {
    fc.assert(
      fc.property(walk, ({ adjacent, ...fields }) => {
        const x0 = Math.min(fields.x0, fields.outWidth - 1);
        const d = makeDescriptor('MAC', { ...fields, x0, tapStep: adjacent ? fields.words : fields.words + 3, outWords: 3 });
        let [taps, empty, steps, cycles] = [0, 0, 0, 0];
        for (let i = 0; i < d.count; i++) {
          const y = Math.floor((x0 + i) / d.outWidth);
          const x = (x0 + i) % d.outWidth;
          let [windowTaps, window] = [0, 0];
          for (let ky = 0; ky < d.kernelH; ky++) {
            const iy = d.iy0 + y * d.strideH + ky * d.dilationH;
            if (iy < 0 || iy >= d.inHeight) continue;
            // Distinct steps: by row grid of g words when taps are adjacent, else by tap.
            const grid = new Set<string>();
            for (let kx = 0; kx < d.kernelW; kx++) {
              const ix = d.ix0 + x * d.strideW + kx * d.dilationW;
              if (ix < 0 || ix >= d.inWidth) continue;
              windowTaps++;
              for (let c = 0; c < d.words; c++) {
                grid.add(
                  adjacent || d.words === d.tapStep ? `${Math.floor((kx * d.words + c) / d.lanes)}` : `${kx}:${Math.floor(c / d.lanes)}`,
                );
              }
            }
            window += grid.size;
          }
          taps += windowTaps;
          if (windowTaps === 0) empty++;
          steps += Math.max(1, window);
          cycles += Math.max(1, window, 2, 8 / d.lanes);
        }
        expect(countTaps(d)).toEqual({ taps, emptyWindows: empty });
        expect(macTotals(d)).toEqual({ windows: d.count, steps, cycles, usefulMacs: taps * d.words * 3 });
      }),
      { numRuns: 300 },
    );
  });

  it('visits every pixel once, in raster order, with its valid taps', () => {
    fc.assert(
      fc.property(walk, ({ adjacent: _, ...fields }) => {
        const x0 = Math.min(fields.x0, fields.outWidth - 1);
        const d = makeDescriptor('MAC', { ...fields, x0 });
        let next = x0;
        forEachRun(d, (y, first, end, ky0, ky1, kx0, kx1) => {
          for (let x = first; x < end; x++) {
            expect(y * d.outWidth + x).toBe(next++);
            expect(validRows(d, y)).toEqual({ first: ky0, end: ky1 });
            expect(validColumns(d, x)).toEqual({ first: kx0, end: kx1 });
          }
        });
        expect(next).toBe(x0 + d.count);
      }),
      { numRuns: 200 },
    );
  });

  it('joins the unclipped columns into one class', () => {
    const d = makeDescriptor('MAC', { kernelW: 3, ix0: -1, inWidth: 13, outWidth: 13 });
    expect(columnClasses(d)).toEqual([
      { first: 0, end: 1, kx0: 1, kx1: 3 },
      { first: 1, end: 12, kx0: 0, kx1: 3 },
      { first: 12, end: 13, kx0: 0, kx1: 2 },
    ]);
  });

  it('wraps rows in rings and columns behind them, and addresses in the buffer', () => {
    const d = makeDescriptor('MAC', {
      srcBase: 1000,
      srcRing: 300,
      srcOffset: 200,
      srcColumn: -10,
      rowStep: 100,
      kRowStep: 100,
      colStep: 20,
      tapStep: 10,
      outBase: 4090,
      outRing: 64,
      outOffset: 32,
      outRowStep: 32,
      outColStep: 4,
    });
    expect(tapAddress(d, 0, 0, 0, 1, 4096)).toBe(1000 + 200);
    expect(tapAddress(d, 0, 3, 1, 1, 4096)).toBe(1000 + 0 + 60);
    expect(tapAddress(d, 1, 0, 1, 2, 4096)).toBe(1000 + 100 + 10);
    expect(outputAddress(d, 0, 1, 4096)).toBe((4090 + 32 + 4) % 4096);
    expect(outputAddress(d, 1, 1, 4096)).toBe(4094);
  });

  it('counts lines and steps as the specification does', () => {
    // AlexNet's first layer, 3 channels, 11×11: 33 adjacent words, g = 1; and a clipped row of it.
    const first = makeDescriptor('MAC', { lanes: 1, words: 3, tapStep: 3, kernelH: 11, kernelW: 11 });
    expect(paramLines(1)).toBe(4);
    expect(groupLines(first)).toBe(4 + 11 * 33);
    expect(windowSteps(first, 9, 2, 11)).toBe(9 * 27);
    // 5 words per tap, 4 lanes: the row's grid starts at word 4, words 5 to 14 lie in steps 1, 2 and 3.
    expect(traceSteps(5, 10, 4)).toBe(3);
    const separate = makeDescriptor('MAC', { lanes: 4, words: 5, tapStep: 8, kernelH: 1, kernelW: 3 });
    expect(windowSteps(separate, 1, 1, 3)).toBe(4);
    expect(groupLines(separate)).toBe(1 + 3 * 2);
    const depthwise = makeDescriptor('MAC', { lanes: 1, words: 64, tapStep: 64, kernelH: 3, kernelW: 3, depthwise: 1 });
    expect(groupLines(depthwise)).toBe(13);
    expect(windowSteps(depthwise, 2, 0, 3)).toBe(6);
    expect(windowSteps(depthwise, 0, 0, 3)).toBe(1);
  });
});
