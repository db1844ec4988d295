/**
 * GoogLeNet (Inception v1, arXiv 1409.4842) without the auxiliary heads. Local response normalization is left out, as in later trainings
 * (torchvision): it belongs to neither scope of the published figures.
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';

/** 1×1; 3×3 reduce, 3×3; 5×5 reduce, 5×5; pool projection. */
type Channels = readonly [number, number, number, number, number, number];

/** Table 1 of the paper; 'pool' is a 3×3/2 maximum. */
const MODULES: readonly (readonly [string, Channels] | 'pool')[] = [
  ['3a', [64, 96, 128, 16, 32, 32]],
  ['3b', [128, 128, 192, 32, 96, 64]],
  'pool',
  ['4a', [192, 96, 208, 16, 48, 64]],
  ['4b', [160, 112, 224, 24, 64, 64]],
  ['4c', [128, 128, 256, 24, 64, 64]],
  ['4d', [112, 144, 288, 32, 64, 64]],
  ['4e', [256, 160, 320, 32, 128, 128]],
  'pool',
  ['5a', [256, 160, 320, 32, 128, 128]],
  ['5b', [384, 192, 384, 48, 128, 128]],
];

function inception(net: NetworkBuilder, x: Value, name: string, [one, reduce3, three, reduce5, five, projection]: Channels): Value {
  const at = (part: string): string => `inception_${name}_${part}`;
  const branch1 = net.conv(x, one, { kernel: 1, name: at('1x1') });
  const branch3 = net.conv(net.conv(x, reduce3, { kernel: 1, name: at('3x3_reduce') }), three, { kernel: 3, pad: 1, name: at('3x3') });
  const branch5 = net.conv(net.conv(x, reduce5, { kernel: 1, name: at('5x5_reduce') }), five, { kernel: 5, pad: 2, name: at('5x5') });
  const pooled = net.maxPool(x, { kernel: 3, stride: 1, pad: 1, name: at('pool') });
  return net.concat([branch1, branch3, branch5, net.conv(pooled, projection, { kernel: 1, name: at('pool_proj') })], at('output'));
}

/** Input 1×3×224×224, output 1×1000. */
export function buildGooglenet(scope: Scope): Graph {
  const net = new NetworkBuilder('googlenet', [3, 224, 224]);
  const pool = { kernel: 3, stride: 2, ceil: true };
  let x = net.maxPool(net.conv(net.input, 64, { kernel: 7, stride: 2, pad: 3, name: 'conv1' }), pool);
  x = net.conv(x, 64, { kernel: 1, name: 'conv2_reduce' });
  x = net.maxPool(net.conv(x, 192, { kernel: 3, pad: 1, name: 'conv2' }), pool);
  for (const module of MODULES) x = module === 'pool' ? net.maxPool(x, pool) : inception(net, x, module[0], module[1]);
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.gemm(net.dropout(net.flatten(net.globalAveragePool(x))), 1000, 'none', 'fc'));
}
