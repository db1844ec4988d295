/**
 * Slice chains: a convolution and the depthwise convolution behind it, block by block of channels, without going through DRAM between them.
 * Every CU makes its own channels of the first and reads nothing else for the second; the input is streamed once a block. A pointwise convolution may follow:
 * then every CU collects all channels of its own pixels and makes theirs, the weights streamed past. Specification: docs/compiler.md, "Chains".
 */
import { LINE_BYTES, LINE_WORDS, type Machine, weightsLines } from '../../../machine/machine.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { type Block, blocksOf, imagesOf, regionsOf } from '../mac/blocks.ts';
import { Cheapest } from '../mac/cost.ts';
import { leastRingRows } from '../mac/source-walk.ts';
import { inputRows } from '../mac/tile-rows.ts';
import { CHUNK_LINES } from '../mac/weights-image.ts';
import { hasAdjacentTaps, outputCycles, PixelCosts, parameterLines, tapLines } from '../mac/window-cost.ts';
import type { MacWork, PairWork } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import type { LinkPlan } from './chain.ts';

export interface SliceWork {
  readonly head: MacWork;
  readonly body: MacWork;
  readonly tail?: MacWork | undefined;
  /** Behind the tail: with something in DRAM. */
  readonly residual?: PairWork | undefined;
  readonly input: View;
}

/** The tail's share of a plan. */
export interface SliceTail {
  readonly link: LinkPlan;
  /** First pixel of every CU, and the end. */
  readonly bounds: readonly number[];
  /** Words of a CU's pixels, all channels. */
  readonly ownWords: number;
  /** Channels stored together, by how many blocks. */
  readonly storeBlocks: number;
  readonly resultWords: number;
}

export interface SlicePlan {
  readonly head: LinkPlan;
  readonly body: LinkPlan;
  /** Output rows of a tile. */
  readonly tileRows: number;
  /** Rows of the input ring and of the ring of the first convolution's results. */
  readonly inputRows: number;
  readonly headRows: number;
  /** Words per pixel of a CU's results, of either convolution. */
  readonly slicePitch: number;
  readonly resultWords: number;
  readonly tail: SliceTail | undefined;
  readonly words: number;
  readonly cycles: number;
  readonly bytes: number;
}

/** Channels that a store should have at least. */
const STORE_CHANNELS = 64;
/** Result slots of a CU in rotation. */
export const SLICE_SLOTS = 2;

/** The best plan within a budget of maps words; undefined when none fits. */
export function planSliceChain(work: SliceWork, machine: Machine, budgetWords: number): SlicePlan | undefined {
  const best = new Cheapest<SlicePlan>(machine);
  const height = work.body.geometry.outHeight;
  // Depthwise reads begin at lines: a CU has 16 channels or more.
  for (const lanes of [1, 2, 4]) {
    for (let tileRows = height; tileRows >= 1; tileRows = tileRows > 1 ? Math.ceil(tileRows / 2) : 0) {
      best.consider(evaluateSlices(work, lanes, tileRows, machine, budgetWords));
    }
  }
  return best.plan;
}

function evaluateSlices(work: SliceWork, lanes: number, tileRows: number, machine: Machine, budgetWords: number): SlicePlan | undefined {
  const { head: headWork, body: bodyWork, input } = work;
  const cus = machine.computeUnits;
  const slicePitch = 64 / lanes;
  const link = (linkWork: MacWork, linkLanes: number, pixelPitch: number, linkBlocks: readonly Block[]): LinkPlan => {
    const adjacent = hasAdjacentTaps(linkWork, pixelPitch);
    const groupLines = parameterLines(linkLanes) + tapLines(linkWork, linkLanes, adjacent);
    // All vMACs of a slice, whether it fills them or not.
    const images = linkWork.depthwise ? slicePitch / LINE_WORDS : undefined;
    return { lanes: linkLanes, parts: 1, slots: cus, adjacent, pixelPitch, groupLines, cuChannels: slicePitch, blocks: linkBlocks, images };
  };
  const blocks = blocksOf(headWork, lanes, cus, regionsOf(headWork, headWork.geometry));
  const [whole] = regionsOf(bodyWork, bodyWork.geometry);
  const head = link(headWork, lanes, input.channels, blocks);
  const body = link(
    bodyWork,
    1,
    slicePitch,
    blocks.flatMap((block) => slicesOf(block, slicePitch, cus).map((slice) => ({ ...slice, ...whole }))),
  );
  if (head.groupLines + body.groupLines > weightsLines(machine) || body.groupLines > CHUNK_LINES) return undefined;

  const g = bodyWork.geometry;
  const tiles = Math.ceil(g.outHeight / tileRows);
  // Rows of the first convolution for two tiles of the second, and the input rows for them.
  let headRows = leastRingRows(g);
  let inputNeed = leastRingRows(headWork.geometry);
  for (let y = 0; y < g.outHeight; y += tileRows) {
    const now = inputRows(bodyWork, y, Math.min(g.outHeight, y + tileRows));
    const next = inputRows(bodyWork, y, Math.min(g.outHeight, y + 2 * tileRows));
    // At the end of a block the next one's first tile.
    const more = y + tileRows >= g.outHeight ? inputRows(bodyWork, 0, tileRows).end : 0;
    headRows = Math.max(headRows, next.end - now.first + more);
    const need = inputRows(headWork, now.first, Math.max(now.first + 1, next.end));
    inputNeed = Math.max(inputNeed, need.end - need.first);
  }
  const { inHeight, inWidth } = headWork.geometry;
  inputNeed = Math.min(inHeight, inputNeed);
  const tail = work.tail && planTail(work.tail, machine);
  if (work.tail && !tail) return undefined;
  const resultWords = tail ? 0 : tileRows * g.outWidth * slicePitch;
  const words =
    roundUp(inputNeed * inWidth * input.channels) +
    roundUp(headRows * g.inWidth * slicePitch) +
    SLICE_SLOTS * roundUp(resultWords) +
    (tail ? roundUp(tail.ownWords) + SLICE_SLOTS * roundUp(tail.resultWords) * (work.residual ? 2 : 1) : 0);
  if (words > budgetWords) return undefined;

  const overhead = machine.latency.macSetup + 12;
  const cyclesOf = (linkWork: MacWork, { lanes: l, adjacent }: LinkPlan): number =>
    blocks.length * (new PixelCosts(linkWork, l, adjacent).total + tiles * (overhead + parameterLines(l)));
  const headCycles = cyclesOf(headWork, head);
  const pixels = g.outHeight * g.outWidth;
  // With a tail results go to the CUs that have the pixels, in turn.
  const bodyTasks = tail ? blocks.length * (tiles + cus) * overhead : 0;
  const busCycles = tail ? pixels * Math.ceil(bodyWork.outChannels / LINE_WORDS) * 1.1 : 0;
  const bodyCycles = Math.max(cyclesOf(bodyWork, body) + bodyTasks, busCycles);
  const tailCycles = tail ? tailCyclesOf(tail, work.tail!, overhead) : 0;
  const linkBytes = (linkWork: MacWork, { groupLines, blocks: list, lanes: l }: LinkPlan): number =>
    list.reduce((sum, { channels }) => sum + (linkWork.depthwise ? slicePitch / LINE_WORDS : imagesOf(channels, l)), 0) *
    groupLines *
    LINE_BYTES;
  const passes = inputNeed >= inHeight ? 1 : blocks.length;
  const inputBytes = inHeight * inWidth * input.channels * 2;
  const outBytes = pixels * (work.tail ?? bodyWork).outChannels * 2;
  const bytes =
    linkBytes(headWork, head) +
    linkBytes(bodyWork, body) +
    (tail ? linkBytes(work.tail!, tail.link) : 0) +
    passes * inputBytes +
    outBytes * (work.residual ? 2 : 1);
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  const dispatch = blocks.length * tiles * (28 * cus + 40) + (tail ? 14 * cus * (blocks.length * cus + tail.link.blocks.length) : 0);
  const first = (head.groupLines * 16 * LINE_BYTES) / bandwidth / 4 + inputBytes / tiles / bandwidth + 200;
  const cycles = Math.max(headCycles + bodyCycles + tailCycles, bytes / bandwidth, dispatch) + first;
  return { head, body, tileRows, inputRows: inputNeed, headRows, slicePitch, resultWords, tail, words, cycles, bytes };
}

/** Lanes of a tail: those that take the fewest cycles, of which two groups fit side by side. */
function planTail(work: MacWork, machine: Machine): SliceTail | undefined {
  const cus = machine.computeUnits;
  const { outHeight, outWidth } = work.geometry;
  const pixels = outHeight * outWidth;
  const bounds = Array.from({ length: cus + 1 }, (_, cu) => Math.floor((cu * pixels) / cus));
  const own = bounds.slice(1).map((end, cu) => slotPixels(bounds[cu]!, end, outWidth));
  const overhead = machine.latency.macSetup + 12;
  const tails = [1, 2, 4, 8, 16].flatMap((lanes): SliceTail[] => {
    const groupLines = parameterLines(lanes) + tapLines(work, lanes, true);
    if (2 * groupLines > weightsLines(machine)) return [];
    const blocks = blocksOf(work, lanes, 1, regionsOf(work, work.geometry));
    const cuChannels = 64 / lanes;
    const link: LinkPlan = { lanes, parts: cus, slots: 1, adjacent: true, pixelPitch: work.inChannels, groupLines, cuChannels, blocks };
    const storeBlocks = Math.min(blocks.length, Math.max(1, STORE_CHANNELS / cuChannels));
    const resultWords = pixels * Math.min(work.outChannels, storeBlocks * cuChannels);
    return [{ link, bounds, ownWords: Math.max(...own) * work.inChannels, storeBlocks, resultWords }];
  });
  return tails.reduce<SliceTail | undefined>(
    (best, tail) => (best && tailCyclesOf(best, work, overhead) <= tailCyclesOf(tail, work, overhead) ? best : tail),
    undefined,
  );
}

function tailCyclesOf({ link, bounds }: SliceTail, work: MacWork, overhead: number): number {
  const most = Math.max(...bounds.slice(1).map((end, cu) => end - bounds[cu]!));
  const window = Math.max(outputCycles(link.lanes), Math.ceil(work.tapWords / link.lanes));
  return link.blocks.length * (most * window + overhead + parameterLines(link.lanes));
}

/** Pixels [first, end) in rows of the image: from the start of the first to the end of the last. */
export function slotPixels(first: number, end: number, width: number): number {
  return end > first ? (Math.ceil(end / width) - Math.floor(first / width)) * width : 0;
}

/** Sizes of the regions: input ring, ring of the first convolution's results, result slots; of a tail: a CU's pixels, result slots, residual slots. */
export function sliceRegions(plan: SlicePlan, work: SliceWork): number[] {
  return [
    plan.inputRows * work.head.geometry.inWidth * plan.head.pixelPitch,
    plan.headRows * work.body.geometry.inWidth * plan.slicePitch,
    ...Array.from({ length: SLICE_SLOTS }, () => plan.resultWords),
    ...(plan.tail
      ? [plan.tail.ownWords, ...Array.from({ length: SLICE_SLOTS * (work.residual ? 2 : 1) }, () => plan.tail!.resultWords)]
      : []),
  ];
}

/** A block's channels by CU; the last CUs may have none. */
function slicesOf(block: Block, slicePitch: number, cus: number): Block[] {
  return Array.from({ length: cus }, (_, cu) => {
    const offset = cu * slicePitch;
    const channels = Math.max(0, Math.min(slicePitch, block.channels - offset));
    return { ...block, channel: block.channel + offset, channels };
  });
}

/** Does the depthwise stage's slice begin at lines in every CU? */
export function isSliceable(body: MacWork): boolean {
  return body.depthwise && body.outChannels === body.inChannels && body.outChannels % LINE_WORDS === 0;
}
