/**
 * Items of a flow: what its members do to a stretch of units, MAC block by MAC block, and what each item needs. Units of a root are cut into *segments* where a
 * member begins or ends (the maps of a stack), these into *turns*: while the vector units work on one turn, the MAC units are at the other.
 * Specification: docs/compiler.md, "Flows".
 */
import { type Machine, VEC_CHUNK_CYCLES, VEC_TABLE_CHUNK_CYCLES, weightsLines } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { blocksOf } from '../mac/blocks.ts';
import { outputCycles, parameterLines, tapLines } from '../mac/window-cost.ts';
import { isLookUp, type MacWork, type Stage, type VecWork, vecWorks } from '../stages/stage.ts';
import type { FlowMember, Place } from './flow.ts';

/** Units [first, first + count) of a root, which stay in the maps buffers together: every CU has its share of every turn, one behind the other. */
export interface Segment {
  readonly id: number;
  readonly root: number;
  readonly first: number;
  readonly count: number;
  /** Units of each turn. */
  readonly turns: readonly number[];
  readonly pitch: number;
  /** What is written of it: words of the units of a turn, by one member. Empty where it comes from DRAM. */
  readonly chunks: Chunk[];
  /** Some item works on several turns at once: they lie one behind the other. Otherwise every turn has a place of its own. */
  isWhole: boolean;
}

/** Turns of a segment that lie in one place. */
export interface Region {
  readonly key: string;
  readonly segment: Segment;
  readonly turns: readonly [first: number, end: number];
}

/** The regions of some turns. */
export function regionsOf(segment: Segment, [first, end]: readonly [number, number]): Region[] {
  if (segment.isWhole) return [{ key: `${segment.id}`, segment, turns: [0, segment.turns.length] }];
  return Array.from({ length: end - first }, (_, i) => ({
    key: `${segment.id}.${first + i}`,
    segment,
    turns: [first + i, first + i + 1],
  }));
}

/** Words of a region in one CU. */
export function regionWords({ segment, turns }: Region, cus: number): number {
  return segment.turns.slice(...turns).reduce((sum, count) => sum + Math.ceil(count / cus), 0) * segment.pitch;
}

export interface Chunk {
  readonly index: number;
  readonly turn: number;
  readonly from: number;
  readonly to: number;
  /** The items that complete it. */
  readonly items: readonly number[];
}

/** Work of all CUs on some turns of a segment. */
export interface FlowItem {
  readonly id: number;
  readonly unit: 'mac' | 'vec';
  /** Index into the members. */
  readonly member: number;
  readonly input: Segment;
  readonly output: Segment;
  readonly other: Segment | undefined;
  readonly turns: readonly [first: number, end: number];
  /** MAC: the block; VEC: channels. */
  readonly block: number;
  readonly channels: readonly [from: number, to: number];
  readonly chunks: readonly Chunk[];
  readonly needs: readonly { readonly item: number; readonly latency: number }[];
  readonly cycles: number;
  /** Estimated MAC cycles of the member on this segment: short work goes first. */
  readonly length: number;
  /** Completes its chunks: nothing of the member follows. */
  readonly isFinal: boolean;
}

export interface FlowItems {
  readonly items: readonly FlowItem[];
  readonly links: readonly (LinkPlan | undefined)[];
  readonly segments: readonly Segment[];
}

/** Channels of results that are handed on together. */
const CHUNK_CHANNELS = 64;
const LINE_WORDS = 16;
/** From the last step of an item to the first of one that needs its results. */
const ITEM_LATENCY = 45;
/** Through DRAM: stores, their responses, loads. */
const DRAM_LATENCY = 900;
const ITEM_SETUP = 12;
/** Least units of a CU in a turn. */
const MIN_TURN_UNITS = 8;

/** @returns the index of the first member that reads words that nobody has made yet, or whose weights do not fit, if there is one */
export function makeItems(members: readonly FlowMember[], machine: Machine, turns: number): FlowItems | number {
  const cus = machine.computeUnits;
  const segments = cutSegments(members, cus, turns);
  const items: FlowItem[] = [];
  const links: (LinkPlan | undefined)[] = [];
  const stores = new Map<number, number[]>();
  for (const [at, member] of members.entries()) {
    const { stage, input, output, other } = member;
    const own = segments.get(output.root)!.filter((segment) => isInside(segment, output));
    const share = Math.max(...own.map(({ count }) => Math.ceil(count / cus)));
    const link = stage.mac ? planLink(stage.mac, input.pitch, share, own.length, machine) : undefined;
    if (stage.mac && !link) return at;
    links.push(link);
    // Maps of a stack overlap with each other: no need for turns.
    const isWhole = [input, output].some(({ root }) => segments.get(root)!.length > 1) || stage.weights !== undefined;
    for (const segment of own) {
      const find = (place: Place): Segment => {
        const first = place.first + segment.first - output.first;
        return segments.get(place.root)!.find((candidate) => candidate.first === first)!;
      };
      const from = find(input);
      const second = other && find(other);
      const spans: [number, number][] = isWhole
        ? [[0, segment.turns.length]]
        : segment.turns.map((_, turn): [number, number] => [turn, turn + 1]);
      for (const span of spans) {
        if (span[1] - span[0] > 1) for (const used of [segment, from, ...(second ? [second] : [])]) used.isWhole = true;
        const made = addItems({ at, member, link, segment, from, second, span, stored: stores });
        if (!made) return at;
      }
    }
    if (member.isStored) {
      const last = items.filter((item) => item.member === at && item.isFinal).map(({ id }) => id);
      for (const root of member.targets) stores.set(root, [...(stores.get(root) ?? []), ...last]);
    }
  }
  return { items, links, segments: [...segments.values()].flat() };

  function addItems(job: {
    at: number;
    member: FlowMember;
    link: LinkPlan | undefined;
    segment: Segment;
    from: Segment;
    second: Segment | undefined;
    span: [number, number];
    stored: ReadonlyMap<number, readonly number[]>;
  }): boolean {
    const { at, member, link, segment, from, second, span, stored } = job;
    const { stage, input, output, other } = member;
    const units = segment.turns.slice(...span).reduce((sum, count) => sum + Math.ceil(count / cus), 0);
    // Regions from DRAM are loaded once, when they are first used: not where a member before this one stores into the tensor.
    // They are loaded whole: not where words of them are still to be made.
    const read = (source: Segment, place: Place, [low, high]: readonly [number, number]) => {
      const isLoaded = source.chunks.length === 0;
      if (isLoaded && (stored.has(place.root) || place.lastMaker >= members[0]!.index)) return undefined;
      return needsOf(source, span, place.word + low, place.word + high);
    };
    const wholeInput: readonly [number, number] = stage.mac
      ? [stage.inputChannelOffset, stage.inputChannelOffset + stage.mac.inChannels]
      : [0, input.words];
    const addChunks = ([low, high]: readonly [number, number], made: readonly number[]): Chunk[] =>
      Array.from({ length: span[1] - span[0] }, (_, i) => {
        const chunk = { index: segment.chunks.length, turn: span[0] + i, from: output.word + low, to: output.word + high, items: made };
        segment.chunks.push(chunk);
        return chunk;
      });
    const common = { member: at, input: from, output: segment, other: second, turns: span };
    const push = (item: Omit<FlowItem, 'id'>): number => items.push({ ...item, id: items.length }) - 1;
    if (!stage.mac || !link) {
      const channels: readonly [number, number] = [0, output.words];
      const needs = read(from, input, wholeInput);
      const others = second && other ? read(second, other, channels) : [];
      if (!needs || !others) return false;
      const id = items.length;
      const cycles = worksCycles(stage, units, output.words);
      const chunks = addChunks(channels, [id]);
      push({ ...common, unit: 'vec', block: 0, channels, chunks, needs: [...needs, ...others], cycles, length: cycles, isFinal: true });
      return true;
    }
    const { mac, vec } = stage;
    const window = Math.max(outputCycles(link.lanes), tapLines(mac, link.lanes, false));
    const cycles = units * window + ITEM_SETUP + parameterLines(link.lanes);
    const length = cycles * link.blocks.length;
    const throughDram = member.weights === undefined ? [] : (stored.get(member.weights) ?? []);
    const perGroup = Math.max(1, Math.ceil(CHUNK_CHANNELS / link.cuChannels));
    for (let b = 0; b < link.blocks.length; b += perGroup) {
      const group = link.blocks.slice(b, b + perGroup);
      const channels: readonly [number, number] = [group[0]!.channel, group.at(-1)!.channel + group.at(-1)!.channels];
      const next = items.length;
      const chunks = addChunks(channels, vec ? [next + group.length] : group.map((_, i) => next + i));
      const needs = mac.depthwise ? read(from, input, channels) : read(from, input, wholeInput);
      const others = second && other ? read(second, other, channels) : [];
      if (!needs || !others) return false;
      const made = group.map((block, i) =>
        push({
          ...common,
          unit: 'mac',
          block: b + i,
          channels: [block.channel, block.channel + block.channels],
          chunks,
          needs: [...needs, ...throughDram.map((item) => ({ item, latency: DRAM_LATENCY }))],
          cycles,
          length,
          isFinal: !vec,
        }),
      );
      if (!vec) continue;
      const words = channels[1] - channels[0];
      const work = worksCycles(stage, units, words);
      const mine = made.map((item) => ({ item, latency: ITEM_LATENCY }));
      push({ ...common, unit: 'vec', block: b, channels, chunks, needs: [...mine, ...others], cycles: work, length, isFinal: true });
    }
    return true;
  }
}

/** Who makes words [low, high) of the units of some turns; undefined where some are missing. Nobody: they come from DRAM. */
function needsOf({ chunks }: Segment, [first, end]: readonly [number, number], low: number, high: number) {
  if (chunks.length === 0) return [];
  const found = chunks.filter(({ turn, from, to }) => turn >= first && turn < end && from < high && low < to);
  const words = found.reduce((sum, { from, to }) => sum + Math.min(to, high) - Math.max(from, low), 0);
  if (words < (end - first) * (high - low)) return undefined;
  return found.flatMap((chunk) => chunk.items.map((item) => ({ item, latency: ITEM_LATENCY })));
}

function isInside(segment: Segment, { first, units }: Place): boolean {
  return segment.first >= first && segment.first < first + units;
}

/** Cycles of all that the vector unit does for a stage. */
function worksCycles(stage: Stage, units: number, words: number): number {
  return vecWorks(stage).reduce((sum, work) => sum + vecCycles(work, units, words), 0);
}

function vecCycles(vec: VecWork, units: number, words: number): number {
  const chunks = units * Math.ceil(words / LINE_WORDS);
  if (vec.op === 'max') return units * Math.max(vec.geometry.inWidth, VEC_CHUNK_CYCLES) + ITEM_SETUP;
  return chunks * (isLookUp(vec) ? VEC_TABLE_CHUNK_CYCLES : VEC_CHUNK_CYCLES) + ITEM_SETUP;
}

/** Lanes of a MAC member: the fewest cycles, with room for the next group of weights beside one where that is possible. */
function planLink(work: MacWork, pixelPitch: number, units: number, segments: number, machine: Machine): LinkPlan | undefined {
  const region = { y0: 0, y1: work.geometry.outHeight, x0: 0, x1: work.geometry.outWidth };
  let best: { link: LinkPlan; cost: number } | undefined;
  for (const lanes of work.depthwise ? [1] : work.source.kind === 'matmul' ? [LINE_WORDS] : [1, 2, 4, 8, LINE_WORDS]) {
    const groupLines = parameterLines(lanes) + tapLines(work, lanes, false);
    if (groupLines > weightsLines(machine)) continue;
    const blocks = blocksOf(work, lanes, 1, [{ region, divisor: 1 }]);
    const window = Math.max(outputCycles(lanes), tapLines(work, lanes, false));
    const crowded = groupLines * 2 > weightsLines(machine) ? groupLines : 0;
    const cost = blocks.length * segments * (units * window + ITEM_SETUP + parameterLines(lanes) + crowded);
    const cuChannels = 64 / lanes;
    const link = { lanes, parts: machine.computeUnits, slots: 1, adjacent: false, pixelPitch, groupLines, cuChannels, blocks };
    if (!best || cost < best.cost) best = { link, cost };
  }
  return best?.link;
}

/** Segments of all roots: cut alike wherever units correspond. */
function cutSegments(members: readonly FlowMember[], cus: number, turns: number): Map<number, Segment[]> {
  const cuts = new Map<number, Set<number>>();
  const pitches = new Map<number, number>();
  const placesOf = ({ input, output, other }: FlowMember): Place[] => [input, output, ...(other ? [other] : [])];
  for (const member of members) {
    for (const { root, first, units, pitch } of placesOf(member)) {
      pitches.set(root, pitch);
      const own = cuts.get(root) ?? new Set();
      cuts.set(root, own.add(first).add(first + units));
    }
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const member of members) {
      const places = placesOf(member);
      const inner = new Set(
        places.flatMap(({ root, first, units }) => [...cuts.get(root)!].map((cut) => cut - first).filter((cut) => cut > 0 && cut < units)),
      );
      for (const { root, first } of places) {
        const own = cuts.get(root)!;
        for (const cut of inner) {
          if (own.has(first + cut)) continue;
          own.add(first + cut);
          changed = true;
        }
      }
    }
  }
  const result = new Map<number, Segment[]>();
  let id = 0;
  for (const [root, own] of cuts) {
    const sorted = [...own].sort((a, b) => a - b);
    const list = sorted.slice(1).map((end, i): Segment => {
      const count = end - sorted[i]!;
      const parts = Math.max(1, Math.min(turns, Math.floor(count / (cus * MIN_TURN_UNITS))));
      const bounds = Array.from({ length: parts + 1 }, (_, t) => Math.round((count * t) / parts / cus) * cus);
      bounds[parts] = count;
      const units = bounds.slice(1).map((bound, t) => bound - bounds[t]!);
      return { id: id++, root, first: sorted[i]!, count, turns: units, pitch: pitches.get(root)!, chunks: [], isWhole: false };
    });
    result.set(root, list);
  }
  return result;
}
