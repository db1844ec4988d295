/** LDM, LDW and ST: runs, rings, masks, images and slots, on hand-written descriptors. */
import { describe, expect, it } from 'vitest';
import { makeDescriptor } from '../descriptors.test-util.ts';
import { executeLdm } from './ldm.ts';
import { executeLdw } from './ldw.ts';
import { countUp, SMALL } from './programs.test-util.ts';
import { executeSt } from './st.ts';
import { createMachineState } from './state.ts';

const FOUR = { ...SMALL, computeUnits: 4 };

describe('LDM', () => {
  it('writes runs into a ring of every CU of the mask', () => {
    const state = createMachineState(FOUR, countUp(100));
    executeLdm(
      state,
      makeDescriptor('LDM', { dramAddress: 3, dramStep: 20, rows: 3, words: 4, base: 50, ring: 24, offset: 12, step: 8, cus: 0b1010 }),
    );
    // Ring offsets 12, 20, 28 − 24 = 4.
    for (const cu of [1, 3]) {
      expect([...state.maps[cu].subarray(62, 66)]).toEqual([4, 5, 6, 7]);
      expect([...state.maps[cu].subarray(70, 74)]).toEqual([24, 25, 26, 27]);
      expect([...state.maps[cu].subarray(54, 58)]).toEqual([44, 45, 46, 47]);
    }
    expect(state.maps[0].some((word) => word !== 0)).toBe(false);
    expect(state.maps[1].filter((word) => word !== 0)).toHaveLength(12);
  });

  it('steps backwards through DRAM with a 32-bit step, and wraps at the end of the maps', () => {
    const state = createMachineState(SMALL, countUp(100));
    executeLdm(state, makeDescriptor('LDM', { dramAddress: 90, dramStep: 2 ** 32 - 10, rows: 2, words: 3, base: 4092, step: 3, cus: 1 }));
    expect([...state.maps[0].subarray(4092)]).toEqual([91, 92, 93, 81]);
    expect([...state.maps[0].subarray(0, 2)]).toEqual([82, 83]);
  });

  it('fills the activation table', () => {
    const state = createMachineState(SMALL, countUp(1024));
    executeLdm(state, makeDescriptor('LDM', { words: 1024, cus: 2, space: 1 }));
    expect(state.tables[1]).toEqual(countUp(1024));
    expect(state.tables[0].every((word) => word === 0)).toBe(true);
  });
});

describe('LDW', () => {
  it('deals consecutive images to vMACs and slots of CUs', () => {
    const state = createMachineState(FOUR, countUp(16 * 2 * 5));
    // Images 2 to 6 of two lines: vMACs 2, 3 of slot 0 (CUs 0, 1), vMACs 0, 1, 2 of slot 1 (CUs 2, 3).
    executeLdw(state, makeDescriptor('LDW', { line: 5, lines: 2, images: 5, firstImage: 2, cusPerSlot: 2 }));
    const first = (cu: number, vmac: number): number => state.weights[cu][vmac][5 * 16];
    const table = [0, 1, 2, 3].map((cu) => [0, 1, 2, 3].map((vmac) => first(cu, vmac)));
    expect(table).toEqual([
      [0, 0, 1, 33],
      [0, 0, 1, 33],
      [65, 97, 129, 0],
      [65, 97, 129, 0],
    ]);
    expect(state.weights[3][2][7 * 16 - 1]).toBe(160);
  });

  it('wraps lines at the end of the buffer', () => {
    const state = createMachineState(SMALL, countUp(48));
    executeLdw(state, makeDescriptor('LDW', { line: 62, lines: 3, images: 1, cusPerSlot: 1 }));
    expect([62, 63, 0].map((line) => state.weights[0][0][line * 16])).toEqual([1, 17, 33]);
  });
});

describe('ST', () => {
  it('stores runs from a ring', () => {
    const state = createMachineState(SMALL, new Int16Array(100));
    state.maps[1].set(countUp(64), 100);
    executeSt(
      state,
      makeDescriptor('ST', { cu: 1, dramAddress: 7, dramStep: 10, rows: 3, words: 2, base: 100, ring: 16, offset: 8, step: 4 }),
    );
    const expected = new Int16Array(100);
    expected.set([9, 10], 7);
    expected.set([13, 14], 17);
    expected.set([1, 2], 27);
    expect(state.dram).toEqual(expected);
  });

  it('wraps at the end of the maps', () => {
    const state = createMachineState(SMALL, new Int16Array(10));
    state.maps[0].set([1, 2], 4094);
    state.maps[0].set([3, 4]);
    executeSt(state, makeDescriptor('ST', { dramAddress: 1, words: 4, base: 4094 }));
    expect([...state.dram]).toEqual([0, 1, 2, 3, 4, 0, 0, 0, 0, 0]);
  });
});
