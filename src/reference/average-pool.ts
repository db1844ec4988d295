/** Mean over a window by a multiplier that depends on the pixel's divisor. Specification: docs/numbers.md section 4. */
import { averageDivisors, averageMultiplier } from '../graph/average-pool.ts';
import type { AveragePoolLayer, IntegerTensor } from '../graph/integer-graph.ts';
import { requantize } from './arithmetic.ts';
import { validTaps } from './valid-taps.ts';

/** Words of `output` from those of `input` (both height × width × channels, channels last). */
export function executeAveragePool(layer: AveragePoolLayer, input: IntegerTensor, output: IntegerTensor, x: Int16Array): Int16Array {
  const channels = input.channels;
  const result = new Int16Array(output.height * output.width * channels);
  const rows = validTaps(layer.window, 0, input.height, output.height);
  const columns = validTaps(layer.window, 1, input.width, output.width);
  const divisors = averageDivisors(layer, input, output);
  const [dilationH, dilationW] = layer.window.dilation;
  const sums = new Float64Array(channels);
  for (let y = 0; y < output.height; y++) {
    for (let px = 0; px < output.width; px++) {
      sums.fill(0);
      for (let ky = rows[y].first; ky < rows[y].end; ky++) {
        for (let kx = columns[px].first; kx < columns[px].end; kx++) {
          const from = ((rows[y].origin + ky * dilationH) * input.width + columns[px].origin + kx * dilationW) * channels;
          for (let c = 0; c < channels; c++) sums[c] += x[from + c];
        }
      }
      const multiplier = averageMultiplier(layer.shift, divisors.rows[y] * divisors.columns[px]);
      const to = (y * output.width + px) * channels;
      for (let c = 0; c < channels; c++) result[to + c] = requantize(sums[c] * multiplier, layer.shift, layer.clamp);
    }
  }
  return result;
}
