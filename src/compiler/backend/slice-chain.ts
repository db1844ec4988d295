/**
 * Slice chains: a convolution and the depthwise convolution behind it, block by block of channels, without going through DRAM between them.
 * Every CU makes its own channels of the first and reads nothing else for the second, so nothing passes between CUs at all; the input is
 * streamed once a block. Specification: docs/compiler.md, "Chains".
 */
import { LINE_BYTES, LINE_WORDS, type Machine, weightsLines } from '../../machine/machine.ts';
import { type Block, blocksOf, imagesOf, regionsOf } from './blocks.ts';
import type { LinkPlan } from './chain.ts';
import { roundUp } from './maps-memory.ts';
import { trafficCycles } from './plan.ts';
import { leastRingRows } from './source-walk.ts';
import type { MacWork } from './stage.ts';
import { inputRows } from './tile-rows.ts';
import type { View } from './view.ts';
import { CHUNK_LINES } from './weights-image.ts';
import { hasAdjacentTaps, PixelCosts, parameterLines, tapLines } from './window-cost.ts';

export interface SliceWork {
  readonly head: MacWork;
  readonly body: MacWork;
  readonly input: View;
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
  readonly words: number;
  readonly cycles: number;
  readonly bytes: number;
}

/** vMACs of a CU: weights images of a slice, whether it fills them or not. */
const VMACS = 4;
/** Result slots of a CU in rotation. */
export const SLICE_SLOTS = 2;

/** The best plan within a budget of maps words; undefined when none fits. */
export function planSliceChain(work: SliceWork, machine: Machine, budgetWords: number): SlicePlan | undefined {
  let best: SlicePlan | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  const height = work.body.geometry.outHeight;
  // Depthwise reads begin at lines: a CU has 16 channels or more.
  for (const lanes of [1, 2, 4]) {
    for (let tileRows = height; tileRows >= 1; tileRows = tileRows > 1 ? Math.ceil(tileRows / 2) : 0) {
      const plan = evaluateSlices(work, lanes, tileRows, machine, budgetWords);
      const cost = plan ? plan.cycles + trafficCycles(plan.bytes, machine) : Number.POSITIVE_INFINITY;
      if (cost < bestCost) {
        best = plan;
        bestCost = cost;
      }
    }
  }
  return best;
}

function evaluateSlices(work: SliceWork, lanes: number, tileRows: number, machine: Machine, budgetWords: number): SlicePlan | undefined {
  const { head: headWork, body: bodyWork, input } = work;
  const cus = machine.computeUnits;
  const slicePitch = 64 / lanes;
  const link = (linkWork: MacWork, linkLanes: number, pixelPitch: number, linkBlocks: readonly Block[]): LinkPlan => {
    const adjacent = hasAdjacentTaps(linkWork, pixelPitch);
    const groupLines = parameterLines(linkLanes) + tapLines(linkWork, linkLanes, adjacent);
    const images = linkWork.depthwise ? VMACS : undefined;
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
  const resultWords = tileRows * g.outWidth * slicePitch;
  const words =
    roundUp(inputNeed * inWidth * input.channels) + roundUp(headRows * g.inWidth * slicePitch) + SLICE_SLOTS * roundUp(resultWords);
  if (words > budgetWords) return undefined;

  const overhead = machine.latency.macSetup + 12;
  const cyclesOf = (linkWork: MacWork, { lanes: l, adjacent }: LinkPlan): number =>
    blocks.length * (new PixelCosts(linkWork, l, adjacent).total + tiles * (overhead + parameterLines(l)));
  const headCycles = cyclesOf(headWork, head);
  const bodyCycles = cyclesOf(bodyWork, body);
  const linkBytes = (linkWork: MacWork, { groupLines, blocks: list, lanes: l }: LinkPlan): number =>
    list.reduce((sum, { channels }) => sum + (linkWork.depthwise ? VMACS : imagesOf(channels, l)), 0) * groupLines * LINE_BYTES;
  const passes = inputNeed >= inHeight ? 1 : blocks.length;
  const inputBytes = inHeight * inWidth * input.channels * 2;
  const bytes =
    linkBytes(headWork, head) + linkBytes(bodyWork, body) + passes * inputBytes + g.outHeight * g.outWidth * bodyWork.outChannels * 2;
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  const dispatch = blocks.length * tiles * (28 * cus + 40);
  const first = (head.groupLines * 16 * LINE_BYTES) / bandwidth / 4 + inputBytes / tiles / bandwidth + 200;
  const cycles = Math.max(headCycles + bodyCycles, bytes / bandwidth, dispatch) + first;
  return { head, body, tileRows, inputRows: inputNeed, headRows, slicePitch, resultWords, words, cycles, bytes };
}

/** Sizes of the regions: input ring, ring of the first convolution's results, result slots. */
export function sliceRegions(plan: SlicePlan, work: SliceWork): number[] {
  return [
    plan.inputRows * work.head.geometry.inWidth * plan.head.pixelPitch,
    plan.headRows * work.body.geometry.inWidth * plan.slicePitch,
    ...Array.from({ length: SLICE_SLOTS }, () => plan.resultWords),
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
