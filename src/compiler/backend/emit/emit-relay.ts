/**
 * Emission of a relay: step by step, every CU its pixels; results go to all CUs that hold them. Loads come right before their first reader, stores right behind
 * their maker. Specification: docs/compiler.md, "Relays".
 */

import type { LinkPlan } from '../chain/chain.ts';
import type { Block } from '../mac/blocks.ts';
import type { RelayMember } from '../relay/relay.ts';
import { endsInParts, type RelayPlan } from '../relay/relay-plan.ts';
import { slotPitch } from '../relay/relay-rings.ts';
import { cutRows, FIRST_PARTS, inputSpan, isPixelwise, LAST_PARTS, type RelayStep, type Span, spanOf } from '../relay/relay-steps.ts';
import { runsBehind } from '../relay/relay-stores.ts';
import { type Geometry, isLookUp, isPairWork, type VecWork, vecWorks } from '../stages/stage.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { emitPair, emitPool, emitTable, loadTable, type PixelSlot } from './emit-vec.ts';
import type { LinkConstants } from './link-task.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask } from './mac-task.ts';
import type { RasterOutput, RasterWalk } from './raster-walk.ts';
import { type Pixels, RelayMaps } from './relay-maps.ts';
import { RelayTransfers } from './relay-transfers.ts';

export interface RelayJob {
  readonly plan: RelayPlan;
  /** Where the relay's words begin in the maps buffers. */
  readonly base: number;
  readonly frame: number;
  /** Of every member: its layer, weights and where they are (none without MACs), its activation table. */
  readonly constants: readonly (Pick<LinkConstants, 'layer'> & Partial<LinkConstants> & { readonly tableAddress: number })[];
}

export function* emitRelay(context: EmitContext, job: RelayJob): Generator<void> {
  const emitter = new RelayEmitter(context, job);
  const { steps } = job.plan;
  const keyOf = (member: number, slot: number): string => `${member} ${slot}`;
  const bySlot = new Map(steps.map((step) => [keyOf(step.member, step.slot), step]));
  for (const step of steps) {
    emitter.emit(step);
    // Tables of others, which wait for the last look-up before them, would stand in the way of the next tile's rows; there is room for them a slot ahead.
    const next = bySlot.get(keyOf(step.member, step.slot + 1));
    if (next) emitter.require(next);
    yield;
  }
  emitter.end();
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

/** Where words lie, and their pieces. */
interface Operand {
  readonly slot: PixelSlot;
  readonly pieces: readonly Piece[];
}

class RelayEmitter {
  private readonly context: EmitContext;
  private readonly job: RelayJob;
  private readonly maps: RelayMaps;
  private readonly transfers: RelayTransfers;
  private readonly groups = new Map<string, WeightsGroup>();
  private readonly weightLines: number;
  private slotCount = 0;

  constructor(context: EmitContext, job: RelayJob) {
    this.context = context;
    this.job = job;
    const { links, tiled } = job.plan;
    this.maps = new RelayMaps(context, job.plan, job.base);
    this.transfers = new RelayTransfers(context, job.plan, job.frame, this.maps);
    this.weightLines = links.reduce((sum, link, m) => sum + (link && tiled.has(m) ? link.groupLines * link.blocks.length : 0), 0);
  }

  emit(step: RelayStep): void {
    const { plan } = this.job;
    const member = plan.graph.members[step.member]!;
    const link = plan.links[step.member];
    const source = this.sourceOf(step);
    const parts = this.partsOf(step, member, link);
    this.requireAll(member, parts, source);
    if (link) this.emitMacs(step, member, link, parts, source);
    else this.emitLone(step.member, member, parts, source);
    if (plan.columns) this.transfers.copy(member, parts, source);
    if (!link || !endsInParts(plan, step)) this.transfers.store(step, member, source);
  }

  /** What a step reads from DRAM. */
  require(step: RelayStep): void {
    const member = this.job.plan.graph.members[step.member]!;
    this.requireAll(member, this.partsOf(step, member, this.job.plan.links[step.member]), this.sourceOf(step));
  }

  end(): void {
    this.maps.close();
  }

  private sourceOf({ member, first, end }: RelayStep): Source {
    const { constants, frame } = this.job;
    return { layer: constants[member]!.layer, tile: `${frame > 0 ? `frame ${frame} ` : ''}rows ${first} to ${end}` };
  }

  /** Every CU's pixels, cut into parts where they wait for loads. */
  private partsOf(step: RelayStep, member: RelayMember, link: LinkPlan | undefined): Span[][] {
    const { cus } = this.context;
    const hasColumns = this.maps.hasColumns(member);
    const isWaiting = this.maps.bufferOf(member.input.buffer).loaded.length > 0 && step.slot === 0 && !hasColumns;
    return Array.from({ length: cus }, (_, cu) => {
      const { from, to } = spanOf(step, member, link, cu, cus, hasColumns);
      if (to === from) return [];
      return cutRows({ from, to }, member.width, isWaiting ? FIRST_PARTS : 1);
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
        this.transfers.require(input.buffer, inputSpan(member, span), source);
        if (other) this.transfers.require(other.buffer, other.isPixel ? { from: 0, to: 1 } : span, source);
      }
    }
  }

  private emitMacs(step: RelayStep, member: RelayMember, link: LinkPlan, parts: readonly (readonly Span[])[], source: Source): void {
    const { context, maps } = this;
    const { vec } = member.stage;
    const hasColumns = maps.hasColumns(member);
    const isEnding = endsInParts(this.job.plan, step);
    const stored = isEnding ? runsBehind(this.job.plan.graph, step.member, link.blocks) : [];
    const ending = isEnding ? parts.map((list) => list.flatMap((span) => cutRows(span, member.width, LAST_PARTS))) : parts;
    link.blocks.forEach((block, b) => {
      const own = b === link.blocks.length - 1 ? ending : parts;
      const group = this.group(step.member, link, b, source);
      const home = member.destinations.find(({ from, to }) => from <= block.channel && block.channel < to)!;
      const count = Math.max(...own.map((list) => list.length));
      for (let i = 0; i < count; i++) {
        for (let cu = 0; cu < context.cus; cu++) {
          const span = own[cu]![i];
          const slot = link.slots > 1 ? cu : 0;
          const channels = Math.min(link.cuChannels, block.channels - slot * link.cuChannels);
          if (!span || channels <= 0) continue;
          const channel = home.channel + block.channel + slot * link.cuChannels - home.from;
          const strip = maps.stripOf(member, cu);
          if (!vec) {
            for (const part of maps.heldResults(home.buffer, cu, { ...span, strip })) {
              const to = {
                buffer: home.buffer,
                output: maps.outputFrom(home.buffer, cu, part.from, channel, part.strip?.left),
                writes: maps.piecesIn(home.buffer, part, part.cus, channel, cu),
              };
              this.addMac(member, link, block, { cu, slot, channels }, group, part, part.cus, to, source);
            }
            continue;
          }
          // Vector work passes the results on: from a slot, or from where they stay.
          const wait = this.job.plan.inPlace.includes(step.member)
            ? this.newSlot(cu, link, member, span)
            : {
                ...this.atBuffer(home.buffer, channel, cu, span),
                output: maps.outputFrom(home.buffer, cu, span.from, channel, strip?.left),
              };
          const to = { buffer: home.buffer, ...wait };
          this.addMac(member, link, block, { cu, slot, channels }, group, { ...span, strip }, 1 << cu, to, source);
          const first = block.channel + slot * link.cuChannels;
          if (!hasColumns)
            this.emitVec(
              step.member,
              member,
              vecWorks(member.stage),
              cu,
              wait,
              { buffer: home.buffer, channel },
              span,
              first,
              channels,
              source,
            );
        }
      }
      if (stored[b]) this.transfers.store(step, member, source, stored[b]);
    });
    if (!vec || !hasColumns) return;
    // Few pixels: all channels at once.
    parts.forEach((list, cu) => {
      for (const span of list) {
        for (const { buffer, from, to, channel } of member.destinations) {
          const wait = this.atBuffer(buffer, channel, cu, span);
          this.emitVec(step.member, member, vecWorks(member.stage), cu, wait, { buffer, channel }, span, from, to - from, source);
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
      slotOf: (pixel) => this.maps.slot(buffer, cu, pixel, channel),
      piecesOf: (part) => this.maps.own(buffer, cu, part, isMade ? cu : undefined),
      writes: isMade ? this.maps.piecesIn(buffer, span, 1 << cu, channel, cu) : [],
    };
  }

  private addMac(
    member: RelayMember,
    link: LinkPlan,
    block: Block,
    { cu, slot, channels }: { cu: number; slot: number; channels: number },
    group: WeightsGroup,
    pixels: Pixels,
    targets: number,
    { buffer, output, writes }: Pick<Waiting, 'output' | 'writes'> & { readonly buffer: number },
    source: Source,
  ): void {
    const { context, maps } = this;
    const { input, work } = member;
    const { tapWords, depthwise, clamp } = work!;
    const channel = input.channel + block.inputChannel + (depthwise ? slot * link.cuChannels : 0);
    const walk = this.walk(member, work!, cu, pixels, channel, { buffer, output });
    const task = { cu, ...walk, tapWords, depthwise, lanes: link.lanes, weightsLine: group.line, clamp, targets, channels };
    const read = inputSpan(member, pixels);
    const operands = isPixelwise(work!) ? maps.own(input.buffer, cu, read) : maps.of(input.buffer, cu, read);
    const reads = [...operands, ...group.pieces];
    addMacTask(context, task, source, reads, writes);
  }

  /** A CU's walk over a member's input, windows of some of its pixels. */
  private walk(
    { input }: RelayMember,
    work: { readonly geometry: Geometry },
    cu: number,
    { from, to, strip }: Pixels,
    channelOffset: number,
    { buffer, output }: { readonly buffer: number; readonly output: RasterOutput },
  ): RasterWalk {
    const { job, maps } = this;
    const { geometry } = work;
    const { outWidth } = geometry;
    const y = Math.floor(from / outWidth);
    const { pitch } = maps.bufferOf(input.buffer);
    const ring = maps.ring(input.buffer);
    const walk = { geometry, ring, origin: 0, pixelPitch: pitch, channelOffset, output };
    if (!strip) return { ...walk, raster: { y, x: 0, x0: from - y * outWidth, width: outWidth, count: to - from } };
    const width = strip.right - strip.left;
    const count = ((to - from) / outWidth) * width;
    if (!maps.isOneRow(work, input.buffer, buffer, strip, { from, to })) {
      const { left } = job.plan.columns![input.buffer]![cu]!;
      return {
        ...walk,
        raster: { y, x: strip.left, x0: 0, width, count },
        ring: { ...ring, base: ring.base + (left - maps.originOf(input.buffer, cu)) * pitch },
        columns: { rowWords: ring.rowWords, first: left },
      };
    }
    // A unit begins rows no faster than every `rowPeriod` cycles.
    const start = maps.slot(input.buffer, cu, y * outWidth + strip.left, 0).base;
    return {
      ...walk,
      geometry: { ...geometry, inHeight: 1, inWidth: count, outHeight: 1, outWidth: count },
      ring: { base: start, words: count * pitch },
      raster: { y: 0, x: 0, x0: 0, width: count, count },
      output: { ...output, outBase: output.outBase + output.outOffset, outRing: 0, outOffset: 0, outRowStep: 0 },
    };
  }

  /** Vector work alone, every CU its share. */
  private emitLone(at: number, member: RelayMember, parts: readonly (readonly Span[])[], source: Source): void {
    const { vec, table } = member.stage;
    parts.forEach((list, cu) => {
      for (const span of list) {
        for (const { buffer, from, to, channel } of member.destinations) {
          if (vec?.op === 'max') {
            this.emitPool(member, vec, cu, span, { buffer, channel }, from, to - from, source);
            if (!table) continue;
            const pooled = this.atBuffer(buffer, channel, cu, span);
            this.emitVec(at, member, [table], cu, pooled, { buffer, channel }, span, from, to - from, source);
            continue;
          }
          const input = this.atBuffer(member.input.buffer, member.input.channel + from, cu, span, false);
          this.emitVec(at, member, vecWorks(member.stage), cu, input, { buffer, channel }, span, from, to - from, source);
        }
      }
    });
  }

  /** A CU's windows of a max pool, channels [first, first + words); with a table behind it the results stay where they are looked up. */
  private emitPool(
    member: RelayMember,
    pool: VecWork & { op: 'max' },
    cu: number,
    span: Span,
    output: { buffer: number; channel: number },
    first: number,
    words: number,
    source: Source,
  ): void {
    const { context, maps } = this;
    const { input, stage } = member;
    const made = { ...span, strip: maps.stripOf(member, cu) };
    const held = stage.table ? [{ ...made, cus: 1 << cu }] : maps.heldResults(output.buffer, cu, made);
    for (const { cus, ...pixels } of held) {
      const place = { buffer: output.buffer, output: maps.outputFrom(output.buffer, cu, pixels.from, output.channel, pixels.strip?.left) };
      const walk = this.walk(member, pool, cu, pixels, input.channel + first, place);
      const reads = maps.of(input.buffer, cu, inputSpan(member, pixels));
      const writes = maps.piecesIn(output.buffer, pixels, cus, output.channel, cu);
      emitPool(context, pool, cu, walk, words, reads, writes, source, cus);
    }
  }

  /** A CU's vector work on some of its pixels, channels [first, first + words) of the result; the last operation passes the results on. */
  private emitVec(
    at: number,
    member: RelayMember,
    work: readonly VecWork[],
    cu: number,
    input: Omit<Waiting, 'output'>,
    output: { buffer: number; channel: number },
    span: Span,
    first: number,
    words: number,
    source: Source,
  ): void {
    const { context, job } = this;
    const { tableAddress } = job.constants[at]!;
    const looked = work.some(isLookUp) ? [loadTable(context, tableAddress, source)[cu]!] : [];
    const own = 1 << cu;
    const { maps } = this;
    const { other } = member;
    const strip = maps.stripOf(member, cu);
    for (const held of maps.heldResults(output.buffer, cu, { ...span, strip })) {
      const buffers = [output.buffer, ...input.buffers, ...(other && !other.isPixel ? [other.buffer] : [])];
      for (const { from, rows, width } of maps.runsOf(buffers, held)) {
        const line = maps.bufferOf(output.buffer).width;
        const whole = strip ? this.rowsFrom(from, (rows * width) / (strip.right - strip.left), line) : { from, to: from + width };
        let place = input.slotOf(from);
        let reads = input.piecesOf(whole);
        // Behind MACs all but the last operation are done where the results wait.
        const isWaiting = input.writes.length > 0;
        work.forEach((operation, i) => {
          const isLast = i === work.length - 1;
          const targets = isLast ? held.cus : own;
          const isMoved = isLast || !isWaiting;
          const out = isMoved ? maps.slot(output.buffer, cu, from, output.channel) : place;
          const writes = isMoved ? maps.piecesIn(output.buffer, whole, targets, output.channel, cu) : reads;
          if (operation.op === 'table') {
            emitTable(context, operation, cu, place, out, width, words, [...reads, ...looked], writes, source, targets, rows);
          } else if (isPairWork(operation)) {
            const second = this.operandOf(other!, cu, from, whole, first);
            const operands = [...reads, ...second.pieces, ...(isLookUp(operation) ? looked : [])];
            emitPair(context, operation, cu, place, second.slot, out, width, words, operands, writes, source, targets, rows);
          }
          place = out;
          reads = isMoved ? maps.piecesIn(output.buffer, whole, own, output.channel, cu) : reads;
        });
      }
    }
  }

  /** Where a second operand lies: pixels from one on, or the only one. */
  private operandOf(other: NonNullable<RelayMember['other']>, cu: number, from: number, pixels: Span, first: number): Operand {
    const { maps } = this;
    const channel = other.channel + first;
    if (other.isPixel) return { slot: maps.slot(other.buffer, cu, 0, channel), pieces: maps.of(other.buffer, cu, { from: 0, to: 1 }) };
    return { slot: maps.slot(other.buffer, cu, from, channel), pieces: maps.own(other.buffer, cu, pixels) };
  }

  /** Whole rows from the row of a pixel on. */
  private rowsFrom(pixel: number, rows: number, width: number): Span {
    const from = Math.floor(pixel / width) * width;
    return { from, to: from + rows * width };
  }

  private group(member: number, link: LinkPlan, b: number, source: Source): WeightsGroup {
    const { weights, address } = this.job.constants[member]!;
    const key = `${member} ${b}`;
    const known = this.groups.get(key);
    if (known) return known;
    const isTiled = this.job.plan.tiled.has(member);
    const held = isTiled ? this.weightLines : 0;
    const group = loadGroup(this.context, weights!.blocks[b]!, address!, link.groupLines, link.parts, held, source);
    if (isTiled) this.groups.set(key, group);
    return group;
  }
}
