/**
 * Choosing a stage's schedule: lanes per output, split over CUs, loop order, tiles and buffer sizes, by enumeration against a cost model.
 * Specification: docs/compiler.md, "Schedule of a MAC stage".
 */
import { LINE_WORDS, type Machine, weightsLines } from '../../../machine/machine.ts';
import type { MacWork, Stage } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { type Block, blocksOf, regionsOf } from './blocks.ts';
import { costOf } from './cost.ts';
import { type Candidate, evaluate, type Placement, type Problem, planOfCandidate } from './evaluate.ts';
import { hasAdjacentTaps, PixelCosts, parameterLines, tapLines } from './window-cost.ts';

export interface MacPlan {
  readonly lanes: number;
  /** Parts the pixels of a tile are split into; parts × slots = CUs. CU = slot · parts + part. */
  readonly parts: number;
  readonly slots: number;
  /** Each part has a band of rows of its own in its CUs' buffers (one tile); otherwise all CUs hold all rows of the tile. */
  readonly bands: boolean;
  /** Blocks per pass over the tiles. */
  readonly chunkBlocks: number;
  readonly tileRows: number;
  /** Results of all CUs are gathered in one home CU per block; otherwise each CU keeps and stores its own. */
  readonly gather: boolean;
  readonly adjacent: boolean;
  /** Depthwise: only the block's channels are in the maps buffer, loaded block by block. */
  readonly sliced: boolean;
  /** Words per pixel in the maps buffer. */
  readonly pixelPitch: number;
  /** Rows of the input ring. */
  readonly ringRows: number;
  readonly blocks: readonly Block[];
  /** Output channels of one CU, of a full block, and the words per pixel of a result slot. */
  readonly cuChannels: number;
  readonly blockChannels: number;
  readonly slotPitch: number;
  /** Consecutive blocks that share a result slot and a store, so that runs of channels in DRAM are long. */
  readonly storeBlocks: number;
  /** Lines of one group: parameters and taps. */
  readonly groupLines: number;
  readonly weightsResident: boolean;
  readonly mapsResident: boolean;
  /** Words of one result slot and how many in rotation (and as many for residual operands); words of a vector output slot; pool rings and their rows. */
  readonly slotWords: number;
  readonly slotCount: number;
  readonly otherSlots: number;
  readonly vecSlotWords: number;
  readonly poolRingRows: number;
  readonly poolRings: number;
  /** Words of the maps buffer in use. */
  readonly words: number;
  readonly cycles: number;
  readonly bytes: number;
}

/** Layers whose weights fill at most this part of the buffers when every CU has some of them are small. */
const SMALL_LAYER = 6;

/** The best schedule of a stage; undefined when none fits. */
export function planMacStage(stage: Stage, work: MacWork, view: View, machine: Machine, placement: Placement): MacPlan | undefined {
  let best: Candidate | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const candidate of candidates({ stage, work, view, machine, placement })) {
    const cost = costOf(candidate, machine);
    if (cost < bestCost) {
      best = candidate;
      bestCost = cost;
    }
  }
  return best && planOfCandidate(best);
}

/** Does any schedule of a stage fit? */
export function canPlanMacStage(stage: Stage, work: MacWork, view: View, machine: Machine, placement: Placement): boolean {
  return candidates({ stage, work, view, machine, placement }).next().done !== true;
}

function* candidates(problem: Problem): Generator<Candidate> {
  const { stage, work, view, machine, placement } = problem;
  const cus = machine.computeUnits;
  const regions = regionsOf(work, stage.mac!.geometry);
  for (const lanes of lanesOf(work)) {
    // A tensor on chip has the pitch that its producer gave it.
    const pixelPitch = placement.input ? view.pixelPitch : work.depthwise ? roundToLine(view.channels) : view.channels;
    const adjacent = hasAdjacentTaps(work, pixelPitch);
    const costs = new PixelCosts(work, lanes, adjacent);
    const groupLines = parameterLines(lanes) + tapLines(work, lanes, adjacent);
    if (groupLines > weightsLines(machine)) continue;
    const pixels = work.geometry.outHeight * work.geometry.outWidth;
    const lines = groupLines * Math.ceil(work.outChannels / ((64 / lanes) * cus));
    for (let parts = 1; parts <= cus; parts *= 2) {
      if (regions.length > 1 && parts > 1) continue;
      // Weights of few pixels that may stay in the buffers from one position of a sequence to the next: as few lines as possible, all CUs at work.
      if (parts > pixels && lines <= weightsLines(machine) / SMALL_LAYER) continue;
      const slots = cus / parts;
      const blocks = blocksOf(work, lanes, slots, regions);
      const resident = Math.floor(weightsLines(machine) / groupLines);
      const chunks = new Set([blocks.length, Math.min(resident, blocks.length), Math.max(1, Math.min(resident >> 1, blocks.length)), 1]);
      for (const chunkBlocks of chunks) {
        for (const bands of parts > 1 ? [false, true] : [false]) {
          if (bands && (stage.vec?.op === 'max' || placement.input)) continue;
          const rows = bands ? [work.geometry.outHeight] : tileHeights(work.geometry.outHeight);
          for (const tileRows of rows) {
            const choice = { lanes, parts, slots, bands, chunkBlocks, tileRows, adjacent, pixelPitch, groupLines, blocks, sliced: false };
            const whole = evaluate(problem, choice, costs);
            if (whole) yield whole;
            if (!work.depthwise || placement.input || chunkBlocks > 1) continue;
            const slice = roundToLine(Math.max(...blocks.map((block) => block.channels)));
            const sliced = evaluate(problem, { ...choice, sliced: true, pixelPitch: slice }, costs);
            if (sliced) yield sliced;
          }
        }
      }
    }
  }
}

/** Lanes per output that the work allows: activations as weights have a line's words for one output. */
function lanesOf(work: MacWork): readonly number[] {
  if (work.depthwise) return [1];
  return work.source.kind === 'matmul' ? [LINE_WORDS] : [1, 2, 4, 8, LINE_WORDS];
}

/** Depthwise reads begin at lines. */
function roundToLine(words: number): number {
  return Math.ceil(words / LINE_WORDS) * LINE_WORDS;
}

function tileHeights(rows: number): number[] {
  const heights = new Set<number>();
  for (const tiles of [1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 16, 20, 26, 28, 32, 40, 52, 56, 75, 104, 112, 150, 208, 224, 448]) {
    if (tiles <= rows) heights.add(Math.ceil(rows / tiles));
  }
  heights.add(1);
  return [...heights];
}

/** A plan in words, for listings. */
export function describePlan(plan: MacPlan, work: MacWork): string {
  const tiles = Math.ceil(work.geometry.outHeight / plan.tileRows);
  const split = `${plan.parts} × ${plan.slots}${plan.bands ? ' bands' : ''}`;
  const order =
    plan.chunkBlocks >= plan.blocks.length
      ? plan.blocks.length > 1
        ? 'maps stay'
        : 'one block'
      : `weights stay (${plan.chunkBlocks} of ${plan.blocks.length} blocks)`;
  return `g ${plan.lanes}, ${split}, ${tiles} tile${tiles > 1 ? 's' : ''} of ${plan.tileRows} rows, ${plan.blocks.length} block${plan.blocks.length > 1 ? 's' : ''} of ${plan.blockChannels} channels, ${order}`;
}
