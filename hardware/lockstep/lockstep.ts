/**
 * Lockstep: a program on the simulator and on Verilated sf_top from the same memory image, compared to the bit and the cycle.
 * Documentation: hardware/README.md.
 */
import { type CoreTrace, traceCore } from '../../src/isa/core.ts';
import type { Program } from '../../src/program/program.ts';
import { type RtlOptions, type RtlResult, runRtl } from '../../src/runtime/rtl-run.ts';
import { createDramImage } from '../../src/simulator/data/dram-image.ts';
import type { CheckLevel, DramInput } from '../../src/simulator/data/engine.ts';
import { executeData } from '../../src/simulator/data/execute-data.ts';
import { simulateTiming } from '../../src/simulator/timing/engine.ts';
import type { TimingResult } from '../../src/simulator/timing/result.ts';
import { compareCounters, compareDram, compareLogs, type Difference } from './compare.ts';

export interface ExpectOptions {
  readonly inputs?: readonly DramInput[];
  /** Checks of the data engine; default races: a program whose bits depend on timing is refused. */
  readonly checks?: CheckLevel;
}

export interface LockstepOptions extends RtlOptions, ExpectOptions {}

/** What the simulator says of a program. */
export interface ExpectedRun {
  readonly program: Program;
  readonly trace: CoreTrace;
  readonly timing: TimingResult;
  /** DRAM before and after the run. */
  readonly image: Int16Array;
  readonly dram: Int16Array;
}

export interface LockstepResult {
  readonly cycles: number;
  readonly descriptors: number;
  /** All differences, the first one first; empty when the RTL is equal. */
  readonly differences: readonly string[];
  /** Cycle of the first difference, where one is known. */
  readonly firstCycle?: number;
  readonly expected: ExpectedRun;
  readonly rtl: RtlResult;
}

const MOST_STEPS = 100_000_000;

/**
 * Runs a program on the simulator.
 * @throws JobError when the simulator refuses the program.
 */
export function expectRun(program: Program, { inputs = [], checks = 'races' }: ExpectOptions = {}): ExpectedRun {
  const trace = traceCore(program.instructions, { computeUnits: program.machine.computeUnits, maxSteps: MOST_STEPS });
  const timing = simulateTiming(program, trace, { log: true });
  const image = createDramImage(program).words;
  for (const { address, words } of inputs) image.set(words, address);
  const { dram } = executeData(program, trace.dispatches, { inputs, checks });
  return { program, trace, timing, image, dram };
}

/** Differences of a run of the RTL from what the simulator says; `onlyBits`: in stress mode only bits are compared, and that it ends. */
export function compareRun(expected: ExpectedRun, rtl: RtlResult, onlyBits = false): Difference[] {
  const { program, trace, timing } = expected;
  const differences: Difference[] = findFailure(rtl);
  if (!onlyBits) {
    // Times first: where they differ, an account of the run's end says little.
    differences.unshift(...compareLogs(program, timing, rtl));
    differences.push(...compareCounters(program, trace, timing, rtl));
  }
  const difference = compareDram(trace, timing, expected.dram, rtl.dram);
  if (difference !== undefined) differences.push(difference);
  return differences;
}

/**
 * Runs a program on both and compares.
 * @param model program made by buildModel for the program's machine.
 * @throws JobError when the simulator refuses the program.
 */
export function runLockstep(model: string, program: Program, options: LockstepOptions = {}): LockstepResult {
  const expected = expectRun(program, options);
  const rtl = runRtl(model, program, expected.image, { limit: 20 * expected.timing.cycles + 1_000_000, ...options });
  const differences = compareRun(expected, rtl, (options.stress ?? 0) !== 0);
  return {
    cycles: expected.timing.cycles,
    descriptors: expected.trace.dispatches.length,
    differences: differences.map(({ text }) => text),
    firstCycle: differences.find(({ cycle }) => cycle !== undefined)?.cycle,
    expected,
    rtl,
  };
}

/** What ended the run other than END, or broke the rules of the bus. */
function findFailure(rtl: RtlResult): Difference[] {
  const failures: string[] = [];
  if (rtl.breach !== '') failures.push(rtl.breach);
  if (rtl.cause !== 'none') {
    failures.push(
      `the RTL stopped after ${rtl.ran} cycles: cause '${rtl.cause}', unit ${rtl.causeUnit}, detail ${rtl.detail}, instruction ${rtl.pc}`,
    );
  } else if (!rtl.finished) failures.push(`the RTL has not finished after ${rtl.ran} cycles, at instruction ${rtl.pc}`);
  if (rtl.unanswered !== 0) failures.push(`${rtl.unanswered} bursts were never answered`);
  return failures.map((text) => ({ text }));
}
