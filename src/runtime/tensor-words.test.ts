import { describe, expect, it } from 'vitest';
import type { TensorPlacement } from '../program/program.ts';
import { placeWords, readWords } from './tensor-words.ts';

/** A 2×2×3 slice of a tensor with 5 channels, two frames 30 words apart. */
const SLICE: TensorPlacement = {
  name: 't',
  role: 'output',
  address: 7,
  height: 2,
  width: 2,
  channels: 3,
  pixelPitch: 5,
  rowPitch: 12,
  frames: 2,
  frameStep: 30,
  fraction: 0,
};

describe('tensor words', () => {
  it('lie at address + frame·step + y·rowPitch + x·pixelPitch + c, and nowhere else', () => {
    const dram = new Int16Array(64).fill(-1);
    placeWords(
      dram,
      SLICE,
      1,
      Int16Array.from({ length: 12 }, (_, i) => i),
    );
    const expected = new Int16Array(64).fill(-1);
    expected.set([0, 1, 2], 37);
    expected.set([3, 4, 5], 42);
    expected.set([6, 7, 8], 49);
    expected.set([9, 10, 11], 54);
    expect(dram).toEqual(expected);
    expect(Array.from(readWords(dram, SLICE, 1))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
});
