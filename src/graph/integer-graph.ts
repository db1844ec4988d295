/**
 * The integer graph: fused layers on 16-bit fixed-point tensors, exact to the bit. It is what the quantizer makes, the
 * reference executes and the compiler's back end schedules. Specification: docs/numbers.md.
 *
 * Tensors are height × width × channels, channels last, one frame. Value of a word q: q · 2^-fraction.
 */

/** A 16-bit activation tensor. */
export interface IntegerTensor {
  readonly id: number;
  /** Name of the ONNX value it represents (unique in the graph). */
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Binary point: value = word · 2^-fraction (may be negative). */
  readonly fraction: number;
}

/** Sliding-window geometry. `pads` are top, left, bottom, right; padding taps are skipped, never multiplied. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
}

/** What every layer has, of integers or of floats (the compiler's layer graph). */
export interface LayerBase {
  /** Name of the ONNX node it came from (the main one when several were fused). */
  readonly name: string;
  /** All ONNX nodes that it covers. */
  readonly nodes: readonly string[];
  /** Tensor ids. */
  readonly inputs: readonly number[];
  readonly output: number;
  /** MACs as the network defines the layer, where a pass has reduced them (pool-before-pointwise): what the bound counts. */
  readonly definedMacs?: number;
}

/** Bounds applied to a result after saturation (Relu is [0, 32767]). */
export interface Clamp {
  readonly low: number;
  readonly high: number;
}

/**
 * out[y,x,o] = clamp(sat16((Σ in·weights + bias[o] + half(shift[o])) >> shift[o])), 48-bit sum, arithmetic shift, half(s) = s > 0 ? 2^(s-1) : 0.
 * Covers Conv, Gemm, MatMul by a constant, depthwise and grouped convolution. One input.
 */
export interface ConvLayer extends LayerBase {
  readonly kind: 'conv';
  readonly window: Window;
  readonly groups: number;
  /** Reads only channels [inputChannelOffset, inputChannelOffset + inputChannels) of its input (a split reduction); default all. groups is 1 then. */
  readonly inputChannelOffset?: number;
  readonly inputChannels?: number;
  /** [out channel][kernel row][kernel column][in channel of the group]. */
  readonly weights: Int16Array;
  /** Binary point per output channel. */
  readonly weightFractions: Int8Array;
  /** Bias per output channel at the accumulator's binary point (input fraction + weight fraction); exact integers below 2^46. */
  readonly bias: Float64Array;
  /** Right shift per output channel, 0 to 47: input fraction + weight fraction − output fraction. */
  readonly shift: Uint8Array;
  readonly clamp: Clamp;
}

/**
 * out[p, n] = clamp(sat16((Σ_k a[p, k] · b[n, k] + half(shift)) >> shift)): a product of two activations. a: pixels × K channels, b: N pixels × at least K
 * channels (those beyond are not read), out: the pixels of a × N channels. 48-bit sum.
 */
export interface MatMulLayer extends LayerBase {
  readonly kind: 'matmul';
  /** The result is the product times 2^scaleBits. */
  readonly scaleBits: number;
  /** Right shift: fraction of a + fraction of b − scaleBits − output fraction, 0 to 46. */
  readonly shift: number;
  readonly clamp: Clamp;
}

/** Maximum over the valid taps, then clamp. Input and output share the binary point. */
export interface MaxPoolLayer extends LayerBase {
  readonly kind: 'maxpool';
  readonly window: Window;
  readonly clamp: Clamp;
}

/**
 * out = clamp(sat16((Σ · multiplier(n) + half(shift)) >> shift)) over the valid taps, n the divisor of that pixel: valid taps, or all kernel taps
 * that lie inside the padded input when countIncludePad (ONNX rule; taps beyond the padded input in ceil mode never count).
 * multiplier(n) = round-half-up(2^shift / n), shift = 14 + floor(log2(smallest non-zero divisor of the layer's pixels)), so that
 * every multiplier fits int16 (docs/numbers.md section 4; arithmetic shared by everyone in average-pool.ts).
 */
export interface AveragePoolLayer extends LayerBase {
  readonly kind: 'averagepool';
  readonly window: Window;
  readonly countIncludePad: boolean;
  /** Right shift of the product; multipliers follow from it. */
  readonly shift: number;
  readonly clamp: Clamp;
}

/**
 * out = clamp(sat16(((a << shiftA) + (b << shiftB) + half(shiftOut)) >> shiftOut)). Two inputs of one shape, or b of one pixel: a value per channel
 * for all pixels of a.
 */
export interface AddLayer extends LayerBase {
  readonly kind: 'add';
  readonly shiftA: number;
  readonly shiftB: number;
  readonly shiftOut: number;
  readonly clamp: Clamp;
}

/** out = clamp(sat16((a · b + half(shiftOut)) >> shiftOut)). Two inputs; shapes as for add. */
export interface MulLayer extends LayerBase {
  readonly kind: 'mul';
  readonly shiftOut: number;
  readonly clamp: Clamp;
}

/** out = clamp(max(a, b)), word by word. Two inputs of one shape and one binary point, which the output shares. */
export interface MaximumLayer extends LayerBase {
  readonly kind: 'maximum';
  readonly clamp: Clamp;
}

/** Words of the network itself, the same for every frame: no input. */
export interface ConstantLayer extends LayerBase {
  readonly kind: 'constant';
  /** Height × width × channels, channels last. */
  readonly words: Int16Array;
}

/**
 * Piecewise-linear function of one word: idx = (x + 32768) >> 8, f = x & 255,
 * out = clamp(sat16((base[idx] + slope[idx]·f + half(shiftOut)) >> shiftOut)). LeakyRelu is exact in this form.
 */
export interface TableLayer extends LayerBase {
  readonly kind: 'table';
  /** For people: the function that the table holds, e.g. "LeakyRelu(0.1)". */
  readonly title: string;
  /** 256 entries. */
  readonly base: Int32Array;
  readonly slope: Int16Array;
  readonly shiftOut: number;
  readonly clamp: Clamp;
}

/** Channel concatenation of tensors with one binary point. */
export interface ConcatLayer extends LayerBase {
  readonly kind: 'concat';
}

/** Word (row, column, k) of a box: offset + row·rowStep + column·columnStep + k, counted in the tensor's own words (channels last, dense). */
export interface WordGrid {
  readonly offset: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** rows × columns runs of `words` words from one place of an input to one of the result. A step of 0 in `from` repeats a run. */
export interface RearrangePart {
  /** Index into the layer's inputs. */
  readonly input: number;
  readonly rows: number;
  readonly columns: number;
  readonly words: number;
  readonly from: WordGrid;
  readonly to: WordGrid;
}

/**
 * Moves words without changing them: slices, crops, pixels interleaved or repeated, channels dealt out. No two parts write the same word of the result;
 * words that no part writes hold `fill`. Inputs and output share the binary point. docs/numbers.md section 7.
 */
export interface RearrangeLayer extends LayerBase {
  readonly kind: 'rearrange';
  readonly parts: readonly RearrangePart[];
  readonly fill: number;
}

/** One layer of an integer graph. */
export type IntegerLayer =
  | ConvLayer
  | MaxPoolLayer
  | AveragePoolLayer
  | MatMulLayer
  | AddLayer
  | MulLayer
  | MaximumLayer
  | TableLayer
  | ConcatLayer
  | ConstantLayer
  | RearrangeLayer;

/**
 * How a tensor at the border of the accelerated graph looks to ONNX: dims (frame dimension 1 first) and the order of its elements.
 * 'nchw': dims [1, c, h, w] ↔ h×w×c. 'nc': dims [1, c] with h = w = 1. 'nwc': [1, w, c] with h = 1, or [1, h, w, c]: channels last, the order of
 * the words themselves. Rank-3 [1, c, w] is 'nchw' with h = 1. `dims` labels the elements: a flattened map is 'nchw' with dims [1, c·h·w].
 */
export interface BorderValue {
  readonly name: string;
  readonly tensor: number;
  readonly dims: readonly number[];
  readonly order: 'nchw' | 'nc' | 'nwc';
}

/** Layers in execution order; tensors indexed by id. */
export interface IntegerGraph {
  readonly name: string;
  readonly tensors: readonly IntegerTensor[];
  readonly layers: readonly IntegerLayer[];
  readonly inputs: readonly BorderValue[];
  readonly outputs: readonly BorderValue[];
}
