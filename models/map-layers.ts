/** Layers on maps that only some networks have: normalization over channels, gates, shuffles, resizing. Each adds nodes to a NetworkBuilder. */
import type { GraphNode } from '../src/graph/graph.ts';
import type { NetworkBuilder, Value } from './builder.ts';
import type { Activation } from './layer-options.ts';

export interface LrnOptions {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

/** Local response normalization over channels. */
export function addLrn(net: NetworkBuilder, x: Value, { size, alpha, beta, bias }: LrnOptions): Value {
  const scale = (bias + alpha * x.square) ** -beta;
  const made = { shape: x.shape, variance: x.variance * scale * scale, square: x.square * scale * scale };
  return net.addNode('LRN', net.nameBehind(x, 'lrn'), [x.name], made, { size, alpha, beta, bias });
}

/** Share of a map's mean square that lies in the differences between its channels, measured behind depthwise layers and linear bottlenecks. */
const CHANNEL_MEANS = 0.5;

/** Global average pool for a convolution behind it, which works on the channels' means. */
export function addChannelMeans(net: NetworkBuilder, x: Value): Value {
  return { ...net.globalAveragePool(x), square: CHANNEL_MEANS * x.square };
}

/** Squeeze and excitation: channels scaled by a gate of their own means, through `squeezed` channels. */
export function addSqueezeExcite(net: NetworkBuilder, x: Value, squeezed: number, name: string): Value {
  const gate = net.conv(net.conv(addChannelMeans(net, x), squeezed, { kernel: 1, name: `${name}_squeeze` }), x.shape[0], {
    kernel: 1,
    activation: 'hardSigmoid',
    name: `${name}_excite`,
  });
  const made = { shape: x.shape, variance: x.variance * gate.square, square: x.square * gate.square };
  return net.addNode('Mul', `${name}_scale`, [x.name, gate.name], made);
}

/** Channels of each group dealt out in turn: [g, c/g] becomes [c/g, g], written as exporters do. */
export function addChannelShuffle(net: NetworkBuilder, x: Value, groups: number): Value {
  const [channels, height, width] = x.shape;
  const reshape = (from: Value, what: string, shape: readonly number[]): Value => {
    const name = net.nameBehind(x, what);
    return net.addNode('Reshape', name, [from.name, net.addIntegers(`${name}.shape`, [1, ...shape])], { ...x, shape });
  };
  const grouped = reshape(x, 'group', [groups, channels / groups, height, width]);
  const shape = [channels / groups, groups, height, width];
  const dealt = net.addNode('Transpose', net.nameBehind(x, 'deal'), [grouped.name], { ...x, shape }, { perm: [0, 2, 1, 3, 4] });
  return { ...reshape(dealt, 'shuffle', x.shape), layer: x.layer };
}

/** The channels in parts of equal size. */
export function addSplit(net: NetworkBuilder, x: Value, parts: number): Value[] {
  const [channels, ...sizes] = x.shape;
  const name = net.nameBehind(x, 'split');
  const made = new Array(parts).fill({ ...x, shape: [channels / parts, ...sizes] });
  return net.addNodes('Split', name, [x.name, net.addIntegers(`${name}.sizes`, new Array(parts).fill(channels / parts))], made, {
    axis: 1,
  });
}

/** Enlarges height and width: 'nearest' as PyTorch does, 'linear' with pixel centres kept. */
export function addUpsample(net: NetworkBuilder, x: Value, factor: number, mode: 'nearest' | 'linear'): Value {
  const [channels, height, width] = x.shape;
  const name = net.nameBehind(x, 'upsample');
  const scales = net.addConstant(`${name}.scales`, [4], Float32Array.of(1, 1, factor, factor));
  const attributes: GraphNode['attributes'] =
    mode === 'nearest'
      ? { mode, coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
      : { mode, coordinate_transformation_mode: 'half_pixel' };
  const made = { ...x, shape: [channels, height * factor, width * factor] };
  return { ...net.addNode('Resize', name, [x.name, '', scales], made, attributes), layer: x.layer };
}

/** Channels become blocks of pixels, as sub-pixel convolutions end ("CRD": PyTorch's pixel shuffle). */
export function addDepthToSpace(net: NetworkBuilder, x: Value, block: number): Value {
  const [channels, height, width] = x.shape;
  const made = { ...x, shape: [channels / (block * block), height * block, width * block] };
  return net.addNode('DepthToSpace', net.nameBehind(x, 'pixels'), [x.name], made, { blocksize: block, mode: 'CRD' });
}

/** Depthwise convolution that keeps or halves the size. */
export function addDepthwise(
  net: NetworkBuilder,
  x: Value,
  options: { kernel: number; stride?: number; activation?: Activation; name: string; pad?: 'same' },
): Value {
  return net.conv(x, x.shape[0], { pad: (options.kernel - 1) / 2, ...options, groups: x.shape[0] });
}
