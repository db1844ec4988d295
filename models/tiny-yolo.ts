/** Tiny-YOLOv2 (arXiv 1612.08242, the VOC configuration) and YOLOv3-tiny (arXiv 1804.02767, COCO), batch normalization folded. All of it is convolutions. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addUpsample } from './map-layers.ts';

const LEAKY = { leaky: 0.1 };
const CHANNELS_V2 = [16, 32, 64, 128, 256, 512, 1024, 1024];
const CHANNELS_V3 = [16, 32, 64, 128, 256, 512, 1024];
/** Three boxes of four edges, an objectness and 80 classes. */
const BOX_CHANNELS_V3 = 3 * (5 + 80);

/** Result of each layer: convolutions and pools down to 13×13. The last pool keeps that size: stride 1, padded at the end. */
function addBackbone(net: NetworkBuilder, channels: readonly number[]): Value[] {
  let x = net.input;
  return channels.map((count, index) => {
    const y = net.conv(x, count, { kernel: 3, pad: 1, activation: LEAKY });
    x = y;
    if (index < 5) x = net.maxPool(y, { kernel: 2, stride: 2 });
    if (index === 5) x = net.maxPool(y, { kernel: 2, stride: 1, pad: 0, padEnd: 1 });
    return y;
  });
}

/** Input 1×3×416×416, output 1×125×13×13: five boxes of 25 numbers a cell. Both scopes are the same graph. */
export function buildTinyYolov2(_scope: Scope): Graph {
  const net = new NetworkBuilder('tiny-yolov2', [3, 416, 416]);
  return net.build(net.conv(addBackbone(net, CHANNELS_V2)[7], 125, { kernel: 1, activation: 'none' }));
}

/** Input 1×3×416×416, outputs 1×255×13×13 and 1×255×26×26, before the boxes are decoded. Both scopes are the same graph. */
export function buildYolov3Tiny(_scope: Scope): Graph {
  const net = new NetworkBuilder('yolov3-tiny', [3, 416, 416]);
  const maps = addBackbone(net, CHANNELS_V3);
  const neck = net.conv(maps[6], 256, { kernel: 1, activation: LEAKY });
  const head = (x: Value, channels: number): Value => {
    const y = net.conv(x, channels, { kernel: 3, pad: 1, activation: LEAKY });
    return net.conv(y, BOX_CHANNELS_V3, { kernel: 1, activation: 'none' });
  };
  const coarse = head(neck, 512);
  const up = addUpsample(net, net.conv(neck, 128, { kernel: 1, activation: LEAKY }), 2, 'nearest');
  return net.build(coarse, head(net.concat([up, maps[4]]), 256));
}
