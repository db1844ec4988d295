/** Activation tables: 256 linear segments of one word. Specification: docs/numbers.md section 6. */
import { describeExpression, type Expression, evaluateExpression } from '../frontend/expression.ts';

const SEGMENTS = 256;
/** Words of the operand that share a table entry. */
export const SEGMENT_WORDS = 256;
/** Output fraction minus input fraction may not exceed this, so that LeakyRelu's slopes fit with a shift of 0. */
export const MIN_TABLE_GAIN_BITS = 13;
const MAX_SHIFT_OUT = 40;

export interface ActivationTable {
  readonly title: string;
  readonly base: Int32Array;
  readonly slope: Int16Array;
  readonly shiftOut: number;
}

/** Values beyond this many words saturate anyway; with it bases fit at every shift. */
const MAX_VALUE_WORDS = 98304;
/** Points of a segment, both ends included, through which its line is laid. */
const POINTS = 17;

/** The table of a function from words at `inputFraction` to words at `outputFraction`. */
export function makeTable(table: Expression, inputFraction: number, outputFraction: number): ActivationTable {
  if (table.op === 'LeakyRelu' && table.of.op === 'x') return makeLeakyRelu(table.alpha, outputFraction - inputFraction);
  const title = describeExpression(table);
  const lines = fitLines(sampleWords(table, inputFraction, outputFraction));
  for (let shiftOut = 14; ; shiftOut--) {
    const bases = lines.map(({ start }) => Math.floor(start * 2 ** shiftOut + 0.5));
    const slopes = lines.map(({ rise }) => Math.floor((rise * 2 ** shiftOut) / SEGMENT_WORDS + 0.5));
    const fits = slopes.every((s) => Math.abs(s) <= 32767) && bases.every((b) => Math.abs(b) < 2 ** 31);
    // At shift 0 a step too steep for a slope is cut: only a function that jumps inside one segment gets there.
    if (fits || shiftOut === 0) {
      return { title, base: Int32Array.from(bases, clampInt32), slope: Int16Array.from(slopes, clampInt16), shiftOut };
    }
  }
}

/** The function in output words at equal distances over all input words. Where it has no value (a root of negative numbers) the nearest one holds. */
function sampleWords(table: Expression, inputFraction: number, outputFraction: number): number[] {
  const values = Array.from({ length: SEGMENTS * (POINTS - 1) + 1 }, (_, i) => {
    const word = (i * SEGMENT_WORDS) / (POINTS - 1) - 32768;
    const value = evaluateExpression(table, word * 2 ** -inputFraction) * 2 ** outputFraction;
    return Math.min(MAX_VALUE_WORDS, Math.max(-MAX_VALUE_WORDS, value));
  });
  const known = values.findIndex((value) => !Number.isNaN(value));
  if (known < 0) throw new Error(`the function ${describeExpression(table)} has no value anywhere`);
  let last = values[known];
  return values.map((value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
}

/** The line with the least squared error in every segment: its value at the segment's first word and how much it rises over the segment. */
function fitLines(values: readonly number[]): { start: number; rise: number }[] {
  const middle = (POINTS - 1) / 2;
  let spread = 0;
  for (let i = 0; i < POINTS; i++) spread += (i - middle) ** 2;
  return Array.from({ length: SEGMENTS }, (_, k) => {
    let sum = 0;
    let moment = 0;
    for (let i = 0; i < POINTS; i++) {
      const value = values[k * (POINTS - 1) + i];
      sum += value;
      moment += (i - middle) * value;
    }
    const rise = (moment / spread) * (POINTS - 1);
    return { start: sum / POINTS - rise / 2, rise };
  });
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
