/**
 * The plan of a band: in which order rows are made, and the rings of rows that each CU has of its columns. Specification: docs/compiler.md, "Bands".
 */
import { type Machine, mapsWords, weightsLines } from '../../../machine/machine.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { leastRingRows } from '../mac/source-walk.ts';
import type { BandGraph } from './band.ts';
import { type ColumnRange, heldColumns, isShared } from './band-columns.ts';
import { type BandCache, costOfMember, predictBand } from './band-cost.ts';
import { inputRowsOf, rowOf } from './band-rows.ts';
import { findSumsInPlace } from './band-sums.ts';
import type { LinkPlan } from './chain.ts';

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
  /** Members whose rows take the place of their second operand's, whose ring is theirs; rows of MAC results wait for it in slots, which take turns. */
  readonly inPlace: readonly number[];
  readonly slotBases: readonly number[];
  readonly words: number;
  readonly cycles: number;
  readonly bytes: number;
}

/** Slots for rows of MAC results that wait for their second operand: with one, ENet's bands took up to an eighth longer, as MAC units waited for the vector units. */
const ROW_SLOTS = 2;
/** No slot. */
const NEVER = 2 ** 30;

/**
 * How far members are behind each other, in slots of which a tile has `pace`: the more, the fewer rows, and the sooner a member needs what another one has just made. Rows
 * that CUs share are whole in all of them, or each has its columns, which others send. Sums in place take fewer rows, but for their slots. In the order in which they are tried.
 */
const WAYS = [
  { pace: 1, isWhole: true, hasSlot: false },
  ...[1, 2, 3, 4].flatMap((pace) => [false, true].map((hasSlot) => ({ pace, isWhole: false, hasSlot }))),
];

/** The first plan that fits; undefined when none does. */
export function planBand(graph: BandGraph, machine: Machine, cache: BandCache): BandPlan | undefined {
  const cus = machine.computeUnits;
  const costs = graph.members.map((member) => costOfMember(member, graph.buffers[member.input.buffer]!, machine, cache));
  const lines = costs.reduce((sum, { link }) => sum + (link ? link.groupLines * link.blocks.length : 0), 0);
  if (lines > weightsLines(machine)) return undefined;
  const held = graph.buffers.map((_, b) => heldColumns(graph, b, cus));
  const shared = held.map((own, b) => isShared(graph, b, own, cus));
  const [tiles, depths] = [tilesOfRows(graph), depthsOf(graph)];
  for (const { pace, isWhole, hasSlot } of WAYS) {
    const slots = tiles.map((own, m) => own.map((tile) => tile * pace + depths[m]!));
    const inPlace = hasSlot ? findSumsInPlace(graph, slots, held, shared) : [];
    if (hasSlot && inPlace.length === 0) continue;
    const ringOf = findRings(graph, inPlace);
    const rows = ringRows(graph, slots, pace, ringOf);
    let words = 0;
    const rings: BandRing[] = [];
    // A ring's first buffer is the first of its buffers.
    graph.buffers.forEach(({ width, pitch }, b) => {
      const inAll = isWhole && shared[b]!;
      const own = inAll ? held[b]!.map(() => ({ from: 0, to: width })) : held[b]!;
      const ringWidth = Math.max(...own.map(({ from, to }) => to - from));
      const left = own.map(({ from }) => Math.min(from, width - ringWidth));
      const isOwn = ringOf[b] === b;
      rings.push({ rows: rows[ringOf[b]!]!, width: ringWidth, left, held: own, base: isOwn ? words : rings[ringOf[b]!]!.base });
      if (isOwn) words += roundUp(rows[b]! * ringWidth * pitch);
    });
    const slotWords = Math.max(0, ...inPlace.map((m) => roundUp(rowWordsOf(graph, rings, m))));
    const slotBases = inPlace.length > 0 ? Array.from({ length: ROW_SLOTS }, (_, i) => words + i * slotWords) : [];
    words += slotBases.length * slotWords;
    if (words > mapsWords(machine)) continue;
    const plan = { graph, links: costs.map(({ link }) => link), slots, pace, rings, inPlace, slotBases, words };
    return { ...plan, ...predictBand(plan, costs, machine) };
  }
  return undefined;
}

/** Of every buffer the one whose ring it has: a sum's in place is its second operand's, made before. */
function findRings({ members, buffers }: BandGraph, inPlace: readonly number[]): number[] {
  const ringOf = buffers.map((_, b) => b);
  for (const m of inPlace) ringOf[members[m]!.buffer] = ringOf[members[m]!.other!.buffer]!;
  return ringOf;
}

/** Words of a row of a member's results in a CU. */
export function rowWordsOf({ members, buffers }: BandGraph, rings: readonly BandRing[], m: number): number {
  const { buffer } = members[m]!;
  return rings[buffer]!.width * buffers[buffer]!.pitch;
}

/** Of every member how many others are in front of it, one behind the other: in slots, how far it is behind those that read DRAM. */
function depthsOf(graph: BandGraph): number[] {
  const makers = makersOf(graph);
  const depths: number[] = [];
  graph.members.forEach(({ input, other }, m) => {
    depths[m] = 0;
    for (const maker of [...makers[input.buffer]!, ...(other ? makers[other.buffer]! : [])])
      if (maker < m) depths[m] = Math.max(depths[m]!, depths[maker]! + 1);
  });
  return depths;
}

/** Members that make a buffer. */
function makersOf({ members, buffers }: BandGraph): number[][] {
  const makers: number[][] = buffers.map(() => []);
  for (const [m, { buffer }] of members.entries()) makers[buffer]!.push(m);
  return makers;
}

/** Tiles of the rows of every member's result, each a row of the lowest map with what it needs of the others. */
function tilesOfRows(graph: BandGraph): Int32Array[] {
  const { members, buffers } = graph;
  const makers = makersOf(graph);
  const tiles = Math.min(...members.map(({ height }) => height));
  const tileOf = members.map(({ height }) => new Int32Array(height));
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
      tileOf[m]!.fill(t, done[m]!, end);
      done[m] = end;
    }
  }
  return tileOf;
}

/** All rows in the order in which they are made. */
export function stepsOfBand({ slots }: Pick<BandPlan, 'slots'>): BandStep[] {
  const steps = slots.flatMap((own, member) => Array.from(own, (slot, row): BandStep => ({ member, row, slot })));
  return steps.sort((a, b) => a.slot - b.slot || a.member - b.member || a.row - b.row);
}

/**
 * Rows of every buffer's ring (`ringOf`: the buffer whose ring it has): from the first that is still read to the last that is made, or loaded half a tile ahead (a slot at least). Where a tile is one slot, a row at least is free for
 * the next tile's: nothing else may be there to do until the vector unit and the store have done with the one before.
 */
function ringRows({ members, buffers }: BandGraph, slots: readonly Int32Array[], pace: number, ringOf: readonly number[]): number[] {
  const made = buffers.map(({ height }) => new Int32Array(height).fill(NEVER));
  const last = buffers.map(({ height }) => new Int32Array(height).fill(-1));
  let count = 0;
  const touch = (b: number, row: number, from: number, slot: number): void => {
    const buffer = ringOf[b]!;
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
    const ring = ringOf[input.buffer]!;
    if (g) least[ring] = Math.max(least[ring]!, leastRingRows(g));
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
