/**
 * Exact MAC cycles of windows and tiles (microarchitecture.md, section 4), the arithmetic behind the cost model.
 */
import { type Geometry, type MacWork, validTaps } from '../stages/stage.ts';

/** Cycles the output path is busy with one window: a shorter window is stretched to it. */
export function outputCycles(lanes: number): number {
  return Math.max(2, 8 / lanes);
}

/** Parameter lines in front of a weights group. */
export function parameterLines(lanes: number): number {
  return Math.max(1, 4 / lanes);
}

/** Are the taps of a kernel row adjacent in the maps buffer (one trace per kernel row)? `pixelPitch` in words. */
export function hasAdjacentTaps(work: MacWork, pixelPitch: number): boolean {
  return !work.depthwise && work.geometry.dilationW * pixelPitch === work.tapWords;
}

/** Weights lines of one output group without parameters. */
export function tapLines(work: MacWork, lanes: number, adjacent: boolean): number {
  const { kernelH, kernelW } = work.geometry;
  if (work.depthwise) return kernelH * kernelW;
  if (adjacent) return kernelH * Math.ceil((kernelW * work.tapWords) / lanes);
  return kernelH * kernelW * Math.ceil(work.tapWords / lanes);
}

/** Steps of the traces of one kernel row for every output column. */
export function columnSteps(work: MacWork, lanes: number, adjacent: boolean): Int32Array {
  const g = work.geometry;
  const steps = new Int32Array(g.outWidth);
  for (let x = 0; x < g.outWidth; x++) {
    const { first, count } = validTaps(x, g.strideW, g.dilationW, g.padLeft, g.kernelW, g.inWidth);
    if (work.depthwise) steps[x] = count;
    else if (adjacent) steps[x] = count === 0 ? 0 : Math.ceil((((first * work.tapWords) % lanes) + count * work.tapWords) / lanes);
    else steps[x] = count * Math.ceil(work.tapWords / lanes);
  }
  return steps;
}

/** Valid kernel rows of every output row. */
export function rowTaps(g: Geometry): Int32Array {
  const rows = new Int32Array(g.outHeight);
  for (let y = 0; y < g.outHeight; y++) rows[y] = validTaps(y, g.strideH, g.dilationH, g.padTop, g.kernelH, g.inHeight).count;
  return rows;
}

/** MAC cycles per output pixel of one output group, as sums that tiles are cut from. */
export class PixelCosts {
  readonly width: number;
  readonly height: number;
  private readonly rows: Int32Array;
  private readonly steps: Int32Array;
  private readonly floor: number;
  /** Cycles of a whole output row, by number of valid kernel rows. */
  private readonly rowCycles = new Map<number, number>();
  /** rowStart[y]: cycles of all rows before y. */
  readonly rowStart: Float64Array;

  constructor(work: MacWork, lanes: number, adjacent: boolean) {
    this.width = work.geometry.outWidth;
    this.height = work.geometry.outHeight;
    this.rows = rowTaps(work.geometry);
    this.steps = columnSteps(work, lanes, adjacent);
    this.floor = outputCycles(lanes);
    this.rowStart = new Float64Array(this.height + 1);
    for (let y = 0; y < this.height; y++) this.rowStart[y + 1] = this.rowStart[y]! + this.cyclesOfRow(this.rows[y]!);
  }

  /** Cycles of the window of raster pixel i. */
  pixel(i: number): number {
    const y = Math.floor(i / this.width);
    return Math.max(this.floor, this.rows[y]! * this.steps[i - y * this.width]!);
  }

  get total(): number {
    return this.rowStart[this.height]!;
  }

  /** Cut raster pixels [first, end) into `parts` contiguous ranges of nearly equal cycles; returns parts + 1 bounds. */
  partition(first: number, end: number, parts: number): number[] {
    const bounds = [first];
    if (parts > 1) {
      const start = this.before(first);
      const total = this.before(end) - start;
      for (let p = 1; p < parts; p++)
        bounds.push(Math.min(end, Math.max(bounds[p - 1]!, this.locate(start + (total * p) / parts, first, end))));
    }
    bounds.push(end);
    return bounds;
  }

  /** Cycles of all raster pixels before i. */
  before(i: number): number {
    const y = Math.floor(i / this.width);
    let sum = this.rowStart[Math.min(y, this.height)]!;
    if (y < this.height) {
      for (let x = 0; x < i - y * this.width; x++) sum += Math.max(this.floor, this.rows[y]! * this.steps[x]!);
    }
    return sum;
  }

  /** The pixel boundary nearest to `cycles` from the start of the image. */
  private locate(cycles: number, first: number, end: number): number {
    let low = Math.floor(first / this.width);
    let high = Math.min(this.height - 1, Math.floor((end - 1) / this.width));
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rowStart[middle]! <= cycles) low = middle;
      else high = middle - 1;
    }
    let sum = this.rowStart[low]!;
    let i = low * this.width;
    while (i < end) {
      const next = sum + this.pixel(i);
      if (next >= cycles) return next - cycles <= cycles - sum ? i + 1 : i;
      sum = next;
      i++;
    }
    return end;
  }

  private cyclesOfRow(rows: number): number {
    let cycles = this.rowCycles.get(rows);
    if (cycles === undefined) {
      cycles = 0;
      for (const steps of this.steps) cycles += Math.max(this.floor, rows * steps);
      this.rowCycles.set(rows, cycles);
    }
    return cycles;
  }
}
