import { describe, expect, it } from 'vitest';
import { XC7Z045 } from '../machine/machine.ts';
import { boundNetwork, floorBytes } from './bound.ts';

/** AlexNet (one tower): MACs without padding taps and weights, from the counting rules of the project's issue. */
const CONVOLUTIONS = { name: 'convolutions', macs: 599.3e6, weightBytes: 2 * 2.469e6 };
const FULLY_CONNECTED = [
  [9216, 4096],
  [4096, 4096],
  [4096, 1000],
].map(([i, o]) => ({ name: `fc ${i}→${o}`, macs: i * o, weightBytes: 2 * i * o }));

describe('boundNetwork', () => {
  it('gives the figures that the issue states for AlexNet', () => {
    expect(boundNetwork([CONVOLUTIONS], XC7Z045, 1).boundFps).toBeCloseTo(106.8, 1);
    const whole = [CONVOLUTIONS, ...FULLY_CONNECTED];
    expect([1, 16, 32].map((batch) => boundNetwork(whole, XC7Z045, batch).boundFps.toFixed(1))).toEqual(['26.8', '90.0', '97.3']);
    expect(boundNetwork(whole, XC7Z045, 1).layers.map((l) => l.boundBy)).toEqual(['compute', 'weights', 'weights', 'weights']);
  });

  it('scales with the machine', () => {
    const half = { ...XC7Z045, clockHz: 125_000_000 };
    expect(boundNetwork([CONVOLUTIONS], half, 1).boundFps).toBeCloseTo(53.4, 1);
  });

  it('counts shared weights once as far as the buffers hold them', () => {
    const positions = (bytes: number) => [1, 2, 3].map((i) => ({ name: `position ${i}`, macs: 0, weightBytes: bytes, weightSet: 7 }));
    const buffers = 16 * XC7Z045.weightsBytes;
    expect(floorBytes(positions(buffers), XC7Z045, 0, 0, 1)).toBe(buffers);
    expect(floorBytes(positions(4 * buffers), XC7Z045, 0, 0, 1)).toBe((4 + 3 + 3) * buffers);
    const seconds = boundNetwork(positions(2 * buffers), XC7Z045, 1).layers.map((layer) => layer.seconds);
    expect(seconds[1]! / seconds[0]!).toBeCloseTo(0.5, 12);
  });

  it('counts weights once a batch in the floor', () => {
    expect(floorBytes([CONVOLUTIONS], XC7Z045, 301056, 18432, 1)).toBe(2 * 2.469e6 + 301056 + 18432);
    expect(floorBytes([CONVOLUTIONS], XC7Z045, 100, 10, 2)).toBe(2.469e6 + 110);
  });
});
