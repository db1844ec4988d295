/**
 * A small fluent builder of NCHW networks with batch 1: every method adds a node and returns the value it makes, with its shape. Weights are seeded by
 * network and node name, and scaled so that results before activation keep a standard deviation near one (see `Value.variance`; the test holds this).
 */
import type { Graph, GraphNode, Tensor, ValueInfo } from '../src/graph/graph.ts';
import { type Activation, type ConvOptions, type ConvTransposeOptions, type PoolOptions, pair, resolvePads } from './layer-options.ts';
import { type FilterOptions, hashText, makeFilters } from './random-weights.ts';

/** What `build` makes: everything, or the graph up to its last convolution and the activation, residual add and pool fused behind it. */
export type Scope = 'convolutions' | 'network';

export interface Value {
  readonly name: string;
  /** Channels, height, width; or the features alone behind Flatten. */
  readonly shape: readonly number[];
  /** Estimates by which the next layer's weights are scaled: variance within a channel, and mean square. */
  readonly variance: number;
  readonly square: number;
  /** Name of the layer that made it, for the names of the nodes behind. */
  readonly layer: string;
}

/** What a node makes. `dims` where the first dimension is not the batch of one. */
export type Made = Pick<Value, 'shape' | 'variance' | 'square'> & { readonly dims?: readonly number[] };

/** What the older networks need; the constructor takes a later one. */
const OPSET = 13;
const IR_VERSION = 8;
/** Slope of PRelu below zero: where training starts. */
const PRELU_SLOPE = 0.25;
/** Variance and mean square of max(0, x) for a standard normal x. */
const RELU_VARIANCE = 0.5 - 1 / (2 * Math.PI);
const RELU_SQUARE = 0.5;
/** What a maximum over a rectified map does to them: measured on the built networks with noise as input. */
const MAX_POOL_VARIANCE = 1.7;
const MAX_POOL_SQUARE = 3.5;
/** Neighbours are far from independent behind a few layers: an average keeps most of the variance. */
const AVERAGE_POOL_KEEPS = 0.7;
const CHANNEL_SPREAD = 0.25;
const BIAS_DEVIATION = 0.1;

/** Variance and mean square of an activation of a standard normal x. */
const ACTIVATED: Readonly<Record<'hardSwish' | 'hardSigmoid' | 'sigmoid' | 'tanh', readonly [number, number]>> = {
  hardSwish: [0.31, 0.33],
  hardSigmoid: [0.03, 0.28],
  sigmoid: [0.04, 0.29],
  tanh: [0.39, 0.39],
};
const ACTIVATION_OP = { relu: 'Relu', hardSwish: 'HardSwish', hardSigmoid: 'HardSigmoid', sigmoid: 'Sigmoid', tanh: 'Tanh' } as const;

export class NetworkBuilder {
  readonly #name: string;
  readonly #nodes: GraphNode[] = [];
  readonly #initializers = new Map<string, Tensor>();
  readonly #values = new Map<string, ValueInfo>();
  readonly #inputs: Value[] = [];
  readonly #opset: number;
  #layers = 0;

  /** @param shape Shape of the first input without the batch: channels, height, width; or positions, features. */
  constructor(name: string, shape: readonly number[], { inputName = 'input', opset = OPSET } = {}) {
    this.#name = name;
    this.#opset = opset;
    this.addInput(inputName, shape);
  }

  /** The first input. */
  get input(): Value {
    return this.#inputs[0];
  }

  /** A further input, expected to be normalized to a deviation near one. */
  addInput(name: string, shape: readonly number[]): Value {
    const input = { name, shape, variance: 1, square: 1, layer: '' };
    this.#inputs.push(input);
    return input;
  }

  /** Adds a node; returns its outputs. The first has the node's name, the others a number behind it. */
  addNodes(op: string, name: string, inputs: readonly string[], made: readonly Made[], attributes: GraphNode['attributes'] = {}): Value[] {
    const outputs = made.map((_, index) => (index === 0 ? name : `${name}_${index}`));
    this.#nodes.push({ name, op, domain: '', inputs, outputs, attributes });
    return made.map(({ shape, variance, square, dims = [1, ...shape] }, index) => {
      this.#values.set(outputs[index], { name: outputs[index], dtype: 'float32', dims });
      return { name: outputs[index], layer: name, shape, variance, square };
    });
  }

  /** Adds a node with one output named like itself. */
  addNode(op: string, name: string, inputs: readonly string[], made: Made, attributes: GraphNode['attributes'] = {}): Value {
    return this.addNodes(op, name, inputs, [made], attributes)[0];
  }

  /** A new name: of the layer that made the value, and `what` is done to it. */
  nameBehind(value: Value, what: string): string {
    const base = value.layer === '' ? what : `${value.layer}_${what}`;
    let name = base;
    for (let n = 2; this.#values.has(name); n++) name = `${base}${n}`;
    return name;
  }

  /** A constant; returns its name. */
  addConstant(name: string, dims: readonly number[], data: Float32Array): string {
    this.#initializers.set(name, { dtype: 'float32', dims, data });
    return name;
  }

  /** Integers, as shapes and axes are given; returns its name. */
  addIntegers(name: string, values: readonly number[]): string {
    this.#initializers.set(name, { dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  }

  /** A constant of seeded random numbers, in rows of `fanIn`; returns its name. */
  addWeights(name: string, dims: readonly number[], options: FilterOptions): string {
    return this.addConstant(name, dims, makeFilters(hashText(`${this.#name}/${name}`), options));
  }

  addBias(name: string, channels: number): string {
    return this.addWeights(name, [channels], { outChannels: channels, fanIn: 1, deviation: BIAS_DEVIATION });
  }

  /** Convolution with bias, and its activation. */
  conv(x: Value, outChannels: number, options: ConvOptions): Value {
    const [channels, ...sizes] = x.shape;
    const { pad = 0, dilation = 1, groups = 1, activation = 'relu', gain = 1 } = options;
    const name = options.name ?? `conv${++this.#layers}`;
    const kernel = pair(options.kernel);
    const strides = pair(options.stride ?? 1);
    const spans = kernel.map((size) => (size - 1) * dilation + 1);
    const pads = resolvePads(pad, sizes, spans, strides);
    const fanIn = (channels / groups) * kernel[0] * kernel[1];
    // A single-channel filter of a depthwise layer must keep its mean, or it only sees edges; and behind a global pool there is little but means.
    const centred = fanIn > 32 && sizes.some((size) => size > 1);
    const weights = this.addWeights(`${name}.weight`, [outChannels, channels / groups, ...kernel], {
      outChannels,
      fanIn,
      deviation: gain / Math.sqrt(fanIn * (centred ? x.variance : x.square)),
      channelSpread: CHANNEL_SPREAD,
      centred,
    });
    const inputs = [x.name, weights, this.addBias(`${name}.bias`, outChannels)];
    const out = sizes.map((size, axis) => Math.floor((size + pads[axis] + pads[axis + 2] - spans[axis]) / strides[axis]) + 1);
    const made = { shape: [outChannels, ...out], variance: gain * gain, square: gain * gain };
    const y = this.addNode('Conv', name, inputs, made, {
      dilations: [dilation, dilation],
      group: groups,
      kernel_shape: [...kernel],
      pads: [...pads],
      strides: [...strides],
    });
    return this.activate(y, activation);
  }

  /** Transposed convolution with bias, and its activation. */
  convTranspose(x: Value, outChannels: number, options: ConvTransposeOptions): Value {
    const [channels, ...sizes] = x.shape;
    const { kernel, stride, pad = 0, outputPad = 0, activation = 'relu' } = options;
    const name = options.name ?? `deconv${++this.#layers}`;
    // Inputs that meet in one output.
    const fanIn = channels * Math.max(1, kernel / stride) ** 2;
    const weights = this.addWeights(`${name}.weight`, [channels, outChannels, kernel, kernel], {
      outChannels: channels,
      fanIn: outChannels * kernel * kernel,
      deviation: 1 / Math.sqrt(fanIn * x.square),
    });
    const inputs = [x.name, weights, this.addBias(`${name}.bias`, outChannels)];
    const shape = [outChannels, ...sizes.map((size) => (size - 1) * stride + kernel - 2 * pad + outputPad)];
    const y = this.addNode(
      'ConvTranspose',
      name,
      inputs,
      { shape, variance: 1, square: 1 },
      {
        dilations: [1, 1],
        group: 1,
        kernel_shape: [kernel, kernel],
        output_padding: [outputPad, outputPad],
        pads: [pad, pad, pad, pad],
        strides: [stride, stride],
      },
    );
    return this.activate(y, activation);
  }

  activate(x: Value, activation: Activation): Value {
    if (activation === 'none') return x;
    // A sum with a rectified shortcut is mostly positive: little is cut off.
    const positive = x.square > 1.2 * x.variance;
    const kept = positive ? [0.85, 0.95] : [RELU_VARIANCE, RELU_SQUARE];
    const leak = typeof activation === 'object' ? activation.leaky : activation === 'prelu' ? PRELU_SLOPE : 0;
    const made = { shape: x.shape, variance: x.variance * (kept[0] + 0.4 * leak), square: x.square * (kept[1] + 0.5 * leak * leak) };
    return { ...this.#activation(x, activation, made), layer: x.layer };
  }

  #activation(x: Value, activation: Exclude<Activation, 'none'>, made: Made): Value {
    if (typeof activation === 'object')
      return this.addNode('LeakyRelu', this.nameBehind(x, 'leaky'), [x.name], made, { alpha: activation.leaky });
    const name = this.nameBehind(x, activation.toLowerCase());
    if (activation === 'relu6')
      return this.addNode('Clip', name, [x.name, this.#scalar('relu6.min', 0), this.#scalar('relu6.max', 6)], made);
    if (activation === 'prelu') {
      const [channels, ...sizes] = x.shape;
      const slopes = this.addConstant(`${name}.slope`, [channels, ...sizes.map(() => 1)], new Float32Array(channels).fill(PRELU_SLOPE));
      return this.addNode('PRelu', name, [x.name, slopes], made);
    }
    const attributes: GraphNode['attributes'] = activation === 'hardSigmoid' ? { alpha: 1 / 6, beta: 0.5 } : {};
    if (activation === 'relu') return this.addNode('Relu', name, [x.name], made, attributes);
    const [variance, square] = ACTIVATED[activation];
    return this.addNode(ACTIVATION_OP[activation], name, [x.name], { shape: x.shape, variance, square }, attributes);
  }

  #scalar(name: string, value: number): string {
    return this.addConstant(name, [], Float32Array.of(value));
  }

  #pool(op: 'MaxPool' | 'AveragePool', x: Value, options: PoolOptions, variance: number, square: number): Value {
    const { kernel, stride, pad = 0, padEnd = pad, ceil = false } = options;
    const size = (n: number): number => {
      const span = (n + pad + padEnd - kernel) / stride;
      let out = (ceil ? Math.ceil(span) : Math.floor(span)) + 1;
      // ONNX and PyTorch: a last window that would start in the padding at the end is dropped.
      if (ceil && (out - 1) * stride >= n + pad) out--;
      return out;
    };
    const [channels, height, width] = x.shape;
    const name = options.name ?? this.nameBehind(x, op === 'MaxPool' ? 'pool' : 'average');
    const shape = [channels, size(height), size(width)];
    return this.addNode(
      op,
      name,
      [x.name],
      { shape, variance, square },
      {
        ceil_mode: ceil ? 1 : 0,
        kernel_shape: [kernel, kernel],
        pads: [pad, pad, padEnd, padEnd],
        strides: [stride, stride],
        ...(op === 'AveragePool' ? { count_include_pad: 1 } : {}),
      },
    );
  }

  maxPool(x: Value, options: PoolOptions): Value {
    return this.#pool('MaxPool', x, options, x.variance * MAX_POOL_VARIANCE, x.square * MAX_POOL_SQUARE);
  }

  averagePool(x: Value, options: PoolOptions): Value {
    return this.#pool('AveragePool', x, options, x.variance * AVERAGE_POOL_KEEPS, x.square - x.variance * (1 - AVERAGE_POOL_KEEPS));
  }

  globalAveragePool(x: Value): Value {
    const [channels, height, width] = x.shape;
    const variance = x.variance / (height * width);
    const made = { shape: [channels, 1, 1], variance, square: x.square - x.variance + variance };
    return this.addNode('GlobalAveragePool', this.nameBehind(x, 'gap'), [x.name], made);
  }

  /** Element-wise sum, and its activation. */
  add(a: Value, b: Value, activation: Activation = 'relu', name = this.nameBehind(a, 'add')): Value {
    const made = { shape: a.shape, variance: a.variance + b.variance, square: a.square + b.square };
    return this.activate(this.addNode('Add', name, [a.name, b.name], made), activation);
  }

  /** Concatenation along channels (the first dimension behind the batch). */
  concat(parts: readonly Value[], name = `concat${++this.#layers}`): Value {
    const channels = parts.reduce((sum, part) => sum + part.shape[0], 0);
    const mean = (of: (part: Value) => number): number => parts.reduce((sum, part) => sum + of(part) * part.shape[0], 0) / channels;
    const made = {
      shape: [channels, ...parts[0].shape.slice(1)],
      variance: mean((part) => part.variance),
      square: mean((part) => part.square),
    };
    const inputs = parts.map((part) => part.name);
    return this.addNode('Concat', name, inputs, made, { axis: 1 });
  }

  /** Per-channel scale and shift with running statistics, as a network keeps it where no convolution stands before it. */
  batchNorm(x: Value, activation: Activation = 'relu'): Value {
    const channels = x.shape[0];
    const name = this.nameBehind(x, 'bn');
    const filters = (key: string, deviation: number): Float32Array =>
      makeFilters(hashText(`${this.#name}/${name}.${key}`), { outChannels: channels, fanIn: 1, deviation });
    const constants = {
      scale: filters('scale', CHANNEL_SPREAD).map((value) => 1 + value / 2),
      bias: filters('bias', BIAS_DEVIATION),
      mean: filters('mean', BIAS_DEVIATION * Math.sqrt(x.variance)).map((value) => value + Math.sqrt(Math.max(0, x.square - x.variance))),
      variance: filters('variance', CHANNEL_SPREAD).map((value) => x.variance * (1 + value / 2)),
    };
    const inputs = [x.name, ...Object.entries(constants).map(([key, data]) => this.addConstant(`${name}.${key}`, [channels], data))];
    const y = this.addNode('BatchNormalization', name, inputs, { shape: x.shape, variance: 1, square: 1 }, { epsilon: 1e-5 });
    return this.activate({ ...y, layer: x.layer }, activation);
  }

  /** [C, H, W] to [C·H·W] features. */
  flatten(x: Value): Value {
    const features = x.shape.reduce((product, size) => product * size, 1);
    return this.addNode('Flatten', this.nameBehind(x, 'flatten'), [x.name], { ...x, shape: [features] }, { axis: 1 });
  }

  dropout(x: Value): Value {
    return { ...this.addNode('Dropout', this.nameBehind(x, 'dropout'), [x.name], x), layer: x.layer };
  }

  /** Fully connected layer with bias, weights [out][in] as PyTorch exports them. */
  gemm(x: Value, outFeatures: number, activation: Activation, name: string): Value {
    const fanIn = x.shape[0];
    const deviation = 1 / Math.sqrt(fanIn * x.square);
    const weights = this.addWeights(`${name}.weight`, [outFeatures, fanIn], { outChannels: outFeatures, fanIn, deviation });
    const inputs = [x.name, weights, this.addBias(`${name}.bias`, outFeatures)];
    return this.activate(
      this.addNode('Gemm', name, inputs, { shape: [outFeatures], variance: 1, square: 1 }, { alpha: 1, beta: 1, transB: 1 }),
      activation,
    );
  }

  softmax(x: Value): Value {
    return this.addNode('Softmax', this.nameBehind(x, 'softmax'), [x.name], x, { axis: 1 });
  }

  /** The graph that ends in these values. */
  build(...outputs: readonly Value[]): Graph {
    return {
      name: this.#name,
      opset: this.#opset,
      irVersion: IR_VERSION,
      inputs: this.#inputs.map(({ name, shape }): ValueInfo => ({ name, dtype: 'float32', dims: [1, ...shape] })),
      outputs: outputs.map(({ name }) => this.#values.get(name)!),
      nodes: this.#nodes,
      initializers: this.#initializers,
      values: this.#values,
    };
  }
}
