/** The compiler's cycle arithmetic against the simulator's window walker, which it never sees in production. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as group from '../../../isa/weights-group.ts';
import type { MacShape } from '../../../simulator/walker.ts';
import * as walker from '../../../simulator/walker.ts';
import { countMacs, type MacWork } from '../stages/stage.ts';
import { columnSteps, hasAdjacentTaps, outputCycles, PixelCosts, parameterLines, rowTaps, tapLines } from './window-cost.ts';
import { makeWork } from './work.test-util.ts';

const axis = fc.record({
  extent: fc.integer({ min: 1, max: 14 }),
  out: fc.integer({ min: 1, max: 10 }),
  kernel: fc.integer({ min: 1, max: 6 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  pad: fc.integer({ min: 0, max: 9 }),
});

/** Random work with lanes and a pixel pitch in the maps buffer. */
const problem = fc
  .record({
    v: axis,
    h: axis,
    channels: fc.integer({ min: 1, max: 40 }),
    spare: fc.constantFrom(0, 0, 3, 16),
    lanes: fc.constantFrom(1, 2, 4, 8, 16),
    depthwise: fc.boolean(),
  })
  .map(({ v, h, channels, spare, lanes, depthwise }) => {
    const geometry = {
      inHeight: v.extent,
      inWidth: h.extent,
      outHeight: v.out,
      outWidth: h.out,
      kernelH: v.kernel,
      kernelW: h.kernel,
      strideH: v.stride,
      strideW: h.stride,
      dilationH: v.dilation,
      dilationW: h.dilation,
      padTop: v.pad,
      padLeft: h.pad,
    };
    const work = makeWork(geometry, { inChannels: channels, outChannels: channels, depthwise });
    return { work, lanes: depthwise ? 1 : lanes, pixelPitch: channels + spare };
  });

/** The descriptor of `count` pixels from raster pixel `first`. */
function descriptorOf(work: MacWork, lanes: number, pixelPitch: number, first: number, count: number): MacShape {
  const g = work.geometry;
  const y = Math.floor(first / g.outWidth);
  return {
    ...{ srcBase: 0, srcRing: 0, srcOffset: 0, srcColumn: 0, rowStep: 0, kRowStep: 0, colStep: 0 },
    ...{ outBase: 0, outRing: 0, outOffset: 0, outRowStep: 0, outColStep: 0 },
    tapStep: g.dilationW * pixelPitch,
    words: work.depthwise ? Math.min(64, work.outChannels) : work.tapWords,
    kernelH: g.kernelH,
    kernelW: g.kernelW,
    strideH: g.strideH,
    strideW: g.strideW,
    dilationH: g.dilationH,
    dilationW: g.dilationW,
    iy0: y * g.strideH - g.padTop,
    ix0: -g.padLeft,
    inHeight: g.inHeight,
    inWidth: g.inWidth,
    outWidth: g.outWidth,
    x0: first - y * g.outWidth,
    count,
    lanes,
    depthwise: work.depthwise ? 1 : 0,
    outWords: Math.min(work.outChannels, 64 / lanes),
  };
}

describe('cycles of windows', () => {
  it('are those that the walker counts, for any range of pixels', () => {
    fc.assert(
      fc.property(problem, fc.nat(), fc.nat(), ({ work, lanes, pixelPitch }, a, b) => {
        const costs = new PixelCosts(work, lanes, hasAdjacentTaps(work, pixelPitch));
        const pixels = work.geometry.outHeight * work.geometry.outWidth;
        expect(costs.total).toBe(walker.macTotals(descriptorOf(work, lanes, pixelPitch, 0, pixels)).cycles);
        const first = a % pixels;
        const count = 1 + (b % (pixels - first));
        const range = walker.macTotals(descriptorOf(work, lanes, pixelPitch, first, count)).cycles;
        expect(costs.before(first + count) - costs.before(first)).toBe(range);
        expect(costs.pixel(first)).toBe(walker.macTotals(descriptorOf(work, lanes, pixelPitch, first, 1)).cycles);
      }),
      { numRuns: 500 },
    );
  });

  it('are the steps of one kernel row times the valid kernel rows, or the output path', () => {
    fc.assert(
      fc.property(problem, ({ work, lanes, pixelPitch }) => {
        const costs = new PixelCosts(work, lanes, hasAdjacentTaps(work, pixelPitch));
        const steps = columnSteps(work, lanes, hasAdjacentTaps(work, pixelPitch));
        const rows = rowTaps(work.geometry);
        for (let i = 0; i < rows.length * steps.length; i++) {
          const product = rows[Math.floor(i / steps.length)] * steps[i % steps.length];
          expect(costs.pixel(i)).toBe(Math.max(walker.outputCycles(lanes), product));
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('sizes of a group', () => {
  it('are those of the machine', () => {
    fc.assert(
      fc.property(problem, ({ work, lanes, pixelPitch }) => {
        const descriptor = descriptorOf(work, lanes, pixelPitch, 0, 1);
        expect(hasAdjacentTaps(work, pixelPitch)).toBe(group.hasAdjacentTaps(descriptor));
        expect(outputCycles(lanes)).toBe(walker.outputCycles(lanes));
        expect(parameterLines(lanes) + tapLines(work, lanes, hasAdjacentTaps(work, pixelPitch))).toBe(group.groupLines(descriptor));
      }),
    );
  });
});

describe('useful MACs', () => {
  it('are the taps inside the image, times channels', () => {
    fc.assert(
      fc.property(problem, ({ work, pixelPitch }) => {
        const { outHeight, outWidth } = work.geometry;
        const perOutput = walker.macTotals({ ...descriptorOf(work, 16, pixelPitch, 0, outHeight * outWidth), outWords: 1, depthwise: 0 });
        const taps = perOutput.usefulMacs / (work.depthwise ? Math.min(64, work.outChannels) : work.tapWords);
        expect(countMacs(work)).toBe(taps * work.tapWords * work.outChannels);
      }),
    );
  });
});

describe('partition', () => {
  it('cuts a range in order, each bound within half a pixel of equal cycles', () => {
    fc.assert(
      fc.property(problem, fc.nat(), fc.nat(), fc.constantFrom(1, 2, 4, 8), ({ work, lanes, pixelPitch }, a, b, parts) => {
        const costs = new PixelCosts(work, lanes, hasAdjacentTaps(work, pixelPitch));
        const pixels = work.geometry.outHeight * work.geometry.outWidth;
        const first = a % pixels;
        const end = first + 1 + (b % (pixels - first));
        const bounds = costs.partition(first, end, parts);
        expect(bounds.length).toBe(parts + 1);
        expect([bounds[0], bounds[parts]]).toEqual([first, end]);
        const start = costs.before(first);
        const total = costs.before(end) - start;
        for (let p = 1; p < parts; p++) {
          expect(bounds[p]).toBeGreaterThanOrEqual(bounds[p - 1]);
          const aim = start + (total * p) / parts;
          const miss = Math.abs(costs.before(bounds[p]) - aim);
          // No neighbouring bound is nearer.
          for (const other of [bounds[p] - 1, bounds[p] + 1]) {
            if (other >= first && other <= end) expect(miss).toBeLessThanOrEqual(Math.abs(costs.before(other) - aim));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
