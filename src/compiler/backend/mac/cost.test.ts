/** The price of a byte. */
import { describe, expect, it } from 'vitest';
import { XC7Z045 } from '../../../machine/machine.ts';
import { costOf } from './cost.ts';

describe('the cost of a plan', () => {
  it('is its cycles and two fifths of its bytes’ transfer time', () => {
    // 16.8 bytes a cycle.
    expect(costOf({ cycles: 1000, bytes: 16_800 }, XC7Z045)).toBeCloseTo(1400, 9);
  });

  it('takes a byte for more where the memory is slower', () => {
    const slow = { ...XC7Z045, dram: { ...XC7Z045.dram, bytesPerSecond: XC7Z045.dram.bytesPerSecond / 2 } };
    expect(costOf({ cycles: 0, bytes: 16_800 }, slow)).toBeCloseTo(800, 9);
  });
});
