/** What a band costs: cycles of its members on the MAC and vector units, bytes. Specification: docs/compiler.md, "Bands". */

import { LINE_BYTES, LINE_WORDS, type Machine } from '../../../machine/machine.ts';
import { TABLE_BYTES } from '../layout/table-image.ts';
import { blocksOf, imagesOf, regionsOf } from '../mac/blocks.ts';
import { MAC_INSTRUCTIONS } from '../mac/evaluate.ts';
import { hasAdjacentTaps, outputCycles, PixelCosts, parameterLines, tapLines } from '../mac/window-cost.ts';
import { SHORT_STORE_CYCLES } from '../stages/arrange-stores.ts';
import { isLookUp, type VecWork, vecWorks } from '../stages/stage.ts';
import type { BandBuffer, BandGraph, BandMember } from './band.ts';
import { columnsOfCu, sentColumns } from './band-columns.ts';
import type { BandPlan, BandRing } from './band-plan.ts';
import type { LinkPlan } from './chain.ts';

/** A member's cycles on its MAC unit and on its vector unit: a row of results in the CU with most columns. */
export interface MemberCost {
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
const CHANGE_CYCLES = 700;
/**
 * Of what a slot's MAC or vector work takes longer than the other: the part that no other slot makes up for, times the square of a tile's further slots, as the more there
 * are the shorter are the rings. From some 60 bands of ENet, which it gives with 3 % and less.
 */
const UNEVEN_SHARE = 0.12;
/** How much longer rows take to come and go than the memory does for their bytes: loads wait for room that stores make. */
const TURNS = 1.2;

/** The fastest lanes of a member's convolution, every CU with its columns and all channels. */
export function costOfMember(member: BandMember, input: BandBuffer, machine: Machine, cache: BandCache): MemberCost {
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

/** What the vector unit does for a member. Where the second operand has fewer words, those it lacks are summed apart, and the table comes behind. */
export function bandWorks({ stage, other, channels }: BandMember): VecWork[] {
  if (!other || other.channels >= channels || stage.isTableFirst) return vecWorks(stage);
  return [stage.vec, stage.table].filter((work) => work !== undefined);
}

/** Cycles and bytes. */
export function predictBand(
  { graph, rings, slots, pace }: Pick<BandPlan, 'graph' | 'rings' | 'slots' | 'pace'>,
  costs: readonly MemberCost[],
  machine: Machine,
): { cycles: number; bytes: number } {
  const { members, buffers } = graph;
  const cus = machine.computeUnits;
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  const tables = new Set<string>();
  // What is done in the same slot of a tile.
  const parts = Array.from({ length: pace }, () => ({ mac: 0, vec: 0 }));
  let [bytes, tasks, look, short] = [0, 0, 0, 0];
  members.forEach((member, m) => {
    const { height, width, channels, runs } = member;
    const { link, mac: cycles, weightBytes } = costs[m]!;
    const columns = Math.ceil(width / cus);
    const words = columns * channels;
    const operations = bandWorks(member);
    let own = 0;
    for (const work of operations) {
      const taps = work.op === 'max' ? work.geometry.kernelH * work.geometry.kernelW : 1;
      const perChunk = isLookUp(work) ? TABLE_CYCLES : Math.max(VEC_CYCLES, TAP_CYCLES * taps);
      const chunks = isOneRun(graph, member, work) ? Math.ceil(words / LINE_WORDS) : columns * Math.ceil(channels / LINE_WORDS);
      own += Math.max(LEAST_CYCLES, chunks * perChunk + VEC_OVERHEAD);
      if (!isLookUp(work)) continue;
      const { base, slope } = work.table;
      tables.add(`${base[0]} ${slope[0]} ${base[255]} ${slope[255]} ${base[127]} ${slope[200]}`);
      look += height;
    }
    const copies = copiesOf(member, rings[member.buffer]!, cus);
    const part = parts[slots[m]![0]! % pace]!;
    part.mac += height * cycles;
    part.vec += height * (own + copies * (LEAST_CYCLES + VEC_OVERHEAD));
    bytes += weightBytes + (member.isStored ? height * width * channels * 2 * buffers[member.buffer]!.zoom ** 2 : 0);
    short += height * width * runs.reduce((sum, run) => sum + Math.max(0, SHORT_STORE_CYCLES - (run * 2) / bandwidth), 0);
    tasks += height * cus * ((link ? link.blocks.length : 0) + operations.length + copies + (member.isStored ? 1 : 0));
  });
  buffers.forEach(({ isLoaded, height, channels }, b) => {
    if (!isLoaded) return;
    const columns = rings[b]!.held.every(({ from, to }) => to - from === buffers[b]!.width) ? buffers[b]!.width : rings[b]!.width * cus;
    bytes += height * columns * channels * 2;
    tasks += height * cus;
  });
  const changes = tables.size <= 1 ? tables.size : look;
  bytes += changes * TABLE_BYTES + tasks * MAC_INSTRUCTIONS * 4;
  const end = Math.max(...slots.map((own) => own.at(-1)!)) + 1;
  const tiles = Math.min(...members.map(({ height }) => height));
  // Until the last member has its first row, and when the first has its last, units wait for each other.
  const depth = Math.max(1, end - tiles * pace + pace - 1);
  const fill = parts.reduce((sum, { mac, vec }) => sum + Math.min(mac, vec), 0) / tiles + depth * WAIT_CYCLES;
  const total = parts.reduce((sum, { mac, vec }) => ({ mac: sum.mac + mac, vec: sum.vec + vec }), { mac: 0, vec: 0 });
  const least = Math.max(total.mac, total.vec);
  const uneven = parts.reduce((sum, { mac, vec }) => sum + Math.max(mac, vec), -least);
  const waits = UNEVEN_SHARE * (pace - 1) ** 2 * uneven;
  const busy = least + waits + short + fill + changes * (tables.size <= 1 ? 0 : CHANGE_CYCLES);
  return { cycles: Math.max(busy, (bytes * TURNS) / bandwidth, tasks * MAC_INSTRUCTIONS) + FIRST_CYCLES, bytes };
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
