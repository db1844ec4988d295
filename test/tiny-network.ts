/** A network of a few thousand MACs for tests of the command line: one convolution with pool, one fully connected layer, softmax on the host. */
import { NetworkBuilder } from '../models/builder.ts';
import type { Graph } from '../src/graph/graph.ts';

/** Input `input` 1×3×12×12, output 1×10. */
export function buildTinyNetwork(): Graph {
  const net = new NetworkBuilder('tiny', [3, 12, 12]);
  const x = net.maxPool(net.conv(net.input, 20, { kernel: 3, pad: 1 }), { kernel: 2, stride: 2 });
  return net.build(net.softmax(net.gemm(net.flatten(x), 10, 'none', 'fc')));
}
