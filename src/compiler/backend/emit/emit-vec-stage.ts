/**
 * A stage of vector work alone: tiles of output rows and slices of channels go round the CUs, each loaded, computed and stored by itself.
 * Specification: docs/compiler.md, "Vector work".
 */

import type { Ring } from '../mac/source-walk.ts';
import { type Geometry, isLookUp, isPairWork, type Stage, type VecWork, vecWorks } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import { asColumn, pointsOf, type VecPlan } from '../vec/vec-plan.ts';
import type { EmitContext, Source } from './emit-context.ts';
import { emitCopyStage } from './emit-copy.ts';
import { emitMax, emitPair, emitTable, loadTable, type PixelSlot } from './emit-vec.ts';

export interface VecStageInput {
  readonly stage: Stage;
  readonly vec: VecWork;
  readonly plan: VecPlan;
  readonly bases: readonly number[];
  readonly tableAddress: number;
  readonly layer: number;
  readonly frame: number;
  readonly input: View;
  readonly output: View;
  readonly other: View | undefined;
}

/** Emits the stage item by item: the generator stops after each, so that the items can be spread over another stage's. */
export function* emitVecStage(context: EmitContext, job: VecStageInput): Generator<void> {
  // One piece of work: where a table stands behind it, it is the look-up of a sum.
  const [vec] = vecWorks(job.stage);
  if (vec.op === 'copy') {
    yield* emitCopyStage(context, job, vec.boxes);
    return;
  }
  const isWindow = vec.op === 'max';
  // Without a window a row is as good as a pixel: tiles are cut at pixels, counted row by row.
  const { input, output, other } = job;
  const geometry = isWindow ? vec.geometry : pointsOf(asColumn(input));
  const { inWords, outWords, turns, tileRows, sliceChannels } = job.plan;
  const { bases } = job;
  const tablePieces = isLookUp(vec) ? loadTable(context, job.tableAddress, { layer: job.layer, tile: 'table' }) : [];
  let item = 0;
  for (let y0 = 0, t = 0; y0 < geometry.outHeight; y0 += tileRows, t++) {
    const y1 = Math.min(geometry.outHeight, y0 + tileRows);
    for (let c0 = 0; c0 < input.channels; c0 += sliceChannels, item++) {
      const channels = Math.min(sliceChannels, input.channels - c0);
      const source: Source = { layer: job.layer, tile: `${job.frame > 0 ? `frame ${job.frame} ` : ''}tile ${t}, channels ${c0}` };
      const cu = item % context.cus;
      const turn = Math.floor(item / context.cus) % turns;
      const rows = windowRows(geometry, y0, y1);
      const load = (view: View, base: number): Piece[] => {
        // One piece for all pixels: a piece for each would cost the square of their number.
        const run = { first: y0, end: y1, channel: c0, words: channels, cu, base, pitch: channels };
        if (!isWindow) return [context.loadPixels(view, job.frame, run, source)];
        if (rows.end === rows.first) return [];
        const slice = { ...view, address: view.address + c0, channels };
        const at = { ...rows, origin: rows.first };
        return context.loadRows(slice, at, { base, words: inWords }, channels, 1 << cu, job.frame, source).get(cu)!;
      };
      const slot: Ring = { base: bases[turn]!, words: Math.max(1, rows.end - rows.first) * geometry.inWidth * channels };
      const from: PixelSlot = { base: slot.base, pitch: channels };
      const out: PixelSlot = { base: bases[turns + turn]!, pitch: channels };
      const reads = [...tablePieces, ...load(input, slot.base)];
      const piece = context.list.newPiece(SPACE.maps(cu), out.base, out.base + outWords);
      const count = (y1 - y0) * geometry.outWidth;
      if (isPairWork(vec)) {
        // The square of a map is loaded once.
        const isSame = vec.other === job.stage.input;
        const second: PixelSlot = isSame ? from : { base: bases[2 * turns + turn]!, pitch: channels };
        const one = { first: 0, end: 1, channel: c0, words: channels, cu, base: second.base, pitch: channels };
        if (vec.isPixel) reads.push(context.loadPixels(other!, job.frame, one, source));
        else if (!isSame) reads.push(...load(other!, second.base));
        emitPair(context, vec, cu, from, second, out, count, channels, reads, [piece], source);
      } else if (vec.op === 'table') {
        emitTable(context, vec, cu, from, out, count, channels, reads, [piece], source);
      } else {
        const ring = { ring: slot, origin: rows.first, pitch: channels };
        emitMax(context, vec, cu, ring, out, { first: y0, end: y1 }, channels, reads, [piece], source);
      }
      const run = { first: y0 * geometry.outWidth, end: y1 * geometry.outWidth, channel: c0, words: channels };
      context.storePixels(output, job.frame, { ...run, cu, base: out.base, pitch: channels }, source, [piece]);
      yield;
    }
  }
}

/** Input rows that output rows [y0, y1) read. */
function windowRows(g: Geometry, y0: number, y1: number): { first: number; end: number } {
  const first = Math.max(0, Math.min(g.inHeight, y0 * g.strideH - g.padTop));
  const end = Math.min(g.inHeight, (y1 - 1) * g.strideH - g.padTop + (g.kernelH - 1) * g.dilationH + 1);
  return { first, end: Math.max(first, end) };
}
