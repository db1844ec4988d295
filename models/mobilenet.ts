/** MobileNet v1 (arXiv 1704.04861) and v2 (arXiv 1801.04381), width 1, batch normalization folded. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';

/** Output channels and stride of each depthwise separable layer of v1. */
const LAYERS_V1 = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const;

/** Expansion, output channels, repeats, stride of the first: table 2 of v2. */
const BLOCKS_V2 = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

function classify(net: NetworkBuilder, x: Value, scope: Scope): Graph {
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.gemm(net.dropout(net.flatten(net.globalAveragePool(x))), 1000, 'none', 'fc'));
}

/** Input 1×3×224×224, output 1×1000. */
export function buildMobilenetV1(scope: Scope): Graph {
  const net = new NetworkBuilder('mobilenet-v1', [3, 224, 224]);
  let x = net.conv(net.input, 32, { kernel: 3, stride: 2, pad: 1, name: 'conv1' });
  for (const [index, [channels, stride]] of LAYERS_V1.entries()) {
    x = net.conv(x, x.shape[0], { kernel: 3, stride, pad: 1, groups: x.shape[0], name: `conv${index + 2}_depthwise` });
    x = net.conv(x, channels, { kernel: 1, name: `conv${index + 2}_pointwise` });
  }
  return classify(net, x, scope);
}

/** Input 1×3×224×224, output 1×1000. */
export function buildMobilenetV2(scope: Scope): Graph {
  const net = new NetworkBuilder('mobilenet-v2', [3, 224, 224]);
  let x = net.conv(net.input, 32, { kernel: 3, stride: 2, pad: 1, activation: 'relu6', name: 'conv1' });
  let index = 0;
  for (const [expansion, channels, repeats, firstStride] of BLOCKS_V2) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const name = `block${++index}`;
      const shortcut = x;
      const stride = repeat === 0 ? firstStride : 1;
      const wide = x.shape[0] * expansion;
      if (expansion > 1) x = net.conv(x, wide, { kernel: 1, activation: 'relu6', name: `${name}_expand` });
      x = net.conv(x, wide, { kernel: 3, stride, pad: 1, groups: wide, activation: 'relu6', name: `${name}_depthwise` });
      // Linear bottleneck: no activation behind the projection, nor behind the sum.
      const residual = repeat > 0;
      x = net.conv(x, channels, { kernel: 1, activation: 'none', gain: residual ? 0.5 : 1, name: `${name}_project` });
      if (residual) x = net.add(x, shortcut, 'none', `${name}_add`);
    }
  }
  x = net.conv(x, 1280, { kernel: 1, activation: 'relu6', name: 'conv_last' });
  return classify(net, x, scope);
}
