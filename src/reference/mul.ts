/** Products and maxima of two tensors, word by word. Specification: docs/numbers.md section 5. */
import type { MaximumLayer, MulLayer } from '../graph/integer-graph.ts';
import { clampTo, requantize } from './arithmetic.ts';

/** `b` may be one pixel, which then serves all pixels of `a`. */
export function executeMul(layer: MulLayer, a: Int16Array, b: Int16Array): Int16Array {
  const result = new Int16Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = requantize(a[i] * b[i % b.length], layer.shiftOut, layer.clamp);
  return result;
}

/** The greater word of two tensors of one shape and binary point, clamped. */
export function executeMaximum(layer: MaximumLayer, a: Int16Array, b: Int16Array): Int16Array {
  const result = new Int16Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = clampTo(Math.max(a[i], b[i]), layer.clamp);
  return result;
}
