/**
 * The window walker: geometry of one MAC or VEC descriptor as pure functions, shared by the data and the timing engine.
 * Specification: docs/microarchitecture.md, sections 3 (raster, clipping, addresses) and 4 (traces, steps). Twin: sf_walker.sv.
 *
 * Output pixels are visited in raster order: row 0 from column x0, further rows from column 0, `outWidth` columns wide, `count` in all.
 * Clipping is separable: the valid kernel rows depend on the output row only, the valid kernel columns on the output column only.
 */
import type { MacDescriptor, VecDescriptor } from '../isa/fields.ts';
import { hasAdjacentTaps } from '../isa/weights-group.ts';

/** The fields that both units walk by. */
export type Walk = Pick<
  MacDescriptor & VecDescriptor,
  | 'srcBase'
  | 'srcRing'
  | 'srcOffset'
  | 'srcColumn'
  | 'rowStep'
  | 'kRowStep'
  | 'colStep'
  | 'tapStep'
  | 'words'
  | 'kernelH'
  | 'kernelW'
  | 'strideH'
  | 'strideW'
  | 'dilationH'
  | 'dilationW'
  | 'iy0'
  | 'ix0'
  | 'inHeight'
  | 'inWidth'
  | 'outBase'
  | 'outRing'
  | 'outOffset'
  | 'outRowStep'
  | 'outColStep'
  | 'outWidth'
  | 'x0'
  | 'count'
>;

/** The MAC fields that decide the steps of a window. */
export type MacShape = Walk & Pick<MacDescriptor, 'lanes' | 'depthwise' | 'outWords'>;

/** First valid tap of a window that starts at input index `start`: smallest k in [0, kernel] with start + k·dilation ≥ 0. */
export function firstValidTap(start: number, dilation: number, kernel: number): number {
  if (start >= 0) return 0;
  return dilation === 0 ? kernel : Math.min(kernel, Math.ceil(-start / dilation));
}

/** End of the valid taps: smallest k in [first, kernel] with start + k·dilation ≥ extent. `first` is the window's first valid tap. */
export function endValidTap(start: number, dilation: number, kernel: number, extent: number, first: number): number {
  const room = extent - start;
  if (room <= 0) return first;
  const end = dilation === 0 ? kernel : Math.min(kernel, Math.ceil(room / dilation));
  return Math.max(first, end);
}

/** How many taps of a window that starts at input index `start` are valid. */
export function countValidTaps(start: number, dilation: number, kernel: number, extent: number): number {
  const first = firstValidTap(start, dilation, kernel);
  return endValidTap(start, dilation, kernel, extent, first) - first;
}

/** Valid kernel rows [first, end) of output row y. */
export function validRows(w: Walk, y: number): { first: number; end: number } {
  const start = w.iy0 + y * w.strideH;
  const first = firstValidTap(start, w.dilationH, w.kernelH);
  return { first, end: endValidTap(start, w.dilationH, w.kernelH, w.inHeight, first) };
}

/** Valid kernel columns [first, end) of output column x. */
export function validColumns(w: Walk, x: number): { first: number; end: number } {
  const start = w.ix0 + x * w.strideW;
  const first = firstValidTap(start, w.dilationW, w.kernelW);
  return { first, end: endValidTap(start, w.dilationW, w.kernelW, w.inWidth, first) };
}

/** True when kernel rows or columns are further apart than one: the preparation divides (T3). */
export function isDilatedWalk(w: Pick<Walk, 'dilationH' | 'dilationW'>): boolean {
  return w.dilationH > 1 || w.dilationW > 1;
}

/** Output rows that the raster touches, the partial first and last ones included. */
export function rowCount(w: Walk): number {
  return Math.ceil((w.x0 + w.count) / w.outWidth);
}

/** Columns [first, end) of output row y that belong to the raster. */
export function rowColumns(w: Walk, y: number): { first: number; end: number } {
  return { first: y === 0 ? w.x0 : 0, end: Math.min(w.outWidth, w.x0 + w.count - y * w.outWidth) };
}

/** Ring rule: offsets wrap at the ring size; ring 0 never wraps. */
export function wrapRing(offset: number, ring: number): number {
  return ring === 0 ? offset : offset % ring;
}

/** Ring offset of kernel row ky of output row y (source 1), without base and columns. */
export function sourceRowOffset(w: Walk, y: number, ky: number): number {
  return wrapRing(w.srcOffset + y * w.rowStep + ky * w.kRowStep, w.srcRing);
}

/** Word offset within a row of kernel column kx of output column x; may be negative before clipping. */
export function sourceColumnOffset(w: Walk, x: number, kx: number): number {
  return w.srcColumn + x * w.colStep + kx * w.tapStep;
}

/** Word address of tap (ky, kx) of output pixel (y, x), modulo the buffer size in words (a power of two). */
export function tapAddress(w: Walk, y: number, x: number, ky: number, kx: number, bufferWords: number): number {
  return (w.srcBase + sourceRowOffset(w, y, ky) + sourceColumnOffset(w, x, kx)) & (bufferWords - 1);
}

/** Ring offset of output row y, without base and columns. */
export function outputRowOffset(w: Walk, y: number): number {
  return wrapRing(w.outOffset + y * w.outRowStep, w.outRing);
}

/** Word address of output pixel (y, x), modulo the buffer size in words (a power of two). */
export function outputAddress(w: Walk, y: number, x: number, bufferWords: number): number {
  return (w.outBase + outputRowOffset(w, y) + x * w.outColStep) & (bufferWords - 1);
}

/** Consecutive pixels [first, end) of one output row with the same valid kernel columns [kx0, kx1). */
export interface ColumnClass {
  readonly first: number;
  readonly end: number;
  readonly kx0: number;
  readonly kx1: number;
}

/** Output columns 0..outWidth−1 as runs of equal valid kernel columns: the clipped edges column by column, the interior as one. */
export function columnClasses(w: Walk): ColumnClass[] {
  const classes: ColumnClass[] = [];
  const interiorEnd = interiorColumnEnd(w);
  for (let x = 0; x < w.outWidth; ) {
    const { first: kx0, end: kx1 } = validColumns(w, x);
    const full = kx0 === 0 && kx1 === w.kernelW && kx1 > 0;
    const end = full ? Math.max(x + 1, interiorEnd) : x + 1;
    const last = classes.at(-1);
    if (last !== undefined && last.kx0 === kx0 && last.kx1 === kx1) classes[classes.length - 1] = { ...last, end };
    else classes.push({ first: x, end, kx0, kx1 });
    x = end;
  }
  return classes;
}

/** End of the columns whose last tap is still inside the input, found without visiting them. */
function interiorColumnEnd(w: Walk): number {
  if (w.strideW === 0) return w.outWidth;
  const lastStart = w.inWidth - 1 - (w.kernelW - 1) * w.dilationW;
  return Math.min(w.outWidth, Math.floor((lastStart - w.ix0) / w.strideW) + 1);
}

/** Pixels [first, end) of output row y that share valid kernel rows [ky0, ky1) and columns [kx0, kx1). */
export type RunVisitor = (y: number, first: number, end: number, ky0: number, ky1: number, kx0: number, kx1: number) => void;

/** Visits the raster as runs of pixels with the same window shape, in order. */
export function forEachRun(w: Walk, visit: RunVisitor): void {
  const classes = columnClasses(w);
  const rows = rowCount(w);
  for (let y = 0; y < rows; y++) {
    const { first: ky0, end: ky1 } = validRows(w, y);
    const columns = rowColumns(w, y);
    for (const c of classes) {
      const first = Math.max(c.first, columns.first);
      const end = Math.min(c.end, columns.end);
      if (first < end) visit(y, first, end, ky0, ky1, c.kx0, c.kx1);
    }
  }
}

/** Valid taps, summed over all windows of the raster, and windows without any. */
export function countTaps(w: Walk): { taps: number; emptyWindows: number } {
  let taps = 0;
  let emptyWindows = 0;
  forEachRun(w, (_y, first, end, ky0, ky1, kx0, kx1) => {
    const windowTaps = (ky1 - ky0) * (kx1 - kx0);
    taps += windowTaps * (end - first);
    if (windowTaps === 0) emptyWindows += end - first;
  });
  return { taps, emptyWindows };
}

// --- MAC: traces and steps (section 4) ---

/** Words of a step: g, or 64 (one per lane of the CU) in depthwise mode. */
export function stepWords(d: MacShape): number {
  return d.depthwise === 1 ? 64 : d.lanes;
}

/** Steps of one trace whose first word is word `start` of its g-word grid. */
export function traceSteps(start: number, words: number, lanes: number): number {
  return words === 0 ? 0 : Math.ceil(((start % lanes) + words) / lanes);
}

/** Steps of a window; one idle step when no tap is valid. The output path may stretch it further (T5). */
export function windowSteps(d: MacShape, validKernelRows: number, kx0: number, kx1: number): number {
  const kernelColumns = kx1 - kx0;
  const perRow =
    d.depthwise === 1
      ? kernelColumns
      : hasAdjacentTaps(d)
        ? traceSteps(kx0 * d.words, kernelColumns * d.words, d.lanes)
        : kernelColumns * Math.ceil(d.words / d.lanes);
  return Math.max(1, validKernelRows * perRow);
}

/** Cycles for which a window holds the output path: O of section 4. */
export function outputCycles(lanes: number): number {
  return Math.max(2, 8 / lanes);
}

/** Totals of a MAC descriptor. */
export interface MacTotals {
  readonly windows: number;
  /** Steps, idle ones of empty windows included. */
  readonly steps: number;
  /** Cycles of the windows: steps, each window stretched to the output path's O. */
  readonly cycles: number;
  /** Multiplications whose product reaches a valid result: clipped taps, partial lanes and masked outputs left out. */
  readonly usefulMacs: number;
}

/** Totals over all windows of a MAC descriptor, clipping included; constant time per row of windows with equal clipping. */
export function macTotals(d: MacShape): MacTotals {
  const minimum = outputCycles(d.lanes);
  let steps = 0;
  let cycles = 0;
  let taps = 0;
  forEachRun(d, (_y, first, end, ky0, ky1, kx0, kx1) => {
    const window = windowSteps(d, ky1 - ky0, kx0, kx1);
    steps += window * (end - first);
    cycles += Math.max(window, minimum) * (end - first);
    taps += (ky1 - ky0) * (kx1 - kx0) * (end - first);
  });
  const macsPerTap = d.depthwise === 1 ? Math.min(d.words, d.outWords) : d.words * d.outWords;
  return { windows: d.count, steps, cycles, usefulMacs: taps * macsPerTap };
}
