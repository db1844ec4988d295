import { describe, expect, it } from 'vitest';
import { measureAccuracy } from './accuracy.ts';

describe('measureAccuracy', () => {
  it('follows the definitions', () => {
    const a = measureAccuracy(Float32Array.of(3, -4, 0, 5), Float32Array.of(3, -4.5, 0, 4.5));
    expect(a.maxError).toBe(0.5);
    expect(a.meanError).toBe(0.25);
    expect(a.sqnrDb).toBeCloseTo(20, 9); // 50 ÷ 0.5 = 100
    expect(a.sameTop1).toBe(true);
  });

  it('is infinite for equal values and sees another top class', () => {
    expect(measureAccuracy(Float32Array.of(1, 2), Float32Array.of(1, 2)).sqnrDb).toBe(Number.POSITIVE_INFINITY);
    expect(measureAccuracy(Float32Array.of(1, 2), Float32Array.of(2, 1)).sameTop1).toBe(false);
    expect(() => measureAccuracy(Float32Array.of(1), Float32Array.of(1, 2))).toThrow(/2 values compared with 1/);
  });
});
