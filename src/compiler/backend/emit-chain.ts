import { bodyChannels, CHAIN_SLOTS, type ChainPlan, type ChainWork, isGathered, type LinkPlan, resultSlots } from './chain.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { emitPair } from './emit-vec.ts';
import { addLinkTask, type Link, type LinkConstants } from './link-task.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask, type RasterOutput } from './mac-task.ts';
import { RowRing } from './row-ring.ts';
import type { Geometry, MacWork } from './stage.ts';
import { type Piece, SPACE } from './task.ts';
import { inputRows, slotOfPart } from './tile-rows.ts';
import type { View } from './view.ts';
import { PixelCosts } from './window-cost.ts';

export interface ChainJob {
  readonly work: ChainWork;
  readonly plan: ChainPlan;
  readonly bases: readonly number[];
  readonly head: LinkConstants | undefined;
  /** Of the body's branches. */
  readonly branches: readonly LinkConstants[];
  readonly tail: LinkConstants | undefined;
  readonly frame: number;
  readonly input: View;
  readonly output: View;
  readonly other: View | undefined;
  /** Where a stored head's results go, and its second operand. */
  readonly headOutput: View;
  readonly headOther: View | undefined;
}

/** What a tile's body left for the tail. */
interface BodyResult {
  readonly tile: number;
  readonly bounds: readonly number[];
  readonly slot: number;
  readonly pieces: readonly Piece[];
}

export function* emitChain(context: EmitContext, job: ChainJob): Generator<void> {
  const emitter = new ChainEmitter(context, job);
  const { tiles } = emitter;
  emitter.makeHead(0);
  let waiting: BodyResult | undefined;
  for (let t = 0; t < tiles; t++) {
    if (t + 1 < tiles) emitter.makeHead(t + 1);
    const made = emitter.makeBody(t);
    if (waiting) emitter.makeTail(waiting);
    waiting = made;
    yield;
  }
  if (waiting) emitter.makeTail(waiting);
}

class ChainEmitter {
  readonly tiles: number;
  private readonly context: EmitContext;
  private readonly job: ChainJob;
  private readonly geometry: Geometry;
  private readonly head: Link | undefined;
  /** The widest branch, and all of them. */
  private readonly body: Link;
  private readonly branches: readonly Link[];
  private readonly tail: Link | undefined;
  private readonly input: RowRing;
  /** Rows that the body reads: the input itself, or the head's results. */
  private readonly bodyInput: RowRing;
  private readonly bodySlots: readonly number[];
  private readonly resultSlots: readonly number[];
  private readonly otherSlots: readonly number[];
  private readonly bodyCosts: PixelCosts;
  private readonly headCosts: PixelCosts | undefined;
  /** Rows of a stored head's second operand. */
  private readonly headOther: RowRing | undefined;
  private headDone = 0;

  constructor(context: EmitContext, job: ChainJob) {
    this.context = context;
    this.job = job;
    const { work, plan, bases } = job;
    this.geometry = work.body.geometry;
    this.tiles = Math.ceil(this.geometry.outHeight / plan.tileRows);
    const link = (linkWork: MacWork, linkPlan: LinkPlan, constants: LinkConstants): Link => ({
      work: linkWork,
      plan: linkPlan,
      constants,
      groups: [],
    });
    this.head = work.head && plan.head && job.head ? link(work.head, plan.head, job.head) : undefined;
    this.branches = work.branches.map((branch, i) => link(branch.work, plan.branches[i]!, job.branches[i]!));
    this.body = this.branches[plan.branches.indexOf(plan.body)]!;
    this.tail = work.tail && plan.tail && job.tail ? link(work.tail, plan.tail, job.tail) : undefined;
    const first = this.head ?? this.body;
    this.input = new RowRing(context, job.input, bases[0]!, first.work.geometry.inWidth, first.plan.pixelPitch, plan.inputRows, job.frame);
    this.bodyInput = this.head
      ? new RowRing(context, undefined, bases[1]!, this.geometry.inWidth, plan.body.pixelPitch, plan.headRows, job.frame)
      : this.input;
    this.bodySlots = bases.slice(2, 2 + CHAIN_SLOTS);
    const results = resultSlots(context.machine);
    this.resultSlots = bases.slice(2 + CHAIN_SLOTS, 2 + CHAIN_SLOTS + results);
    this.otherSlots = bases.slice(2 + CHAIN_SLOTS + results, -1);
    const { otherRows, body } = plan;
    if (otherRows > 0) {
      const { inWidth } = this.geometry;
      this.headOther = new RowRing(context, job.headOther, bases.at(-1)!, inWidth, body.pixelPitch, otherRows, job.frame);
    }
    this.bodyCosts = new PixelCosts(work.body, plan.body.lanes, plan.body.adjacent);
    this.headCosts = this.head && new PixelCosts(this.head.work, this.head.plan.lanes, this.head.plan.adjacent);
  }

  /** Lines of all links, which stay to the end. */
  private get weightLines(): number {
    const { head, branches, tail } = this.job.plan;
    return [head, ...branches, tail].reduce((sum, link) => sum + (link ? link.groupLines * link.blocks.length : 0), 0);
  }

  private source(link: Link, tile: number): Source {
    return { layer: link.constants.layer, tile: `${this.job.frame > 0 ? `frame ${this.job.frame} ` : ''}tile ${tile}` };
  }

  private rowsOf(tile: number): [number, number] {
    const y0 = tile * this.job.plan.tileRows;
    return [y0, Math.min(this.geometry.outHeight, y0 + this.job.plan.tileRows)];
  }

  private group(link: Link, b: number, source: Source): WeightsGroup {
    let group = link.groups[b];
    if (!group) {
      const { weights, address } = link.constants;
      group = loadGroup(this.context, weights.blocks[b]!, address, link.plan.groupLines, link.plan.parts, this.weightLines, source);
      link.groups[b] = group;
    }
    return group;
  }

  /** Make the head's rows that the tile's body needs and that are not there yet. */
  makeHead(tile: number): void {
    const { head, context } = this;
    const [y0, y1] = this.rowsOf(tile);
    const need = inputRows(this.body.work, y0, y1);
    if (!head) {
      this.input.require(need.first, need.end, this.source(this.body, tile));
      return;
    }
    const first = Math.max(this.headDone, need.first);
    if (first >= need.end) return;
    this.headDone = need.end;
    const source = this.source(head, tile);
    const g = head.work.geometry;
    this.bodyInput.make(first, need.end);
    const reach = inputRows(head.work, first, need.end);
    this.input.require(reach.first, reach.end, source);
    const bounds = this.headCosts!.partition(first * g.outWidth, need.end * g.outWidth, head.plan.parts);
    head.plan.blocks.forEach((block, b) => {
      const group = this.group(head, b, source);
      for (let p = 0; p < head.plan.parts; p++) {
        const [from, to] = [bounds[p]!, bounds[p + 1]!];
        if (from === to) continue;
        const ya = Math.floor(from / g.outWidth);
        const yb = Math.floor((to - 1) / g.outWidth) + 1;
        const output = this.bodyInput.outputFrom(ya);
        const writes = Array.from({ length: context.cus }, (_, cu) => this.bodyInput.of(cu, ya, yb)).flat();
        for (let s = 0; s < head.plan.slots; s++) {
          const cu = s * head.plan.parts + p;
          addLinkTask(context, head, {
            block,
            group,
            slot: s,
            cu,
            input: this.input,
            from,
            to,
            column: 0,
            output,
            targets: context.allCus,
            writes,
            source,
          });
        }
      }
    });
    if (this.job.work.stored) this.storeHead(first, need.end, source);
  }

  /** Rows of a head that others read too: every CU adds the second operand to its copy, one of them is stored. */
  private storeHead(first: number, end: number, source: Source): void {
    const { context, job, headOther, bodyInput } = this;
    const vec = job.work.stored?.vec;
    const { pixelPitch: pitch } = bodyInput;
    const { inWidth: width } = this.geometry;
    const home = context.nextHome();
    headOther?.require(first, end, source);
    for (let r = first; r < end; r++) {
      const base = bodyInput.ring.base + bodyInput.offsetOf(r);
      if (vec && headOther) {
        const b = { base: headOther.ring.base + headOther.offsetOf(r), pitch };
        for (let cu = 0; cu < context.cus; cu++) {
          const row = bodyInput.of(cu, r, r + 1);
          const operands = [...row, ...headOther.of(cu, r, r + 1)];
          emitPair(context, vec, cu, { base, pitch }, b, { base, pitch }, width, pitch, operands, row, source);
        }
      }
      const run = { first: r * width, end: (r + 1) * width, channel: 0, words: pitch, cu: home, base, pitch };
      context.storePixels(job.headOutput, job.frame, run, source, bodyInput.of(home, r, r + 1));
    }
  }

  /** The tile's body, gathered in one CU and stored. */
  private gatherBody(tile: number): void {
    const { body, context, job } = this;
    const { outWidth } = this.geometry;
    const [y0, y1] = this.rowsOf(tile);
    const source = this.source(body, tile);
    const pixels = { first: y0 * outWidth, end: y1 * outWidth };
    const bounds = this.bodyCosts.partition(pixels.first, pixels.end, body.plan.parts);
    const home = context.nextHome();
    const base = this.resultSlots[tile % this.resultSlots.length]!;
    const pitch = body.work.outChannels;
    const piece = context.list.newPiece(SPACE.maps(home), base, base + job.plan.resultWords);
    body.plan.blocks.forEach((block, b) => {
      const group = this.group(body, b, source);
      for (let p = 0; p < body.plan.parts; p++) {
        const [from, to] = [bounds[p]!, bounds[p + 1]!];
        if (from === to) continue;
        const outBase = base + (Math.floor(from / outWidth) - y0) * outWidth * pitch;
        const output: RasterOutput = { outBase, outRing: 0, outOffset: 0, outRowStep: outWidth * pitch, outColStep: pitch };
        const part = { block, group, input: this.bodyInput, from, to, column: 0, output, targets: 1 << home, writes: [piece], source };
        for (let slot = 0; slot < body.plan.slots; slot++) addLinkTask(context, body, { ...part, slot, cu: slot * body.plan.parts + p });
      }
    });
    context.storePixels(job.output, job.frame, { ...pixels, channel: 0, words: pitch, cu: home, base, pitch }, source, [piece]);
  }

  /** The tile's body: every CU its own pixels, all channels. Nothing is left to do where it is gathered and stored at once. */
  makeBody(tile: number): BodyResult | undefined {
    if (isGathered(this.job.plan)) {
      this.gatherBody(tile);
      return undefined;
    }
    const { body, context } = this;
    const { outWidth } = this.geometry;
    const [y0, y1] = this.rowsOf(tile);
    const bounds = this.bodyCosts.partition(y0 * outWidth, y1 * outWidth, body.plan.parts);
    const slot = this.bodySlots[tile % CHAIN_SLOTS]!;
    const pitch = bodyChannels(this.job.work);
    const pieces = Array.from({ length: context.cus }, (_, cu) =>
      context.list.newPiece(SPACE.maps(cu), slot, slot + this.job.plan.bodyWords),
    );
    this.branches.forEach((branch, i) => {
      const source = this.source(branch, tile);
      const base = slot + this.job.work.branches[i]!.channel;
      branch.plan.blocks.forEach((block, b) => {
        const group = this.group(branch, b, source);
        for (let cu = 0; cu < context.cus; cu++) {
          const [from, to] = [bounds[cu]!, bounds[cu + 1]!];
          if (from === to) continue;
          const { offset } = slotOfPart(from, to, outWidth);
          // Pixel i of the part at slot + (offset + i)·pitch.
          const output: RasterOutput = { outBase: base, outRing: 0, outOffset: 0, outRowStep: outWidth * pitch, outColStep: pitch };
          const column = (from % outWidth) - offset;
          const at = { input: this.bodyInput, from, to, column, output, targets: 1 << cu, writes: [pieces[cu]!] };
          addLinkTask(context, branch, { block, group, slot: 0, cu, ...at, source });
        }
      });
    });
    return { tile, bounds, slot, pieces };
  }

  /** Without a tail: every CU stores what it made. */
  private storeBody({ tile, bounds, slot, pieces }: BodyResult): void {
    const { body, context, job } = this;
    const pitch = body.work.outChannels;
    pieces.forEach((piece, cu) => {
      const [first, end] = [bounds[cu]!, bounds[cu + 1]!];
      if (first === end) return;
      const base = slot + slotOfPart(first, end, this.geometry.outWidth).offset * pitch;
      const run = { first, end, channel: 0, words: pitch, cu, base, pitch };
      context.storePixels(job.output, job.frame, run, this.source(body, tile), [piece]);
    });
  }

  /** The tail over a tile whose body was made before. */
  makeTail({ tile, bounds, slot, pieces }: BodyResult): void {
    const { tail, context, job } = this;
    if (!tail) {
      this.storeBody({ tile, bounds, slot, pieces });
      return;
    }
    const { outWidth } = this.geometry;
    const source = this.source(tail, tile);
    const home = context.nextHome();
    const result = this.resultSlots[tile % this.resultSlots.length]!;
    const resultPiece = context.list.newPiece(SPACE.maps(home), result, result + job.plan.resultWords);
    const pitch = tail.work.outChannels;
    const bodyPitch = bodyChannels(job.work);
    const first = bounds[0]!;
    tail.plan.blocks.forEach((block, b) => {
      const group = this.group(tail, b, source);
      for (let cu = 0; cu < context.cus; cu++) {
        const count = bounds[cu + 1]! - bounds[cu]!;
        if (count === 0) continue;
        const geometry: Geometry = { ...tail.work.geometry, inHeight: 1, inWidth: count, outHeight: 1, outWidth: count };
        const base = slot + slotOfPart(bounds[cu]!, bounds[cu + 1]!, outWidth).offset * bodyPitch;
        addMacTask(
          context,
          {
            cu,
            geometry,
            ring: { base, words: count * bodyPitch },
            origin: 0,
            pixelPitch: bodyPitch,
            channelOffset: 0,
            tapWords: tail.work.tapWords,
            depthwise: false,
            lanes: tail.plan.lanes,
            weightsLine: group.line,
            clamp: tail.work.clamp,
            raster: { y: 0, x: 0, x0: 0, width: count, count },
            output: {
              outBase: result + (bounds[cu]! - first) * pitch + block.channel,
              outRing: 0,
              outOffset: 0,
              outRowStep: count * pitch,
              outColStep: pitch,
            },
            targets: 1 << home,
            channels: Math.min(tail.plan.cuChannels, block.channels),
          },
          source,
          [pieces[cu]!, ...group.pieces],
          [resultPiece],
        );
      }
    });
    const pixels = { first, end: bounds.at(-1)! };
    const count = pixels.end - first;
    const { vec } = job.work.stage;
    if (vec?.op === 'add') {
      const base = this.otherSlots[tile % this.otherSlots.length]!;
      const other = context.loadPixels(job.other!, job.frame, { ...pixels, channel: 0, words: pitch, cu: home, base, pitch }, source);
      const at = { base: result, pitch };
      emitPair(context, vec, home, at, { base, pitch }, at, count, pitch, [resultPiece, other], [resultPiece], source);
    }
    context.storePixels(job.output, job.frame, { ...pixels, channel: 0, words: pitch, cu: home, base: result, pitch }, source, [
      resultPiece,
    ]);
  }
}
