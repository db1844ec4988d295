/**
 * Cells: consecutive stages on single pixels (a recurrent layer, written out position by position) run as one step. Their vectors pass from unit to unit
 * through the maps buffers; nothing waits for DRAM. Which stages can be members, and what one of their operations reads and writes.
 * Specification: docs/compiler.md, "Cells".
 */
import { LINE_WORDS, type Machine, mapsWords, weightsLines } from '../../machine/machine.ts';
import { blocksOf } from './blocks.ts';
import type { LinkPlan } from './chain.ts';
import { type DramLayout, rootOfTensor } from './dram-layout.ts';
import {
  isPairWork,
  type MacWork,
  type PairWork,
  type Stage,
  type StageGraph,
  tensorsRead,
  tensorsWritten,
  type VecWork,
} from './stage.ts';
import { outputCycles, parameterLines, tapLines } from './window-cost.ts';

/** A vector, or a sequence of them, in the maps buffers of the CUs that need it. */
export interface CellValue {
  readonly id: number;
  readonly words: number;
  /** Words from vector to vector of a sequence. */
  readonly pitch: number;
  /** The operations that make it; none: it is loaded. */
  readonly makers: readonly number[];
  /** Loaded: the tensor. Made: the tensor that is stored, if it is. */
  readonly tensor: number;
  readonly isStored: boolean;
}

/** Words of a vector from `offset` on. */
export interface CellOperand {
  readonly value: number;
  readonly offset: number;
}

/** One pass of the MAC units, or one piece of work of one vector unit. */
export interface CellOp {
  readonly id: number;
  /** Index into the members. */
  readonly member: number;
  readonly input: CellOperand;
  readonly other: CellOperand | undefined;
  readonly output: number;
  /** Words that it makes, of every vector; MAC units: those of these blocks. */
  readonly words: number;
  readonly blocks: readonly [first: number, end: number];
  /** Vectors of a sequence that it makes. */
  readonly pixels: number;
  /** Operations that make what it reads. */
  readonly needs: readonly number[];
  /** Work of a vector unit; none: of the MAC units. */
  readonly vec: Exclude<VecWork, { op: 'max' | 'copy' }> | undefined;
}

export interface CellMember {
  /** Stage index. */
  readonly index: number;
  readonly stage: Stage;
  readonly link: LinkPlan | undefined;
}

/** A run of members with their operations, in an order in which they can run. */
export interface Cell {
  readonly members: readonly CellMember[];
  readonly ops: readonly CellOp[];
  readonly values: readonly CellValue[];
}

/** Fewer members are not worth a step of their own. */
const MIN_MEMBERS = 4;

/** Part of the maps buffers that sequences may fill. */
const SEQUENCE_SHARE = 2 / 3;
/** What a line of weights counts, and what part of a block's cycles, for the lanes of a sequence: others wait while a block is at work. */
const LOAD_WEIGHT = 16;
const BLOCK_WEIGHT = 4;

/** Words [first, end) of a root in DRAM. */
interface Extent {
  readonly root: number;
  readonly first: number;
  readonly end: number;
}

/** Runs of consecutive stages that can be a cell, from the left. */
export function findCells(graph: StageGraph, layout: DramLayout, machine: Machine): Cell[] {
  const cells: Cell[] = [];
  const readersOf = new Map<number, number[]>();
  /** Roots that something but single pixels is read of. */
  const read = new Set<number>(layout.ends);
  graph.stages.forEach((stage, index) => {
    for (const tensor of tensorsRead(stage)) {
      const root = rootOfTensor(layout, tensor);
      readersOf.set(root, [...(readersOf.get(root) ?? []), index]);
      if (!isVector(graph, tensor)) read.add(root);
    }
  });
  let builder = new CellBuilder(graph, layout, machine, read);
  const close = (): void => {
    if (builder.vectors >= MIN_MEMBERS) cells.push(builder.finish(readersOf));
    builder = new CellBuilder(graph, layout, machine, read);
  };
  graph.stages.forEach((stage, index) => {
    if (builder.add(stage, index)) return;
    close();
    builder.add(stage, index);
  });
  close();
  return cells;
}

class CellBuilder {
  readonly members: CellMember[] = [];
  /** Members that work on single pixels. */
  vectors = 0;
  private readonly ops: CellOp[] = [];
  private readonly values: CellValue[] = [];
  /** Values by the words that they have in DRAM. */
  private readonly extents: { readonly extent: Extent; readonly value: number; readonly isMade: boolean }[] = [];
  private readonly byTensor = new Map<number, CellOperand>();
  private readonly graph: StageGraph;
  private readonly layout: DramLayout;
  private readonly machine: Machine;
  private readonly readWhole: ReadonlySet<number>;
  /** Words of sequences. */
  private held = 0;

  constructor(graph: StageGraph, layout: DramLayout, machine: Machine, readWhole: ReadonlySet<number>) {
    this.readWhole = readWhole;
    this.graph = graph;
    this.layout = layout;
    this.machine = machine;
  }

  /** Adds a stage, if it can be a member. */
  add(stage: Stage, index: number): boolean {
    const { mac, vec, table, isTableFirst } = stage;
    const isSequence = this.isProjection(stage);
    if (!isSequence && !isMember(this.graph, this.layout, stage)) return false;
    const pixels = mac ? mac.geometry.outHeight * mac.geometry.outWidth : 1;
    const link = mac && planLink(mac, pixels, this.machine);
    if (mac && !link) return false;
    const input = this.operandOf(stage.input, stage.inputChannelOffset);
    const other = isPairWork(vec) ? this.operandOf(vec.other, 0) : undefined;
    if (!input || (isPairWork(vec) && !other)) return false;
    if (mac?.depthwise && input.offset % LINE_WORDS !== 0) return false;
    const extent = this.extentOf(stage.output);
    // What is stored over words that are on chip would have to replace them.
    if (this.extents.some((known) => overlaps(known.extent, extent))) return false;
    const member = this.members.push({ index, stage, link: link ?? undefined }) - 1;
    const words = this.graph.tensors[stage.output]!.channels;
    if (isSequence) {
      const first = this.ops.length;
      const makers = link!.blocks.map((_, b) => first + b);
      const value = this.values.length;
      this.values.push({ id: value, words: pixels * words, pitch: words, makers, tensor: stage.output, isStored: false });
      for (const [b, block] of link!.blocks.entries()) {
        const common = { id: first + b, member, input, other: undefined, output: value, vec: undefined, needs: [] };
        this.ops.push({ ...common, words: block.channels, blocks: [b, b + 1], pixels });
      }
      this.held += pixels * (words + mac!.inChannels);
      this.extents.push({ extent, value, isMade: true });
      this.byTensor.set(stage.output, { value, offset: 0 });
      return true;
    }
    this.vectors++;
    const works: CellOp['vec'][] = [];
    if (mac) works.push(undefined);
    const tables = table ? [table] : [];
    if (isTableFirst) works.push(...tables);
    if (isPairWork(vec) || vec?.op === 'table') works.push(vec);
    if (!isTableFirst) works.push(...tables);
    let last = input;
    for (const work of works) {
      const id = this.ops.length;
      const value = this.values.length;
      this.values.push({ id: value, words, pitch: words, makers: [id], tensor: stage.output, isStored: false });
      const second = isPairWork(work) ? other : undefined;
      const length = work ? words : mac!.inChannels;
      const needs = [...new Set([...this.makersOf(last, length), ...(second ? this.makersOf(second, words) : [])])];
      this.ops.push({
        id,
        member,
        input: last,
        other: second,
        output: value,
        words,
        blocks: [0, link?.blocks.length ?? 0],
        pixels,
        needs,
        vec: work,
      });
      last = { value, offset: 0 };
    }
    this.extents.push({ extent, value: last.value, isMade: true });
    this.byTensor.set(stage.output, last);
    return true;
  }

  finish(readersOf: ReadonlyMap<number, readonly number[]>): Cell {
    const inside = new Set(this.members.map(({ index }) => index));
    const results = new Set(this.extents.filter(({ isMade }) => isMade).map(({ value }) => value));
    const values = this.values.map((value) => {
      if (value.makers.length === 0 || !results.has(value.id)) return value;
      const { root } = this.extentOf(value.tensor);
      const isRead = (readersOf.get(root) ?? []).some((index) => !inside.has(index));
      return { ...value, isStored: isRead || this.layout.ends.has(root) || this.graph.scatters.has(value.tensor) };
    });
    return { members: this.members, ops: this.ops, values };
  }

  /** Where a tensor that is read lies: in a vector that was made here, or in one that is loaded; undefined where only parts of it are here. */
  private operandOf(tensor: number, offset: number): CellOperand | undefined {
    const known = this.byTensor.get(tensor);
    if (known) return { value: known.value, offset: known.offset + offset };
    const extent = this.extentOf(tensor);
    const holder = this.extents.find((candidate) => overlaps(candidate.extent, extent));
    let operand: CellOperand;
    if (holder) {
      if (extent.first < holder.extent.first || extent.end > holder.extent.end) return undefined;
      operand = { value: holder.value, offset: extent.first - holder.extent.first };
    } else {
      const words = extent.end - extent.first;
      const value = this.values.push({ id: this.values.length, words, pitch: words, makers: [], tensor, isStored: false }) - 1;
      this.extents.push({ extent, value, isMade: false });
      operand = { value, offset: 0 };
    }
    this.byTensor.set(tensor, operand);
    return { value: operand.value, offset: operand.offset + offset };
  }

  private extentOf(tensor: number): Extent {
    const { address, root } = this.layout.homes.get(tensor)!;
    const { height, width, channels } = this.graph.tensors[tensor]!;
    return { root, first: address, end: address + height * width * channels };
  }

  /** Operations that make `words` words of an operand. */
  private makersOf({ value, offset }: CellOperand, words: number): readonly number[] {
    const { makers, pitch } = this.values[value]!;
    if (makers.length < 2) return makers;
    const low = offset % pitch;
    return makers.filter((maker) => {
      const { member, blocks } = this.ops[maker]!;
      const { channel, channels } = this.members[member]!.link!.blocks[blocks[0]]!;
      return channel < low + words && low < channel + channels;
    });
  }

  /** A product of all vectors of a sequence with weights, of which single vectors are read: the inputs of a recurrent layer. */
  private isProjection({ mac, vec, columns, weights, input, output }: Stage): boolean {
    if (!mac || mac.depthwise || mac.groups > 1 || vec || columns || weights !== undefined || mac.source.kind !== 'conv') return false;
    const { kernelH, kernelW, strideH, strideW, padTop, padLeft, outHeight, outWidth } = mac.geometry;
    if (kernelH * kernelW > 1 || strideH * strideW > 1 || padTop + padLeft > 0 || outHeight * outWidth === 1) return false;
    const isDense = (id: number): boolean => {
      const { height, width, channels } = this.graph.tensors[id]!;
      const home = this.layout.homes.get(id);
      return home !== undefined && home.pixelPitch === channels && (height === 1 || home.rowPitch === width * channels);
    };
    const { root } = this.layout.homes.get(output)!;
    if (root !== output || this.readWhole.has(root) || this.graph.scatters.has(output) || !isDense(input) || !isDense(output)) return false;
    const words = outHeight * outWidth * (mac.inChannels + mac.outChannels);
    return mac.inChannels === this.graph.tensors[input]!.channels && this.held + words <= SEQUENCE_SHARE * mapsWords(this.machine);
  }
}

function overlaps(a: Extent, b: Extent): boolean {
  return a.root === b.root && a.first < b.end && b.first < a.end;
}

function isVector(graph: StageGraph, tensor: number): boolean {
  return graph.tensors[tensor]!.height * graph.tensors[tensor]!.width === 1;
}

function isMember(graph: StageGraph, layout: DramLayout, stage: Stage): boolean {
  const { mac, vec, columns, weights } = stage;
  if (columns || weights !== undefined || (!mac && !vec) || vec?.op === 'copy' || vec?.op === 'max') return false;
  const isHere = (id: number): boolean => isVector(graph, id) && layout.homes.has(id);
  if (![...tensorsRead(stage), ...tensorsWritten(graph, stage).slice(0, 1)].every(isHere)) return false;
  if (!mac) return true;
  const { kernelH, kernelW, padTop, padLeft } = mac.geometry;
  return mac.groups === 1 && mac.source.kind === 'conv' && kernelH * kernelW === 1 && padTop === 0 && padLeft === 0;
}

/** MAC and VEC units prepare a descriptor while the one before it is at work: shorter ones wait. */
export function descriptorCycles(machine: Machine, cycles: number): number {
  return Math.max(machine.latency.prepare, cycles) + machine.latency.macSetup;
}

/** Lanes of a MAC member on so many pixels, all CUs at different channels: the fewest cycles of a CU; of a sequence in blocks that are not too long. */
function planLink(work: MacWork, pixels: number, machine: Machine): LinkPlan | undefined {
  const region = { y0: 0, y1: work.geometry.outHeight, x0: 0, x1: work.geometry.outWidth };
  const slots = machine.computeUnits;
  let best: { link: LinkPlan; cost: number } | undefined;
  for (const lanes of work.depthwise ? [1] : [1, 2, 4, 8, LINE_WORDS]) {
    const groupLines = parameterLines(lanes) + tapLines(work, lanes, false);
    if (groupLines > weightsLines(machine)) continue;
    const blocks = blocksOf(work, lanes, slots, [{ region, divisor: 1 }]);
    const cycles = pixels * Math.max(outputCycles(lanes), tapLines(work, lanes, false)) + parameterLines(lanes);
    const crowded = groupLines * 2 > weightsLines(machine) ? groupLines : 0;
    const load = pixels > 1 ? blocks.length * groupLines * LOAD_WEIGHT : 0;
    const cost = blocks.length * (descriptorCycles(machine, cycles) + crowded) + load + (pixels > 1 ? cycles / BLOCK_WEIGHT : cycles);
    const pixelPitch = work.inChannels;
    const link = { lanes, parts: 1, slots, adjacent: false, pixelPitch, groupLines, cuChannels: 64 / lanes, blocks };
    if (!best || cost < best.cost) best = { link, cost };
  }
  return best?.link;
}

/** The second operand's tensor of an operation, if it has one. */
export function pairOf(op: CellOp): PairWork | undefined {
  return isPairWork(op.vec) ? op.vec : undefined;
}
