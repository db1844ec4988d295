/** Exact integer arithmetic of results in float64, whose integers are exact to 2^53. Specification: docs/numbers.md. */

const TWO_47 = 2 ** 47;
const TWO_48 = 2 ** 48;

/** v as 48-bit two's complement; |v| < 2^53. */
export function wrap48(v: number): number {
  if (v >= -TWO_47 && v < TWO_47) return v;
  const low = v % TWO_48;
  return low >= TWO_47 ? low - TWO_48 : low < -TWO_47 ? low + TWO_48 : low;
}

/** v >> shift, arithmetic; shift 0 to 63. */
export function shiftRight(v: number, shift: number): number {
  return Math.floor(v / 2 ** shift);
}

/** Saturated to 16 bit, then clamped. */
export function clampResult(v: number, low: number, high: number): number {
  const word = v > 32767 ? 32767 : v < -32768 ? -32768 : v;
  return Math.min(high, Math.max(low, word));
}

/** Rounding term of a right shift: half of its unit. */
export function half(shift: number): number {
  return shift > 0 ? 2 ** (shift - 1) : 0;
}
