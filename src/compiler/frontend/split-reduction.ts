/**
 * Optional pass: splits long reductions over ranges of input channels into partial convolutions and additions. Specification: docs/numbers.md section 11.
 *   conv 6×6×256 → clamp   →   conv(channels 0–127), conv(128–255), add → clamp
 * Requires a final layer graph; changes the integer graph that follows (one more rounding per part).
 */
import { LINE_WORDS } from '../../machine/machine.ts';
import { channelsRead, type FinalLayer, type FloatConv, type LayerGraph, type LayerTensor, NO_CLAMP } from './layer-graph.ts';

export interface SplitOptions {
  /** Longest reduction (kernel rows × columns × input channels) of one part, in words. */
  readonly maxWords: number;
  /** Only these layers, by name; default all. */
  readonly layers?: readonly string[];
}

/** Splits every ungrouped convolution whose reduction exceeds `maxWords`; one kernel window of a single channel is never split. */
export function splitReduction(graph: LayerGraph, options: SplitOptions): LayerGraph {
  const tensors: LayerTensor[] = [...graph.tensors];
  const layers = graph.layers.flatMap((layer): FinalLayer[] => {
    if (layer.kind !== 'conv' || layer.groups !== 1) return [layer];
    if (options.layers && !options.layers.includes(layer.name)) return [layer];
    const channels = channelsRead(layer, tensors[layer.inputs[0]]);
    const perPart = channelsPerPart(layer.window.kernel[0] * layer.window.kernel[1], channels, options.maxWords);
    return perPart >= channels ? [layer] : splitLayer(tensors, layer, channels, perPart);
  });
  return { ...graph, tensors, layers };
}

function channelsPerPart(taps: number, channels: number, maxWords: number): number {
  const most = Math.max(1, Math.floor(maxWords / taps));
  const even = Math.ceil(channels / Math.ceil(channels / most));
  const lines = Math.ceil(even / LINE_WORDS) * LINE_WORDS;
  return lines <= most ? lines : even;
}

function splitLayer(tensors: LayerTensor[], layer: FloatConv, channels: number, perPart: number): FinalLayer[] {
  const output = tensors[layer.output];
  const whole = layer.sumName ?? (output.measurable ? output.name : (output.rangeOf ?? output.partOf));
  const addPart = (suffix: string): number => {
    const id = tensors.length;
    tensors.push({ ...output, id, name: `${output.name}#${suffix}`, measurable: false, partOf: whole, rangeOf: undefined });
    return id;
  };
  const { weights, sumName: _, ...common } = layer;
  const result: FinalLayer[] = [];
  let sum = -1;
  for (let first = 0, part = 0; first < channels; first += perPart, part++) {
    const count = Math.min(perPart, channels - first);
    const id = addPart(`part${part}`);
    result.push({
      ...common,
      // The first part stands for the layer.
      ...(layer.definedMacs === undefined ? {} : { definedMacs: part === 0 ? layer.definedMacs : 0 }),
      name: `${layer.name}#part${part}`,
      output: id,
      inputChannelOffset: (layer.inputChannelOffset ?? 0) + first,
      inputChannels: count,
      weights: { ...weights, offset: weights.offset + first * weights.strides.input },
      ...(layer.inputScale ? { inputScale: layer.inputScale.slice(first, first + count) } : {}),
      bias: part === 0 ? layer.bias : new Float64Array(layer.bias.length),
      clamp: NO_CLAMP,
    });
    if (part > 0) {
      const isLast = first + count === channels;
      const total = isLast ? layer.output : addPart(`sum${part}`);
      result.push({
        kind: 'add',
        name: isLast ? layer.name : `${layer.name}#sum${part}`,
        nodes: layer.nodes,
        inputs: [sum, id],
        output: total,
        clamp: isLast ? layer.clamp : NO_CLAMP,
      });
      sum = total;
    } else sum = id;
  }
  return result;
}
