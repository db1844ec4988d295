/** Piecewise linear function of one word, 256 segments. Specification: docs/numbers.md section 6. */
import type { TableLayer } from '../graph/integer-graph.ts';
import { requantize } from './arithmetic.ts';

/** A word for each word of `x`. */
export function executeTable(layer: TableLayer, x: Int16Array): Int16Array {
  const result = new Int16Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const segment = (x[i] + 32768) >> 8;
    result[i] = requantize(layer.base[segment] + layer.slope[segment] * (x[i] & 255), layer.shiftOut, layer.clamp);
  }
  return result;
}
