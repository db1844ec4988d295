/**
 * The plan of a relay: in which order rows are made, which CU makes and holds which pixels, where the maps lie, and what it costs.
 * Specification: docs/compiler.md, "Relays".
 */
import { type Machine, mapsWords, weightsLines } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { Cheapest } from '../mac/cost.ts';
import { isPairWork } from '../stages/stage.ts';
import { isMade, type RelayBuffer, type RelayGraph, type RelayMember } from './relay.ts';
import { costOfWork } from './relay-cost.ts';
import { type Halo, type HeldColumns, halosOf, holdColumns, isHalo, mayPass } from './relay-halo.ts';
import { chooseLink, type LinkCache, type LinkCost, type Split } from './relay-link.ts';
import { findOwn } from './relay-own-rows.ts';
import { choosePages, type Page } from './relay-pages.ts';
import { orderParts, type RelayPart } from './relay-parts.ts';
import type { Patience } from './relay-patience.ts';
import { countLiveRows, findUses, isReplaceable, livesOf, mergeSpans, placeBuffers, type RelayRing, slotWordsOf } from './relay-rings.ts';
import { findLarge, isInOrder, isPixelwise, type RelayStep, type Span, windowOf } from './relay-steps.ts';

export interface RelayPlan {
  readonly graph: RelayGraph;
  readonly links: readonly (LinkPlan | undefined)[];
  readonly steps: readonly RelayStep[];
  /** What follows each other in them. */
  readonly parts: readonly RelayPart[];
  /** Of every buffer and CU: the pixels that the CU holds at one time or another, in ascending order. */
  readonly held: readonly (readonly (readonly Span[])[])[];
  /** Of every buffer and CU: the columns that the CU holds, where tiles are cut into columns; `held` are then whole rows. */
  readonly columns: HeldColumns | undefined;
  readonly rings: readonly RelayRing[];
  /** Members whose results take the place of their second operand, and slots where the results of their MACs wait for it. */
  readonly inPlace: readonly number[];
  readonly slotBases: readonly number[];
  readonly words: number;
  /** Members that make their rows tile by tile, and whose weights stay; the others make all at once, behind them. */
  readonly tiled: ReadonlySet<number>;
  /** Buffers of which every CU reads what it made itself. */
  readonly own: ReadonlySet<number>;
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
/** What is split over the CUs where maps are whole: of the last member, whose results need not be where they are read, and of those before it. */
const WHOLE = [
  ['any', 'any'],
  ['pixels', 'pixels'],
  ['pixels', 'any'],
] as const;
const APART = ['apart', 'apart'] as const;
/** Ways in which columns of other CUs come to those that read them. */
const HALOS: readonly Halo[] = ['results', 'copies'];
/** Slots in rotation for results that wait for their second operand. */
const RELAY_SLOTS = 2;

/** The cheapest plan that makes map by map; undefined when none fits. */
export function planWhole(graph: RelayGraph, machine: Machine, cache: LinkCache): RelayPlan | undefined {
  const best = new Cheapest<RelayPlan>(machine);
  const members = [...graph.members.keys()];
  if (!mayHoldMaps(graph, machine, members)) return undefined;
  for (const form of [graph, ...cutAtRows(graph, machine)]) {
    for (const parts of wholeParts(form, members, [...WHOLE, APART], machine, cache)) best.consider(planParts(form, machine, parts, cache));
  }
  return best.plan;
}

/** Members that make whole maps, split over the CUs in all those ways that differ. */
function wholeParts(
  graph: RelayGraph,
  members: readonly number[],
  ways: readonly (readonly [Split, Split])[],
  machine: Machine,
  cache: LinkCache,
): RelayPart[][] {
  const known = new Map<string, RelayPart[]>();
  for (const [split, end] of ways) {
    const links = linksOf(graph, machine, split, cache);
    const last = members.at(-1)!;
    const slotsOf = (link: LinkCost | undefined): number => link?.plan.slots ?? 0;
    const slots = [...members.slice(0, -1).map((m) => links[m]), linksOf(graph, machine, end, cache)[last]].map(slotsOf).join();
    if (known.has(slots)) continue;
    const part = { members, tiling: undefined, split };
    known.set(
      slots,
      split === end
        ? [part]
        : [
            { ...part, members: members.slice(0, -1) },
            { ...part, members: [last], split: end },
          ],
    );
  }
  return [...known.values()].filter((parts) => parts.every((part) => part.members.length > 0));
}

/**
 * The cheapest plan; undefined when none fits. `isPassed`: some words go from member to member through DRAM, which takes whole maps; `patience`: with relays of this
 * beginning.
 */
export function planRelay(
  graph: RelayGraph,
  machine: Machine,
  cache: LinkCache,
  isPassed: boolean,
  patience: Patience,
): RelayPlan | undefined {
  const best = new Cheapest<RelayPlan>(machine);
  const all = [...graph.members.keys()];
  if (!patience.tries('whole', () => best.consider(planWhole(graph, machine, cache)))) planMixed(graph, machine, cache, best, patience);
  if (isPassed) return best.plan;
  const fits = (split: Split, most: number): boolean =>
    graph.members.length <= most && linesOf(linksOf(graph, machine, split, cache)) <= weightsLines(machine);
  const { height, width } = graph.members.at(-1)!;
  const search = (split: Split, lag: number): boolean =>
    patience.tries(`${split} ${lag}`, () =>
      tryRows(height, (rows) => best.consider(planParts(graph, machine, [{ members: all, tiling: { rows, lag }, split }], cache))),
    );
  if (fits('tiles', MAX_TILED)) search('tiles', 1);
  for (const halo of hasStrips(width, machine) ? HALOS : []) {
    if (fits(halo, MAX_COLUMNS)) for (const lag of LAGS) search(halo, lag);
  }
  return best.plan;
}

/** Is a map wide enough for every CU to have columns of its own? */
function hasStrips(width: number, machine: Machine): boolean {
  return machine.computeUnits > 1 && width >= 2 * machine.computeUnits;
}

/** Tiles of 1, 2, 4 rows, as long as there is a plan; is there any? */
function tryRows(height: number, plan: (rows: number) => boolean): boolean {
  let rows = 1;
  while (rows <= Math.ceil(height / 2) && plan(rows)) rows *= 2;
  return rows > 1;
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

/** Plans in which the largest maps are made and read tile by tile, whole maps behind that; tiles are cut into columns where rows do not fit. */
function planMixed(graph: RelayGraph, machine: Machine, cache: LinkCache, best: Cheapest<RelayPlan>, patience: Patience): void {
  const members = findLarge(graph);
  if (members.size < 2 || members.size === graph.members.length) return;
  const { height, width } = graph.members[Math.max(...members)]!;
  const uncut = (member: RelayMember, m: number): RelayMember => ({ ...member, isCutAtRows: member.isCutAtRows && !members.has(m) });
  const forms = [graph, ...cutAtRows(graph, machine).map((form) => ({ ...form, members: form.members.map(uncut) }))];
  const [first, rest] = [[...members].sort((a, b) => a - b), [...graph.members.keys()].filter((m) => !members.has(m))];
  if (!mayHoldMaps(graph, machine, rest)) return;
  const search = (split: Split, lag: number): boolean =>
    tryRows(height, (rows) => {
      const tiles: RelayPart = { members: first, tiling: { rows, lag }, split };
      const plans = forms.flatMap((form) =>
        wholeParts(form, rest, WHOLE, machine, cache).map((parts) => planParts(form, machine, [tiles, ...parts], cache)),
      );
      return plans.filter(best.consider).length > 0;
    });
  const tries = (split: Split, most: number): boolean => {
    if (first.length > most) return false;
    const links = linksOf(graph, machine, split, cache, halosOf(graph, [{ members: first, split }]));
    if (linesOf(first.map((m) => links[m])) > weightsLines(machine)) return false;
    return patience.tries(`${split} first`, () => LAGS.some((lag) => search(split, lag)));
  };
  if (!tries('tiles', MAX_TILED) && hasStrips(width, machine)) tries('copies', MAX_COLUMNS);
}

/** Do the CUs together hold what lives while members make whole maps one by one, each word once? All others have made theirs before. */
function mayHoldMaps({ members, buffers }: RelayGraph, machine: Machine, whole: readonly number[]): boolean {
  const turns = members.map((_, m) => whole.indexOf(m));
  const change = new Float64Array(whole.length + 1);
  buffers.forEach(({ height, width, loaded }, b) => {
    const add = (channels: number, first: number, last: number): void => {
      if (last < Math.max(0, first)) return;
      change[Math.max(0, first)]! += channels * height * width;
      change[last + 1]! -= channels * height * width;
    };
    const readers = members.flatMap(({ input, other }, m) => (input.buffer === b || other?.buffer === b ? [turns[m]!] : []));
    const last = Math.max(-1, ...readers);
    for (const run of loaded) add(run.end - run.first, Math.min(...readers), last);
    members.forEach(({ destinations, stage }, m) => {
      // Sums may take the place of their second operand.
      const first = turns[m]! + (isPairWork(stage.vec) ? 1 : 0);
      for (const { buffer, from, to } of destinations) if (buffer === b) add(to - from, first, Math.max(last, turns[m]!));
    });
  });
  const limit = mapsWords(machine) * machine.computeUnits;
  let live = 0;
  for (const words of change) {
    live += words;
    if (live > limit) return false;
  }
  return true;
}

/** Is a step's last block made in parts that are stored while the rest is made? That of whole maps which a relay ends with. */
export function endsInParts(
  { graph, steps, links, tiled }: Pick<RelayPlan, 'graph' | 'steps' | 'links' | 'tiled'>,
  step: RelayStep,
): boolean {
  const { destinations } = graph.members[step.member]!;
  const isStored = destinations.some(({ buffer }) => graph.buffers[buffer]!.isStored);
  return step === steps.at(-1) && !tiled.has(step.member) && links[step.member] !== undefined && isStored;
}

/** Tensors that never leave the chip, or not whole: members make some of their channels and store none. */
export function relayInside({ graph }: RelayPlan): number[] {
  const inside = graph.buffers.filter(({ isStored, isPlain }, b) => !isStored && isPlain && isMade(graph, b));
  return inside.map(({ tensor }) => tensor);
}

function linksOf(
  graph: RelayGraph,
  machine: Machine,
  split: Split,
  cache: LinkCache,
  halos = halosOf(graph, [{ members: [...graph.members.keys()], split }]),
): (LinkCost | undefined)[] {
  const { members, buffers } = graph;
  const columns = isHalo(split) ? holdColumns(graph, machine.computeUnits, halos) : undefined;
  const isNarrow = (buffer: number, width: number): boolean =>
    columns?.[buffer]?.every(({ left, right }) => (right - left) * machine.computeUnits === width) ?? false;
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

/** A plan of parts that follow each other; undefined where it does not fit. `isBehind`: tiles that are stored keep their rows while the next ones are made. */
export function planParts(
  graph: RelayGraph,
  machine: Machine,
  parts: readonly RelayPart[],
  cache: LinkCache,
  isBehind = false,
): RelayPlan | undefined {
  const { members } = graph;
  const tiled = new Set(parts.flatMap((part) => (part.tiling ? part.members : [])));
  const isTiled = tiled.size === members.length && parts.length === 1;
  const isMixed = tiled.size > 0 && !isTiled;
  const cus = machine.computeUnits;
  const halos = halosOf(graph, parts);
  const strips = new Set(parts.flatMap((part) => (isHalo(part.split) ? part.members : [])));
  const columns = strips.size > 0 ? holdColumns(graph, cus, halos) : undefined;
  if (columns && !mayPass(graph, columns, strips)) return undefined;
  const links: (LinkCost | undefined)[] = members.map(() => undefined);
  for (const { members: own, split } of parts) {
    const all = linksOf(graph, machine, split, cache, halos);
    for (const m of own) links[m] = all[m];
  }
  // Weights of tiles stay as long as these are made.
  if (parts.some(({ members: own, tiling }) => tiling && linesOf(own.map((m) => links[m])) > weightsLines(machine))) return undefined;
  if (links.some((link, i) => link === undefined && members[i]!.work !== undefined)) return undefined;
  const steps = orderParts(graph, parts, cus);
  const own = findOwn(graph, parts, steps);
  if (!own || !isInOrder(graph, steps)) return undefined;
  const uses = findUses(graph, links, steps, cus, isMixed, isBehind, columns, own);
  // Columns, and tiles in front of whole maps, make rings of few words: their sums have their own.
  const mayWait = (m: number): boolean => !tiled.has(m) || (isTiled && !columns);
  const inPlace = graph.inPlace.filter((m) => mayWait(m) && isReplaceable(graph, uses, m));
  const slotWords = Math.max(0, ...steps.map((step) => (inPlace.includes(step.member) ? slotWordsOf(step, graph, links, machine) : 0)));
  const lives = livesOf(graph, steps, uses);
  const liveRows = countLiveRows(graph, steps, uses, own);
  const place = (list: readonly Page[]): ReturnType<typeof placeBuffers> =>
    placeBuffers(graph, inPlace, RELAY_SLOTS * roundUp(slotWords), isTiled, columns, halos, mapsWords(machine), lives, liveRows, list);
  let pages: readonly Page[] = [];
  let rings = place(pages);
  // Columns are tried where all else has failed: pages besides would take too long to look for.
  for (const paging of columns || isTiled || rings ? [] : PAGINGS) {
    pages = choosePages(graph, lives, inPlace, paging, mapsWords(machine), liveRows);
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
    own,
  };
  return { ...plan, ...costOfWork({ graph: plan.graph, steps, held, tiled, columns, rings: rings.rings }, links, machine) };
}

/** Does some CU hold every pixel? */
function isHeld({ height, width }: RelayBuffer, byCu: readonly (readonly Span[])[]): boolean {
  const all = mergeSpans(byCu.flat());
  return all.length === 1 && all[0]!.from === 0 && all[0]!.to === height * width;
}
