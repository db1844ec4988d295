/**
 * What a relay loads, stores and sends: rows from DRAM into the CUs that hold them, each once, what others read from the CU that has it, and columns from CU to CU.
 * Specification: docs/compiler.md, "Relays".
 */
import { viewTensor } from '../layout/dram-layout.ts';
import type { RelayBuffer, RelayMember } from '../relay/relay.ts';
import { endsInParts, type RelayPlan } from '../relay/relay-plan.ts';
import { cutRows, LAST_PARTS, type RelayStep, type Span, shareOf } from '../relay/relay-steps.ts';
import { joinChannels, type ResultRun, storesOf } from '../relay/relay-stores.ts';
import type { View } from '../stages/view.ts';
import type { Piece } from '../tasks/task.ts';
import type { EmitContext, Source } from './emit-context.ts';
import { COPY, emitShift } from './emit-vec.ts';
import type { RelayMaps } from './relay-maps.ts';

/** Words of a load worth cutting. */
const LARGE_LOAD_WORDS = 2048;

export class RelayTransfers {
  private readonly context: EmitContext;
  private readonly plan: RelayPlan;
  private readonly frame: number;
  private readonly maps: RelayMaps;
  private readonly loadedRows: Set<number>[];

  constructor(context: EmitContext, plan: RelayPlan, frame: number, maps: RelayMaps) {
    this.context = context;
    this.plan = plan;
    this.frame = frame;
    this.maps = maps;
    this.loadedRows = plan.graph.buffers.map(() => new Set());
  }

  /** What others read of a member's results (`made`: of these channels, runsBehind): every CU stores its share of the pixels. */
  store(step: RelayStep, member: RelayMember, source: Source, made: ResultRun = { from: 0, to: member.channels }): void {
    const { context, plan, frame, maps } = this;
    const { destinations } = member;
    const parts = endsInParts(plan, step) && made.to === member.channels ? LAST_PARTS : 1;
    for (const { buffer, ...all } of storesOf(plan.graph, step.member)) {
      const isSome = made.to - made.from < member.channels;
      const first = destinations[0]!.channel;
      const { channel, end } = isSome ? { channel: first + made.from, end: first + made.to } : all;
      const view = this.view(plan.graph.buffers[buffer]!);
      for (const { from, to, cu } of this.storedRuns(step, member, buffer, parts)) {
        const run = { first: from, end: to, channel, words: end - channel, cu, ...maps.slot(buffer, cu, from, channel) };
        context.storePixels(view, frame, run, source, maps.own(buffer, cu, { from, to }));
      }
    }
  }

  /** Columns that other CUs read, where they do not come as results: every vector unit sends some of what its CU made. */
  copy({ destinations }: RelayMember, parts: readonly (readonly Span[])[], source: Source): void {
    const { context, maps } = this;
    for (const { buffer, channel, end } of joinChannels(destinations)) {
      parts.forEach((list, cu) => {
        for (const span of list) {
          for (const sent of maps.sent(buffer, cu)) {
            const reads = maps.own(buffer, cu, span);
            const writes = maps.copiedPieces(buffer, cu, sent, span);
            for (const { from, rows, width } of maps.runsOf([buffer], { ...span, strip: sent })) {
              const [here, there] = [cu, sent.target].map((at) => maps.slot(buffer, at, from, channel));
              emitShift(context, COPY, cu, here!, there!, width, end - channel, reads, writes, source, 1 << sent.target, rows);
            }
          }
        }
      });
    }
  }

  /** Pixels that CUs store, one behind the other in their maps, in the order in which they are made. */
  private storedRuns(step: RelayStep, member: RelayMember, buffer: number, parts: number): (Span & { readonly cu: number })[] {
    const { context, maps } = this;
    const { width } = member;
    const byCu = Array.from({ length: context.cus }, (_, cu) => {
      const share = shareOf(step, member, cu, context.cus, maps.hasColumns(member));
      if (share.to === share.from) return [];
      const strip = maps.stripOf(member, cu);
      if (strip) return [rowsOf(step, width).map((row) => ({ from: row + strip.left, to: row + strip.right, cu }))];
      const spans = parts > 1 ? cutRows(share, width, parts) : [share];
      return spans.map((span) => maps.runsOf([buffer], span).map((run) => ({ from: run.from, to: run.from + run.width, cu })));
    });
    return Array.from({ length: parts }, (_, i) => byCu.flatMap((list) => list[i] ?? [])).flat();
  }

  /** A buffer's words in DRAM. */
  private view({ tensor, isPlain, first, channels }: RelayBuffer): View {
    const { context, frame } = this;
    const view = viewTensor(context.stages, context.layout, tensor, Math.max(0, frame));
    if (!isPlain) return view;
    const { scatters: _, isVirtual: __, ...plain } = view;
    return { ...plain, address: plain.address + first, channels };
  }

  /** Load rows of a buffer that are not there, into all CUs that hold them at one time or another. */
  require(buffer: number, { from, to }: Span, source: Source): void {
    const { plan } = this;
    const { maps } = this;
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
      const cus = maps.holdersOf(buffer, row);
      const ringEnd = row + plan.rings[buffer]!.rows - (row % plan.rings[buffer]!.rows);
      let last = row + 1;
      while (
        last < end &&
        last < ringEnd &&
        !known.has(last) &&
        (last - row) * rowWords < LARGE_LOAD_WORDS &&
        maps.holdersOf(buffer, last) === cus
      )
        last++;
      if (plan.columns?.[buffer]) this.loadColumns(buffer, row, last, source);
      else this.load(buffer, row, last, cus, source);
      for (let r = row; r < last; r++) known.add(r);
      row = last;
    }
  }

  private load(buffer: number, first: number, end: number, cus: number, source: Source): void {
    const { context, plan, frame } = this;
    const { loaded, width, pitch } = plan.graph.buffers[buffer]!;
    const { base, words } = this.maps.ring(buffer);
    const view = this.view(plan.graph.buffers[buffer]!);
    const pieces = new Map<number, Piece[]>();
    for (const run of loaded) {
      for (let cu = 0; cu < context.cus; cu++) {
        if ((cus >> cu) & 1) pieces.set(cu, this.maps.piecesIn(buffer, { from: first * width, to: end * width }, 1 << cu, run.first));
      }
      const slice = { ...view, address: view.address + run.first, channels: run.end - run.first };
      const ring = { base: base + run.first, words };
      context.loadRows(slice, { first, end, origin: 0 }, ring, pitch, cus, frame, source, pieces);
    }
  }

  /** Rows cut where other CUs hold their columns. */
  private loadColumns(buffer: number, first: number, end: number, source: Source): void {
    const { context, frame, maps } = this;
    const { loaded, width, pitch, channels } = maps.bufferOf(buffer);
    const { base, words, rowWords } = maps.ring(buffer);
    const view = this.view(maps.bufferOf(buffer));
    const isDense = view.pixelPitch === channels && pitch === channels;
    for (const { left, right, cus } of maps.heldColumns(buffer)) {
      for (const run of loaded) {
        const slice = { ...view, address: view.address + run.first, channels: run.end - run.first };
        const origin = maps.originOf(buffer, Math.log2(cus & -cus));
        const place = { base: base + (left - origin) * pitch + run.first, ring: words };
        if (isDense && slice.channels === channels) {
          const writes = maps.piecesIn(buffer, { from: first * width, to: end * width }, cus, run.first);
          const rows = { dramAddress: view.address + first * view.rowPitch + left * view.pixelPitch, dramStep: view.rowPitch };
          const to = { ...place, offset: (first * rowWords) % words, step: rowWords, rows: end - first, words: (right - left) * pitch };
          context.loadRuns(slice, { ...rows, ...to }, writes, frame, source, cus);
          continue;
        }
        for (let row = first; row < end; row++) {
          const writes = maps.piecesIn(buffer, { from: row * width, to: (row + 1) * width }, cus, run.first);
          const pixels = { dramAddress: slice.address + row * view.rowPitch + left * view.pixelPitch, dramStep: view.pixelPitch };
          const to = { ...place, offset: (row * rowWords) % words, step: pitch, rows: right - left, words: slice.channels };
          context.loadRuns(slice, { ...pixels, ...to }, writes, frame, source, cus);
        }
      }
    }
  }
}

/** First pixels of a step's rows. */
function rowsOf({ first, end }: RelayStep, width: number): number[] {
  return Array.from({ length: end - first }, (_, i) => (first + i) * width);
}
