/**
 * Makes a failing random program small: leaves out control code and task after task as long as the RTL still differs from the simulator.
 * Documentation: hardware/README.md.
 */
import type { Program } from '../../src/program/program.ts';
import { JobError } from '../../src/util/errors.ts';
import { type LockstepOptions, runLockstep } from './lockstep.ts';
import { type RandomProgramOptions, randomProgram } from './random-program.ts';

/** Whether a program still shows the failure; one that the simulator refuses does not. */
function differs(model: string, program: Program, options: LockstepOptions): boolean {
  try {
    return runLockstep(model, program, options).differences.length > 0;
  } catch (error) {
    if (error instanceof JobError) return false;
    throw error;
  }
}

/** A failing program with as few tasks as may be. `options` must give one that fails. */
export function shrinkProgram(model: string, options: RandomProgramOptions, lockstep: LockstepOptions = {}): Program {
  let best = options;
  const tryOptions = (candidate: RandomProgramOptions): boolean => {
    if (!differs(model, randomProgram(candidate), lockstep)) return false;
    best = candidate;
    return true;
  };
  tryOptions({ ...best, straight: true });
  const tasks = randomProgram(options).sourceMap.length;
  // Backwards: what is last depends on most. Whole stretches first.
  for (let size = 2 ** Math.floor(Math.log2(tasks)); size >= 1; size /= 2) {
    for (let end = tasks; end > 0; end -= size) {
      const without = new Set(best.without);
      const before = without.size;
      for (let i = Math.max(0, end - size); i < end; i++) without.add(i);
      if (without.size > before) tryOptions({ ...best, without });
    }
  }
  return randomProgram(best);
}
