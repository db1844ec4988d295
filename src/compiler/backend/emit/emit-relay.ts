/**
 * Emission of a relay: step by step, every CU its pixels; results go to all CUs that hold them. Loads come right before their first reader, stores right behind
 * their maker. Specification: docs/compiler.md, "Relays".
 */

import type { LinkPlan } from '../chain/chain.ts';
import { viewTensor } from '../layout/dram-layout.ts';
import type { Block } from '../mac/blocks.ts';
import type { Ring } from '../mac/source-walk.ts';
import type { RelayBuffer, RelayMember } from '../relay/relay.ts';
import { inputSpan, type RelayPlan, type RelayStep, type Span, shareOf, slotPitch, spanOf } from '../relay/relay-plan.ts';
import { isPairWork } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { emitPair, emitTable, loadTable, type PixelSlot } from './emit-vec.ts';
import type { LinkConstants } from './link-task.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask, type RasterOutput } from './mac-task.ts';

export interface RelayJob {
  readonly plan: RelayPlan;
  /** Where the relay's words begin in the maps buffers. */
  readonly base: number;
  readonly frame: number;
  /** Of every member: its layer, weights and where they are (none without MACs), its activation table. */
  readonly constants: readonly (Pick<LinkConstants, 'layer'> & Partial<LinkConstants> & { readonly tableAddress: number })[];
}

/** A step whose input comes from DRAM begins with so many parts of every CU's pixels, so that computation starts when the first are there. */
const FIRST_PARTS = 4;
/** Words of a load worth cutting. */
const LARGE_LOAD_WORDS = 2048;

export function* emitRelay(context: EmitContext, job: RelayJob): Generator<void> {
  const emitter = new RelayEmitter(context, job);
  for (const step of job.plan.steps) {
    emitter.emit(step);
    yield;
  }
}

/** Where a CU's results wait for vector work, or its operand lies: `slotOf` a pixel, `piecesOf` some pixels; rings that it goes round. */
interface Waiting {
  readonly buffers: readonly number[];
  readonly slotOf: (pixel: number) => PixelSlot;
  readonly piecesOf: (span: Span) => Piece[];
  readonly output: RasterOutput;
  /** None where somebody else made it. */
  readonly writes: readonly Piece[];
}

/** Pixels with the CUs (a mask) that hold them. */
interface HeldSpan extends Span {
  readonly cus: number;
}

class RelayEmitter {
  private readonly context: EmitContext;
  private readonly job: RelayJob;
  /** Pieces of rows by buffer: row · CUs + CU. */
  private readonly pieces: Map<number, Piece>[];
  private readonly loadedRows: Set<number>[];
  private readonly groups = new Map<string, WeightsGroup>();
  private readonly weightLines: number;
  private slotCount = 0;

  constructor(context: EmitContext, job: RelayJob) {
    this.context = context;
    this.job = job;
    const { graph, links, isTiled } = job.plan;
    this.pieces = graph.buffers.map(() => new Map());
    this.loadedRows = graph.buffers.map(() => new Set());
    const lines = links.reduce((sum, link) => sum + (link ? link.groupLines * link.blocks.length : 0), 0);
    this.weightLines = isTiled ? lines : 0;
  }

  emit(step: RelayStep): void {
    const { plan, constants, frame } = this.job;
    const member = plan.graph.members[step.member]!;
    const link = plan.links[step.member];
    const source: Source = {
      layer: constants[step.member]!.layer,
      tile: `${frame > 0 ? `frame ${frame} ` : ''}rows ${step.first} to ${step.end}`,
    };
    const parts = this.partsOf(step, member, link);
    this.requireAll(member, parts, source);
    if (link) this.emitMacs(step, member, link, parts, source);
    else this.emitLone(step.member, member, parts, source);
    this.store(step, member, source);
  }

  /** Every CU's pixels, cut into parts where they wait for loads. */
  private partsOf(step: RelayStep, member: RelayMember, link: LinkPlan | undefined): Span[][] {
    const { cus } = this.context;
    const { buffers } = this.job.plan.graph;
    const isWaiting = buffers[member.input.buffer]!.loaded.length > 0 && step.slot === 0;
    return Array.from({ length: cus }, (_, cu) => {
      const { from, to } = spanOf(step, member, link, cu, cus);
      if (to === from) return [];
      const rows = Math.ceil((to - from) / member.width);
      const count = isWaiting ? Math.min(rows, FIRST_PARTS) : 1;
      const cuts = Array.from({ length: count + 1 }, (__, i) =>
        i === count ? to : i === 0 ? from : (Math.floor(from / member.width) + Math.round((rows * i) / count)) * member.width,
      );
      return cuts.slice(1).flatMap((end, i) => (end > cuts[i]! ? [{ from: cuts[i]!, to: end }] : []));
    });
  }

  /** Operands from DRAM, in the order in which the parts need them. */
  private requireAll(member: RelayMember, parts: readonly (readonly Span[])[], source: Source): void {
    const { input, other } = member;
    const count = Math.max(...parts.map((list) => list.length));
    for (let i = 0; i < count; i++) {
      for (const list of parts) {
        const span = list[i];
        if (!span) continue;
        this.require(input.buffer, inputSpan(member, span), source);
        if (other) this.require(other.buffer, other.isPixel ? { from: 0, to: 1 } : span, source);
      }
    }
  }

  private emitMacs(step: RelayStep, member: RelayMember, link: LinkPlan, parts: readonly (readonly Span[])[], source: Source): void {
    const { context } = this;
    const { vec } = member.stage;
    link.blocks.forEach((block, b) => {
      const group = this.group(step.member, link, b, source);
      const home = member.destinations.find(({ from, to }) => from <= block.channel && block.channel < to)!;
      const count = Math.max(...parts.map((list) => list.length));
      for (let i = 0; i < count; i++) {
        for (let cu = 0; cu < context.cus; cu++) {
          const span = parts[cu]![i];
          const slot = link.slots > 1 ? cu : 0;
          const channels = Math.min(link.cuChannels, block.channels - slot * link.cuChannels);
          if (!span || channels <= 0) continue;
          const channel = home.channel + block.channel + slot * link.cuChannels - home.from;
          if (!vec) {
            for (const part of this.heldSpans(home.buffer, span)) {
              const to = { output: this.outputFrom(home.buffer, part.from, channel), writes: this.piecesIn(home.buffer, part, part.cus) };
              this.addMac(member, link, block, { cu, slot, channels }, group, part, part.cus, to, source);
            }
            continue;
          }
          // Vector work passes the results on: from a slot, or from where they stay.
          const wait = this.job.plan.inPlace.includes(step.member)
            ? this.newSlot(cu, link, member, span)
            : { ...this.atBuffer(home.buffer, channel, cu, span), output: this.outputFrom(home.buffer, span.from, channel) };
          this.addMac(member, link, block, { cu, slot, channels }, group, span, 1 << cu, wait, source);
          const first = block.channel + slot * link.cuChannels;
          this.emitVec(step.member, member, cu, wait, { buffer: home.buffer, channel }, span, first, channels, source);
        }
      }
    });
  }

  /** A slot in which a CU's results wait for their second operand. */
  private newSlot(cu: number, link: LinkPlan, { width }: RelayMember, { from, to }: Span): Waiting {
    const { context, job } = this;
    const { slotBases } = job.plan;
    const pitch = slotPitch(link);
    const base = job.base + slotBases[Math.floor(this.slotCount++ / context.cus) % slotBases.length]!;
    const piece = context.list.newPiece(SPACE.maps(cu), base, base + ((from % width) + to - from) * pitch);
    const origin = from - (from % width);
    return {
      buffers: [],
      slotOf: (pixel) => ({ base: base + (pixel - origin) * pitch, pitch }),
      piecesOf: () => [piece],
      output: { outBase: base, outRing: 0, outOffset: 0, outRowStep: width * pitch, outColStep: pitch },
      writes: [piece],
    };
  }

  /** Pixels of a buffer as operands of vector work. */
  private atBuffer(buffer: number, channel: number, cu: number, span: Span, isMade = true): Omit<Waiting, 'output'> {
    return {
      buffers: [buffer],
      slotOf: (pixel) => this.slot(buffer, pixel, channel),
      piecesOf: (part) => this.of(buffer, cu, part),
      writes: isMade ? this.piecesIn(buffer, span, 1 << cu) : [],
    };
  }

  private addMac(
    member: RelayMember,
    link: LinkPlan,
    block: Block,
    { cu, slot, channels }: { cu: number; slot: number; channels: number },
    group: WeightsGroup,
    { from, to }: Span,
    targets: number,
    { output, writes }: Pick<Waiting, 'output' | 'writes'>,
    source: Source,
  ): void {
    const { context, job } = this;
    const { input, work } = member;
    const { geometry, tapWords, depthwise, clamp } = work!;
    const { outWidth } = geometry;
    const y = Math.floor(from / outWidth);
    const read = inputSpan(member, { from, to });
    addMacTask(
      context,
      {
        cu,
        geometry,
        ring: this.ring(input.buffer),
        origin: 0,
        pixelPitch: job.plan.graph.buffers[input.buffer]!.pitch,
        channelOffset: input.channel + block.inputChannel + (depthwise ? slot * link.cuChannels : 0),
        tapWords,
        depthwise,
        lanes: link.lanes,
        weightsLine: group.line,
        clamp,
        raster: { y, x: 0, x0: from - y * outWidth, width: outWidth, count: to - from },
        output,
        targets,
        channels,
      },
      source,
      [...this.of(input.buffer, cu, read), ...group.pieces],
      writes,
    );
  }

  /** Vector work alone, every CU its share. */
  private emitLone(at: number, member: RelayMember, parts: readonly (readonly Span[])[], source: Source): void {
    parts.forEach((list, cu) => {
      for (const span of list) {
        for (const { buffer, from, to, channel } of member.destinations) {
          const input = this.atBuffer(member.input.buffer, member.input.channel + from, cu, span, false);
          this.emitVec(at, member, cu, input, { buffer, channel }, span, from, to - from, source);
        }
      }
    });
  }

  /** A CU's vector work on some of its pixels, channels [first, first + words) of the result; the last operation passes the results on. */
  private emitVec(
    at: number,
    { stage, other }: RelayMember,
    cu: number,
    input: Omit<Waiting, 'output'>,
    output: { buffer: number; channel: number },
    span: Span,
    first: number,
    words: number,
    source: Source,
  ): void {
    const { context, job } = this;
    const { vec, table, isTableFirst } = stage;
    const { tableAddress } = job.constants[at]!;
    const hasTable = vec?.op === 'table' || table !== undefined;
    const looked = hasTable ? [loadTable(context, tableAddress, source)[cu]!] : [];
    const own = 1 << cu;
    for (const held of this.heldSpans(output.buffer, span)) {
      const buffers = [...input.buffers, output.buffer, ...(other && !other.isPixel ? [other.buffer] : [])];
      for (const { from, to } of this.linearRuns(buffers, held)) {
        const count = to - from;
        let place = input.slotOf(from);
        let reads = input.piecesOf({ from, to });
        // Behind MACs all but the last operation are done where the results wait.
        const isWaiting = input.writes.length > 0;
        const work = [...(table && isTableFirst ? [table] : []), ...(vec ? [vec] : []), ...(table && !isTableFirst ? [table] : [])];
        work.forEach((operation, i) => {
          const isLast = i === work.length - 1;
          const targets = isLast ? held.cus : own;
          const isMoved = isLast || !isWaiting;
          const out = isMoved ? this.slot(output.buffer, from, output.channel) : place;
          const writes = isMoved ? this.piecesIn(output.buffer, { from, to }, targets) : reads;
          if (operation.op === 'table') {
            emitTable(context, operation, cu, place, out, count, words, [...reads, ...looked], writes, source, targets);
          } else if (isPairWork(operation)) {
            const pixel = other!.isPixel ? { from: 0, to: 1 } : { from, to };
            const second = this.slot(other!.buffer, pixel.from, other!.channel + first);
            const operands = [...reads, ...this.of(other!.buffer, cu, pixel)];
            emitPair(context, operation, cu, place, second, out, count, words, operands, writes, source, targets);
          }
          place = out;
          reads = isMoved ? this.piecesIn(output.buffer, { from, to }, own) : reads;
        });
      }
    }
  }

  /** What others read: every CU stores its share of the pixels. */
  private store(step: RelayStep, member: RelayMember, source: Source): void {
    const { context, job } = this;
    const runs = new Map<number, { channel: number; end: number }[]>();
    for (const { buffer, from, to, channel } of [...member.destinations].sort((a, b) => a.channel - b.channel)) {
      if (!job.plan.graph.buffers[buffer]!.isStored) continue;
      const list = runs.get(buffer) ?? [];
      const last = list.at(-1);
      if (last?.end === channel) last.end = channel + to - from;
      else list.push({ channel, end: channel + to - from });
      runs.set(buffer, list);
    }
    for (const [buffer, list] of runs) {
      const view = this.view(job.plan.graph.buffers[buffer]!);
      for (let cu = 0; cu < context.cus; cu++) {
        for (const { from, to } of this.linearRuns([buffer], shareOf(step, member, cu, context.cus))) {
          for (const { channel, end } of list) {
            const run = { first: from, end: to, channel, words: end - channel, cu, ...this.slot(buffer, from, channel) };
            context.storePixels(view, job.frame, run, source, this.of(buffer, cu, { from, to }));
          }
        }
      }
    }
  }

  /** A buffer's words in DRAM. */
  private view({ tensor, isPlain, first, channels }: RelayBuffer): View {
    const { context, job } = this;
    const view = viewTensor(context.stages, context.layout, tensor, Math.max(0, job.frame));
    if (!isPlain) return view;
    const { scatters: _, isVirtual: __, ...plain } = view;
    return { ...plain, address: plain.address + first, channels };
  }

  /** Load rows of a buffer that are not there, into all CUs that hold them at one time or another. */
  private require(buffer: number, { from, to }: Span, source: Source): void {
    const { plan } = this.job;
    const { width, loaded } = plan.graph.buffers[buffer]!;
    const known = this.loadedRows[buffer]!;
    if (loaded.length === 0) return;
    const end = Math.ceil(to / width);
    const rowWords = width * plan.graph.buffers[buffer]!.pitch;
    for (let row = Math.floor(from / width); row < end; ) {
      if (known.has(row)) {
        row++;
        continue;
      }
      const cus = this.holdersOf(buffer, row);
      const ringEnd = row + plan.rings[buffer]!.rows - (row % plan.rings[buffer]!.rows);
      let last = row + 1;
      while (
        last < end &&
        last < ringEnd &&
        !known.has(last) &&
        (last - row) * rowWords < LARGE_LOAD_WORDS &&
        this.holdersOf(buffer, last) === cus
      )
        last++;
      this.load(buffer, row, last, cus, source);
      for (let r = row; r < last; r++) known.add(r);
      row = last;
    }
  }

  private load(buffer: number, first: number, end: number, cus: number, source: Source): void {
    const { context, job } = this;
    const { loaded, width, pitch } = job.plan.graph.buffers[buffer]!;
    const { base, words } = this.ring(buffer);
    const view = this.view(job.plan.graph.buffers[buffer]!);
    const pieces = new Map<number, Piece[]>();
    for (let cu = 0; cu < context.cus; cu++) {
      if ((cus >> cu) & 1) pieces.set(cu, this.piecesIn(buffer, { from: first * width, to: end * width }, 1 << cu));
    }
    for (const run of loaded) {
      const slice = { ...view, address: view.address + run.first, channels: run.end - run.first };
      const ring = { base: base + run.first, words };
      context.loadRows(slice, { first, end, origin: 0 }, ring, pitch, cus, job.frame, source, pieces);
    }
  }

  /** CUs that hold some of a row. */
  private holdersOf(buffer: number, row: number): number {
    const { width } = this.job.plan.graph.buffers[buffer]!;
    return this.heldSpans(buffer, { from: row * width, to: (row + 1) * width }).reduce((mask, { cus }) => mask | cus, 0);
  }

  /** Pixels cut where other CUs hold them. */
  private heldSpans(buffer: number, { from, to }: Span): HeldSpan[] {
    const byCu = this.job.plan.held[buffer]!;
    const cuts = new Set([from, to]);
    for (const spans of byCu) {
      for (const span of spans) {
        if (span.from > from && span.from < to) cuts.add(span.from);
        if (span.to > from && span.to < to) cuts.add(span.to);
      }
    }
    const sorted = [...cuts].sort((a, b) => a - b);
    const result: { from: number; to: number; cus: number }[] = [];
    for (let i = 1; i < sorted.length; i++) {
      const [low, high] = [sorted[i - 1]!, sorted[i]!];
      const cus = byCu.reduce(
        (mask, spans, cu) => (spans.some((span) => span.from <= low && high <= span.to) ? mask | (1 << cu) : mask),
        0,
      );
      const last = result.at(-1);
      if (last && last.cus === cus) last.to = high;
      else result.push({ from: low, to: high, cus });
    }
    return result;
  }

  /** Pixels cut where one of the rings begins anew. */
  private linearRuns(buffers: readonly number[], { from, to }: Span): Span[] {
    const cuts = new Set([from, to]);
    for (const buffer of buffers) {
      const { width } = this.job.plan.graph.buffers[buffer]!;
      const turn = this.job.plan.rings[buffer]!.rows * width;
      for (let at = Math.ceil(from / turn) * turn; at < to; at += turn) cuts.add(at);
    }
    const sorted = [...cuts].sort((a, b) => a - b);
    return sorted.slice(1).map((end, i) => ({ from: sorted[i]!, to: end }));
  }

  private group(member: number, link: LinkPlan, b: number, source: Source): WeightsGroup {
    const { weights, address } = this.job.constants[member]!;
    const key = `${member} ${b}`;
    const known = this.job.plan.isTiled ? this.groups.get(key) : undefined;
    if (known) return known;
    const group = loadGroup(this.context, weights!.blocks[b]!, address!, link.groupLines, link.parts, this.weightLines, source);
    this.groups.set(key, group);
    return group;
  }

  private ring(buffer: number): Ring {
    const { plan, base } = this.job;
    const { width, pitch } = plan.graph.buffers[buffer]!;
    const ring = plan.rings[buffer]!;
    return { base: base + ring.base, words: ring.rows * width * pitch };
  }

  /** Where a pixel lies. */
  private slot(buffer: number, pixel: number, channel: number): PixelSlot {
    const { width, pitch } = this.job.plan.graph.buffers[buffer]!;
    const { base, words } = this.ring(buffer);
    const row = Math.floor(pixel / width);
    return { base: base + ((row * width * pitch) % words) + (pixel - row * width) * pitch + channel, pitch };
  }

  /** Where results go that are a buffer's pixels, from the row of this one on. */
  private outputFrom(buffer: number, pixel: number, channel: number): RasterOutput {
    const { width, pitch } = this.job.plan.graph.buffers[buffer]!;
    const { base, words } = this.ring(buffer);
    const row = Math.floor(pixel / width);
    const rowWords = width * pitch;
    return {
      outBase: base + channel,
      outRing: words,
      outOffset: (row * rowWords) % words,
      outRowStep: rowWords % words,
      outColStep: pitch,
    };
  }

  /** Pieces of the rows of some pixels in a CU, which were made or loaded before. */
  private of(buffer: number, cu: number, { from, to }: Span): Piece[] {
    const { width } = this.job.plan.graph.buffers[buffer]!;
    const list: Piece[] = [];
    for (let row = Math.floor(from / width); row * width < to; row++) {
      const piece = this.pieces[buffer]!.get(row * this.context.cus + cu);
      if (!piece) throw new Error(`relay: row ${row} of tensor ${this.job.plan.graph.buffers[buffer]!.tensor} is not in CU ${cu}`);
      list.push(piece);
    }
    return list;
  }

  /** The same in several CUs, made now where they are new. */
  private piecesIn(buffer: number, { from, to }: Span, cus: number): Piece[] {
    const { context } = this;
    const { width, pitch } = this.job.plan.graph.buffers[buffer]!;
    const { base, words } = this.ring(buffer);
    const rowWords = width * pitch;
    const list: Piece[] = [];
    for (let row = Math.floor(from / width); row * width < to; row++) {
      for (let cu = 0; cu < context.cus; cu++) {
        if (!((cus >> cu) & 1)) continue;
        const key = row * context.cus + cu;
        let piece = this.pieces[buffer]!.get(key);
        if (!piece) {
          const start = base + ((row * rowWords) % words);
          piece = context.list.newPiece(SPACE.maps(cu), start, start + rowWords);
          this.pieces[buffer]!.set(key, piece);
        }
        list.push(piece);
      }
    }
    return list;
  }
}
