/** The account of lost cycles (docs/microarchitecture.md, section 10): exact sums on random programs, causes of small programs by hand. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNIT_ID } from '../../isa/fields.ts';
import { type Machine, macCount } from '../../machine/machine.ts';
import { bits } from '../descriptors.test-util.ts';
import { macTotals } from '../walker.ts';
import { simulateTiming } from './engine.ts';
import { BOOK, type Step, timeSteps } from './programs.test-util.ts';
import { randomCase } from './random-programs.test-util.ts';
import { type LayerTiming, LOST_CAUSES } from './result.ts';

const { LDM, LDW, ST } = UNIT_ID;
const [MAC0, MAC1, VEC0] = [UNIT_ID.mac(0), UNIT_ID.mac(1), UNIT_ID.vec(0)];
const ONE_CU: Machine = { ...BOOK, computeUnits: 1 };
const TWO_CUS: Machine = { ...BOOK, computeUnits: 2 };

const sumLost = (layer: LayerTiming): number => LOST_CAUSES.reduce((sum, cause) => sum + layer.lost[cause], 0);
/** The causes that are not zero. */
const lostOf = (layer: LayerTiming) => Object.fromEntries(Object.entries(layer.lost).filter(([, cycles]) => cycles !== 0));

describe('sums', () => {
  it('useful plus lost is cycles, layers add up to the program, MACs are those of the walker', () => {
    fc.assert(
      fc.property(randomCase(), ({ program, trace }) => {
        const { cycles, layers } = simulateTiming(program, trace);
        for (const layer of layers) {
          expect(layer.usefulMacs / macCount(program.machine) + sumLost(layer)).toBe(layer.cycles);
          for (const cause of LOST_CAUSES) expect(layer.lost[cause]).toBeGreaterThanOrEqual(0);
        }
        expect(layers.reduce((sum, layer) => sum + layer.cycles, 0)).toBe(cycles);
        const useful = trace.dispatches.reduce((sum, d) => sum + (d.kind === 'MAC' ? macTotals(d.descriptor).usefulMacs : 0), 0);
        expect(layers.reduce((sum, layer) => sum + layer.usefulMacs, 0)).toBe(useful);
      }),
      { numRuns: 150 },
    );
  });
});

describe('causes on one CU', () => {
  // Starts as in timing-table.test.ts: step i arrives at 53 + i; LDM of 64 words at word 256 signals at 113.
  const load: Step = { unit: LDM, fields: { words: 64, dramAddress: 256, signalWrite: bits(MAC0) } };
  /** 4 windows of 100 steps, all lanes useful: 400 × 64 MACs. */
  const work = { words: 400, tapStep: 400, lanes: 4, outWords: 16, count: 4, outWidth: 4 };

  it('dispatch, maps, full lanes, drain', () => {
    const { layers, cycles } = timeSteps([load, { unit: MAC0, fields: { ...work, waitWrite: bits(LDM) } }], ONE_CU);
    // MAC0: arrives 54, starts 115 (61 cycles for maps), setup 5, windows 120 to 519; result at 519 + 16, granted 536, signal 537: cycles 538.
    expect(cycles).toBe(538);
    expect(layers[0].usefulMacs).toBe(400 * 64);
    expect(lostOf(layers[0])).toEqual({ dispatch: 54 + 5, maps: 61, drain: 538 - 520 });
  });

  it('weights come last', () => {
    // LDW arrives at 54, is offered at 57 (line 0, port 0): S = 63.62, port 0 free at 112: lines complete at 115, 119, …
    const steps: Step[] = [
      load,
      { unit: LDW, fields: { signalWrite: bits(MAC0) } },
      { unit: MAC0, fields: { ...work, waitWrite: bits(LDM, LDW) } },
    ];
    // First beat max(64 + 40, 96 + 16) = 112, complete 115, load bus 116, signal 117, token 119. MAC0 arrives 55.
    expect(lostOf(timeSteps(steps, ONE_CU).layers[0])).toMatchObject({ weights: 119 - 55, dispatch: 55 + 5 });
  });

  it('partial lanes and stretched windows', () => {
    // 2 windows of 3 words × 5 outputs, g = 4: one step of 64 slots, 15 useful, stretched to O = 2. Last end 58 + 4 − 1 = 61, drain from 62:
    // result 61 + 16 = 77, granted 78, signal 79: 80 cycles.
    const { layers } = timeSteps([{ unit: MAC0, fields: { words: 3, tapStep: 3, lanes: 4, outWords: 5, count: 2, outWidth: 2 } }], ONE_CU);
    expect(layers[0].usefulMacs).toBe(30);
    expect(lostOf(layers[0])).toEqual({ dispatch: 58, partialLanes: (2 * 64 - 30) / 64, store: 2, drain: 80 - 62 });
  });

  it('dependency: the load waits for a store of an earlier layer', () => {
    const steps: Step[] = [
      { unit: MAC0, layer: 0, fields: { ...work, signalWrite: bits(ST) } },
      { unit: ST, layer: 0, fields: { waitWrite: bits(MAC0), signalWrite: bits(LDM) } },
      { unit: LDM, layer: 1, fields: { waitWrite: bits(ST), signalWrite: bits(MAC0) } },
      { unit: MAC0, layer: 1, fields: { ...work, waitWrite: bits(LDM) } },
    ];
    const { layers, log, cycles } = timeSteps(steps, ONE_CU);
    const [first, store, second, last] = [0, 1, 2, 3].map((i) => log!.record(i));
    // Layer 0 ends at its last window: 58 + 400. ST starts 2 after the write signal, LDM 2 after the response, the second MAC 2 after the load.
    expect([first.readSignal, store.start, second.start, last.start]).toEqual([457 + 3, first.end + 2, store.end + 2, second.end + 2]);
    expect(lostOf(layers[0])).toEqual({ dispatch: 58 });
    expect(layers[0].cycles).toBe(458);
    // From 458 until LDM starts: dependency; until MAC0 starts: maps.
    expect(lostOf(layers[1])).toEqual({
      dependency: second.start - 458,
      maps: last.start - second.start,
      dispatch: 5,
      drain: cycles - (last.start + 405),
    });
    expect(last.waits).toMatchObject({ dependency: second.start - 458, maps: last.start - second.start });
  });

  it('maps: a later load that waits for a store does not matter', () => {
    // LDM 1 arrives 54, accepted 57, first beat 97, port 0: load bus 104 … 116, token 119. ST: accepted 60, served 64.62 to 66.52, response 107, token 110:
    // LDM 2 waits for it from 58 to 110, while MAC0 waits for LDM 1 from 56 to 119.
    const steps: Step[] = [
      { unit: ST, fields: { signalWrite: bits(LDM) } },
      load,
      { unit: LDM, fields: { waitWrite: bits(ST) } },
      { unit: MAC0, fields: { ...work, waitWrite: bits(LDM) } },
    ];
    const { layers, log } = timeSteps(steps, ONE_CU);
    expect([log!.record(2).start, log!.record(3).start]).toEqual([110, 119]);
    expect(lostOf(layers[0])).toMatchObject({ maps: 119 - 56, dispatch: 56 + 5 });
    expect(layers[0].lost.dependency).toBe(0);
  });

  it('store: credits, and tokens of VEC', () => {
    // The credits example of timing-table.test.ts: window 2 waits from 77 to 104; its lanes are full (16 words × 64 outputs, g = 1: 16 steps).
    const { layers } = timeSteps([{ unit: MAC0, fields: { lanes: 1, outWords: 64, count: 2, outWidth: 2 } }], {
      ...ONE_CU,
      resultFifoGranules: 4,
    });
    expect(lostOf(layers[0])).toEqual({ dispatch: 61, store: 104 - 77, drain: 147 - 120 });
    const steps: Step[] = [
      { unit: VEC0, fields: { kernelH: 6, kernelW: 10, signalRead: bits(MAC0) } },
      { unit: MAC0, fields: { ...work, waitRead: bits(VEC0) } },
    ];
    // Read signal 57 + 60 + 1 = 118, token 120, MAC0 arrives 54.
    expect(lostOf(timeSteps(steps, ONE_CU).layers[0])).toMatchObject({ store: 120 - 54 });
  });

  it('a layer without MACs takes the idle time up to the end of its vector work', () => {
    const steps: Step[] = [
      { unit: MAC0, layer: 0, fields: { ...work, signalWrite: bits(VEC0) } },
      { unit: VEC0, layer: 1, fields: { waitWrite: bits(MAC0), kernelH: 6, kernelW: 10, signalWrite: bits(MAC0) } },
      { unit: MAC0, layer: 2, fields: { ...work, waitWrite: bits(VEC0) } },
    ];
    const { layers, log } = timeSteps(steps, ONE_CU);
    const [, pool, last] = [0, 1, 2].map((i) => log!.record(i));
    expect(layers[0].cycles).toBe(458);
    // The VEC unit works four cycles on what it has read.
    const end = pool.readSignal + 4;
    expect(layers[1].cycles).toBe(end - 458);
    expect(lostOf(layers[1])).toEqual({ store: end - 458 });
    expect(lostOf(layers[2])).toMatchObject({ store: last.start - end, dispatch: 5 });
  });

  it('a program without MACs is accounted too', () => {
    const steps: Step[] = [
      { unit: LDM, layer: 0, fields: { words: 64, dramAddress: 256, signalWrite: bits(VEC0) } },
      { unit: VEC0, layer: 0, fields: { waitWrite: bits(LDM), signalWrite: bits(ST) } },
      { unit: ST, layer: 1, fields: { waitWrite: bits(VEC0) } },
    ];
    const { layers, log, cycles } = timeSteps(steps, ONE_CU);
    const [, pool, store] = [0, 1, 2].map((i) => log!.record(i));
    // The VEC unit works four cycles on what it has read.
    const end = pool.readSignal + 4;
    expect(layers[0].cycles).toBe(end);
    expect(lostOf(layers[1])).toEqual({ store: store.readSignal - end, drain: cycles - store.readSignal });
  });

  it('the core at a full queue passes the blame on', () => {
    // Queue of 1. Three loads of 640 words each (10 bursts); MAC0 comes fourth: its GO waits behind the third load's, whose GO waits for the second to start.
    const big = { unit: LDM, fields: { words: 640 } };
    const steps = [big, big, big, { unit: MAC0, fields: work }];
    const { layers, log } = timeSteps(steps, { ...ONE_CU, queueDepth: 1 });
    const [, second, third, mac] = [0, 1, 2, 3].map((i) => log!.record(i));
    // GO 1 waits from 52 to 55 (load 0 starts at 53), GO 2 from 56 to second.start + 2; GO 3 in the next cycle.
    expect(third.arrival).toBe(second.start + 4);
    expect(mac.arrival).toBe(third.arrival + 1);
    const waited = 55 - 52 + (second.start + 2 - 56);
    expect(lostOf(layers[0])).toMatchObject({ maps: waited, dispatch: mac.arrival - waited + 5 });
  });
});

describe('causes on several CUs', () => {
  const work = { words: 400, tapStep: 400, lanes: 4, outWords: 16, count: 4, outWidth: 4 };

  it('imbalance at the end and between units', () => {
    // MAC0 works from 58 to 457, MAC1 (a quarter) from 59 to 158: at the end it waits for MAC0 until 458, then drains.
    const { layers, cycles } = timeSteps(
      [
        { unit: MAC0, fields: work },
        { unit: MAC1, fields: { ...work, count: 1 } },
      ],
      TWO_CUS,
    );
    expect(lostOf(layers[0])).toEqual({ dispatch: (58 + 59) / 2, imbalance: (458 - 159) / 2, drain: cycles - 458 });
    // MAC1 waits for MAC0's read signal (460 + 2); arrives 54.
    const waiting = timeSteps(
      [
        { unit: MAC0, fields: { ...work, signalRead: bits(MAC1) } },
        { unit: MAC1, fields: { ...work, waitRead: bits(MAC0) } },
      ],
      TWO_CUS,
    );
    expect(waiting.layers[0].lost.imbalance).toBe((462 - 54) / 2 + (462 + 405 - 458) / 2);
  });

  it('waiting for its own results is a dependency', () => {
    const steps: Step[] = [
      { unit: MAC0, fields: { ...work, signalWrite: bits(MAC0) } },
      { unit: MAC0, fields: { ...work, waitWrite: bits(MAC0) } },
    ];
    const { layers, log } = timeSteps(steps, ONE_CU);
    expect(layers[0].lost.dependency).toBe(log!.record(0).end + 2 - 458);
  });
});
