/** A quantity over time of unknown length: bins that double when the time outgrows them. */
import type { SeriesView } from './protocol.ts';

export class BinnedSeries {
  #binCycles: number;
  readonly #curves: Float64Array[];
  readonly #bins: number;
  #used = 0;

  /** @param bins how many bins at most. @param binCycles length of a bin at first. */
  constructor(curves: number, bins: number, binCycles: number) {
    this.#bins = bins;
    this.#binCycles = binCycles;
    this.#curves = Array.from({ length: curves }, () => new Float64Array(bins));
  }

  /** Spreads `amount` evenly over [from, to). */
  add(curve: number, from: number, to: number, amount: number): void {
    while (to > this.#bins * this.#binCycles) this.#double();
    const values = this.#curves[curve];
    const length = this.#binCycles;
    const first = Math.floor(from / length);
    const last = Math.min(this.#bins - 1, Math.floor(to / length));
    if (last >= this.#used) this.#used = last + 1;
    if (first === last || to <= from) {
      values[first] += amount;
      return;
    }
    const rate = amount / (to - from);
    for (let bin = first; bin <= last; bin++) {
      values[bin] += rate * (Math.min(to, (bin + 1) * length) - Math.max(from, bin * length));
    }
  }

  view(): SeriesView {
    return { binCycles: this.#binCycles, curves: this.#curves.map((curve) => Float32Array.from(curve.subarray(0, this.#used))) };
  }

  #double(): void {
    for (const curve of this.#curves) {
      for (let i = 0; i < this.#bins / 2; i++) curve[i] = curve[2 * i] + curve[2 * i + 1];
      curve.fill(0, this.#bins / 2);
    }
    this.#binCycles *= 2;
    this.#used = Math.ceil(this.#used / 2);
  }
}
