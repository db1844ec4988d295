/**
 * Pages: maps of one size whose channels are made at different times, pixel by pixel beside each other, so that what is not there yet takes no room.
 * Specification: docs/compiler.md, "Relays".
 */
import { isPairWork } from '../stages/stage.ts';
import type { RelayGraph } from './relay.ts';
import type { HeldColumns } from './relay-halo.ts';
import { isPixelwise, windowOf } from './relay-steps.ts';

/** Channels [from, to) of a map, made (or loaded) at a time, that live in some slots. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

/** Maps that share their pixels: words from pixel to pixel, and the first channel of each. */
export interface Page {
  readonly pitch: number;
  readonly channels: ReadonlyMap<number, number>;
}

/** In which slots a buffer is made by every member, and touched at all. */
export interface Lives {
  readonly makers: ReadonlyMap<number, number>;
  readonly first: number;
  readonly last: number;
}

/** Orders in which maps are laid beside each other: the pages of ShuffleNets are within a fifth of what lives at a time. */
const SHUFFLES = 128;

/** Which maps lie in pages: those made in several parts, or all that may. */
export type Paging = 'parts' | 'all';

/** Pages of a relay's whole maps; `lives` and `columns` by buffer. None where they do not fit so many words however they lie, `rowsOf` being the rows that a CU holds. */
export function choosePages(
  graph: RelayGraph,
  lives: readonly Lives[],
  inPlace: readonly number[],
  paging: Paging,
  limit: number,
  rowsOf: (list: readonly number[]) => number,
  columns?: HeldColumns,
): Page[] {
  const runs = graph.buffers.map((_, b) => runsOf(graph, b, lives[b]!));
  const sizes = new Map<string, number[]>();
  graph.buffers.forEach(({ height, width }, b) => {
    if (columns?.[b] || !mayShare(graph, b, inPlace) || (paging === 'parts' && runs[b]!.length < 2)) return;
    const key = `${height} ${width}`;
    sizes.set(key, [...(sizes.get(key) ?? []), b]);
  });
  const lists = [...sizes.values()].filter((list) => list.length > 1);
  if (leastWords(graph, lists, lives, inPlace, rowsOf) > limit) return [];
  const pages: Page[] = [];
  for (const list of lists) {
    const page = packChannels(list, runs);
    const words = list.reduce((sum, b) => sum + graph.buffers[b]!.pitch, 0);
    if (page.pitch < words) pages.push(page);
  }
  return pages;
}

/** Channels of a buffer by maker, or as they are loaded, in ascending order. */
export function runsOf({ members, buffers }: RelayGraph, b: number, { makers, first, last }: Lives): Run[] {
  const made = members.flatMap(({ destinations }, m) =>
    destinations
      .filter(({ buffer }) => buffer === b)
      .map(({ from, to, channel }) => ({ from: channel, to: channel + to - from, first: makers.get(m)!, last })),
  );
  // What comes from DRAM may come a step earlier.
  const loaded = buffers[b]!.loaded.map((run) => ({ from: run.first, to: run.end, first: first - 1, last }));
  return [...made, ...loaded].sort((x, y) => x.from - y.from);
}

/** Words that a CU's maps take at least: pages no wider than what lives at a time, all other maps but those in place of others apart. */
function leastWords(
  graph: RelayGraph,
  lists: readonly (readonly number[])[],
  lives: readonly Lives[],
  inPlace: readonly number[],
  rowsOf: (list: readonly number[]) => number,
): number {
  const taken: { first: number; last: number; words: number }[] = [];
  const take = (list: readonly number[], pitch: number): void => {
    const rows = Math.max(...list.map((b) => rowsOf([b])));
    const { width, height } = graph.buffers[list[0]!]!;
    const first = Math.min(...list.flatMap((b) => [lives[b]!.first, ...lives[b]!.makers.values()]));
    taken.push({ first, last: Math.max(...list.map((b) => lives[b]!.last)), words: Math.min(height, rows) * width * pitch });
  };
  for (const list of lists) take(list, mostLive(list.flatMap((b) => runsOf(graph, b, lives[b]!))));
  const elsewhere = new Set([...lists.flat(), ...inPlace.map((m) => graph.members[m]!.destinations[0]!.buffer)]);
  graph.buffers.forEach(({ pitch }, b) => {
    if (!elsewhere.has(b)) take([b], pitch);
  });
  return Math.max(...taken.map(({ first: slot }) => sumOf(taken.filter(({ first, last }) => first <= slot && slot <= last))));
}

function sumOf(list: readonly { readonly words: number }[]): number {
  return list.reduce((sum, { words }) => sum + words, 0);
}

/** Is a map read pixel by pixel alone, whatever lies between its pixels, and not transferred whole? */
function mayShare({ members, buffers }: RelayGraph, b: number, inPlace: readonly number[]): boolean {
  const { loaded, channels, isStored, gatherer } = buffers[b]!;
  if ((isStored && gatherer === undefined) || loaded.some(({ first, end }) => end - first === channels)) return false;
  return members.every((member, m) => {
    const { work, stage, input, other, destinations } = member;
    const window = windowOf(member);
    const touches = input.buffer === b || other?.buffer === b || destinations.some(({ buffer }) => buffer === b);
    if (!touches) return true;
    // Sums in place have a place of their own; a maximum tells its operands apart by one distance.
    if (inPlace.includes(m) || (isPairWork(stage.vec) && stage.vec.op === 'maximum')) return false;
    return input.buffer !== b || !window || (!work?.depthwise && isPixelwise(window));
  });
}

/** A narrow page: maps placed one after the other, each at the lowest channel, in the best of many orders (always the same ones). */
function packChannels(list: readonly number[], runs: readonly (readonly Run[])[]): Page {
  const end = (b: number): number => Math.max(...runs[b]!.map(({ last }) => last));
  const order = [...list].sort((a, b) => end(b) - end(a));
  const least = mostLive(list.flatMap((b) => runs[b]!));
  let best = packInOrder(order, runs, Number.POSITIVE_INFINITY)!;
  let state = 1;
  for (let i = 0; i < SHUFFLES && best.pitch > least; i++) {
    for (let at = order.length - 1; at > 0; at--) {
      state = (state * 48271) % 2147483647;
      const other = state % (at + 1);
      [order[at], order[other]] = [order[other]!, order[at]!];
    }
    best = packInOrder(order, runs, best.pitch) ?? best;
  }
  return best;
}

/** Channels that live at a time. */
function mostLive(runs: readonly Run[]): number {
  return Math.max(
    ...runs.map(({ first: slot }) =>
      runs.reduce((sum, { from, to, first, last }) => sum + (first <= slot && slot <= last ? to - from : 0), 0),
    ),
  );
}

/** Undefined where the page is not narrower than `limit`. */
function packInOrder(order: readonly number[], runs: readonly (readonly Run[])[], limit: number): Page | undefined {
  const channels = new Map<number, number>();
  const taken: Run[] = [];
  let pitch = 0;
  for (const b of order) {
    let offset = 0;
    for (let moved = true; moved; ) {
      moved = false;
      for (const run of runs[b]!) {
        for (const other of taken) {
          if (other.first > run.last || run.first > other.last || offset + run.from >= other.to || other.from >= offset + run.to) continue;
          offset = other.to - run.from;
          moved = true;
        }
      }
    }
    channels.set(b, offset);
    for (const run of runs[b]!) {
      taken.push({ ...run, from: offset + run.from, to: offset + run.to });
      pitch = Math.max(pitch, offset + run.to);
    }
    if (pitch >= limit) return undefined;
  }
  return { pitch, channels };
}
