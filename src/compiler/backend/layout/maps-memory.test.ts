import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MapsMemory, REGION_WORDS, roundUp } from './maps-memory.ts';

const WORDS = 64 * REGION_WORDS;

interface Interval {
  start: number;
  end: number;
}

function intervals(starts: readonly number[], sizes: readonly number[]): Interval[] {
  return starts.map((start, i) => ({ start, end: start + sizes[i] }));
}

function overlap(a: Interval, b: Interval): boolean {
  return a.start < b.end && b.start < a.end;
}

const action = fc.oneof(
  fc.record({
    kind: fc.constant('place' as const),
    sizes: fc.array(fc.integer({ min: 1, max: WORDS >> 2 }), { minLength: 1, maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('keep' as const), tensor: fc.nat(5), words: fc.integer({ min: 1, max: WORDS >> 1 }) }),
  fc.record({ kind: fc.constant('release' as const), tensor: fc.nat(5) }),
);

describe('MapsMemory', () => {
  it('never lets regions of a stage meet each other, a kept tensor or the end of the buffer', () => {
    let placed = 0;
    let kept = 0;
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 30 }), (actions) => {
        const memory = new MapsMemory(WORDS);
        const tensors = new Map<number, Interval>();
        for (const step of actions) {
          if (step.kind === 'release') {
            memory.release(step.tensor);
            tensors.delete(step.tensor);
            continue;
          }
          const isKept = step.kind === 'keep';
          if (isKept && tensors.has(step.tensor)) continue;
          const sizes = isKept ? [step.words] : step.sizes;
          const starts = isKept ? [memory.keep(step.tensor, step.words)].filter((start) => start !== undefined) : memory.place(step.sizes);
          if (!starts || starts.length === 0) continue;
          const now = intervals(starts, sizes);
          const others = [...tensors.values()];
          now.forEach((region, i) => {
            expect(region.start % REGION_WORDS).toBe(0);
            expect(region.start).toBeGreaterThanOrEqual(0);
            expect(region.end).toBeLessThanOrEqual(WORDS);
            for (const other of [...others, ...now.slice(0, i)]) expect(overlap(region, other)).toBe(false);
          });
          if (isKept) {
            tensors.set(step.tensor, now[0]);
            kept++;
          } else placed++;
        }
      }),
    );
    expect(placed).toBeGreaterThan(100);
    expect(kept).toBeGreaterThan(100);
  });

  it('keeps tensors at the top and places stages at the bottom', () => {
    const memory = new MapsMemory(WORDS);
    expect(memory.keep(1, 100)).toBe(WORDS - roundUp(100));
    expect(memory.place([10, 70])).toEqual([0, REGION_WORDS]);
  });

  it('avoids the regions of the stage before, its input first', () => {
    const memory = new MapsMemory(10 * REGION_WORDS);
    const first = memory.place([3 * REGION_WORDS, 2 * REGION_WORDS])!;
    expect(first).toEqual([0, 3 * REGION_WORDS]);
    // The input finds room behind the stage before; the second region does not, and takes its place.
    expect(memory.place([4 * REGION_WORDS, 3 * REGION_WORDS])).toEqual([5 * REGION_WORDS, 0]);
    // The one before the last no longer counts.
    expect(memory.place([2 * REGION_WORDS])).toEqual([3 * REGION_WORDS]);
  });

  it('gives up the distance to the stage before where only that makes room', () => {
    const memory = new MapsMemory(8 * REGION_WORDS);
    memory.place([3 * REGION_WORDS]);
    // Behind the stage before there is room for the first region, but then none is left for the second.
    expect(memory.place([4 * REGION_WORDS, 4 * REGION_WORDS])).toEqual([0, 4 * REGION_WORDS]);
  });

  it('refuses what does not fit, and finds room again after a release', () => {
    const memory = new MapsMemory(8 * REGION_WORDS);
    expect(memory.keep(1, 3 * REGION_WORDS)).toBe(5 * REGION_WORDS);
    expect(memory.keep(2, 2 * REGION_WORDS)).toBe(3 * REGION_WORDS);
    expect(memory.largestGap).toBe(3 * REGION_WORDS);
    expect(memory.place([4 * REGION_WORDS])).toBeUndefined();
    expect(memory.keep(3, 4 * REGION_WORDS)).toBeUndefined();
    memory.release(2);
    expect(memory.largestGap).toBe(5 * REGION_WORDS);
    expect(memory.place([4 * REGION_WORDS])).toEqual([0]);
  });

  it('has no gap when it is full', () => {
    const memory = new MapsMemory(2 * REGION_WORDS);
    expect(memory.keep(1, 2 * REGION_WORDS - 1)).toBe(0);
    expect(memory.largestGap).toBe(0);
    expect(memory.place([1])).toBeUndefined();
  });
});
