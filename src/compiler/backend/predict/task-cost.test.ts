/** The costs of tasks against the simulator's own geometry, and times that keep the rules. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNIT_ID } from '../../../isa/fields.ts';
import { XC7Z045 } from '../../../machine/machine.ts';
import { countTaps, macTotals } from '../../../simulator/walker.ts';
import { type BareDescriptor, TaskList } from '../tasks/task.ts';
import { predictLayers } from './predict-layers.ts';
import { predictTimeline } from './predict-timeline.ts';
import { TaskCosts } from './task-cost.ts';

const small = (low: number, high: number): fc.Arbitrary<number> => fc.integer({ min: low, max: high });

/** Walks of any geometry, windows outside the input included. */
const walk = fc.record({
  words: small(1, 40),
  kernelH: small(1, 4),
  kernelW: small(1, 4),
  strideH: small(1, 3),
  strideW: small(1, 3),
  dilationH: small(1, 3),
  dilationW: small(1, 3),
  iy0: small(-6, 4),
  ix0: small(-6, 4),
  inHeight: small(1, 12),
  inWidth: small(1, 12),
  outWidth: small(1, 9),
  count: small(1, 60),
});
const NO_ADDRESSES = {
  srcBase: 0,
  srcRing: 0,
  srcOffset: 0,
  srcColumn: 0,
  rowStep: 0,
  kRowStep: 0,
  colStep: 0,
  outBase: 0,
  outRing: 0,
  outOffset: 0,
  outRowStep: 0,
  outColStep: 0,
  clampLow: 0,
  clampHigh: 0,
};
const costs = new TaskCosts(XC7Z045);
const taskOf = (kind: 'MAC' | 'VEC' | 'LDM', descriptor: object) => {
  const unit = { MAC: UNIT_ID.mac(0), VEC: UNIT_ID.vec(0), LDM: UNIT_ID.LDM }[kind];
  return new TaskList().add(unit, kind, descriptor as BareDescriptor<typeof kind>, { layer: 0, tile: '' }, [], []);
};

describe('TaskCosts', () => {
  it('counts the MAC cycles of the walker', () => {
    const shape = fc.record({
      lanes: fc.constantFrom(1, 2, 4, 8, 16),
      depthwise: fc.boolean(),
      adjacent: fc.boolean(),
      outWords: small(1, 64),
      x0: fc.nat(8),
    });
    fc.assert(
      fc.property(walk, shape, (w, { lanes, depthwise, adjacent, outWords, x0 }) => {
        const d = {
          ...NO_ADDRESSES,
          ...w,
          x0: x0 % w.outWidth,
          lanes: depthwise ? 1 : lanes,
          depthwise: depthwise ? 1 : 0,
          tapStep: adjacent ? w.words : w.words + 3,
          outWords,
          outCus: 1,
          weightsLine: 0,
        };
        expect(costs.of(taskOf('MAC', d))).toMatchObject({ workCycles: macTotals(d).cycles, granules: w.count * Math.ceil(outWords / 16) });
      }),
    );
  });

  it('counts the reads of a pool: a window without taps takes an idle step', () => {
    fc.assert(
      fc.property(walk, (w) => {
        const d = {
          ...NO_ADDRESSES,
          ...w,
          x0: 0,
          tapStep: w.words,
          op: 0,
          outCus: 1,
          src2Base: 0,
          src2Ring: 0,
          src2Offset: 0,
          src2RowStep: 0,
          src2ColStep: 0,
          shiftA: 0,
          shiftB: 0,
          shiftOut: 0,
        };
        const { taps, emptyWindows } = countTaps(d);
        expect(costs.of(taskOf('VEC', d)).portAccesses).toBe((taps + emptyWindows) * Math.ceil(w.words / 16));
      }),
    );
  });

  it('counts lines, bursts and ports of runs', () => {
    const runs = { dramAddress: 8, dramStep: 256, base: 0, ring: 0, offset: 0, step: 64, rows: 10, words: 64, cus: 1, space: 0 };
    // 64 words from word 8 touch five lines of two blocks.
    expect(costs.of(taskOf('LDM', runs))).toMatchObject({ bytes: 10 * 5 * 32, burstBytes: 80, ports: 2 });
    expect(costs.of(taskOf('LDM', { ...runs, dramAddress: 0 }))).toMatchObject({ bytes: 10 * 4 * 32, burstBytes: 128, ports: 1 });
    expect(costs.of(taskOf('LDM', { ...runs, rows: 1, words: 4096 })).ports).toBe(4);
  });
});

describe('predictTimeline', () => {
  const load = { dramAddress: 0, dramStep: 0, base: 0, ring: 0, offset: 0, step: 0, rows: 1, words: 16_800, cus: 15, space: 0 };

  it('moves bytes at the bandwidth, one transfer behind the other', () => {
    const list = new TaskList();
    for (let i = 0; i < 3; i++) list.add(UNIT_ID.LDM, 'LDM', load, { layer: i, tile: '' }, [], []);
    const { end } = predictTimeline(list.tasks, Int32Array.of(10, 20, 30), XC7Z045);
    // 16,800 words are 2,000 cycles of 16.8 bytes.
    expect(end[0]).toBeCloseTo(2000 + XC7Z045.dram.readLatency + 32, -2);
    for (const i of [1, 2]) expect(end[i]! - end[i - 1]!).toBeCloseTo(2000, -1);
  });

  it('gives layers the whole time', () => {
    const list = new TaskList();
    for (const layer of [0, 1]) {
      const loaded = list.add(UNIT_ID.LDM, 'LDM', load, { layer, tile: '' }, [], []);
      const mac = {
        ...NO_ADDRESSES,
        words: 16,
        kernelH: 1,
        kernelW: 1,
        strideH: 1,
        strideW: 1,
        dilationH: 1,
        dilationW: 1,
        iy0: 0,
        ix0: 0,
        inHeight: 99,
        inWidth: 10,
        outWidth: 10,
        x0: 0,
        count: 500,
        tapStep: 16,
        lanes: 1,
        depthwise: 0,
        outWords: 64,
        outCus: 1,
        weightsLine: 0,
      };
      list.add(UNIT_ID.mac(0), 'MAC', mac, { layer, tile: '' }, [], [], [{ task: loaded, event: 'write' }]);
    }
    const instructions = Int32Array.of(10, 40, 50, 60);
    const { cycles, start } = predictTimeline(list.tasks, instructions, XC7Z045);
    const layers = predictLayers(list.tasks, instructions, XC7Z045, 2);
    expect(layers[0]! + layers[1]!).toBeCloseTo(cycles, 6);
    expect(start[1]).toBeGreaterThan(2000);
  });
});
