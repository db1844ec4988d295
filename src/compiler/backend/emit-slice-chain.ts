/**
 * Emission of a slice chain: block by block of channels, tile by tile; the first convolution is one tile ahead of the depthwise one, so that no
 * unit waits for results that were only just made. Specification: docs/compiler.md, "Chains".
 */

import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import type { LinkConstants } from './link-task.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask } from './mac-task.ts';
import { RowRing } from './row-ring.ts';
import { SLICE_SLOTS, type SlicePlan, type SliceWork } from './slice-chain.ts';
import { SPACE } from './task.ts';
import { inputRows } from './tile-rows.ts';
import type { View } from './view.ts';

export interface SliceJob {
  readonly work: SliceWork;
  readonly plan: SlicePlan;
  readonly bases: readonly number[];
  readonly head: LinkConstants;
  readonly body: LinkConstants;
  readonly frame: number;
  readonly input: View;
  readonly output: View;
}

/** One block of channels: where its rows and weights are. */
interface BlockState {
  readonly input: RowRing;
  readonly rows: RowRing;
  readonly headGroup: WeightsGroup;
  readonly bodyGroup: WeightsGroup;
  headDone: number;
}

export function* emitSliceChain(context: EmitContext, job: SliceJob): Generator<void> {
  const emitter = new SliceEmitter(context, job);
  const count = emitter.blocks * emitter.tiles;
  emitter.makeHead(0);
  for (let i = 0; i < count; i++) {
    if (i + 1 < count) emitter.makeHead(i + 1);
    emitter.makeBody(i);
    yield;
  }
}

class SliceEmitter {
  readonly blocks: number;
  readonly tiles: number;
  private readonly context: EmitContext;
  private readonly job: SliceJob;
  private readonly states: BlockState[] = [];

  constructor(context: EmitContext, job: SliceJob) {
    this.context = context;
    this.job = job;
    this.blocks = job.plan.head.blocks.length;
    this.tiles = Math.ceil(job.work.body.geometry.outHeight / job.plan.tileRows);
  }

  /** Rows of the first convolution that tile i needs and that are not there yet: every CU its own channels. */
  makeHead(i: number): void {
    const { context, job } = this;
    const { plan, work } = job;
    const b = Math.floor(i / this.tiles);
    const state = this.stateOf(b, i);
    const [y0, y1] = this.rowsOf(i);
    const need = inputRows(work.body, y0, y1);
    const first = Math.max(state.headDone, need.first);
    if (first >= need.end) return;
    state.headDone = need.end;
    const source = this.source(job.head.layer, i);
    const g = work.head.geometry;
    state.rows.make(first, need.end);
    const reach = inputRows(work.head, first, need.end);
    state.input.require(reach.first, reach.end, source);
    for (let cu = 0; cu < context.cus; cu++) {
      const slice = plan.body.blocks[b * context.cus + cu]!;
      if (slice.channels === 0) continue;
      addMacTask(
        context,
        {
          cu,
          geometry: g,
          ring: state.input.ring,
          origin: state.input.origin,
          pixelPitch: state.input.pixelPitch,
          channelOffset: 0,
          tapWords: work.head.tapWords,
          depthwise: false,
          lanes: plan.head.lanes,
          weightsLine: state.headGroup.line,
          clamp: work.head.clamp,
          raster: { y: first, x: 0, x0: 0, width: g.outWidth, count: (need.end - first) * g.outWidth },
          output: state.rows.outputFrom(first),
          targets: 1 << cu,
          channels: slice.channels,
        },
        source,
        [...state.input.of(cu, reach.first, reach.end), ...state.headGroup.pieces],
        state.rows.of(cu, first, need.end),
      );
    }
  }

  /** The depthwise convolution of tile i, and its stores. */
  makeBody(i: number): void {
    const { context, job } = this;
    const { plan, work, output, frame } = job;
    const b = Math.floor(i / this.tiles);
    const state = this.stateOf(b, i);
    const [y0, y1] = this.rowsOf(i);
    const source = this.source(job.body.layer, i);
    const g = work.body.geometry;
    const base = job.bases[2 + (i % SLICE_SLOTS)]!;
    const rows = inputRows(work.body, y0, y1);
    const pixels = { first: y0 * g.outWidth, end: y1 * g.outWidth };
    for (let cu = 0; cu < context.cus; cu++) {
      const { channel, channels } = plan.body.blocks[b * context.cus + cu]!;
      if (channels === 0) continue;
      const piece = context.list.newPiece(SPACE.maps(cu), base, base + plan.resultWords);
      addMacTask(
        context,
        {
          cu,
          geometry: g,
          ring: state.rows.ring,
          origin: state.rows.origin,
          pixelPitch: plan.slicePitch,
          channelOffset: 0,
          tapWords: work.body.tapWords,
          depthwise: true,
          lanes: 1,
          weightsLine: state.bodyGroup.line,
          clamp: work.body.clamp,
          raster: { y: y0, x: 0, x0: 0, width: g.outWidth, count: pixels.end - pixels.first },
          output: { outBase: base, outRing: 0, outOffset: 0, outRowStep: g.outWidth * plan.slicePitch, outColStep: plan.slicePitch },
          targets: 1 << cu,
          channels,
        },
        source,
        [...state.rows.of(cu, rows.first, rows.end), ...state.bodyGroup.pieces],
        [piece],
      );
      const run = { ...pixels, channel, words: channels, cu, base, pitch: plan.slicePitch };
      context.storePixels(output, frame, run, source, [piece]);
    }
  }

  private rowsOf(i: number): [number, number] {
    const y0 = (i % this.tiles) * this.job.plan.tileRows;
    return [y0, Math.min(this.job.work.body.geometry.outHeight, y0 + this.job.plan.tileRows)];
  }

  private source(layer: number, i: number): Source {
    const frame = this.job.frame > 0 ? `frame ${this.job.frame} ` : '';
    return { layer, tile: `${frame}block ${Math.floor(i / this.tiles)} tile ${i % this.tiles}` };
  }

  /** The block's rings continue where those of the block before ended; weights are loaded with its first tile. */
  private stateOf(b: number, i: number): BlockState {
    const known = this.states[b];
    if (known) return known;
    const { context, job } = this;
    const { plan, work, bases, frame } = job;
    const { inHeight, inWidth } = work.head.geometry;
    const last = this.states[b - 1];
    const isWhole = plan.inputRows >= inHeight;
    const next = (height: number, rows: number): number => -((b * height) % rows);
    const input =
      last && isWhole
        ? last.input
        : new RowRing(context, job.input, bases[0]!, inWidth, plan.head.pixelPitch, plan.inputRows, frame, next(inHeight, plan.inputRows));
    const height = work.body.geometry.inHeight;
    const origin = next(height, plan.headRows);
    const rows = new RowRing(context, undefined, bases[1]!, work.body.geometry.inWidth, plan.slicePitch, plan.headRows, frame, origin);
    const { weights, address, layer } = job.head;
    const headGroup = loadGroup(context, weights.blocks[b]!, address, plan.head.groupLines, 1, this.heldLines, this.source(layer, i));
    const state = { input, rows, headGroup, bodyGroup: this.loadSlices(b, i), headDone: 0 };
    this.states[b] = state;
    return state;
  }

  /** Lines that this block's groups and the next one's take. */
  private get heldLines(): number {
    const { head, body } = this.job.plan;
    return 2 * (head.groupLines + body.groupLines);
  }

  /** The depthwise weights of a block: one load for all CUs. */
  private loadSlices(b: number, i: number): WeightsGroup {
    const { context, job } = this;
    const { weights, address, layer } = job.body;
    const blocks = weights.blocks.slice(b * context.cus, (b + 1) * context.cus);
    const images = blocks.reduce((sum, block) => sum + block.images, 0);
    const group = { images, chunks: blocks[0]!.chunks };
    return loadGroup(context, group, address, job.plan.body.groupLines, 1, this.heldLines, this.source(layer, i));
  }
}
