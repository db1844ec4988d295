/** Whole programs on the data engine: right ones in any order, and one of every kind of wrong program. */
import { describe, expect, it } from 'vitest';
import { VEC_OPS } from '../../isa/fields.ts';
import { JobError } from '../../util/errors.ts';
import { bits } from '../descriptors.test-util.ts';
import { createDramImage } from './dram-image.ts';
import { DataEngine } from './engine.ts';
import { type DataOptions, executeData } from './execute-data.ts';
import { countUp, LDM, LDW, MAC0, makeDispatches, makeProgram, ST, type Step, VEC0 } from './programs.test-util.ts';

/** Words 0–1023 are input, 1024–2047 for results, 2048 on constants: one weights image per vMAC (2 lines: bias 0, shift 0; ones). */
const WEIGHTS = 2048;
const weights = Int16Array.from({ length: 4 * 32 }, (_, i) => (i % 32 < 16 ? 0 : 1));
const program = makeProgram([{ address: WEIGHTS, words: weights }]);
const inputs = [{ address: 0, words: countUp(1024) }];

function run(steps: readonly Step[], options: DataOptions = {}): Int16Array {
  return executeData(program, makeDispatches(steps), { inputs, ...options }).dram;
}

/** The message of the JobError that a program raises. */
function failure(steps: readonly Step[], options: DataOptions = {}): string {
  try {
    run(steps, options);
  } catch (error) {
    expect(error).toBeInstanceOf(JobError);
    return (error as JobError).message;
  }
  throw new Error('no error');
}

const loadWeights = (signalWrite: number): Step => [LDW, { dramAddress: WEIGHTS, lines: 2, images: 4, cusPerSlot: 1, signalWrite }];
/** 16 words of input → MAC 0 (sums in words 100–103) → store. */
const LOAD: Step = [LDM, { words: 16, signalWrite: bits(MAC0) }];
const COMPUTE: Step = [MAC0, { outBase: 100, waitWrite: bits(LDM, LDW), signalWrite: bits(ST) }];
const STORE: Step = [ST, { base: 100, words: 4, dramAddress: 1024, waitWrite: bits(MAC0) }];
const RIGHT: readonly Step[] = [LOAD, loadWeights(bits(MAC0)), COMPUTE, STORE];

describe('right programs', () => {
  it('load, multiply, store', () => {
    expect([...run(RIGHT).subarray(1024, 1029)]).toEqual([136, 136, 136, 136, 0]);
  });

  it('give the same bits in every order, at every level of checks', () => {
    const steps: Step[] = [loadWeights(bits(MAC0))];
    // Two maps slots of 16 words, two result slots: loads run ahead of the MACs, stores behind.
    for (let i = 0; i < 40; i++) {
      const slot = i % 2;
      const before: Record<string, number> = i < 2 ? {} : { waitRead: bits(MAC0) };
      steps.push([LDM, { dramAddress: 16 * i, words: 16, base: 16 * slot, signalWrite: bits(MAC0), ...before }]);
      const waitWrite = i === 0 ? bits(LDM, LDW) : bits(LDM);
      const waitRead = i < 2 ? 0 : bits(ST);
      const signalRead = i < 38 ? bits(LDM) : 0;
      steps.push([MAC0, { srcBase: 16 * slot, outBase: 100 + 4 * slot, waitWrite, waitRead, signalRead, signalWrite: bits(ST) }]);
      steps.push([
        ST,
        { base: 100 + 4 * slot, words: 4, dramAddress: 1024 + 4 * i, waitWrite: bits(MAC0), signalRead: i < 38 ? bits(MAC0) : 0 },
      ]);
    }
    const expected = run(steps, { checks: 'none' }).slice();
    expect(expected[1024 + 4 * 39]).toBe(16 * 16 * 39 + 136);
    for (const checks of ['none', 'bounds', 'races'] as const) {
      for (let seed = 1; seed <= 20; seed++) expect(run(steps, { checks, seed })).toEqual(expected);
    }
    const result = executeData(program, makeDispatches(steps), { inputs });
    expect(result).toMatchObject({ executed: 121, leftoverTokens: [] });
  });

  it('share an image over several frames', () => {
    const image = createDramImage(program);
    for (const first of [1, 100]) {
      const result = executeData(program, makeDispatches(RIGHT), { inputs: [{ address: 0, words: countUp(16, first) }], image });
      expect(result.dram).toBe(image.words);
      expect(result.dram[1024]).toBe(16 * first + 120);
    }
  });

  it('report tokens that nobody took', () => {
    const dispatches = makeDispatches([[LDM, { signalWrite: bits(ST), signalRead: bits(ST) }]]);
    expect(executeData(program, dispatches, { inputs }).leftoverTokens).toEqual([
      { from: LDM, to: ST, kind: 'read', count: 1 },
      { from: LDM, to: ST, kind: 'write', count: 1 },
    ]);
  });

  it('can be stepped', () => {
    const engine = new DataEngine(program, { inputs });
    for (const dispatch of makeDispatches(RIGHT)) engine.dispatch(dispatch);
    expect([LDM, LDW, MAC0, ST].map((unit) => engine.canStep(unit))).toEqual([true, true, false, false]);
    engine.step(LDW);
    engine.step(LDM);
    expect(engine.state.maps[0][15]).toBe(16);
    engine.step(MAC0);
    expect(engine.state.maps[0][100]).toBe(136);
    expect(engine.isIdle).toBe(false);
    engine.step(ST);
    expect(engine.isIdle).toBe(true);
    expect(engine.executed).toBe(4);
  });
});

describe('deadlock', () => {
  it('names every blocked unit, its instruction and the tokens', () => {
    const message = failure([LOAD, COMPUTE, STORE]);
    expect(message).toBe(
      'deadlock: ST at instruction 20 waits for a write token from MAC0; MAC0 at instruction 10 waits for a write token from LDW',
    );
  });

  it('counts a full queue: the token would come from behind it', () => {
    const waiting: Step[] = Array.from({ length: 17 }, () => [ST, { base: 100, words: 4, dramAddress: 1024, waitWrite: bits(MAC0) }]);
    const message = failure([LOAD, loadWeights(bits(MAC0)), ...waiting, COMPUTE]);
    expect(message).toContain('the core waits at instruction 180 because the queue of ST is full');
    expect(failure([LOAD, loadWeights(bits(MAC0)), ...waiting.slice(1), COMPUTE])).not.toContain('queue');
  });

  it('does not depend on the order', () => {
    for (let seed = 1; seed < 10; seed++) expect(failure([LOAD, COMPUTE, STORE], { seed })).toMatch(/^deadlock: ST at instruction 20/);
  });
});

describe('wrong descriptors', () => {
  it.each<[string, Step, RegExp]>([
    ['a count of 0', [LDM, { rows: 0 }], /LDM at instruction 0: the descriptor breaks the rule "rows ≥ 1.*rows = 0/],
    ['lanes not a power of two', [MAC0, { lanes: 3 }], /MAC0 at instruction 0.*"lanes is 1, 2, 4, 8 or 16": lanes = 3/],
    ['more results than lanes make', [MAC0, { outWords: 5 }], /outWords = 5/],
    ['a group larger than the buffer', [MAC0, { words: 1024, tapStep: 1024 }], /group/],
    ['an image outside the weights buffer', [LDW, { line: 64 }], /line = 64/],
    ['CUs that the machine lacks', [LDM, { cus: 4 }], /cus = 4/],
    ['a store from a CU that the machine lacks', [ST, { cu: 2 }], /cu = 2/],
    ['a unit that the machine lacks', [8, {}], /MAC2 at instruction 0: the machine has only 2 compute units/],
    ['tokens for a unit that the machine lacks', [LDM, { signalRead: 1 << 8 }], /signalRead = 256/],
    ['an offset outside its ring', [LDM, { ring: 64, offset: 64 }], /offset = 64/],
    ['results for no CU', [VEC0, { outCus: 0 }], /outCus = 0/],
  ])('%s', (_name, step, message) => {
    expect(failure([step])).toMatch(message);
    expect(failure([step], { checks: 'bounds' })).toMatch(message);
  });
});

describe('wrong addresses', () => {
  it.each<[string, Step, string]>([
    ['a load from beyond DRAM', [LDM, { dramAddress: 4090 }], "reads DRAM words 4090 to 4105, outside the program's 4096 words"],
    ['a load beyond the maps', [LDM, { base: 4090 }], 'run words 4090 to 4105 outside maps of CU 0 (4096 words)'],
    ['a store beyond DRAM', [ST, { dramAddress: 5000 }], "stores to DRAM words 5000 to 5015, outside the program's 4096 words"],
    ['a store over constants', [ST, { dramAddress: 2040 }], 'stores to DRAM words 2040 to 2055, which hold segment "constant 0"'],
    [
      'a row that straddles its ring',
      [VEC0, { srcRing: 64, srcOffset: 50 }],
      'source words 50 to 65 of the row straddle the end of the ring of 64 words',
    ],
    ['an output row that straddles its ring', [VEC0, { outRing: 64, outOffset: 60 }], 'output words 60 to 75 of the row straddle'],
    ['results beyond the maps', [VEC0, { outBase: 4090 }], 'output words 4090 to 4105 outside maps'],
    ['a column before the row', [VEC0, { srcColumn: -8 }], 'source words 1048568 to 1048583 outside maps'],
    ['source 2 beyond the maps', [VEC0, { op: VEC_OPS.add, src2Base: 5000 }], 'source 2 words 5000 to 5015 outside maps'],
    [
      'a depthwise read off its boundary',
      [MAC0, { depthwise: 1, lanes: 1, srcBase: 8 }],
      'depthwise reads start at multiples of 16 words, but srcBase = 8',
    ],
    ['an addition outside its input', [VEC0, { op: VEC_OPS.add, count: 3, inHeight: 2 }], 'every window’s tap is valid'],
  ])('%s', (_name, step, message) => {
    // In the order of checks a read of words never written comes later, so these programs need no loads.
    expect(failure([step], { checks: 'bounds' })).toContain(message);
  });

  it('inputs outside DRAM or on constants', () => {
    expect(failure([], { inputs: [{ address: 4000, words: countUp(97) }] })).toBe(
      "input at DRAM words 4000 to 4096 is outside the program's 4096",
    );
    expect(failure([], { inputs: [{ address: 2047, words: countUp(2) }] })).toBe(
      'input at DRAM words 2047 to 2048 overwrites segment "constant 0"',
    );
  });

  it('clipped taps and masked words are no accesses', () => {
    // Row −1 and column −1 lie before the buffer; the window takes the four taps that exist.
    const steps: Step[] = [
      [LDM, { words: 32, base: 0, signalWrite: bits(VEC0) }],
      [
        VEC0,
        {
          words: 4,
          tapStep: 4,
          kernelH: 3,
          kernelW: 3,
          iy0: -1,
          ix0: -1,
          inHeight: 2,
          inWidth: 4,
          srcOffset: 2 ** 20 - 16,
          srcColumn: -4,
          kRowStep: 16,
          outBase: 64,
          waitWrite: bits(LDM),
        },
      ],
    ];
    expect(executeData(program, makeDispatches(steps), { inputs }).executed).toBe(2);
  });
});
