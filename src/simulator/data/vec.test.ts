/** The vector unit's operations against formulas written out here, in whole numbers of any size. */
import { describe, expect, it } from 'vitest';
import { VEC_OPS } from '../../isa/fields.ts';
import { createRandom } from '../../util/random.ts';
import { makeDescriptor } from '../descriptors.test-util.ts';
import { randomWords, SMALL } from './programs.test-util.ts';
import { createMachineState, type MachineState } from './state.ts';
import { executeVec } from './vec.ts';

function randomState(seed: number): MachineState {
  const random = createRandom(seed);
  const state = createMachineState(SMALL, new Int16Array(0));
  for (const maps of state.maps) maps.set(randomWords(random, maps.length, true));
  return state;
}

function requantize(sum: bigint, shift: number, low: number, high: number): number {
  // 48-bit intermediate: only shifts that no layer has can wrap it.
  const rounded = BigInt.asIntN(48, sum + (shift > 0 ? 1n << BigInt(shift - 1) : 0n)) >> BigInt(shift);
  const saturated = rounded > 32767n ? 32767 : rounded < -32768n ? -32768 : Number(rounded);
  return Math.min(high, Math.max(low, saturated));
}

describe('max', () => {
  it('takes the maximum of the valid taps, then clamps; writes to every CU of the mask', () => {
    const state = randomState(1);
    const before = state.maps[0].slice();
    // 4×5 pixels of 20 channels, 3×3/2 with pads 1: 2×3 outputs.
    executeVec(
      state,
      0,
      makeDescriptor('VEC', {
        op: VEC_OPS.max,
        words: 20,
        tapStep: 20,
        kernelH: 3,
        kernelW: 3,
        strideH: 2,
        strideW: 2,
        iy0: -1,
        ix0: -1,
        inHeight: 4,
        inWidth: 5,
        srcRing: 400,
        srcOffset: 300,
        srcColumn: -20,
        rowStep: 200,
        kRowStep: 100,
        colStep: 40,
        outBase: 2000,
        outRowStep: 100,
        outColStep: 32,
        outWidth: 3,
        count: 6,
        outCus: 3,
        clampLow: -20000,
        clampHigh: 30000,
      }),
    );
    for (let y = 0; y < 2; y++) {
      for (let x = 0; x < 3; x++) {
        for (let c = 0; c < 20; c++) {
          let best = -32768;
          for (let iy = Math.max(0, 2 * y - 1); iy <= Math.min(3, 2 * y + 1); iy++) {
            for (let ix = Math.max(0, 2 * x - 1); ix <= Math.min(4, 2 * x + 1); ix++) best = Math.max(best, before[iy * 100 + ix * 20 + c]);
          }
          const expected = Math.min(30000, Math.max(-20000, best));
          for (const cu of [0, 1]) expect(state.maps[cu][2000 + y * 100 + x * 32 + c], `CU ${cu} ${y},${x},${c}`).toBe(expected);
        }
      }
    }
  });

  it('of a window without valid taps is −32768, clamped', () => {
    const state = randomState(2);
    executeVec(state, 1, makeDescriptor('VEC', { op: VEC_OPS.max, words: 3, iy0: -1, outBase: 100, outCus: 2, clampLow: -77 }));
    expect([...state.maps[1].subarray(100, 103)]).toEqual([-77, -77, -77]);
    executeVec(state, 1, makeDescriptor('VEC', { op: VEC_OPS.max, words: 3, iy0: -1, outBase: 100, outCus: 2 }));
    expect(state.maps[1][101]).toBe(-32768);
  });
});

describe('max with shifts', () => {
  it.each([
    [3, 0],
    [23, 20],
    [0, 4],
  ])('shift %i, out %i', (shiftA, shiftOut) => {
    const state = randomState(shiftA + 10 * shiftOut);
    const before = state.maps[0].slice();
    executeVec(
      state,
      0,
      makeDescriptor('VEC', {
        op: VEC_OPS.max,
        words: 30,
        kernelH: 2,
        inHeight: 2,
        kRowStep: 100,
        outBase: 2000,
        outCus: 1,
        shiftA,
        shiftOut,
      }),
    );
    for (let c = 0; c < 30; c++) {
      const expected = requantize(BigInt(Math.max(before[c], before[100 + c])) << BigInt(shiftA), shiftOut, -32768, 32767);
      expect(state.maps[0][2000 + c], `channel ${c}`).toBe(expected);
    }
  });
});

describe('add', () => {
  it.each([
    [0, 0, 0],
    [3, 0, 5],
    [23, 0, 23],
    [0, 17, 20],
    [0, 23, 47],
    [12, 0, 0],
  ])('shifts %i and %i, out %i', (shiftA, shiftB, shiftOut) => {
    const state = randomState(shiftA + 10 * shiftOut);
    const before = state.maps[0].slice();
    executeVec(
      state,
      0,
      makeDescriptor('VEC', {
        op: VEC_OPS.add,
        words: 37,
        srcBase: 10,
        rowStep: 150,
        colStep: 40,
        src2Base: 1000,
        src2Ring: 320,
        src2Offset: 160,
        src2RowStep: 160,
        src2ColStep: 37,
        outBase: 2000,
        outRowStep: 120,
        outColStep: 37,
        outWidth: 3,
        x0: 1,
        count: 5,
        outCus: 1,
        shiftA,
        shiftB,
        shiftOut,
        clampHigh: 32000,
      }),
    );
    for (let pixel = 1; pixel < 6; pixel++) {
      const [y, x] = [Math.floor(pixel / 3), pixel % 3];
      for (let c = 0; c < 37; c++) {
        const a = BigInt(before[10 + y * 150 + x * 40 + c]);
        const b = BigInt(before[1000 + (y === 0 ? 160 : 0) + x * 37 + c]);
        const expected = requantize((a << BigInt(shiftA)) + (b << BigInt(shiftB)), shiftOut, -32768, 32000);
        expect(state.maps[0][2000 + y * 120 + x * 37 + c], `pixel ${pixel} channel ${c}`).toBe(expected);
      }
    }
    expect(state.maps[0].subarray(2000, 2037)).toEqual(before.subarray(2000, 2037));
  });
});

describe('mul', () => {
  it.each([0, 13, 15, 47])('shift %i', (shiftOut) => {
    const state = randomState(shiftOut);
    const before = state.maps[0].slice();
    const fields = {
      op: VEC_OPS.mul,
      words: 37,
      colStep: 40,
      src2Base: 1000,
      outBase: 2000,
      outColStep: 37,
      outWidth: 3,
      count: 3,
      shiftOut,
    };
    executeVec(state, 0, makeDescriptor('VEC', { ...fields, inWidth: 3, outCus: 1, clampLow: -30000 }));
    for (let x = 0; x < 3; x++) {
      for (let c = 0; c < 37; c++) {
        // Source 2 is one pixel for all columns: its column step is 0.
        const expected = requantize(BigInt(before[x * 40 + c]) * BigInt(before[1000 + c]), shiftOut, -30000, 32767);
        expect(state.maps[0][2000 + x * 37 + c], `pixel ${x} channel ${c}`).toBe(expected);
      }
    }
  });
});

describe('mul by a complement', () => {
  it.each([1, 14, 23])('of 2^%i', (shiftB) => {
    const state = randomState(shiftB);
    const before = state.maps[0].slice();
    const fields = { op: VEC_OPS.mul, words: 50, src2Base: 1000, outBase: 2000, shiftB, shiftOut: shiftB };
    executeVec(state, 0, makeDescriptor('VEC', { ...fields, outCus: 1 }));
    for (let c = 0; c < 50; c++) {
      const expected = requantize(BigInt(before[c]) * (2n ** BigInt(shiftB) - BigInt(before[1000 + c])), shiftB, -32768, 32767);
      expect(state.maps[0][2000 + c], `channel ${c}`).toBe(expected);
    }
  });
});

describe('addTable', () => {
  it.each([
    [0, 0, 0],
    [0, 2, 2],
    [5, 0, 7],
    [0, 0, 1],
  ])('shifts %i and %i, of the sum %i: the words that add and table write one after the other', (shiftA, shiftB, shiftSum) => {
    const random = createRandom(6);
    const make = (): MachineState => {
      const state = randomState(5);
      state.tables[1].set(randomWords(random, 1024, false));
      return state;
    };
    const [fused, apart] = [make(), make()];
    apart.tables[1].set(fused.tables[1]);
    const common = { words: 900, src2Base: 1000, outBase: 2000, outCus: 2 };
    const look = { shiftOut: 9, clampLow: -20000 };
    executeVec(fused, 1, makeDescriptor('VEC', { ...common, ...look, op: VEC_OPS.addTable, shiftA, shiftB, shiftSum }));
    executeVec(apart, 1, makeDescriptor('VEC', { ...common, op: VEC_OPS.add, shiftA, shiftB, shiftOut: shiftSum }));
    executeVec(apart, 1, makeDescriptor('VEC', { ...common, ...look, op: VEC_OPS.table, srcBase: 2000 }));
    expect(fused.maps[1]).toEqual(apart.maps[1]);
  });
});

describe('table', () => {
  it('interpolates between 256 entries', () => {
    const state = randomState(5);
    const random = createRandom(6);
    const entries = Array.from({ length: 256 }, () => ({
      base: random.integer(-(2 ** 31), 2 ** 31 - 1),
      slope: random.integer(-32768, 32767),
    }));
    for (const [i, { base, slope }] of entries.entries()) state.tables[1].set([base & 0xffff, base >> 16, slope, 0x7777], i * 4);
    const before = state.maps[1].slice();
    for (const shiftOut of [0, 14, 20]) {
      executeVec(state, 1, makeDescriptor('VEC', { op: VEC_OPS.table, words: 1000, outBase: 2000, outCus: 2, shiftOut, clampLow: -30000 }));
      for (let i = 0; i < 1000; i++) {
        const word = before[i];
        const { base, slope } = entries[(word + 32768) >> 8];
        const expected = requantize(BigInt(base) + BigInt(slope) * BigInt(word & 255), shiftOut, -30000, 32767);
        expect(state.maps[1][2000 + i]).toBe(expected);
      }
    }
  });
});
