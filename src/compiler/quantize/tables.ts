/** Activation tables: 256 linear segments of one word. Specification: docs/numbers.md section 6. */
import type { TableFunction } from '../frontend/layer-graph.ts';

const SEGMENTS = 256;
const SEGMENT_WORDS = 256;
/** Output fraction minus input fraction may not exceed this, so that LeakyRelu's slopes fit with a shift of 0. */
export const MIN_TABLE_GAIN_BITS = 13;
const MAX_SHIFT_OUT = 40;

export interface ActivationTable {
  readonly title: string;
  readonly base: Int32Array;
  readonly slope: Int16Array;
  readonly shiftOut: number;
}

/** The table of a function from words at `inputFraction` to words at `outputFraction`. */
export function makeTable(table: TableFunction, inputFraction: number, outputFraction: number): ActivationTable {
  if (table.op === 'LeakyRelu') return makeLeakyRelu(table.alpha, outputFraction - inputFraction);
  const value = (word: number): number => evaluateTable(table, word * 2 ** -inputFraction) * 2 ** outputFraction;
  const title = table.op === 'HardSigmoid' ? `HardSigmoid(${table.alpha}, ${table.beta})` : table.op;
  for (let shiftOut = 14; ; shiftOut--) {
    const bases = new Array<number>(SEGMENTS);
    const slopes = new Array<number>(SEGMENTS);
    for (let k = 0; k < SEGMENTS; k++) {
      const first = k * SEGMENT_WORDS - 32768;
      bases[k] = Math.floor(value(first) * 2 ** shiftOut + 0.5);
      slopes[k] = Math.floor(((value(first + SEGMENT_WORDS) - value(first)) * 2 ** shiftOut) / SEGMENT_WORDS + 0.5);
    }
    const fits = slopes.every((s) => Math.abs(s) <= 32767) && bases.every((b) => Math.abs(b) < 2 ** 31);
    // At shift 0 a step too steep for a slope is cut: only a function that jumps inside one segment gets there.
    if (fits || shiftOut === 0) {
      return { title, base: Int32Array.from(bases, clampInt32), slope: Int16Array.from(slopes, clampInt16), shiftOut };
    }
  }
}

const clampInt32 = (v: number): number => Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), v));
const clampInt16 = (v: number): number => Math.min(32767, Math.max(-32768, v));

/** `gain` is the output fraction minus the input fraction. Linear on both sides of zero, which is a segment border. */
function makeLeakyRelu(alpha: number, gain: number): ActivationTable {
  const steep = Math.max(0, Math.ceil(Math.log2(Math.abs(alpha))));
  const shiftOut = Math.min(MAX_SHIFT_OUT, Math.max(0, 14 - gain - steep));
  const positive = Math.floor(2 ** (gain + shiftOut) + 0.5);
  const negative = Math.floor(alpha * 2 ** (gain + shiftOut) + 0.5);
  const slope = Int16Array.from({ length: SEGMENTS }, (_, k) => clampInt16(k < SEGMENTS / 2 ? negative : positive));
  const base = Int32Array.from({ length: SEGMENTS }, (_, k) => (k * SEGMENT_WORDS - 32768) * slope[k]);
  return { title: `LeakyRelu(${alpha})`, base, slope, shiftOut };
}

/** The float function itself. */
export function evaluateTable(table: TableFunction, x: number): number {
  switch (table.op) {
    case 'LeakyRelu':
      return x < 0 ? x * table.alpha : x;
    case 'Sigmoid':
      return 1 / (1 + Math.exp(-x));
    case 'Tanh':
      return Math.tanh(x);
    case 'HardSigmoid':
      return Math.min(1, Math.max(0, table.alpha * x + table.beta));
  }
}
