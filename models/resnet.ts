/**
 * ResNet v1 (arXiv 1512.03385) as exported for inference: batch normalization is folded into the convolutions, which have biases.
 * Basic blocks stride in their first 3×3; bottlenecks in their first 1×1 (v1) or, as torchvision and most others do, in their 3×3 (v1.5).
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';

const BLOCKS = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3] } as const;
const CHANNELS = [64, 128, 256, 512];
/** Deviation that a block adds to its shortcut: sums of many blocks stay near one. */
const BRANCH_GAIN = 0.5;

/** The convolutional part: results of the four stages, at 1/4, 1/8, 1/16 and 1/32 of the input's size. */
export function addResnetStages(net: NetworkBuilder, depth: keyof typeof BLOCKS, version: 'v1' | 'v1.5' = 'v1'): Value[] {
  const bottleneck = depth >= 50;
  let x: Value = net.maxPool(net.conv(net.input, 64, { kernel: 7, stride: 2, pad: 3, name: 'conv1' }), { kernel: 3, stride: 2, pad: 1 });
  const stages: Value[] = [];
  for (const [stage, count] of BLOCKS[depth].entries()) {
    const channels = CHANNELS[stage];
    const outChannels = bottleneck ? 4 * channels : channels;
    for (let block = 1; block <= count; block++) {
      const stride = stage > 0 && block === 1 ? 2 : 1;
      const name = (part: string): string => `layer${stage + 1}_${block}_${part}`;
      const projected = stride !== 1 || x.shape[0] !== outChannels;
      const shortcut = projected ? net.conv(x, outChannels, { kernel: 1, stride, activation: 'none', name: name('projection') }) : x;
      let branch: Value;
      if (bottleneck) {
        branch = net.conv(x, channels, { kernel: 1, stride: version === 'v1' ? stride : 1, name: name('conv1') });
        branch = net.conv(branch, channels, { kernel: 3, stride: version === 'v1' ? 1 : stride, pad: 1, name: name('conv2') });
        branch = net.conv(branch, outChannels, { kernel: 1, activation: 'none', gain: BRANCH_GAIN, name: name('conv3') });
      } else {
        branch = net.conv(x, channels, { kernel: 3, stride, pad: 1, name: name('conv1') });
        branch = net.conv(branch, channels, { kernel: 3, pad: 1, activation: 'none', gain: BRANCH_GAIN, name: name('conv2') });
      }
      x = net.add(branch, shortcut, 'relu', name('add'));
    }
    stages.push(x);
  }
  return stages;
}

/** Input 1×3×224×224, output 1×1000. */
export function buildResnet(depth: keyof typeof BLOCKS, scope: Scope, version: 'v1' | 'v1.5' = 'v1'): Graph {
  const net = new NetworkBuilder(version === 'v1' ? `resnet${depth}` : `resnet${depth}-${version}`, [3, 224, 224]);
  const x = addResnetStages(net, depth, version)[3];
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.gemm(net.flatten(net.globalAveragePool(x)), 1000, 'none', 'fc'));
}
