/**
 * Emission of vector work: behind MACs (from the slots of their results) and as stages of their own.
 * Specification: docs/compiler.md, "Vector work".
 */
import type { Clamp } from '../../../graph/integer-graph.ts';
import { type MacDescriptor, UNIT_ID, VEC_OPS } from '../../../isa/fields.ts';
import { TABLE_WORDS } from '../layout/table-image.ts';
import type { Ring } from '../mac/source-walk.ts';
import type { Geometry, PairWork, VecWork } from '../stages/stage.ts';
import { type BareDescriptor, type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source } from './emit-context.ts';
import { type RasterWalk, seesInput, type WalkFields, walkRaster } from './raster-walk.ts';

/** Pixels one after the other in a CU's maps: pixel i at base + i·pitch; where there are several rows of them, `rowStep` words apart. */
export interface PixelSlot {
  readonly base: number;
  readonly pitch: number;
  readonly rowStep?: number;
}

const NO_SECOND = {
  ...{ src2Base: 0, src2Ring: 0, src2Offset: 0, src2RowStep: 0, src2ColStep: 0 },
  ...{ shiftA: 0, shiftB: 0, shiftOut: 0, shiftSum: 0 },
};
/** Work of `emitShift` that changes nothing. */
export const COPY = { shiftA: 0, shiftOut: 0, clamp: { low: -32768, high: 32767 } };
const COPY_WINDOW = { kernelH: 1, kernelW: 1, strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, iy0: 0, ix0: 0 };

/** Columns of a walk over a single row: more than it has mostly, so that descriptors differ in their counts alone. */
const ROW_COLUMNS = 4096;

/** Walk over `rows` rows of `count` pixels of a slot, no window. */
function linearWalk(from: PixelSlot, to: PixelSlot, count: number, words: number, rows = 1): WalkFields & Pick<MacDescriptor, 'words'> {
  const columns = rows > 1 ? count : Math.max(count, ROW_COLUMNS);
  return {
    srcBase: from.base,
    srcRing: 0,
    srcOffset: 0,
    srcColumn: 0,
    rowStep: rows > 1 ? from.rowStep! : 0,
    kRowStep: 0,
    colStep: from.pitch,
    tapStep: 0,
    words,
    ...COPY_WINDOW,
    inHeight: rows,
    inWidth: columns,
    outBase: to.base,
    outRing: 0,
    outOffset: 0,
    outRowStep: rows > 1 ? to.rowStep! : 0,
    outColStep: to.pitch,
    outWidth: columns,
    x0: 0,
    count: rows * count,
  };
}

/** Operation and shifts of work on two operands. */
function operationOf(work: PairWork): Pick<BareDescriptor<'VEC'>, 'op'> & Partial<BareDescriptor<'VEC'>> {
  switch (work.op) {
    case 'mul':
      return { op: VEC_OPS.mul, shiftB: work.complement ?? 0, shiftOut: work.shiftOut };
    case 'maximum':
      return { op: VEC_OPS.max };
    case 'addTable': {
      const { shiftA, shiftB, shiftSum, table } = work;
      return { op: VEC_OPS.addTable, shiftA, shiftB, shiftSum, shiftOut: table.shiftOut };
    }
    case 'add': {
      const { shiftA, shiftB, shiftOut } = work;
      // x + x with finer words: one operand, shifted once more.
      if (isDouble(work)) return { op: VEC_OPS.max, shiftA: shiftA + 1, shiftOut };
      return { op: VEC_OPS.add, shiftA, shiftB, shiftOut };
    }
  }
}

/** An addition can shift one operand only; where both are shifted, they are one tensor (docs/numbers.md, section 5). */
function isDouble(work: PairWork): boolean {
  return work.op === 'add' && work.shiftA > 0 && work.shiftB > 0;
}

/** Adds a descriptor of a CU's vector unit: a walk, and what is done there; no second operand unless `operation` has one. */
function addVec(
  context: EmitContext,
  cu: number,
  walk: ReturnType<typeof linearWalk>,
  operation: Pick<BareDescriptor<'VEC'>, 'op'> & Partial<BareDescriptor<'VEC'>>,
  { clamp, targets, reads, writes, source }: VecEnds,
): void {
  const ends = { outCus: targets, clampLow: clamp.low, clampHigh: clamp.high };
  context.list.add(UNIT_ID.vec(cu), 'VEC', { ...walk, ...ends, ...NO_SECOND, ...operation }, source, reads, writes);
}

/** What every descriptor of a vector unit has besides its walk and operation: clamp, CUs that take the result, and what it waits for and makes. */
interface VecEnds {
  readonly clamp: { readonly low: number; readonly high: number };
  readonly targets: number;
  readonly reads: readonly Piece[];
  readonly writes: readonly Piece[];
  readonly source: Source;
}

/**
 * Work on two operands (of a look-up, `reads` have the table). The maximum of two is a max pool with a window of two rows, one operand each: `a` and `b` are told apart by the row step alone.
 */
export function emitPair(
  context: EmitContext,
  work: PairWork,
  cu: number,
  a: PixelSlot,
  b: PixelSlot,
  out: PixelSlot,
  count: number,
  words: number,
  reads: readonly Piece[],
  writes: readonly Piece[],
  source: Source,
  targets = 1 << cu,
  rows = 1,
): void {
  const isMaximum = work.op === 'maximum';
  if (isMaximum && rows > 1) {
    const row = (slot: PixelSlot, y: number): PixelSlot => ({ ...slot, base: slot.base + y * slot.rowStep! });
    for (let y = 0; y < rows; y++) {
      emitPair(context, work, cu, row(a, y), work.isPixel ? b : row(b, y), row(out, y), count, words, reads, writes, source, targets);
    }
    return;
  }
  const lower = isMaximum && b.base < a.base ? b : a;
  if (isMaximum && a.pitch !== b.pitch) throw new Error('operands of a maximum lie at different pitches');
  const src2RowStep = rows > 1 && !work.isPixel ? b.rowStep! : 0;
  const secondSource = { src2Base: b.base, src2Ring: 0, src2Offset: 0, src2RowStep, src2ColStep: work.isPixel ? 0 : b.pitch };
  const walk = linearWalk(lower, out, count, words, rows);
  const window = isMaximum ? { kernelH: 2, inHeight: 2, kRowStep: Math.abs(b.base - a.base) } : {};
  const second = isMaximum || isDouble(work) ? {} : secondSource;
  const ends = { clamp: work.clamp, targets, reads, writes, source };
  addVec(context, cu, { ...walk, ...window }, { ...second, ...operationOf(work) }, ends);
}

/** Words with a shift to the left and one to the right (an addition of 0), or, without shifts, a copy. */
export function emitShift(
  context: EmitContext,
  work: { readonly shiftA: number; readonly shiftOut: number; readonly clamp: Clamp },
  cu: number,
  from: PixelSlot,
  to: PixelSlot,
  count: number,
  words: number,
  reads: readonly Piece[],
  writes: readonly Piece[],
  source: Source,
  targets = 1 << cu,
  rows = 1,
): void {
  const { shiftA, shiftOut, clamp } = work;
  const ends = { clamp, targets, reads, writes, source };
  addVec(context, cu, linearWalk(from, to, count, words, rows), { op: VEC_OPS.max, shiftA, shiftOut }, ends);
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
  targets = 1 << cu,
  rows = 1,
): void {
  const ends = { clamp: work.clamp, targets, reads, writes, source };
  addVec(context, cu, linearWalk(from, to, count, words, rows), { op: VEC_OPS.table, shiftOut: work.table.shiftOut }, ends);
}

/** An activation table in all CUs, loaded unless it is there already; the pieces that look-ups read. */
export function loadTable(context: EmitContext, address: number, source: Source): readonly Piece[] {
  return loadTableOf(
    context,
    address,
    Array.from({ length: context.cus }, (_, cu) => cu),
    source,
  );
}

/** The same in some CUs. */
export function loadTableOf(context: EmitContext, address: number, cus: readonly number[], source: Source): readonly Piece[] {
  return context.keepTable(address, cus, () => {
    const pieces = cus.map((cu) => context.list.newPiece(SPACE.table(cu), 0, TABLE_WORDS));
    const mask = cus.reduce((bits, cu) => bits | (1 << cu), 0);
    context.list.add(
      UNIT_ID.LDM,
      'LDM',
      { dramAddress: address, dramStep: 0, base: 0, ring: 0, offset: 0, step: 0, rows: 1, words: TABLE_WORDS, cus: mask, space: 1 },
      source,
      [],
      pieces,
    );
    return pieces;
  });
}

/** Pooled pixels of a raster, from a ring of input rows. */
export function emitPool(
  context: EmitContext,
  { clamp }: { readonly clamp: Clamp },
  cu: number,
  walk: RasterWalk,
  words: number,
  reads: readonly Piece[],
  writes: readonly Piece[],
  source: Source,
  targets: number,
): void {
  const isBlind = !seesInput(walk.geometry, walk.raster);
  const needed = isBlind ? reads.filter(({ space }) => space !== SPACE.maps(cu)) : reads;
  addVec(context, cu, { ...walkRaster(walk), words }, { op: VEC_OPS.max }, { clamp, targets, reads: needed, writes, source });
}

/** Pooled rows [first, end) from a ring of input rows (row r at (r − origin) modulo the ring), `rowWords` words apart (default: pixels follow each other). */
export function emitMax(
  context: EmitContext,
  work: { geometry: Geometry; clamp: { low: number; high: number } },
  cu: number,
  input: { ring: Ring; origin: number; pitch: number; rowWords?: number },
  out: PixelSlot,
  rows: { first: number; end: number },
  words: number,
  reads: readonly Piece[],
  writes: readonly Piece[],
  source: Source,
  targets = 1 << cu,
): void {
  const { geometry } = work;
  const { ring, origin, pitch, rowWords } = input;
  const { outWidth: width } = geometry;
  const walk = walkRaster({
    ...{ geometry, ring, origin, pixelPitch: pitch, channelOffset: 0 },
    ...(rowWords === undefined ? {} : { columns: { rowWords, first: 0 } }),
    raster: { y: rows.first, x: 0, x0: 0, width, count: (rows.end - rows.first) * width },
    output: { outBase: out.base, outRing: 0, outOffset: 0, outRowStep: width * out.pitch, outColStep: out.pitch },
  });
  addVec(context, cu, { ...walk, words }, { op: VEC_OPS.max }, { clamp: work.clamp, targets, reads, writes, source });
}
