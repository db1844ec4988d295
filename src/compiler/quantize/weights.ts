/**
 * Weights from their place in the ONNX constant to words in the order of the integer graph, and their magnitudes. Loops are tight because
 * fully connected layers bring tens of millions of weights. Specification: docs/numbers.md sections 2 and 8.
 */
import type { FloatConv } from '../frontend/layer-graph.ts';

/** Outputs handled together when they are neighbours in memory: one cache line of float32. */
const BLOCK = 16;

/** Factor of every weight of output channel o before rounding; inputScale comes on top. */
function outputFactors(layer: FloatConv, outChannels: number): Float64Array {
  return layer.outputScale ?? new Float64Array(outChannels).fill(1);
}

/** Calls `visit` for every weight with its output channel, its index in the integer graph's order within that channel, and its scaled value. General and slow. */
function visitWeights(
  layer: FloatConv,
  channels: number,
  outChannels: number,
  visit: (o: number, k: number, weight: number) => void,
): void {
  const { data, offset, strides } = layer.weights;
  const [kernelH, kernelW] = layer.window.kernel;
  const perGroup = channels / layer.groups;
  const factors = outputFactors(layer, outChannels);
  for (let o = 0; o < outChannels; o++) {
    const firstChannel = Math.floor((o * layer.groups) / outChannels) * perGroup;
    for (let ky = 0, k = 0; ky < kernelH; ky++) {
      for (let kx = 0; kx < kernelW; kx++) {
        const tap = offset + o * strides.output + ky * strides.row + kx * strides.column;
        for (let i = 0; i < perGroup; i++, k++) {
          visit(o, k, data[tap + i * strides.input] * factors[o] * (layer.inputScale?.[firstChannel + i] ?? 1));
        }
      }
    }
  }
}

/** Words of one output channel. */
function windowWords(layer: FloatConv, channels: number): number {
  return (layer.window.kernel[0] * layer.window.kernel[1] * channels) / layer.groups;
}

/** True if the weights of one output channel are one contiguous run of the constant, in whatever order. */
function isContiguous(layer: FloatConv, channels: number): boolean {
  const { strides } = layer.weights;
  const [kernelH, kernelW] = layer.window.kernel;
  const perGroup = channels / layer.groups;
  const last = (kernelH - 1) * strides.row + (kernelW - 1) * strides.column + (perGroup - 1) * strides.input;
  return last + 1 === windowWords(layer, channels) && strides.output >= last + 1;
}

/** Largest |scaled weight| per output channel; `channels` are those of the input that the layer reads. */
export function maxMagnitudes(layer: FloatConv, channels: number, outChannels: number): Float64Array {
  const result = new Float64Array(outChannels);
  if (layer.inputScale || !isContiguous(layer, channels)) {
    if (!layer.inputScale && layer.weights.strides.output === 1) return maxOfColumns(layer, channels, outChannels);
    visitWeights(layer, channels, outChannels, (o, _, weight) => {
      const m = Math.abs(weight);
      if (m > result[o]) result[o] = m;
    });
    return result;
  }
  const { data, offset, strides } = layer.weights;
  const words = windowWords(layer, channels);
  const factors = outputFactors(layer, outChannels);
  // Without their sign, float32 bit patterns order like the values: integer maxima have no floating-point latency.
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  const largest = new Int32Array(1);
  const asFloat = new Float32Array(largest.buffer);
  for (let o = 0; o < outChannels; o++) {
    const first = offset + o * strides.output;
    let most = 0;
    for (let k = first; k < first + words; k++) {
      const m = bits[k] & 0x7fffffff;
      if (m > most) most = m;
    }
    largest[0] = most;
    result[o] = asFloat[0] * Math.abs(factors[o]);
  }
  return result;
}

/** As maxMagnitudes where the outputs are neighbours in memory. */
function maxOfColumns(layer: FloatConv, channels: number, outChannels: number): Float64Array {
  const { data, offset, strides } = layer.weights;
  const [kernelH, kernelW] = layer.window.kernel;
  const largest = new Float32Array(outChannels);
  for (let ky = 0; ky < kernelH; ky++) {
    for (let kx = 0; kx < kernelW; kx++) {
      for (let i = 0; i < channels; i++) {
        const at = offset + ky * strides.row + kx * strides.column + i * strides.input;
        for (let o = 0; o < outChannels; o++) {
          const m = Math.abs(data[at + o]);
          if (m > largest[o]) largest[o] = m;
        }
      }
    }
  }
  const factors = outputFactors(layer, outChannels);
  return Float64Array.from(largest, (m, o) => m * Math.abs(factors[o]));
}

/** Σ |scaled weight| per output channel. */
export function sumMagnitudes(layer: FloatConv, channels: number, outChannels: number): Float64Array {
  const result = new Float64Array(outChannels);
  visitWeights(layer, channels, outChannels, (o, _, weight) => {
    result[o] += Math.abs(weight);
  });
  return result;
}

/** Scaled value to word: round half up, saturate. Adding 32768.5 makes truncation a floor. */
function roundToWord(v: number): number {
  return v >= 32767 ? 32767 : v <= -32768 ? -32768 : ((v + 32768.5) | 0) - 32768;
}

/** Words [out channel][kernel row][kernel column][in channel of the group], with the fraction of each output channel. */
export function quantizeWeights(layer: FloatConv, channels: number, outChannels: number, fractions: Int8Array): Int16Array {
  const words = windowWords(layer, channels);
  const result = new Int16Array(outChannels * words);
  const scales = outputFactors(layer, outChannels).map((factor, o) => factor * 2 ** fractions[o]);
  if (layer.inputScale) {
    visitWeights(layer, channels, outChannels, (o, k, weight) => {
      result[o * words + k] = roundToWord(weight * 2 ** fractions[o]);
    });
    return result;
  }
  const { data, offset, strides } = layer.weights;
  const [kernelH, kernelW] = layer.window.kernel;
  const perGroup = channels / layer.groups;
  const step = strides.output === 1 ? BLOCK : 1;
  for (let first = 0; first < outChannels; first += step) {
    const end = Math.min(first + step, outChannels);
    for (let ky = 0, k = 0; ky < kernelH; ky++) {
      for (let kx = 0; kx < kernelW; kx++, k += perGroup) {
        const tap = offset + ky * strides.row + kx * strides.column;
        if (step === 1) {
          quantizeRun(data, tap + first * strides.output, strides.input, result, first * words + k, perGroup, scales[first]);
          continue;
        }
        for (let i = 0; i < perGroup; i++) {
          const from = tap + i * strides.input;
          for (let o = first; o < end; o++) result[o * words + k + i] = roundToWord(data[from + o] * scales[o]);
        }
      }
    }
  }
  return result;
}

function quantizeRun(data: Float32Array, from: number, stride: number, to: Int16Array, at: number, count: number, scale: number): void {
  for (let i = 0, source = from; i < count; i++, source += stride) to[at + i] = roundToWord(data[source] * scale);
}
