/** LinkNet (arXiv 1707.03718): a ResNet-18 encoder whose stages are added to the decoder's; batch normalization folded. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addResnetStages } from './resnet.ts';

const CLASSES = 20;

/** 1×1 to a quarter of the channels, transposed 3×3, 1×1. */
function addDecoder(net: NetworkBuilder, x: Value, channels: number, stride: number, name: string): Value {
  const narrow = x.shape[0] / 4;
  const y = net.conv(x, narrow, { kernel: 1, name: `${name}_conv1` });
  const up = net.convTranspose(y, narrow, { kernel: 3, stride, pad: 1, outputPad: stride - 1, name: `${name}_up` });
  return net.conv(up, channels, { kernel: 1, name: `${name}_conv2` });
}

/** Input 1×3×256×512, output 1×20×256×512. */
export function buildLinknet(_scope: Scope): Graph {
  const net = new NetworkBuilder('linknet', [3, 256, 512]);
  const encoded = addResnetStages(net, 18);
  let x = encoded[3];
  for (let stage = 2; stage >= 0; stage--) {
    x = addDecoder(net, x, encoded[stage].shape[0], 2, `decoder${stage + 2}`);
    x = net.add(x, encoded[stage], 'none', `link${stage + 1}`);
  }
  x = addDecoder(net, x, 64, 1, 'decoder1');
  x = net.convTranspose(x, 32, { kernel: 3, stride: 2, pad: 1, outputPad: 1, name: 'final_up1' });
  x = net.conv(x, 32, { kernel: 3, pad: 1, name: 'final_conv' });
  return net.build(net.convTranspose(x, CLASSES, { kernel: 2, stride: 2, activation: 'none', name: 'final_up2' }));
}
