/**
 * The divisor and multiplier arithmetic of average pooling, shared by quantizer, reference and compiler back end.
 * Specification: docs/numbers.md section 4.
 */
import type { AveragePoolLayer, IntegerTensor, Window } from './integer-graph.ts';

type PoolGeometry = Pick<AveragePoolLayer, 'window' | 'countIncludePad'>;
type MapSize = Pick<IntegerTensor, 'height' | 'width'>;

/** Taps of one axis (0 rows, 1 columns) that count at an output position: inside the input, or inside the padded input. */
function countTaps(window: Window, axis: 0 | 1, size: number, position: number, includePad: boolean): number {
  const low = includePad ? -window.pads[axis] : 0;
  const high = includePad ? size + window.pads[axis + 2] : size;
  const first = position * window.stride[axis] - window.pads[axis];
  let count = 0;
  for (let k = 0; k < window.kernel[axis]; k++) {
    const at = first + k * window.dilation[axis];
    if (at >= low && at < high) count++;
  }
  return count;
}

/** Divisor of output pixel (y, x); 0 when no tap counts. */
export function averageDivisor(layer: PoolGeometry, input: MapSize, y: number, x: number): number {
  return (
    countTaps(layer.window, 0, input.height, y, layer.countIncludePad) * countTaps(layer.window, 1, input.width, x, layer.countIncludePad)
  );
}

/** Divisors of output rows and columns: the divisor of pixel (y, x) is rows[y] · columns[x]. */
export function averageDivisors(layer: PoolGeometry, input: MapSize, output: MapSize): { rows: number[]; columns: number[] } {
  const along = (axis: 0 | 1, size: number, positions: number) =>
    Array.from({ length: positions }, (_, at) => countTaps(layer.window, axis, size, at, layer.countIncludePad));
  return { rows: along(0, input.height, output.height), columns: along(1, input.width, output.width) };
}

/** Keeps Σ · multiplier within the accumulator however large the window is. */
const MAX_SHIFT = 30;

/** The layer's right shift: the smallest divisor that occurs has the largest multiplier, which must stay a word. */
export function averageShift(layer: PoolGeometry, input: MapSize, output: MapSize): number {
  const { rows, columns } = averageDivisors(layer, input, output);
  const smallest = (counts: number[]) => Math.min(...counts.filter((n) => n > 0));
  const n = smallest(rows) * smallest(columns);
  return Number.isFinite(n) ? Math.min(MAX_SHIFT, 14 + Math.floor(Math.log2(n))) : 14;
}

/** multiplier(n) = round-half-up(2^shift / n); 0 for divisor 0, whose sum is 0. */
export function averageMultiplier(shift: number, divisor: number): number {
  return divisor === 0 ? 0 : Math.floor(2 ** shift / divisor + 0.5);
}
