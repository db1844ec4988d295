/** DeepLab v3 (arXiv 1706.05587) on MobileNet v2: strides become dilations from 1/16 on, then pyramid pooling by dilated convolutions. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope } from './builder.ts';
import { addChannelMeans, addUpsample } from './map-layers.ts';
import { addMobilenetV2Blocks } from './mobilenet.ts';

const OUTPUT_STRIDE = 16;
const DILATIONS = [6, 12, 18];
const CHANNELS = 256;
/** Pascal VOC with the background. */
const CLASSES = 21;

/** Input 1×3×512×512, output 1×21×512×512 scores. */
export function buildDeeplab(scope: Scope): Graph {
  const net = new NetworkBuilder('deeplabv3-mobilenet-v2', [3, 512, 512]);
  const x = addMobilenetV2Blocks(net, OUTPUT_STRIDE);
  const branches = [
    net.conv(x, CHANNELS, { kernel: 1, name: 'aspp0' }),
    ...DILATIONS.map((dilation, index) => net.conv(x, CHANNELS, { kernel: 3, pad: dilation, dilation, name: `aspp${index + 1}` })),
  ];
  const whole = net.conv(addChannelMeans(net, x), CHANNELS, { kernel: 1, name: 'aspp_image' });
  const spread = addUpsample(net, whole, x.shape[1], 'nearest');
  const joined = net.conv(net.concat([...branches, spread], 'aspp_output'), CHANNELS, { kernel: 1, name: 'aspp_project' });
  const scores = net.conv(joined, CLASSES, { kernel: 1, activation: 'none', name: 'classifier' });
  return net.build(scope === 'convolutions' ? scores : addUpsample(net, scores, OUTPUT_STRIDE, 'linear'));
}
