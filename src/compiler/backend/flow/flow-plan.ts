/**
 * The plan of a flow: in which order its items run, found by playing through them with one MAC and one vector unit (all CUs do the same at the same time), and
 * where its segments lie in the maps buffers in that order. Specification: docs/compiler.md, "Flows".
 */
import { type Machine, mapsWords } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import type { DramLayout } from '../layout/dram-layout.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { countMacs, isPairWork, type StageGraph } from '../stages/stage.ts';
import { type FlowMember, findFlows, markStored, rootsInside } from './flow.ts';
import { type FlowItem, makeItems, type Region, regionsOf, regionWords } from './flow-items.ts';

export interface FlowPlan {
  readonly members: readonly FlowMember[];
  readonly links: readonly (LinkPlan | undefined)[];
  /** In the order of emission. */
  readonly items: readonly FlowItem[];
  /** Base of every region, by its key. */
  readonly bases: ReadonlyMap<string, number>;
  readonly words: number;
  readonly cycles: number;
}

/** A stage's first loads and last stores, with nothing beside them. */
const APART_CYCLES = 1000;
/** Room for so many of the largest regions is kept for the oldest work, at most this part of the buffers. */
const RESERVED_REGIONS = 2;
const RESERVE = 3;
/** Longer runs are cut: the search takes time, and what passes between two flows is little. */
const MAX_MEMBERS = 96;
/** Shares of the maps buffers that an order may fill, tried until it can be placed: regions leave gaps. */
const ROOM = [1, 0.9, 0.8] as const;
/** Turns of a segment that are tried. */
const TURNS = [1, 2, 3, 4] as const;

/** The best plan for these members; where none fits, how many of the first ones are at work when the buffers are full. */
export function planFlow(members: readonly FlowMember[], graph: StageGraph, layout: DramLayout, machine: Machine): FlowPlan | number {
  const marked = markStored(graph, layout, members);
  let best: FlowPlan | undefined;
  let reached = 0;
  for (const turns of TURNS) {
    const made = makeItems(marked, machine, turns);
    if (typeof made === 'number') {
      reached = Math.max(reached, made);
      continue;
    }
    for (const share of ROOM) {
      const { order, cycles } = orderItems(made.items, machine, share * mapsWords(machine));
      if (best && best.cycles <= cycles) break;
      const placed = placeRegions(order, machine);
      if ('full' in placed) {
        reached = Math.max(reached, placed.full);
        continue;
      }
      best = { members: marked, links: made.links, items: order, ...placed, cycles };
      break;
    }
  }
  return best ?? reached;
}

/**
 * The flows of a network. A run of stages that does not fit as one is cut where the first part that fits ends; what is left is looked at again. A flow is chosen
 * where it is estimated to take less time than its stages one by one. `taken` stages are members of cells.
 */
export function chooseFlows(graph: StageGraph, layout: DramLayout, machine: Machine, taken: ReadonlySet<number> = new Set()): FlowPlan[] {
  const flows: FlowPlan[] = [];
  for (const run of findFlows(graph, layout, taken)) {
    // MAC stages alone are left to the chains.
    if (!run.some(({ stage, weights }) => !stage.mac || weights !== undefined)) continue;
    for (let from = 0; from < run.length; ) {
      let count = Math.min(MAX_MEMBERS, run.length - from);
      if (from + count < run.length) count = findCut(run.slice(from), count);
      let plan: FlowPlan | undefined;
      while (count > 1) {
        const tried = planFlow(run.slice(from, from + count), graph, layout, machine);
        if (typeof tried !== 'number') {
          plan = tried;
          break;
        }
        count = findCut(run.slice(from, from + count), Math.min(tried, count - 1));
      }
      const apart = plan ? plan.members.reduce((sum, { stage }) => sum + apartCycles(graph, stage, machine), 0) : 0;
      if (plan && plan.cycles < apart) flows.push(plan);
      from += Math.max(1, count);
    }
  }
  return flows;
}

/** Where a run that is too long is cut: in the second half of what may stay, where the fewest words pass. */
function findCut(run: readonly FlowMember[], most: number): number {
  let best = { count: Math.max(1, most), words: Number.POSITIVE_INFINITY };
  for (let count = most; count > 1 && count >= most / 2; count--) {
    const made = new Map(run.slice(0, count).map(({ output }) => [output.root, output.units * output.pitch]));
    const read = new Set(run.slice(count).flatMap(({ input, other }) => [input.root, ...(other ? [other.root] : [])]));
    const words = [...made].reduce((sum, [root, size]) => sum + (read.has(root) ? size : 0), 0);
    if (words < best.words) best = { count, words };
  }
  return best.count;
}

/** Estimated cycles of a stage by itself: its MACs, or its traffic, and what begins and ends it. */
function apartCycles(graph: StageGraph, { mac, vec, input, output }: FlowMember['stage'], machine: Machine): number {
  const words = (id: number): number => {
    const { height, width, channels } = graph.tensors[id]!;
    return height * width * channels;
  };
  const read = words(input) + (isPairWork(vec) ? words(vec.other) : 0);
  const traffic = ((read + words(output)) * 2 * machine.clockHz) / machine.dram.bytesPerSecond;
  const macs = mac ? countMacs(mac) / (machine.computeUnits * 64) : 0;
  return Math.max(macs, traffic) + APART_CYCLES;
}

/** Tensors of a flow that never leave the chip. */
export function flowInside({ members }: FlowPlan): Set<number> {
  return rootsInside(members);
}

/**
 * Order by list scheduling: whenever a unit is free it takes the shortest work that is ready, so that the other unit gets something to do. Work that needs new
 * room waits while the maps buffers are full; the oldest has some room of its own, so that there is always a way on.
 */
function orderItems(items: readonly FlowItem[], machine: Machine, limit: number): { order: FlowItem[]; cycles: number } {
  const waiting = items.map(({ needs }) => new Set(needs.map(({ item }) => item)).size);
  const ready = new Float64Array(items.length);
  const users = items.map((): { item: number; latency: number }[] => []);
  for (const { id, needs } of items) {
    const seen = new Set<number>();
    for (const { item, latency } of needs) {
      if (!seen.has(item)) users[item]!.push({ item: id, latency });
      seen.add(item);
    }
  }
  const room = new Room(items, machine, limit);
  const open = { mac: new Set<FlowItem>(), vec: new Set<FlowItem>() };
  const free = { mac: 0, vec: 0 };
  for (const item of items) if (waiting[item.id] === 0) open[item.unit].add(item);
  const starts = new Float64Array(items.length);
  const order: FlowItem[] = [];
  let cycles = 0;
  let oldest = 0;
  const done = new Uint8Array(items.length);
  while (order.length < items.length) {
    while (done[oldest]) oldest++;
    const choose = (isAllowed: (item: FlowItem) => boolean) =>
      (['mac', 'vec'] as const).flatMap((unit) => {
        const item = shortest(open[unit], ready, free[unit], isAllowed);
        return item ? [{ item, start: Math.max(free[unit], ready[item.id]!) }] : [];
      });
    let choices = choose((item) => room.has(item, item.id === oldest));
    if (choices.length === 0)
      choices = choose(() => true)
        .sort((x, y) => x.item.id - y.item.id)
        .slice(0, 1);
    const { item, start } = choices.reduce((x, y) => (y.start < x.start ? y : x));
    open[item.unit].delete(item);
    room.take(item);
    done[item.id] = 1;
    starts[item.id] = start;
    order.push(item);
    const end = start + item.cycles;
    free[item.unit] = end;
    cycles = Math.max(cycles, end);
    for (const { item: user, latency } of users[item.id]!) {
      ready[user] = Math.max(ready[user]!, end + latency);
      if (--waiting[user]! === 0) open[items[user]!.unit].add(items[user]!);
    }
  }
  return { order: order.sort((x, y) => starts[x.id]! - starts[y.id]! || x.id - y.id), cycles };
}

/** Words of the maps buffers in use while an order is made. */
class Room {
  private readonly limit: number;
  /** Regions of every item, by their numbers; words of every region, and its items that are still to come. */
  private readonly used: readonly (readonly number[])[];
  private readonly sizes: number[] = [];
  private readonly left: number[] = [];
  private readonly isLive: boolean[] = [];
  private words = 0;
  private readonly reserve: number;

  constructor(items: readonly FlowItem[], machine: Machine, limit: number) {
    this.limit = limit;
    const numbers = new Map<string, number>();
    this.used = items.map((item) =>
      usedBy(item).map((region) => {
        const number = numbers.get(region.key) ?? this.sizes.push(regionWords(region, machine.computeUnits)) - 1;
        numbers.set(region.key, number);
        this.left[number] = (this.left[number] ?? 0) + 1;
        return number;
      }),
    );
    this.reserve = Math.min(RESERVED_REGIONS * Math.max(0, ...this.sizes), limit / RESERVE);
  }

  has({ id }: FlowItem, isOldest: boolean): boolean {
    let more = 0;
    for (const region of this.used[id]!) if (!this.isLive[region]) more += this.sizes[region]!;
    return more === 0 || this.words + more + (isOldest ? 0 : this.reserve) <= this.limit;
  }

  take({ id }: FlowItem): void {
    for (const region of this.used[id]!) {
      if (!this.isLive[region]) this.words += this.sizes[region]!;
      this.isLive[region] = true;
      if (--this.left[region]! === 0) this.words -= this.sizes[region]!;
    }
  }
}

/** Regions that an item works on. */
function usedBy({ input, output, other, turns }: FlowItem): Region[] {
  return [...new Set([output, input, ...(other ? [other] : [])])].flatMap((segment) => regionsOf(segment, turns));
}

/** Of what is ready when the unit is free the shortest work, otherwise what is ready first. */
function shortest(
  open: ReadonlySet<FlowItem>,
  ready: Float64Array,
  free: number,
  isAllowed: (item: FlowItem) => boolean,
): FlowItem | undefined {
  let best: FlowItem | undefined;
  for (const item of open) {
    if (best) {
      const [a, b] = [Math.max(free, ready[item.id]!), Math.max(free, ready[best.id]!)];
      if ((a - b || item.length - best.length || compareItems(item, best)) >= 0) continue;
    }
    if (isAllowed(item)) best = item;
  }
  return best;
}

/** Block by block, so that the turns of a segment share the weights. */
function compareItems(a: FlowItem, b: FlowItem): number {
  return a.member - b.member || a.output.id - b.output.id || a.block - b.block || a.turns[0] - b.turns[0];
}

/** A region's time in the maps buffers, by places in the order of items, and its words. */
export interface Life {
  readonly key: string;
  readonly first: number;
  last: number;
  readonly words: number;
}

function livesOf(order: readonly FlowItem[], cus: number): Life[] {
  const lives = new Map<string, Life>();
  for (const [at, item] of order.entries()) {
    for (const region of usedBy(item)) {
      const { key } = region;
      const known = lives.get(key);
      if (known) known.last = at;
      else lives.set(key, { key, first: at, last: at, words: roundUp(regionWords(region, cus)) });
    }
  }
  return [...lives.values()];
}

export interface Placed {
  readonly bases: Map<string, number>;
  readonly words: number;
}

/** Places of all regions; where they don't fit, the first member for which there is none. */
function placeRegions(order: readonly FlowItem[], machine: Machine): Placed | { readonly full: number } {
  const lives = livesOf(order, machine.computeUnits);
  const next = placeNext(lives, mapsWords(machine));
  if (!('full' in next)) return next;
  return placeLargest(lives, mapsWords(machine)) ?? { full: order[next.full]!.member };
}

/** Next fit in the order of use: what was freed last is taken again last, so that nobody waits for its readers. */
export function placeNext(lives: readonly Life[], limit: number): Placed | { readonly full: number } {
  const bases = new Map<string, number>();
  let live: { last: number; start: number; end: number }[] = [];
  let cursor = 0;
  let words = 0;
  for (const { key, first, last, words: size } of lives) {
    live = live.filter((other) => other.last >= first);
    const start = findGap(live, size, cursor, limit) ?? findGap(live, size, 0, limit);
    if (start === undefined) return { full: first };
    bases.set(key, start);
    cursor = start + size;
    live.push({ last, start, end: cursor });
    words = Math.max(words, cursor);
  }
  return { bases, words };
}

/** Large regions first, each at the lowest place that is free as long as it lives. */
function placeLargest(lives: readonly Life[], limit: number): Placed | undefined {
  const placed: (Life & { start: number; end: number })[] = [];
  for (const life of [...lives].sort((a, b) => b.words - a.words || a.first - b.first)) {
    const beside = placed.filter(({ first, last }) => first <= life.last && life.first <= last);
    const start = findGap(beside, life.words, 0, limit);
    if (start === undefined) return undefined;
    placed.push({ ...life, start, end: start + life.words });
  }
  return { bases: new Map(placed.map(({ key, start }) => [key, start])), words: Math.max(...placed.map(({ end }) => end)) };
}

/** First place of `size` words from `from` on beside the live ones. */
function findGap(live: readonly { start: number; end: number }[], size: number, from: number, limit: number): number | undefined {
  let start = from;
  for (const { start: low, end } of [...live].sort((a, b) => a.start - b.start)) {
    if (end <= start) continue;
    if (low >= start + size) break;
    start = end;
  }
  return start + size <= limit ? start : undefined;
}
