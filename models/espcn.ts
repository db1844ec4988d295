/** Super-resolution by sub-pixel convolution, ESPCN (arXiv 1609.05158), three times larger. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope } from './builder.ts';
import { addDepthToSpace } from './map-layers.ts';

const FACTOR = 3;

/** Input 1×1×224×224 luminance, output 1×1×672×672. */
export function buildEspcn(scope: Scope): Graph {
  const net = new NetworkBuilder('espcn', [1, 224, 224]);
  let x = net.conv(net.input, 64, { kernel: 5, pad: 2, activation: 'tanh' });
  x = net.conv(x, 32, { kernel: 3, pad: 1, activation: 'tanh' });
  x = net.conv(x, FACTOR * FACTOR, { kernel: 3, pad: 1, activation: 'none' });
  return net.build(scope === 'convolutions' ? x : addDepthToSpace(net, x, FACTOR));
}
