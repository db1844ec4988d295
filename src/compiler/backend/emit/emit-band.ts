/**
 * Emission of a band: row by row, every CU its columns; what others read of them is sent to them. Loads come right before their first reader, stores right behind
 * their maker. Specification: docs/compiler.md, "Bands".
 */
import type { BandMember, BandOperand } from '../chain/band.ts';
import { type ColumnRange, columnsOfCu, sentColumns } from '../chain/band-columns.ts';
import { bandWorks, isOneRun } from '../chain/band-cost.ts';
import { type BandPlan, type BandStep, rowWordsOf, stepsOfBand } from '../chain/band-plan.ts';
import { inputRowsOf, rowOf } from '../chain/band-rows.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { viewTensor } from '../layout/dram-layout.ts';
import type { Ring } from '../mac/source-walk.ts';
import { type Geometry, isLookUp, isPairWork, type PairWork, type VecWork } from '../stages/stage.ts';
import { columnsOf } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { COPY, emitMax, emitPair, emitShift, emitTable, loadTable, type PixelSlot } from './emit-vec.ts';
import type { LinkConstants } from './link-task.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask } from './mac-task.ts';

export interface BandJob {
  readonly plan: BandPlan;
  /** Where the band's words begin in the maps buffers. */
  readonly base: number;
  readonly frame: number;
  /** Of every member: its layer, weights and where they are (none without MACs), its activation table. */
  readonly constants: readonly (Pick<LinkConstants, 'layer'> & Partial<LinkConstants> & { readonly tableAddress: number })[];
}

export function* emitBand(context: EmitContext, job: BandJob): Generator<void> {
  const emitter = new BandEmitter(context, job);
  for (const step of stepsOfBand(job.plan)) {
    emitter.emit(step);
    yield;
  }
}

/** A row of a member's result as it is made. */
interface RowWork {
  readonly member: BandMember;
  readonly at: number;
  readonly row: number;
  readonly source: Source;
  /** Where the results of its MACs wait for a second operand whose place they take. */
  readonly waiting: WaitingRow | undefined;
}

interface WaitingRow {
  readonly slot: PixelSlot;
  /** By CU. */
  readonly pieces: readonly Piece[];
}

class BandEmitter {
  private readonly context: EmitContext;
  private readonly job: BandJob;
  /** Pieces of rows by buffer: row · CUs + CU. */
  private readonly pieces: Map<number, Piece>[];
  private readonly loadedRows: Set<number>[];
  private readonly groups = new Map<string, WeightsGroup>();
  private readonly weightLines: number;
  private slotCount = 0;

  constructor(context: EmitContext, job: BandJob) {
    this.context = context;
    this.job = job;
    const { graph, links } = job.plan;
    this.pieces = graph.buffers.map(() => new Map());
    this.loadedRows = graph.buffers.map(() => new Set());
    this.weightLines = links.reduce((sum, link) => sum + (link ? link.groupLines * link.blocks.length : 0), 0);
  }

  emit({ member: at, row }: BandStep): void {
    const { plan, constants, frame } = this.job;
    const member = plan.graph.members[at]!;
    const source: Source = { layer: constants[at]!.layer, tile: `${frame > 0 ? `frame ${frame} ` : ''}row ${row}` };
    const waiting = plan.inPlace.includes(at) ? this.nextSlot(at) : undefined;
    const work: RowWork = { member, at, row, source, waiting };
    const rows = inputRowsOf(member, row);
    for (let r = rows.first; r < rows.end; r++) this.require(member.input.buffer, r, source);
    if (member.other) this.require(member.other.buffer, this.otherRow(member, row), source);
    const link = plan.links[at];
    const list = bandWorks(member);
    if (link) this.emitMacs(work, link, list.length === 0);
    for (let cu = 0; cu < this.context.cus; cu++) {
      list.forEach((operation, i) => {
        this.emitVec(work, operation, cu, i > 0 || link !== undefined, i === list.length - 1);
      });
      this.send(work, cu);
      if (member.isStored) this.store(work, cu);
    }
  }

  private otherRow({ other }: BandMember, row: number): number {
    return Math.floor(row / this.job.plan.graph.buffers[other!.buffer]!.zoom);
  }

  private emitMacs({ member, at, row, source, waiting }: RowWork, link: LinkPlan, isLast: boolean): void {
    const { context, job } = this;
    const { tapWords, depthwise, clamp } = member.stage.mac!;
    link.blocks.forEach((block, b) => {
      const group = this.group(at, link, b, source);
      for (let cu = 0; cu < context.cus; cu++) {
        const columns = columnsOfCu(member, cu, context.cus);
        const count = columns.to - columns.from;
        if (count === 0) continue;
        const out = waiting?.slot ?? this.resultSlot(member, row, columns.from, cu);
        const targets = isLast ? this.targetsOf(member, columns, cu) : 1 << cu;
        addMacTask(
          context,
          {
            cu,
            geometry: this.narrow(member.stage.mac!.geometry, member.input.buffer, columns, cu),
            ring: this.ring(member.input.buffer),
            origin: 0,
            pixelPitch: job.plan.graph.buffers[member.input.buffer]!.pitch,
            channelOffset: member.input.channel + block.inputChannel,
            tapWords,
            depthwise,
            lanes: link.lanes,
            weightsLine: group.line,
            clamp,
            raster: { y: row, x: 0, x0: 0, width: count, count },
            output: { outBase: out.base + block.channel, outRing: 0, outOffset: 0, outRowStep: 0, outColStep: out.pitch },
            targets,
            channels: Math.min(link.cuChannels, block.channels),
          },
          source,
          [...this.inputPieces(member, row, cu), ...group.pieces],
          waiting ? [waiting.pieces[cu]!] : this.piecesIn(member.buffer, rowOf(member, row), targets),
        );
      }
    });
  }

  /** An operation of a vector unit on a CU's columns: in place, or on the member's input; the last one goes to all CUs that hold them at one place. */
  private emitVec(work: RowWork, operation: VecWork, cu: number, isInPlace: boolean, isLast: boolean): void {
    const { context, job } = this;
    const { member, at, row, source } = work;
    const columns = columnsOfCu(member, cu, context.cus);
    const count = columns.to - columns.from;
    if (count === 0) return;
    const { input, channels } = member;
    const out = this.resultSlot(member, row, columns.from, cu);
    const targets = isLast ? this.targetsOf(member, columns, cu) : 1 << cu;
    const writes = this.piecesIn(member.buffer, rowOf(member, row), targets);
    if (operation.op === 'max') {
      const { pitch } = job.plan.graph.buffers[input.buffer]!;
      const geometry = this.narrow(operation.geometry, input.buffer, columns, cu);
      const { base, words } = this.ring(input.buffer);
      const from = { ring: { base: base + input.channel, words }, origin: 0, pitch };
      const reads = this.inputPieces(member, row, cu);
      const rows = { first: row, end: row + 1 };
      emitMax(context, { geometry, clamp: operation.clamp }, cu, from, out, rows, channels, reads, writes, source, targets);
      return;
    }
    const waiting = isPairWork(operation) ? work.waiting : undefined;
    const place = waiting?.slot ?? (isInPlace ? out : this.slot(input, row, columns.from, cu));
    const own = (): Piece => waiting?.pieces[cu] ?? this.piece(member.buffer, rowOf(member, row), cu);
    const reads = isInPlace ? [own()] : this.inputPieces(member, row, cu);
    const isRun = isOneRun(job.plan.graph, member, operation);
    const looked = isLookUp(operation) ? [loadTable(context, job.constants[at]!.tableAddress, source)[cu]!] : [];
    if (operation.op === 'table') {
      const [pixels, words] = isRun ? [1, count * channels] : [count, channels];
      emitTable(context, operation, cu, place, out, pixels, words, [...reads, ...looked], writes, source, targets);
    } else if (isPairWork(operation) && isRun) {
      const { other } = member;
      const b = this.slot(other!, row, columns.from, cu);
      const operands = [...reads, this.piece(other!.buffer, row, cu), ...looked];
      emitPair(context, operation, cu, place, b, out, 1, count * channels, operands, writes, source, targets);
    } else if (isPairWork(operation)) {
      this.emitPairs(work, operation, cu, place, out, columns, [...reads, ...looked], writes, targets);
    }
  }

  /** Work on two operands: column by column of an enlarged second one; what that lacks is 0. */
  private emitPairs(
    { member, row, source }: RowWork,
    work: PairWork,
    cu: number,
    a: PixelSlot,
    out: PixelSlot,
    { from, to }: ColumnRange,
    reads: readonly Piece[],
    writes: readonly Piece[],
    targets: number,
  ): void {
    const { context } = this;
    const other = member.other!;
    const { zoom } = this.job.plan.graph.buffers[other.buffer]!;
    const otherRow = this.otherRow(member, row);
    const operands = [...reads, this.piece(other.buffer, otherRow, cu)];
    const words = Math.min(member.channels, other.channels);
    const step = (slot: PixelSlot, columns: number, channel = 0): PixelSlot => ({
      base: slot.base + columns * slot.pitch + channel,
      pitch: slot.pitch * zoom,
    });
    for (let phase = 0; phase < zoom; phase++) {
      const first = from + ((((phase - from) % zoom) + zoom) % zoom);
      const count = Math.ceil((to - first) / zoom);
      if (count <= 0) continue;
      const b = this.slot(other, otherRow, (first - phase) / zoom, cu);
      const skip = first - from;
      emitPair(context, work, cu, step(a, skip), b, step(out, skip), count, words, operands, writes, source, targets);
    }
    if (words === member.channels || work.op !== 'add') return;
    const rest = member.channels - words;
    const [left, right] = [a, out].map(({ base, pitch }) => ({ base: base + words, pitch }));
    emitShift(context, work, cu, left!, right!, to - from, rest, reads, writes, source, targets);
  }

  /** A CU's columns to those that have places of their own for them. */
  private send({ member, row, source }: RowWork, cu: number): void {
    const { context, job } = this;
    const ring = job.plan.rings[member.buffer]!;
    if (isCommon(ring.left)) return;
    const own = columnsOfCu(member, cu, context.cus);
    const target = rowOf(member, row);
    for (let other = 0; other < context.cus; other++) {
      const { from, to } = sentColumns(member, own, ring.held[other]!);
      if (other === cu || to === from) continue;
      const [here, there] = [cu, other].map((at) => this.resultSlot(member, row, from, at));
      const writes = this.piecesIn(member.buffer, target, 1 << other);
      const reads = [this.piece(member.buffer, target, cu)];
      emitShift(context, COPY, cu, here!, there!, to - from, member.channels, reads, writes, source, 1 << other);
    }
  }

  private store({ member, row, source }: RowWork, cu: number): void {
    const { context, job } = this;
    const { from, to } = columnsOfCu(member, cu, context.cus);
    if (to === from) return;
    const view = viewTensor(context.stages, context.layout, member.stage.output, Math.max(0, job.frame));
    const start = row * member.width;
    const run = { first: start + from, end: start + to, channel: 0, words: member.channels, cu };
    const reads = [this.piece(member.buffer, rowOf(member, row), cu)];
    context.storePixels(view, job.frame, { ...run, ...this.resultSlot(member, row, from, cu) }, source, reads);
  }

  /** CUs that take a CU's results as they are made: those for which they have the same place. */
  private targetsOf(member: BandMember, own: ColumnRange, cu: number): number {
    const { left, held } = this.job.plan.rings[member.buffer]!;
    if (!isCommon(left)) return 1 << cu;
    return held.reduce((mask, range, other) => {
      const { from, to } = sentColumns(member, own, range);
      return to > from ? mask | (1 << other) : mask;
    }, 1 << cu);
  }

  /** A row of a buffer from DRAM, unless it is there. */
  private require(buffer: number, row: number, source: Source): void {
    const { context, job } = this;
    const { tensor, isLoaded, first, channels, pitch } = job.plan.graph.buffers[buffer]!;
    const known = this.loadedRows[buffer]!;
    if (!isLoaded || known.has(row)) return;
    known.add(row);
    const { left, held, width } = job.plan.rings[buffer]!;
    const whole = viewTensor(context.stages, context.layout, tensor, Math.max(0, job.frame), { channelOffset: first, channels });
    const rows = { first: row, end: row + 1, origin: 0 };
    const load = (at: number, cus: number): void => {
      const view = columnsOf(whole, { first: at, end: at + width });
      const pieces = new Map<number, Piece[]>();
      for (let cu = 0; cu < context.cus; cu++) if ((cus >> cu) & 1) pieces.set(cu, this.piecesIn(buffer, row, 1 << cu));
      context.loadRows(view, rows, this.ring(buffer), pitch, cus, job.frame, source, pieces);
    };
    if (isCommon(left)) load(left[0]!, context.allCus);
    else for (const [cu, { from, to }] of held.entries()) if (to > from) load(left[cu]!, 1 << cu);
  }

  private group(at: number, link: LinkPlan, b: number, source: Source): WeightsGroup {
    const key = `${at} ${b}`;
    const known = this.groups.get(key);
    if (known) return known;
    const { weights, address } = this.job.constants[at]!;
    const group = loadGroup(this.context, weights!.blocks[b]!, address!, link.groupLines, link.parts, this.weightLines, source);
    this.groups.set(key, group);
    return group;
  }

  /** A window's geometry on the columns that a CU holds, for those that it makes. */
  private narrow(g: Geometry, buffer: number, { from, to }: ColumnRange, cu: number): Geometry {
    const { left, width } = this.job.plan.rings[buffer]!;
    return { ...g, inWidth: width, outWidth: to - from, padLeft: g.padLeft - from * g.strideW + left[cu]! };
  }

  private ring(buffer: number): Ring {
    const { plan, base } = this.job;
    const { rows, width, base: start } = plan.rings[buffer]!;
    return { base: base + start, words: rows * width * plan.graph.buffers[buffer]!.pitch };
  }

  /** Where a pixel of a buffer lies in a CU. */
  private slot({ buffer, channel }: Pick<BandOperand, 'buffer' | 'channel'>, row: number, column: number, cu: number): PixelSlot {
    const { plan } = this.job;
    const { rows, width, left } = plan.rings[buffer]!;
    const { pitch } = plan.graph.buffers[buffer]!;
    return { base: this.ring(buffer).base + ((row % rows) * width + column - left[cu]!) * pitch + channel, pitch };
  }

  /** A slot for a row of a member's MAC results, in every CU. */
  private nextSlot(at: number): WaitingRow {
    const { context, job } = this;
    const { graph, rings, slotBases } = job.plan;
    const words = rowWordsOf(graph, rings, at);
    const base = job.base + slotBases[this.slotCount++ % slotBases.length]!;
    const pieces = Array.from({ length: context.cus }, (_, cu) => context.list.newPiece(SPACE.maps(cu), base, base + words));
    return { slot: { base, pitch: graph.buffers[graph.members[at]!.buffer]!.pitch }, pieces };
  }

  /** Where results lie from a column of a member's row on. */
  private resultSlot(member: BandMember, row: number, column: number, cu: number): PixelSlot {
    const { place, buffer } = member;
    const at = { buffer, channel: place.channel };
    const { base, pitch } = this.slot(at, rowOf(member, row), column * place.columnScale + place.column, cu);
    return { base, pitch: pitch * place.columnScale };
  }

  private inputPieces(member: BandMember, row: number, cu: number): Piece[] {
    const { first, end } = inputRowsOf(member, row);
    return Array.from({ length: end - first }, (_, i) => this.piece(member.input.buffer, first + i, cu));
  }

  /** A row that was made or loaded before. */
  private piece(buffer: number, row: number, cu: number): Piece {
    const piece = this.pieces[buffer]!.get(row * this.context.cus + cu);
    if (!piece) throw new Error(`band: row ${row} of tensor ${this.job.plan.graph.buffers[buffer]!.tensor} is not in CU ${cu}`);
    return piece;
  }

  /** A row in several CUs, made now where it is new. */
  private piecesIn(buffer: number, row: number, cus: number): Piece[] {
    const { context, job } = this;
    const list: Piece[] = [];
    for (let cu = 0; cu < context.cus; cu++) {
      if (!((cus >> cu) & 1)) continue;
      const key = row * context.cus + cu;
      let piece = this.pieces[buffer]!.get(key);
      if (!piece) {
        const { rows, width } = job.plan.rings[buffer]!;
        const rowWords = width * job.plan.graph.buffers[buffer]!.pitch;
        const start = this.ring(buffer).base + (row % rows) * rowWords;
        piece = context.list.newPiece(SPACE.maps(cu), start, start + rowWords);
        this.pieces[buffer]!.set(key, piece);
      }
      list.push(piece);
    }
    return list;
  }
}

/** Have all CUs the same columns at the same place? */
function isCommon(left: readonly number[]): boolean {
  return left.every((column) => column === left[0]);
}
