/**
 * FCN-8s (arXiv 1411.4038): VGG-16 with its classifier as convolutions, and two finer maps added on the way up. The classifier is padded by 3 instead
 * of the 100 pixels around the picture that the Caffe original needs.
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addVggStages } from './vgg.ts';

/** Pascal VOC with the background. */
const CLASSES = 21;

/** Input 1×3×224×224, output 1×21×224×224 scores. Both scopes are the same graph. */
export function buildFcn8s(_scope: Scope): Graph {
  const net = new NetworkBuilder('fcn8s', [3, 224, 224]);
  const stages = addVggStages(net, 16);
  const score = (x: Value, name: string): Value => net.conv(x, CLASSES, { kernel: 1, activation: 'none', name });
  const up = (x: Value, factor: number, name: string): Value =>
    net.convTranspose(x, CLASSES, { kernel: 2 * factor, stride: factor, pad: factor / 2, activation: 'none', name });
  let x = net.dropout(net.conv(stages[4], 4096, { kernel: 7, pad: 3, name: 'fc6' }));
  x = score(net.dropout(net.conv(x, 4096, { kernel: 1, name: 'fc7' })), 'score5');
  x = net.add(up(x, 2, 'up5'), score(stages[3], 'score4'), 'none', 'fuse4');
  x = net.add(up(x, 2, 'up4'), score(stages[2], 'score3'), 'none', 'fuse3');
  return net.build(up(x, 8, 'up3'));
}
