import { expect, it } from 'vitest';
import { crc32 } from './crc32.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

it('gives the published check values', () => {
  expect(crc32(bytesOf('123456789'))).toBe(0xcbf4_3926);
  expect(crc32(bytesOf(''))).toBe(0);
  expect(crc32(bytesOf('The quick brown fox jumps over the lazy dog'))).toBe(0x414f_a339);
});

it('is the same for any alignment of the data', () => {
  const text = 'The quick brown fox jumps over the lazy dog';
  for (let shift = 1; shift < 9; shift++) {
    const padded = bytesOf('x'.repeat(shift) + text);
    expect(crc32(padded.subarray(shift))).toBe(0x414f_a339);
  }
});
