/** EfficientNet-lite0 (arXiv 1905.11946 without gates and with ReLU6, as its authors released it for integer hardware), batch normalization folded. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope } from './builder.ts';
import { addDepthwise } from './map-layers.ts';

/** Kernel, expansion, output channels, repeats, stride of the first. */
const BLOCKS = [
  [3, 1, 16, 1, 1],
  [3, 6, 24, 2, 2],
  [5, 6, 40, 2, 2],
  [3, 6, 80, 3, 2],
  [5, 6, 112, 3, 1],
  [5, 6, 192, 4, 2],
  [3, 6, 320, 1, 1],
] as const;

/** Input 1×3×224×224, output 1×1000. Padding as TensorFlow has it. */
export function buildEfficientnetLite0(scope: Scope): Graph {
  const net = new NetworkBuilder('efficientnet-lite0', [3, 224, 224]);
  const activation = 'relu6';
  let x = net.conv(net.input, 32, { kernel: 3, stride: 2, pad: 'same', activation, name: 'stem' });
  let index = 0;
  for (const [kernel, expansion, channels, repeats, firstStride] of BLOCKS) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const name = `block${++index}`;
      const shortcut = x;
      if (expansion > 1) x = net.conv(x, x.shape[0] * expansion, { kernel: 1, activation, name: `${name}_expand` });
      x = addDepthwise(net, x, { kernel, stride: repeat === 0 ? firstStride : 1, pad: 'same', activation, name: `${name}_depthwise` });
      x = net.conv(x, channels, { kernel: 1, activation: 'none', gain: repeat > 0 ? 0.5 : 1, name: `${name}_project` });
      if (repeat > 0) x = net.add(x, shortcut, 'none', `${name}_add`);
    }
  }
  x = net.conv(x, 1280, { kernel: 1, activation, name: 'head' });
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.gemm(net.dropout(net.flatten(net.globalAveragePool(x))), 1000, 'none', 'fc'));
}
