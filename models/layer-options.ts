/** What the builder's layers can be given, and how padding is resolved. */

export type Activation =
  | 'none'
  | 'relu'
  | 'relu6'
  | 'hardSwish'
  | 'hardSigmoid'
  | 'sigmoid'
  | 'tanh'
  | 'prelu'
  | { readonly leaky: number };

/** Rows and columns alike, or each. */
type Pair = number | readonly [number, number];
/** All sides, rows and columns, or top, left, bottom, right; 'same' as TensorFlow pads: size ÷ stride, rounded up, the odd row at the end. */
type Pads = Pair | readonly [number, number, number, number] | 'same';

export interface ConvOptions {
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly pad?: Pads;
  readonly dilation?: number;
  readonly groups?: number;
  /** Default relu. */
  readonly activation?: Activation;
  /** Standard deviation of the result before activation; default 1. Residual branches take less, so that sums do not grow. */
  readonly gain?: number;
  readonly name?: string;
}

export interface ConvTransposeOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly pad?: number;
  /** Rows and columns more at the end. */
  readonly outputPad?: number;
  /** Default relu. */
  readonly activation?: Activation;
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

export function pair(value: Pair): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value;
}

/** Padding before and behind along both axes. */
export function resolvePads(pad: Pads, sizes: readonly number[], kernel: readonly number[], strides: readonly number[]): readonly number[] {
  if (pad === 'same') {
    const totals = sizes.map((size, axis) => Math.max(0, (Math.ceil(size / strides[axis]) - 1) * strides[axis] + kernel[axis] - size));
    return [...totals.map((total) => total >> 1), ...totals.map((total) => total - (total >> 1))];
  }
  if (typeof pad !== 'number' && pad.length === 4) return pad;
  const [y, x] = pair(pad);
  return [y, x, y, x];
}
