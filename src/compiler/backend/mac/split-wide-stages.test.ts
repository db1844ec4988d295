/** Stripes of columns: maps of which one row of windows exceeds the maps buffers. */
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';

const SMALL: Machine = { ...XC7Z045, mapsBytes: 16384 };

describe('wide maps', () => {
  const cases: [string, 'average' | 'average with padding' | 'max', number, number, number, number][] = [
    ['side by side', 'average', 2, 20, 400, 16],
    ['overlapping', 'average', 3, 9, 300, 20],
    ['padding counted', 'average with padding', 5, 20, 120, 70],
    ['overlapping', 'max', 3, 9, 300, 20],
    ['far apart', 'max', 5, 20, 400, 16],
  ];
  it.each(cases)('%s, %s pool %i×: in stripes with the divisors of the whole map', async (_, op, kernel, height, width, channels) => {
    const b = new GraphBuilder();
    const x = b.input(height, width, channels);
    const options = { kernel, stride: kernel === 5 ? 3 : kernel - 1, pad: Math.floor(kernel / 2) };
    const y = op === 'max' ? b.maxPool(x, options) : b.averagePool(x, options, op === 'average with padding');
    const { program, difference } = await checkConformance(b.build(y), SMALL, 1, 3);
    expect(difference).toBeUndefined();
    expect(program.layers.length).toBeGreaterThan(1);
    expect(program.layers.every(({ name }) => name.includes('#columns'))).toBe(true);
  });
});
