/**
 * Emission of a slice chain: block by block of channels, tile by tile; the first convolution is one tile ahead of the depthwise one, so that no
 * unit waits for results that were only just made. Specification: docs/compiler.md, "Chains".
 */

import { UNIT_ID } from '../../../isa/fields.ts';
import { weightsLines } from '../../../machine/machine.ts';
import { SLICE_SLOTS, type SlicePlan, type SliceWork } from '../chain/slice-chain.ts';
import { inputRows } from '../mac/tile-rows.ts';
import { VMACS } from '../mac/weights-image.ts';
import type { View } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { emitPair } from './emit-vec.ts';
import type { LinkConstants } from './link-task.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask } from './mac-task.ts';
import type { RasterOutput } from './raster-walk.ts';
import { RowRing } from './row-ring.ts';

export interface SliceJob {
  readonly work: SliceWork;
  readonly plan: SlicePlan;
  readonly bases: readonly number[];
  readonly head: LinkConstants;
  readonly body: LinkConstants;
  readonly tail: LinkConstants | undefined;
  readonly other: View | undefined;
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
  yield* emitter.makeTail();
}

class SliceEmitter {
  readonly blocks: number;
  readonly tiles: number;
  private readonly context: EmitContext;
  private readonly job: SliceJob;
  private readonly states: BlockState[] = [];
  private pieces: readonly Piece[] | undefined;

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
    const pixels = { first: y0 * g.outWidth, end: y1 * g.outWidth };
    for (let cu = 0; cu < context.cus; cu++) {
      const { channel, channels } = plan.body.blocks[b * context.cus + cu]!;
      if (channels === 0) continue;
      const makePixels = (first: number, end: number, output: RasterOutput, targets: number, piece: Piece): void => {
        const y = Math.floor(first / g.outWidth);
        const own = inputRows(work.body, y, Math.ceil(end / g.outWidth));
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
            raster: { y, x: 0, x0: first - y * g.outWidth, width: g.outWidth, count: end - first },
            output,
            targets,
            channels,
          },
          source,
          [...state.rows.of(cu, own.first, own.end), ...state.bodyGroup.pieces],
          [piece],
        );
      };
      if (plan.tail) {
        // Every CU's pixels go there.
        for (let owner = 0; owner < context.cus; owner++) {
          const first = Math.max(pixels.first, plan.tail.bounds[owner]!);
          const end = Math.min(pixels.end, plan.tail.bounds[owner + 1]!);
          if (first >= end) continue;
          const pitch = work.body.outChannels;
          const start = Math.floor(first / g.outWidth) - Math.floor(plan.tail.bounds[owner]! / g.outWidth);
          const outBase = this.ownBase + start * g.outWidth * pitch + channel;
          const output = { outBase, outRing: 0, outOffset: 0, outRowStep: g.outWidth * pitch, outColStep: pitch };
          makePixels(first, end, output, 1 << owner, this.ownPieces[owner]!);
        }
        continue;
      }
      const base = job.bases[2 + (i % SLICE_SLOTS)]!;
      const piece = context.list.newPiece(SPACE.maps(cu), base, base + plan.resultWords);
      const steps = { outRowStep: g.outWidth * plan.slicePitch, outColStep: plan.slicePitch };
      makePixels(pixels.first, pixels.end, { outBase: base, outRing: 0, outOffset: 0, ...steps }, 1 << cu, piece);
      const run = { ...pixels, channel, words: channels, cu, base, pitch: plan.slicePitch };
      context.storePixels(output, frame, run, source, [piece]);
    }
  }

  /** The pointwise convolution behind: every CU its own pixels, blocks of channels that are stored together gathered in one CU. */
  *makeTail(): Generator<void> {
    const { context, job } = this;
    const { work, output, frame, other } = job;
    const plan = job.plan.tail;
    if (!plan || !work.tail || !job.tail) return;
    const { link, bounds } = plan;
    const { outHeight, outWidth } = work.tail.geometry;
    const source: Source = { layer: job.tail.layer, tile: frame > 0 ? `frame ${frame} tail` : 'tail' };
    const pixels = { first: 0, end: outHeight * outWidth };
    const inPitch = work.tail.inChannels;
    for (let b = 0; b < link.blocks.length; b += plan.storeBlocks) {
      const blocks = link.blocks.slice(b, b + plan.storeBlocks);
      const { channel } = blocks[0]!;
      const words = blocks.reduce((sum, { channels }) => sum + channels, 0);
      const home = context.nextHome();
      const slot = (b / plan.storeBlocks) % SLICE_SLOTS;
      const base = job.bases[3 + SLICE_SLOTS + slot]!;
      const piece = context.list.newPiece(SPACE.maps(home), base, base + plan.resultWords);
      blocks.forEach((block, i) => {
        const { weights, address } = job.tail!;
        const group = loadGroup(context, weights.blocks[b + i]!, address, link.groupLines, link.parts, 2 * link.groupLines, source);
        for (let cu = 0; cu < context.cus; cu++) {
          const [first, end] = [bounds[cu]!, bounds[cu + 1]!];
          if (first === end) continue;
          const y = Math.floor(first / outWidth);
          const rows = Math.ceil(end / outWidth) - y;
          const geometry = { ...work.tail!.geometry, inHeight: rows, inWidth: outWidth, outHeight: rows, outWidth };
          const outBase = base + y * outWidth * words + block.channel - channel;
          addMacTask(
            context,
            {
              cu,
              geometry,
              ring: { base: this.ownBase, words: rows * outWidth * inPitch },
              origin: 0,
              pixelPitch: inPitch,
              channelOffset: 0,
              tapWords: work.tail!.tapWords,
              depthwise: false,
              lanes: link.lanes,
              weightsLine: group.line,
              clamp: work.tail!.clamp,
              raster: { y: 0, x: 0, x0: first - y * outWidth, width: outWidth, count: end - first },
              output: { outBase, outRing: 0, outOffset: 0, outRowStep: outWidth * words, outColStep: words },
              targets: 1 << home,
              channels: block.channels,
            },
            source,
            [this.ownPieces[cu]!, ...group.pieces],
            [piece],
          );
        }
      });
      const run = { ...pixels, channel, words, cu: home, pitch: words };
      if (work.residual) {
        const second = job.bases[3 + 2 * SLICE_SLOTS + slot]!;
        const loaded = context.loadPixels(other!, frame, { ...run, base: second }, source);
        const at = { base, pitch: words };
        const b2 = { base: second, pitch: words };
        emitPair(context, work.residual, home, at, b2, at, pixels.end, words, [piece, loaded], [piece], source);
      }
      context.storePixels(output, frame, { ...run, base }, source, [piece]);
      yield;
    }
  }

  private get ownBase(): number {
    return this.job.bases[2 + SLICE_SLOTS]!;
  }

  /** Room for every CU's pixels, all channels. */
  private get ownPieces(): readonly Piece[] {
    const { context, ownBase } = this;
    const words = this.job.plan.tail!.ownWords;
    this.pieces ??= Array.from({ length: context.cus }, (_, cu) => context.list.newPiece(SPACE.maps(cu), ownBase, ownBase + words));
    return this.pieces;
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

  /** The depthwise weights of a block: one load for all CUs, or one for each where the slices leave vMACs without channels. */
  private loadSlices(b: number, i: number): WeightsGroup {
    const { context, job } = this;
    const { weights, address, layer } = job.body;
    const blocks = weights.blocks.slice(b * context.cus, (b + 1) * context.cus);
    const source = this.source(layer, i);
    const { groupLines } = job.plan.body;
    const [first] = blocks;
    if (first!.isConstant) return loadGroup(context, first!, address, groupLines, context.cus, this.heldLines, source);
    if (first!.images === VMACS) {
      const images = blocks.reduce((sum, block) => sum + block.images, 0);
      return loadGroup(context, { ...first!, images }, address, groupLines, 1, this.heldLines, source);
    }
    return context.keepGroup(`${address + first!.chunks[0]!.offset} slices ${groupLines}`, this.heldLines, () => {
      const line = context.allocateWeights(groupLines);
      const pieces = context.weightPieces(line, groupLines);
      const total = weightsLines(context.machine);
      blocks.forEach(({ chunks, images }, cu) => {
        const [chunk] = chunks;
        const descriptor = {
          dramAddress: address + chunk!.offset,
          line: line % total,
          lines: groupLines,
          images,
          firstImage: cu * VMACS,
          cusPerSlot: 1,
        };
        context.list.add(UNIT_ID.LDW, 'LDW', descriptor, source, [], pieces);
      });
      return { line, pieces };
    });
  }
}
