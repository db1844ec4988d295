/** VGG-16 and VGG-19 (arXiv 1409.1556, configurations D and E). */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';

/** Convolutions of each of the five stages. */
const STAGES = { 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4] } as const;
const CHANNELS = [64, 128, 256, 512, 512];

/** The convolutional part: results of the five stages, each behind its pool. */
export function addVggStages(net: NetworkBuilder, depth: keyof typeof STAGES): Value[] {
  let x = net.input;
  return STAGES[depth].map((count, stage) => {
    for (let layer = 1; layer <= count; layer++) x = net.conv(x, CHANNELS[stage], { kernel: 3, pad: 1, name: `conv${stage + 1}_${layer}` });
    x = net.maxPool(x, { kernel: 2, stride: 2 });
    return x;
  });
}

/** Input 1×3×224×224, output 1×1000. */
export function buildVgg(depth: keyof typeof STAGES, scope: Scope): Graph {
  const net = new NetworkBuilder(`vgg${depth}`, [3, 224, 224]);
  let x = addVggStages(net, depth)[4];
  if (scope === 'convolutions') return net.build(x);
  x = net.flatten(x);
  x = net.dropout(net.gemm(x, 4096, 'relu', 'fc6'));
  x = net.dropout(net.gemm(x, 4096, 'relu', 'fc7'));
  return net.build(net.gemm(x, 1000, 'none', 'fc8'));
}
