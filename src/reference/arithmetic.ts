/** Rounding, saturation and clamping of accumulators to words. Specification: docs/numbers.md, notation and section 2. */
import type { Clamp } from '../graph/integer-graph.ts';

/** What rounding adds before a right shift: half a unit of the result. */
export function half(shift: number): number {
  return shift > 0 ? 2 ** (shift - 1) : 0;
}

/** (v + half(shift)) >> shift for an integer |v| < 2^52: division by a power of two is exact in float64, so floor is the arithmetic shift. */
function shiftRounded(v: number, shift: number): number {
  return Math.floor((v + half(shift)) / 2 ** shift);
}

function saturate16(v: number): number {
  return v < -32768 ? -32768 : v > 32767 ? 32767 : v;
}

/** v within the bounds of a layer. */
export function clampTo(v: number, clamp: Clamp): number {
  return v < clamp.low ? clamp.low : v > clamp.high ? clamp.high : v;
}

/** Accumulator to word: round, shift, saturate, clamp. */
export function requantize(v: number, shift: number, clamp: Clamp): number {
  return clampTo(saturate16(shiftRounded(v, shift)), clamp);
}
