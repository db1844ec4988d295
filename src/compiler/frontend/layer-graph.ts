/**
 * The layer graph: fused layers as the accelerator executes them, still with float weights. It stands between the ONNX graph and the
 * integer graph (src/graph/integer-graph.ts), whose kinds and geometry it shares. Specification: docs/compiler.md, docs/numbers.md.
 *
 * Tensors are height × width × channels, one frame.
 */
import type { BorderValue, LayerBase, RearrangePart, Window } from '../../graph/integer-graph.ts';
import type { Expression } from './expression.ts';
import type { Probe } from './probe.ts';

export interface LayerTensor {
  readonly id: number;
  /** ONNX value it represents; unique in the graph. */
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** False for values that the ONNX model does not have (partial sums): their range is derived, not measured. */
  readonly measurable: boolean;
  /** A part of a split reduction: the ONNX value of the whole sum, whose range bounds it. */
  readonly partOf?: string;
  /** Holds some of the values of this ONNX value, which no tensor here is: its range is theirs. */
  readonly rangeOf?: string;
  /** Computes the tensor for the measurement of its range, which goes by its name then. */
  readonly probe?: Probe;
}

/** Float bounds of a result; ±Infinity: none. */
export interface FloatClamp {
  readonly low: number;
  readonly high: number;
}

export const NO_CLAMP: FloatClamp = { low: -Infinity, high: Infinity };

/**
 * Weights where they lie in the ONNX constant, whatever its order: the weight of (output channel o, kernel row ky, kernel column kx, input channel i
 * of the group) is data[offset + o·output + ky·row + kx·column + i·input]. No copy is made before quantization.
 */
export interface WeightView {
  readonly data: Float32Array;
  readonly offset: number;
  readonly strides: { readonly output: number; readonly row: number; readonly column: number; readonly input: number };
}

/** out[o] = clamp(outputScale[o] · Σ weights · inputScale[i] · in + bias[o]). Padding taps are skipped. */
export interface FloatConv extends LayerBase {
  readonly kind: 'conv';
  readonly window: Window;
  readonly groups: number;
  /** A part of a split reduction reads channels [offset, offset + inputChannels) of its input; groups is 1. */
  readonly inputChannelOffset?: number;
  readonly inputChannels?: number;
  readonly weights: WeightView;
  /** Factor per output channel (a folded normalisation, Gemm's alpha); absent: 1. */
  readonly outputScale?: Float64Array;
  /** Factor per channel of the input that the layer reads; absent: 1. */
  readonly inputScale?: Float64Array;
  readonly bias: Float64Array;
  readonly clamp: FloatClamp;
  /** ONNX value of the sum before the fused activation, if the model has one. */
  readonly sumName?: string;
}

/** out[p, n] = clamp(2^scaleBits · Σ_k a[p, k] · b[n, k]): a product of two activations; b may have more channels than a, which are not read. */
export interface FloatMatMul extends LayerBase {
  readonly kind: 'matmul';
  /** A power of two that was folded in: it moves the binary point. */
  readonly scaleBits: number;
  readonly clamp: FloatClamp;
}

export interface FloatMaxPool extends LayerBase {
  readonly kind: 'maxpool';
  readonly window: Window;
  readonly clamp: FloatClamp;
}

export interface FloatAveragePool extends LayerBase {
  readonly kind: 'averagepool';
  readonly window: Window;
  readonly countIncludePad: boolean;
  readonly clamp: FloatClamp;
}

export interface FloatAdd extends LayerBase {
  readonly kind: 'add';
  readonly clamp: FloatClamp;
}

/** Product of two maps; the second may be one pixel, a factor per channel for all pixels (for `add` likewise). */
export interface FloatMul extends LayerBase {
  readonly kind: 'mul';
  readonly clamp: FloatClamp;
}

/** The greater of two maps of one shape. */
export interface FloatMaximum extends LayerBase {
  readonly kind: 'maximum';
  readonly clamp: FloatClamp;
}

/** Values of the network itself; no inputs. Height × width × channels, channels last. */
export interface FloatConstant extends LayerBase {
  readonly kind: 'constant';
  readonly values: Float32Array;
}

export interface FloatTable extends LayerBase {
  readonly kind: 'table';
  readonly function: Expression;
  readonly clamp: FloatClamp;
}

export interface FloatConcat extends LayerBase {
  readonly kind: 'concat';
}

/** Words moved, not changed (RearrangeLayer of the integer graph). */
export interface FloatRearrange extends LayerBase {
  readonly kind: 'rearrange';
  readonly parts: readonly RearrangePart[];
  /** Value of what no part writes. */
  readonly fill: number;
}

/** Per channel scale · x + bias: what BatchNormalization, Mul, Add, Sub, Div by constants are before they are folded. Gone after the pipeline. */
export interface FloatAffine extends LayerBase {
  readonly kind: 'affine';
  readonly scale: Float64Array;
  readonly bias: Float64Array;
}

/** Relu or Clip before it is fused. Gone after the pipeline. */
export interface FloatClampLayer extends LayerBase {
  readonly kind: 'clamp';
  readonly clamp: FloatClamp;
}

/** What the quantizer takes. */
export type FinalLayer =
  | FloatConv
  | FloatMaxPool
  | FloatAveragePool
  | FloatMatMul
  | FloatAdd
  | FloatMul
  | FloatMaximum
  | FloatTable
  | FloatConcat
  | FloatConstant
  | FloatRearrange;
/** What the passes work on. */
export type FloatLayer = FinalLayer | FloatAffine | FloatClampLayer;

/** Layers in execution order; tensors indexed by id. */
export interface LayerGraph<L extends FloatLayer = FinalLayer> {
  readonly name: string;
  readonly tensors: readonly LayerTensor[];
  readonly layers: readonly L[];
  readonly inputs: readonly BorderValue[];
  readonly outputs: readonly BorderValue[];
}

/** A layer graph on its way through the passes. */
export type DraftGraph = LayerGraph<FloatLayer>;

/** Channels of its input that a convolution reads. */
export function channelsRead(layer: FloatConv, input: LayerTensor): number {
  return layer.inputChannels ?? input.channels;
}
