/** Sum of two tensors with aligned binary points. Specification: docs/numbers.md section 5. */
import type { AddLayer } from '../graph/integer-graph.ts';
import { requantize } from './arithmetic.ts';

/** `b` may be one pixel, which then serves all pixels of `a`. */
export function executeAdd(layer: AddLayer, a: Int16Array, b: Int16Array): Int16Array {
  const result = new Int16Array(a.length);
  const scaleA = 2 ** layer.shiftA;
  const scaleB = 2 ** layer.shiftB;
  for (let i = 0; i < a.length; i++) result[i] = requantize(a[i] * scaleA + b[i % b.length] * scaleB, layer.shiftOut, layer.clamp);
  return result;
}
