/**
 * Seeded weights of realistic spread, fast: 61 million (AlexNet) in about a tenth of a second. A xorshift generator picks from a table of 2^12
 * normal quantiles, so the same seed gives the same bits on every machine (no Math.log or Math.cos, whose last bit may differ).
 */

const TABLE_BITS = 12;
const TABLE_SIZE = 1 << TABLE_BITS;

/** Inverse of the normal distribution function by Acklam's rational approximation (relative error 1e-9); tails by bisection-free symmetry. */
function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.47575) {
    const r = q * q;
    const a =
      ((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r - 30.66479806614716) * r +
      2.506628277459239;
    const b =
      ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r - 13.28068155288572) * r + 1;
    return (a * q) / b;
  }
  const r = Math.sqrt(-2 * Math.log(p < 0.5 ? p : 1 - p));
  const c =
    ((((-0.007784894002430293 * r - 0.3223964580411365) * r - 2.400758277161838) * r - 2.549732539343734) * r + 4.374664141464968) * r +
    2.938163982698783;
  const d = (((0.007784695709041462 * r + 0.3224671290700398) * r + 2.445134137142996) * r + 3.754408661907416) * r + 1;
  return p < 0.5 ? c / d : -c / d;
}

/** Mid-point quantiles, rounded to float32: zero mean by symmetry, unit variance by the final scaling. */
const QUANTILES: Float32Array = (() => {
  const table = new Float64Array(TABLE_SIZE);
  let squares = 0;
  for (let i = 0; i < TABLE_SIZE / 2; i++) {
    const value = normalQuantile((i + 0.5) / TABLE_SIZE);
    table[i] = value;
    table[TABLE_SIZE - 1 - i] = -value;
    squares += 2 * value * value;
  }
  const scale = Math.sqrt(TABLE_SIZE / squares);
  return Float32Array.from(table, (value) => Math.fround(value * scale));
})();

/** 32-bit hash of a text (FNV-1a with a final mix): the seed of a tensor is the hash of its name. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0 || 1;
}

/** Fills `out` with normal numbers of standard deviation `deviation`. */
export function fillNormal(out: Float32Array, seed: number, deviation: number): void {
  const scaled = QUANTILES.map((value) => value * deviation);
  let state = seed | 0 || 1;
  const pairs = out.length & ~1;
  for (let i = 0; i < pairs; i += 2) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = scaled[state >>> (32 - TABLE_BITS)];
    out[i + 1] = scaled[(state >>> 6) & (TABLE_SIZE - 1)];
  }
  if (pairs < out.length) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[pairs] = scaled[state >>> (32 - TABLE_BITS)];
  }
}

export interface FilterOptions {
  readonly outChannels: number;
  /** Weights of one output channel. */
  readonly fanIn: number;
  /** Standard deviation of a weight, before channels get their own scale. */
  readonly deviation: number;
  /** Spread of the scale between output channels (standard deviation of its logarithm), as batch normalization leaves it. */
  readonly channelSpread?: number;
  /** Take the mean out of every filter, so that the positive mean of rectified inputs does not drown what varies. */
  readonly centred?: boolean;
}

/** Filters in output-major order. */
export function makeFilters(seed: number, options: FilterOptions): Float32Array {
  const { outChannels, fanIn, deviation, channelSpread = 0, centred = false } = options;
  const weights = new Float32Array(outChannels * fanIn);
  fillNormal(weights, seed, deviation);
  if (channelSpread === 0 && !centred) return weights;
  const logarithms = new Float32Array(outChannels);
  fillNormal(logarithms, seed ^ 0x5bd1e995, channelSpread);
  for (let channel = 0; channel < outChannels; channel++) {
    const start = channel * fanIn;
    let mean = 0;
    if (centred) {
      for (let i = start; i < start + fanIn; i++) mean += weights[i];
      mean /= fanIn;
    }
    // Less the square of the spread: the mean square of all weights stays what `deviation` says.
    const scale = expSmall(logarithms[channel] - channelSpread * channelSpread);
    for (let i = start; i < start + fanIn; i++) weights[i] = (weights[i] - mean) * scale;
  }
  return weights;
}

/** e^x for small x by its series: the same bits everywhere, unlike Math.exp. */
function expSmall(x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; n < 20; n++) {
    term *= x / n;
    sum += term;
  }
  return sum;
}
