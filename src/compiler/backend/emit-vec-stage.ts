/**
 * A stage of vector work alone: tiles of output rows and slices of channels go round the CUs, each loaded, computed and stored by itself.
 * Specification: docs/compiler.md, "Vector work".
 */
import { fieldInfo, fieldRange } from '../../isa/field-codes.ts';
import { type Machine, mapsWords } from '../../machine/machine.ts';
import { LayerRefusal } from '../layer-refusal.ts';
import type { EmitContext, Ring, Source } from './emit-context.ts';
import { emitCopyStage, planCopy } from './emit-copy.ts';
import { emitMax, emitPair, emitTable, loadTable, type PixelSlot } from './emit-vec.ts';
import { roundUp } from './maps-memory.ts';
import { type Geometry, isPairWork, type Stage, type VecWork } from './stage.ts';
import { type Piece, SPACE } from './task.ts';
import type { View } from './view.ts';

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

export interface VecPlan {
  readonly tileRows: number;
  readonly sliceChannels: number;
  /** Words of an input slot and of an output slot. */
  readonly inWords: number;
  readonly outWords: number;
  /** Slots in rotation in every CU; operands per slot. */
  readonly turns: number;
  readonly operands: number;
  /** Words of the maps buffer in use. */
  readonly words: number;
  /** Items of work: tiles × slices. */
  readonly items: number;
}

/** Sizes of the stage's regions: input slots, output slots, second operand's slots. */
export function vecRegions(plan: VecPlan): number[] {
  const times = (words: number): number[] => Array.from({ length: plan.turns }, () => words);
  return [...times(plan.inWords), ...(plan.outWords > 0 ? times(plan.outWords) : []), ...(plan.operands > 1 ? times(plan.inWords) : [])];
}

const LINE = 16;
/** Rows of a tile, which are the columns of a walk over pixels: what the descriptor's fields hold. */
const MAX_TILE_ROWS = fieldRange(fieldInfo('VEC.outWidth').spec).high;

/** Emits the stage item by item: the generator stops after each, so that the items can be spread over another stage's. */
export function* emitVecStage(context: EmitContext, job: VecStageInput): Generator<void> {
  const { vec } = job;
  if (vec.op === 'copy') {
    yield* emitCopyStage(context, job, vec.boxes);
    return;
  }
  const isWindow = vec.op === 'max';
  // Without a window a row is as good as a pixel: tiles are cut at pixels, counted row by row.
  const { input, output, other } = job;
  const geometry = isWindow ? vec.geometry : pointwise(asColumn(input));
  const { inWords, outWords, turns, tileRows, sliceChannels } = job.plan;
  const { bases } = job;
  const tablePieces = vec.op === 'table' ? loadTable(context, job.tableAddress, { layer: job.layer, tile: 'table' }) : [];
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

/**
 * Tile and slice: the least reloading of rows that neighbouring tiles share, then the fewest items, but one for every CU. Half of the buffer is
 * left to the neighbour stages where that is possible.
 */
export function planVecStage(stage: Stage, inputView: View, outputView: View, machine: Machine, limitWords: number): VecPlan {
  const vec = stage.vec!;
  if (vec.op === 'copy') return planCopy(vec.boxes, machine, limitWords);
  const input = vec.op === 'max' ? inputView : asColumn(inputView);
  const g = vec.op === 'max' ? vec.geometry : pointwise(asColumn(outputView));
  const { channels } = input;
  const operands = isPairWork(vec) && vec.other !== stage.input ? 2 : 1;
  let best: { plan: VecPlan; cost: number } | undefined;
  for (const [budget, turns] of [
    [limitWords / 2, 2],
    [limitWords, 2],
    [mapsWords(machine), 1],
  ] as const) {
    for (let slices = 1; slices <= Math.ceil(channels / LINE); slices++) {
      const sliceChannels = slices === 1 ? channels : Math.ceil(channels / slices / LINE) * LINE;
      for (let tileRows = Math.min(g.outHeight, MAX_TILE_ROWS); tileRows >= 1; tileRows = tileRows > 1 ? Math.ceil(tileRows / 2) : 0) {
        const tallest = Math.min(g.inHeight, (tileRows - 1) * g.strideH + (g.kernelH - 1) * g.dilationH + 1);
        const inWords = tallest * g.inWidth * sliceChannels;
        const outWords = tileRows * g.outWidth * sliceChannels;
        const words = turns * (operands * roundUp(inWords) + roundUp(outWords));
        if (words > budget) continue;
        const tiles = Math.ceil(g.outHeight / tileRows);
        const items = tiles * Math.ceil(channels / sliceChannels);
        const idle = Math.ceil(items / machine.computeUnits) * machine.computeUnits - items;
        // Lines loaded, a descriptor's worth of lines per item, idle CUs as if they were items.
        const lines = (tiles * tallest * g.inWidth * channels) / LINE;
        const cost = lines + items * 40 + (idle / items) * lines;
        if (!best || cost < best.cost) best = { plan: { tileRows, sliceChannels, inWords, outWords, turns, operands, words, items }, cost };
      }
    }
    if (best) return best.plan;
  }
  throw new LayerRefusal(
    `layer ${stage.name} (${stage.op}): one row of 16 channels does not fit the maps buffer of ${machine.mapsBytes} bytes; use larger buffers`,
    stage.nodes,
  );
}

/** The pixels of a view as rows of one pixel. */
function asColumn(view: View): View {
  return { ...view, height: view.height * view.width, width: 1, rowPitch: view.pixelPitch };
}

function pointwise(view: View): Geometry {
  const { height, width } = view;
  return {
    inHeight: height,
    inWidth: width,
    outHeight: height,
    outWidth: width,
    kernelH: 1,
    kernelW: 1,
    strideH: 1,
    strideW: 1,
    dilationH: 1,
    dilationW: 1,
    padTop: 0,
    padLeft: 0,
  };
}
