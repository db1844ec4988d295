/** Runs a program's control core and the recording timing engine on this thread. Runs in browsers too. */
import { DEFAULT_CORE_LIMITS, traceCore } from '../isa/core.ts';
import type { Program } from '../program/program.ts';
import { type ProfiledTiming, simulateProfile } from '../simulator/profile/simulate-profile.ts';

/**
 * Exact cycles, bytes and causes of a program, with commit log, tiles, and bandwidth and fill over time.
 * @param maxBins of the series over time
 * @throws JobError when the program can not run to its end
 */
export function measureProfile(program: Program, maxBins?: number): ProfiledTiming {
  const limits = { ...DEFAULT_CORE_LIMITS, computeUnits: program.machine.computeUnits };
  return simulateProfile(program, traceCore(program.instructions, limits), maxBins);
}
