/**
 * One MAC descriptor as a task: the walk over a ring of input rows, and where its results go. Specification: microarchitecture.md, sections 3 and 4.
 */
import { UNIT_ID } from '../../../isa/fields.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source } from './emit-context.ts';
import { type RasterWalk, seesInput, walkRaster } from './raster-walk.ts';

export interface MacTask extends RasterWalk {
  readonly cu: number;
  readonly tapWords: number;
  readonly depthwise: boolean;
  readonly lanes: number;
  readonly weightsLine: number;
  readonly clamp: { readonly low: number; readonly high: number };
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

export function addMacTask(context: EmitContext, given: MacTask, source: Source, reads: readonly Piece[], writes: readonly Piece[]): void {
  const task = layAlongRow(given);
  const isBlind = !seesInput(given.geometry, given.raster);
  context.list.add(
    UNIT_ID.mac(task.cu),
    'MAC',
    {
      ...walkRaster(task),
      words: task.depthwise ? task.channels : task.tapWords,
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
