/** Small integer graphs for tests of the back end, written down layer by layer. */
import { averageShift } from '../../../graph/average-pool.ts';
import type { BorderValue, Clamp, IntegerGraph, IntegerLayer, IntegerTensor, RearrangePart, Window } from '../../../graph/integer-graph.ts';
import { createRandom } from '../../../util/random.ts';

const RELU: Clamp = { low: 0, high: 32767 };
const WORD: Clamp = { low: -32768, high: 32767 };

export interface WindowOptions {
  /** Kernel, stride and dilation of both axes; pads on all sides. */
  readonly kernel?: number | readonly [number, number];
  readonly stride?: number;
  readonly dilation?: number;
  readonly pad?: number;
}

export interface ConvOptions extends WindowOptions {
  readonly groups?: number;
  readonly inputChannelOffset?: number;
  readonly inputChannels?: number;
}

/** Adds tensors and layers; every method returns the id of the tensor it makes. */
export class GraphBuilder {
  readonly tensors: IntegerTensor[] = [];
  readonly layers: IntegerLayer[] = [];
  private readonly inputs: number[] = [];
  private readonly random = createRandom(20);

  input(height: number, width: number, channels: number): number {
    const id = this.tensor(height, width, channels);
    this.inputs.push(id);
    return id;
  }

  conv(input: number, channels: number, options: ConvOptions = {}): number {
    const window = windowOf(options);
    const { height, width } = this.sizeOf(input, window);
    const { groups = 1, inputChannelOffset, inputChannels } = options;
    const taps = (window.kernel[0] * window.kernel[1] * (inputChannels ?? this.tensors[input].channels)) / groups;
    const { random } = this;
    const shift = 8 + Math.round(Math.log2(taps) / 2);
    return this.add({
      kind: 'conv',
      inputs: [input],
      output: this.tensor(height, width, channels),
      window,
      groups,
      ...(inputChannels === undefined ? {} : { inputChannelOffset, inputChannels }),
      weights: Int16Array.from({ length: channels * taps }, () => random.integer(-300, 300)),
      weightFractions: new Int8Array(channels).fill(shift),
      bias: Float64Array.from({ length: channels }, () => random.integer(-(2 ** 20), 2 ** 20)),
      shift: new Uint8Array(channels).fill(shift),
      clamp: RELU,
    });
  }

  maxPool(input: number, options: WindowOptions): number {
    const window = windowOf(options);
    const { height, width } = this.sizeOf(input, window);
    const output = this.tensor(height, width, this.tensors[input].channels);
    return this.add({ kind: 'maxpool', inputs: [input], output, window, clamp: RELU });
  }

  averagePool(input: number, options: WindowOptions, countIncludePad = false): number {
    const window = windowOf(options);
    const size = this.sizeOf(input, window);
    const shift = averageShift({ window, countIncludePad }, this.tensors[input], size);
    const output = this.tensor(size.height, size.width, this.tensors[input].channels);
    return this.add({ kind: 'averagepool', inputs: [input], output, window, countIncludePad, shift, clamp: RELU });
  }

  residual(a: number, b: number, clamp: Clamp = RELU): number {
    const { height, width, channels } = this.tensors[a];
    const output = this.tensor(height, width, channels);
    return this.add({ kind: 'add', inputs: [a, b], output, shiftA: 1, shiftB: 0, shiftOut: 1, clamp });
  }

  multiply(a: number, b: number): number {
    const { height, width, channels } = this.tensors[a];
    const output = this.tensor(height, width, channels);
    return this.add({ kind: 'mul', inputs: [a, b], output, shiftOut: 14, clamp: WORD });
  }

  /** whole − x, as a depthwise layer. */
  complement(input: number, whole: number): number {
    const output = this.conv(input, this.tensors[input].channels, { groups: this.tensors[input].channels });
    const layer = this.layers.at(-1)!;
    if (layer.kind !== 'conv') throw new Error('no layer');
    layer.weights.fill(-(2 ** 14));
    layer.shift.fill(14);
    layer.bias.fill(whole * 2 ** 14);
    this.layers[this.layers.length - 1] = { ...layer, clamp: WORD };
    return output;
  }

  /** x / 2, rounded: never falls. */
  table(input: number): number {
    const { height, width, channels } = this.tensors[input];
    const base = Int32Array.from({ length: 256 }, (_, i) => (i - 128) * 256);
    const output = this.tensor(height, width, channels);
    const clamp = { low: -32768, high: 32767 };
    return this.add({
      kind: 'table',
      title: 'half',
      inputs: [input],
      output,
      base,
      slope: new Int16Array(256).fill(1),
      shiftOut: 1,
      clamp,
    });
  }

  concat(...inputs: number[]): number {
    const { height, width } = this.tensors[inputs[0]];
    const channels = inputs.reduce((sum, id) => sum + this.tensors[id].channels, 0);
    return this.add({ kind: 'concat', inputs, output: this.tensor(height, width, channels) });
  }

  /** Words of one input moved into a map of these extents; what no part writes is 7. */
  rearrange(
    input: number | readonly number[],
    [height, width, channels]: readonly [number, number, number],
    parts: readonly RearrangePart[],
  ): number {
    return this.add({
      kind: 'rearrange',
      inputs: typeof input === 'number' ? [input] : input,
      output: this.tensor(height, width, channels),
      parts,
      fill: 7,
    });
  }

  /** Maps of one size one behind the other in a map of these extents. */
  stack(inputs: readonly number[], [height, width, channels]: readonly [number, number, number]): number {
    const { width: columns, channels: words } = this.tensors[inputs[0]];
    const grid = (offset: number) => ({ offset, rowStep: columns * words, columnStep: words });
    const parts = inputs.map((_, i) => ({ input: i, rows: 1, columns, words, from: grid(0), to: grid(i * columns * words) }));
    return this.add({ kind: 'rearrange', inputs: [...inputs], output: this.tensor(height, width, channels), parts, fill: 7 });
  }

  /** Every pixel of a with every pixel of b. */
  product(a: number, b: number): number {
    const { height, width } = this.tensors[a];
    const output = this.tensor(height, width, this.tensors[b].height * this.tensors[b].width);
    return this.add({ kind: 'matmul', inputs: [a, b], output, scaleBits: 0, shift: 12, clamp: { low: -32768, high: 32767 } });
  }

  build(...outputs: number[]): IntegerGraph {
    const border = (id: number): BorderValue => {
      const { name, height, width, channels } = this.tensors[id];
      return { name, tensor: id, dims: [1, channels, height, width], order: 'nchw' };
    };
    return { name: 'test', tensors: this.tensors, layers: this.layers, inputs: this.inputs.map(border), outputs: outputs.map(border) };
  }

  private tensor(height: number, width: number, channels: number): number {
    const id = this.tensors.length;
    this.tensors.push({ id, name: `t${id}`, height, width, channels, fraction: 8 });
    return id;
  }

  private add(layer: DistributiveOmit<IntegerLayer, 'name' | 'nodes'>): number {
    const name = `${layer.kind}${this.layers.length}`;
    this.layers.push({ ...layer, name, nodes: [name] });
    return layer.output;
  }

  private sizeOf(input: number, window: Window): { height: number; width: number } {
    const along = (axis: 0 | 1, size: number): number =>
      Math.floor(
        (size + window.pads[axis] + window.pads[axis + 2] - (window.kernel[axis] - 1) * window.dilation[axis] - 1) / window.stride[axis],
      ) + 1;
    const { height, width } = this.tensors[input];
    return { height: along(0, height), width: along(1, width) };
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function windowOf({ kernel = 1, stride = 1, dilation = 1, pad = 0 }: WindowOptions): Window {
  const [height, width] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
  return { kernel: [height, width], stride: [stride, stride], dilation: [dilation, dilation], pads: [pad, pad, pad, pad] };
}
