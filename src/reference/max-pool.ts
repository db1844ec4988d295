/** Maximum over the valid taps of a window. Specification: docs/numbers.md section 3. */
import type { IntegerTensor, MaxPoolLayer } from '../graph/integer-graph.ts';
import { clampTo } from './arithmetic.ts';
import { validTaps } from './valid-taps.ts';

/** Words of `output` (height × width × channels, channels last); a window without a valid tap gives -32768, clamped. */
export function executeMaxPool(layer: MaxPoolLayer, input: IntegerTensor, output: IntegerTensor, x: Int16Array): Int16Array {
  const channels = input.channels;
  const result = new Int16Array(output.height * output.width * channels).fill(-32768);
  const rows = validTaps(layer.window, 0, input.height, output.height);
  const columns = validTaps(layer.window, 1, input.width, output.width);
  const [dilationH, dilationW] = layer.window.dilation;
  for (let y = 0; y < output.height; y++) {
    for (let px = 0; px < output.width; px++) {
      const to = (y * output.width + px) * channels;
      for (let ky = rows[y].first; ky < rows[y].end; ky++) {
        for (let kx = columns[px].first; kx < columns[px].end; kx++) {
          const from = ((rows[y].origin + ky * dilationH) * input.width + columns[px].origin + kx * dilationW) * channels;
          for (let c = 0; c < channels; c++) if (x[from + c] > result[to + c]) result[to + c] = x[from + c];
        }
      }
      for (let c = 0; c < channels; c++) result[to + c] = clampTo(result[to + c], layer.clamp);
    }
  }
  return result;
}
