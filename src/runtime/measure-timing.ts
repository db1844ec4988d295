/** Runs a program's control core and the timing engine on this thread. */
import { DEFAULT_CORE_LIMITS, traceCore } from '../isa/core.ts';
import type { Program } from '../program/program.ts';
import { simulateTiming } from '../simulator/timing/engine.ts';
import type { TimingResult } from '../simulator/timing/result.ts';

/** @throws JobError when the program can not run to its end */
export function measureTiming(program: Program): TimingResult {
  const limits = { ...DEFAULT_CORE_LIMITS, computeUnits: program.machine.computeUnits };
  return simulateTiming(program, traceCore(program.instructions, limits));
}
