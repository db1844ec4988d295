/** A progress bar on a terminal's stderr; nothing in a pipe. */
import cliProgress from 'cli-progress';

export interface Progress {
  /** @param what the current step, e.g. a layer's name */
  update(done: number, total: number, what: string): void;
  stop(): void;
}

/** @param title what is being done, e.g. "compile alexnet" */
export function startProgress(title: string): Progress {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new cliProgress.SingleBar(
    { format: `${title} [{bar}] {percentage}% {what}`, stream: process.stderr, clearOnComplete: true, hideCursor: true, fps: 5 },
    cliProgress.Presets.shades_classic,
  );
  let started = false;
  return {
    update: (done, total, what) => {
      if (!started) bar.start(total, done, { what });
      started = true;
      bar.setTotal(total);
      bar.update(done, { what });
    },
    stop: () => {
      if (started) bar.stop();
    },
  };
}
