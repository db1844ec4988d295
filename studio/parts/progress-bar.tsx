/** How far the job is, and the button that ends it. Its place is always there: nothing moves when it appears. */
import type { Run } from '../state/run.ts';
import { run } from '../state/store.ts';
import { STAGES, type Stage } from '../worker/protocol.ts';

const TITLES: Readonly<Record<Stage, string>> = {
  read: 'reading',
  compile: 'compiling',
  time: 'timing',
  simulate: 'simulating',
  check: 'checking bits',
};
/** Where each stage begins on the bar. */
const FROM: Readonly<Record<Stage, number>> = { read: 0, compile: 0.1, time: 0.5, simulate: 0.55, check: 0.75 };

export function ProgressBar({ of }: { readonly of?: Run }) {
  const job = of ?? run.value;
  const status = job?.status.value;
  if (status?.kind !== 'running') return <div class="progress" />;
  const next = STAGES[STAGES.indexOf(status.stage) + 1];
  const part = FROM[status.stage] + status.fraction * ((next ? FROM[next] : 1) - FROM[status.stage]);
  return (
    <div
      class="progress active"
      role="progressbar"
      aria-label="job"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(100 * part)}
    >
      <i style={{ transform: `scaleX(${part})` }} />
      <span>
        {TITLES[status.stage]}
        {status.what && `: ${status.what}`}
      </span>
      <button type="button" class={of ? undefined : 'cancel'} onClick={() => job?.cancel()}>
        Cancel {!of && <kbd>x</kbd>}
      </button>
    </div>
  );
}
