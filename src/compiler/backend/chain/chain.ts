/**
 * Chains: MAC stages computed tile by tile without going through DRAM between them. Specification: docs/compiler.md, "Chains".
 *
 * A chain is a list of passes. A pass reads a ring of rows that all CUs hold: the chain's input, or what the pass before made.
 *
 *   body (any convolution, depthwise)  → without a tail: to all CUs, the next pass's ring
 *   tail (optional, pointwise)         → reads its own CU's pixels of the body's results; to all CUs as well
 *
 * The body may have several branches that read the same rows: their results are concatenated for the tail. A residual add of something that the chain has on
 * chip is made by CUs in turn, row by row, for all of them. The last pass's results are gathered in one CU, added to, and stored; without a tail every CU may store what it made.
 * A head (the first of two passes) that others read as well is also stored.
 *
 * Images that are too wide are computed in strips of columns, one after the other (chain-extent.ts). Weights of all links stay on chip.
 */
import { LINE_BYTES, LINE_WORDS, type Machine, weightsLines } from '../../../machine/machine.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { type Block, blocksOf, imagesOf, regionsOf } from '../mac/blocks.ts';
import { Cheapest, costOf } from '../mac/cost.ts';
import { largestSlot } from '../mac/tile-rows.ts';
import { hasAdjacentTaps, outputCycles, PixelCosts, parameterLines, tapLines } from '../mac/window-cost.ts';
import type { MacWork, PairWork } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { cutStrips, type Range, ringRows, type Strip, tileRanges } from './chain-extent.ts';

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

/** One of the convolutions that make the body's results: their first channel. */
export interface Branch {
  readonly work: MacWork;
  readonly channel: number;
}

/** A residual add behind a pass: `tensor` of the chain (0: its input), or one in DRAM. */
export interface Residual {
  readonly vec: PairWork;
  readonly tensor: number | undefined;
}

export interface PassWork {
  /** The branch that reads the most rows: all that the others read. */
  readonly body: MacWork;
  readonly branches: readonly Branch[];
  readonly tail: MacWork | undefined;
  readonly residual?: Residual | undefined;
}

export interface ChainWork {
  readonly passes: readonly PassWork[];
  readonly input: View;
  /** May the chain be cut into strips? */
  readonly canCut: boolean;
  /** The first pass's results are stored too; its residual add. */
  readonly stored?: { readonly vec: PairWork | undefined } | undefined;
}

export interface PassPlan {
  /** Of the widest branch. */
  readonly body: LinkPlan;
  /** Of all branches, in order. */
  readonly branches: readonly LinkPlan[];
  readonly tail: LinkPlan | undefined;
  /** Rows of the ring that the pass reads, and words of its widest row. */
  readonly ringRows: number;
  readonly ringWords: number;
  /** Words of a slot of results that stay in the CU that made them; 0: there are none. */
  readonly slotWords: number;
}

export interface ChainPlan {
  readonly passes: readonly PassPlan[];
  readonly strips: readonly Strip[];
  readonly tileRows: number;
  /** Tiles by which a link is behind the one before: 0 or 1. */
  readonly lag: number;
  /** Are the results gathered in one CU, not stored by those that made them? */
  readonly gathered: boolean;
  /** Rows of the ring of a stored head's second operand. */
  readonly otherRows: number;
  /** Words of a result slot, and of a slot for an operand from DRAM. */
  readonly resultWords: number;
  readonly otherWords: number;
  readonly words: number;
  readonly cycles: number;
  readonly bytes: number;
}

/** Slots in rotation for what stays in a CU. */
export const CHAIN_SLOTS = 2;
const MAX_STRIPS = 16;
/** Cycles of a descriptor besides its windows, and the least it takes; cycles that a link more costs where a strip begins. */
const DESCRIPTOR_CYCLES = 12;
const LEAST_CYCLES = 72;
const FILL_CYCLES = 100;
/** Cycles of a vector unit for an addition to 16 words. */
const ADD_CYCLES = 4;
/** Cycles until a link's results can be read. */
const WAIT_CYCLES = 120;
/** Cycles that the next step waits for its first rows where a chain leaves it no room. */
const ROOM_CYCLES = 1000;

/** Result (and residual) slots in rotation: the home CU of the results rotates too. */
export function resultSlots(machine: Machine): number {
  return machine.computeUnits > 1 ? 1 : 2;
}

/** Channels of a pass's body. */
export function bodyChannels({ branches }: PassWork): number {
  return branches.reduce((sum, { work }) => sum + work.outChannels, 0);
}

/** The last convolution of a pass. */
export function lastOf({ body, tail }: PassWork): MacWork {
  return tail ?? body;
}

/** Plans of a chain's links in order. */
export function linksOfChain({ passes }: ChainPlan): LinkPlan[] {
  return passes.flatMap(({ branches, tail }) => [...branches, ...(tail ? [tail] : [])]);
}

/** The best plan of a chain within a budget of maps words; undefined when it does not fit. */
export function planChain(work: ChainWork, machine: Machine, budgetWords: number, cache = new LinkCache()): ChainPlan | undefined {
  const search = new ChainSearch(work, machine, budgetWords, cache);
  if (!search.fitsWeights) return undefined;
  const { outWidth } = work.passes.at(-1)!.body.geometry;
  let best: ChainPlan | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  const most = work.canCut ? Math.min(MAX_STRIPS, outWidth >> 1) : 1;
  for (let count = 1; count === 1 || count <= most; count *= 2) {
    const plan = search.bestOf(count);
    const cost = plan ? costOf(plan, machine) : Number.POSITIVE_INFINITY;
    // Narrower strips cost more of everything but room.
    if (best && cost >= bestCost) break;
    if (cost < bestCost) [best, bestCost] = [plan, cost];
  }
  return best;
}

/** Words per pixel of the image that a link reads: depthwise reads begin at lines. */
function pitchFor({ inChannels, depthwise }: MacWork): number {
  return depthwise ? Math.ceil(inChannels / LINE_WORDS) * LINE_WORDS : inChannels;
}

/** Choices for links, and their cycles: the same in all chains that a stage may be part of. */
export class LinkCache {
  private readonly choices = new Map<MacWork, Map<number, readonly LinkPlan[]>>();
  private readonly totals = new Map<LinkPlan, number>();

  /** Lane counts and splits of a link; `slots` fixed for links whose results stay in their CU, 0: any. */
  choicesOf(work: MacWork, pixelPitch: number, cus: number, slots: number): readonly LinkPlan[] {
    const bySplit = this.choices.get(work) ?? new Map<number, readonly LinkPlan[]>();
    this.choices.set(work, bySplit);
    const key = pixelPitch * (cus + 1) + slots;
    const choices = bySplit.get(key) ?? linkChoices(work, pixelPitch, cus, slots);
    bySplit.set(key, choices);
    return choices;
  }

  /** Cycles of all windows of a link, for one block. */
  totalOf(plan: LinkPlan, work: MacWork): number {
    const total = this.totals.get(plan) ?? new PixelCosts(work, plan.lanes, plan.adjacent).total;
    this.totals.set(plan, total);
    return total;
  }
}

function linkChoices(work: MacWork, pixelPitch: number, cus: number, slots: number): LinkPlan[] {
  const choices: LinkPlan[] = [];
  const regions = regionsOf(work, work.geometry);
  for (const lanes of work.depthwise ? [1] : [1, 2, 4, 8, 16]) {
    for (let s = slots || 1; s <= (slots || cus); s *= 2) {
      const adjacent = hasAdjacentTaps(work, pixelPitch);
      const groupLines = parameterLines(lanes) + tapLines(work, lanes, adjacent);
      const blocks = blocksOf(work, lanes, s, regions);
      choices.push({ lanes, parts: cus / s, slots: s, adjacent, pixelPitch, groupLines, cuChannels: 64 / lanes, blocks });
    }
  }
  return choices;
}

/** A link in a search: its choices, and what they are measured by. */
interface Link {
  readonly pass: number;
  readonly work: MacWork;
  readonly choices: readonly LinkPlan[];
  readonly isTail: boolean;
  /** Do its results go over the result bus, whatever the choice? */
  readonly usesBus: boolean;
}

class ChainSearch {
  private readonly work: ChainWork;
  private readonly machine: Machine;
  private readonly budgetWords: number;
  private readonly links: Link[] = [];
  private readonly cache: LinkCache;

  constructor(work: ChainWork, machine: Machine, budgetWords: number, cache: LinkCache) {
    this.cache = cache;
    this.work = work;
    this.machine = machine;
    this.budgetWords = budgetWords;
    const cus = machine.computeUnits;
    work.passes.forEach((pass, k) => {
      const isLast = k === work.passes.length - 1;
      const pitch = pitchFor(pass.body);
      // All CUs hold the rows of a ring: where nothing stays in a CU, channels may be split over CUs too.
      const slots = pass.tail || pass.branches.length > 1 || work.passes.length === 1 ? 1 : 0;
      const usesBus = !pass.tail && (!isLast || pass.residual !== undefined);
      for (const branch of pass.branches)
        this.links.push({ pass: k, work: branch.work, choices: cache.choicesOf(branch.work, pitch, cus, slots), isTail: false, usesBus });
      if (pass.tail)
        this.links.push({
          pass: k,
          work: pass.tail,
          choices: cache.choicesOf(pass.tail, bodyChannels(pass), cus, 1),
          isTail: true,
          usesBus: true,
        });
    });
  }

  /** Could the weights of all links be on chip together? */
  get fitsWeights(): boolean {
    const least = this.links.reduce((sum, { choices }) => sum + Math.min(...choices.map(linesOf)), 0);
    return least <= weightsLines(this.machine);
  }

  /** The best plan with so many strips. */
  bestOf(count: number): ChainPlan | undefined {
    const strips = cutStrips(this.work.passes, count);
    if (!strips) return undefined;
    const best = new Cheapest<ChainPlan>(this.machine);
    const { outHeight } = this.work.passes.at(-1)!.body.geometry;
    for (let tileRows = outHeight; tileRows >= 1; tileRows = tileRows > 1 ? Math.ceil(tileRows / 2) : 0) {
      // Where rings for two tiles do not fit, links wait for each other.
      best.consider(this.evaluate(strips, tileRows, 1) ?? this.evaluate(strips, tileRows, 0));
    }
    return best.plan;
  }

  private evaluate(strips: readonly Strip[], tileRows: number, lag: number): ChainPlan | undefined {
    const { work, machine } = this;
    const cus = machine.computeUnits;
    const needed = tileRanges(work.passes, tileRows);
    const rows = work.passes.map((_, k) => ringRows(work.passes, needed, k, lag));
    const ringWords = work.passes.map(
      ({ body }, k) => Math.max(...strips.map(({ rings }) => rings[k]!.end - rings[k]!.left)) * pitchFor(body),
    );
    const last = work.passes.at(-1)!;
    const width = Math.max(...strips.map(({ output }) => output.end - output.first));
    const result = tileRows * width * lastOf(last).outChannels;
    let words = rows.reduce((sum, count, k) => sum + roundUp(count * ringWords[k]!), 0);
    if (words > this.budgetWords) return undefined;

    const tiles = strips.length * needed[0]!.length;
    const sums = work.passes.map((_, k) =>
      sumTiles(
        strips.map((strip) => strip.passes[k]!.body.geometry.outWidth),
        needed[k + 1]!,
        cus,
      ),
    );
    const chosen = this.chooseLinks(sums);
    if (!chosen) return undefined;
    const cycles = this.links.reduce((sum, link, i) => sum + this.cyclesOf(link, chosen[i]!, sums[link.pass]!), 0);
    const lastLink = chosen.at(-1)!;
    const gathered = last.tail !== undefined || lastLink.slots > 1 || last.residual !== undefined;
    const passes = work.passes.map((pass, k): PassPlan => {
      const own = this.links.flatMap((link, i) => (link.pass === k ? [{ link, plan: chosen[i]! }] : []));
      const branches = own.filter(({ link }) => !link.isTail).map(({ plan }) => plan);
      const body = branches[pass.branches.findIndex((branch) => branch.work === pass.body)]!;
      const isOwn = pass.tail !== undefined || (k === work.passes.length - 1 && !gathered);
      const slotWords = isOwn ? this.slotPixels(k, body, strips, needed[k + 1]!) * bodyChannels(pass) : 0;
      return { body, branches, tail: own.find(({ link }) => link.isTail)?.plan, ringRows: rows[k]!, ringWords: ringWords[k]!, slotWords };
    });
    const resultWords = gathered ? result : 0;
    const otherWords = last.residual && last.residual.tensor === undefined ? result : 0;
    const otherRows = work.stored?.vec ? Math.max(...needed[1]!.map(({ first, end }) => end - first)) : 0;
    words +=
      passes.reduce((sum, { slotWords }) => sum + CHAIN_SLOTS * roundUp(slotWords), 0) +
      resultSlots(machine) * (roundUp(resultWords) + roundUp(otherWords)) +
      roundUp(otherRows * (ringWords[1] ?? 0));
    if (words > this.budgetWords) return undefined;

    const bytes = this.bytesOf(chosen, strips);
    const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
    const dispatch = tiles * (14 * cus * chosen.reduce((sum, link) => sum + link.blocks.length, 0) + 40);
    // Nothing is computed before the first tile's rows are there; the more of the buffer the chain takes, the later they can come.
    const start = needed[0]![0]!;
    const first = ((((start.end - start.first) * ringWords[0]! * 2) / bandwidth) * words) / this.budgetWords + 200;
    const waits = lag === 0 ? tiles * (this.links.length - 1) * WAIT_CYCLES : 0;
    const fills = (strips.length - 1) * (first + FILL_CYCLES * this.links.length);
    return {
      passes,
      strips,
      tileRows,
      lag,
      gathered,
      otherRows,
      resultWords,
      otherWords,
      words,
      cycles:
        Math.max(cycles, this.portCycles(), bytes / bandwidth, dispatch) + waits + first + fills + (words / this.budgetWords) * ROOM_CYCLES,
      bytes,
    };
  }

  /** For every link the choice that takes the fewest cycles; then, until the weights of all fit, those that save lines for the fewest cycles. */
  private chooseLinks(sums: readonly TileSums[]): LinkPlan[] | undefined {
    const options = this.links.map((link) =>
      link.choices.map((plan) => ({ plan, lines: linesOf(plan), cycles: this.cyclesOf(link, plan, sums[link.pass]!) })),
    );
    const better = (a: (typeof options)[0][0], b: (typeof options)[0][0]): boolean =>
      a.cycles < b.cycles || (a.cycles === b.cycles && a.lines < b.lines);
    const chosen = options.map((list) => list.reduce((best, option) => (better(option, best) ? option : best)));
    let lines = chosen.reduce((sum, option) => sum + option.lines, 0);
    while (lines > weightsLines(this.machine)) {
      let best: { at: number; option: (typeof options)[0][0]; rate: number } | undefined;
      options.forEach((list, at) => {
        for (const option of list) {
          const saved = chosen[at]!.lines - option.lines;
          if (saved <= 0) continue;
          const rate = (option.cycles - chosen[at]!.cycles) / saved;
          if (!best || rate < best.rate) best = { at, option, rate };
        }
      });
      if (!best) return undefined;
      lines -= chosen[best.at]!.lines - best.option.lines;
      chosen[best.at] = best.option;
    }
    return chosen.map(({ plan }) => plan);
  }

  /** Cycles of a link over the whole image: a tile's pixels are split into whole pixels. */
  private cyclesOf(link: Link, plan: LinkPlan, { pixels, tasks, partPixels }: TileSums): number {
    const perPixel = link.isTail
      ? Math.max(outputCycles(plan.lanes), Math.ceil(link.work.tapWords / plan.lanes))
      : this.cache.totalOf(plan, link.work) / pixels;
    const overhead = this.machine.latency.macSetup + DESCRIPTOR_CYCLES + parameterLines(plan.lanes);
    const mac = plan.blocks.length * Math.max(partPixels.get(plan.parts)! * perPixel + tasks * overhead, tasks * LEAST_CYCLES);
    const isLast = link.pass === this.work.passes.length - 1;
    if (!link.usesBus && !(isLast && plan.slots > 1)) return mac;
    // Sums go over the bus too, while the MAC units would send the next results.
    const isAdded =
      !isLast && (this.work.passes[link.pass]!.residual !== undefined || (link.pass === 0 && this.work.stored?.vec !== undefined));
    return Math.max(mac, busCycles(plan, pixels) * (isAdded ? 2 : 1));
  }

  /** Pixels of the largest slot of a body's results in their CU. */
  private slotPixels(k: number, body: LinkPlan, strips: readonly Strip[], made: readonly Range[]): number {
    let most = 0;
    for (const { passes } of strips)
      most = Math.max(most, largestSlot(new PixelCosts(passes[k]!.body, body.lanes, body.adjacent), made, this.machine.computeUnits));
    return most;
  }

  /** Cycles of a CU's port B, and of its vector unit: the words of all rings arrive; where they are added to, CUs take turns, and the sums arrive as well. */
  private portCycles(): number {
    const { passes, stored } = this.work;
    const cus = this.machine.computeUnits;
    let [port, vector] = [0, 0];
    passes.slice(0, -1).forEach((pass, k) => {
      const { outHeight, outWidth } = pass.body.geometry;
      const chunks = outHeight * outWidth * Math.ceil(lastOf(pass).outChannels / LINE_WORDS);
      const isAdded = pass.residual !== undefined || (k === 0 && stored?.vec !== undefined);
      port += chunks * (isAdded ? 2 + 2 / cus : 1) * 1.1;
      vector += isAdded ? (chunks * ADD_CYCLES * 1.1) / cus : 0;
    });
    return Math.max(port, vector);
  }

  private bytesOf(chosen: readonly LinkPlan[], strips: readonly Strip[]): number {
    const { passes, input, stored } = this.work;
    let bytes = this.links.reduce((sum, link, i) => {
      const plan = chosen[i]!;
      const channels = Math.min(plan.cuChannels * plan.slots, link.work.outChannels);
      return sum + plan.blocks.length * plan.groupLines * imagesOf(channels, plan.lanes) * LINE_BYTES;
    }, 0);
    for (const { rings } of strips) {
      rings.forEach(({ left, from, end }, k) => {
        const { inHeight } = passes[k]!.body.geometry;
        // Columns from the strip before are stored and loaded.
        bytes += 2 * inHeight * (k === 0 ? (end - left) * input.channels : 2 * (from - left) * passes[k]!.body.inChannels);
      });
    }
    const wordsOf = (pass: PassWork): number => pass.body.geometry.outHeight * pass.body.geometry.outWidth * lastOf(pass).outChannels;
    const last = passes.at(-1)!;
    bytes += 2 * wordsOf(last) * (last.residual && last.residual.tensor === undefined ? 2 : 1);
    return bytes + (stored ? 2 * wordsOf(passes[0]!) * (stored.vec ? 2 : 1) : 0);
  }
}

/** Pixels of a pass's results, tiles that have any, and pixels of the largest part of each tile, in sum, by parts. */
interface TileSums {
  readonly pixels: number;
  readonly tasks: number;
  readonly partPixels: ReadonlyMap<number, number>;
}

function sumTiles(widths: readonly number[], made: readonly Range[], cus: number): TileSums {
  const counts = new Map<number, number>();
  for (const { first, end } of made) if (end > first) counts.set(end - first, (counts.get(end - first) ?? 0) + 1);
  let [pixels, tasks] = [0, 0];
  const partPixels = new Map<number, number>();
  for (const [rows, count] of counts) {
    for (const width of widths) {
      pixels += count * rows * width;
      tasks += count;
      for (let parts = 1; parts <= cus; parts *= 2)
        partPixels.set(parts, (partPixels.get(parts) ?? 0) + count * Math.ceil((rows * width) / parts));
    }
  }
  return { pixels, tasks, partPixels };
}

/** Weights lines of a link. */
function linesOf({ groupLines, blocks }: LinkPlan): number {
  return groupLines * blocks.length;
}

/** Cycles of the result bus for a link's granules, a few lost between offers. */
function busCycles({ blocks, cuChannels }: LinkPlan, pixels: number): number {
  const granules = blocks.reduce((sum, { channels }) => {
    const whole = Math.floor(channels / cuChannels);
    return sum + whole * Math.ceil(cuChannels / LINE_WORDS) + Math.ceil((channels - whole * cuChannels) / LINE_WORDS);
  }, 0);
  return pixels * granules * 1.05;
}

/** Sizes of the chain's regions: rings, slots of every pass, result slots, residual slots, the second operand's ring. */
export function chainRegions(plan: ChainPlan, machine: Machine): number[] {
  const times = (count: number, words: number): number[] => Array.from({ length: count }, () => words);
  return [
    ...plan.passes.map(({ ringRows: rows, ringWords }) => rows * ringWords),
    ...plan.passes.flatMap(({ slotWords }) => times(CHAIN_SLOTS, slotWords)),
    ...times(resultSlots(machine), plan.resultWords),
    ...times(resultSlots(machine), plan.otherWords),
    plan.otherRows * (plan.passes[1]?.ringWords ?? 0),
  ];
}
