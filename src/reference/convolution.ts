/**
 * Convolution, fully connected and depthwise layers on words. Specification: docs/numbers.md section 2.
 * Sums are float64, exact because they stay below 2^53 (the specification's bound is 2^47).
 */
import type { ConvLayer, IntegerTensor } from '../graph/integer-graph.ts';
import { requantize } from './arithmetic.ts';
import { validTaps } from './valid-taps.ts';

/** Output channels computed together, so that each input word is read and converted once for four products. */
const BLOCK = 4;

/** Executes a convolution on one frame; `x` has height × width × channels words, channels last. */
export function executeConvolution(layer: ConvLayer, input: IntegerTensor, output: IntegerTensor, x: Int16Array): Int16Array {
  const result = new Int16Array(output.height * output.width * output.channels);
  const [kernelH, kernelW] = layer.window.kernel;
  const [dilationH, dilationW] = layer.window.dilation;
  const channels = (layer.inputChannels ?? input.channels) / layer.groups;
  const outPerGroup = output.channels / layer.groups;
  const window = kernelH * kernelW * channels;
  const rows = validTaps(layer.window, 0, input.height, output.height);
  const columns = validTaps(layer.window, 1, input.width, output.width);
  // Neighbouring taps of a kernel row are one run of words when nothing lies between their channels.
  const adjacent = dilationW === 1 && channels === input.channels;
  const weights = [0, 1, 2, 3].map(() => new Float64Array(window));
  const [w0, w1, w2, w3] = weights;

  for (let o = 0; o < output.channels; ) {
    const group = Math.floor(o / outPerGroup);
    const count = Math.min(BLOCK, (group + 1) * outPerGroup - o);
    for (let j = 0; j < count; j++) weights[j].set(layer.weights.subarray((o + j) * window, (o + j + 1) * window));
    const firstChannel = (layer.inputChannelOffset ?? 0) + group * channels;

    for (let y = 0; y < output.height; y++) {
      const row = rows[y];
      for (let px = 0; px < output.width; px++) {
        const column = columns[px];
        const runs = adjacent ? 1 : column.end - column.first;
        const runWords = adjacent ? (column.end - column.first) * channels : channels;
        let s0 = 0;
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        for (let ky = row.first; ky < row.end; ky++) {
          const iy = row.origin + ky * dilationH;
          for (let run = 0; run < runs; run++) {
            const kx = column.first + run;
            const ix = column.origin + kx * dilationW;
            const from = (iy * input.width + ix) * input.channels + firstChannel;
            const tap = (ky * kernelW + kx) * channels;
            for (let i = 0; i < runWords; i++) {
              const v = x[from + i];
              s0 += v * w0[tap + i];
              s1 += v * w1[tap + i];
              s2 += v * w2[tap + i];
              s3 += v * w3[tap + i];
            }
          }
        }
        const sums = [s0, s1, s2, s3];
        const to = (y * output.width + px) * output.channels + o;
        for (let j = 0; j < count; j++) result[to + j] = requantize(sums[j] + layer.bias[o + j], layer.shift[o + j], layer.clamp);
      }
    }
    o += count;
  }
  return result;
}
