/**
 * Emission of a MAC stage: loads, MAC descriptors, vector work and stores of every tile and block, in natural order.
 * Specification: docs/compiler.md, "Emission of a MAC stage".
 */
import type { Block } from '../mac/blocks.ts';
import type { MacPlan } from '../mac/plan.ts';
import type { Ring } from '../mac/source-walk.ts';
import { inputRows } from '../mac/tile-rows.ts';
import type { PackedWeights } from '../mac/weights-image.ts';
import { PixelCosts } from '../mac/window-cost.ts';
import type { ScheduledStage } from '../schedule/step.ts';
import type { MacWork, Stage } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { ItemResults, residentRowsOf } from './item-results.ts';
import { loadActivationGroup } from './load-activations.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask, type MacTask } from './mac-task.ts';
import { PoolRing } from './pool-ring.ts';
import type { Raster, RasterOutput } from './raster-walk.ts';

export interface MacStageInput {
  readonly scheduled: ScheduledStage;
  readonly work: MacWork;
  readonly plan: MacPlan;
  readonly weights: PackedWeights;
  /** DRAM word address of the weights. */
  readonly weightsAddress: number;
  /** DRAM word address of the activation table, when the stage has one. */
  readonly tableAddress: number;
  /** Frame number, or −1: all frames as rows. */
  readonly frame: number;
  readonly input: View;
  readonly output: View;
  readonly other: View | undefined;
  /** The tensor that holds the weights of a product of two activations. */
  readonly activations: View | undefined;
}

/** Parts a large first tile is cut into, so that computation starts when its first rows are there. */
const FIRST_TILE_PARTS = 6;
/** Words of a load worth cutting. */
const LARGE_LOAD_WORDS = 4096;

/** Emits the stage item by item: the generator stops after each, so that companions can be spread over them. */
export function emitMacStage(context: EmitContext, job: MacStageInput): Generator<void> {
  return new MacStageEmitter(context, job).run();
}

/** Items of a MAC stage: result slots filled. */
export function countMacItems(work: MacWork, plan: MacPlan): number {
  return Math.ceil(work.geometry.outHeight / plan.tileRows) * Math.ceil(plan.blocks.length / plan.storeBlocks);
}

class MacStageEmitter {
  private readonly context: EmitContext;
  private readonly job: MacStageInput;
  private readonly plan: MacPlan;
  private readonly work: MacWork;
  private readonly costs: PixelCosts;
  private readonly ring: Ring;
  private readonly slotBases: number[];
  private readonly tile: string;
  private readonly stage: Stage;
  /** Row → pieces by CU, for rows on chip. In bands, rows differ by part: key part·height + row. */
  private rowPieces = new Map<number, Map<number, Piece>>();
  private weightPieces = new Map<number, WeightsGroup>();
  private items = 0;
  private readonly poolRing: PoolRing | undefined;
  private readonly results: ItemResults;

  constructor(context: EmitContext, job: MacStageInput) {
    this.context = context;
    this.job = job;
    this.plan = job.plan;
    this.work = job.work;
    const { plan, work } = job;
    this.costs = new PixelCosts(work, plan.lanes, plan.adjacent);
    this.stage = job.scheduled.stage;
    const pool = this.stage.vec?.op === 'max' ? this.stage.vec.geometry : undefined;
    this.poolRing = pool && new PoolRing(context, plan, work, pool);
    const rowWords = work.geometry.inWidth * plan.pixelPitch;
    const { residentInput, residentOutput } = job.scheduled;
    const rest = [...job.scheduled.bases];
    const ringBase = residentInput ? residentInput.base + residentInput.channelOffset + this.stage.inputChannelOffset : rest.shift()!;
    this.ring = { base: ringBase, words: plan.ringRows * rowWords };
    this.slotBases = rest.splice(0, plan.poolRings > 0 ? plan.poolRings : plan.slotCount);
    const vec = rest.splice(0, plan.poolRings > 0 && !residentOutput ? plan.slotCount : 0);
    this.results = new ItemResults(context, job, { vec, other: rest.splice(0, plan.otherSlots) }, this.poolRing);
    this.tile = job.frame > 0 ? `frame ${job.frame} ` : '';
    residentRowsOf(context, job, residentInput, false).forEach((pieces, row) => {
      this.rowPieces.set(row, new Map(pieces.map((piece, cu) => [cu, piece])));
    });
  }

  private source(tile: string): Source {
    return { layer: this.job.scheduled.index, tile: this.tile + tile };
  }

  *run(): Generator<void> {
    const { plan, work } = this;
    const { outHeight } = work.geometry;
    this.results.loadTable(this.source('table'));
    for (let chunk = 0; chunk < plan.blocks.length; chunk += plan.chunkBlocks) {
      const chunkEnd = Math.min(plan.blocks.length, chunk + plan.chunkBlocks);
      if (!plan.mapsResident) this.rowPieces = new Map();
      this.weightPieces = new Map();
      for (let y0 = 0, t = 0; y0 < outHeight; y0 += plan.tileRows, t++) {
        const y1 = Math.min(outHeight, y0 + plan.tileRows);
        if (!plan.weightsResident) this.weightPieces = new Map();
        for (let b = chunk; b < chunkEnd; b += plan.storeBlocks) {
          this.emitItem(t, y0, y1, b, Math.min(chunkEnd, b + plan.storeBlocks), b - chunk);
          yield;
        }
      }
    }
  }

  /** Blocks [b, bEnd) over one tile, into one result slot. */
  private emitItem(t: number, y0: number, y1: number, b: number, bEnd: number, inChunk: number): void {
    const { plan, work, context } = this;
    const block = plan.blocks[b]!;
    const { outWidth, outHeight } = work.geometry;
    const { region } = block;
    const label = `tile ${t}, block ${b}`;
    const pool = this.stage.vec?.op === 'max' ? this.stage.vec : undefined;
    // Tiles of one block share a ring of result rows (pool windows reach back); other results take the slots in turn.
    const turn = !pool ? this.items : plan.tileRows < outHeight ? inChunk : b;
    const slot = this.slotBases.length > 0 ? this.slotBases[turn % this.slotBases.length]! : 0;
    const isWhole = region.x0 === 0 && region.x1 === outWidth && region.y0 === 0 && region.y1 === outHeight;
    if (!isWhole) {
      this.emitRegion(b, block, [y0, y1], slot, label);
      this.items++;
      return;
    }
    const first = y0 * outWidth;
    const bounds = this.costs.partition(first, y1 * outWidth, plan.parts);
    const isFirst = t === 0 && inChunk === 0;
    const home = !plan.gather ? -1 : this.poolRing ? this.poolRing.homeOf(t, b) : context.nextHome();

    // Slot address of pixel i of part p is linear from the part's row start.
    const partBase = bounds.slice(0, -1).map((from) => Math.floor(from / outWidth) * outWidth);
    const partOffset: number[] = [];
    let offset = 0;
    for (let p = 0; p < plan.parts; p++) {
      if (plan.gather && !plan.bands) partOffset.push((partBase[p]! - first) * plan.slotPitch);
      else if (plan.gather) {
        partOffset.push(offset);
        offset += Math.ceil((bounds[p + 1]! - partBase[p]!) / outWidth) * outWidth * plan.slotPitch;
      } else partOffset.push(0);
    }
    const { isDirect } = this.results;
    const slotPieces = isDirect || pool ? new Map<number, Piece[]>() : this.newSlotPieces(slot, home);
    this.poolRing?.make(slot, y0, y1, b);

    let channels = 0;
    for (let i = b; i < bEnd; i++) {
      const current = plan.blocks[i]!;
      const group = this.loadWeights(i, this.source(label));
      const whole = isFirst && i === b ? this.firstTileCuts(bounds) : bounds.slice(0, -1).map((from, p) => [from, bounds[p + 1]!]);
      const cuts = this.poolRing ? cutAtRows(whole, this.poolRing.changes(y0, y1, b), outWidth) : whole;
      const depth = Math.max(...cuts.map((cut) => cut.length - 1));
      for (let q = 0; q < depth; q++) {
        for (let p = 0; p < plan.parts; p++) {
          const cut = cuts[p]!;
          if (q + 1 >= cut.length || cut[q] === cut[q + 1]) continue;
          const at = { slot: slot + (current.channel - block.channel), partBase: partBase[p]!, partOffset: partOffset[p]! };
          this.emitMacs(current, group, p, [cut[q]!, cut[q + 1]!], [y0, y1], home, at, slotPieces, label);
        }
      }
      channels += current.channels;
    }
    const source = this.source(label);
    if (pool) this.results.emitPool(this.items, t, block, home, slot, pool, source);
    else if (!isDirect) {
      this.results.emit(this.items, { bounds, partBase, partOffset }, slot, home, block.channel, channels, slotPieces, source);
    }
    this.items++;
  }

  /** Pieces that the MACs of an item write, by CU: whole slots. */
  private newSlotPieces(slot: number, home: number): Map<number, Piece[]> {
    const { plan, context } = this;
    const owners = plan.gather ? [home] : Array.from({ length: context.cus }, (_, cu) => cu);
    return new Map(owners.map((cu) => [cu, [context.list.newPiece(SPACE.maps(cu), slot, slot + plan.slotWords)]]));
  }

  /** Group of a block in the weights buffers, loaded if it is not there. */
  private loadWeights(b: number, source: Source): WeightsGroup {
    const { plan, context, job } = this;
    const known = this.weightPieces.get(b);
    if (known) return known;
    const packed = job.weights.blocks[b]!;
    const group = job.activations
      ? loadActivationGroup(
          context,
          packed,
          job.weightsAddress,
          plan.blocks[b]!,
          job.activations,
          plan.groupLines - 1,
          plan.parts,
          job.frame,
          source,
        )
      : loadGroup(
          context,
          packed,
          job.weightsAddress,
          plan.groupLines,
          plan.parts,
          plan.weightsResident ? plan.chunkBlocks * plan.groupLines : 0,
          source,
        );
    this.weightPieces.set(b, group);
    return group;
  }

  /** Bounds that cut every part's pixels of a large first tile at rows. */
  private firstTileCuts(bounds: readonly number[]): number[][] {
    const { plan, work } = this;
    const { outWidth } = work.geometry;
    const rowWords = work.geometry.inWidth * plan.pixelPitch;
    return bounds.slice(0, -1).map((from, p) => {
      const to = bounds[p + 1]!;
      const rows = Math.ceil((to - from) / outWidth);
      const large = rows * work.geometry.strideH * rowWords > LARGE_LOAD_WORDS;
      const parts = large ? Math.min(rows, FIRST_TILE_PARTS) : 1;
      const cuts = [from];
      for (let q = 1; q < parts; q++) {
        const row = Math.floor(from / outWidth) + Math.round((rows * q) / parts);
        const at = row * outWidth;
        if (at > cuts.at(-1)! && at < to) cuts.push(at);
      }
      cuts.push(to);
      return cuts;
    });
  }

  /** Make sure rows [first, end) are in the buffers of a part; pieces of them for one CU. */
  private requireRows(block: Block, part: number, first: number, end: number, origin: number, source: Source): void {
    const { plan, context, job, work } = this;
    const keyBase = plan.bands ? part * work.geometry.inHeight : 0;
    let cus = context.allCus;
    if (plan.bands) {
      cus = 0;
      for (let s = 0; s < plan.slots; s++) cus |= 1 << (s * plan.parts + part);
    }
    const view = plan.sliced ? { ...job.input, address: job.input.address + block.inputChannel, channels: block.channels } : job.input;
    for (let r = first; r < end; ) {
      if (this.rowPieces.has(keyBase + r)) {
        r++;
        continue;
      }
      let to = r;
      const ringEnd = r + plan.ringRows - ((r - origin) % plan.ringRows);
      while (to < end && to < ringEnd && !this.rowPieces.has(keyBase + to)) to++;
      const pieces = context.loadRows(view, { first: r, end: to, origin }, this.ring, plan.pixelPitch, cus, job.frame, source);
      for (let i = r; i < to; i++) this.rowPieces.set(keyBase + i, new Map([...pieces].map(([cu, rows]) => [cu, rows[i - r]!])));
      r = to;
    }
  }

  /** MAC descriptors of one part's pixels [a, b) for all its CUs. */
  private emitMacs(
    block: Block,
    group: WeightsGroup,
    part: number,
    range: readonly [number, number],
    tile: readonly [number, number],
    home: number,
    at: { slot: number; partBase: number; partOffset: number },
    slotPieces: ReadonlyMap<number, Piece[]>,
    label: string,
  ): void {
    const { plan, work } = this;
    const g = work.geometry;
    const [a, b] = range;
    const [y0, y1] = tile;
    const ya = Math.floor(a / g.outWidth);
    const yb = Math.floor((b - 1) / g.outWidth) + 1;
    const rows = inputRows(work, ya, yb);
    const origin = plan.bands ? inputRows(work, Math.floor(this.bandStart(part) / g.outWidth), y1).first : 0;
    // In a shared tile all rows of the tile are loaded in order; a part that starts lower waits for its own rows only.
    const low = plan.bands ? rows.first : Math.min(rows.first, inputRows(work, y0, y1).first);
    this.requireRows(block, part, low, rows.end, origin, this.source(label));
    for (let s = 0; s < plan.slots; s++) {
      const channels = Math.min(plan.cuChannels, block.channels - s * plan.cuChannels);
      if (channels <= 0) continue;
      const cu = s * plan.parts + part;
      const keyBase = plan.bands ? part * g.inHeight : 0;
      const reads = new Set<Piece>(group.pieces);
      for (let r = rows.first; r < rows.end; r++) reads.add(this.rowPieces.get(keyBase + r)!.get(cu)!);
      const x0 = a - ya * g.outWidth;
      const { output, targets, writes } = this.resultsOf(block, s, cu, home, at, { ya, yb }, slotPieces);
      const raster = { y: ya, x: 0, x0, width: g.outWidth, count: b - a, origin };
      this.addMac(cu, targets, block, s, group.line, raster, output, channels, [...reads], writes, label);
    }
  }

  /** Where the results of a CU for output rows [ya, yb) go. */
  private resultsOf(
    block: Block,
    s: number,
    cu: number,
    home: number,
    at: { slot: number; partBase: number; partOffset: number },
    rows: { ya: number; yb: number },
    slotPieces: ReadonlyMap<number, Piece[]>,
  ): { output: RasterOutput; targets: number; writes: readonly Piece[] } {
    const { plan, work, context, job } = this;
    const { outWidth } = work.geometry;
    const { ya, yb } = rows;
    const channelOffset = plan.gather ? s * plan.cuChannels : 0;
    const resident = job.scheduled.residentOutput;
    if (resident && this.results.isDirect) {
      const first = this.results.residentSlot(resident, ya * outWidth, block.channel + s * plan.cuChannels);
      return {
        output: { outBase: first.base, outRing: 0, outOffset: 0, outRowStep: outWidth * first.pitch, outColStep: first.pitch },
        targets: context.allCus,
        writes: this.results.residentPieces(ya, yb),
      };
    }
    const target = plan.gather ? home : cu;
    const rowPitch = outWidth * plan.slotPitch;
    const steps = { outRowStep: rowPitch, outColStep: plan.slotPitch };
    if (this.poolRing) {
      const offset = (ya % plan.poolRingRows) * rowPitch;
      return {
        output: { outBase: at.slot + channelOffset, outRing: plan.poolRingRows * rowPitch, outOffset: offset, ...steps },
        targets: this.poolRing.targetsOf(ya, plan.blocks.indexOf(block)),
        writes: this.poolRing.rowsOf(at.slot, ya, yb),
      };
    }
    const outBase = at.slot + at.partOffset + (ya * outWidth - at.partBase) * plan.slotPitch + channelOffset;
    return { output: { outBase, outRing: 0, outOffset: 0, ...steps }, targets: 1 << target, writes: slotPieces.get(target)! };
  }

  private bandStart(part: number): number {
    const g = this.work.geometry;
    return this.costs.partition(0, g.outHeight * g.outWidth, this.plan.parts)[part]!;
  }

  private addMac(
    cu: number,
    targets: number,
    block: Block,
    s: number,
    line: number,
    raster: Raster & { origin: number },
    output: RasterOutput,
    channels: number,
    reads: readonly Piece[],
    writes: readonly Piece[],
    label: string,
  ): void {
    const { plan, work } = this;
    const task: MacTask = {
      cu,
      geometry: work.geometry,
      ring: this.ring,
      origin: raster.origin,
      pixelPitch: plan.pixelPitch,
      channelOffset: (plan.sliced ? 0 : block.inputChannel) + (work.depthwise ? s * plan.cuChannels : 0),
      tapWords: work.tapWords,
      depthwise: work.depthwise,
      lanes: plan.lanes,
      weightsLine: line,
      clamp: work.clamp,
      raster,
      output,
      targets,
      channels,
    };
    addMacTask(this.context, task, this.source(label), reads, writes);
  }

  /** A block that covers a rectangle only: its part of the tile, every CU its own channels, stored row by row. */
  private emitRegion(b: number, block: Block, tile: readonly [number, number], slot: number, label: string): void {
    const { plan, work, context, job } = this;
    const region = { ...block.region, y0: Math.max(block.region.y0, tile[0]), y1: Math.min(block.region.y1, tile[1]) };
    if (region.y0 >= region.y1) return;
    const source = this.source(`${label}, region ${b}`);
    const group = this.loadWeights(b, source);
    const rows = inputRows(work, region.y0, region.y1);
    this.requireRows(block, 0, inputRows(work, tile[0], tile[1]).first, rows.end, 0, source);
    const width = region.x1 - region.x0;
    const count = (region.y1 - region.y0) * width;
    for (let s = 0; s < plan.slots; s++) {
      const channels = Math.min(plan.cuChannels, block.channels - s * plan.cuChannels);
      if (channels <= 0) continue;
      const piece = context.list.newPiece(SPACE.maps(s), slot, slot + plan.slotWords);
      const reads = new Set<Piece>(group.pieces);
      for (let r = rows.first; r < rows.end; r++) reads.add(this.rowPieces.get(r)!.get(s)!);
      this.addMac(
        s,
        1 << s,
        block,
        s,
        group.line,
        { y: region.y0, x: region.x0, x0: 0, width, count, origin: 0 },
        { outBase: slot, outRing: 0, outOffset: 0, outRowStep: width * plan.slotPitch, outColStep: plan.slotPitch },
        channels,
        [...reads],
        [piece],
        label,
      );
      for (let y = region.y0; y < region.y1; y++) {
        const first = y * work.geometry.outWidth + region.x0;
        const base = slot + (y - region.y0) * width * plan.slotPitch;
        const run = { first, end: first + width, channel: block.channel + s * plan.cuChannels, words: channels };
        context.storePixels(job.output, job.frame, { ...run, cu: s, base, pitch: plan.slotPitch }, source, [piece]);
      }
    }
  }
}

/** Cuts of every part's pixels, and one more at the start of each of these rows inside a part. */
function cutAtRows(cuts: readonly (readonly number[])[], rows: readonly number[], width: number): number[][] {
  return cuts.map((cut) => {
    const inside = rows.map((row) => row * width).filter((at) => at > cut[0]! && at < cut.at(-1)!);
    return [...new Set([...cut, ...inside])].sort((a, b) => a - b);
  });
}
