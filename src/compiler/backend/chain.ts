/**
 * Chains: two or more MAC stages computed tile by tile without going through DRAM. Specification: docs/compiler.md, "Chains".
 *
 *   head (optional, any convolution)   → results to all CUs: a ring of rows
 *   body (any convolution, depthwise)  → results stay in the CU that made them
 *   tail (optional, pointwise)         → reads its own CU's pixels; gathered, added, stored like any stage
 *
 * The body may have several branches that read the same rows: their results are concatenated for the tail.
 *
 * There is a head or a tail. Without a tail every CU stores the body's pixels that it made, or, where the channels are split over CUs too, one CU gathers
 * and stores them. A head that others read as well is also stored, behind its residual add if it has one: every CU adds to its own copy of the rows.
 *
 * With a tail the body's and the tail's pixels are split over the CUs alike, so nothing passes between CUs but the head's rows. Weights of all links stay on chip.
 */
import { LINE_BYTES, LINE_WORDS, type Machine, weightsLines } from '../../machine/machine.ts';
import { type Block, blocksOf, imagesOf, regionsOf } from './blocks.ts';
import { roundUp } from './maps-memory.ts';
import { trafficCycles } from './plan.ts';
import { leastRingRows } from './source-walk.ts';
import type { MacWork, PairWork, Stage } from './stage.ts';
import { inputRows, largestPart } from './tile-rows.ts';
import type { View } from './view.ts';
import { hasAdjacentTaps, outputCycles, PixelCosts, parameterLines, tapLines } from './window-cost.ts';

/** One stage of a chain with its share of the plan. */
export interface LinkPlan {
  readonly lanes: number;
  readonly parts: number;
  readonly slots: number;
  readonly adjacent: boolean;
  readonly pixelPitch: number;
  readonly groupLines: number;
  readonly cuChannels: number;
  readonly blocks: readonly Block[];
  /** Weights images of every block; undefined: as many as have outputs. */
  readonly images?: number | undefined;
}

export interface ChainPlan {
  readonly head: LinkPlan | undefined;
  /** Of the widest branch. */
  readonly body: LinkPlan;
  /** Of all branches, in the order of `ChainWork.branches`. */
  readonly branches: readonly LinkPlan[];
  readonly tail: LinkPlan | undefined;
  readonly tileRows: number;
  /** Rows of the input ring and of the head's result ring. */
  readonly inputRows: number;
  readonly headRows: number;
  /** Rows of the ring of the head's second operand. */
  readonly otherRows: number;
  /** Words of a body slot, of a result slot (and of a residual slot). */
  readonly bodyWords: number;
  readonly resultWords: number;
  readonly hasResidual: boolean;
  readonly words: number;
  readonly cycles: number;
  readonly bytes: number;
}

/** Body slots in rotation. */
export const CHAIN_SLOTS = 2;

/** Result (and residual) slots in rotation: the home CU of the results rotates too. */
export function resultSlots(machine: Machine): number {
  return machine.computeUnits > 1 ? 1 : 2;
}

/** One of the convolutions that make the body's results: their first channel. */
export interface Branch {
  readonly work: MacWork;
  readonly channel: number;
}

export interface ChainWork {
  readonly head: MacWork | undefined;
  /** The branch that reads the most rows: all that the others read. */
  readonly body: MacWork;
  readonly branches: readonly Branch[];
  readonly tail: MacWork | undefined;
  readonly stage: Stage;
  readonly input: View;
  /** The head's results are stored too; its residual add. */
  readonly stored?: { readonly vec: PairWork | undefined } | undefined;
}

/** Channels of the body's results. */
export function bodyChannels({ branches }: ChainWork): number {
  return branches.reduce((sum, { work }) => sum + work.outChannels, 0);
}

/** The best plan of a chain within a budget of maps words; undefined when it does not fit. */
export function planChain(work: ChainWork, machine: Machine, budgetWords: number): ChainPlan | undefined {
  let best: ChainPlan | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  const { computeUnits } = machine;
  // All CUs hold the head's rows: without a tail the body may be split over channels too.
  const split = work.head && !work.tail ? undefined : 1;
  const heads = work.head ? linkChoices(work.head, pitchFor(work.head), computeUnits, undefined) : [undefined];
  const bodies = linkChoices(work.body, pitchFor(work.body), computeUnits, split);
  const tails = work.tail ? linkChoices(work.tail, bodyChannels(work), computeUnits, 1) : [undefined];
  const costs = new LinkCosts();
  // Branches beside the widest one: each with the lanes that are fastest for itself.
  const beside = work.branches.map((branch) => {
    if (branch.work === work.body) return undefined;
    const cyclesOf = (link: LinkPlan): number => link.blocks.length * costs.of(link, branch.work).total;
    return linkChoices(branch.work, pitchFor(work.body), computeUnits, 1).reduce((best, link) =>
      cyclesOf(link) < cyclesOf(best) ? link : best,
    );
  });
  for (const tail of tails) {
    for (const body of bodies) {
      for (const head of heads) {
        const branches = beside.map((link) => link ?? body);
        const lines = [head, ...branches, tail].reduce((sum, link) => sum + (link ? link.groupLines * link.blocks.length : 0), 0);
        if (lines > weightsLines(machine)) continue;
        for (let tileRows = work.body.geometry.outHeight; tileRows >= 1; tileRows = tileRows > 1 ? Math.ceil(tileRows / 2) : 0) {
          const plan = evaluateChain(work, { head, body, branches, tail }, tileRows, machine, budgetWords, costs);
          const cost = plan ? plan.cycles + trafficCycles(plan.bytes, machine) : Number.POSITIVE_INFINITY;
          if (cost < bestCost) {
            best = plan;
            bestCost = cost;
          }
        }
      }
    }
  }
  return best;
}

/** Words per pixel of the image that a link reads: depthwise reads begin at lines. */
function pitchFor({ inChannels, depthwise }: MacWork): number {
  return depthwise ? Math.ceil(inChannels / 16) * 16 : inChannels;
}

/** Are the body's results gathered in one CU (channels split over CUs), not kept where they are made? */
export function isGathered({ body }: ChainPlan | { readonly body: LinkPlan }): boolean {
  return body.slots > 1;
}

/** Lane counts and splits of a link; `slots` fixed for links whose results stay in their CU. */
function linkChoices(work: MacWork, pixelPitch: number, cus: number, slots: number | undefined): LinkPlan[] {
  const choices: LinkPlan[] = [];
  const regions = regionsOf(work, work.geometry);
  for (const lanes of work.depthwise ? [1] : [1, 2, 4, 8, 16]) {
    for (let s = slots ?? 1; s <= (slots ?? cus); s *= 2) {
      const adjacent = hasAdjacentTaps(work, pixelPitch);
      const groupLines = parameterLines(lanes) + tapLines(work, lanes, adjacent);
      const blocks = blocksOf(work, lanes, s, regions);
      choices.push({ lanes, parts: cus / s, slots: s, adjacent, pixelPitch, groupLines, cuChannels: 64 / lanes, blocks });
    }
  }
  return choices;
}

function evaluateChain(
  work: ChainWork,
  links: Pick<ChainPlan, 'head' | 'body' | 'branches' | 'tail'>,
  tileRows: number,
  machine: Machine,
  budgetWords: number,
  linkCosts: LinkCosts,
): ChainPlan | undefined {
  const { head, body, branches, tail } = links;
  const cus = machine.computeUnits;
  const g = work.body.geometry;
  const tiles = Math.ceil(g.outHeight / tileRows);
  // Rows that the body needs for two tiles at a time, and those that the head needs to make them.
  let bodyNeed = leastRingRows(g);
  let headNeed = work.head ? leastRingRows(work.head.geometry) : 1;
  let made = 1;
  for (let y = 0; y < g.outHeight; y += tileRows) {
    const now = inputRows(work.body, y, Math.min(g.outHeight, y + tileRows));
    const next = inputRows(work.body, y, Math.min(g.outHeight, y + 2 * tileRows));
    bodyNeed = Math.max(bodyNeed, next.end - now.first);
    made = Math.max(made, y === 0 ? now.end : 0, next.end - now.end);
    if (work.head && y === 0) {
      const begin = inputRows(work.head, 0, Math.max(1, now.end));
      headNeed = Math.max(headNeed, begin.end - begin.first);
    }
    if (work.head && next.end > now.first) {
      const need = inputRows(work.head, now.end < next.end ? now.end : now.first, next.end);
      const after = inputRows(work.head, next.end - 1, Math.min(work.head.geometry.outHeight, next.end + tileRows * g.strideH));
      headNeed = Math.max(headNeed, Math.max(need.end, after.end) - need.first);
    }
  }
  const inputHeight = (work.head ?? work.body).geometry.inHeight;
  const inputNeed = Math.min(inputHeight, work.head ? headNeed : bodyNeed);
  const inputWidth = (work.head ?? work.body).geometry.inWidth;
  const inputPitch = head ? head.pixelPitch : body.pixelPitch;
  const inputWords = inputNeed * inputWidth * inputPitch;
  const headRows = work.head ? Math.min(g.inHeight, bodyNeed) : 0;
  const headWords = headRows * g.inWidth * body.pixelPitch;
  const gathered = isGathered(links);
  const bodyWords = gathered ? 0 : linkCosts.largestPart(body, work.body, tileRows, cus) * bodyChannels(work);
  const gatheredWork = work.tail ?? (gathered ? work.body : undefined);
  const resultWords = gatheredWork ? tileRows * g.outWidth * gatheredWork.outChannels : 0;
  const hasResidual = work.stage.vec?.op === 'add';
  const otherRows = work.stored?.vec ? made : 0;
  const words =
    roundUp(otherRows * g.inWidth * body.pixelPitch) +
    roundUp(inputWords) +
    roundUp(headWords) +
    CHAIN_SLOTS * roundUp(bodyWords) +
    resultSlots(machine) * roundUp(resultWords) * (hasResidual ? 2 : 1);
  if (words > budgetWords) return undefined;

  const pixels = g.outHeight * g.outWidth;
  const overhead = machine.latency.macSetup + 12;
  // A tile's pixels are split into whole pixels.
  const tilePixels = [...Array(tiles).keys()].map((t) => (Math.min(g.outHeight, (t + 1) * tileRows) - t * tileRows) * g.outWidth);
  const partPixels = tilePixels.reduce((sum, count) => sum + Math.ceil(count / cus), 0);
  const macCycles = (link: LinkPlan, linkWork: MacWork): number => {
    const { total } = linkCosts.of(link, linkWork);
    const uneven = link.parts > 1 ? (partPixels * cus) / pixels : 1;
    return link.blocks.length * ((total / link.parts) * uneven + tiles * (overhead + parameterLines(link.lanes)));
  };
  let tailCycles = 0;
  if (tail && work.tail) {
    const window = Math.max(outputCycles(tail.lanes), Math.ceil(work.tail.tapWords / tail.lanes));
    const mac = tail.blocks.length * (partPixels * window + tiles * (overhead + parameterLines(tail.lanes)));
    tailCycles = Math.max(mac, busCycles(tail, pixels));
  }
  const headPixels = work.head ? work.head.geometry.outHeight * work.head.geometry.outWidth : 0;
  const headCycles = head ? Math.max(macCycles(head, work.head!), busCycles(head, headPixels)) : 0;
  const branchCycles = branches.reduce((sum, link, i) => sum + macCycles(link, work.branches[i]!.work), 0);
  const bodyCycles = Math.max(branchCycles, gathered ? busCycles(body, pixels) : 0);
  const headWordsInAll = work.head ? headPixels * work.head.outChannels : 0;
  // A CU's port B: the head's rows arrive, its second operand too, the addition reads both and writes.
  const portCycles = (headWordsInAll / LINE_WORDS) * (work.stored?.vec ? 5 : 1) * 1.1;
  const cycles = Math.max(headCycles + bodyCycles + tailCycles, portCycles);
  const linkBytes = (link: LinkPlan | undefined, linkWork: MacWork | undefined): number =>
    link && linkWork
      ? link.blocks.length *
        link.groupLines *
        imagesOf(Math.min(link.cuChannels * link.slots, linkWork.outChannels), link.lanes) *
        LINE_BYTES
      : 0;
  const resultBytes = pixels * (work.tail ?? work.body).outChannels * 2;
  const bytes =
    linkBytes(head, work.head) +
    branches.reduce((sum, link, i) => sum + linkBytes(link, work.branches[i]!.work), 0) +
    linkBytes(tail, work.tail) +
    inputHeight * inputWidth * work.input.channels * 2 +
    resultBytes * (hasResidual ? 2 : 1) +
    (work.stored ? headWordsInAll * 2 * (work.stored.vec ? 2 : 1) : 0);
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  const dispatch = tiles * (14 * cus * [head, ...branches, tail].reduce((sum, link) => sum + (link?.blocks.length ?? 0), 0) + 40);
  const first = (inputWords * 2) / bandwidth / Math.max(1, tiles) + 200;
  return {
    head,
    body,
    branches,
    tail,
    tileRows,
    inputRows: inputNeed,
    headRows,
    otherRows,
    bodyWords,
    resultWords,
    hasResidual,
    words,
    cycles: Math.max(cycles, bytes / bandwidth, dispatch) + first,
    bytes,
  };
}

/** Window costs of links, each computed once in a search. */
class LinkCosts {
  private readonly costs = new Map<LinkPlan, PixelCosts>();
  private readonly parts = new Map<LinkPlan, Map<number, number>>();

  of(link: LinkPlan, work: MacWork): PixelCosts {
    let costs = this.costs.get(link);
    if (!costs) {
      costs = new PixelCosts(work, link.lanes, link.adjacent);
      this.costs.set(link, costs);
    }
    return costs;
  }

  largestPart(link: LinkPlan, work: MacWork, tileRows: number, cus: number): number {
    let byRows = this.parts.get(link);
    if (!byRows) {
      byRows = new Map();
      this.parts.set(link, byRows);
    }
    let most = byRows.get(tileRows);
    if (most === undefined) {
      most = largestPart(this.of(link, work), tileRows, cus);
      byRows.set(tileRows, most);
    }
    return most;
  }
}

/** Cycles of the result bus for a link's granules, a few lost between offers. */
function busCycles({ blocks, cuChannels }: LinkPlan, pixels: number): number {
  const granules = blocks.reduce((sum, { channels }) => {
    const whole = Math.floor(channels / cuChannels);
    return sum + whole * Math.ceil(cuChannels / LINE_WORDS) + Math.ceil((channels - whole * cuChannels) / LINE_WORDS);
  }, 0);
  return pixels * granules * 1.05;
}

/** Sizes of the chain's regions: input ring, head ring, body slots, result slots, residual slots. */
export function chainRegions(plan: ChainPlan, work: ChainWork, machine: Machine): number[] {
  const times = (count: number, words: number): number[] => Array.from({ length: count }, () => words);
  const first = work.head ?? work.body;
  const inputPitch = plan.head ? plan.head.pixelPitch : plan.body.pixelPitch;
  return [
    plan.inputRows * first.geometry.inWidth * inputPitch,
    plan.headRows * work.body.geometry.inWidth * plan.body.pixelPitch,
    ...times(CHAIN_SLOTS, plan.bodyWords),
    ...times(resultSlots(machine) * (plan.hasResidual ? 2 : 1), plan.resultWords),
    plan.otherRows * work.body.geometry.inWidth * plan.body.pixelPitch,
  ];
}
