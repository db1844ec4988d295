/**
 * Where a relay's maps lie: which pixels every CU holds and for how long, rings just large enough for them, and their places in the maps buffers.
 * Specification: docs/compiler.md, "Relays".
 */
import type { Machine } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { leastRingRows } from '../mac/source-walk.ts';
import type { RelayBuffer, RelayGraph } from './relay.ts';
import { type Halo, type HeldColumns, isDisjoint } from './relay-halo.ts';
import type { LinkCost } from './relay-link.ts';
import { type Lives, type Page, runsOf } from './relay-pages.ts';
import { type Columns, inputSpan, type RelayStep, type Span, shareOf, spanOf, windowOf } from './relay-steps.ts';

/**
 * A buffer's place: rows of its ring, pixels from row to row, and its first word (from the relay's). Pixel (y, x) is at (y modulo rows) · rowPixels + x; where no
 * descriptor's results go to several CUs, x counts from a CU's first column.
 */
export interface RelayRing {
  readonly rows: number;
  readonly rowPixels: number;
  readonly base: number;
  readonly isApart: boolean;
  /** Do other CUs' columns come as copies? */
  readonly isCopied: boolean;
  /** Does it share its pixels with other maps? */
  readonly page: RelayPage | undefined;
}

/** The words of a page, and which of the channels between its pixels are a buffer's, run by run. */
export interface RelayPage {
  readonly base: number;
  readonly words: number;
  readonly runs: readonly Columns[];
}

/** Pixels of a buffer that a CU needs in a slot. */
export interface Use {
  readonly span: Span;
  readonly slot: number;
  readonly member: number;
}

/** Of every buffer and CU: what it makes, reads and stores, slot by slot. Of whole maps of which some rows are made in tiles a CU does not hold what it only makes, but of `own` ones. */
export function findUses(
  graph: RelayGraph,
  links: readonly (LinkCost | undefined)[],
  steps: readonly RelayStep[],
  cus: number,
  isMixed: boolean,
  isBehind: boolean,
  columns: HeldColumns | undefined,
  own: ReadonlySet<number>,
): Use[][][] {
  const uses = graph.buffers.map(() => Array.from({ length: cus }, (): Use[] => []));
  for (const step of steps) {
    const member = graph.members[step.member]!;
    const { input, other, destinations } = member;
    const hasColumns = columns?.[input.buffer] !== undefined;
    for (let cu = 0; cu < cus; cu++) {
      const span = spanOf(step, member, links[step.member]?.plan, cu, cus, hasColumns);
      const share = shareOf(step, member, cu, cus, hasColumns);
      // Vector work is in place; every CU stores its share.
      for (const { buffer } of destinations) {
        const { isStored, gatherer } = graph.buffers[buffer]!;
        const isPassedOn = isMixed && !columns?.[buffer] && !own.has(buffer);
        if (!isPassedOn || member.stage.vec || (isStored && (gatherer ?? step.member) === step.member))
          addUse(uses[buffer]![cu]!, member.stage.vec ? span : share, step);
        if (isBehind && isStored && step.end - step.first < member.height)
          addUse(uses[buffer]![cu]!, share, { ...step, slot: step.slot + 1 });
      }
      if (span.to === span.from) continue;
      addUse(uses[input.buffer]![cu]!, inputSpan(member, span), step);
      if (other) addUse(uses[other.buffer]![cu]!, other.isPixel ? { from: 0, to: 1 } : span, step);
    }
  }
  return uses;
}

function addUse(uses: Use[], span: Span, { slot, member }: RelayStep): void {
  if (span.to > span.from) uses.push({ span, slot, member });
}

/** Visits the rows that some pixels lie in. */
function eachRow({ from, to }: Span, width: number, visit: (row: number) => void): void {
  for (let row = Math.floor(from / width); row * width < to; row++) visit(row);
}

/** Has everybody else read a member's second operand, row by row, when its result is made? */
export function isReplaceable({ members, buffers }: RelayGraph, uses: readonly (readonly (readonly Use[])[])[], m: number): boolean {
  const { other, destinations } = members[m]!;
  const { height, width } = buffers[other!.buffer]!;
  const made = new Float64Array(height).fill(Number.POSITIVE_INFINITY);
  for (const { span, slot, member } of uses[destinations[0]!.buffer]!.flat()) {
    if (member === m) eachRow(span, width, (row) => (made[row] = Math.min(made[row]!, slot)));
  }
  let isFree = true;
  for (const { span, slot, member } of uses[other!.buffer]!.flat()) {
    if (member !== m) eachRow(span, width, (row) => (isFree &&= slot < made[row]! || (slot === made[row]! && member < m)));
  }
  return isFree;
}

/** Words of the slot in which a CU's results of one block wait. */
export function slotWordsOf(step: RelayStep, { members }: RelayGraph, links: readonly (LinkCost | undefined)[], machine: Machine): number {
  const member = members[step.member]!;
  const { plan } = links[step.member]!;
  const pixels = Array.from({ length: machine.computeUnits }, (_, cu) => {
    const { from, to } = spanOf(step, member, plan, cu, machine.computeUnits, false);
    return (from % member.width) + to - from;
  });
  return Math.max(...pixels) * slotPitch(plan);
}

/** Words from pixel to pixel of a slot. */
export function slotPitch({ blocks, cuChannels }: LinkPlan): number {
  return Math.min(cuChannels, Math.max(...blocks.map(({ channels }) => channels)));
}

export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

/** In which slots every buffer is made and touched. */
export function livesOf(
  { buffers, members }: RelayGraph,
  steps: readonly RelayStep[],
  uses: readonly (readonly (readonly Use[])[])[],
): Lives[] {
  const makers = buffers.map(() => new Map<number, number>());
  for (const { member, slot } of steps) {
    for (const { buffer } of members[member]!.destinations) {
      makers[buffer]!.set(member, Math.min(slot, makers[buffer]!.get(member) ?? slot));
    }
  }
  return uses.map((byCu, b): Lives => {
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const list of byCu) {
      for (const { slot } of list) {
        if (slot < first) first = slot;
        if (slot > last) last = slot;
      }
    }
    return { makers: makers[b]!, first, last };
  });
}

/** Rows of buffers in one place that a CU holds at a time. */
type LiveRows = (list: readonly number[]) => number;

/** Counts them, each list once: plans differ in what lies beside each other more often than in when it lives. */
export function countLiveRows(
  graph: RelayGraph,
  steps: readonly RelayStep[],
  uses: readonly (readonly (readonly Use[])[])[],
  own: ReadonlySet<number>,
): LiveRows {
  const { buffers, members } = graph;
  const made = buffers.map(({ height }) => new Float64Array(height).fill(Number.POSITIVE_INFINITY));
  for (const step of steps) {
    const { member, slot } = step;
    for (const { buffer } of members[member]!.destinations) {
      // Every CU has rows of its own, made when it made them.
      if (own.has(buffer)) continue;
      for (const { first, end } of step.byCu ?? [step])
        for (let row = first; row < end; row++) made[buffer]![row] = Math.min(made[buffer]![row]!, slot);
    }
  }
  // Rows from DRAM come to all CUs that ever hold them, a slot before the first of these needs them.
  for (const [b, { loaded, width }] of buffers.entries()) {
    if (loaded.length === 0) continue;
    for (const { span, slot } of uses[b]!.flat()) eachRow(span, width, (row) => (made[b]![row] = Math.min(made[b]![row]!, slot - 1)));
  }
  const known = new Map<string, number>();
  return (list) => {
    const key = list.join();
    const count = known.get(key);
    if (count !== undefined) return count;
    const { height, width } = buffers[list[0]!]!;
    const [first, ...others] = list.map((b) => made[b]!);
    const earliest =
      others.length > 0 ? first!.map((slot, row) => others.reduce((least, other) => Math.min(least, other[row]!), slot)) : first!;
    const byCu = uses[list[0]!]!.map((own, cu) => (others.length > 0 ? list.flatMap((b) => uses[b]![cu]!) : own));
    const most = Math.max(...byCu.map((own) => liveRowsOf({ width, height }, own, earliest)));
    known.set(key, most);
    return most;
  };
}

/** Rings just large enough, and where they lie behind the slots; undefined where they do not fit. */
export function placeBuffers(
  graph: RelayGraph,
  inPlace: readonly number[],
  slotWords: number,
  isTiled: boolean,
  columns: HeldColumns | undefined,
  halos: readonly (Halo | undefined)[],
  limit: number,
  lives: readonly Lives[],
  liveRows: LiveRows,
  pages: readonly Page[],
): { rings: RelayRing[]; words: number } | undefined {
  const { buffers, members } = graph;
  const tallest = buffers.map(() => 1);
  for (const member of members) {
    const { buffer } = member.input;
    const window = windowOf(member);
    if (window) tallest[buffer] = Math.max(tallest[buffer]!, leastRingRows(window.geometry));
  }
  // Buffers that take each other's place are one.
  const first = buffers.map((_, b) => b);
  for (const m of inPlace) {
    const from = first[members[m]!.other!.buffer]!;
    const to = first[members[m]!.destinations[0]!.buffer]!;
    first.forEach((group, b) => {
      if (group === to) first[b] = from;
    });
  }
  for (const { channels } of pages) {
    const [head] = channels.keys();
    for (const b of channels.keys()) first[b] = head!;
  }
  const groups = [];
  let total = slotWords;
  for (const group of new Set(first)) {
    const list = buffers.map((_, b) => b).filter((b) => first[b] === group);
    const page = pages.find(({ channels }) => channels.has(group));
    const { height, width } = buffers[group]!;
    const { pitch } = page ?? buffers[group]!;
    const held = columns?.[group] ?? [{ left: 0, right: width }];
    const rowPixels = Math.max(...held.map(({ left, right }) => right - left));
    // Results for several CUs go to one address.
    const hasColumns = columns?.[group] !== undefined;
    const isCopied = halos[group] === 'copies' && list.length === 1 && !isDisjoint(held);
    const isApart = hasColumns && list.length === 1 && (isDisjoint(held) || isCopied);
    const reach = isApart ? rowPixels : Math.max(...held.map(({ right }) => right));
    const isLoaded = list.some((b) => buffers[b]!.loaded.length > 0);
    // What shares its pixels lives for itself, what takes another one's place goes on with it.
    const live = page ? Math.max(...list.map((b) => liveRows([b]))) : liveRows(list);
    const rows = Math.min(height, Math.max(live, ...list.map((b) => tallest[b]!)));
    const makers = list.flatMap((b) => [...lives[b]!.makers.values()]);
    const begin = Math.min(...list.map((b) => lives[b]!.first), ...makers);
    const last = Math.max(...list.map((b) => lives[b]!.last), ...makers);
    const life = isTiled ? { first: 0, last: 0 } : { first: begin, last };
    const size = roundUp(((rows - 1) * rowPixels + reach) * pitch);
    // Of tiles all buffers live at a time.
    total += size;
    if (isTiled && total > limit) return undefined;
    groups.push({ list, rows, rowPixels, isApart, isCopied, size, isLoaded, page, ...life });
  }
  groups.sort((x, y) => y.size - x.size || x.list[0]! - y.list[0]!);
  // What comes from DRAM may come a step earlier, if there is room.
  for (const early of isTiled ? [0] : [1, 0]) {
    const placed: { start: number; end: number; first: number; last: number }[] = [];
    const rings: RelayRing[] = [];
    for (const { list, rows, rowPixels, isApart, isCopied, size, isLoaded, page, first: begin, last } of groups) {
      const life = { first: begin - (isLoaded ? early : 0), last };
      const beside = placed.filter((other) => other.first <= life.last && life.first <= other.last).sort((x, y) => x.start - y.start);
      let start = slotWords;
      for (const other of beside) {
        if (other.start - start >= size) break;
        start = Math.max(start, other.end);
      }
      placed.push({ start, end: start + size, ...life });
      for (const b of list) {
        const channel = page?.channels.get(b) ?? 0;
        const runs = page && runsOf(graph, b, lives[b]!).map(({ from, to }) => ({ left: channel + from, right: channel + to }));
        rings[b] = { rows, rowPixels, isApart, isCopied, base: start + channel, page: runs && { base: start, words: size, runs } };
      }
    }
    const words = Math.max(slotWords, ...placed.map(({ end }) => end));
    if (words <= limit) return { rings, words };
  }
  return undefined;
}

/** Rows of a buffer that a CU holds at a time: from the slot in which a row is made or loaded to the last that touches it. */
function liveRowsOf({ width, height }: Pick<RelayBuffer, 'width' | 'height'>, uses: readonly Use[], made: Float64Array): number {
  const first = new Float64Array(height).fill(Number.POSITIVE_INFINITY);
  const last = new Float64Array(height).fill(Number.NEGATIVE_INFINITY);
  let slots = 1;
  for (const { span, slot } of uses) {
    slots = Math.max(slots, slot + 1);
    eachRow(span, width, (row) => {
      first[row] = Math.min(first[row]!, slot, made[row]!);
      last[row] = Math.max(last[row]!, slot);
    });
  }
  const low = new Int32Array(slots + 1);
  const high = new Int32Array(slots + 1).fill(-1);
  for (let row = 0; row < height; row++) {
    for (let slot = Math.max(0, first[row]!); slot <= last[row]!; slot++) {
      if (high[slot]! < 0) low[slot] = row;
      high[slot] = row;
    }
  }
  // Of two rows that live at a time the ring holds all between.
  let most = 1;
  for (let slot = 0; slot < slots; slot++) most = Math.max(most, high[slot]! - low[slot]! + 1);
  return most;
}
