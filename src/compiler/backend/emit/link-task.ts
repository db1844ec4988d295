/** The MAC tasks of a chain's link. Specification: docs/compiler.md, "Chains". */

import type { LinkPlan } from '../chain/chain.ts';
import type { Block } from '../mac/blocks.ts';
import { inputRows } from '../mac/tile-rows.ts';
import type { PackedWeights } from '../mac/weights-image.ts';
import type { MacWork } from '../stages/stage.ts';
import type { Piece } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { addMacTask } from './mac-task.ts';
import type { RasterOutput } from './raster-walk.ts';
import type { RowRing } from './row-ring.ts';

/** A link's constants: layer index, packed weights and where they are. */
export interface LinkConstants {
  readonly layer: number;
  readonly weights: PackedWeights;
  readonly address: number;
}

export interface Link {
  readonly work: MacWork;
  readonly plan: LinkPlan;
  readonly constants: LinkConstants;
  readonly groups: (WeightsGroup | undefined)[];
}

/** Work of one CU on a link: one block's channels of raster pixels [from, to). */
export interface LinkPart {
  readonly block: Block;
  readonly group: WeightsGroup;
  /** Share of the block's channels. */
  readonly slot: number;
  readonly cu: number;
  readonly input: RowRing;
  readonly from: number;
  readonly to: number;
  /** Column of the image at which the rows of `output` begin. */
  readonly column: number;
  readonly output: RasterOutput;
  readonly targets: number;
  readonly writes: readonly Piece[];
  readonly source: Source;
}

/** A link's task on one CU; none where the CU's share of the block has no channels. */
export function addLinkTask(
  context: EmitContext,
  { work, plan }: Link,
  { block, group, slot, cu, input, from, to, column, output, targets, writes, source }: LinkPart,
): void {
  const channels = Math.min(plan.cuChannels, block.channels - slot * plan.cuChannels);
  if (channels <= 0) return;
  const g = work.geometry;
  const ya = Math.floor(from / g.outWidth);
  const yb = Math.floor((to - 1) / g.outWidth) + 1;
  const rows = inputRows(work, ya, yb);
  addMacTask(
    context,
    {
      cu,
      geometry: g,
      ring: input.ring,
      origin: 0,
      pixelPitch: input.pixelPitch,
      channelOffset: block.inputChannel + (work.depthwise ? slot * plan.cuChannels : 0),
      tapWords: work.tapWords,
      depthwise: work.depthwise,
      lanes: plan.lanes,
      weightsLine: group.line,
      clamp: work.clamp,
      raster: { y: ya, x: column, x0: from - ya * g.outWidth - column, width: g.outWidth - column, count: to - from },
      output: { ...output, outBase: output.outBase + block.channel + slot * plan.cuChannels },
      targets,
      channels,
    },
    source,
    [...input.of(cu, rows.first, rows.end), ...group.pieces],
    writes,
  );
}
