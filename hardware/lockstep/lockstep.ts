/**
 * Lockstep: a program on the simulator and on Verilated sf_top from the same memory image, compared to the bit and the cycle.
 * Documentation: hardware/README.md.
 */
import { type CoreTrace, traceCore } from '../../src/isa/core.ts';
import type { Program } from '../../src/program/program.ts';
import { createDramImage } from '../../src/simulator/data/dram-image.ts';
import type { CheckLevel, DramInput } from '../../src/simulator/data/engine.ts';
import { executeData } from '../../src/simulator/data/execute-data.ts';
import { simulateTiming } from '../../src/simulator/timing/engine.ts';
import type { TimingResult } from '../../src/simulator/timing/result.ts';
import { compareCounters, compareDram, compareLogs, type Difference } from './compare.ts';
import { type RtlOptions, type RtlResult, runRtl } from './run-rtl.ts';

export interface LockstepOptions extends RtlOptions {
  readonly inputs?: readonly DramInput[];
  /** Checks of the data engine; default races: a program whose bits depend on timing is refused. */
  readonly checks?: CheckLevel;
  /** false: times only, whatever the bits. */
  readonly data?: boolean;
}

export interface LockstepResult {
  readonly cycles: number;
  readonly descriptors: number;
  /** All differences, the first one first; empty when the RTL is equal. */
  readonly differences: readonly string[];
  readonly timing: TimingResult;
  readonly rtl: RtlResult;
}

/**
 * Runs and compares. In stress mode only bits are compared, and that it ends.
 * @param model program made by buildModel for the program's machine.
 * @throws JobError when the simulator refuses the program.
 */
export function runLockstep(model: string, program: Program, options: LockstepOptions = {}): LockstepResult {
  const trace = traceCore(program.instructions, { computeUnits: program.machine.computeUnits, maxSteps: 100_000_000 });
  const timing = simulateTiming(program, trace, { log: true });
  const image = createDramImage(program).words;
  for (const { address, words } of options.inputs ?? []) image.set(words, address);
  const rtl = runRtl(model, program, image, { limit: 20 * timing.cycles + 1_000_000, ...options });
  const stress = (options.stress ?? 0) !== 0;
  const differences: string[] = [...findFailure(rtl)];
  if (!stress) differences.push(...compareTimes(program, trace, timing, rtl));
  if (options.data !== false) {
    const { dram } = executeData(program, trace.dispatches, { inputs: options.inputs ?? [], checks: options.checks ?? 'races' });
    const difference = compareDram(dram, rtl.dram);
    if (difference !== undefined) differences.push(difference);
  }
  return { cycles: timing.cycles, descriptors: trace.dispatches.length, differences, timing, rtl };
}

/** What ended the run other than END, or broke the rules of the bus. */
function findFailure(rtl: RtlResult): string[] {
  const failures: string[] = [];
  if (rtl.breach !== '') failures.push(rtl.breach);
  if (rtl.cause !== 'none') {
    failures.push(
      `the RTL stopped after ${rtl.ran} cycles: cause '${rtl.cause}', unit ${rtl.causeUnit}, detail ${rtl.detail}, instruction ${rtl.pc}`,
    );
  } else if (!rtl.finished) failures.push(`the RTL has not finished after ${rtl.ran} cycles, at instruction ${rtl.pc}`);
  if (rtl.unanswered !== 0) failures.push(`${rtl.unanswered} bursts were never answered`);
  return failures;
}

function compareTimes(program: Program, trace: CoreTrace, timing: TimingResult, rtl: RtlResult): string[] {
  const logs: readonly Difference[] = compareLogs(program, timing, rtl);
  return [...logs.map(({ text }) => text), ...compareCounters(program, trace, timing, rtl)];
}
