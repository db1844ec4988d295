/**
 * What follows the MACs of an item: vector work on the gathered results (residual add, product, table, max pool), then the store, or the way to where
 * the next stage reads them on chip. Specification: docs/compiler.md, "Vector work".
 */
import type { Block } from '../mac/blocks.ts';
import { pooledRowsOfTile } from '../mac/pool-rows.ts';
import type { Resident } from '../schedule/step.ts';
import { isLookUp, isPairWork, type Stage, type VecWork, vecWorks } from '../stages/stage.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source } from './emit-context.ts';
import type { MacStageInput } from './emit-mac.ts';
import { emitMax, emitPair, emitTable, loadTable, type PixelSlot } from './emit-vec.ts';
import type { PoolRing } from './pool-ring.ts';

/** Slots of a stage's results: of a pool's rows, and of second operands. */
export interface ResultBases {
  readonly vec: readonly number[];
  readonly other: readonly number[];
}

/** Where the parts of an item lie in its result slot. */
export interface ItemLayout {
  /** First pixel of every part, and the end of the last. */
  readonly bounds: readonly number[];
  /** Pixel at the start of the row that a part begins in, and its words from the slot's start. */
  readonly partBase: readonly number[];
  readonly partOffset: readonly number[];
}

export class ItemResults {
  private readonly context: EmitContext;
  private readonly job: MacStageInput;
  private readonly stage: Stage;
  private readonly bases: ResultBases;
  private readonly poolRing: PoolRing | undefined;
  /** Row pieces (by row and CU) of results and residual operands on chip. */
  private readonly outputRows: readonly (readonly Piece[])[];
  private readonly otherRows: readonly (readonly Piece[])[];
  private tablePieces: readonly Piece[] = [];

  constructor(context: EmitContext, job: MacStageInput, bases: ResultBases, poolRing: PoolRing | undefined) {
    this.context = context;
    this.job = job;
    this.stage = job.scheduled.stage;
    this.bases = bases;
    this.poolRing = poolRing;
    const { residentOutput, residentOther } = job.scheduled;
    this.outputRows = residentRowsOf(context, job, residentOutput, true);
    this.otherRows = residentRowsOf(context, job, residentOther, false);
  }

  /** Load the stage's activation table, if it has one. */
  loadTable(source: Source): void {
    if (this.stage.vec?.op === 'table' || this.stage.table) this.tablePieces = loadTable(this.context, this.job.tableAddress, source);
  }

  /** Do results go straight to where the next stage reads them? */
  get isDirect(): boolean {
    return this.job.scheduled.residentOutput !== undefined && this.stage.vec === undefined;
  }

  /** Pieces of tensor rows [first, end) on chip, in all CUs. */
  residentPieces(first: number, end: number): Piece[] {
    return this.outputRows.slice(first, end).flat();
  }

  /** Where pixel `first` of the output, channel `channel`, lies on chip. */
  residentSlot(resident: Resident, pixel: number, channel: number): PixelSlot {
    return { base: resident.base + resident.channelOffset + pixel * resident.pitch + channel, pitch: resident.pitch };
  }

  /** What follows the MACs of an item without a pool: residual add or table in place, then the stores. */
  emit(
    item: number,
    { bounds, partBase, partOffset }: ItemLayout,
    slot: number,
    home: number,
    channel: number,
    channels: number,
    slotPieces: ReadonlyMap<number, Piece[]>,
    source: Source,
  ): void {
    const { context, job } = this;
    const { plan } = job;
    // Gathered parts of a shared tile lie one after the other: one range.
    const ranges = plan.gather && !plan.bands ? 1 : plan.parts;
    for (let p = 0; p < ranges; p++) {
      const pixels = { first: bounds[p]!, end: ranges === 1 ? bounds.at(-1)! : bounds[p + 1]! };
      if (pixels.first === pixels.end) continue;
      for (let s = 0; s < (plan.gather ? 1 : plan.slots); s++) {
        const cu = plan.gather ? home : s * plan.parts + p;
        const low = channel + (plan.gather ? 0 : s * plan.cuChannels);
        const words = plan.gather ? channels : Math.min(plan.cuChannels, channels - s * plan.cuChannels);
        if (words <= 0) continue;
        const at: PixelSlot = { base: slot + partOffset[p]! + (pixels.first - partBase[p]!) * plan.slotPitch, pitch: plan.slotPitch };
        const pieces = slotPieces.get(cu)!;
        const resident = job.scheduled.residentOutput;
        const width = job.output.width;
        const rows = resident ? this.residentPieces(Math.floor(pixels.first / width), Math.ceil(pixels.end / width)) : [];
        const out = resident ? this.residentSlot(resident, pixels.first, low) : at;
        const writes = resident ? rows : pieces;
        const targets = resident ? context.allCus : 1 << cu;
        const count = pixels.end - pixels.first;
        // A table in front works in place; behind the first work of two the results are where they belong.
        const works = vecWorks(this.stage);
        let [from, read]: readonly [PixelSlot, readonly Piece[]] = [at, pieces];
        works.forEach((work, i) => {
          const isAhead = i < works.length - 1 && work.op === 'table';
          const [to, written, cus] = isAhead ? [at, pieces, 1 << cu] : [out, writes, targets];
          const looked = isLookUp(work) ? this.tablePieces : [];
          if (isPairWork(work)) {
            const second = this.residualOperand(item, cu, at, slot, pixels, low, words, source);
            const reads = [...read, ...second.pieces, ...looked];
            emitPair(context, work, cu, from, second.at, to, count, words, reads, written, source, cus);
          } else if (work.op === 'table') {
            emitTable(context, work, cu, from, to, count, words, [...read, ...looked], written, source, cus);
          }
          [from, read] = [to, written];
        });
        const run = { ...pixels, channel: low, words, cu, ...at };
        if (!resident) context.storePixels(job.output, job.frame, run, source, pieces);
      }
    }
  }

  /** The pooled rows that a tile completes, in their home. */
  emitPool(item: number, tile: number, block: Block, home: number, slot: number, pool: VecWork & { op: 'max' }, source: Source): void {
    const { context, job, bases } = this;
    const { plan } = job;
    const g = pool.geometry;
    const { first: q0, end: q1, low, high } = pooledRowsOfTile(g, plan.tileRows, tile);
    if (q0 === q1) return;
    const resident = job.scheduled.residentOutput;
    const out = resident
      ? this.residentSlot(resident, q0 * g.outWidth, block.channel)
      : { base: bases.vec[item % bases.vec.length]!, pitch: plan.slotPitch };
    const writes = resident
      ? this.residentPieces(q0, q1)
      : [context.list.newPiece(SPACE.maps(home), out.base, out.base + plan.vecSlotWords)];
    emitMax(
      context,
      pool,
      home,
      { ring: { base: slot, words: plan.poolRingRows * g.inWidth * plan.slotPitch }, origin: 0, pitch: plan.slotPitch },
      out,
      { first: q0, end: q1 },
      block.channels,
      this.poolRing!.rowsOf(slot, low, high, home),
      writes,
      source,
      resident ? context.allCus : 1 << home,
    );
    const { table } = this.stage;
    if (table) {
      const count = (q1 - q0) * g.outWidth;
      const reads = [...writes, ...this.tablePieces];
      emitTable(context, table, home, out, out, count, block.channels, reads, writes, source, resident ? context.allCus : 1 << home);
    }
    if (resident) return;
    const run = { first: q0 * g.outWidth, end: q1 * g.outWidth, channel: block.channel, words: block.channels, cu: home, ...out };
    context.storePixels(job.output, job.frame, run, source, writes);
  }

  /** The second operand of a residual add: where it lies on chip, or loaded beside the results. */
  private residualOperand(
    item: number,
    cu: number,
    at: PixelSlot,
    slot: number,
    pixels: { first: number; end: number },
    channel: number,
    channels: number,
    source: Source,
  ): { at: PixelSlot; pieces: Piece[] } {
    const resident = this.job.scheduled.residentOther;
    const isPixel = isPairWork(this.stage.vec) && this.stage.vec.isPixel;
    const needed = isPixel ? { first: 0, end: 1 } : pixels;
    if (resident) {
      const width = isPixel ? 1 : this.job.output.width;
      const rows = this.otherRows.slice(Math.floor(needed.first / width), Math.ceil(needed.end / width));
      return { at: this.residentSlot(resident, needed.first, channel), pieces: rows.map((row) => row[cu]!) };
    }
    const { context, job, bases } = this;
    const base = bases.other[item % bases.other.length]! + (at.base - slot);
    const run = { ...needed, channel, words: channels, cu, base, pitch: at.pitch };
    const piece = context.loadPixels(job.other!, job.frame, run, source);
    return { at: { base, pitch: at.pitch }, pieces: [piece] };
  }
}

/** Row pieces, by row and CU, of a tensor on chip; none where it is not. */
export function residentRowsOf(
  context: EmitContext,
  { frame }: Pick<MacStageInput, 'frame'>,
  resident: Resident | undefined,
  isMaker: boolean,
): readonly (readonly Piece[])[] {
  if (!resident) return [];
  const { height, width } = context.stages.tensors[resident.root]!;
  return context.residentRows(resident.root, resident.base, width * resident.pitch, height, isMaker, frame);
}
