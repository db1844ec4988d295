/**
 * Blocks: how the output channels of a MAC stage (and the regions of an average pool) are cut into pieces of work for the whole cluster.
 * Specification: docs/compiler.md, "Schedule of a MAC stage".
 */
import { averageDivisors } from '../../../graph/average-pool.ts';
import type { Geometry, MacWork, Region } from '../stages/stage.ts';

/** One set of output channels computed together by the cluster, over one region of the image. */
export interface Block {
  /** First output channel and how many are valid. */
  readonly channel: number;
  readonly channels: number;
  /** First input channel of its convolution group. */
  readonly inputChannel: number;
  readonly region: Region;
  /** Divisor of an average pool in this region. */
  readonly divisor: number;
}

/** Output regions that need weights of their own: one, except average pools whose divisor varies (over the layer's original extents). */
export function regionsOf(work: MacWork, original: Geometry): { region: Region; divisor: number }[] {
  const g = work.geometry;
  const { source } = work;
  if (source.kind !== 'averagepool') return [{ region: { y0: 0, y1: g.outHeight, x0: 0, x1: g.outWidth }, divisor: 1 }];
  const runsOf = (taps: readonly number[]) => {
    const runs: { from: number; to: number; taps: number }[] = [];
    taps.forEach((count, i) => {
      const last = runs.at(-1);
      if (last && last.taps === count) last.to = i + 1;
      else runs.push({ from: i, to: i + 1, taps: count });
    });
    return runs;
  };
  const divisors =
    work.divisors ??
    averageDivisors(source, { height: original.inHeight, width: original.inWidth }, { height: original.outHeight, width: g.outWidth });
  // Frames as rows: every row is the one output row of a frame.
  const rows = original.outHeight === g.outHeight ? runsOf(divisors.rows) : [{ from: 0, to: g.outHeight, taps: divisors.rows[0]! }];
  const columns = runsOf(divisors.columns);
  return rows.flatMap((row) =>
    columns.map((column) => ({
      region: { y0: row.from, y1: row.to, x0: column.from, x1: column.to },
      divisor: row.taps * column.taps,
    })),
  );
}

export function blocksOf(work: MacWork, lanes: number, slots: number, regions: { region: Region; divisor: number }[]): Block[] {
  const blockChannels = (64 / lanes) * slots;
  const groupChannels = work.outChannels / work.groups;
  const blocks: Block[] = [];
  for (let group = 0; group < work.groups; group++) {
    for (let c = 0; c < groupChannels; c += blockChannels) {
      for (const { region, divisor } of regions) {
        blocks.push({
          channel: group * groupChannels + c,
          channels: Math.min(blockChannels, groupChannels - c),
          inputChannel: work.depthwise ? c : group * work.tapWords,
          region,
          divisor,
        });
      }
    }
  }
  return blocks;
}

/** Weights images of a block with so many valid channels: one per vMAC with at least one valid output. */
export function imagesOf(channels: number, lanes: number): number {
  return Math.ceil(channels / (16 / lanes));
}
