import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseBinCycles, TimeSeries, toMeans } from './time-series.ts';

describe('TimeSeries', () => {
  it('spreads an amount over the bins that it touches', () => {
    const series = new TimeSeries(8);
    series.add(2, 6, 8);
    series.add(6.5, 7.5, 1);
    expect([...series.finish(8)]).toEqual([0, 0, 2, 2, 2, 2, 0.5, 0.5]);
  });

  it('merges bins in pairs as time goes on and keeps every amount', () => {
    const piece = fc.record({ from: fc.nat(5000), length: fc.nat(300), amount: fc.nat(1000) });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 30 }), (pieces) => {
        const series = new TimeSeries(64);
        for (const { from, length, amount } of pieces) series.add(from, from + length, amount);
        const cycles = Math.max(...pieces.map(({ from, length }) => from + length)) + 1;
        const width = chooseBinCycles(cycles, 64);
        const bins = series.finish(cycles);
        expect(bins.length).toBe(Math.ceil(cycles / width));
        expect(bins.reduce((a, b) => a + b, 0)).toBeCloseTo(
          pieces.reduce((sum, { amount }) => sum + amount, 0),
          6,
        );
        for (const [bin, value] of bins.entries()) {
          const touching = pieces.filter(({ from, length }) => from <= (bin + 1) * width && from + length >= bin * width);
          if (touching.length === 0) expect(value).toBeCloseTo(0, 9);
        }
      }),
    );
  });

  it('takes the last bin for as long as it is', () => {
    // Level 3 over ten cycles in bins of four: the last one has two.
    const series = new TimeSeries(3);
    series.add(0, 10, 30);
    expect([...toMeans(series.finish(10), chooseBinCycles(10, 3), 10)]).toEqual([3, 3, 3]);
  });
});
