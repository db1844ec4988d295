/**
 * Pass: an average pool right behind a pointwise convolution moves in front of it, where there are fewer pixels to multiply (the transitions of a DenseNet: a
 * quarter of the MACs). The mean of W·x + b over a window is W·mean(x) + b: the same function, rounded elsewhere (docs/compiler.md, "Elementwise operators").
 *
 *     conv 1×1 → averagepool 2×2/2   →   averagepool 2×2/2 → conv 1×1
 */
import { type DraftGraph, type FloatAveragePool, type FloatConv, type FloatLayer, type LayerTensor, NO_CLAMP } from './layer-graph.ts';
import { countReaders } from './rewrite.ts';

export function poolBeforePointwise(graph: DraftGraph): DraftGraph {
  const readers = countReaders(graph);
  const tensors: LayerTensor[] = [...graph.tensors];
  const convAt = new Map<number, number>();
  const layers: FloatLayer[] = [];
  for (const layer of graph.layers) {
    const at = layer.kind === 'averagepool' ? convAt.get(layer.inputs[0]!) : undefined;
    const conv = at === undefined ? undefined : layers[at];
    if (layer.kind !== 'averagepool' || conv?.kind !== 'conv' || readers.get(conv.output) !== 1 || !savesMacs(conv, layer, tensors)) {
      if (layer.kind === 'conv' && isPlainPointwise(layer)) convAt.set(layer.output, layers.length);
      layers.push(layer);
      continue;
    }
    const [from, to] = [tensors[conv.inputs[0]!]!, tensors[layer.output]!];
    const range = from.measurable ? { rangeOf: from.name } : from.rangeOf === undefined ? {} : { rangeOf: from.rangeOf };
    const id = tensors.length;
    // Means lie within the range of what they are means of.
    tensors.push({
      id,
      name: `${to.name}#pooled`,
      height: to.height,
      width: to.width,
      channels: from.channels,
      measurable: false,
      ...range,
    });
    const sums = tensors[conv.output]!;
    const [taps, depth] = [layer.window.kernel[0] * layer.window.kernel[1], from.channels / conv.groups];
    const poolMacs = to.height * to.width * taps * to.channels;
    layers[at!] = { ...layer, inputs: conv.inputs, output: id, clamp: NO_CLAMP, definedMacs: poolMacs };
    layers.push({
      ...conv,
      inputs: [id],
      output: layer.output,
      clamp: layer.clamp,
      definedMacs: sums.height * sums.width * depth * sums.channels,
    });
  }
  return { ...graph, tensors, layers };
}

function isPlainPointwise({ window: { kernel, stride, pads }, clamp, inputChannelOffset }: FloatConv): boolean {
  const isPointwise = [...kernel, ...stride].every((extent) => extent === 1) && pads.every((pad) => pad === 0);
  return isPointwise && clamp.low === -Infinity && clamp.high === Infinity && inputChannelOffset === undefined;
}

/** Fewer MACs in sum? Padding must not change the weight of the bias: none. */
function savesMacs(conv: FloatConv, { window, output }: FloatAveragePool, tensors: readonly LayerTensor[]): boolean {
  if (window.pads.some((pad) => pad !== 0)) return false;
  const [input, sums, pooled] = [tensors[conv.inputs[0]!]!, tensors[conv.output]!, tensors[output]!];
  const taps = window.kernel[0] * window.kernel[1];
  const macsAPixel = (input.channels / conv.groups) * sums.channels;
  const saved = (sums.height * sums.width - pooled.height * pooled.width) * macsAPixel;
  return saved > pooled.height * pooled.width * taps * (input.channels - sums.channels);
}
