/**
 * Amounts over time in bins of equal width: what charts of bandwidth and fill show. The width is a power of two cycles, chosen so that the whole
 * program takes at most a given number of bins; while the program's length is not known yet, bins are merged in pairs as time goes on.
 */
export class TimeSeries {
  readonly #maxBins: number;
  #binCycles = 1;
  #bins: Float64Array;

  constructor(maxBins: number) {
    this.#maxBins = maxBins;
    this.#bins = new Float64Array(maxBins);
  }

  /** Spreads `amount` evenly over [from, to) cycles, which may be fractions; with from = to it falls into one bin. */
  add(from: number, to: number, amount: number): void {
    while (to > this.#binCycles * this.#maxBins) this.#mergePairs();
    const width = this.#binCycles;
    const first = Math.min(this.#maxBins - 1, Math.floor(from / width));
    const last = Math.min(this.#maxBins - 1, Math.max(first, Math.ceil(to / width) - 1));
    if (first === last) {
      this.#bins[first] += amount;
      return;
    }
    const rate = amount / (to - from);
    this.#bins[first] += rate * ((first + 1) * width - from);
    for (let bin = first + 1; bin < last; bin++) this.#bins[bin] += rate * width;
    this.#bins[last] += rate * (to - last * width);
  }

  /** The bins of a program of `cycles` cycles, the last one partial. */
  finish(cycles: number): Float64Array {
    const binCycles = chooseBinCycles(cycles, this.#maxBins);
    while (this.#binCycles < binCycles) this.#mergePairs();
    return this.#bins.slice(0, Math.max(1, Math.ceil(cycles / this.#binCycles)));
  }

  #mergePairs(): void {
    const merged = new Float64Array(this.#maxBins);
    for (let bin = 0; bin < this.#maxBins; bin++) merged[bin >> 1] += this.#bins[bin];
    this.#bins = merged;
    this.#binCycles *= 2;
  }
}

/** Least power of two of which `maxBins` cover `cycles`. */
export function chooseBinCycles(cycles: number, maxBins: number): number {
  let binCycles = 1;
  while (binCycles * maxBins < cycles) binCycles *= 2;
  return binCycles;
}

/** Mean of a level over each bin, from amount × cycles: the last bin ends with the program. */
export function toMeans(areas: Float64Array, binCycles: number, cycles: number): Float64Array {
  return areas.map((area, bin) => area / Math.max(1, Math.min(binCycles, cycles - bin * binCycles)));
}
