/**
 * The plan of a flow: in which order its items run, found by playing through them with one MAC and one vector unit (all CUs do the same at the same time), and
 * where its segments lie in the maps buffers in that order. Specification: docs/compiler.md, "Flows".
 */
import { type Machine, mapsWords } from '../../machine/machine.ts';
import type { LinkPlan } from './chain.ts';
import { type FlowMember, findFlows, markStored, rootsInside } from './flow.ts';
import { type FlowItem, makeItems, type Segment } from './flow-items.ts';
import { roundUp } from './maps-memory.ts';
import type { DramLayout } from './dram-layout.ts';
import { countMacs, isPairWork, type StageGraph } from './stage.ts';

export interface FlowPlan {
  readonly members: readonly FlowMember[];
  readonly links: readonly (LinkPlan | undefined)[];
  /** In the order of emission. */
  readonly items: readonly FlowItem[];
  /** Base of every segment, by its id. */
  readonly bases: ReadonlyMap<number, number>;
  readonly words: number;
  readonly cycles: number;
}

/** A stage's first loads and last stores, with nothing beside them. */
const APART_CYCLES = 1000;
/** Turns of a segment that are tried. */
const TURNS = [1, 2] as const;

/** The best plan for these members; undefined where none fits. */
export function planFlow(members: readonly FlowMember[], graph: StageGraph, layout: DramLayout, machine: Machine): FlowPlan | undefined {
  const marked = markStored(graph, layout, members);
  let best: FlowPlan | undefined;
  for (const turns of TURNS) {
    const made = makeItems(marked, machine, turns);
    if (!made) continue;
    const { order, cycles } = orderItems(made.items);
    if (best && best.cycles <= cycles) continue;
    const placed = placeSegments(order, machine);
    if (placed) best = { members: marked, links: made.links, items: order, ...placed, cycles };
  }
  return best;
}

/**
 * The flows of a network. A run of stages that does not fit as one is cut where the first part that fits ends; what is left is looked at again. A flow is chosen
 * where it is estimated to take less time than its stages one by one.
 */
export function chooseFlows(graph: StageGraph, layout: DramLayout, machine: Machine): FlowPlan[] {
  const flows: FlowPlan[] = [];
  for (const run of findFlows(graph, layout)) {
    for (let from = 0; from < run.length; ) {
      let count = run.length - from;
      let plan: FlowPlan | undefined;
      for (; count > 1; count = count > 4 ? Math.ceil((count * 3) / 4) : count - 1) {
        plan = planFlow(run.slice(from, from + count), graph, layout, machine);
        if (plan) break;
      }
      const apart = plan ? plan.members.reduce((sum, { stage }) => sum + apartCycles(graph, stage, machine), 0) : 0;
      if (plan && plan.cycles < apart) flows.push(plan);
      from += Math.max(1, count);
    }
  }
  return flows;
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

/** Order by list scheduling: whenever a unit is free it takes the shortest work that is ready, so that the other unit gets something to do. */
function orderItems(items: readonly FlowItem[]): { order: FlowItem[]; cycles: number } {
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
  const open = { mac: new Set<FlowItem>(), vec: new Set<FlowItem>() };
  const free = { mac: 0, vec: 0 };
  for (const item of items) if (waiting[item.id] === 0) open[item.unit].add(item);
  const starts = new Float64Array(items.length);
  let cycles = 0;
  for (let left = items.length; left > 0; left--) {
    const choices = (['mac', 'vec'] as const).flatMap((unit) => {
      const item = choose(open[unit], ready, free[unit]);
      return item ? [{ item, start: Math.max(free[unit], ready[item.id]!) }] : [];
    });
    const { item, start } = choices.reduce((a, b) => (b.start < a.start ? b : a));
    open[item.unit].delete(item);
    starts[item.id] = start;
    const end = start + item.cycles;
    free[item.unit] = end;
    cycles = Math.max(cycles, end);
    for (const { item: user, latency } of users[item.id]!) {
      ready[user] = Math.max(ready[user]!, end + latency);
      if (--waiting[user]! === 0) open[items[user]!.unit].add(items[user]!);
    }
  }
  const order = [...items].sort((a, b) => starts[a.id]! - starts[b.id]! || a.id - b.id);
  return { order, cycles };
}

/** Of what is ready when the unit is free the shortest work, otherwise what is ready first; earlier made first among equals. */
function choose(open: ReadonlySet<FlowItem>, ready: Float64Array, free: number): FlowItem | undefined {
  let best: FlowItem | undefined;
  for (const item of open) {
    if (!best) {
      best = item;
      continue;
    }
    const [a, b] = [Math.max(free, ready[item.id]!), Math.max(free, ready[best.id]!)];
    const order = a - b || item.length - best.length || item.id - best.id;
    if (order < 0) best = item;
  }
  return best;
}

/** Words of a segment in one CU. */
export function segmentWords({ turns, pitch }: Segment, cus: number): number {
  return turns.reduce((sum, count) => sum + Math.ceil(count / cus), 0) * pitch;
}

/** Next fit in the order of use: what was freed last is taken again last, so that nobody waits for its readers. */
function placeSegments(order: readonly FlowItem[], machine: Machine): { bases: Map<number, number>; words: number } | undefined {
  const limit = mapsWords(machine);
  const touched = ({ input, output, other }: FlowItem): Segment[] => [...new Set([input, output, ...(other ? [other] : [])])];
  const last = new Map<number, number>();
  order.forEach((item, i) => {
    for (const { id } of touched(item)) last.set(id, i);
  });
  const bases = new Map<number, number>();
  let live: { id: number; start: number; end: number }[] = [];
  let cursor = 0;
  let words = 0;
  for (const [i, item] of order.entries()) {
    for (const segment of touched(item)) {
      if (bases.has(segment.id)) continue;
      const size = roundUp(segmentWords(segment, machine.computeUnits));
      const start = findGap(live, size, cursor, limit) ?? findGap(live, size, 0, limit);
      if (start === undefined) return undefined;
      bases.set(segment.id, start);
      live.push({ id: segment.id, start, end: start + size });
      cursor = start + size;
      words = Math.max(words, cursor);
    }
    live = live.filter(({ id }) => last.get(id)! > i);
  }
  return { bases, words };
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
