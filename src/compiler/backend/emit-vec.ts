/**
 * Emission of vector work: behind MACs (from the slots of their results) and as stages of their own.
 * Specification: docs/compiler.md, "Vector work".
 */
import { type MacDescriptor, UNIT_ID, VEC_OPS } from '../../isa/fields.ts';
import { mapsWords } from '../../machine/machine.ts';
import { InputError } from '../../util/errors.ts';
import type { EmitContext, Ring, Source } from './emit-context.ts';
import type { Geometry, Stage, VecWork } from './stage.ts';
import { type BareDescriptor, type Piece, SPACE } from './task.ts';
import type { View } from './view.ts';

/** Pixels one after the other in a CU's maps: pixel i at base + i·pitch. */
export interface PixelSlot {
  readonly base: number;
  readonly pitch: number;
}

const FULL = { low: -32768, high: 32767 };
const NO_SECOND = { src2Base: 0, src2Ring: 0, src2Offset: 0, src2RowStep: 0, src2ColStep: 0, shiftA: 0, shiftB: 0, shiftOut: 0 };
/** Words of the activation table: 256 entries of four words. */
const TABLE_WORDS = 1024;
const COPY_WINDOW = { kernelH: 1, kernelW: 1, strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, iy0: 0, ix0: 0 };

/** Walk over `count` pixels of a slot, one row, no window. */
function linearWalk(
  from: PixelSlot,
  to: PixelSlot,
  count: number,
  words: number,
): Omit<
  BareDescriptor<'MAC'>,
  keyof Pick<MacDescriptor, 'weightsLine' | 'lanes' | 'depthwise' | 'outWords' | 'outCus' | 'clampLow' | 'clampHigh'>
> {
  return {
    srcBase: from.base,
    srcRing: 0,
    srcOffset: 0,
    srcColumn: 0,
    rowStep: 0,
    kRowStep: 0,
    colStep: from.pitch,
    tapStep: 0,
    words,
    ...COPY_WINDOW,
    inHeight: 1,
    inWidth: count,
    outBase: to.base,
    outRing: 0,
    outOffset: 0,
    outRowStep: 0,
    outColStep: to.pitch,
    outWidth: count,
    x0: 0,
    count,
  };
}

export function emitAdd(
  context: EmitContext,
  add: VecWork & { op: 'add' },
  cu: number,
  a: PixelSlot,
  b: PixelSlot,
  out: PixelSlot,
  count: number,
  words: number,
  reads: readonly Piece[],
  writes: readonly Piece[],
  source: Source,
): void {
  context.list.add(
    UNIT_ID.vec(cu),
    'VEC',
    {
      ...linearWalk(a, out, count, words),
      outCus: 1 << cu,
      clampLow: add.clamp.low,
      clampHigh: add.clamp.high,
      op: VEC_OPS.add,
      src2Base: b.base,
      src2Ring: 0,
      src2Offset: 0,
      src2RowStep: 0,
      src2ColStep: b.pitch,
      shiftA: add.shiftA,
      shiftB: add.shiftB,
      shiftOut: add.shiftOut,
    },
    source,
    reads,
    writes,
  );
}

export function emitTable(
  context: EmitContext,
  work: VecWork & { op: 'table' },
  cu: number,
  from: PixelSlot,
  to: PixelSlot,
  count: number,
  words: number,
  reads: readonly Piece[],
  writes: readonly Piece[],
  source: Source,
): void {
  context.list.add(
    UNIT_ID.vec(cu),
    'VEC',
    {
      ...linearWalk(from, to, count, words),
      outCus: 1 << cu,
      clampLow: work.clamp.low,
      clampHigh: work.clamp.high,
      op: VEC_OPS.table,
      ...NO_SECOND,
      shiftOut: work.table.shiftOut,
    },
    source,
    reads,
    writes,
  );
}

/** Load an activation table into all CUs; the pieces that look-ups read. */
export function loadTable(context: EmitContext, address: number, source: Source): Piece[] {
  const pieces = Array.from({ length: context.cus }, (_, cu) => context.list.newPiece(SPACE.table(cu), 0, TABLE_WORDS));
  context.list.add(
    UNIT_ID.LDM,
    'LDM',
    { dramAddress: address, dramStep: 0, base: 0, ring: 0, offset: 0, step: 0, rows: 1, words: TABLE_WORDS, cus: context.allCus, space: 1 },
    source,
    [],
    pieces,
  );
  return pieces;
}

/** The table's memory image. */
export function packTable(work: VecWork & { op: 'table' }): Int16Array {
  const words = new Int16Array(TABLE_WORDS);
  for (let i = 0; i < 256; i++) {
    words[4 * i] = work.table.base[i]!;
    words[4 * i + 1] = work.table.base[i]! >> 16;
    words[4 * i + 2] = work.table.slope[i]!;
  }
  return words;
}

/** Pooled rows [first, end) from a ring of input rows (row r at (r − origin) modulo the ring). */
export function emitMax(
  context: EmitContext,
  work: { geometry: Geometry; clamp: { low: number; high: number } },
  cu: number,
  input: { ring: Ring; origin: number; pitch: number },
  out: PixelSlot,
  rows: { first: number; end: number },
  words: number,
  reads: readonly Piece[],
  writes: readonly Piece[],
  source: Source,
): void {
  const g = work.geometry;
  const rowWords = g.inWidth * input.pitch;
  const ringWords = input.ring.words;
  const modulo = (value: number): number => ((value % ringWords) + ringWords) % ringWords;
  const iy0 = rows.first * g.strideH - g.padTop;
  context.list.add(
    UNIT_ID.vec(cu),
    'VEC',
    {
      srcBase: input.ring.base,
      srcRing: ringWords,
      srcOffset: modulo((iy0 - input.origin) * rowWords),
      srcColumn: -g.padLeft * input.pitch,
      rowStep: modulo(g.strideH * rowWords),
      kRowStep: modulo(g.dilationH * rowWords),
      colStep: g.strideW * input.pitch,
      tapStep: g.dilationW * input.pitch,
      words,
      kernelH: g.kernelH,
      kernelW: g.kernelW,
      strideH: g.strideH,
      strideW: g.strideW,
      dilationH: g.dilationH,
      dilationW: g.dilationW,
      iy0,
      ix0: -g.padLeft,
      inHeight: g.inHeight,
      inWidth: g.inWidth,
      outBase: out.base,
      outRing: 0,
      outOffset: 0,
      outRowStep: g.outWidth * out.pitch,
      outColStep: out.pitch,
      outWidth: g.outWidth,
      x0: 0,
      count: (rows.end - rows.first) * g.outWidth,
      outCus: 1 << cu,
      clampLow: work.clamp.low,
      clampHigh: work.clamp.high,
      op: VEC_OPS.max,
      ...NO_SECOND,
    },
    source,
    reads,
    writes,
  );
}

export interface VecStageInput {
  readonly stage: Stage;
  readonly vec: VecWork;
  readonly tableAddress: number;
  readonly layer: number;
  readonly frame: number;
  readonly input: View;
  readonly output: View;
  readonly other: View | undefined;
}

/** A stage of vector work alone: tiles of output rows go round the CUs, each loaded, computed and stored by itself. */
export function emitVecStage(context: EmitContext, job: VecStageInput): void {
  const { vec } = job;
  const isWindow = vec.op === 'max';
  // Without a window a row is as good as a pixel: tiles are cut at pixels.
  const input = isWindow ? job.input : asColumn(job.input);
  const output = isWindow ? job.output : asColumn(job.output);
  const other = job.other && asColumn(job.other);
  const geometry = isWindow ? vec.geometry : pointwise(input);
  const work = { geometry, clamp: vec.op === 'copy' ? FULL : vec.clamp };
  const channels = input.channels;
  const tileRows = vecTileRows(context, job, geometry);
  const rowsIn = Math.min(geometry.inHeight, (tileRows - 1) * geometry.strideH + (geometry.kernelH - 1) * geometry.dilationH + 1);
  const inWords = rowsIn * geometry.inWidth * channels;
  const outWords = tileRows * geometry.outWidth * channels;
  const sizes = [inWords, inWords, outWords, outWords, ...(job.other ? [inWords, inWords] : [])];
  const bases = context.allocateMaps(sizes);
  const tablePieces = vec.op === 'table' ? loadTable(context, job.tableAddress, { layer: job.layer, tile: 'table' }) : [];
  const channelOffset = vec.op === 'copy' ? vec.channelOffset : 0;
  for (let y0 = 0, t = 0; y0 < geometry.outHeight; y0 += tileRows, t++) {
    const y1 = Math.min(geometry.outHeight, y0 + tileRows);
    const source: Source = { layer: job.layer, tile: `${job.frame > 0 ? `frame ${job.frame} ` : ''}tile ${t}` };
    const cu = t % context.cus;
    const turn = Math.floor(t / context.cus) % 2;
    const first = Math.max(0, Math.min(geometry.inHeight, y0 * geometry.strideH - geometry.padTop));
    const end = Math.max(
      first,
      Math.min(geometry.inHeight, (y1 - 1) * geometry.strideH - geometry.padTop + (geometry.kernelH - 1) * geometry.dilationH + 1),
    );
    const slot: Ring = { base: bases[turn]!, words: inWords };
    const reads: Piece[] = [...tablePieces];
    if (end > first)
      reads.push(...context.loadRows(input, { first, end, origin: first }, slot, channels, 1 << cu, job.frame, source).get(cu)!);
    const out: PixelSlot = { base: bases[2 + turn]!, pitch: channels };
    const piece = context.list.newPiece(SPACE.maps(cu), out.base, out.base + outWords);
    const count = (y1 - y0) * geometry.outWidth;
    const from: PixelSlot = { base: slot.base, pitch: channels };
    if (vec.op === 'add') {
      const second: Ring = { base: bases[4 + turn]!, words: inWords };
      reads.push(...context.loadRows(other!, { first, end, origin: first }, second, channels, 1 << cu, job.frame, source).get(cu)!);
      emitAdd(context, vec, cu, from, { base: second.base, pitch: channels }, out, count, channels, reads, [piece], source);
    } else if (vec.op === 'table') {
      emitTable(context, vec, cu, from, out, count, channels, reads, [piece], source);
    } else {
      emitMax(
        context,
        work,
        cu,
        { ring: slot, origin: first, pitch: channels },
        out,
        { first: y0, end: y1 },
        channels,
        reads,
        [piece],
        source,
      );
    }
    const pixels = { first: y0 * geometry.outWidth, end: y1 * geometry.outWidth };
    context.storePixels(output, job.frame, pixels, channelOffset, channels, cu, out.base, channels, source, [piece]);
  }
}

/** Rows of a tile: as many as keep all CUs busy and fit half of the buffer (the other half is the neighbour stage's). */
function vecTileRows(context: EmitContext, job: VecStageInput, g: Geometry): number {
  const budget = mapsWords(context.machine);
  const even = Math.max(1, Math.ceil(g.outHeight / (2 * context.cus)));
  for (let rows = even; rows >= 1; rows--) {
    const inRows = Math.min(g.inHeight, (rows - 1) * g.strideH + (g.kernelH - 1) * g.dilationH + 1);
    const words = 2 * inRows * g.inWidth * job.input.channels * (job.other ? 2 : 1) + 2 * rows * g.outWidth * job.input.channels;
    if (words + 512 <= (rows > 1 ? budget / 2 : budget)) return rows;
  }
  throw new InputError(
    `layer ${job.stage.name} (${job.stage.op}): one row does not fit the maps buffer of ${context.machine.mapsBytes} bytes`,
  );
}

/** The pixels of a view as rows of one pixel. */
function asColumn(view: View): View {
  return { ...view, height: view.height * view.width, width: 1, rowPitch: view.pixelPitch };
}

function pointwise(view: View): Geometry {
  return {
    inHeight: view.height,
    inWidth: view.width,
    outHeight: view.height,
    outWidth: view.width,
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
