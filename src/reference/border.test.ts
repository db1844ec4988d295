import { expect, it } from 'vitest';
import type { BorderValue, IntegerTensor } from '../graph/integer-graph.ts';
import { fromWords, toWords } from './border.ts';

const tensor: IntegerTensor = { id: 0, name: 'x', height: 1, width: 2, channels: 3, fraction: 4 };
const nchw: BorderValue = { name: 'x', tensor: 0, dims: [1, 3, 1, 2], order: 'nchw' };
const nwc: BorderValue = { name: 'x', tensor: 0, dims: [1, 2, 3], order: 'nwc' };

it('puts channels last and back', () => {
  const values = Float32Array.of(0, 1, 2, 3, 4, 5);
  const { words } = toWords(nchw, tensor, values);
  expect([...words]).toEqual([0, 32, 64, 16, 48, 80]);
  expect(fromWords(nchw, tensor, words)).toEqual(values);
  expect([...toWords(nwc, tensor, values).words]).toEqual([0, 16, 32, 48, 64, 80]);
  expect(fromWords(nwc, tensor, toWords(nwc, tensor, values).words)).toEqual(values);
});

it('rounds half up, saturates and counts', () => {
  const { words, saturated } = toWords(nwc, tensor, Float32Array.of(1 / 32, -1 / 32, 2047.97, 5000, -2048, -2049));
  expect([...words]).toEqual([1, 0, 32767, 32767, -32768, -32768]);
  expect(saturated).toBe(3);
});

it('refuses what is not finite and a wrong size', () => {
  expect(() => toWords(nwc, tensor, Float32Array.of(0, 0, Number.NaN, 0, 0, 0))).toThrow('Input "x" holds NaN');
  expect(() => toWords(nwc, tensor, new Float32Array(5))).toThrow('expected 1×2×3');
});
