/**
 * One MAC descriptor as a task: the walk over a ring of input rows, and where its results go. Specification: microarchitecture.md, sections 3 and 4.
 */
import { type MacDescriptor, UNIT_ID } from '../../../isa/fields.ts';
import type { Ring } from '../mac/source-walk.ts';
import { walkSource } from '../mac/source-walk.ts';
import type { Geometry } from '../stages/stage.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source } from './emit-context.ts';

/** Output pixels: `count` in raster order from column x0 of row y, rows `width` wide beginning at column x of the image. */
export interface Raster {
  readonly y: number;
  readonly x: number;
  readonly x0: number;
  readonly width: number;
  readonly count: number;
}

export type RasterOutput = Pick<MacDescriptor, 'outBase' | 'outRing' | 'outOffset' | 'outRowStep' | 'outColStep'>;

export interface MacTask {
  readonly cu: number;
  readonly geometry: Geometry;
  /** Ring of input rows: row r at (r − origin) modulo the ring; `channelOffset` is added to every address. */
  readonly ring: Ring;
  readonly origin: number;
  readonly pixelPitch: number;
  /** Rows of which only some columns are there: words from row to row, and the first column. */
  readonly columns?: { readonly rowWords: number; readonly first: number };
  readonly channelOffset: number;
  readonly tapWords: number;
  readonly depthwise: boolean;
  readonly lanes: number;
  readonly weightsLine: number;
  readonly clamp: { readonly low: number; readonly high: number };
  readonly raster: Raster;
  readonly output: RasterOutput;
  /** CUs that take the results; valid results per pixel. */
  readonly targets: number;
  readonly channels: number;
}

/**
 * Pixels of a column that follow each other (a sequence that stands) as one row: a unit begins rows no faster than every `rowPeriod` cycles (T5), pixels of a
 * row one behind the other.
 */
function layAlongRow(task: MacTask): MacTask {
  const { geometry: g, ring, raster, output, origin, pixelPitch } = task;
  if (task.columns) return task;
  const isPointwise = g.kernelH === 1 && g.kernelW === 1 && g.strideH === 1 && g.padTop === 0 && g.padLeft === 0;
  if (g.inWidth !== 1 || g.outWidth !== 1 || raster.width !== 1 || raster.count === 1 || !isPointwise) return task;
  const { y, count } = raster;
  const start = ((((y - origin) * pixelPitch) % ring.words) + ring.words) % ring.words;
  const wraps = output.outRing > 0 && output.outOffset + count * output.outRowStep > output.outRing;
  if (start + count * pixelPitch > ring.words || wraps) return task;
  return {
    ...task,
    geometry: { ...g, inHeight: 1, inWidth: count, outHeight: 1, outWidth: count, strideW: 1, dilationW: 1 },
    ring: { base: ring.base + start, words: count * pixelPitch },
    origin: 0,
    raster: { y: 0, x: 0, x0: 0, width: count, count },
    output: {
      outBase: output.outBase + output.outOffset,
      outRing: 0,
      outOffset: 0,
      outRowStep: count * output.outRowStep,
      outColStep: output.outRowStep,
    },
  };
}

/** Has any window of these pixels a tap inside the map, along rows and along columns? Others are sums of nothing, and read nothing. */
function seesInput(g: Geometry, { y, x, x0, width, count }: Raster): boolean {
  const rows = Math.floor((x0 + count - 1) / width) + 1;
  const [left, right] = rows === 1 ? [x + x0, x + x0 + count] : [x, x + width];
  return (
    reaches(y, y + rows, g.strideH, g.padTop, g.kernelH, g.dilationH, g.inHeight) &&
    reaches(left, right, g.strideW, g.padLeft, g.kernelW, g.dilationW, g.inWidth)
  );
}

/** The same along one axis, of outputs [first, end). */
function reaches(first: number, end: number, stride: number, pad: number, kernel: number, dilation: number, extent: number): boolean {
  for (let i = first; i < end; i++) {
    // The first tap that is not in front of the map.
    const start = i * stride - pad;
    const tap = start < 0 ? Math.ceil(-start / dilation) : 0;
    if (tap < kernel && start + tap * dilation < extent) return true;
  }
  return false;
}

export function addMacTask(context: EmitContext, given: MacTask, source: Source, reads: readonly Piece[], writes: readonly Piece[]): void {
  const task = layAlongRow(given);
  const isBlind = !seesInput(given.geometry, given.raster);
  const { geometry: g, ring, raster } = task;
  const rowWords = task.columns?.rowWords ?? g.inWidth * task.pixelPitch;
  const iy0 = raster.y * g.strideH - g.padTop;
  const ix0 = raster.x * g.strideW - g.padLeft;
  const end = raster.y + Math.floor((raster.x0 + raster.count - 1) / raster.width) + 1;
  context.list.add(
    UNIT_ID.mac(task.cu),
    'MAC',
    {
      srcBase: ring.base + task.channelOffset,
      ...walkSource(g, ring, task.origin, rowWords, { first: raster.y, end }, (ix0 - (task.columns?.first ?? 0)) * task.pixelPitch),
      colStep: g.strideW * task.pixelPitch,
      tapStep: g.dilationW * task.pixelPitch,
      words: task.depthwise ? task.channels : task.tapWords,
      kernelH: g.kernelH,
      kernelW: g.kernelW,
      strideH: g.strideH,
      strideW: g.strideW,
      dilationH: g.dilationH,
      dilationW: g.dilationW,
      iy0,
      ix0,
      inHeight: g.inHeight,
      inWidth: g.inWidth,
      ...task.output,
      outWidth: raster.width,
      x0: raster.x0,
      count: raster.count,
      outCus: task.targets,
      clampLow: task.clamp.low,
      clampHigh: task.clamp.high,
      weightsLine: task.weightsLine,
      lanes: task.lanes,
      depthwise: task.depthwise ? 1 : 0,
      outWords: task.channels,
    },
    source,
    isBlind ? reads.filter(({ space }) => space !== SPACE.maps(task.cu)) : reads,
    writes,
  );
}
