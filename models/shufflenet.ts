/** ShuffleNet v1 (arXiv 1707.01083, three groups) and v2 (arXiv 1807.11164), width 1, batch normalization folded. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addChannelShuffle, addDepthwise, addSplit } from './map-layers.ts';

const REPEATS = [4, 8, 4];
const GROUPS = 3;
const CHANNELS_V1 = [240, 480, 960];
const CHANNELS_V2 = [116, 232, 464];

function addStem(net: NetworkBuilder): Value {
  return net.maxPool(net.conv(net.input, 24, { kernel: 3, stride: 2, pad: 1, name: 'conv1' }), { kernel: 3, stride: 2, pad: 1 });
}

function finish(net: NetworkBuilder, x: Value, scope: Scope): Graph {
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.gemm(net.flatten(net.globalAveragePool(x)), 1000, 'none', 'fc'));
}

/** Grouped 1×1, shuffle, depthwise 3×3, grouped 1×1; added to the input, or beside it where the size halves. */
function addUnitV1(net: NetworkBuilder, x: Value, channels: number, first: boolean, name: string): Value {
  const narrow = channels / 4;
  // The very first has too few channels for groups.
  const groups = x.shape[0] < narrow ? 1 : GROUPS;
  let y = net.conv(x, narrow, { kernel: 1, groups, name: `${name}_reduce` });
  y = addChannelShuffle(net, y, GROUPS);
  y = addDepthwise(net, y, { kernel: 3, stride: first ? 2 : 1, activation: 'none', name: `${name}_depthwise` });
  const added = first ? channels - x.shape[0] : channels;
  y = net.conv(y, added, { kernel: 1, groups: GROUPS, activation: 'none', gain: first ? 1 : 0.5, name: `${name}_expand` });
  if (!first) return net.add(y, x, 'relu', `${name}_add`);
  const shortcut = net.averagePool(x, { kernel: 3, stride: 2, pad: 1, name: `${name}_average` });
  return net.activate(net.concat([shortcut, y], `${name}_output`), 'relu');
}

/** Input 1×3×224×224, output 1×1000. */
export function buildShufflenetV1(scope: Scope): Graph {
  const net = new NetworkBuilder('shufflenet-v1', [3, 224, 224]);
  let x = addStem(net);
  for (const [stage, channels] of CHANNELS_V1.entries()) {
    for (let unit = 0; unit < REPEATS[stage]; unit++) x = addUnitV1(net, x, channels, unit === 0, `stage${stage + 2}_${unit + 1}`);
  }
  return finish(net, x, scope);
}

/** Half of the channels passes by, half goes through 1×1, depthwise 3×3, 1×1; both are shuffled. Where the size halves, all go through both branches. */
export function addUnitV2(net: NetworkBuilder, x: Value, channels: number, first: boolean, name: string): Value {
  const half = channels / 2;
  const stride = first ? 2 : 1;
  const [passed, worked] = first ? [x, x] : addSplit(net, x, 2);
  let left = passed;
  if (first) {
    left = addDepthwise(net, left, { kernel: 3, stride, activation: 'none', name: `${name}_left_depthwise` });
    left = net.conv(left, half, { kernel: 1, name: `${name}_left_pointwise` });
  }
  let right = net.conv(worked, half, { kernel: 1, name: `${name}_pointwise1` });
  right = addDepthwise(net, right, { kernel: 3, stride, activation: 'none', name: `${name}_depthwise` });
  right = net.conv(right, half, { kernel: 1, name: `${name}_pointwise2` });
  return addChannelShuffle(net, net.concat([left, right], `${name}_output`), 2);
}

/** Input 1×3×224×224, output 1×1000. */
export function buildShufflenetV2(scope: Scope): Graph {
  const net = new NetworkBuilder('shufflenet-v2', [3, 224, 224]);
  let x = addStem(net);
  for (const [stage, channels] of CHANNELS_V2.entries()) {
    for (let unit = 0; unit < REPEATS[stage]; unit++) x = addUnitV2(net, x, channels, unit === 0, `stage${stage + 2}_${unit + 1}`);
  }
  return finish(net, net.conv(x, 1024, { kernel: 1, name: 'conv5' }), scope);
}
