/** Thread entry: times the program it is given. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Program } from '../program/program.ts';
import { measureTiming } from './measure-timing.ts';
import type { TimingAnswer } from './time-program.ts';

function answer(): TimingAnswer {
  try {
    return { result: measureTiming(workerData as Program) };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: { name, message } };
  }
}

parentPort!.postMessage(answer());
