/** Channel concatenation. Specification: docs/numbers.md section 7. */
import type { IntegerTensor } from '../graph/integer-graph.ts';

/** Words of `output`: the channels of all inputs one after the other, pixel by pixel; every input has its height and width. */
export function executeConcat(output: IntegerTensor, inputs: readonly IntegerTensor[], words: readonly Int16Array[]): Int16Array {
  const pixels = output.height * output.width;
  const result = new Int16Array(pixels * output.channels);
  let at = 0;
  inputs.forEach((input, k) => {
    for (let p = 0; p < pixels; p++) {
      result.set(words[k].subarray(p * input.channels, (p + 1) * input.channels), p * output.channels + at);
    }
    at += input.channels;
  });
  return result;
}
