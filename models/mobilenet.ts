/** MobileNet v1 (arXiv 1704.04861), v2 (arXiv 1801.04381) and v3-small (arXiv 1905.02244), width 1, batch normalization folded. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addDepthwise, addSqueezeExcite } from './map-layers.ts';

/** Output channels and stride of each depthwise separable layer of v1. */
export const LAYERS_V1 = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const;

/** Expansion, output channels, repeats, stride of the first: table 2 of v2. */
const BLOCKS_V2 = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

function classify(net: NetworkBuilder, x: Value, scope: Scope): Graph {
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.gemm(net.dropout(net.flatten(net.globalAveragePool(x))), 1000, 'none', 'fc'));
}

/** Input 1×3×size×size, output 1×1000. */
export function buildMobilenetV1(scope: Scope, size = 224): Graph {
  const net = new NetworkBuilder('mobilenet-v1', [3, size, size]);
  let x = net.conv(net.input, 32, { kernel: 3, stride: 2, pad: 1, name: 'conv1' });
  for (const [index, [channels, stride]] of LAYERS_V1.entries()) {
    x = net.conv(x, x.shape[0], { kernel: 3, stride, pad: 1, groups: x.shape[0], name: `conv${index + 2}_depthwise` });
    x = net.conv(x, channels, { kernel: 1, name: `conv${index + 2}_pointwise` });
  }
  return classify(net, x, scope);
}

/**
 * The blocks of v2. From the stage on that would go below 1 / `outputStride` of the input's size, strides become dilations, as networks for dense
 * prediction do.
 */
export function addMobilenetV2Blocks(net: NetworkBuilder, outputStride = 32): Value {
  let x = net.conv(net.input, 32, { kernel: 3, stride: 2, pad: 1, activation: 'relu6', name: 'conv1' });
  let index = 0;
  let reached = 2;
  let dilation = 1;
  for (const [expansion, channels, repeats, firstStride] of BLOCKS_V2) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const name = `block${++index}`;
      const shortcut = x;
      let stride: number = repeat === 0 ? firstStride : 1;
      const wide = x.shape[0] * expansion;
      if (expansion > 1) x = net.conv(x, wide, { kernel: 1, activation: 'relu6', name: `${name}_expand` });
      const before = dilation;
      if (reached * stride > outputStride) {
        dilation *= stride;
        stride = 1;
      } else reached *= stride;
      // The layer that gave up its stride still sees undilated neighbours.
      const spread = repeat === 0 ? before : dilation;
      const depthwise = { kernel: 3, stride, pad: spread, dilation: spread, groups: wide, activation: 'relu6' } as const;
      x = net.conv(x, wide, { ...depthwise, name: `${name}_depthwise` });
      // Linear bottleneck: no activation behind the projection, nor behind the sum.
      const residual = repeat > 0;
      x = net.conv(x, channels, { kernel: 1, activation: 'none', gain: residual ? 0.5 : 1, name: `${name}_project` });
      if (residual) x = net.add(x, shortcut, 'none', `${name}_add`);
    }
  }
  return x;
}

/** Input 1×3×size×size, output 1×1000. */
export function buildMobilenetV2(scope: Scope, size = 224): Graph {
  const net = new NetworkBuilder('mobilenet-v2', [3, size, size]);
  const x = addMobilenetV2Blocks(net);
  return classify(net, net.conv(x, 1280, { kernel: 1, activation: 'relu6', name: 'conv_last' }), scope);
}

/** Kernel, expanded channels, output channels, squeezed channels (0: no gate), activation, stride: table 2 of v3. */
const BLOCKS_V3 = [
  [3, 16, 16, 8, 'relu', 2],
  [3, 72, 24, 0, 'relu', 2],
  [3, 88, 24, 0, 'relu', 1],
  [5, 96, 40, 24, 'hardSwish', 2],
  [5, 240, 40, 64, 'hardSwish', 1],
  [5, 240, 40, 64, 'hardSwish', 1],
  [5, 120, 48, 32, 'hardSwish', 1],
  [5, 144, 48, 40, 'hardSwish', 1],
  [5, 288, 96, 72, 'hardSwish', 2],
  [5, 576, 96, 144, 'hardSwish', 1],
  [5, 576, 96, 144, 'hardSwish', 1],
] as const;

/** Opset that has HardSwish. */
const OPSET_V3 = 14;

/** Input 1×3×size×size, output 1×1000. As in torchvision: gates behind the activation, in multiples of 8 channels. */
export function buildMobilenetV3Small(scope: Scope, size = 224): Graph {
  const net = new NetworkBuilder('mobilenet-v3-small', [3, size, size], { opset: OPSET_V3 });
  let x = net.conv(net.input, 16, { kernel: 3, stride: 2, pad: 1, activation: 'hardSwish', name: 'conv1' });
  for (const [index, [kernel, wide, channels, squeezed, activation, stride]] of BLOCKS_V3.entries()) {
    const name = `block${index + 1}`;
    const shortcut = x;
    if (wide !== x.shape[0]) x = net.conv(x, wide, { kernel: 1, activation, name: `${name}_expand` });
    x = addDepthwise(net, x, { kernel, stride, activation, name: `${name}_depthwise` });
    if (squeezed > 0) x = addSqueezeExcite(net, x, squeezed, `${name}_gate`);
    const residual = stride === 1 && shortcut.shape[0] === channels;
    x = net.conv(x, channels, { kernel: 1, activation: 'none', gain: residual ? 0.5 : 1, name: `${name}_project` });
    if (residual) x = net.add(x, shortcut, 'none', `${name}_add`);
  }
  x = net.conv(x, 576, { kernel: 1, activation: 'hardSwish', name: 'conv_last' });
  if (scope === 'convolutions') return net.build(x);
  x = net.gemm(net.flatten(net.globalAveragePool(x)), 1024, 'hardSwish', 'fc1');
  return net.build(net.gemm(net.dropout(x), 1000, 'none', 'fc2'));
}
