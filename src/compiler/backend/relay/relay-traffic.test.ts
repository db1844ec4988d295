/** Lines and bursts of runs of words: what a count over all pixels of a map gives. */
import { describe, expect, it } from 'vitest';
import { XC7Z045 } from '../../../machine/machine.ts';
import { runOf, storeCycles } from './relay-traffic.ts';

/** Aligned blocks of `words` that channels [from, to) of so many pixels touch, pixel by pixel. */
function countBlocks(from: number, to: number, pitch: number, words: number, pixels: number): number {
  let blocks = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const touched = new Set<number>();
    for (let word = from; word < to; word++) touched.add(Math.floor((pixel * pitch + word) / words));
    blocks += touched.size;
  }
  return blocks;
}

describe('runs of words', () => {
  it.each([
    [0, 116, 116, 174],
    [0, 8, 116, 8],
    [58, 116, 116, 58],
    [29, 58, 116, 29],
    [0, 24, 24, 32],
    [3, 131, 232, 240],
  ])('channels %i to %i of %i', (from, to, dramPitch, pitch) => {
    const pixels = 28 * 28 - (784 % 64);
    const run = runOf({ first: 0, pitch, channels: dramPitch, dramPitch }, from, to, 4);
    expect(run.lines * pixels).toBeCloseTo(countBlocks(from, to, dramPitch, 16, pixels), 6);
    expect(run.bursts * pixels).toBeCloseTo(countBlocks(from, to, dramPitch, 64, pixels), 6);
  });

  it('of whole pixels that follow each other on both sides are one', () => {
    expect(runOf({ first: 0, pitch: 24, channels: 24, dramPitch: 24 }, 0, 24, 4)).toEqual({ lines: 1.5, bursts: 24 / 64 });
  });

  it('that are short take as long as their responses do', () => {
    const bytesPerCycle = XC7Z045.dram.bytesPerSecond / XC7Z045.clockHz;
    expect(storeCycles({ lines: 1, bursts: 1 }, XC7Z045)).toBeGreaterThan(32 / bytesPerCycle);
    expect(storeCycles({ lines: 8, bursts: 2 }, XC7Z045)).toBeCloseTo(256 / bytesPerCycle, 6);
  });
});
