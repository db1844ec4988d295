/**
 * Pass: a scale and bias per channel behind a convolution moves into its weights and bias. Requires nothing.
 *   conv(W, b) → affine(s, t)   →   conv(s·W, s·b + t)
 * Exact in real numbers; weights are not touched, the factor is kept beside them. Also joins affine behind affine.
 */
import type { DraftGraph, FloatAffine, FloatConv, FloatLayer, FloatMatMul } from './layer-graph.ts';
import { countReaders, mergeNodes, powerOfTwo } from './rewrite.ts';

export function foldAffineIntoProducer(graph: DraftGraph): DraftGraph {
  const readers = countReaders(graph);
  const layers: FloatLayer[] = [];
  const producerAt = new Map<number, number>();
  for (const layer of graph.layers) {
    const at = layer.kind === 'affine' ? producerAt.get(layer.inputs[0]) : undefined;
    const producer = at === undefined ? undefined : layers[at];
    if (
      layer.kind === 'affine' &&
      producer &&
      readers.get(layer.inputs[0]) === 1 &&
      (producer.kind === 'conv' || producer.kind === 'affine' || (producer.kind === 'matmul' && powerOfTwo(layer) !== undefined))
    ) {
      layers[at!] = { ...scaled(producer, layer), output: layer.output, nodes: mergeNodes(producer, layer) };
      producerAt.set(layer.output, at!);
      continue;
    }
    producerAt.set(layer.output, layers.length);
    layers.push(layer);
  }
  return { ...graph, layers };
}

function scaled(producer: FloatConv | FloatAffine | FloatMatMul, layer: FloatAffine): FloatConv | FloatAffine | FloatMatMul {
  if (producer.kind === 'matmul') return { ...producer, scaleBits: producer.scaleBits + powerOfTwo(layer)! };
  const { scale, bias } = layer;
  const newBias = producer.bias.map((b, o) => scale[o] * b + bias[o]);
  if (producer.kind === 'affine') return { ...producer, scale: producer.scale.map((s, c) => s * scale[c]), bias: newBias };
  const outputScale = producer.outputScale ? producer.outputScale.map((s, o) => s * scale[o]) : scale;
  return { ...producer, outputScale, bias: newBias };
}
