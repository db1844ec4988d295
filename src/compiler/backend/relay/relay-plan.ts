/**
 * The plan of a relay: in which order rows are made, which CU makes and holds which pixels, where the maps lie, and what it costs.
 * Specification: docs/compiler.md, "Relays".
 */
import { LINE_BYTES, LINE_WORDS, type Machine, mapsWords, weightsLines } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { trafficCycles } from '../mac/plan.ts';
import { leastRingRows } from '../mac/source-walk.ts';
import { inputRows } from '../mac/tile-rows.ts';
import { isPairWork, type MacWork } from '../stages/stage.ts';
import type { RelayBuffer, RelayGraph, RelayMember } from './relay.ts';
import { chooseLink, type LinkCache, type LinkCost, type Split } from './relay-link.ts';

/** Raster pixels [from, to). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Rows [first, end) of a member's result, made at a time. Steps of one slot do not wait for each other. */
export interface RelayStep {
  readonly member: number;
  readonly first: number;
  readonly end: number;
  readonly slot: number;
}

/** A buffer's place: rows of its ring, and its first word (from the relay's). */
export interface RelayRing {
  readonly rows: number;
  readonly base: number;
}

export interface RelayPlan {
  readonly graph: RelayGraph;
  readonly links: readonly (LinkPlan | undefined)[];
  readonly steps: readonly RelayStep[];
  /** Of every buffer and CU: the pixels that the CU holds at one time or another, in ascending order. */
  readonly held: readonly (readonly (readonly Span[])[])[];
  readonly rings: readonly RelayRing[];
  /** Members whose results take the place of their second operand, and slots where the results of their MACs wait for it. */
  readonly inPlace: readonly number[];
  readonly slotBases: readonly number[];
  readonly words: number;
  /** Rows are made tile by tile; weights of all members stay. */
  readonly isTiled: boolean;
  readonly cycles: number;
  readonly bytes: number;
}

/** From one step's last result to the start of the next that needs it. */
const HANDOVER_CYCLES = 110;
/** What begins and ends a relay with nothing beside it. */
const FIRST_CYCLES = 700;
/** An activation table, and the time in which nobody looks up while it is replaced. */
const TABLE_BYTES = 2048 * 4;
const TABLE_CYCLES = 700;
/** Members of the longest relay whose weights all stay. */
const MAX_TILED = 9;
/** Slots in rotation for results that wait for their second operand. */
const RELAY_SLOTS = 2;
/** Instructions of a descriptor. */
const INSTRUCTIONS = 14;

/** The cheapest plan; undefined when none fits. `isPassed`: some words go from member to member through DRAM, which takes whole maps. */
export function planRelay(graph: RelayGraph, machine: Machine, cache: LinkCache, isPassed: boolean): RelayPlan | undefined {
  let best: RelayPlan | undefined;
  const consider = (plan: RelayPlan | undefined): void => {
    if (plan && (!best || costOfRelay(plan, machine) < costOfRelay(best, machine))) best = plan;
  };
  if (mayHoldMaps(graph, machine)) {
    for (const split of ['any', 'pixels'] as const) consider(planTiles(graph, machine, undefined, split, cache));
  }
  const { height } = graph.members.at(-1)!;
  if (isPassed || graph.members.length > MAX_TILED || linesOf(linksOf(graph, machine, 'tiles', cache)) > weightsLines(machine)) return best;
  for (let rows = 1; rows <= Math.ceil(height / 2); rows *= 2) {
    const plan = planTiles(graph, machine, rows, 'tiles', cache);
    if (!plan) break;
    consider(plan);
  }
  return best;
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

/** Tensors that never leave the chip. */
export function relayInside({ graph }: RelayPlan): number[] {
  const inside = graph.buffers.filter(({ isStored, isPlain, loaded, channels }) => !isStored && isPlain && !isLoaded(loaded, channels));
  return inside.map(({ tensor }) => tensor);
}

function isLoaded(loaded: RelayBuffer['loaded'], channels: number): boolean {
  return loaded.reduce((sum, { first, end }) => sum + end - first, 0) === channels;
}

function linksOf(graph: RelayGraph, machine: Machine, split: Split, cache: LinkCache): (LinkCost | undefined)[] {
  return graph.members.map((member) =>
    member.work ? chooseLink(member, graph.buffers[member.input.buffer]!.pitch, machine, split, cache) : undefined,
  );
}

function linesOf(links: readonly (LinkCost | undefined)[]): number {
  return links.reduce((sum, link) => sum + (link ? link.plan.groupLines * link.plan.blocks.length : 0), 0);
}

/** A plan with tiles of so many rows of the last member's result; undefined: everything at once. */
function planTiles(
  graph: RelayGraph,
  machine: Machine,
  tileRows: number | undefined,
  split: Split,
  cache: LinkCache,
): RelayPlan | undefined {
  const isTiled = tileRows !== undefined;
  const links = linksOf(graph, machine, split, cache);
  if (links.some((link, i) => link === undefined && graph.members[i]!.work !== undefined)) return undefined;
  const steps = orderSteps(graph, tileRows ?? graph.members.at(-1)!.height);
  const uses = findUses(graph, links, steps, machine.computeUnits);
  const inPlace = graph.inPlace.filter((m) => isReplaceable(graph, uses, m));
  const slotWords = Math.max(0, ...steps.map((step) => (inPlace.includes(step.member) ? slotWordsOf(step, graph, links, machine) : 0)));
  const rings = placeBuffers(graph, steps, uses, inPlace, RELAY_SLOTS * roundUp(slotWords), isTiled, mapsWords(machine));
  if (!rings) return undefined;
  const slotBases = slotWords > 0 ? Array.from({ length: RELAY_SLOTS }, (_, i) => i * roundUp(slotWords)) : [];
  const held = uses.map((byCu) => byCu.map((list) => mergeSpans(list.map(({ span }) => span))));
  const plan = { graph, links: links.map((link) => link?.plan), steps, held, ...rings, inPlace, slotBases, isTiled };
  return { ...plan, ...predict(plan, links, machine) };
}

/** Rows of every member's result tile by tile, as far as the tile needs them: a member's step is a slot behind those of its makers. */
function orderSteps({ members }: RelayGraph, tileRows: number): RelayStep[] {
  const makers = new Map<number, number[]>();
  const depths: number[] = [];
  members.forEach(({ input, other, destinations }, m) => {
    const from = [...(makers.get(input.buffer) ?? []), ...(other ? (makers.get(other.buffer) ?? []) : [])];
    depths[m] = 1 + Math.max(-1, ...from.map((maker) => depths[maker]!));
    for (const { buffer } of destinations) makers.set(buffer, [...(makers.get(buffer) ?? []), m]);
  });
  const done = members.map(() => 0);
  const last = members.at(-1)!;
  const tiles = Math.ceil(last.height / tileRows);
  const steps: RelayStep[] = [];
  for (let t = 0; t < tiles; t++) {
    const need = members.map(({ height }) => Math.ceil((height * (t + 1)) / tiles));
    const isNeeded = members.map(() => false);
    need[members.length - 1] = Math.min(last.height, (t + 1) * tileRows);
    for (let m = members.length - 1; m >= 0; m--) {
      const { input, other, work } = members[m]!;
      const end = need[m]!;
      const ask = (buffer: number, rows: number): void => {
        for (const maker of makers.get(buffer) ?? []) {
          if (maker >= m) continue;
          need[maker] = isNeeded[maker] ? Math.max(need[maker]!, rows) : rows;
          isNeeded[maker] = true;
        }
      };
      ask(input.buffer, work ? inputRows(work, 0, end).end : end);
      if (other) ask(other.buffer, other.isPixel ? 1 : end);
    }
    members.forEach((member, m) => {
      // Rows that nobody needs are made with the last tile.
      const end = t === tiles - 1 ? member.height : Math.max(done[m]!, need[m]!);
      if (end > done[m]!) steps.push({ member: m, first: done[m]!, end, slot: tiles > 1 ? t + depths[m]! : m });
      done[m] = end;
    });
  }
  return tiles > 1 ? steps.sort((a, b) => a.slot - b.slot || a.member - b.member) : steps;
}

/** Pixels of a step that a CU makes: its part of them, or all where the channels are split over the CUs. */
export function shareOf({ first, end }: RelayStep, { width }: RelayMember, cu: number, cus: number): Span {
  const pixels = (end - first) * width;
  const cut = (part: number): number => first * width + Math.round((pixels * part) / cus);
  return { from: cut(cu), to: cut(cu + 1) };
}

export function spanOf(step: RelayStep, member: RelayMember, link: LinkPlan | undefined, cu: number, cus: number): Span {
  return link && link.slots > 1 ? { from: step.first * member.width, to: step.end * member.width } : shareOf(step, member, cu, cus);
}

/** Pixels of its input that a member reads for some of its results. */
export function inputSpan({ work }: RelayMember, { from, to }: Span): Span {
  if (!work || isPixelwise(work)) return { from, to };
  const { inWidth, outWidth } = work.geometry;
  const rows = inputRows(work, Math.floor(from / outWidth), Math.floor((to - 1) / outWidth) + 1);
  return { from: rows.first * inWidth, to: rows.end * inWidth };
}

function isPixelwise({ geometry: g }: MacWork): boolean {
  return (
    g.kernelH === 1 &&
    g.kernelW === 1 &&
    g.strideH === 1 &&
    g.strideW === 1 &&
    g.padTop === 0 &&
    g.padLeft === 0 &&
    g.inWidth === g.outWidth
  );
}

/** Pixels of a buffer that a CU needs in a slot. */
interface Use {
  readonly span: Span;
  readonly slot: number;
  readonly member: number;
}

/** Of every buffer and CU: what it makes, reads and stores, slot by slot. */
function findUses(graph: RelayGraph, links: readonly (LinkCost | undefined)[], steps: readonly RelayStep[], cus: number): Use[][][] {
  const uses = graph.buffers.map(() => Array.from({ length: cus }, (): Use[] => []));
  for (const step of steps) {
    const member = graph.members[step.member]!;
    const { input, other, destinations } = member;
    for (let cu = 0; cu < cus; cu++) {
      const span = spanOf(step, member, links[step.member]?.plan, cu, cus);
      const share = shareOf(step, member, cu, cus);
      const add = (buffer: number, pixels: Span): void => {
        if (pixels.to > pixels.from) uses[buffer]![cu]!.push({ span: pixels, slot: step.slot, member: step.member });
      };
      // Vector work is in place; every CU stores its share.
      for (const { buffer } of destinations) add(buffer, member.stage.vec ? span : share);
      if (span.to === span.from) continue;
      add(input.buffer, inputSpan(member, span));
      if (other) add(other.buffer, other.isPixel ? { from: 0, to: 1 } : span);
    }
  }
  return uses;
}

/** Visits the rows that some pixels lie in. */
function eachRow({ from, to }: Span, width: number, visit: (row: number) => void): void {
  for (let row = Math.floor(from / width); row * width < to; row++) visit(row);
}

/** Has everybody else read a member's second operand, row by row, when its result is made? */
function isReplaceable({ members, buffers }: RelayGraph, uses: readonly (readonly (readonly Use[])[])[], m: number): boolean {
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
function slotWordsOf(step: RelayStep, { members }: RelayGraph, links: readonly (LinkCost | undefined)[], machine: Machine): number {
  const member = members[step.member]!;
  const { plan } = links[step.member]!;
  const pixels = Array.from({ length: machine.computeUnits }, (_, cu) => {
    const { from, to } = spanOf(step, member, plan, cu, machine.computeUnits);
    return (from % member.width) + to - from;
  });
  return Math.max(...pixels) * slotPitch(plan);
}

/** Words from pixel to pixel of a slot. */
export function slotPitch({ blocks, cuChannels }: LinkPlan): number {
  return Math.min(cuChannels, Math.max(...blocks.map(({ channels }) => channels)));
}

function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

/** Rings just large enough, and where they lie behind the slots; undefined where they do not fit. */
function placeBuffers(
  graph: RelayGraph,
  steps: readonly RelayStep[],
  uses: readonly (readonly (readonly Use[])[])[],
  inPlace: readonly number[],
  slotWords: number,
  isTiled: boolean,
  limit: number,
): { rings: RelayRing[]; words: number } | undefined {
  const { buffers, members } = graph;
  const made = buffers.map(({ height }) => new Float64Array(height).fill(Number.POSITIVE_INFINITY));
  for (const { member, first, end, slot } of steps) {
    for (const { buffer } of members[member]!.destinations) {
      for (let row = first; row < end; row++) made[buffer]![row] = Math.min(made[buffer]![row]!, slot);
    }
  }
  // Rows from DRAM come to all CUs that ever hold them, a slot before the first of these needs them.
  for (const [b, { loaded, width }] of buffers.entries()) {
    if (loaded.length === 0) continue;
    for (const { span, slot } of uses[b]!.flat()) eachRow(span, width, (row) => (made[b]![row] = Math.min(made[b]![row]!, slot - 1)));
  }
  const tallest = buffers.map(() => 1);
  for (const { work, input } of members) if (work) tallest[input.buffer] = Math.max(tallest[input.buffer]!, leastRingRows(work.geometry));
  // Buffers that take each other's place are one.
  const first = buffers.map((_, b) => b);
  for (const m of inPlace) {
    const from = first[members[m]!.other!.buffer]!;
    const to = first[members[m]!.destinations[0]!.buffer]!;
    first.forEach((group, b) => {
      if (group === to) first[b] = from;
    });
  }
  const groups = [...new Set(first)].map((group) => {
    const list = buffers.map((_, b) => b).filter((b) => first[b] === group);
    const { height, width, pitch } = buffers[group]!;
    const earliest = new Float64Array(height).map((_, row) => Math.min(...list.map((b) => made[b]![row]!)));
    const isLoaded = list.some((b) => buffers[b]!.loaded.length > 0);
    const byCu = uses[group]!.map((_, cu) => list.flatMap((b) => uses[b]![cu]!));
    const live = Math.max(...byCu.map((own) => liveRows({ height, width }, own, earliest)));
    const rows = Math.min(height, Math.max(live, ...list.map((b) => tallest[b]!)));
    const slots = byCu.flat().map(({ slot }) => slot);
    const life = isTiled ? { first: 0, last: 0 } : { first: Math.min(...slots), last: Math.max(...slots) };
    return { list, rows, size: roundUp(rows * width * pitch), isLoaded, ...life };
  });
  groups.sort((x, y) => y.size - x.size || x.list[0]! - y.list[0]!);
  // What comes from DRAM may come a step earlier, if there is room.
  for (const early of isTiled ? [0] : [1, 0]) {
    const placed: { start: number; end: number; first: number; last: number }[] = [];
    const rings: RelayRing[] = [];
    for (const { list, rows, size, isLoaded, first: begin, last } of groups) {
      const life = { first: begin - (isLoaded ? early : 0), last };
      const beside = placed.filter((other) => other.first <= life.last && life.first <= other.last).sort((x, y) => x.start - y.start);
      let start = slotWords;
      for (const other of beside) {
        if (other.start - start >= size) break;
        start = Math.max(start, other.end);
      }
      placed.push({ start, end: start + size, ...life });
      for (const b of list) rings[b] = { rows, base: start };
    }
    const words = Math.max(slotWords, ...placed.map(({ end }) => end));
    if (words <= limit) return { rings, words };
  }
  return undefined;
}

/** Rows of a buffer that a CU holds at a time: from the slot in which a row is made or loaded to the last that touches it. */
function liveRows({ width, height }: Pick<RelayBuffer, 'width' | 'height'>, uses: readonly Use[], made: Float64Array): number {
  const first = new Float64Array(height).fill(Number.POSITIVE_INFINITY);
  const last = new Float64Array(height).fill(Number.NEGATIVE_INFINITY);
  for (const { span, slot } of uses) {
    eachRow(span, width, (row) => {
      first[row] = Math.min(first[row]!, slot, made[row]!);
      last[row] = Math.max(last[row]!, slot);
    });
  }
  const slots = Math.max(0, ...uses.map(({ slot }) => slot)) + 1;
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

/** Cycles and bytes of a relay. */
function predict(
  { graph, steps, held, isTiled }: Pick<RelayPlan, 'graph' | 'steps' | 'held' | 'isTiled'>,
  links: readonly (LinkCost | undefined)[],
  machine: Machine,
): { cycles: number; bytes: number } {
  const { members, buffers } = graph;
  const cus = machine.computeUnits;
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  let bytes = 0;
  let apart = 0;
  let mac = 0;
  let vec = 0;
  let tasks = 0;
  const tables = new Set<string>();
  let look = 0;
  const stepsOf = members.map((_, m) => steps.filter(({ member }) => member === m).length);
  members.forEach(({ stage, height, width, channels }, m) => {
    const link = links[m];
    const chunks = height * width * Math.ceil(channels / LINE_WORDS);
    const cyclesOf = (op: string | undefined): number => (op === undefined ? 0 : op === 'table' ? 8 : 4.2);
    const vecCycles = (chunks * (cyclesOf(stage.vec?.op) + cyclesOf(stage.table?.op))) / cus;
    const count = stepsOf[m]!;
    const macCycles = link ? Math.max(link.cycles + count * link.plan.blocks.length * 30 * (isTiled ? 1 : 3), link.bus) : 0;
    const pieces = link ? link.plan.blocks.length * cus * (isTiled ? 1.5 : 3) : cus;
    tasks += count * pieces * (1 + (stage.vec ? 1 : 0) + (stage.table ? 1 : 0));
    mac += macCycles;
    vec += vecCycles;
    const own = link ? Math.max(macCycles, link.bytes / bandwidth) : 0;
    apart += Math.max(own, vecCycles) + Math.min(own, vecCycles) * 0.25 + HANDOVER_CYCLES;
    bytes += link?.bytes ?? 0;
    const table = stage.vec?.op === 'table' ? stage.vec : stage.table;
    if (table) {
      tables.add(`${table.table.base[0]} ${table.table.slope[0]} ${table.table.base[255]} ${table.table.slope[200]}`);
      look += count;
    }
  });
  buffers.forEach(({ loaded, channels, width, isStored, height }, b) => {
    if (isStored) bytes += (channels - loaded.reduce((sum, { first, end }) => sum + end - first, 0)) * height * width * 2 * 1.05;
    const rows = Math.max(0, ...held[b]!.flat().map(({ to }) => Math.ceil(to / width)));
    for (const { first, end } of loaded) {
      const lines = end - first === channels ? channels / LINE_WORDS : Math.ceil((end - first) / LINE_WORDS + 0.5);
      bytes += rows * width * lines * LINE_BYTES;
    }
  });
  const changes = tables.size <= 1 ? tables.size : isTiled ? look : tables.size;
  bytes += changes * TABLE_BYTES + tasks * INSTRUCTIONS * 4;
  const dispatch = tasks * INSTRUCTIONS;
  const waits = tables.size <= 1 ? 0 : changes * TABLE_CYCLES;
  const busy = isTiled ? Math.max(mac, vec) + steps.length * 20 : apart;
  return { cycles: Math.max(busy + waits, bytes / bandwidth, dispatch) + FIRST_CYCLES, bytes };
}
