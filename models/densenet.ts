/**
 * DenseNet-121 (arXiv 1608.06993). Batch normalization behind a convolution is folded into it; the one behind a concatenation cannot be and stays a
 * node, as exporters leave it.
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';

const BLOCKS = [6, 12, 24, 16];
const GROWTH = 32;

/** Input 1×3×224×224, output 1×1000. */
export function buildDensenet121(scope: Scope): Graph {
  const net = new NetworkBuilder('densenet121', [3, 224, 224]);
  let x: Value = net.maxPool(net.conv(net.input, 64, { kernel: 7, stride: 2, pad: 3, name: 'conv0' }), { kernel: 3, stride: 2, pad: 1 });
  for (const [block, layers] of BLOCKS.entries()) {
    for (let layer = 1; layer <= layers; layer++) {
      const name = `block${block + 1}_layer${layer}`;
      const bottleneck = net.conv(net.batchNorm(x), 4 * GROWTH, { kernel: 1, name: `${name}_conv1` });
      const grown = net.conv(bottleneck, GROWTH, { kernel: 3, pad: 1, activation: 'none', name: `${name}_conv2` });
      x = net.concat([x, grown], `${name}_output`);
    }
    if (block === BLOCKS.length - 1) break;
    x = net.conv(net.batchNorm(x), x.shape[0] / 2, { kernel: 1, activation: 'none', name: `transition${block + 1}_conv` });
    x = net.averagePool(x, { kernel: 2, stride: 2 });
  }
  x = net.batchNorm(x);
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.gemm(net.flatten(net.globalAveragePool(x)), 1000, 'none', 'fc'));
}
