/** AlexNet in its one-tower form ("One weird trick", arXiv 1404.5997), as in torchvision. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope } from './builder.ts';

/** Input 1×3×224×224, output 1×1000. The adaptive 6×6 average pool of torchvision is the identity at this size. */
export function buildAlexnet(scope: Scope): Graph {
  const net = new NetworkBuilder('alexnet', [3, 224, 224]);
  const pool = { kernel: 3, stride: 2 };
  let x = net.conv(net.input, 64, { kernel: 11, stride: 4, pad: 2 });
  x = net.maxPool(x, pool);
  x = net.conv(x, 192, { kernel: 5, pad: 2 });
  x = net.maxPool(x, pool);
  x = net.conv(x, 384, { kernel: 3, pad: 1 });
  x = net.conv(x, 256, { kernel: 3, pad: 1 });
  x = net.conv(x, 256, { kernel: 3, pad: 1 });
  x = net.maxPool(x, pool);
  if (scope === 'convolutions') return net.build(x);
  x = net.dropout(net.flatten(x));
  x = net.dropout(net.gemm(x, 4096, 'relu', 'fc6'));
  x = net.gemm(x, 4096, 'relu', 'fc7');
  return net.build(net.gemm(x, 1000, 'none', 'fc8'));
}
