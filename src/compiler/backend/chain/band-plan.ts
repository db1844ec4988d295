/**
 * The plan of a band: in which order rows are made, which columns each CU makes and holds, rings of rows, and what it costs. Specification: docs/compiler.md, "Bands".
 */
import { LINE_BYTES, LINE_WORDS, type Machine, mapsWords, weightsLines } from '../../../machine/machine.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { blocksOf, imagesOf, regionsOf } from '../mac/blocks.ts';
import { leastRingRows } from '../mac/source-walk.ts';
import { inputRows } from '../mac/tile-rows.ts';
import { hasAdjacentTaps, outputCycles, PixelCosts, parameterLines, tapLines } from '../mac/window-cost.ts';
import type { Geometry, VecWork } from '../stages/stage.ts';
import type { BandBuffer, BandGraph, BandMember } from './band.ts';
import type { LinkPlan } from './chain.ts';

/** Columns [from, to). */
export interface ColumnRange {
  readonly from: number;
  readonly to: number;
}

/** A row of a member's result. Steps of one slot do not wait for each other. */
export interface BandStep {
  readonly member: number;
  readonly row: number;
  readonly slot: number;
}

/** A buffer's rows in every CU. */
export interface BandRing {
  readonly rows: number;
  /** Columns of a row, and the one at its beginning by CU. */
  readonly width: number;
  readonly left: readonly number[];
  /** Columns that a CU makes or reads. */
  readonly held: readonly ColumnRange[];
  /** First word, from the band's. */
  readonly base: number;
}

export interface BandPlan {
  readonly graph: BandGraph;
  readonly links: readonly (LinkPlan | undefined)[];
  /** Of every member: the slots of its rows. */
  readonly slots: readonly Int32Array[];
  /** Slots of a tile. */
  readonly pace: number;
  readonly rings: readonly BandRing[];
  readonly words: number;
  readonly cycles: number;
  readonly bytes: number;
}

/** A member's cycles on its MAC unit and on its vector unit: a row of results in the CU with most columns. */
interface MemberCost {
  readonly link: LinkPlan | undefined;
  readonly mac: number;
  readonly weightBytes: number;
}

/** Choices made before, by stage and pitch. */
export type BandCache = Map<string, MemberCost>;

/** Cycles of a descriptor besides its windows, and the least it takes. */
const MAC_OVERHEAD = 6;
const LEAST_CYCLES = 72;
const VEC_OVERHEAD = 14;
/** Cycles of the vector units for 16 words. */
const VEC_CYCLES = 4.1;
const TABLE_CYCLES = 8;
/** Of a pool for a tap: port B has others to serve. */
const TAP_CYCLES = 1.4;
/** From the start of a member's first row to that of the next one's besides the work, and what begins and ends a band with nothing beside it; a table that is not there. */
const WAIT_CYCLES = 150;
const FIRST_CYCLES = 600;
const TABLE_BYTES = 2048 * 4;
const CHANGE_CYCLES = 700;
/** How much of the time in which units of a slot wait for each other nothing else is done, for every slot of a tile beyond the first. */
const SLOT_SHARE = 0.08;
/** No slot. */
const NEVER = 2 ** 30;
/** Instructions of a descriptor. */
const INSTRUCTIONS = 14;

/** First column of a CU's share of a map. */
function cutOf(width: number, cu: number, cus: number): number {
  return Math.floor((width * cu) / cus);
}

/** Columns of a member's result that a CU makes. */
export function columnsOfCu({ width }: BandMember, cu: number, cus: number): ColumnRange {
  return { from: cutOf(width, cu, cus), to: cutOf(width, cu + 1, cus) };
}

/** Columns of its input that a member reads for some of its results. */
function inputColumns({ stage: { mac, vec } }: BandMember, { from, to }: ColumnRange): ColumnRange {
  const g: Geometry | undefined = mac?.geometry ?? (vec?.op === 'max' ? vec.geometry : undefined);
  if (!g) return { from, to };
  const first = Math.max(0, from * g.strideW - g.padLeft);
  const end = Math.min(g.inWidth, (to - 1) * g.strideW - g.padLeft + (g.kernelW - 1) * g.dilationW + 1);
  return { from: Math.min(first, g.inWidth - 1), to: Math.max(end, Math.min(first, g.inWidth - 1) + 1) };
}

/** Rows of its input that a member reads for a row of its result. */
export function inputRowsOf({ stage: { mac, vec } }: BandMember, row: number): { first: number; end: number } {
  if (mac) return inputRows(mac, row, row + 1);
  if (vec?.op !== 'max') return { first: row, end: row + 1 };
  const { geometry: g } = vec;
  const first = Math.min(g.inHeight - 1, Math.max(0, row * g.strideH - g.padTop));
  return { first, end: Math.max(first + 1, Math.min(g.inHeight, row * g.strideH - g.padTop + (g.kernelH - 1) * g.dilationH + 1)) };
}

/** Row of its buffer in which a row of a member's result lies. */
export function rowOf({ place }: BandMember, row: number): number {
  return row * place.rowScale + place.row;
}

/**
 * How far members are behind each other, in slots of which a tile has `pace`: the more, the fewer rows, and the sooner a member needs what another one has just made. Rows
 * that CUs share are whole in all of them, or each has its columns, which others send. In the order in which they are tried.
 */
const WAYS = [
  { pace: 1, isWhole: true },
  { pace: 1, isWhole: false },
  { pace: 2, isWhole: false },
  { pace: 3, isWhole: false },
  { pace: 4, isWhole: false },
] as const;

/** The first plan that fits; undefined when none does. */
export function planBand(graph: BandGraph, machine: Machine, cache: BandCache): BandPlan | undefined {
  const cus = machine.computeUnits;
  const costs = graph.members.map((member) => costOfMember(member, graph.buffers[member.input.buffer]!, machine, cache));
  const lines = costs.reduce((sum, { link }) => sum + (link ? link.groupLines * link.blocks.length : 0), 0);
  if (lines > weightsLines(machine)) return undefined;
  const held = graph.buffers.map((_, b) => heldColumns(graph, b, cus));
  const shared = held.map((own, b) => isShared(graph, b, own, cus));
  for (const { pace, isWhole } of WAYS) {
    const slots = slotsOfRows(graph, pace);
    const rows = ringRows(graph, slots, pace);
    let words = 0;
    const rings = graph.buffers.map(({ width, pitch }, b): BandRing => {
      const inAll = isWhole && shared[b]!;
      const own = inAll ? held[b]!.map(() => ({ from: 0, to: width })) : held[b]!;
      const ringWidth = Math.max(...own.map(({ from, to }) => to - from));
      const left = own.map(({ from }) => Math.min(from, width - ringWidth));
      const base = words;
      words += roundUp(rows[b]! * ringWidth * pitch);
      return { rows: rows[b]!, width: ringWidth, left, held: own, base };
    });
    if (words > mapsWords(machine)) continue;
    const plan = { graph, links: costs.map(({ link }) => link), slots, pace, rings, words };
    return { ...plan, ...predict(plan, costs, machine) };
  }
  return undefined;
}

/** Columns that every CU makes or reads of a buffer, hulls. */
function heldColumns({ members, buffers }: BandGraph, b: number, cus: number): ColumnRange[] {
  const { zoom } = buffers[b]!;
  return Array.from({ length: cus }, (_, cu) => {
    let [from, to] = [Number.POSITIVE_INFINITY, 0];
    const add = (range: ColumnRange): void => {
      if (range.to <= range.from) return;
      from = Math.min(from, range.from);
      to = Math.max(to, range.to);
    };
    for (const member of members) {
      const own = columnsOfCu(member, cu, cus);
      if (own.to === own.from) continue;
      if (member.buffer === b) add(madeColumns(member, own));
      if (member.input.buffer === b) add(inputColumns(member, own));
      if (member.other?.buffer === b) add({ from: Math.floor(own.from / zoom), to: Math.floor((own.to - 1) / zoom) + 1 });
    }
    return to > from ? { from, to } : { from: 0, to: 0 };
  });
}

/** Columns of its buffer that a member writes. */
export function madeColumns({ place }: BandMember, { from, to }: ColumnRange): ColumnRange {
  return { from: from * place.columnScale + place.column, to: (to - 1) * place.columnScale + place.column + 1 };
}

/** Does a CU read columns that another one makes? */
function isShared({ members, buffers }: BandGraph, b: number, held: readonly ColumnRange[], cus: number): boolean {
  if (buffers[b]!.isLoaded) return held.some(({ from }, cu) => cu > 0 && from < held[cu - 1]!.to);
  return members.some(
    (member) =>
      member.buffer === b &&
      held.some((range, cu) => {
        const foreign = Array.from({ length: cus }, (_, other) => sentColumns(member, columnsOfCu(member, other, cus), range));
        return foreign.some(({ from, to }, other) => other !== cu && to > from);
      }),
  );
}

/** Of a CU's results, those whose columns are among the held ones of another. */
export function sentColumns({ place }: BandMember, own: ColumnRange, held: ColumnRange): ColumnRange {
  const from = Math.max(own.from, Math.ceil((held.from - place.column) / place.columnScale));
  const to = Math.min(own.to, Math.ceil((held.to - place.column) / place.columnScale));
  return to > from ? { from, to } : { from: own.from, to: own.from };
}

/**
 * Slots of the rows of every member's result: tile by tile, as far as the tile needs them, a member's a slot behind those of its makers. A tile is a row of the lowest
 * map, and takes `pace` slots.
 */
function slotsOfRows({ members, buffers }: BandGraph, pace: number): Int32Array[] {
  const makers: number[][] = buffers.map(() => []);
  for (const [m, { buffer }] of members.entries()) makers[buffer]!.push(m);
  const depths: number[] = [];
  members.forEach(({ input, other }, m) => {
    depths[m] = 0;
    for (const maker of [...makers[input.buffer]!, ...(other ? makers[other.buffer]! : [])])
      if (maker < m) depths[m] = Math.max(depths[m]!, depths[maker]! + 1);
  });
  const tiles = Math.min(...members.map(({ height }) => height));
  const slots = members.map(({ height }) => new Int32Array(height));
  const done = new Int32Array(members.length);
  const need = new Int32Array(members.length);
  const isNeeded = new Uint8Array(members.length);
  for (let t = 0; t < tiles; t++) {
    isNeeded.fill(0);
    for (const [m, { height }] of members.entries()) need[m] = Math.ceil((height * (t + 1)) / tiles);
    for (let m = members.length - 1; m >= 0; m--) {
      const member = members[m]!;
      const ask = (buffer: number, rows: number): void => {
        for (const maker of makers[buffer]!) {
          if (maker >= m) continue;
          const { place } = members[maker]!;
          const own = Math.max(0, Math.ceil((rows - place.row) / place.rowScale));
          need[maker] = isNeeded[maker] ? Math.max(need[maker]!, own) : own;
          isNeeded[maker] = 1;
        }
      };
      if (need[m] === 0) continue;
      ask(member.input.buffer, inputRowsOf(member, need[m]! - 1).end);
      if (member.other) ask(member.other.buffer, Math.ceil(need[m]! / buffers[member.other.buffer]!.zoom));
    }
    for (const [m, { height }] of members.entries()) {
      // Rows that nobody needs are made with the last tile.
      const end = t === tiles - 1 ? height : Math.max(done[m]!, Math.min(height, need[m]!));
      slots[m]!.fill(t * pace + depths[m]!, done[m]!, end);
      done[m] = end;
    }
  }
  return slots;
}

/** All rows in the order in which they are made. */
export function stepsOfBand({ slots }: Pick<BandPlan, 'slots'>): BandStep[] {
  const steps = slots.flatMap((own, member) => Array.from(own, (slot, row): BandStep => ({ member, row, slot })));
  return steps.sort((a, b) => a.slot - b.slot || a.member - b.member || a.row - b.row);
}

/**
 * Rows of every buffer's ring: from the first that is still read to the last that is made, or loaded half a tile ahead (a slot at least). Where a tile is one slot, a row at least is free for
 * the next tile's: nothing else may be there to do until the vector unit and the store have done with the one before.
 */
function ringRows({ members, buffers }: BandGraph, slots: readonly Int32Array[], pace: number): number[] {
  const made = buffers.map(({ height }) => new Int32Array(height).fill(NEVER));
  const last = buffers.map(({ height }) => new Int32Array(height).fill(-1));
  let count = 0;
  const touch = (buffer: number, row: number, from: number, slot: number): void => {
    if (from < made[buffer]![row]!) made[buffer]![row] = from;
    if (slot > last[buffer]![row]!) last[buffer]![row] = slot;
  };
  for (const [m, member] of members.entries()) {
    const { input, other, buffer } = member;
    const ahead = (b: number): number => (buffers[b]!.isLoaded ? Math.ceil(pace / 2) : 0);
    for (const [row, slot] of slots[m]!.entries()) {
      count = Math.max(count, slot + 1);
      touch(buffer, rowOf(member, row), slot, slot);
      const rows = inputRowsOf(member, row);
      for (let r = rows.first; r < rows.end; r++) touch(input.buffer, r, slot - ahead(input.buffer), slot);
      if (other) touch(other.buffer, Math.floor(row / buffers[other.buffer]!.zoom), slot - ahead(other.buffer), slot);
    }
  }
  const least = buffers.map((): number => (pace === 1 ? 2 : 1));
  for (const { input, stage } of members) {
    const g = stage.mac?.geometry ?? (stage.vec?.op === 'max' ? stage.vec.geometry : undefined);
    if (g) least[input.buffer] = Math.max(least[input.buffer]!, leastRingRows(g));
  }
  const low = new Int32Array(count);
  const high = new Int32Array(count);
  return buffers.map(({ height }, b) => {
    low.fill(NEVER);
    high.fill(-1);
    for (let row = 0; row < height; row++) {
      for (let slot = Math.max(0, made[b]![row]!); slot <= last[b]![row]!; slot++) {
        if (row < low[slot]!) low[slot] = row;
        high[slot] = row;
      }
    }
    let most = least[b]!;
    for (let slot = 0; slot < count; slot++) if (high[slot]! >= 0) most = Math.max(most, high[slot]! - low[slot]! + 1);
    return Math.min(height, most);
  });
}

/** The fastest lanes of a member's convolution, every CU with its columns and all channels. */
function costOfMember(member: BandMember, input: BandBuffer, machine: Machine, cache: BandCache): MemberCost {
  const key = `${member.index} ${input.pitch}`;
  const known = cache.get(key);
  if (known) return known;
  let best: MemberCost = { link: undefined, mac: Number.POSITIVE_INFINITY, weightBytes: 0 };
  const work = member.stage.mac;
  const cus = machine.computeUnits;
  const columns = Math.ceil(member.width / cus);
  if (!work) best = { ...best, mac: 0 };
  for (const lanes of !work ? [] : work.depthwise ? [1] : [1, 2, 4, 8, LINE_WORDS]) {
    const adjacent = hasAdjacentTaps(work!, input.pitch);
    const groupLines = parameterLines(lanes) + tapLines(work!, lanes, adjacent);
    const blocks = blocksOf(work!, lanes, 1, regionsOf(work!, work!.geometry));
    const perPixel = Math.max(outputCycles(lanes), new PixelCosts(work!, lanes, adjacent).total / (member.height * member.width));
    const row = Math.max(LEAST_CYCLES, columns * perPixel + MAC_OVERHEAD + parameterLines(lanes));
    const mac = blocks.length * row;
    const weightBytes = blocks.reduce((sum, { channels }) => sum + groupLines * imagesOf(channels, lanes) * LINE_BYTES, 0);
    const link: LinkPlan = { lanes, parts: cus, slots: 1, adjacent, pixelPitch: input.pitch, groupLines, cuChannels: 64 / lanes, blocks };
    if (mac < best.mac) best = { link, mac, weightBytes };
  }
  cache.set(key, best);
  return best;
}

/** Do all operands of a vector unit, and what it makes, lie word by word, so that pixels of few channels need not be taken one by one? */
export function isOneRun(
  { buffers }: BandGraph,
  { buffer, place, input, other, channels, stage: { mac } }: BandMember,
  work: VecWork,
): boolean {
  if (work.op === 'max' || place.columnScale > 1 || (other && buffers[other.buffer]!.zoom > 1)) return false;
  return [buffer, ...(mac ? [] : [input.buffer]), ...(other ? [other.buffer] : [])].every((b) => buffers[b]!.pitch === channels);
}

/** Cycles and bytes. */
function predict(
  { graph, rings, slots, pace }: Pick<BandPlan, 'graph' | 'rings' | 'slots' | 'pace'>,
  costs: readonly MemberCost[],
  machine: Machine,
): { cycles: number; bytes: number } {
  const { members, buffers } = graph;
  const cus = machine.computeUnits;
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  const tables = new Set<string>();
  // What is done in the same slot of a tile, and when its vector work ends if every member's begins behind its MACs.
  const parts = Array.from({ length: pace }, () => ({ mac: 0, vec: 0, end: 0 }));
  let [bytes, tasks, look] = [0, 0, 0];
  members.forEach((member, m) => {
    const { stage, height, width, channels } = member;
    const { link, mac: cycles, weightBytes } = costs[m]!;
    const columns = Math.ceil(width / cus);
    const words = columns * channels;
    const operations = [stage.vec, stage.table].flatMap((work) => (work ? [work] : []));
    let own = 0;
    for (const work of operations) {
      const taps = work.op === 'max' ? work.geometry.kernelH * work.geometry.kernelW : 1;
      const perChunk = work.op === 'table' ? TABLE_CYCLES : Math.max(VEC_CYCLES, TAP_CYCLES * taps);
      const chunks = isOneRun(graph, member, work) ? Math.ceil(words / LINE_WORDS) : columns * Math.ceil(channels / LINE_WORDS);
      own += Math.max(LEAST_CYCLES, chunks * perChunk + VEC_OVERHEAD);
      if (work.op !== 'table') continue;
      const { base, slope } = work.table;
      tables.add(`${base[0]} ${slope[0]} ${base[255]} ${slope[255]} ${base[127]} ${slope[200]}`);
      look += height;
    }
    const copies = copiesOf(member, rings[member.buffer]!, cus);
    const part = parts[slots[m]![0]! % pace]!;
    part.mac += height * cycles;
    const vec = height * (own + copies * (LEAST_CYCLES + VEC_OVERHEAD));
    part.vec += vec;
    part.end = Math.max(part.end, part.mac) + vec;
    bytes += weightBytes + (member.isStored ? height * width * channels * 2 * buffers[member.buffer]!.zoom ** 2 : 0);
    tasks += height * cus * ((link ? link.blocks.length : 0) + operations.length + copies + (member.isStored ? 1 : 0));
  });
  buffers.forEach(({ isLoaded, height, channels }, b) => {
    if (!isLoaded) return;
    const columns = rings[b]!.held.every(({ from, to }) => to - from === buffers[b]!.width) ? buffers[b]!.width : rings[b]!.width * cus;
    bytes += height * columns * channels * 2;
    tasks += height * cus;
  });
  const changes = tables.size <= 1 ? tables.size : look;
  bytes += changes * TABLE_BYTES + tasks * INSTRUCTIONS * 4;
  const end = Math.max(...slots.map((own) => own.at(-1)!)) + 1;
  const tiles = Math.min(...members.map(({ height }) => height));
  // Until the last member has its first row, and when the first has its last, units wait for each other.
  const depth = Math.max(1, end - tiles * pace + pace - 1);
  const fill = parts.reduce((sum, { mac, vec }) => sum + Math.min(mac, vec), 0) / tiles + depth * WAIT_CYCLES;
  // The more slots a tile has, the more the next one's work waits for that end.
  const share = SLOT_SHARE * (pace - 1);
  const busy =
    parts.reduce((sum, { mac, vec, end: last }) => sum + Math.max(mac, vec) * (1 - share) + Math.max(mac, last) * share, 0) +
    fill +
    changes * (tables.size <= 1 ? 0 : CHANGE_CYCLES);
  return { cycles: Math.max(busy, bytes / bandwidth, tasks * INSTRUCTIONS) + FIRST_CYCLES, bytes };
}

/** Descriptors with which a CU sends its columns of a row to others that have places of their own for them. */
function copiesOf(member: BandMember, ring: BandRing, cus: number): number {
  if (ring.left.every((left) => left === ring.left[0])) return 0;
  let most = 0;
  for (let cu = 0; cu < cus; cu++) {
    const own = columnsOfCu(member, cu, cus);
    const count = ring.held.filter((held, other) => {
      const { from, to } = sentColumns(member, own, held);
      return other !== cu && to > from;
    }).length;
    most = Math.max(most, count);
  }
  return most;
}
