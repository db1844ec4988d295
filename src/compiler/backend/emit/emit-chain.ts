/**
 * Emission of a row chain: strip by strip, tile by tile; each link is a tile behind the one before, so that no unit waits for what was only just made.
 * Specification: docs/compiler.md, "Chains".
 */
import {
  bodyChannels,
  CHAIN_SLOTS,
  type ChainPlan,
  type ChainWork,
  type LinkPlan,
  linksOfChain,
  type PassWork,
  resultSlots,
} from '../chain/chain.ts';
import { type Range, type Strip, tileRanges } from '../chain/chain-extent.ts';
import { slotOfPart } from '../mac/tile-rows.ts';
import { PixelCosts } from '../mac/window-cost.ts';
import type { Geometry } from '../stages/stage.ts';
import { columnsOf, type View } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { emitPair } from './emit-vec.ts';
import { addLinkTask, type Link, type LinkConstants } from './link-task.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask } from './mac-task.ts';
import type { Raster, RasterOutput } from './raster-walk.ts';
import { RowRing } from './row-ring.ts';

export interface ChainJob {
  readonly work: ChainWork;
  readonly plan: ChainPlan;
  readonly bases: readonly number[];
  /** Of the links, in order. */
  readonly constants: readonly LinkConstants[];
  readonly frame: number;
  readonly input: View;
  readonly output: View;
  /** The last pass's second operand in DRAM. */
  readonly other: View | undefined;
  /** Where the tensors inside the chain (1, 2, …) would be in DRAM: a stored head's results, columns that the next strip needs. */
  readonly inner: readonly View[];
  /** A stored head's second operand. */
  readonly headOther: View | undefined;
}

/** What a tile's body left in the CUs. */
interface BodyResult {
  readonly bounds: readonly number[];
  readonly slot: number;
  readonly pieces: readonly Piece[];
}

export function* emitChain(context: EmitContext, job: ChainJob): Generator<void> {
  const { plan } = job;
  const lines = linksOfChain(plan).reduce((sum, link) => sum + link.groupLines * link.blocks.length, 0);
  const groups = linksOfChain(plan).map((): (WeightsGroup | undefined)[] => []);
  for (let s = 0; s < plan.strips.length; s++) yield* new StripEmitter(context, job, s, groups, lines).run();
}

/** A pass on a strip. */
interface Pass {
  readonly work: PassWork;
  readonly links: readonly Link[];
  readonly body: Link;
  readonly tail: Link | undefined;
  readonly costs: PixelCosts;
  /** What it reads, and rows that each tile makes. */
  readonly ring: RowRing;
  readonly made: readonly Range[];
  readonly slots: readonly number[];
  readonly slotWords: number;
  readonly results: Map<number, BodyResult>;
}

class StripEmitter {
  private readonly context: EmitContext;
  private readonly job: ChainJob;
  private readonly strip: Strip;
  private readonly index: number;
  private readonly needed: readonly Range[][];
  private readonly passes: readonly Pass[];
  private readonly weightLines: number;
  private readonly output: View;
  private readonly other: View | undefined;
  private readonly resultSlots: readonly number[];
  private readonly otherSlots: readonly number[];
  /** Rows of a stored head's second operand. */
  private readonly headOther: RowRing | undefined;

  constructor(context: EmitContext, job: ChainJob, index: number, groups: readonly (WeightsGroup | undefined)[][], weightLines: number) {
    this.context = context;
    this.job = job;
    this.index = index;
    this.weightLines = weightLines;
    const { plan, work, bases, frame } = job;
    const strip = plan.strips[index]!;
    this.strip = strip;
    this.needed = tileRanges(work.passes, plan.tileRows);
    this.output = columnsOf(job.output, strip.output);
    this.other = job.other && columnsOf(job.other, strip.output);
    const count = strip.passes.length;
    const constants = [...job.constants];
    const kept = [...groups];
    this.passes = strip.passes.map((pass, k): Pass => {
      const own = plan.passes[k]!;
      const linkOf = (linkWork: Link['work'], linkPlan: LinkPlan): Link => ({
        work: linkWork,
        plan: linkPlan,
        constants: constants.shift()!,
        groups: kept.shift()!,
      });
      const branches = pass.branches.map((branch, i) => linkOf(branch.work, own.branches[i]!));
      const tail = pass.tail && linkOf(pass.tail, own.tail!);
      const body = branches.find((link) => link.work === pass.body)!;
      const columns = strip.rings[k]!;
      const source = k === 0 ? columnsOf(job.input, { first: columns.left, end: columns.end }) : undefined;
      const { pixelPitch } = own.body;
      const ring = new RowRing(context, source, bases[k]!, columns.end - columns.left, pixelPitch, own.ringRows, frame);
      const slots = bases.slice(count + k * CHAIN_SLOTS, count + (k + 1) * CHAIN_SLOTS);
      const costs = new PixelCosts(pass.body, own.body.lanes, own.body.adjacent);
      const made = this.needed[k + 1]!;
      return { work: pass, links: branches, body, tail, costs, ring, made, slots, slotWords: own.slotWords, results: new Map() };
    });
    const results = resultSlots(context.machine);
    const rest = bases.slice(count + count * CHAIN_SLOTS);
    this.resultSlots = rest.slice(0, results);
    this.otherSlots = rest.slice(results, 2 * results);
    if (plan.otherRows > 0) {
      const { ring, body } = this.passes[1]!;
      const columns = strip.rings[1]!;
      const view = columnsOf(job.headOther!, { first: columns.left, end: columns.end });
      this.headOther = new RowRing(context, view, bases.at(-1)!, body.work.geometry.inWidth, ring.pixelPitch, plan.otherRows, frame);
    }
  }

  *run(): Generator<void> {
    const links = this.passes.flatMap(({ tail }, k) => [
      (tile: number) => this.makeBody(k, tile),
      ...(tail ? [(tile: number) => this.makeTail(k, tile)] : []),
    ]);
    const tiles = this.needed[0]!.length;
    const { lag } = this.job.plan;
    for (let step = 0; step < tiles + (links.length - 1) * lag; step++) {
      links.forEach((make, p) => {
        const tile = step - p * lag;
        if (tile >= 0 && tile < tiles) make(tile);
      });
      yield;
    }
  }

  private source(link: Link, tile: number): Source {
    const frame = this.job.frame > 0 ? `frame ${this.job.frame} ` : '';
    const strip = this.job.plan.strips.length > 1 ? `strip ${this.index} ` : '';
    return { layer: link.constants.layer, tile: `${frame}${strip}tile ${tile}` };
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

  /** The rows of the chain's input, and the body of pass k on them. */
  private makeBody(k: number, tile: number): void {
    const pass = this.passes[k]!;
    const { first, end } = pass.made[tile]!;
    if (k === 0) {
      const rows = this.needed[0]![tile]!;
      pass.ring.require(rows.first, rows.end, this.source(pass.body, tile));
    }
    if (first === end) return;
    if (pass.tail) {
      pass.results.set(tile, this.makeOwn(pass, tile));
    } else if (k < this.passes.length - 1) {
      this.openRows(k + 1, tile);
      this.makeShared(pass, tile, this.context.allCus, this.ringTarget(k + 1));
      this.closeRows(k + 1, tile);
    } else if (this.job.plan.gathered) {
      this.gather(pass, tile, (home, result, piece) =>
        this.makeShared(pass, tile, 1 << home, (from) => {
          const { outWidth, pitch } = this.resultShape(pass);
          const output: RasterOutput = {
            outBase: result + (Math.floor(from / outWidth) - first) * outWidth * pitch,
            outRing: 0,
            outOffset: 0,
            outRowStep: outWidth * pitch,
            outColStep: pitch,
          };
          return { output, pieces: [piece] };
        }),
      );
    } else {
      this.storeOwn(pass, tile, this.makeOwn(pass, tile));
    }
  }

  private makeTail(k: number, tile: number): void {
    const pass = this.passes[k]!;
    const made = pass.results.get(tile);
    if (!made) return;
    pass.results.delete(tile);
    if (k < this.passes.length - 1) {
      this.openRows(k + 1, tile);
      this.tailTasks(pass, tile, made, this.context.allCus, this.ringTarget(k + 1));
      this.closeRows(k + 1, tile);
      return;
    }
    const { outWidth, pitch } = this.resultShape(pass);
    const { first } = pass.made[tile]!;
    this.gather(pass, tile, (home, result, piece) =>
      this.tailTasks(pass, tile, made, 1 << home, (from) => ({
        output: {
          outBase: result + (Math.floor(from / outWidth) - first) * outWidth * pitch,
          outRing: 0,
          outOffset: 0,
          outRowStep: outWidth * pitch,
          outColStep: pitch,
        },
        pieces: [piece],
      })),
    );
  }

  /** Width and pitch of a pass's results. */
  private resultShape(pass: Pass): { outWidth: number; pitch: number } {
    return { outWidth: pass.work.body.geometry.outWidth, pitch: (pass.work.tail ?? pass.work.body).outChannels };
  }

  /** Where results go that are rows of tensor k: of raster pixels from `from` up to `to`. */
  private ringTarget(k: number): (from: number, to: number) => { output: RasterOutput; pieces: Piece[] } {
    const { ring } = this.passes[k]!;
    const { left, from: own } = this.strip.rings[k]!;
    const { outWidth } = this.passes[k - 1]!.work.body.geometry;
    return (from, to) => {
      const [ya, yb] = [Math.floor(from / outWidth), Math.floor((to - 1) / outWidth) + 1];
      const output = ring.outputFrom(ya);
      const pieces = Array.from({ length: this.context.cus }, (_, cu) => ring.of(cu, ya, yb)).flat();
      return { output: { ...output, outBase: output.outBase + (own - left) * ring.pixelPitch }, pieces };
    };
  }

  /** Room for rows that a tile adds to tensor k, and their columns that the strip before made. */
  private openRows(k: number, tile: number): void {
    const { ring } = this.passes[k]!;
    const { first, end } = this.needed[k]![tile]!;
    const { left, from } = this.strip.rings[k]!;
    ring.make(first, end);
    if (this.index > 0 && left < from) {
      const view = columnsOf(this.job.inner[k - 1]!, { first: left, end: from });
      ring.load(view, first, end, this.source(this.passes[k - 1]!.tail ?? this.passes[k - 1]!.body, tile));
    }
  }

  /** What is left to do with rows of tensor k when they are made: a residual add, stores. */
  private closeRows(k: number, tile: number): void {
    const { context, job } = this;
    const { ring, body } = this.passes[k]!;
    const maker = this.passes[k - 1]!;
    const source = this.source(maker.tail ?? maker.body, tile);
    const { first, end } = this.needed[k]![tile]!;
    const { left, from, end: right } = this.strip.rings[k]!;
    const channels = body.work.inChannels;
    const pitch = ring.pixelPitch;
    const stored = k === 1 ? job.work.stored : undefined;
    const vec = maker.work.residual?.vec ?? stored?.vec;
    if (stored) this.headOther?.require(first, end, source);
    for (let r = first; vec && r < end; r++) {
      const base = ring.base(r, from - left);
      const b = stored ? { base: this.headOther!.base(r, from - left), pitch } : this.operand(maker.work.residual!.tensor!, r, from);
      // CUs take turns: each adds to its copy, for all of them.
      const cu = r % context.cus;
      const second = stored ? this.headOther! : this.passes[maker.work.residual!.tensor!]!.ring;
      const reads = [...ring.of(cu, r, r + 1), ...second.of(cu, r, r + 1)];
      const rows = Array.from({ length: context.cus }, (_, other) => ring.of(other, r, r + 1)).flat();
      emitPair(context, vec, cu, { base, pitch }, b, { base, pitch }, right - from, channels, reads, rows, source, context.allCus);
    }
    // Columns for others that read a head, or for the next strip.
    const next = job.plan.strips[this.index + 1];
    const column = stored ? from : next ? Math.max(from, next.rings[k]!.left) : right;
    if (column >= right) return;
    const home = context.nextHome();
    const view = columnsOf(job.inner[k - 1]!, { first: column, end: right });
    for (let r = first; r < end; r++) {
      const run = { first: r * view.width, end: (r + 1) * view.width, channel: 0, words: channels, cu: home };
      context.storePixels(view, job.frame, { ...run, base: ring.base(r, column - left), pitch }, source, ring.of(home, r, r + 1));
    }
  }

  /** Row r of tensor k from a column of the whole image on. */
  private operand(k: number, r: number, column: number): { base: number; pitch: number } {
    const { ring } = this.passes[k]!;
    return { base: ring.base(r, column - this.strip.rings[k]!.left), pitch: ring.pixelPitch };
  }

  /** A tile's body with its channels and pixels split over CUs; `place`: where results from a raster pixel up to another go. */
  private makeShared(
    { links, costs, made, ring }: Pass,
    tile: number,
    targets: number,
    place: (from: number, to: number) => { output: RasterOutput; pieces: Piece[] },
  ): void {
    const { first, end } = made[tile]!;
    const [link] = links;
    const { outWidth } = link!.work.geometry;
    const { plan } = link!;
    const source = this.source(link!, tile);
    const bounds = costs.partition(first * outWidth, end * outWidth, plan.parts);
    plan.blocks.forEach((block, b) => {
      const group = this.group(link!, b, source);
      for (let p = 0; p < plan.parts; p++) {
        const [from, to] = [bounds[p]!, bounds[p + 1]!];
        if (from === to) continue;
        const { output, pieces } = place(from, to);
        for (let slot = 0; slot < plan.slots; slot++) {
          const cu = slot * plan.parts + p;
          addLinkTask(this.context, link!, {
            block,
            group,
            slot,
            cu,
            input: ring,
            from,
            to,
            column: 0,
            output,
            targets,
            writes: pieces,
            source,
          });
        }
      }
    });
  }

  /** A tile's body: every CU its own pixels, all channels. */
  private makeOwn({ links, body, work, costs, made, ring, slots, slotWords }: Pass, tile: number): BodyResult {
    const { context } = this;
    const { outWidth } = body.work.geometry;
    const { first, end } = made[tile]!;
    const bounds = costs.partition(first * outWidth, end * outWidth, body.plan.parts);
    const slot = slots[tile % CHAIN_SLOTS]!;
    const pitch = bodyChannels(work);
    const pieces = Array.from({ length: context.cus }, (_, cu) => context.list.newPiece(SPACE.maps(cu), slot, slot + slotWords));
    links.forEach((link, i) => {
      const source = this.source(link, tile);
      const outBase = slot + work.branches[i]!.channel;
      link.plan.blocks.forEach((block, b) => {
        const group = this.group(link, b, source);
        for (let cu = 0; cu < context.cus; cu++) {
          const [from, to] = [bounds[cu]!, bounds[cu + 1]!];
          if (from === to) continue;
          const { offset } = slotOfPart(from, to, outWidth);
          // Pixel i of the part at slot + (offset + i)·pitch.
          const output: RasterOutput = { outBase, outRing: 0, outOffset: 0, outRowStep: outWidth * pitch, outColStep: pitch };
          const column = (from % outWidth) - offset;
          const at = { input: ring, from, to, column, output, targets: 1 << cu, writes: [pieces[cu]!] };
          addLinkTask(context, link, { block, group, slot: 0, cu, ...at, source });
        }
      });
    });
    return { bounds, slot, pieces };
  }

  /** Without a tail: every CU stores what it made. */
  private storeOwn({ body, work }: Pass, tile: number, { bounds, slot, pieces }: BodyResult): void {
    const { context, job } = this;
    const pitch = bodyChannels(work);
    pieces.forEach((piece, cu) => {
      const [first, end] = [bounds[cu]!, bounds[cu + 1]!];
      if (first === end) return;
      const base = slot + slotOfPart(first, end, body.work.geometry.outWidth).offset * pitch;
      const run = { first, end, channel: 0, words: pitch, cu, base, pitch };
      context.storePixels(this.output, job.frame, run, this.source(body, tile), [piece]);
    });
  }

  /** The tail over what a tile's body left in every CU. */
  private tailTasks(
    { tail, work, body }: Pass,
    tile: number,
    { bounds, slot, pieces }: BodyResult,
    targets: number,
    place: (from: number, to: number) => { output: RasterOutput; pieces: Piece[] },
  ): void {
    const { context } = this;
    const link = tail!;
    const source = this.source(link, tile);
    const { outWidth } = body.work.geometry;
    const pitch = bodyChannels(work);
    link.plan.blocks.forEach((block, b) => {
      const group = this.group(link, b, source);
      for (let cu = 0; cu < context.cus; cu++) {
        const [from, to] = [bounds[cu]!, bounds[cu + 1]!];
        if (from === to) continue;
        const { output, pieces: writes } = place(from, to);
        const { pixels } = slotOfPart(from, to, outWidth);
        const column = from % outWidth;
        // A part inside a row lies there alone; any other in rows of the image.
        const isAlone = to - from <= outWidth - column;
        const width = isAlone ? pixels : outWidth;
        const rows = isAlone ? 1 : pixels / outWidth;
        const geometry: Geometry = { ...link.work.geometry, inHeight: rows, inWidth: width, outHeight: rows, outWidth: width };
        const raster: Raster = { y: 0, x: 0, x0: isAlone ? 0 : column, width, count: to - from };
        const start = isAlone ? column * output.outColStep : 0;
        addMacTask(
          context,
          {
            cu,
            geometry,
            ring: { base: slot, words: pixels * pitch },
            origin: 0,
            pixelPitch: pitch,
            channelOffset: 0,
            tapWords: link.work.tapWords,
            depthwise: false,
            lanes: link.plan.lanes,
            weightsLine: group.line,
            clamp: link.work.clamp,
            raster,
            output: { ...output, outBase: output.outBase + start + block.channel },
            targets,
            channels: Math.min(link.plan.cuChannels, block.channels),
          },
          source,
          [pieces[cu]!, ...group.pieces],
          writes,
        );
      }
    });
  }

  /** A tile of the chain's results, gathered in one CU by `make`, added to, and stored. */
  private gather(pass: Pass, tile: number, make: (home: number, result: number, piece: Piece) => void): void {
    const { context, job } = this;
    const { outWidth, pitch } = this.resultShape(pass);
    const { first, end } = pass.made[tile]!;
    const source = this.source(pass.tail ?? pass.body, tile);
    const home = context.nextHome();
    const base = this.resultSlots[tile % this.resultSlots.length]!;
    const piece = context.list.newPiece(SPACE.maps(home), base, base + job.plan.resultWords);
    make(home, base, piece);
    const run = { first: first * outWidth, end: end * outWidth, channel: 0, words: pitch, cu: home, pitch };
    const { residual } = pass.work;
    const at = { base, pitch };
    if (residual && residual.tensor === undefined) {
      const slot = this.otherSlots[tile % this.otherSlots.length]!;
      const other = context.loadPixels(this.other!, job.frame, { ...run, base: slot }, source);
      const b = { base: slot, pitch };
      emitPair(context, residual.vec, home, at, b, at, (end - first) * outWidth, pitch, [piece, other], [piece], source);
    } else if (residual) {
      const { ring } = this.passes[residual.tensor!]!;
      for (let r = first; r < end; r++) {
        const row = { base: base + (r - first) * outWidth * pitch, pitch };
        const b = this.operand(residual.tensor!, r, this.strip.output.first);
        emitPair(context, residual.vec, home, row, b, row, outWidth, pitch, [piece, ...ring.of(home, r, r + 1)], [piece], source);
      }
    }
    context.storePixels(this.output, job.frame, { ...run, base }, source, [piece]);
  }
}
