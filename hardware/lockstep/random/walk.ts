/**
 * A random raster of windows that reads one half of the maps buffer and writes the other: kernels, strides, dilations, padding, rings.
 * Specification: docs/isa.md, section 5; docs/microarchitecture.md, section 3.
 */
import type { Walk } from '../../../src/simulator/walker.ts';
import type { ProgramBuilder } from './program-builder.ts';

interface WalkOptions {
  /** Words written per pixel; default the words read. */
  readonly outWords?: number;
  /** Kernel 1 x 1. */
  readonly pointwise?: boolean;
  /** Taps are adjacent words. */
  readonly adjacent?: boolean;
  /** No tap is outside the input. */
  readonly inside?: boolean;
  /** Reads start at multiples of so many words; default 1. */
  readonly grid?: number;
}

/** A raster of windows from one half to the other, `words` read per tap; undefined where the draw does not fit a half. */
export function drawWalk(b: ProgramBuilder, words: number, options: WalkOptions): Walk | undefined {
  const { outWords = words, pointwise = false, adjacent = false, inside = false, grid = 1 } = options;
  const from = b.draw(0, 1);
  const onGrid = (value: number): number => Math.ceil(value / grid) * grid;
  const pitch = onGrid(words + (adjacent ? 0 : b.draw(0, 12)));
  const [kernelH, kernelW] = pointwise ? [1, 1] : [b.draw(1, 4), b.draw(1, 4)];
  const [strideH, strideW] = [b.draw(1, 3), b.draw(1, 3)];
  const [dilationH, dilationW] = adjacent ? [b.draw(1, 3), 1] : [b.draw(1, 3), b.draw(1, 3)];
  const outWidth = b.draw(1, 7);
  const x0 = b.draw(0, outWidth - 1);
  const count = b.draw(1, Math.min(20, 4 * outWidth - x0));
  const outRows = Math.ceil((x0 + count) / outWidth);
  const least = inside ? 0 : -5;
  const [iy0, ix0] = b.chance(30) ? [0, 0] : [b.draw(least, 3), b.draw(least, 3)];
  const lastRow = iy0 + (outRows - 1) * strideH;
  const lastColumn = ix0 + (Math.min(outWidth, x0 + count) - 1) * strideW;
  const inHeight = inside ? lastRow + b.draw(1, 3) : b.draw(1, 8);
  const inWidth = inside ? lastColumn + b.draw(1, 3) : b.draw(1, 8);
  const rowPitch = onGrid(inWidth * pitch + b.draw(0, 9));
  const room = b.half;
  const drawnRows = b.draw(1, inHeight + 2);
  // Rule: the kernel rows lie in one turn of the ring.
  const ringRows = (kernelH - 1) * (dilationH % drawnRows) <= drawnRows ? drawnRows : (kernelH - 1) * dilationH;
  const useRing = b.chance(50);
  const rows = useRing ? ringRows : inHeight;
  if (rows * rowPitch + grid > room) return undefined;
  const srcBase = onGrid(b.halfBase(from) + b.draw(0, room - rows * rowPitch - grid + 1));
  const ring = useRing ? rows * rowPitch : 0;
  const rowStep = strideH * rowPitch;
  const kRowStep = dilationH * rowPitch;
  const modulo = (value: number, size: number): number => ((value % size) + size) % size;
  const offset = iy0 * rowPitch;

  const outPitch = outWords + b.draw(0, 8);
  const outRowPitch = outWidth * outPitch + b.draw(0, 9);
  const outRingRows = b.draw(1, outRows + 1);
  const useOutRing = b.chance(40);
  const outExtent = (useOutRing ? outRingRows : outRows) * outRowPitch;
  if (outExtent > room) return undefined;
  const outBase = b.halfBase(1 - from) + b.draw(0, room - outExtent);
  const outRing = useOutRing ? outRingRows * outRowPitch : 0;
  const [clampLow, clampHigh] = b.chance(60) ? [-32768, 32767] : b.pick([0, 32767], [-1000, 1000], [-32768, -5], [7, 7]);
  const walk = {
    srcBase,
    srcRing: ring,
    srcOffset: modulo(offset, ring === 0 ? 2 ** 20 : ring),
    srcColumn: ix0 * pitch,
    // Steps that are taken must not be longer than the ring.
    rowStep: ring === 0 ? rowStep : modulo(rowStep, ring),
    kRowStep: ring === 0 ? kRowStep : modulo(kRowStep, ring),
    colStep: strideW * pitch,
    tapStep: dilationW * pitch,
    words,
    kernelH,
    kernelW,
    strideH,
    strideW,
    dilationH,
    dilationW,
    iy0,
    ix0,
    inHeight,
    inWidth,
    outBase,
    outRing,
    outOffset: outRing === 0 ? 0 : b.draw(0, outRingRows - 1) * outRowPitch,
    outRowStep: outRing === 0 ? outRowPitch : modulo(outRowPitch, outRing),
    outColStep: outPitch,
    outWidth,
    x0,
    count,
    clampLow,
    clampHigh,
  };
  return walk;
}
