/**
 * A relay's maps while it is emitted: where a pixel lies, which CUs hold it, and the pieces of its rows. Specification: docs/compiler.md, "Relays".
 */
import type { Ring } from '../mac/source-walk.ts';
import type { RelayBuffer, RelayMember } from '../relay/relay.ts';
import { cutHeld, type HeldSpan } from '../relay/relay-gaps.ts';
import { type Sent, sentColumns } from '../relay/relay-halo.ts';
import type { RelayPlan } from '../relay/relay-plan.ts';
import type { RelayPage } from '../relay/relay-rings.ts';
import { type Columns, isPixelwise, ownColumns, type Span, spanOf } from '../relay/relay-steps.ts';
import type { Geometry } from '../stages/stage.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext } from './emit-context.ts';
import type { PixelSlot } from './emit-vec.ts';
import type { RasterOutput } from './raster-walk.ts';

/** Columns with the CUs (a mask) that hold them. */
export interface HeldColumns extends Columns {
  readonly cus: number;
}

/** Some pixels of a map: whole rows or parts of them, or of whole rows the columns of a strip. */
export interface Pixels extends Span {
  readonly strip?: Columns | undefined;
}

/** Pixels with the CUs (a mask) that hold them. */
interface HeldPixels extends Pixels {
  readonly cus: number;
}

/** Pixels that lie alike in several buffers: `rows` rows of `width` pixels, from one pixel on. */
export interface PixelRows {
  readonly from: number;
  readonly rows: number;
  readonly width: number;
}

export class RelayMaps {
  private readonly context: EmitContext;
  private readonly plan: RelayPlan;
  private readonly base: number;
  /** Of every buffer: pixels at which a CU's share of some rows begins, in ascending order. */
  private readonly seams: readonly (readonly number[])[];
  /** Buffers of which several CUs make the same pixels, other channels. */
  private readonly isDealt: readonly boolean[];
  /**
   * Pieces of rows by buffer, cut where another CU's share begins, one for each CU that makes channels of them (CUs do not wait for each other's results): first pixel ·
   * CUs + CU, then run of channels.
   */
  private readonly pieces: Map<number, Map<number, readonly Piece[]>>[];
  /** Pieces of columns that other CUs made. */
  private readonly copies = new Map<number, Piece>();
  /** Pages in use by CU: first word, end. */
  private readonly openPages = new Map<number, Map<number, number>>();

  /** @param base Where the relay's words begin in the maps buffers. */
  constructor(context: EmitContext, plan: RelayPlan, base: number) {
    this.context = context;
    this.plan = plan;
    this.base = base;
    this.pieces = plan.graph.buffers.map(() => new Map());
    this.seams = findSeams(plan, context.cus);
    const { members, buffers } = plan.graph;
    const dealt = new Set(
      members.flatMap(({ destinations }, m) => ((plan.links[m]?.slots ?? 1) > 1 ? destinations.map(({ buffer }) => buffer) : [])),
    );
    this.isDealt = buffers.map((_, b) => dealt.has(b));
  }

  bufferOf(buffer: number): RelayBuffer {
    return this.plan.graph.buffers[buffer]!;
  }

  /** Has every CU columns of its own of a member's result? */
  hasColumns({ input }: RelayMember): boolean {
    return this.plan.columns?.[input.buffer] !== undefined;
  }

  /** Which ones. */
  stripOf(member: RelayMember, cu: number): Columns | undefined {
    return this.hasColumns(member) ? ownColumns(member.width, cu, this.context.cus) : undefined;
  }

  /** Rows of a buffer, and words from row to row. */
  ring(buffer: number): Ring & { readonly rowWords: number } {
    const { rows, rowPixels, base } = this.plan.rings[buffer]!;
    const rowWords = rowPixels * this.bufferOf(buffer).pitch;
    return { base: this.base + base, words: rows * rowWords, rowWords };
  }

  /** The column at the beginning of a CU's rows. */
  originOf(buffer: number, cu: number): number {
    const columns = this.plan.columns?.[buffer];
    return columns && this.plan.rings[buffer]!.isApart ? columns[cu]!.left : 0;
  }

  /** Where a pixel lies in a CU. */
  slot(buffer: number, cu: number, pixel: number, channel: number): PixelSlot {
    const { width, pitch } = this.bufferOf(buffer);
    const { base, words, rowWords } = this.ring(buffer);
    const row = Math.floor(pixel / width);
    const column = pixel - row * width - this.originOf(buffer, cu);
    return { base: base + ((row * rowWords) % words) + column * pitch + channel, pitch, rowStep: rowWords };
  }

  /** Where a CU's results go that are a buffer's pixels, from the row of this one on, columns from `left` on. */
  outputFrom(buffer: number, cu: number, pixel: number, channel: number, left = 0): RasterOutput {
    const { width, pitch } = this.bufferOf(buffer);
    const { base, words, rowWords } = this.ring(buffer);
    const row = Math.floor(pixel / width);
    return {
      outBase: base + (left - this.originOf(buffer, cu)) * pitch + channel,
      outRing: words,
      outOffset: (row * rowWords) % words,
      outRowStep: rowWords % words,
      outColStep: pitch,
    };
  }

  /** Do rows of a CU's columns of both buffers lie one behind the other, so that work on pixels sees one row? */
  isOneRow(
    work: { readonly geometry: Geometry },
    from: number,
    to: number,
    { left, right }: Columns,
    { from: first, to: end }: Span,
  ): boolean {
    if (!isPixelwise(work)) return false;
    return [from, to].every((buffer) => {
      const { rows, rowPixels } = this.plan.rings[buffer]!;
      const { width } = this.bufferOf(buffer);
      const count = (end - first) / width;
      return rowPixels === right - left && ((first / width) % rows) + count <= rows;
    });
  }

  /** CUs that hold some of a row. */
  holdersOf(buffer: number, row: number): number {
    const { width } = this.bufferOf(buffer);
    return this.heldSpans(buffer, { from: row * width, to: (row + 1) * width }).reduce((mask, { cus }) => mask | cus, 0);
  }

  /** Pixels cut where other CUs hold them. */
  heldSpans(buffer: number, span: Span): HeldSpan[] {
    return cutHeld(this.plan.held[buffer]!, span);
  }

  /** The same of a CU's results: where CUs have columns of their own all go to the same CUs, where they have rows of their own to itself. */
  heldResults(buffer: number, maker: number, { from, to, strip }: Pixels): HeldPixels[] {
    if (this.plan.own.has(buffer)) return [{ from, to, strip, cus: 1 << maker }];
    if (!strip) return this.heldSpans(buffer, { from, to });
    const columns = this.plan.columns![buffer];
    if (!columns) return this.heldRows(buffer, { from, to }, strip);
    if (this.plan.rings[buffer]!.isCopied) return [{ from, to, strip, cus: 1 << maker }];
    const cus = columns.reduce((mask, { left, right }, cu) => (left <= strip.left && strip.right <= right ? mask | (1 << cu) : mask), 0);
    return [{ from, to, strip, cus }];
  }

  /** Columns of some rows of a whole map, cut where other CUs hold them; rows that go to the same CUs are one. */
  private heldRows(buffer: number, { from, to }: Span, { left, right }: Columns): HeldPixels[] {
    const { width } = this.bufferOf(buffer);
    const list: HeldPixels[] = [];
    for (let row = from; row < to; row += width) {
      const spans = this.heldSpans(buffer, { from: row + left, to: row + right });
      const last = list.at(-1);
      if (spans.length === 1 && last?.cus === spans[0]!.cus && last.strip!.left === left && last.strip!.right === right) {
        list[list.length - 1] = { ...last, to: row + width };
        continue;
      }
      for (const span of spans) {
        const strip = { left: span.from - row, right: span.to - row };
        list.push({ from: row, to: row + width, strip, cus: span.cus });
      }
    }
    return list;
  }

  /** Columns of a buffer cut where other CUs hold them. */
  heldColumns(buffer: number): HeldColumns[] {
    const byCu = this.plan.columns![buffer]!;
    const cuts = [...new Set(byCu.flatMap(({ left, right }) => [left, right]))].sort((a, b) => a - b);
    return cuts.slice(1).flatMap((right, i) => {
      const left = cuts[i]!;
      const cus = byCu.reduce((mask, held, cu) => (held.left <= left && right <= held.right ? mask | (1 << cu) : mask), 0);
      return cus ? [{ left, right, cus }] : [];
    });
  }

  /** Pixels of some buffers cut where one of the rings begins anew. */
  runsOf(buffers: readonly number[], { from, to, strip }: Pixels): PixelRows[] {
    const { width } = this.bufferOf(buffers[0]!);
    const cuts = new Set([from, to]);
    for (const buffer of buffers) {
      const turn = this.plan.rings[buffer]!.rows * width;
      for (let at = Math.ceil(from / turn) * turn; at < to; at += turn) cuts.add(at);
    }
    const sorted = [...cuts].sort((a, b) => a - b);
    return sorted.slice(1).map((end, i): PixelRows => {
      const first = sorted[i]!;
      const rows = (end - first) / width;
      if (!strip) return { from: first, rows: 1, width: end - first };
      const { left, right } = strip;
      const columns = right - left;
      const isOneRow = buffers.every((buffer) => this.plan.rings[buffer]!.rowPixels === columns);
      return isOneRow ? { from: first + left, rows: 1, width: rows * columns } : { from: first + left, rows, width: columns };
    });
  }

  /** Rows that some pixels lie in, cut where shares of CUs begin: those stretches that have some of the pixels. */
  private stretchesOf(buffer: number, { from, to, strip }: Pixels): Span[] {
    const { width } = this.bufferOf(buffer);
    const seams = this.seams[buffer]!;
    const list: Span[] = [];
    if (strip && !this.plan.columns![buffer]) {
      for (let row = from; row < to; row += width)
        list.push(...this.stretchesOf(buffer, { from: row + strip.left, to: row + strip.right }));
      return list;
    }
    for (let row = Math.floor(from / width); row * width < to; row++) {
      const end = (row + 1) * width;
      let first = row * width;
      for (const seam of seams) {
        if (seam <= first || seam >= end) continue;
        if (seam > from && first < to) list.push({ from: first, to: seam });
        first = seam;
      }
      if (first < to) list.push({ from: first, to: end });
    }
    return list;
  }

  /** Pieces of some pixels in a CU, which were made or loaded before: its own columns and those of other CUs. */
  of(buffer: number, cu: number, span: Span): Piece[] {
    const { cus } = this.context;
    const list = this.own(buffer, cu, span);
    if (!this.plan.rings[buffer]!.isCopied) return list;
    const { width, tensor } = this.bufferOf(buffer);
    for (let maker = 0; maker < cus; maker++) {
      if (!this.sent(buffer, maker).some(({ target }) => target === cu)) continue;
      for (let row = Math.floor(span.from / width); row * width < span.to; row++) {
        const piece = this.copies.get(this.keyOfCopy(buffer, row, maker, cu));
        if (!piece) throw new Error(`relay: row ${row} of tensor ${tensor} is not copied from CU ${maker} to CU ${cu}`);
        list.push(piece);
      }
    }
    return list;
  }

  /** The same without copies of what other CUs made: what one CU made, or all. */
  own(buffer: number, cu: number, { from, to }: Span, maker?: number): Piece[] {
    const { width, tensor } = this.bufferOf(buffer);
    const list: Piece[] = [];
    // Windows that see nothing but padding, or nothing but copies.
    const held = this.columnsMade(buffer, cu);
    if (held && held.left >= held.right) return list;
    for (const { from: first } of this.stretchesOf(buffer, { from, to })) {
      const runs = this.pieces[buffer]!.get(first * this.context.cus + cu);
      if (!runs) throw new Error(`relay: row ${Math.floor(first / width)} of tensor ${tensor} is not in CU ${cu}`);
      for (const pieces of runs.values()) list.push(...madeBy(pieces, maker));
    }
    return list;
  }

  /** The same in several CUs, of the channels that are made or loaded with one of them; made now where they are new. */
  piecesIn(buffer: number, pixels: Pixels, cus: number, channel: number, maker?: number): Piece[] {
    const { context } = this;
    const list: Piece[] = [];
    for (const part of this.stretchesOf(buffer, pixels)) {
      for (let cu = 0; cu < context.cus; cu++) {
        if (!((cus >> cu) & 1)) continue;
        const key = part.from * context.cus + cu;
        const known = this.pieces[buffer]!.get(key) ?? new Map<number, readonly Piece[]>();
        this.pieces[buffer]!.set(key, known);
        const run = this.runOf(buffer, channel);
        const pieces = known.get(run) ?? this.newPieces(buffer, part, cu, run);
        known.set(run, pieces);
        list.push(...madeBy(pieces, maker));
      }
    }
    return list;
  }

  /** Nothing of the relay stays: what comes later lies in rows of other forms. */
  close(): void {
    for (const cu of this.openPages.keys()) this.closePages(cu, 0, Number.POSITIVE_INFINITY);
  }

  /** Columns that a CU sends to others as copies. */
  sent(buffer: number, cu: number): readonly Sent[] {
    const { columns, rings } = this.plan;
    return rings[buffer]!.isCopied ? sentColumns(columns![buffer]!, this.bufferOf(buffer).width, cu) : [];
  }

  /** Pieces of the columns of some rows that a CU copies to another one. */
  copiedPieces(buffer: number, maker: number, { target, left, right }: Sent, { from, to }: Span): Piece[] {
    const { width, pitch } = this.bufferOf(buffer);
    const { base, words, rowWords } = this.ring(buffer);
    const origin = this.originOf(buffer, target);
    const list: Piece[] = [];
    for (let row = Math.floor(from / width); row * width < to; row++) {
      const key = this.keyOfCopy(buffer, row, maker, target);
      const start = base + ((row * rowWords) % words);
      const piece =
        this.copies.get(key) ??
        this.context.list.newPiece(SPACE.maps(target), start + (left - origin) * pitch, start + (right - origin) * pitch);
      this.copies.set(key, piece);
      list.push(piece);
    }
    return list;
  }

  private keyOfCopy(buffer: number, row: number, maker: number, target: number): number {
    const { cus } = this.context;
    return ((row * cus + maker) * cus + target) * this.plan.graph.buffers.length + buffer;
  }

  /** Columns of a buffer that are one piece in a CU, where every CU has columns of its own: those that it made where others are copied, else all. */
  private columnsMade(buffer: number, cu: number): Columns | undefined {
    const { columns, rings } = this.plan;
    return rings[buffer]!.isCopied ? ownColumns(this.bufferOf(buffer).width, cu, this.context.cus) : columns?.[buffer]?.[cu];
  }

  /** Channels of a page are made run by run, all others together. */
  private runOf(buffer: number, channel: number): number {
    const { page, base } = this.plan.rings[buffer]!;
    if (!page) return 0;
    const at = base - page.base + channel;
    return page.runs.findIndex(({ left, right }) => left <= at && at < right);
  }

  /** Pieces of a stretch of a row, one for each CU that makes channels of it. */
  private newPieces(buffer: number, part: Span, cu: number, run: number): readonly Piece[] {
    const { list, cus } = this.context;
    const { width, pitch } = this.bufferOf(buffer);
    const { page } = this.plan.rings[buffer]!;
    const { base, words, rowWords } = this.ring(buffer);
    const row = Math.floor(part.from / width);
    const offset = (row * rowWords) % words;
    const makers = this.isDealt[buffer] ? cus : 1;
    if (!page) {
      const { left, right } = this.columnsMade(buffer, cu) ?? { left: part.from - row * width, right: part.to - row * width };
      const origin = this.originOf(buffer, cu);
      const [from, to] = [base + offset + (left - origin) * pitch, base + offset + (right - origin) * pitch];
      this.closePages(cu, from, to);
      return list.newPieces(SPACE.maps(cu), from, to, makers);
    }
    // A run of channels of a row has words all over it. Among themselves such pieces are told apart as if channels lay one behind the other, all pixels of each.
    this.openPage(cu, page);
    const start = this.base + page.base + offset;
    const { left, right } = page.runs[run]!;
    return list.newPieces(SPACE.maps(cu), start + left * width, start + right * width, makers);
  }

  /** What was there before is waited for by all that comes to the page. */
  private openPage(cu: number, { base, words }: RelayPage): void {
    const open = this.openPages.get(cu) ?? new Map<number, number>();
    this.openPages.set(cu, open);
    const [from, to] = [this.base + base, this.base + base + words];
    if (open.has(from)) return;
    this.closePages(cu, from, to);
    this.context.list.newPiece(SPACE.maps(cu), from, to);
    open.set(from, to);
  }

  /** Pages on some words that others take: these wait for all that was there. */
  private closePages(cu: number, from: number, to: number): void {
    const open = this.openPages.get(cu);
    for (const [start, end] of [...(open ?? [])]) {
      if (end <= from || to <= start) continue;
      this.context.list.newPiece(SPACE.maps(cu), start, end);
      open!.delete(start);
    }
  }
}

function madeBy(pieces: readonly Piece[], maker: number | undefined): readonly Piece[] {
  return maker === undefined || pieces.length === 1 ? pieces : [pieces[maker]!];
}

/** Where shares of the CUs that make a buffer begin; where CUs have columns of their own every row has all of a CU's, and in pages pieces are whole rows. */
function findSeams({ graph, steps, links, columns, rings }: RelayPlan, cus: number): number[][] {
  const seams = graph.buffers.map(() => new Set<number>());
  for (const step of steps) {
    const member = graph.members[step.member]!;
    if (columns?.[member.input.buffer]) continue;
    for (let cu = 0; cu < cus; cu++) {
      const { from, to } = spanOf(step, member, links[step.member], cu, cus, false);
      for (const { buffer } of member.destinations) seams[buffer]!.add(from).add(to);
    }
  }
  return seams.map((list, b) => (rings[b]!.page ? [] : [...list].sort((x, y) => x - y)));
}
