/** Product of two activations: every pixel of one with every pixel of the other. Specification: docs/numbers.md section 2. */
import type { IntegerTensor, MatMulLayer } from '../graph/integer-graph.ts';
import { requantize } from './arithmetic.ts';

/** Words [pixels of a][pixels of b] of the products a · bᵀ over the channels, which a and b have as many of. */
export function executeMatMul(layer: MatMulLayer, [a, b]: readonly IntegerTensor[], [x, w]: readonly Int16Array[]): Int16Array {
  const pixels = a.height * a.width;
  const outputs = b.height * b.width;
  const result = new Int16Array(pixels * outputs);
  for (let p = 0; p < pixels; p++) {
    for (let n = 0; n < outputs; n++) {
      let sum = 0;
      for (let k = 0; k < a.channels; k++) sum += x[p * a.channels + k] * w[n * b.channels + k];
      result[p * outputs + n] = requantize(sum, layer.shift, layer.clamp);
    }
  }
  return result;
}
