/** Convolutions whose channels come in another order. Their weights are copied. */
import { channelsRead, type FloatConv, type LayerTensor, type WeightView } from './layer-graph.ts';

/** The weights in another order: of output channel o and input i of its group, those of output[o] and input[group of o][i]. */
function copyWeights(
  layer: FloatConv,
  outChannels: number,
  perGroup: number,
  output: (o: number) => number,
  input: (o: number, i: number) => number,
): WeightView {
  const { data, offset, strides } = layer.weights;
  const [kernelH, kernelW] = layer.window.kernel;
  const taps = kernelH * kernelW;
  const copy = new Float32Array(outChannels * taps * perGroup);
  let next = 0;
  for (let o = 0; o < outChannels; o++) {
    for (let ky = 0; ky < kernelH; ky++) {
      for (let kx = 0; kx < kernelW; kx++) {
        const tap = offset + output(o) * strides.output + ky * strides.row + kx * strides.column;
        for (let i = 0; i < perGroup; i++) copy[next++] = data[tap + input(o, i) * strides.input];
      }
    }
  }
  return { data: copy, offset: 0, strides: { output: taps * perGroup, row: kernelW * perGroup, column: perGroup, input: 1 } };
}

const pick = <T extends Float64Array>(values: T, order: readonly number[]): Float64Array =>
  Float64Array.from(order, (from) => values[from]);

/** Output channel k becomes what channel order[k] was. The order must stay inside groups; a depthwise layer's input has the same order. */
export function permuteOutputs(layer: FloatConv, order: readonly number[], tensors: readonly LayerTensor[]): FloatConv {
  const perGroup = channelsRead(layer, tensors[layer.inputs[0]]) / layer.groups;
  const isDepthwise = perGroup === 1 && layer.groups === order.length;
  return {
    ...layer,
    weights: copyWeights(
      layer,
      order.length,
      perGroup,
      (o) => order[o],
      (_, i) => i,
    ),
    bias: pick(layer.bias, order),
    ...(layer.outputScale ? { outputScale: pick(layer.outputScale, order) } : {}),
    ...(layer.inputScale && isDepthwise ? { inputScale: pick(layer.inputScale, order) } : {}),
  };
}

/** Input channel k is what channel order[k] was. The order must stay inside groups. */
export function permuteInputs(layer: FloatConv, order: readonly number[], tensors: readonly LayerTensor[]): FloatConv {
  const outChannels = tensors[layer.output].channels;
  const perGroup = order.length / layer.groups;
  const groupOf = (o: number): number => Math.floor((o * layer.groups) / outChannels);
  return {
    ...layer,
    weights: copyWeights(
      layer,
      outChannels,
      perGroup,
      (o) => o,
      (o, i) => order[groupOf(o) * perGroup + i] - groupOf(o) * perGroup,
    ),
    ...(layer.inputScale ? { inputScale: pick(layer.inputScale, order) } : {}),
  };
}
