/** Tiny-YOLOv2 (arXiv 1612.08242, the VOC configuration), batch normalization folded. All of it is convolutions. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope } from './builder.ts';

const CHANNELS = [16, 32, 64, 128, 256, 512, 1024, 1024];

/** Input 1×3×416×416, output 1×125×13×13: five boxes of 25 numbers a cell. Both scopes are the same graph. */
export function buildTinyYolov2(_scope: Scope): Graph {
  const net = new NetworkBuilder('tiny-yolov2', [3, 416, 416]);
  let x = net.input;
  for (const [index, channels] of CHANNELS.entries()) {
    x = net.conv(x, channels, { kernel: 3, pad: 1, activation: { leaky: 0.1 } });
    if (index < 5) x = net.maxPool(x, { kernel: 2, stride: 2 });
    // The last pool keeps 13×13: stride 1, padded at the end.
    if (index === 5) x = net.maxPool(x, { kernel: 2, stride: 1, pad: 0, padEnd: 1 });
  }
  return net.build(net.conv(x, 125, { kernel: 1, activation: 'none' }));
}
