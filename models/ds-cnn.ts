/** Keyword spotting by depthwise separable convolutions: DS-CNN, small (arXiv 1711.07128), with the input of MLPerf Tiny. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope } from './builder.ts';
import { addDepthwise } from './map-layers.ts';

const CHANNELS = 64;
const BLOCKS = 4;
const WORDS = 12;

/** Input 1×1×49×10 (frames, cepstral coefficients), output 1×12 probabilities. */
export function buildDsCnn(scope: Scope): Graph {
  const net = new NetworkBuilder('ds-cnn', [1, 49, 10]);
  let x = net.conv(net.input, CHANNELS, { kernel: [10, 4], stride: 2, pad: 'same', name: 'conv1' });
  for (let block = 1; block <= BLOCKS; block++) {
    x = addDepthwise(net, x, { kernel: 3, name: `block${block}_depthwise` });
    x = net.conv(x, CHANNELS, { kernel: 1, name: `block${block}_pointwise` });
  }
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.softmax(net.gemm(net.dropout(net.flatten(net.globalAveragePool(x))), WORDS, 'none', 'fc')));
}
