/**
 * ENet (arXiv 1606.02147), batch normalization folded. Maximum unpooling by remembered positions is replaced by nearest-neighbour enlargement, as in
 * ports to inference engines, which have no such operator.
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addUpsample } from './map-layers.ts';

const CLASSES = 20;
/** Deviation that a bottleneck adds to its shortcut. */
const BRANCH_GAIN = 0.8;

/** Middle convolution of a bottleneck: 3×3 with a dilation, or 5×1 and 1×5. */
type Middle = number | 'asymmetric';

/** Sections 2 and 3: eight bottlenecks each (table 1 of the paper). */
const SECTION: readonly Middle[] = [1, 2, 'asymmetric', 4, 1, 8, 'asymmetric', 16];

function addBottleneck(net: NetworkBuilder, x: Value, middle: Middle, name: string, activation: 'prelu' | 'relu' = 'prelu'): Value {
  const narrow = x.shape[0] / 4;
  let y = net.conv(x, narrow, { kernel: 1, activation, name: `${name}_reduce` });
  if (middle === 'asymmetric') {
    y = net.conv(y, narrow, { kernel: [5, 1], pad: [2, 0], activation: 'none', name: `${name}_column` });
    y = net.conv(y, narrow, { kernel: [1, 5], pad: [0, 2], activation, name: `${name}_row` });
  } else y = net.conv(y, narrow, { kernel: 3, pad: middle, dilation: middle, activation, name: `${name}_conv` });
  y = net.conv(y, x.shape[0], { kernel: 1, activation: 'none', gain: BRANCH_GAIN, name: `${name}_expand` });
  return net.add(y, x, activation, `${name}_add`);
}

/** Halves the size; the shortcut is a pool, with channels of zeros behind its own. */
function addReducing(net: NetworkBuilder, x: Value, channels: number, name: string): Value {
  const narrow = x.shape[0] / 4;
  let y = net.conv(x, narrow, { kernel: 2, stride: 2, activation: 'prelu', name: `${name}_reduce` });
  y = net.conv(y, narrow, { kernel: 3, pad: 1, activation: 'prelu', name: `${name}_conv` });
  y = net.conv(y, channels, { kernel: 1, activation: 'none', name: `${name}_expand` });
  const pool = net.maxPool(x, { kernel: 2, stride: 2, name: `${name}_pool` });
  const pads = net.addIntegers(`${name}_pads`, [0, 0, 0, 0, 0, channels - x.shape[0], 0, 0]);
  const share = x.shape[0] / channels;
  const made = { shape: y.shape, variance: pool.variance * share, square: pool.square * share };
  const shortcut = net.addNode('Pad', `${name}_widen`, [pool.name, pads], made, { mode: 'constant' });
  return net.add(y, shortcut, 'prelu', `${name}_add`);
}

/** Doubles the size. */
function addEnlarging(net: NetworkBuilder, x: Value, channels: number, name: string): Value {
  const narrow = x.shape[0] / 4;
  let y = net.conv(x, narrow, { kernel: 1, name: `${name}_reduce` });
  y = net.convTranspose(y, narrow, { kernel: 3, stride: 2, pad: 1, outputPad: 1, name: `${name}_up` });
  y = net.conv(y, channels, { kernel: 1, activation: 'none', name: `${name}_expand` });
  const main = net.conv(x, channels, { kernel: 1, activation: 'none', name: `${name}_main` });
  return net.add(y, addUpsample(net, main, 2, 'nearest'), 'relu', `${name}_add`);
}

/** Input 1×3×360×640, output 1×20×360×640. */
export function buildEnet(_scope: Scope): Graph {
  const net = new NetworkBuilder('enet', [3, 360, 640]);
  const stem = net.conv(net.input, 13, { kernel: 3, stride: 2, pad: 1, activation: 'none', name: 'initial' });
  let x = net.concat([stem, net.maxPool(net.input, { kernel: 2, stride: 2, name: 'initial_pool' })], 'initial_output');
  x = addReducing(net, net.activate(x, 'prelu'), 64, 'bottleneck1_0');
  for (let index = 1; index <= 4; index++) x = addBottleneck(net, x, 1, `bottleneck1_${index}`);
  x = addReducing(net, x, 128, 'bottleneck2_0');
  for (const section of [2, 3]) {
    for (const [index, middle] of SECTION.entries()) x = addBottleneck(net, x, middle, `bottleneck${section}_${index + 1}`);
  }
  x = addEnlarging(net, x, 64, 'bottleneck4_0');
  for (let index = 1; index <= 2; index++) x = addBottleneck(net, x, 1, `bottleneck4_${index}`, 'relu');
  x = addEnlarging(net, x, 16, 'bottleneck5_0');
  x = addBottleneck(net, x, 1, 'bottleneck5_1', 'relu');
  return net.build(net.convTranspose(x, CLASSES, { kernel: 2, stride: 2, activation: 'none', name: 'fullconv' }));
}
