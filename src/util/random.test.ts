import { describe, expect, it } from 'vitest';
import { createRandom } from './random.ts';

describe('random', () => {
  it('repeats for a seed and differs between seeds', () => {
    const draw = (seed: number) => Array.from({ length: 5 }, createRandom(seed).uniform);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('has the moments of its distributions', () => {
    const random = createRandom(7);
    const n = 20000;
    let mean = 0;
    let square = 0;
    const counts = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const x = random.normal();
      mean += x / n;
      square += (x * x) / n;
      counts[random.integer(-1, 1) + 1]++;
    }
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(square - 1)).toBeLessThan(0.05);
    for (const count of counts) expect(Math.abs(count / n - 1 / 3)).toBeLessThan(0.02);
  });
});
