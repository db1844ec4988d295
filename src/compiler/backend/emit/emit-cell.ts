/**
 * Emission of a cell: operation by operation in the order of its plan. Vectors come from the MAC units of all CUs or from one vector unit, and go to the CUs
 * that need them; others are loaded right before their first reader. Specification: docs/compiler.md, "Cells".
 */
import { UNIT_ID } from '../../../isa/fields.ts';
import { LINE_WORDS } from '../../../machine/machine.ts';
import type { CellOp, CellOperand } from '../cell/cell.ts';
import { pairOf } from '../cell/cell.ts';
import { type CellPlan, partOf } from '../cell/cell-plan.ts';
import { isLookUp } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source } from './emit-context.ts';
import { emitPair, emitTable, loadTableOf, type PixelSlot } from './emit-vec.ts';
import type { LinkConstants } from './link-task.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask } from './mac-task.ts';

export interface CellJob {
  readonly plan: CellPlan;
  /** Where the cell's words begin in the maps buffers. */
  readonly base: number;
  /** Of every member: its layer, weights and where they are (none without MACs), its activation table, where its results are stored. */
  readonly constants: readonly (Pick<LinkConstants, 'layer'> &
    Partial<LinkConstants> & { readonly tableAddress: number; readonly output: View })[];
}

export function* emitCell(context: EmitContext, job: CellJob): Generator<void> {
  const emitter = new CellEmitter(context, job);
  for (const op of job.plan.order) {
    emitter.emit(op);
    yield;
  }
}

class CellEmitter {
  private readonly context: EmitContext;
  private readonly job: CellJob;
  /** Pieces of vectors by CU. */
  private readonly pieces: (readonly (Piece | undefined)[] | undefined)[] = [];
  /** Of every CU that has not had a table yet: the first that it needs. */
  private readonly firstTables = new Map<number, number>();

  constructor(context: EmitContext, job: CellJob) {
    this.context = context;
    this.job = job;
    for (const { id, vec, member } of job.plan.order) {
      if (!isLookUp(vec)) continue;
      for (const cu of job.plan.homes[id]!) if (!this.firstTables.has(cu)) this.firstTables.set(cu, job.constants[member]!.tableAddress);
    }
  }

  emit(op: CellOp): void {
    const source: Source = { layer: this.job.constants[op.member]!.layer, tile: 'cell' };
    if (op.parts.length === 0) for (const { value } of [op.input, ...(op.other ? [op.other] : [])]) this.hold(value, source);
    this.hold(op.output, source);
    if (op.vec) this.emitVec(op, source);
    else this.emitMac(op, source);
    if (this.job.plan.values[op.output]!.isStored) this.store(op, source);
  }

  private baseOf({ value, offset }: CellOperand): number {
    return this.job.base + this.job.plan.bases[value]! + offset;
  }

  /** Pieces for a vector that is used for the first time, loaded where nobody in the cell makes it. */
  private hold(value: number, source: Source): void {
    if (this.pieces[value]) return;
    const { context, job } = this;
    const { words, makers, tensor } = job.plan.values[value]!;
    const cus = job.plan.holders[value]!;
    const base = this.baseOf({ value, offset: 0 });
    const pieces = Array.from({ length: context.cus }, (_, cu) =>
      cus & (1 << cu) ? context.list.newPiece(SPACE.maps(cu), base, base + words) : undefined,
    );
    this.pieces[value] = pieces;
    if (makers.length > 0) return;
    const { address: dramAddress, root } = context.layout.homes.get(tensor)!;
    const descriptor = { dramAddress, dramStep: 0, base, ring: 0, offset: 0, step: 0, rows: 1, words, cus, space: 0 };
    const before = context.dram.beforeLoad(root, dramAddress, dramAddress + words);
    const written = pieces.filter((piece) => piece !== undefined);
    context.dram.noteLoad(root, context.list.add(UNIT_ID.LDM, 'LDM', descriptor, source, [], written, before));
  }

  private piecesOf(value: number): Piece[] {
    return this.pieces[value]!.filter((piece) => piece !== undefined);
  }

  private emitMac(op: CellOp, source: Source): void {
    const { context, job } = this;
    const { stage, link } = job.plan.members[op.member]!;
    const { weights, address } = job.constants[op.member]!;
    const { lanes, groupLines, parts, cuChannels, blocks } = link!;
    const work = stage.mac!;
    const writes = this.piecesOf(op.output);
    // Depthwise reads begin at lines.
    const pitch = work.depthwise ? Math.ceil(work.inChannels / LINE_WORDS) * LINE_WORDS : work.inChannels;
    const outPitch = job.plan.values[op.output]!.pitch;
    const reads = (cu: number): Piece[] => (op.parts.length > 0 ? op.parts : [op.input.value]).map((value) => this.pieces[value]![cu]!);
    const flat = { inHeight: 1, inWidth: op.pixels, outHeight: 1, outWidth: op.pixels };
    for (let b = op.blocks[0]; b < op.blocks[1]; b++) {
      const block = blocks[b]!;
      const group = loadGroup(context, weights!.blocks[b]!, address!, groupLines, parts, 0, source);
      for (let cu = 0; cu < context.cus; cu++) {
        const channels = Math.min(cuChannels, block.channels - cu * cuChannels);
        if (channels <= 0) break;
        const first = block.channel + cu * cuChannels;
        addMacTask(
          context,
          {
            cu,
            geometry: { ...work.geometry, ...flat },
            ring: { base: this.baseOf(op.input) + op.firstPixel * pitch, words: op.pixels * pitch },
            origin: 0,
            pixelPitch: pitch,
            channelOffset: work.depthwise ? first : 0,
            tapWords: work.tapWords,
            depthwise: work.depthwise,
            lanes,
            weightsLine: group.line,
            clamp: work.clamp,
            raster: { y: 0, x: 0, x0: 0, width: op.pixels, count: op.pixels },
            output: {
              outBase: this.baseOf({ value: op.output, offset: op.firstPixel * outPitch + first }),
              outRing: 0,
              outOffset: 0,
              outRowStep: op.pixels * outPitch,
              outColStep: outPitch,
            },
            targets: job.plan.holders[op.output]!,
            channels,
          },
          source,
          [...reads(cu), ...group.pieces],
          writes,
        );
      }
    }
  }

  private emitVec(op: CellOp, source: Source): void {
    const { context, job } = this;
    const cus = job.plan.homes[op.id]!;
    const writes = this.piecesOf(op.output);
    const targets = job.plan.holders[op.output]!;
    const pair = pairOf(op);
    cus.forEach((cu, i) => {
      const [low, high] = partOf(op.words, cus.length, i);
      const words = high - low;
      // One pixel: its pitch says nothing, and what is the same for all need not be set anew.
      const slot = ({ value, offset }: CellOperand): PixelSlot => ({ base: this.baseOf({ value, offset: offset + low }), pitch: 0 });
      const out = slot({ value: op.output, offset: 0 });
      const reads = [op.input, ...(op.other ? [op.other] : [])].map(({ value }) => this.pieces[value]![cu]!);
      if (isLookUp(op.vec)) reads.push(this.tableOf(op, cu, source));
      if (pair) emitPair(context, pair, cu, slot(op.input), slot(op.other!), out, 1, words, reads, writes, source, targets);
      else if (op.vec?.op === 'table') emitTable(context, op.vec, cu, slot(op.input), out, 1, words, reads, writes, source, targets);
    });
  }

  /** An operation's table in a CU; with its first one all CUs are given theirs that begin with the same: one load. */
  private tableOf(op: CellOp, cu: number, source: Source): Piece {
    const { firstTables, context } = this;
    const address = this.job.constants[op.member]!.tableAddress;
    if (firstTables.has(cu)) {
      const alike = [...firstTables].filter(([, first]) => first === address).map(([other]) => other);
      for (const other of alike) firstTables.delete(other);
      loadTableOf(context, address, alike, source);
    }
    return loadTableOf(context, address, [cu], source)[0]!;
  }

  private store(op: CellOp, source: Source): void {
    const { context, job } = this;
    const held = job.plan.holders[op.output]!;
    const home = job.plan.homes[op.id]!.find((candidate) => held & (1 << candidate));
    const cu = home ?? 31 - Math.clz32(held);
    const { pitch } = job.plan.values[op.output]!;
    const base = this.baseOf({ value: op.output, offset: op.firstPixel * pitch });
    const run = { first: op.firstPixel, end: op.firstPixel + op.pixels, channel: 0, words: pitch, cu, base, pitch };
    context.storePixels(job.constants[op.member]!.output, 0, run, source, [this.pieces[op.output]![cu]!]);
  }
}
