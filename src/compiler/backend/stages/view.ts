/**
 * How a stage sees its tensors in DRAM: extents and pitches after the simplifications that make strided and flat layers ordinary.
 * Specification: docs/compiler.md, "Views".
 */
import { coversMap, type Geometry, isPoint, type MacWork } from './stage.ts';

/** An image in DRAM. Word of (y, x, c): address + y·rowPitch + x·pixelPitch + c. */
export interface View {
  readonly tensor: number;
  readonly address: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly rowPitch: number;
  readonly pixelPitch: number;
  /** Rows and columns of the tensor that one row (column) of the view steps over. */
  readonly rowScale: number;
  readonly columnScale: number;
  /** Stores through this view go to these places as well: channels from `channel` on, pixel by pixel. */
  readonly scatters?: readonly { readonly channel: number; readonly view: View }[];
  /** Stores go to the scatters only. */
  readonly isVirtual?: boolean;
}

/** Columns [first, end) of an image without scatters, or all of any. */
export function columnsOf(view: View, { first, end }: { readonly first: number; readonly end: number }): View {
  if (first === 0 && end === view.width) return view;
  return { ...view, address: view.address + first * view.pixelPitch, width: end - first };
}

/** Is the image one run of pixels? Then it may be seen in rows of any width. */
export function isOneRun({ rowPitch, width, pixelPitch, scatters, isVirtual }: View): boolean {
  return rowPitch === width * pixelPitch && !scatters && !isVirtual;
}

/** An image that is one run of pixels, in rows of a `count`th of the width. */
export function withNarrowRows(view: View, count: number): View {
  return { ...view, height: view.height * count, width: view.width / count, rowPitch: view.rowPitch / count };
}

/** Work on pixels alone, in rows of a `count`th of the width. */
export function onNarrowRows(work: MacWork, count: number): MacWork {
  const g = work.geometry;
  const geometry = {
    ...g,
    inHeight: g.inHeight * count,
    outHeight: g.outHeight * count,
    inWidth: g.inWidth / count,
    outWidth: g.outWidth / count,
  };
  return { ...work, geometry };
}

/** Does a convolution make every pixel of one pixel, the same? */
export function isPixelwise({ geometry: g, source }: MacWork): boolean {
  return isPoint(g) && source.kind === 'conv' && g.inHeight === g.outHeight && g.inWidth === g.outWidth;
}

/**
 * How a stage's input is seen: as it is; or, where the kernel covers the whole map, a frame as one row of pixels ('row') or, where it is
 * dense in DRAM, as one pixel ('pixel').
 */
export type Shape = 'map' | 'row' | 'pixel';

/** Work as it is scheduled, and how its input is viewed for that. */
export interface SimpleWork {
  readonly work: MacWork;
  readonly shape: Shape;
  readonly rowScale: number;
  readonly columnScale: number;
}

/**
 * A kernel that covers the whole map of a batched stage is a layer on flat frames; a pointwise layer with a stride reads only the rows and columns that it needs.
 * Returns the geometry that is scheduled and how the input is viewed.
 */
export function simplifyGeometry(work: MacWork, isDense: boolean, isBatched: boolean): SimpleWork {
  const g = work.geometry;
  if (isBatched && coversMap(work)) {
    const pixels = isDense ? 1 : g.kernelH * g.kernelW;
    const words = (g.kernelH * g.kernelW * work.tapWords) / pixels;
    const geometry: Geometry = { ...g, inHeight: 1, inWidth: pixels, kernelH: 1, kernelW: pixels, strideH: 1, strideW: 1 };
    return {
      work: { ...work, geometry, tapWords: words, inChannels: words },
      shape: isDense ? 'pixel' : 'row',
      rowScale: 1,
      columnScale: 1,
    };
  }
  let rowScale = 1;
  let columnScale = 1;
  let geometry = g;
  if (g.kernelH === 1 && g.strideH > 1 && g.padTop === 0 && (g.outHeight - 1) * g.strideH < g.inHeight) {
    rowScale = g.strideH;
    geometry = { ...geometry, inHeight: g.outHeight, strideH: 1, dilationH: 1 };
  }
  if (g.kernelW === 1 && g.strideW > 1 && g.padLeft === 0 && (g.outWidth - 1) * g.strideW < g.inWidth) {
    columnScale = g.strideW;
    geometry = { ...geometry, inWidth: g.outWidth, strideW: 1, dilationW: 1 };
  }
  if (geometry.kernelH === 1) geometry = { ...geometry, dilationH: 1 };
  if (geometry.kernelW === 1) geometry = { ...geometry, dilationW: 1 };
  return { work: { ...work, geometry }, shape: 'map', rowScale, columnScale };
}
