import { describe, expect, it } from 'vitest';
import { isFinite32, narrowFloat16, widenFloat16 } from './tensor.ts';

describe('16-bit floats', () => {
  it('widens known patterns', () => {
    const values = [...widenFloat16([0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x0400, 0x03ff], 'float16')];
    expect(values).toEqual([1, -2, 65504, 2 ** -24, -0, Infinity, 2 ** -14, 1023 * 2 ** -24]);
    expect([...widenFloat16([0x3f80, 0xff80, 0x4049], 'bfloat16')]).toEqual([1, -Infinity, 3.140625]);
  });

  it('narrowing every pattern that was widened gives it back', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const values = widenFloat16(bits, dtype);
      const back = narrowFloat16(values, dtype);
      expect(bits.filter((_, i) => !Number.isNaN(values[i]) && back[i] !== i)).toEqual(Uint16Array.of());
    }
  });

  it('rounds to nearest even', () => {
    const values = Float32Array.of(
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      65519.996,
      65520,
      2 ** -25,
      1.5 * 2 ** -24,
      NaN,
      2 ** -25 * 1.001,
      2 ** -26,
    );
    expect([...narrowFloat16(values, 'float16')]).toEqual([0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2, 0x7e00, 1, 0]);
    expect([...narrowFloat16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8), 'bfloat16')]).toEqual([0x3f80, 0x3f82]);
  });
});

describe('isFinite32', () => {
  it('finds one bad element anywhere', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      for (let i = 0; i < 7; i++) {
        const values = new Float32Array(7).fill(3.4e38);
        expect(isFinite32(values)).toBe(true);
        values[i] = bad;
        expect(isFinite32(values)).toBe(false);
      }
    }
    expect(isFinite32(Float32Array.of(Infinity, -Infinity))).toBe(false);
  });
});
