/** The timing engine in a worker of its own: it works while the caller computes data, and keeps the profile for exports. */
import { JobError, type ProfileWork, type Program } from '../../src/browser.ts';
import type { ExportKind, TimingView } from './protocol.ts';
import type { TimingAnswer, TimingRequest } from './timing-worker.ts';

export interface Timer {
  /** @throws JobError when a program can not run to its end */
  time(
    name: string,
    programs: readonly Program[],
    works: readonly ProfileWork[],
  ): Promise<{ readonly timing: TimingView; readonly starts: readonly number[] }>;
  export(kind: ExportKind): Promise<string>;
}

export function startTimer(): Timer {
  const worker = new Worker(new URL('./timing-worker.ts', import.meta.url), { type: 'module' });
  // One question at a time: each waits for the answer to the one before.
  let last: Promise<unknown> = Promise.resolve();
  const ask = (request: TimingRequest): Promise<TimingAnswer> => {
    const answer = last.then(
      () =>
        new Promise<TimingAnswer>((resolve, reject) => {
          worker.onmessage = ({ data }: MessageEvent<TimingAnswer>) => {
            if (data.type === 'failed') reject(data.name === 'JobError' ? new JobError(data.message) : new Error(data.message));
            else resolve(data);
          };
          worker.onerror = (event) => reject(new Error(event.message));
          worker.postMessage(request);
        }),
    );
    last = answer.catch(() => {});
    return answer;
  };
  return {
    time: async (name, programs, works) => {
      // Timing never looks at constants.
      const answer = await ask({ type: 'time', name, programs: programs.map((program) => ({ ...program, segments: [] })), works });
      if (answer.type !== 'timing') throw new Error('the timing worker answered something else');
      return answer;
    },
    export: async (kind) => {
      const answer = await ask({ type: 'export', kind });
      if (answer.type !== 'export') throw new Error('the timing worker answered something else');
      return answer.text;
    },
  };
}
