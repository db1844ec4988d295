/**
 * From float layers to the integer graph: binary points, weights, biases, shifts, clamps, tables. Specification: docs/numbers.md sections 2 to 9.
 */
import { averageShift } from '../../graph/average-pool.ts';
import type { Clamp, ConvLayer, IntegerGraph, IntegerLayer, IntegerTensor } from '../../graph/integer-graph.ts';
import { InputError } from '../../util/errors.ts';
import { channelsRead, type FinalLayer, type FloatClamp, type FloatConv, type LayerGraph } from '../frontend/layer-graph.ts';
import { chooseFractions, fitWeights, weightFractions } from './fractions.ts';
import { completeRanges, measureWeights, type ValueRange } from './ranges.ts';
import { makeTable } from './tables.ts';
import { quantizeWeights } from './weights.ts';

/** How binary points are chosen (docs/numbers.md, sections 8 and 9). */
export interface QuantizeOptions {
  /** `calibrated`: binary points from ranges; `q8.8`: 8 fraction bits everywhere, as in the papers. */
  readonly mode: 'calibrated' | 'q8.8';
  /** Factor on observed maxima in mode `calibrated`; default DEFAULT_HEADROOM. */
  readonly headroom?: number;
}

/** For ranges measured on representative inputs. */
export const DEFAULT_HEADROOM = 1.1;
/** For ranges measured on random inputs because there were no others. */
export const GUESS_HEADROOM = 2;

const Q88_FRACTION = 8;
const Q88_MAX_BIAS = 2 ** 29;
const Q88_MAX_REDUCTION = 2 ** 16;

/**
 * @param ranges Of the ONNX values that collectRangeNames names; not used in mode `q8.8`.
 * @throws InputError for networks that the chosen mode cannot hold; Error for a missing range.
 */
export function quantize(graph: LayerGraph, ranges: ReadonlyMap<string, ValueRange>, options: QuantizeOptions): IntegerGraph {
  const isCalibrated = options.mode === 'calibrated';
  const fits = new Map<FloatConv, readonly number[]>();
  let fractions = graph.tensors.map(() => Q88_FRACTION);
  if (isCalibrated) {
    for (const [layer, magnitudes] of measureWeights(graph)) fits.set(layer, fitWeights(graph, layer, magnitudes));
    fractions = chooseFractions(graph, completeRanges(graph, ranges), fits, options.headroom ?? DEFAULT_HEADROOM);
  }
  const tensors = graph.tensors.map(
    ({ id, name, height, width, channels }): IntegerTensor => ({ id, name, height, width, channels, fraction: fractions[id] }),
  );
  const layers = graph.layers.map((layer) => {
    if (layer.kind !== 'conv') return quantizeLayer(layer, tensors);
    const output = tensors[layer.output];
    const points = isCalibrated
      ? weightFractions(layer, fits.get(layer)!, fractions[layer.inputs[0]], output.fraction)
      : q88Fractions(graph, layer, output.channels);
    return quantizeConvolution(graph, layer, tensors, points);
  });
  return { name: graph.name, tensors, layers, inputs: graph.inputs, outputs: graph.outputs };
}

function q88Fractions(graph: LayerGraph, layer: FloatConv, outChannels: number): Int8Array {
  const [kernelH, kernelW] = layer.window.kernel;
  const reduction = (kernelH * kernelW * channelsRead(layer, graph.tensors[layer.inputs[0]])) / layer.groups;
  if (reduction > Q88_MAX_REDUCTION || layer.bias.some((b) => Math.abs(b) >= Q88_MAX_BIAS)) {
    throw new InputError(
      `${graph.name}, node "${layer.name}": in mode q8.8 a sum of ${reduction} products with these biases could exceed 48 bits; use the calibrated mode.`,
    );
  }
  return new Int8Array(outChannels).fill(Q88_FRACTION);
}

/** Round half up and saturate. */
function toWord(v: number, fraction: number): number {
  return Math.min(32767, Math.max(-32768, Math.floor(v * 2 ** fraction + 0.5)));
}

function quantizeClamp(clamp: FloatClamp, fraction: number): Clamp {
  return { low: toWord(clamp.low, fraction), high: toWord(clamp.high, fraction) };
}

function quantizeConvolution(graph: LayerGraph, layer: FloatConv, tensors: readonly IntegerTensor[], fractions: Int8Array): ConvLayer {
  const input = tensors[layer.inputs[0]];
  const output = tensors[layer.output];
  const channels = channelsRead(layer, graph.tensors[layer.inputs[0]]);
  return {
    kind: 'conv',
    name: layer.name,
    nodes: layer.nodes,
    inputs: layer.inputs,
    output: layer.output,
    ...(layer.definedMacs === undefined ? {} : { definedMacs: layer.definedMacs }),
    window: layer.window,
    groups: layer.groups,
    ...(layer.inputChannels === undefined ? {} : { inputChannelOffset: layer.inputChannelOffset ?? 0, inputChannels: layer.inputChannels }),
    weights: quantizeWeights(layer, channels, output.channels, fractions),
    weightFractions: fractions,
    // "+ 0" turns −0 into 0.
    bias: layer.bias.map((b, o) => Math.floor(b * 2 ** (input.fraction + fractions[o]) + 0.5) + 0),
    shift: Uint8Array.from(fractions, (f) => input.fraction + f - output.fraction),
    clamp: quantizeClamp(layer.clamp, output.fraction),
  };
}

function quantizeLayer(layer: Exclude<FinalLayer, FloatConv>, tensors: readonly IntegerTensor[]): IntegerLayer {
  const { name, nodes, inputs, output, definedMacs } = layer;
  const base = { name, nodes, inputs, output, ...(definedMacs === undefined ? {} : { definedMacs }) };
  const input = tensors[inputs[0]];
  const result = tensors[output];
  switch (layer.kind) {
    case 'maxpool':
      return { kind: 'maxpool', ...base, window: layer.window, clamp: quantizeClamp(layer.clamp, result.fraction) };
    case 'averagepool': {
      const { window, countIncludePad } = layer;
      const shift = averageShift(layer, input, result);
      return { kind: 'averagepool', ...base, window, countIncludePad, shift, clamp: quantizeClamp(layer.clamp, result.fraction) };
    }
    case 'add': {
      const [a, b] = inputs.map((id) => tensors[id].fraction);
      const point = Math.max(a, b, result.fraction);
      const shifts = { shiftA: point - a, shiftB: point - b, shiftOut: point - result.fraction };
      return { kind: 'add', ...base, ...shifts, clamp: quantizeClamp(layer.clamp, result.fraction) };
    }
    case 'matmul': {
      const [a, b] = inputs.map((id) => tensors[id].fraction);
      const { scaleBits } = layer;
      return {
        kind: 'matmul',
        ...base,
        scaleBits,
        shift: a + b - scaleBits - result.fraction,
        clamp: quantizeClamp(layer.clamp, result.fraction),
      };
    }
    case 'mul': {
      const [a, b] = inputs.map((id) => tensors[id].fraction);
      return { kind: 'mul', ...base, shiftOut: a + b - result.fraction, clamp: quantizeClamp(layer.clamp, result.fraction) };
    }
    case 'maximum':
      return { kind: 'maximum', ...base, clamp: quantizeClamp(layer.clamp, result.fraction) };
    case 'constant':
      return { kind: 'constant', ...base, words: Int16Array.from(layer.values, (v) => toWord(v, result.fraction)) };
    case 'table': {
      const table = makeTable(layer.function, input.fraction, result.fraction);
      return { kind: 'table', ...base, ...table, clamp: quantizeClamp(layer.clamp, result.fraction) };
    }
    case 'concat':
      return { kind: 'concat', ...base };
    case 'rearrange':
      return { kind: 'rearrange', ...base, parts: layer.parts, fill: toWord(layer.fill, result.fraction) };
  }
}
