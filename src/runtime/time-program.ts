/** The timing engine on a thread of its own, beside the data engine: timing does not depend on data. */
import { Worker } from 'node:worker_threads';
import type { Program } from '../program/program.ts';
import type { TimingResult } from '../simulator/timing/result.ts';
import { InputError, JobError } from '../util/errors.ts';
import { measureTiming } from './measure-timing.ts';

/** What the worker answers. Errors lose their class on the way between threads, so it is named. */
export type TimingAnswer = { readonly result: TimingResult } | { readonly error: { readonly name: string; readonly message: string } };

/** Programs that are predicted to take fewer cycles are timed at once: starting a thread costs more. */
const LEAST_CYCLES_FOR_THREAD = 5_000_000;

/**
 * Cycles, bytes and causes of a program.
 * @throws JobError when the program can not run to its end
 */
export async function timeProgram(program: Program): Promise<TimingResult> {
  const predicted = program.layers.reduce((sum, layer) => sum + layer.predictedCycles, 0);
  // Threads load the compiled JavaScript; under a TypeScript loader (tests) there is none.
  if (predicted < LEAST_CYCLES_FOR_THREAD || !import.meta.url.endsWith('.js')) return measureTiming(program);
  // Timing never looks at constants: without them the program is small to send.
  const workerData: Program = { ...program, segments: [] };
  const worker = new Worker(new URL('./timing-worker.js', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    worker.once('message', (answer: TimingAnswer) => {
      if ('result' in answer) resolve(answer.result);
      else reject(rebuildError(answer.error));
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the timing thread ended with code ${code}`)));
  });
}

function rebuildError({ name, message }: { name: string; message: string }): Error {
  if (name === 'JobError') return new JobError(message);
  return name === 'InputError' ? new InputError(message) : new Error(message);
}
