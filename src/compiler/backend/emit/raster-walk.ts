/**
 * The walk of MAC and VEC units over a ring of input rows: some pixels of a map in raster order, and where their results go.
 * Specification: microarchitecture.md, section 3.
 */
import type { MacDescriptor } from '../../../isa/fields.ts';
import type { Ring } from '../mac/source-walk.ts';
import { walkSource } from '../mac/source-walk.ts';
import type { Geometry } from '../stages/stage.ts';

/** Output pixels: `count` in raster order from column x0 of row y, rows `width` wide beginning at column x of the image. */
export interface Raster {
  readonly y: number;
  readonly x: number;
  readonly x0: number;
  readonly width: number;
  readonly count: number;
}

export type RasterOutput = Pick<MacDescriptor, 'outBase' | 'outRing' | 'outOffset' | 'outRowStep' | 'outColStep'>;

export interface RasterWalk {
  readonly geometry: Geometry;
  /** Ring of input rows: row r at (r − origin) modulo the ring; `channelOffset` is added to every address. */
  readonly ring: Ring;
  readonly origin: number;
  readonly pixelPitch: number;
  /** Rows of which only some columns are there: words from row to row, and the first column. */
  readonly columns?: { readonly rowWords: number; readonly first: number };
  readonly channelOffset: number;
  readonly raster: Raster;
  readonly output: RasterOutput;
}

/** The fields of a descriptor that its walk sets. */
export type WalkFields = ReturnType<typeof walkRaster>;

export function walkRaster(walk: RasterWalk) {
  const { geometry: g, ring, raster, pixelPitch, columns } = walk;
  const rowWords = columns?.rowWords ?? g.inWidth * pixelPitch;
  const iy0 = raster.y * g.strideH - g.padTop;
  const ix0 = raster.x * g.strideW - g.padLeft;
  const end = raster.y + Math.floor((raster.x0 + raster.count - 1) / raster.width) + 1;
  return {
    srcBase: ring.base + walk.channelOffset,
    ...walkSource(g, ring, walk.origin, rowWords, { first: raster.y, end }, (ix0 - (columns?.first ?? 0)) * pixelPitch),
    colStep: g.strideW * pixelPitch,
    tapStep: g.dilationW * pixelPitch,
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
    ...walk.output,
    outWidth: raster.width,
    x0: raster.x0,
    count: raster.count,
  };
}

/** Has any window of these pixels a tap inside the map, along rows and along columns? Others are sums of nothing, and read nothing. */
export function seesInput(g: Geometry, { y, x, x0, width, count }: Raster): boolean {
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
