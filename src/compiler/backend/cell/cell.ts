/**
 * Cells: consecutive stages on single pixels (a recurrent layer, written out position by position) run as one step. Their vectors pass from unit to unit
 * through the maps buffers; nothing waits for DRAM. Which stages can be members, and what one of their operations reads and writes.
 * Specification: docs/compiler.md, "Cells".
 */
import { LINE_WORDS, type Machine, mapsWords, weightsLines } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { type DramLayout, rootOfTensor } from '../layout/dram-layout.ts';
import { blocksOf } from '../mac/blocks.ts';
import { outputCycles, parameterLines, tapLines } from '../mac/window-cost.ts';
import {
  isPairWork,
  isPoint,
  type MacWork,
  type PairWork,
  type Stage,
  type StageGraph,
  tensorsRead,
  tensorsWritten,
  type VecWork,
  vecWorks,
} from '../stages/stage.ts';

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
  /** It lies inside a sequence that is read as a whole, from this word on. */
  readonly inside?: CellOperand;
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
  /** Vectors of a sequence that it makes, and the first of them. */
  readonly pixels: number;
  readonly firstPixel: number;
  /** Vectors that it reads of a sequence that was made one by one; none: it reads `input`. */
  readonly parts: readonly number[];
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
const LOAD_WEIGHT = 32;
const BLOCK_WEIGHT = 4;

/** Part of the weights buffers that the weights of what reads a sequence while it is made may fill: they stay. */
const READER_WEIGHTS = 4;

/** How many vectors of a sequence are worked on at a time, so that others need not wait for all of them. */
export interface SequenceCut {
  /** By what makes a sequence of which single vectors are read. */
  readonly made: number;
  /** By what reads a sequence that is made one by one. */
  readonly read: number;
}

/** Words [first, end) of a root in DRAM. */
interface Extent {
  readonly root: number;
  readonly first: number;
  readonly end: number;
}

/** Runs of consecutive stages that can be a cell, from the left. */
export function findCells(graph: StageGraph, layout: DramLayout, machine: Machine, cut: SequenceCut): Cell[] {
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
  let builder = new CellBuilder(graph, layout, machine, read, cut);
  const close = (): void => {
    if (builder.vectors >= MIN_MEMBERS) cells.push(builder.finish(readersOf));
    builder = new CellBuilder(graph, layout, machine, read, cut);
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
  private readonly cut: SequenceCut;
  /** Words of sequences. */
  private held = 0;

  constructor(graph: StageGraph, layout: DramLayout, machine: Machine, readWhole: ReadonlySet<number>, cut: SequenceCut) {
    this.readWhole = readWhole;
    this.cut = cut;
    this.graph = graph;
    this.layout = layout;
    this.machine = machine;
  }

  /** Adds a stage, if it can be a member. */
  add(stage: Stage, index: number): boolean {
    const { mac, vec } = stage;
    const isSequence = this.isProjection(stage);
    if (this.isReader(stage)) return this.addReader(stage, index);
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
      const value = this.values.length;
      const makers: number[] = [];
      this.values.push({ id: value, words: pixels * words, pitch: words, makers, tensor: stage.output, isStored: false });
      for (let firstPixel = 0; firstPixel < pixels; firstPixel += this.cut.made) {
        const stretch = { pixels: Math.min(this.cut.made, pixels - firstPixel), firstPixel };
        for (const [b, block] of link!.blocks.entries()) {
          const id = this.ops.length;
          makers.push(id);
          const common = { id, member, input, other: undefined, output: value, vec: undefined, needs: [], parts: [] };
          this.ops.push({ ...common, words: block.channels, blocks: [b, b + 1], ...stretch });
        }
      }
      this.held += pixels * (words + mac!.inChannels);
      this.extents.push({ extent, value, isMade: true });
      this.byTensor.set(stage.output, { value, offset: 0 });
      return true;
    }
    this.vectors++;
    const works: CellOp['vec'][] = [];
    if (mac) works.push(undefined);
    works.push(...vecWorks(stage).filter((work) => isPairWork(work) || work.op === 'table'));
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
        firstPixel: 0,
        parts: [],
        needs,
        vec: work,
      });
      last = { value, offset: 0 };
    }
    this.extents.push({ extent, value: last.value, isMade: true });
    this.byTensor.set(stage.output, last);
    return true;
  }

  /**
   * Adds a product of a sequence of which all vectors were made here, stretch by stretch: each as soon as its vectors are there, not all at the end. They lie side
   * by side, as in DRAM.
   */
  private addReader(stage: Stage, index: number): boolean {
    const mac = stage.mac!;
    const total = mac.geometry.outHeight * mac.geometry.outWidth;
    const stretch = Math.min(total, this.cut.read);
    const link = planLink(mac, stretch, this.machine);
    const extent = this.extentOf(stage.input);
    const inner = this.extents.filter((known) => overlaps(known.extent, extent));
    const isWhole = inner.reduce((sum, known) => sum + known.extent.end - known.extent.first, 0) === extent.end - extent.first;
    // Depthwise reads begin at lines.
    const isLined = (value: number): boolean =>
      !this.ops.some(({ input, member }) => input.value === value && this.members[member]!.stage.mac?.depthwise);
    const isOwn = inner.every(({ isMade, value, extent: own }) => {
      const { makers, inside } = this.values[value]!;
      return isMade && makers.length === 1 && !inside && ((own.first - extent.first) % LINE_WORDS === 0 || isLined(value));
    });
    if (!link || link.groupLines * link.blocks.length > weightsLines(this.machine) / READER_WEIGHTS || !isWhole || !isOwn) return false;
    if (this.extents.some((known) => overlaps(known.extent, this.extentOf(stage.output)))) return false;
    const member = this.members.push({ index, stage, link }) - 1;
    const pitch = mac.inChannels;
    const words = mac.outChannels;
    const [input, output] = [this.values.length, this.values.length + 1];
    for (const { value, extent: own } of inner) {
      this.values[value] = { ...this.values[value]!, inside: { value: input, offset: own.first - extent.first } };
    }
    const makers: number[] = [];
    this.values.push({
      id: input,
      words: total * pitch,
      pitch,
      makers: inner.flatMap(({ value }) => this.values[value]!.makers),
      tensor: stage.input,
      isStored: false,
    });
    this.values.push({ id: output, words: total * words, pitch: words, makers, tensor: stage.output, isStored: false });
    for (let firstPixel = 0; firstPixel < total; firstPixel += stretch) {
      const pixels = Math.min(stretch, total - firstPixel);
      const [low, high] = [extent.first + firstPixel * pitch, extent.first + (firstPixel + pixels) * pitch];
      const parts = inner.filter(({ extent: own }) => own.first < high && low < own.end).map(({ value }) => value);
      const needs = [...new Set(parts.flatMap((value) => this.values[value]!.makers))];
      const id = this.ops.length;
      makers.push(id);
      const common = { id, member, input: { value: input, offset: 0 }, other: undefined, output, vec: undefined };
      this.ops.push({ ...common, words, blocks: [0, link.blocks.length], pixels, firstPixel, parts, needs });
    }
    this.held += total * (pitch + words);
    this.extents.push({ extent: this.extentOf(stage.output), value: output, isMade: true });
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
    const pixel = Math.floor(offset / pitch);
    return makers.filter((maker) => {
      const { member, blocks, firstPixel, pixels } = this.ops[maker]!;
      if (pixel < firstPixel || pixel >= firstPixel + pixels) return false;
      const { channel, channels } = this.members[member]!.link!.blocks[blocks[0]]!;
      return channel < low + words && low < channel + channels;
    });
  }

  /** A product of a sequence, some words of which were made here, that is stored. */
  private isReader(stage: Stage): boolean {
    if (!this.isSequence(stage)) return false;
    const extent = this.extentOf(stage.input);
    return this.readWhole.has(rootOfTensor(this.layout, stage.output)) && this.extents.some((known) => overlaps(known.extent, extent));
  }

  /** A product of all vectors of a sequence with weights, of which single vectors are read: the inputs of a recurrent layer. */
  private isProjection(stage: Stage): boolean {
    return this.isSequence(stage) && !this.readWhole.has(rootOfTensor(this.layout, stage.output));
  }

  /** A product of all vectors of a sequence with weights, stored as one dense map if it is. */
  private isSequence({ mac, vec, columns, weights, input, output }: Stage): boolean {
    if (!mac || mac.depthwise || mac.groups > 1 || vec || columns || weights !== undefined || mac.source.kind !== 'conv') return false;
    const { outHeight, outWidth } = mac.geometry;
    if (!isPoint(mac.geometry) || outHeight * outWidth === 1) return false;
    const isDense = (id: number): boolean => {
      const { height, width, channels } = this.graph.tensors[id]!;
      const home = this.layout.homes.get(id);
      return home !== undefined && home.pixelPitch === channels && (height === 1 || home.rowPitch === width * channels);
    };
    const { root } = this.layout.homes.get(output)!;
    if (root !== output || this.graph.scatters.has(output) || !isDense(input) || !isDense(output)) return false;
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
