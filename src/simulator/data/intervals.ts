/** Lists of half-open intervals [start, end), flat: start, end, start, end, … */
export class IntervalList {
  private values = new Int32Array(16);
  private length = 0;

  /** Number of intervals. */
  get count(): number {
    return this.length >> 1;
  }

  start(i: number): number {
    return this.values[2 * i];
  }

  end(i: number): number {
    return this.values[2 * i + 1];
  }

  /** Appends an interval; one that overlaps or follows the last one extends it. */
  add(start: number, end: number): void {
    const { length } = this;
    if (length > 0 && start <= this.values[length - 1] && start >= this.values[length - 2]) {
      if (end > this.values[length - 1]) this.values[length - 1] = end;
      return;
    }
    if (length === this.values.length) {
      const larger = new Int32Array(2 * length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[length] = start;
    this.values[length + 1] = end;
    this.length = length + 2;
  }

  /** The same words in ascending disjoint intervals. */
  sorted(): IntervalList {
    const order = Array.from({ length: this.count }, (_, i) => i).sort((a, b) => this.start(a) - this.start(b));
    const result = new IntervalList();
    for (const i of order) result.add(this.start(i), this.end(i));
    return result;
  }
}
