/**
 * A small fluent builder of NCHW networks with batch 1: every method adds a node and returns the value it makes, with its shape. Weights are seeded by
 * network and node name, and scaled so that results before activation keep a standard deviation near one (see `Value.variance`; the test holds this).
 */
import type { AttributeValue, Graph, GraphNode, Tensor, ValueInfo } from '../src/graph/graph.ts';
import { hashText, makeFilters } from './random-weights.ts';

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

type Estimate = Pick<Value, 'shape' | 'variance' | 'square'>;

export type Activation = 'none' | 'relu' | 'relu6' | { readonly leaky: number };

export interface ConvOptions {
  readonly kernel: number | readonly [number, number];
  readonly stride?: number;
  readonly pad?: number | readonly [number, number];
  readonly groups?: number;
  /** Default relu. */
  readonly activation?: Activation;
  /** Standard deviation of the result before activation; default 1. Residual branches take less, so that sums do not grow. */
  readonly gain?: number;
  readonly name?: string;
}

export interface PoolOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly pad?: number;
  /** Pads at the end only ("SAME_UPPER" with an odd total). */
  readonly padEnd?: number;
  readonly ceil?: boolean;
  readonly name?: string;
}

const OPSET = 13;
const IR_VERSION = 8;
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

function pair(value: number | readonly [number, number]): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value;
}

export class NetworkBuilder {
  readonly #name: string;
  readonly #nodes: GraphNode[] = [];
  readonly #initializers = new Map<string, Tensor>();
  readonly #values = new Map<string, ValueInfo>();
  readonly #input: Value;
  #layers = 0;

  /** @param shape Channels, height and width of the input, which is expected to be normalized to a deviation near one. */
  constructor(name: string, shape: readonly [number, number, number], inputName = 'input') {
    this.#name = name;
    this.#input = { name: inputName, shape, variance: 1, square: 1, layer: '' };
  }

  get input(): Value {
    return this.#input;
  }

  /** Adds a node with one output named like itself. */
  #node(op: string, name: string, inputs: readonly string[], made: Estimate, attributes: Record<string, AttributeValue> = {}): Value {
    const { shape, variance, square } = made;
    this.#nodes.push({ name, op, domain: '', inputs, outputs: [name], attributes });
    this.#values.set(name, { name, dtype: 'float32', dims: [1, ...shape] });
    return { name, layer: name, shape, variance, square };
  }

  #behind(value: Value, what: string): string {
    const base = value.layer === '' ? what : `${value.layer}_${what}`;
    let name = base;
    for (let n = 2; this.#values.has(name); n++) name = `${base}${n}`;
    return name;
  }

  #constant(name: string, dims: readonly number[], data: Float32Array): string {
    this.#initializers.set(name, { dtype: 'float32', dims, data });
    return name;
  }

  #bias(name: string, channels: number): string {
    return this.#constant(
      name,
      [channels],
      makeFilters(hashText(`${this.#name}/${name}`), { outChannels: channels, fanIn: 1, deviation: BIAS_DEVIATION }),
    );
  }

  /** Convolution with bias, and its activation. */
  conv(x: Value, outChannels: number, options: ConvOptions): Value {
    const [channels, height, width] = x.shape;
    const { stride = 1, pad = 0, groups = 1, activation = 'relu', gain = 1 } = options;
    const name = options.name ?? `conv${++this.#layers}`;
    const [kh, kw] = pair(options.kernel);
    const [padY, padX] = pair(pad);
    const fanIn = (channels / groups) * kh * kw;
    // A single-channel filter of a depthwise layer must keep its mean, or it only sees edges.
    const centred = fanIn > 32;
    const weights = makeFilters(hashText(`${this.#name}/${name}.weight`), {
      outChannels,
      fanIn,
      deviation: gain / Math.sqrt(fanIn * (centred ? x.variance : x.square)),
      channelSpread: CHANNEL_SPREAD,
      centred,
    });
    const inputs = [
      x.name,
      this.#constant(`${name}.weight`, [outChannels, channels / groups, kh, kw], weights),
      this.#bias(`${name}.bias`, outChannels),
    ];
    const shape = [outChannels, Math.floor((height + 2 * padY - kh) / stride) + 1, Math.floor((width + 2 * padX - kw) / stride) + 1];
    const made = { shape, variance: gain * gain, square: gain * gain };
    const y = this.#node('Conv', name, inputs, made, {
      dilations: [1, 1],
      group: groups,
      kernel_shape: [kh, kw],
      pads: [padY, padX, padY, padX],
      strides: [stride, stride],
    });
    return this.activate(y, activation);
  }

  activate(x: Value, activation: Activation): Value {
    if (activation === 'none') return x;
    // A sum with a rectified shortcut is mostly positive: little is cut off.
    const positive = x.square > 1.2 * x.variance;
    const kept = positive ? [0.85, 0.95] : [RELU_VARIANCE, RELU_SQUARE];
    const leak = typeof activation === 'object' ? activation.leaky : 0;
    const made = { shape: x.shape, variance: x.variance * (kept[0] + 0.4 * leak), square: x.square * (kept[1] + 0.5 * leak * leak) };
    let y: Value;
    if (activation === 'relu') y = this.#node('Relu', this.#behind(x, 'relu'), [x.name], made);
    else if (activation === 'relu6') {
      y = this.#node('Clip', this.#behind(x, 'relu6'), [x.name, this.#scalar('relu6.min', 0), this.#scalar('relu6.max', 6)], made);
    } else y = this.#node('LeakyRelu', this.#behind(x, 'leaky'), [x.name], made, { alpha: leak });
    return { ...y, layer: x.layer };
  }

  #scalar(name: string, value: number): string {
    return this.#constant(name, [], Float32Array.of(value));
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
    const name = options.name ?? this.#behind(x, op === 'MaxPool' ? 'pool' : 'average');
    const shape = [channels, size(height), size(width)];
    return this.#node(
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
    return this.#node('GlobalAveragePool', this.#behind(x, 'gap'), [x.name], made);
  }

  /** Element-wise sum, and its activation. */
  add(a: Value, b: Value, activation: Activation = 'relu', name = this.#behind(a, 'add')): Value {
    const made = { shape: a.shape, variance: a.variance + b.variance, square: a.square + b.square };
    return this.activate(this.#node('Add', name, [a.name, b.name], made), activation);
  }

  /** Concatenation along channels. */
  concat(parts: readonly Value[], name = `concat${++this.#layers}`): Value {
    const channels = parts.reduce((sum, part) => sum + part.shape[0], 0);
    const mean = (of: (part: Value) => number): number => parts.reduce((sum, part) => sum + of(part) * part.shape[0], 0) / channels;
    const made = {
      shape: [channels, parts[0].shape[1], parts[0].shape[2]],
      variance: mean((part) => part.variance),
      square: mean((part) => part.square),
    };
    const inputs = parts.map((part) => part.name);
    return this.#node('Concat', name, inputs, made, { axis: 1 });
  }

  /** Per-channel scale and shift with running statistics, as a network keeps it where no convolution stands before it. */
  batchNorm(x: Value, activation: Activation = 'relu'): Value {
    const channels = x.shape[0];
    const name = this.#behind(x, 'bn');
    const filters = (key: string, deviation: number): Float32Array =>
      makeFilters(hashText(`${this.#name}/${name}.${key}`), { outChannels: channels, fanIn: 1, deviation });
    const constants = {
      scale: filters('scale', CHANNEL_SPREAD).map((value) => 1 + value / 2),
      bias: filters('bias', BIAS_DEVIATION),
      mean: filters('mean', BIAS_DEVIATION * Math.sqrt(x.variance)).map((value) => value + Math.sqrt(Math.max(0, x.square - x.variance))),
      variance: filters('variance', CHANNEL_SPREAD).map((value) => x.variance * (1 + value / 2)),
    };
    const inputs = [x.name, ...Object.entries(constants).map(([key, data]) => this.#constant(`${name}.${key}`, [channels], data))];
    const y = this.#node('BatchNormalization', name, inputs, { shape: x.shape, variance: 1, square: 1 }, { epsilon: 1e-5 });
    return this.activate({ ...y, layer: x.layer }, activation);
  }

  /** [C, H, W] to [C·H·W] features. */
  flatten(x: Value): Value {
    const features = x.shape.reduce((product, size) => product * size, 1);
    return this.#node('Flatten', this.#behind(x, 'flatten'), [x.name], { ...x, shape: [features] }, { axis: 1 });
  }

  dropout(x: Value): Value {
    return { ...this.#node('Dropout', this.#behind(x, 'dropout'), [x.name], x), layer: x.layer };
  }

  /** Fully connected layer with bias, weights [out][in] as PyTorch exports them. */
  gemm(x: Value, outFeatures: number, activation: Activation, name: string): Value {
    const fanIn = x.shape[0];
    const weights = makeFilters(hashText(`${this.#name}/${name}.weight`), {
      outChannels: outFeatures,
      fanIn,
      deviation: 1 / Math.sqrt(fanIn * x.square),
    });
    const inputs = [x.name, this.#constant(`${name}.weight`, [outFeatures, fanIn], weights), this.#bias(`${name}.bias`, outFeatures)];
    return this.activate(
      this.#node('Gemm', name, inputs, { shape: [outFeatures], variance: 1, square: 1 }, { alpha: 1, beta: 1, transB: 1 }),
      activation,
    );
  }

  softmax(x: Value): Value {
    return this.#node('Softmax', this.#behind(x, 'softmax'), [x.name], x, { axis: 1 });
  }

  /** The graph that ends in these values. */
  build(...outputs: readonly Value[]): Graph {
    const border = (value: Value): ValueInfo => ({ name: value.name, dtype: 'float32', dims: [1, ...value.shape] });
    return {
      name: this.#name,
      opset: OPSET,
      irVersion: IR_VERSION,
      inputs: [border(this.#input)],
      outputs: outputs.map(border),
      nodes: this.#nodes,
      initializers: this.#initializers,
      values: this.#values,
    };
  }
}
