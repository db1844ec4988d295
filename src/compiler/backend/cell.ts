/**
 * Cells: consecutive stages on single pixels (a recurrent layer, written out position by position) run as one step. Their vectors pass from unit to unit
 * through the maps buffers; nothing waits for DRAM. Which stages can be members, and what one of their operations reads and writes.
 * Specification: docs/compiler.md, "Cells".
 */
import { LINE_WORDS, type Machine, weightsLines } from '../../machine/machine.ts';
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

/** A vector in the maps buffers of the CUs that need it. */
export interface CellValue {
  readonly id: number;
  readonly words: number;
  /** The operation that makes it; −1: it is loaded. */
  readonly maker: number;
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
  readonly words: number;
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
  graph.stages.forEach((stage, index) => {
    for (const tensor of tensorsRead(stage)) {
      const root = rootOfTensor(layout, tensor);
      readersOf.set(root, [...(readersOf.get(root) ?? []), index]);
    }
  });
  let builder = new CellBuilder(graph, layout, machine);
  const close = (): void => {
    if (builder.members.length >= MIN_MEMBERS) cells.push(builder.finish(readersOf));
    builder = new CellBuilder(graph, layout, machine);
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
  private readonly ops: CellOp[] = [];
  private readonly values: CellValue[] = [];
  /** Values by the words that they have in DRAM. */
  private readonly extents: { readonly extent: Extent; readonly value: number; readonly isMade: boolean }[] = [];
  private readonly byTensor = new Map<number, CellOperand>();
  private readonly graph: StageGraph;
  private readonly layout: DramLayout;
  private readonly machine: Machine;

  constructor(graph: StageGraph, layout: DramLayout, machine: Machine) {
    this.graph = graph;
    this.layout = layout;
    this.machine = machine;
  }

  /** Adds a stage, if it can be a member. */
  add(stage: Stage, index: number): boolean {
    const { mac, vec, table, isTableFirst } = stage;
    if (!isMember(this.graph, this.layout, stage)) return false;
    const link = mac && planLink(mac, this.machine);
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
    const works: CellOp['vec'][] = [];
    if (mac) works.push(undefined);
    const tables = table ? [table] : [];
    if (isTableFirst) works.push(...tables);
    if (isPairWork(vec) || vec?.op === 'table') works.push(vec);
    if (!isTableFirst) works.push(...tables);
    let last = input;
    for (const work of works) {
      const id = this.ops.length;
      const value = this.values.push({ id: this.values.length, words, maker: id, tensor: stage.output, isStored: false }) - 1;
      this.ops.push({ id, member, input: last, other: isPairWork(work) ? other : undefined, output: value, words, vec: work });
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
      if (value.maker < 0 || !results.has(value.id)) return value;
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
      const value = this.values.push({ id: this.values.length, words, maker: -1, tensor, isStored: false }) - 1;
      this.extents.push({ extent, value, isMade: false });
      operand = { value, offset: 0 };
    }
    this.byTensor.set(tensor, operand);
    return { value: operand.value, offset: operand.offset + offset };
  }

  private extentOf(tensor: number): Extent {
    const { address, root } = this.layout.homes.get(tensor)!;
    return { root, first: address, end: address + this.graph.tensors[tensor]!.channels };
  }
}

function overlaps(a: Extent, b: Extent): boolean {
  return a.root === b.root && a.first < b.end && b.first < a.end;
}

function isMember(graph: StageGraph, layout: DramLayout, stage: Stage): boolean {
  const { mac, vec, columns, weights } = stage;
  if (columns || weights !== undefined || (!mac && !vec) || vec?.op === 'copy' || vec?.op === 'max') return false;
  const isVector = (id: number): boolean => graph.tensors[id]!.height * graph.tensors[id]!.width === 1 && layout.homes.has(id);
  if (![...tensorsRead(stage), ...tensorsWritten(graph, stage).slice(0, 1)].every(isVector)) return false;
  if (!mac) return true;
  const { kernelH, kernelW, padTop, padLeft } = mac.geometry;
  return mac.groups === 1 && mac.source.kind === 'conv' && kernelH * kernelW === 1 && padTop === 0 && padLeft === 0;
}

/** MAC and VEC units prepare a descriptor while the one before it is at work: shorter ones wait. */
export function descriptorCycles(machine: Machine, cycles: number): number {
  return Math.max(machine.latency.prepare, cycles) + machine.latency.macSetup;
}

/** Lanes of a MAC member, all CUs at different channels: the fewest cycles of a CU. */
function planLink(work: MacWork, machine: Machine): LinkPlan | undefined {
  const region = { y0: 0, y1: 1, x0: 0, x1: 1 };
  const slots = machine.computeUnits;
  let best: { link: LinkPlan; cost: number } | undefined;
  for (const lanes of work.depthwise ? [1] : [1, 2, 4, 8, LINE_WORDS]) {
    const groupLines = parameterLines(lanes) + tapLines(work, lanes, false);
    if (groupLines > weightsLines(machine)) continue;
    const blocks = blocksOf(work, lanes, slots, [{ region, divisor: 1 }]);
    const window = Math.max(outputCycles(lanes), tapLines(work, lanes, false)) + parameterLines(lanes);
    const crowded = groupLines * 2 > weightsLines(machine) ? groupLines : 0;
    const cost = blocks.length * (descriptorCycles(machine, window) + crowded) + window;
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
