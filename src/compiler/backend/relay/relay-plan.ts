/**
 * The plan of a relay: in which order rows are made, which CU makes and holds which pixels, where the maps lie, and what it costs.
 * Specification: docs/compiler.md, "Relays".
 */
import { type Machine, mapsWords, weightsLines } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { trafficCycles } from '../mac/plan.ts';
import { isPairWork } from '../stages/stage.ts';
import { isMade, type RelayBuffer, type RelayGraph, type RelayMember } from './relay.ts';
import { costOfWork } from './relay-cost.ts';
import { chooseLink, type LinkCache, type LinkCost, type Split } from './relay-link.ts';
import { choosePages, type Page } from './relay-pages.ts';
import {
  countLiveRows,
  findUses,
  holdColumns,
  isReplaceable,
  livesOf,
  mergeSpans,
  placeBuffers,
  type RelayRing,
  slotWordsOf,
} from './relay-rings.ts';
import { type Columns, findLarge, isPixelwise, orderParts, type RelayPart, type RelayStep, type Span, windowOf } from './relay-steps.ts';

export interface RelayPlan {
  readonly graph: RelayGraph;
  readonly links: readonly (LinkPlan | undefined)[];
  readonly steps: readonly RelayStep[];
  /** What follows each other in them. */
  readonly parts: readonly RelayPart[];
  /** Of every buffer and CU: the pixels that the CU holds at one time or another, in ascending order. */
  readonly held: readonly (readonly (readonly Span[])[])[];
  /** Of every buffer and CU: the columns that the CU holds, where every CU makes columns of its own; `held` are then whole rows. */
  readonly columns: readonly (readonly Columns[])[] | undefined;
  readonly rings: readonly RelayRing[];
  /** Members whose results take the place of their second operand, and slots where the results of their MACs wait for it. */
  readonly inPlace: readonly number[];
  readonly slotBases: readonly number[];
  readonly words: number;
  /** Members that make their rows tile by tile, and whose weights stay; the others make all at once, behind them. */
  readonly tiled: ReadonlySet<number>;
  readonly cycles: number;
  readonly bytes: number;
}

/** Members of the longest relay whose weights all stay. */
const MAX_TILED = 9;
const MAX_COLUMNS = 16;
/** Members whose steps follow each other in one slot: every one waits for the one before, but rings are shorter. */
const LAGS = [1, 3] as const;
/** Ways to lay maps of one size beside each other, tried where apart they do not fit. */
const PAGINGS = ['parts', 'all'] as const;
/** What is split over the CUs where maps are whole. */
const WHOLE = ['any', 'pixels'] as const;
/** Slots in rotation for results that wait for their second operand. */
const RELAY_SLOTS = 2;

/** The cheapest plan of some that are made; undefined when none fits. */
class Cheapest {
  private readonly machine: Machine;
  plan: RelayPlan | undefined;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  readonly consider = (plan: RelayPlan | undefined): void => {
    if (plan && (!this.plan || costOfRelay(plan, this.machine) < costOfRelay(this.plan, this.machine))) this.plan = plan;
  };
}

/** The cheapest plan that makes map by map; undefined when none fits. */
export function planWhole(graph: RelayGraph, machine: Machine, cache: LinkCache): RelayPlan | undefined {
  const best = new Cheapest(machine);
  if (!mayHoldMaps(graph, machine)) return undefined;
  const members = [...graph.members.keys()];
  for (const form of [graph, ...cutAtRows(graph, machine)]) {
    const known = new Set<string>();
    for (const split of ['any', 'pixels', 'apart'] as const) {
      const slots = linksOf(form, machine, split, cache)
        .map((link) => link?.plan.slots ?? 0)
        .join();
      if (!known.has(slots)) best.consider(planParts(form, machine, [{ members, tiling: undefined, split }], cache));
      known.add(slots);
    }
  }
  return best.plan;
}

/** The cheapest plan; undefined when none fits. `isPassed`: some words go from member to member through DRAM, which takes whole maps. */
export function planRelay(graph: RelayGraph, machine: Machine, cache: LinkCache, isPassed: boolean): RelayPlan | undefined {
  const best = new Cheapest(machine);
  const { consider } = best;
  const all = [...graph.members.keys()];
  consider(planWhole(graph, machine, cache));
  if (!best.plan) planMixed(graph, machine, cache, consider);
  if (isPassed) return best.plan;
  const fits = (split: Split, most: number): boolean =>
    graph.members.length <= most && linesOf(linksOf(graph, machine, split, cache)) <= weightsLines(machine);
  const { height, width } = graph.members.at(-1)!;
  const search = (split: Split, lag: number, hasColumns: boolean): void => {
    for (let rows = 1; rows <= Math.ceil(height / 2); rows *= 2) {
      const plan = planParts(graph, machine, [{ members: all, tiling: { rows, lag, hasColumns }, split }], cache);
      if (!plan) break;
      consider(plan);
    }
  };
  if (fits('tiles', MAX_TILED)) search('tiles', 1, false);
  if (width >= 2 * machine.computeUnits && machine.computeUnits > 1 && fits('columns', MAX_COLUMNS)) {
    for (const lag of LAGS) search('columns', lag, true);
  }
  return best.plan;
}

/**
 * The same members, those whose windows lie apart cut at rows: what they read then reaches over fewer rows beside those that the CU makes itself. Nothing, where there are
 * none.
 */
function cutAtRows(graph: RelayGraph, machine: Machine): RelayGraph[] {
  const isApart = (member: RelayMember): boolean => {
    const window = windowOf(member)?.geometry;
    return window !== undefined && window.strideH > 1 && window.kernelH > 1 && member.height >= machine.computeUnits;
  };
  if (!graph.members.some(isApart) || machine.computeUnits === 1) return [];
  return [{ ...graph, members: graph.members.map((member) => ({ ...member, isCutAtRows: isApart(member) })) }];
}

/** Plans in which the largest maps are made and read tile by tile, whole maps behind that. */
function planMixed(graph: RelayGraph, machine: Machine, cache: LinkCache, consider: (plan: RelayPlan | undefined) => void): void {
  const members = findLarge(graph);
  if (members.size < 2 || members.size > MAX_TILED || members.size === graph.members.length) return;
  const links = linksOf(graph, machine, 'tiles', cache);
  if (linesOf(links.filter((_, m) => members.has(m))) > weightsLines(machine)) return;
  const { height } = graph.members[Math.max(...members)]!;
  const uncut = (member: RelayMember, m: number): RelayMember => ({ ...member, isCutAtRows: member.isCutAtRows && !members.has(m) });
  const forms = [graph, ...cutAtRows(graph, machine).map((form) => ({ ...form, members: form.members.map(uncut) }))];
  const [first, rest] = [[...members].sort((a, b) => a - b), [...graph.members.keys()].filter((m) => !members.has(m))];
  for (const lag of LAGS) {
    let isPlanned = false;
    for (let rows = 1; rows <= Math.ceil(height / 2); rows *= 2) {
      const tiles: RelayPart = { members: first, tiling: { rows, lag, hasColumns: false }, split: 'tiles' };
      const plans = forms.flatMap((form) =>
        WHOLE.map((split) => planParts(form, machine, [tiles, { members: rest, tiling: undefined, split }], cache)),
      );
      for (const plan of plans) consider(plan);
      if (plans.every((plan) => !plan)) break;
      isPlanned = true;
    }
    if (isPlanned) return;
  }
}

/** Do the CUs together hold every member's input and result, each once? */
function mayHoldMaps({ members, buffers }: RelayGraph, machine: Machine): boolean {
  const wordsOf = (b: number): number => {
    const { height, width, pitch } = buffers[b]!;
    return height * width * pitch;
  };
  const limit = mapsWords(machine) * machine.computeUnits;
  return members.every(({ input, destinations, stage }) => {
    const made = new Set(isPairWork(stage.vec) ? [] : destinations.map(({ buffer }) => buffer));
    const results = [...made].reduce((sum, buffer) => sum + wordsOf(buffer), 0);
    return wordsOf(input.buffer) + results <= limit;
  });
}

/** What the search minimises, in cycles. */
export function costOfRelay({ cycles, bytes }: RelayPlan, machine: Machine): number {
  return cycles + trafficCycles(bytes, machine);
}

/** Tensors that never leave the chip, or not whole: members make some of their channels and store none. */
export function relayInside({ graph }: RelayPlan): number[] {
  const inside = graph.buffers.filter(({ isStored, isPlain }, b) => !isStored && isPlain && isMade(graph, b));
  return inside.map(({ tensor }) => tensor);
}

function linksOf(graph: RelayGraph, machine: Machine, split: Split, cache: LinkCache): (LinkCost | undefined)[] {
  const { members, buffers } = graph;
  const columns = split === 'columns' ? holdColumns(graph, machine.computeUnits) : undefined;
  const isNarrow = (buffer: number, width: number): boolean =>
    columns![buffer]!.every(({ left, right }) => (right - left) * machine.computeUnits === width);
  return members.map((member) => {
    const { work, input, destinations, width } = member;
    if (!work) return undefined;
    const isOneRow = columns !== undefined && isPixelwise(work) && [input, ...destinations].every(({ buffer }) => isNarrow(buffer, width));
    return chooseLink(member, buffers[input.buffer]!.pitch, machine, split, isOneRow, cache);
  });
}

function linesOf(links: readonly (LinkCost | undefined)[]): number {
  return links.reduce((sum, link) => sum + (link ? link.plan.groupLines * link.plan.blocks.length : 0), 0);
}

/** Pixels of a page are as far apart for all its maps. */
function onPages(graph: RelayGraph, pages: readonly Page[]): RelayGraph {
  const pitchOf = (b: number): number | undefined => pages.find(({ channels }) => channels.has(b))?.pitch;
  return { ...graph, buffers: graph.buffers.map((buffer, b) => ({ ...buffer, pitch: pitchOf(b) ?? buffer.pitch })) };
}

/** A plan of parts that follow each other; undefined where it does not fit. */
export function planParts(graph: RelayGraph, machine: Machine, parts: readonly RelayPart[], cache: LinkCache): RelayPlan | undefined {
  const { members } = graph;
  const tiled = new Set(parts.flatMap((part) => (part.tiling ? part.members : [])));
  const isTiled = tiled.size === members.length && parts.length === 1;
  const isMixed = tiled.size > 0 && !isTiled;
  const hasColumns = parts.some(({ tiling }) => tiling?.hasColumns);
  const cus = machine.computeUnits;
  const links: (LinkCost | undefined)[] = members.map(() => undefined);
  for (const { members: own, split } of parts) {
    const all = linksOf(graph, machine, split, cache);
    for (const m of own) links[m] = all[m];
  }
  if (links.some((link, i) => link === undefined && members[i]!.work !== undefined)) return undefined;
  const steps = orderParts(graph, parts);
  const uses = findUses(graph, links, steps, cus, hasColumns, isMixed);
  const columns = hasColumns ? holdColumns(graph, cus) : undefined;
  // Columns make rings of few words: sums have their own.
  const inPlace = hasColumns ? [] : graph.inPlace.filter((m) => (isTiled || !tiled.has(m)) && isReplaceable(graph, uses, m));
  const slotWords = Math.max(0, ...steps.map((step) => (inPlace.includes(step.member) ? slotWordsOf(step, graph, links, machine) : 0)));
  const lives = livesOf(graph, steps, uses);
  const liveRows = countLiveRows(graph, steps, uses);
  const place = (list: readonly Page[]): ReturnType<typeof placeBuffers> =>
    placeBuffers(graph, inPlace, RELAY_SLOTS * roundUp(slotWords), isTiled, columns, mapsWords(machine), lives, liveRows, list);
  let pages: readonly Page[] = [];
  let rings = place(pages);
  for (const paging of isTiled || rings ? [] : PAGINGS) {
    pages = choosePages(graph, lives, inPlace, paging);
    rings = pages.length > 0 ? place(pages) : undefined;
    if (rings) break;
  }
  if (!rings) return undefined;
  const slotBases = slotWords > 0 ? Array.from({ length: RELAY_SLOTS }, (_, i) => i * roundUp(slotWords)) : [];
  const held = uses.map((byCu) => byCu.map((list) => mergeSpans(list.map(({ span }) => span))));
  // Pixels that nobody reads have no place.
  if (isMixed && !graph.buffers.every((buffer, b) => !isMade(graph, b) || isHeld(buffer, held[b]!))) return undefined;
  const plan = {
    graph: onPages(graph, pages),
    parts,
    links: links.map((link) => link?.plan),
    steps,
    held,
    columns,
    ...rings,
    inPlace,
    slotBases,
    tiled,
  };
  return { ...plan, ...costOfWork({ graph, steps, held, tiled, hasColumns }, links, machine) };
}

/** Does some CU hold every pixel? */
function isHeld({ height, width }: RelayBuffer, byCu: readonly (readonly Span[])[]): boolean {
  const all = mergeSpans(byCu.flat());
  return all.length === 1 && all[0]!.from === 0 && all[0]!.to === height * width;
}
