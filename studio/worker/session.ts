/** An opened network inside the worker: everything that later questions need. */
import type { CompiledModel, WordInputs } from '../../src/browser.ts';
import type { JobOptions, LogView, ProgramView } from './protocol.ts';
import type { Timer } from './timer.ts';

export interface Session {
  readonly model: CompiledModel;
  readonly program: ProgramView;
  readonly options: JobOptions;
  readonly log: LogView;
  readonly timer: Timer;
  /** Cycle at which each part starts, and the end of the last. */
  readonly starts: readonly number[];
  /** Words that entered each part in the run, by frame; empty before it. */
  readonly inputWords: readonly (readonly WordInputs[])[];
}
