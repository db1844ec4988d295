/** Which ONNX values need a measured range, and the ranges of tensors that the model has no value for. Specification: docs/numbers.md sections 8 and 11. */

import { evaluateExpression } from '../frontend/expression.ts';
import { channelsRead, type FinalLayer, type FloatConv, type LayerGraph, type LayerTensor } from '../frontend/layer-graph.ts';
import { maxMagnitudes, sumMagnitudes } from './weights.ts';

/** Least and greatest value of a tensor over the calibration inputs. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
  /** Some of the values, evenly taken: what the accuracy of tables is judged by. */
  readonly sample?: Float32Array;
}

/** How far beyond the whole sum a partial sum is assumed to go. */
const PART_MARGIN = 4;
/** Points at which a function is looked at for the range of its values. */
const TABLE_SAMPLES = 1024;

/** Names of the values of the ONNX model whose ranges `quantize` needs in mode `calibrated`, in the order of the layers. */
export function collectRangeNames(graph: LayerGraph): string[] {
  const names = graph.tensors.flatMap((tensor) => (isMeasured(tensor) ? [tensor.name] : (tensor.partOf ?? tensor.rangeOf ?? [])));
  return [...new Set(names)];
}

function isMeasured(tensor: LayerTensor): boolean {
  return tensor.measurable || tensor.probe !== undefined;
}

/** A range for every tensor id: measured where the model has the value, derived otherwise. @throws Error for a range that should have been measured. */
export function completeRanges(graph: LayerGraph, measured: ReadonlyMap<string, ValueRange>): ValueRange[] {
  const need = (name: string): ValueRange => {
    const range = measured.get(name);
    if (!range || !(range.min <= range.max)) throw new Error(`no range was measured for the value "${name}"`);
    return range;
  };
  const producers = new Map<number, FinalLayer>(graph.layers.map((layer) => [layer.output, layer]));
  const ranges: ValueRange[] = [];
  const rangeOf = (id: number): ValueRange => {
    const known = ranges[id];
    if (known) return known;
    const tensor = graph.tensors[id];
    const range = isMeasured(tensor) ? need(tensor.name) : tensor.rangeOf !== undefined ? need(tensor.rangeOf) : derive(id);
    ranges[id] = range;
    return range;
  };
  const derive = (id: number): ValueRange => {
    const layer = producers.get(id)!;
    const range = deriveRange(graph, layer, layer.inputs.map(rangeOf));
    const { partOf } = graph.tensors[id];
    const whole = partOf === undefined ? Infinity : magnitude(need(partOf)) * PART_MARGIN;
    return { min: Math.max(range.min, -whole), max: Math.min(range.max, whole) };
  };
  for (const tensor of graph.tensors) rangeOf(tensor.id);
  return ranges;
}

/** Largest absolute value of a range. */
export function magnitude(range: ValueRange): number {
  return Math.max(Math.abs(range.min), Math.abs(range.max));
}

/** What a layer can give on inputs within their ranges. */
function deriveRange(graph: LayerGraph, layer: FinalLayer, inputs: readonly ValueRange[]): ValueRange {
  const range = deriveUnclamped(graph, layer, inputs);
  if (!('clamp' in layer)) return range;
  const bound = (v: number): number => Math.min(layer.clamp.high, Math.max(layer.clamp.low, v));
  return { min: bound(range.min), max: bound(range.max) };
}

function deriveUnclamped(graph: LayerGraph, layer: FinalLayer, inputs: readonly ValueRange[]): ValueRange {
  const [a, b] = inputs;
  switch (layer.kind) {
    case 'conv':
      return boundConvolution(graph, layer, a);
    case 'matmul': {
      const limit = magnitude(a) * magnitude(b) * graph.tensors[layer.inputs[0]].channels * 2 ** layer.scaleBits;
      return { min: -limit, max: limit };
    }
    case 'add':
      return { min: a.min + b.min, max: a.max + b.max };
    case 'mul': {
      // The square of one value is never negative.
      const isSquare = layer.inputs[0] === layer.inputs[1];
      const products = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
      return { min: isSquare ? 0 : Math.min(...products), max: Math.max(...products) };
    }
    case 'constant':
      return layer.values.reduce(({ min, max }, v) => ({ min: Math.min(min, v), max: Math.max(max, v) }), {
        min: Infinity,
        max: -Infinity,
      });
    case 'table': {
      const values = Array.from({ length: TABLE_SAMPLES + 1 }, (_, i) =>
        evaluateExpression(layer.function, a.min + ((a.max - a.min) * i) / TABLE_SAMPLES),
      ).filter(Number.isFinite);
      return values.length > 0 ? { min: Math.min(...values), max: Math.max(...values) } : { min: 0, max: 0 };
    }
    default:
      return { min: Math.min(...inputs.map((range) => range.min)), max: Math.max(...inputs.map((range) => range.max)) };
  }
}

/** ± the largest |max|in| · Σ|w| + |b| over the output channels. */
function boundConvolution(graph: LayerGraph, layer: FloatConv, input: ValueRange): ValueRange {
  const channels = channelsRead(layer, graph.tensors[layer.inputs[0]]);
  const sums = sumMagnitudes(layer, channels, graph.tensors[layer.output].channels);
  const limit = sums.reduce((most, sum, o) => Math.max(most, sum * magnitude(input) + Math.abs(layer.bias[o])), 0);
  return { min: -limit, max: limit };
}

/** Largest |weight| per output channel of every convolution, by layer. */
export function measureWeights(graph: LayerGraph): Map<FloatConv, Float64Array> {
  const result = new Map<FloatConv, Float64Array>();
  for (const layer of graph.layers) {
    if (layer.kind !== 'conv') continue;
    const channels = channelsRead(layer, graph.tensors[layer.inputs[0]]);
    result.set(layer, maxMagnitudes(layer, channels, graph.tensors[layer.output].channels));
  }
  return result;
}
