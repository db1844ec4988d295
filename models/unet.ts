/** U-Net (arXiv 1505.04597) in its padded form with 32 first channels, as commonly trained on medical slices; batch normalization folded. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';

const CHANNELS = [32, 64, 128, 256];
const BOTTOM = 512;

/** Input 1×3×256×256, output 1×1×256×256: the probability of the one class. */
export function buildUnet(_scope: Scope): Graph {
  const net = new NetworkBuilder('unet', [3, 256, 256]);
  const double = (x: Value, channels: number, name: string): Value =>
    net.conv(net.conv(x, channels, { kernel: 3, pad: 1, name: `${name}_conv1` }), channels, { kernel: 3, pad: 1, name: `${name}_conv2` });
  let x = net.input;
  const skips: Value[] = [];
  for (const [level, channels] of CHANNELS.entries()) {
    const skip = double(x, channels, `encoder${level + 1}`);
    skips.push(skip);
    x = net.maxPool(skip, { kernel: 2, stride: 2 });
  }
  x = double(x, BOTTOM, 'bottom');
  for (let level = CHANNELS.length - 1; level >= 0; level--) {
    const up = net.convTranspose(x, CHANNELS[level], { kernel: 2, stride: 2, activation: 'none', name: `up${level + 1}` });
    x = double(net.concat([up, skips[level]], `join${level + 1}`), CHANNELS[level], `decoder${level + 1}`);
  }
  x = net.conv(x, 1, { kernel: 1, activation: 'none', name: 'head' });
  return net.build(net.activate(x, 'sigmoid'));
}
