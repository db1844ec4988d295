/** SqueezeNet 1.0 (arXiv 1602.07360) and 1.1 (its authors' later release, which pools earlier), as in torchvision. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';

interface Version {
  readonly conv1: { readonly channels: number; readonly kernel: number };
  /** Squeeze and expand channels of each fire module; 'pool' is a 3×3/2 maximum in ceil mode. */
  readonly modules: readonly (readonly [number, number] | 'pool')[];
}

const VERSIONS: Readonly<Record<'1.0' | '1.1', Version>> = {
  '1.0': {
    conv1: { channels: 96, kernel: 7 },
    modules: [[16, 64], [16, 64], [32, 128], 'pool', [32, 128], [48, 192], [48, 192], [64, 256], 'pool', [64, 256]],
  },
  '1.1': {
    conv1: { channels: 64, kernel: 3 },
    modules: [[16, 64], [16, 64], 'pool', [32, 128], [32, 128], 'pool', [48, 192], [48, 192], [64, 256], [64, 256]],
  },
};

/** Input 1×3×size×size, output 1×1000. */
export function buildSqueezenet(version: keyof typeof VERSIONS, scope: Scope, size = 224): Graph {
  const { conv1, modules } = VERSIONS[version];
  const net = new NetworkBuilder(`squeezenet${version}`, [3, size, size]);
  const pool = { kernel: 3, stride: 2, ceil: true };
  let x: Value = net.maxPool(net.conv(net.input, conv1.channels, { kernel: conv1.kernel, stride: 2, name: 'conv1' }), pool);
  let fire = 2;
  for (const module of modules) {
    if (module === 'pool') {
      x = net.maxPool(x, pool);
      continue;
    }
    const name = `fire${fire++}`;
    const squeezed = net.conv(x, module[0], { kernel: 1, name: `${name}_squeeze` });
    const expand1 = net.conv(squeezed, module[1], { kernel: 1, name: `${name}_expand1x1` });
    x = net.concat([expand1, net.conv(squeezed, module[1], { kernel: 3, pad: 1, name: `${name}_expand3x3` })], `${name}_output`);
  }
  x = net.conv(net.dropout(x), 1000, { kernel: 1, name: 'conv10' });
  return net.build(scope === 'convolutions' ? x : net.flatten(net.globalAveragePool(x)));
}
