/**
 * Parts of a rearrangement from what it does along each axis: which index of the source every index of the result takes.
 * Specification: docs/compiler.md ("Rearrangements").
 */
import type { RearrangePart } from '../../graph/integer-graph.ts';
import type { LayerTensor } from './layer-graph.ts';

type Extents = Pick<LayerTensor, 'height' | 'width' | 'channels'>;

/** Indices to, to + toStep, … of the result take from, from + fromStep, … of the source. */
export interface AxisRun {
  readonly to: number;
  readonly toStep: number;
  readonly from: number;
  readonly fromStep: number;
  readonly count: number;
}

/** Longest step between neighbours of a run that is tried: enlarging by more makes more runs. */
const MAX_STEP = 32;

/**
 * Runs that cover an axis, the longest first. `sources[i]` is the index that i takes, −1 for none (the fill value).
 * Among equals one that moves on in the source before one that repeats an index; then the first.
 */
export function findRuns(sources: readonly number[]): AxisRun[] {
  const isOpen = sources.map((source) => source >= 0);
  const runs: AxisRun[] = [];
  while (isOpen.includes(true)) {
    let best: AxisRun = { to: 0, toStep: 1, from: 0, fromStep: 0, count: 0 };
    for (let to = 0; to < sources.length; to++) {
      if (!isOpen[to]) continue;
      for (let toStep = 1; toStep <= MAX_STEP; toStep++) {
        if (Math.ceil((sources.length - to) / toStep) < best.count) break;
        const run = followRun(sources, isOpen, to, toStep);
        const isBetter = run.count > best.count || (run.count === best.count && best.fromStep === 0 && run.fromStep > 0);
        if (isBetter) best = run;
      }
    }
    for (let i = 0; i < best.count; i++) isOpen[best.to + i * best.toStep] = false;
    runs.push(best);
  }
  return runs;
}

/** The run from index `to` on with a step, as far as it goes; a single index where the source would go backwards. */
function followRun(sources: readonly number[], isOpen: readonly boolean[], to: number, toStep: number): AxisRun {
  const from = sources[to];
  const next = to + toStep;
  const fromStep = next < sources.length && isOpen[next] ? sources[next] - from : -1;
  if (fromStep < 0) return { to, toStep: 1, from, fromStep: 1, count: 1 };
  let count = 2;
  for (let i = next + toStep; i < sources.length && isOpen[i] && sources[i] === from + count * fromStep; i += toStep) count++;
  return { to, toStep, from, fromStep, count };
}

/** Runs of a whole axis that stays as it is. */
export function wholeAxis(count: number): AxisRun[] {
  return [{ to: 0, toStep: 1, from: 0, fromStep: 1, count }];
}

/** All combinations of runs along the three axes; runs of channels with steps become runs of single words. */
export function makeParts(
  input: number,
  source: Extents,
  target: Extents,
  rows: readonly AxisRun[],
  columns: readonly AxisRun[],
  channels: readonly AxisRun[],
): RearrangePart[] {
  const whole = channels.flatMap((run): AxisRun[] =>
    run.count === 1 || (run.toStep === 1 && run.fromStep === 1)
      ? [run]
      : Array.from({ length: run.count }, (_, i) => ({
          to: run.to + i * run.toStep,
          toStep: 1,
          from: run.from + i * run.fromStep,
          fromStep: 1,
          count: 1,
        })),
  );
  const grid = (extents: Extents, row: number, rowStep: number, column: number, columnStep: number, channel: number) => {
    const pitch = extents.width * extents.channels;
    return {
      offset: row * pitch + column * extents.channels + channel,
      rowStep: rowStep * pitch,
      columnStep: columnStep * extents.channels,
    };
  };
  return rows.flatMap((row) =>
    columns.flatMap((column) =>
      whole.map((channel) => ({
        input,
        rows: row.count,
        columns: column.count,
        words: channel.count,
        from: grid(source, row.from, row.fromStep, column.from, column.fromStep, channel.from),
        to: grid(target, row.to, row.toStep, column.to, column.toStep, channel.to),
      })),
    ),
  );
}
