/**
 * Where regions lie in the maps buffers (the same in every CU). Tensors that stay on chip over several stages are placed from the top, regions of one
 * stage from the bottom; a stage's regions avoid those of the stage before it where they can, its input first, so that the next stage's first
 * rows can be loaded while this one computes. Specification: docs/compiler.md, "Memory plan".
 */

interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Regions begin at a row of the buffer: depthwise reads need 16-word alignment. */
export const REGION_WORDS = 64;

export class MapsMemory {
  private readonly words: number;
  private readonly kept = new Map<number, Interval>();
  private previous: Interval[] = [];

  constructor(words: number) {
    this.words = words;
  }

  /** Words of the largest gap between kept tensors. */
  get largestGap(): number {
    return Math.max(0, ...this.gaps([...this.kept.values()]).map((gap) => gap.end - gap.start));
  }

  /** Place a tensor that stays; undefined when no gap holds it. */
  keep(tensor: number, words: number): number | undefined {
    const size = roundUp(words);
    const gap = this.gaps([...this.kept.values()]).findLast((candidate) => candidate.end - candidate.start >= size);
    if (!gap) return undefined;
    const region = { start: gap.end - size, end: gap.end };
    this.kept.set(tensor, region);
    return region.start;
  }

  release(tensor: number): void {
    this.kept.delete(tensor);
  }

  /** Place a stage's regions; undefined when they do not fit. */
  place(sizes: readonly number[]): number[] | undefined {
    const kept = [...this.kept.values()];
    const placed: Interval[] = [];
    const starts: number[] = [];
    for (const words of sizes) {
      const size = roundUp(words);
      const fits = (gap: Interval): boolean => gap.end - gap.start >= size;
      const gap = this.gaps([...kept, ...placed, ...this.previous]).find(fits) ?? this.gaps([...kept, ...placed]).find(fits);
      if (!gap) return this.placeTight(sizes);
      placed.push({ start: gap.start, end: gap.start + size });
      starts.push(gap.start);
    }
    this.previous = placed;
    return starts;
  }

  /** One after the other in the gaps, whatever lay there before. */
  private placeTight(sizes: readonly number[]): number[] | undefined {
    const placed: Interval[] = [];
    const starts: number[] = [];
    for (const words of sizes) {
      const size = roundUp(words);
      const gap = this.gaps([...this.kept.values(), ...placed]).find((candidate) => candidate.end - candidate.start >= size);
      if (!gap) return undefined;
      placed.push({ start: gap.start, end: gap.start + size });
      starts.push(gap.start);
    }
    this.previous = placed;
    return starts;
  }

  private gaps(taken: readonly Interval[]): Interval[] {
    const gaps: Interval[] = [];
    let start = 0;
    for (const interval of [...taken].sort((a, b) => a.start - b.start)) {
      if (interval.start > start) gaps.push({ start, end: interval.start });
      start = Math.max(start, interval.end);
    }
    if (start < this.words) gaps.push({ start, end: this.words });
    return gaps;
  }
}

export function roundUp(words: number): number {
  return Math.ceil(words / REGION_WORDS) * REGION_WORDS;
}
