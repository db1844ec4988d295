import { describe, expect, it } from 'vitest';
import { EqualWords } from './equal-words.ts';

describe('EqualWords', () => {
  it('gives equal arrays one value, and others their own', () => {
    const index = new EqualWords<number>();
    let count = 0;
    const numberOf = (words: Int16Array): number => index.valueOf(words, () => count++);
    const ramp = Int16Array.from({ length: 1000 }, (_, i) => i);
    // Word 1 is none of those that are sampled of a thousand.
    const other = ramp.map((word, i) => (i === 1 ? -5 : word));
    expect([ramp, ramp.slice(), other, ramp.subarray(0, 999), new Int16Array(0), other.slice()].map(numberOf)).toEqual([0, 0, 1, 2, 3, 1]);
    expect(count).toBe(4);
  });
});
