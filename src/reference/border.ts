/**
 * Conversion between float tensors in ONNX element order and words channels last, at the borders of the accelerated graph.
 * Specification: docs/numbers.md sections 1 and 10.
 */
import type { BorderValue, IntegerTensor } from '../graph/integer-graph.ts';
import { InputError } from '../util/errors.ts';

/** Float values to words: round half up, saturate. Throws InputError for NaN, infinities and a wrong element count. */
export function toWords(border: BorderValue, tensor: IntegerTensor, values: Float32Array): { words: Int16Array; saturated: number } {
  const { height, width, channels } = tensor;
  const pixels = height * width;
  if (values.length !== pixels * channels) {
    throw new InputError(`Input "${border.name}" has ${values.length} values, expected ${border.dims.join('×')}.`);
  }
  const words = new Int16Array(values.length);
  const scale = 2 ** tensor.fraction;
  const channelsLast = border.order === 'nwc' || pixels === 1;
  let saturated = 0;
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < pixels; p++) {
      const at = p * channels + c;
      const v = values[channelsLast ? at : c * pixels + p];
      if (!Number.isFinite(v)) throw new InputError(`Input "${border.name}" holds ${v}: only finite values can be computed.`);
      const q = Math.floor(v * scale + 0.5);
      if (q > 32767 || q < -32768) saturated++;
      words[at] = q > 32767 ? 32767 : q < -32768 ? -32768 : q;
    }
  }
  return { words, saturated };
}

/** Words to float values in the ONNX element order of the border; exact. */
export function fromWords(border: BorderValue, tensor: IntegerTensor, words: Int16Array): Float32Array {
  const { height, width, channels } = tensor;
  const pixels = height * width;
  const values = new Float32Array(words.length);
  const scale = 2 ** -tensor.fraction;
  const channelsLast = border.order === 'nwc' || pixels === 1;
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < pixels; p++) {
      const at = p * channels + c;
      values[channelsLast ? at : c * pixels + p] = words[at] * scale;
    }
  }
  return values;
}
