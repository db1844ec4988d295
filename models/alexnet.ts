/**
 * AlexNet in both forms: of one tower ("One weird trick", arXiv 1404.5997), as in torchvision; and of two towers with local response normalization
 * (NIPS 2012), as in BVLC's Caffe model. ZFNet (arXiv 1311.2901) is the latter with finer first layers.
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addLrn } from './map-layers.ts';

const POOL = { kernel: 3, stride: 2 };

function classify(net: NetworkBuilder, x: Value): Graph {
  let y = net.dropout(net.gemm(net.flatten(x), 4096, 'relu', 'fc6'));
  y = net.dropout(net.gemm(y, 4096, 'relu', 'fc7'));
  return net.build(net.softmax(net.gemm(y, 1000, 'none', 'fc8')));
}

/** Input 1×3×224×224, output 1×1000. The adaptive 6×6 average pool of torchvision is the identity at this size. */
export function buildAlexnet(scope: Scope): Graph {
  const net = new NetworkBuilder('alexnet', [3, 224, 224]);
  let x = net.conv(net.input, 64, { kernel: 11, stride: 4, pad: 2 });
  x = net.maxPool(x, POOL);
  x = net.conv(x, 192, { kernel: 5, pad: 2 });
  x = net.maxPool(x, POOL);
  x = net.conv(x, 384, { kernel: 3, pad: 1 });
  x = net.conv(x, 256, { kernel: 3, pad: 1 });
  x = net.conv(x, 256, { kernel: 3, pad: 1 });
  x = net.maxPool(x, POOL);
  if (scope === 'convolutions') return net.build(x);
  x = net.dropout(net.flatten(x));
  x = net.dropout(net.gemm(x, 4096, 'relu', 'fc6'));
  x = net.gemm(x, 4096, 'relu', 'fc7');
  return net.build(net.gemm(x, 1000, 'none', 'fc8'));
}

/** Input 1×3×227×227, output 1×1000 probabilities. */
export function buildBvlcAlexnet(scope: Scope): Graph {
  const net = new NetworkBuilder('alexnet-bvlc', [3, 227, 227]);
  const normalize = (x: Value): Value => addLrn(net, x, { size: 5, alpha: 1e-4, beta: 0.75, bias: 1 });
  let x = net.maxPool(normalize(net.conv(net.input, 96, { kernel: 11, stride: 4 })), POOL);
  x = net.maxPool(normalize(net.conv(x, 256, { kernel: 5, pad: 2, groups: 2 })), POOL);
  x = net.conv(x, 384, { kernel: 3, pad: 1 });
  x = net.conv(x, 384, { kernel: 3, pad: 1, groups: 2 });
  x = net.maxPool(net.conv(x, 256, { kernel: 3, pad: 1, groups: 2 }), POOL);
  return scope === 'convolutions' ? net.build(x) : classify(net, x);
}

/** Input 1×3×224×224, output 1×1000 probabilities. Maps of 110, 55, 26 and 13 rows, as in figure 3 of the paper. */
export function buildZfnet(scope: Scope): Graph {
  const net = new NetworkBuilder('zfnet', [3, 224, 224]);
  const normalize = (x: Value): Value => addLrn(net, x, { size: 5, alpha: 5e-4, beta: 0.75, bias: 2 });
  const pool = { ...POOL, ceil: true };
  let x = normalize(net.maxPool(net.conv(net.input, 96, { kernel: 7, stride: 2, pad: 1 }), pool));
  x = normalize(net.maxPool(net.conv(x, 256, { kernel: 5, stride: 2 }), pool));
  x = net.conv(x, 384, { kernel: 3, pad: 1 });
  x = net.conv(x, 384, { kernel: 3, pad: 1 });
  x = net.maxPool(net.conv(x, 256, { kernel: 3, pad: 1 }), POOL);
  return scope === 'convolutions' ? net.build(x) : classify(net, x);
}
