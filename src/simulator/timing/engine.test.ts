/** The timing engine as a whole: equal to the naive per-cycle twin, deterministic, deadlock and overflow found. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNIT_ID } from '../../isa/fields.ts';
import { JobError } from '../../util/errors.ts';
import { bits } from '../descriptors.test-util.ts';
import { simulateTiming } from './engine.ts';
import { BOOK, type Step, timeSteps } from './programs.test-util.ts';
import { type Focus, type RandomCase, randomCase } from './random-programs.test-util.ts';
import { runTwin } from './twin/cycle-twin.test-util.ts';

const { LDM, LDW, ST } = UNIT_ID;
const [MAC0, VEC0] = [UNIT_ID.mac(0), UNIT_ID.vec(0)];

/** Every record of the log and the cycles, as both sides tell them. */
function compareWithTwin({ program, trace }: RandomCase): void {
  const { cycles, log } = simulateTiming(program, trace, { log: true });
  const records = trace.dispatches.map((_, i) => {
    const { arrival, start, readSignal, end } = log!.record(i);
    return { arrival, start, readSignal, end };
  });
  expect({ records, cycles }).toEqual(runTwin(program, trace));
}

describe('equals the per-cycle twin, event by event', () => {
  const run = (focus: Focus, numRuns: number) => fc.assert(fc.property(randomCase(focus), compareWithTwin), { numRuns });

  it('on random programs', () => run({ uses: () => true, maxWords: 200, maxSteps: 30 }, 60));

  it('on loads and stores: the memory model', () => run({ uses: (unit) => unit <= ST, maxWords: 900, maxSteps: 16 }, 40));

  it('on results, pools and stores: port B and the result bus', () => {
    run({ uses: (unit) => unit !== LDW, maxWords: 100, maxSteps: 40 }, 40);
  });
});

describe('results', () => {
  it('are the same in every run', () => {
    fc.assert(
      fc.property(randomCase(), ({ program, trace }) => {
        expect(simulateTiming(program, trace)).toEqual(simulateTiming(program, trace));
      }),
      { numRuns: 20 },
    );
  });

  it('count bytes of whole lines, by layer', () => {
    // 20 words from word 10 touch lines 0 and 1, twice; 5 images of 3 lines; a store of 17 words from word 15: 2 lines; 4 instructions: 1 line.
    const result = timeSteps([
      { unit: LDM, layer: 0, fields: { dramAddress: 10, words: 20, rows: 2, dramStep: 32 } },
      { unit: LDW, layer: 1, fields: { lines: 3, images: 5 } },
      { unit: ST, layer: 1, fields: { dramAddress: 15, words: 17 } },
    ]);
    expect(result.layers.map((layer) => [layer.dramReadBytes, layer.dramWriteBytes])).toEqual([
      [4 * 32 + 32, 0],
      [15 * 32, 2 * 32],
    ]);
    expect([result.dramReadBytes, result.dramWriteBytes, result.fetchBytes]).toEqual([20 * 32, 64, 32]);
  });

  it('report every burst to an observer', () => {
    const bursts: number[][] = [];
    timeSteps([{ unit: LDM, fields: { words: 80 } }], BOOK, { onBurst: (cycle, engine, lines) => bursts.push([cycle, engine, lines]) });
    expect(bursts).toEqual([
      [2, 0, 1],
      [56, 2, 4],
      [58, 2, 1],
    ]);
  });
});

describe('wrong programs', () => {
  it('deadlock: names cycle, units, instructions and missing tokens', () => {
    const steps: Step[] = [
      { unit: LDM, fields: { words: 64, dramAddress: 256, signalWrite: bits(MAC0) } },
      { unit: MAC0, fields: { waitWrite: bits(LDM), waitRead: bits(VEC0) } },
      { unit: VEC0, fields: { waitWrite: bits(MAC0), signalRead: bits(MAC0) } },
    ];
    const run = () => timeSteps(steps);
    expect(run).toThrow(JobError);
    expect(run).toThrow(
      /^deadlock at cycle 115: MAC0 waits at instruction 1 for a read token of VEC0; VEC0 waits at instruction 2 for a write token of MAC0$/,
    );
  });

  it('deadlock with the core at a full queue', () => {
    const steps: Step[] = [{ unit: LDW, fields: { waitRead: bits(MAC0) } }];
    for (let i = 0; i < 17; i++) steps.push({ unit: LDW, fields: {} });
    expect(() => timeSteps(steps)).toThrow(
      /LDW waits at instruction 0 for a read token of MAC0; the control core waits at instruction 16 for room in the queue of LDW$/,
    );
  });

  it('token overflow: names the counter', () => {
    const steps: Step[] = Array.from({ length: 129 }, () => ({ unit: LDW, fields: { signalRead: bits(ST) } }));
    expect(() => timeSteps(steps)).toThrow(JobError);
    expect(() => timeSteps(steps)).toThrow(
      /^token overflow: instruction 128 \(LDW\) signals the read token LDW → ST at cycle \d+ when 128 are untaken/,
    );
    expect(timeSteps(steps.slice(1)).cycles).toBeGreaterThan(0);
  });

  it('a descriptor that breaks a rule', () => {
    expect(() => timeSteps([{ unit: MAC0, fields: { outCus: 16 } }])).toThrow(JobError);
    expect(() => timeSteps([{ unit: UNIT_ID.mac(3), fields: {} }], { ...BOOK, computeUnits: 2 })).toThrow();
  });
});
