/** Which ONNX values need a measured range, and the ranges of tensors that the model has no value for. Specification: docs/numbers.md sections 8 and 11. */
import { channelsRead, type FinalLayer, type FloatConv, type LayerGraph } from '../frontend/layer-graph.ts';
import { maxMagnitudes, sumMagnitudes } from './weights.ts';

/** Least and greatest value of a tensor over the calibration inputs. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** How far beyond the whole sum a partial sum is assumed to go. */
const PART_MARGIN = 4;

/** Names of the values of the ONNX model whose ranges `quantize` needs in mode `calibrated`, in the order of the layers. */
export function collectRangeNames(graph: LayerGraph): string[] {
  const names = graph.tensors.flatMap((tensor) => (tensor.measurable ? [tensor.name] : tensor.partOf ? [tensor.partOf] : []));
  return [...new Set(names)];
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
    const range = tensor.measurable ? need(tensor.name) : derive(id);
    ranges[id] = range;
    return range;
  };
  const derive = (id: number): ValueRange => {
    const layer = producers.get(id)!;
    const inputs = layer.inputs.map(rangeOf);
    const { partOf } = graph.tensors[id];
    const whole = partOf === undefined ? undefined : magnitude(need(partOf)) * PART_MARGIN;
    const bound =
      layer.kind === 'conv' ? boundConvolution(graph, layer, inputs[0]) : inputs.reduce((sum, range) => sum + magnitude(range), 0);
    const limit = Math.min(bound, whole ?? Infinity);
    return { min: -limit, max: limit };
  };
  for (const tensor of graph.tensors) rangeOf(tensor.id);
  return ranges;
}

export function magnitude(range: ValueRange): number {
  return Math.max(Math.abs(range.min), Math.abs(range.max));
}

/** Largest |max|in| · Σ|w| + |b|| over the output channels. */
function boundConvolution(graph: LayerGraph, layer: FloatConv, input: ValueRange): number {
  const channels = channelsRead(layer, graph.tensors[layer.inputs[0]]);
  const sums = sumMagnitudes(layer, channels, graph.tensors[layer.output].channels);
  return sums.reduce((most, sum, o) => Math.max(most, sum * magnitude(input) + Math.abs(layer.bias[o])), 0);
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
