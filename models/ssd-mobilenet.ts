/**
 * SSD with MobileNet v1 (arXiv 1704.04861, section 4.6; the COCO configuration of TensorFlow's zoo): backbone, extra maps and the prediction heads.
 * Box decoding and suppression of duplicates are left to the program that uses it.
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addDepthwise } from './map-layers.ts';
import { LAYERS_V1 } from './mobilenet.ts';

/** Channels of each extra map, behind a 1×1 to half as many. */
const EXTRAS = [512, 256, 256, 128];
/** Anchors of a cell, by map. */
const ANCHORS = [3, 6, 6, 6, 6, 6];
/** 90 and the background. */
const CLASSES = 91;

/** One head's predictions, one row an anchor: NCHW to [cells · anchors, numbers]. */
function addRows(net: NetworkBuilder, x: Value, numbers: number): Value {
  const [channels, height, width] = x.shape;
  const last = net.addNode('Transpose', `${x.name}_nhwc`, [x.name], { ...x, shape: [height, width, channels] }, { perm: [0, 2, 3, 1] });
  const shape = [(height * width * channels) / numbers, numbers];
  return net.addNode('Reshape', `${x.name}_rows`, [last.name, net.addIntegers(`${x.name}_rows.shape`, [1, ...shape])], { ...x, shape });
}

/** Input 1×3×300×300, outputs 1×1917×4 box offsets and 1×1917×91 class scores. Padding as TensorFlow has it. */
export function buildSsdMobilenetV1(scope: Scope): Graph {
  const net = new NetworkBuilder('ssd-mobilenet-v1', [3, 300, 300]);
  const activation = 'relu6';
  let x = net.conv(net.input, 32, { kernel: 3, stride: 2, pad: 'same', activation, name: 'conv0' });
  const maps: Value[] = [];
  for (const [index, [channels, stride]] of LAYERS_V1.entries()) {
    x = addDepthwise(net, x, { kernel: 3, stride, pad: 'same', activation, name: `conv${index + 1}_depthwise` });
    x = net.conv(x, channels, { kernel: 1, activation, name: `conv${index + 1}_pointwise` });
    if (index === 10 || index === 12) maps.push(x);
  }
  for (const [index, channels] of EXTRAS.entries()) {
    x = net.conv(x, channels / 2, { kernel: 1, activation, name: `extra${index + 1}_reduce` });
    x = net.conv(x, channels, { kernel: 3, stride: 2, pad: 'same', activation, name: `extra${index + 1}` });
    maps.push(x);
  }
  const heads = (what: string, numbers: number): Value[] =>
    maps.map((map, index) => net.conv(map, ANCHORS[index] * numbers, { kernel: 1, activation: 'none', name: `${what}${index}` }));
  const boxes = heads('boxes', 4);
  const classes = heads('classes', CLASSES);
  if (scope === 'convolutions') return net.build(...boxes, ...classes);
  const join = (parts: readonly Value[], numbers: number, name: string): Value =>
    net.concat(
      parts.map((part) => addRows(net, part, numbers)),
      name,
    );
  return net.build(join(boxes, 4, 'boxes'), net.activate(join(classes, CLASSES, 'classes'), 'sigmoid'));
}
