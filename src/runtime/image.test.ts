import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadImage } from './image.ts';

/** 4×2 picture: left half (10, 20, 30), right half (200, 100, 50). */
let folder: string;
let path: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'snowflake-image-'));
  path = join(folder, 'two.png');
  const left = [10, 20, 30];
  const right = [200, 100, 50];
  const row = [...left, ...left, ...right, ...right];
  await sharp(Buffer.from([...row, ...row]), { raw: { width: 4, height: 2, channels: 3 } })
    .png()
    .toFile(path);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('loadImage', () => {
  it('puts channels first, scaled, less the mean, over the deviation', async () => {
    const tensor = await loadImage(path, [1, 3, 2, 4], 'float32', { scale: 1, mean: [10, 0, 0], std: [1, 2, 1] });
    expect(tensor.dims).toEqual([1, 3, 2, 4]);
    const row = [0, 0, 190, 190, 0, 0, 190, 190, 10, 10, 50, 50, 10, 10, 50, 50, 30, 30, 50, 50, 30, 30, 50, 50];
    expect(Array.from(tensor.data as Float32Array)).toEqual(row);
  });

  it('swaps red and blue, puts channels last, rounds for uint8', async () => {
    const tensor = await loadImage(path, [1, 2, 4, 3], 'uint8', { channelOrder: 'bgr' });
    expect(Array.from(tensor.data as Uint8Array).slice(0, 12)).toEqual([30, 20, 10, 30, 20, 10, 50, 100, 200, 50, 100, 200]);
    const half = await loadImage(path, [1, 3, 2, 4], 'float32');
    expect((half.data as Float32Array)[0]).toBeCloseTo(10 / 255, 6);
  });

  it('takes the luma for one channel and alpha for four', async () => {
    const grey = await loadImage(path, [1, 1, 2, 4], 'float32', { scale: 1 });
    expect((grey.data as Float32Array)[0]).toBeCloseTo(0.299 * 10 + 0.587 * 20 + 0.114 * 30, 4);
    const rgba = await loadImage(path, [1, 4, 2, 4], 'float32', { scale: 1 });
    expect(Array.from(rgba.data as Float32Array).slice(24)).toEqual(new Array(8).fill(255));
  });

  it('crops the centre, pads with black, or stretches', async () => {
    const red = async (fit: 'crop' | 'pad' | 'stretch', h: number, w: number) =>
      Array.from((await loadImage(path, [1, 3, h, w], 'float32', { scale: 1, fit })).data as Float32Array).slice(0, h * w);
    expect(await red('crop', 2, 2)).toEqual([10, 200, 10, 200]);
    expect((await red('pad', 4, 4)).slice(0, 8)).toEqual([0, 0, 0, 0, 10, 10, 200, 200]);
    expect((await red('stretch', 4, 4))[0]).toBe(10);
  });

  it('refuses what is no image and inputs that are no picture', async () => {
    const text = join(folder, 'text.jpg');
    writeFileSync(text, 'not a picture');
    await expect(loadImage(text, [1, 3, 2, 2], 'float32')).rejects.toThrow(/text\.jpg: not a readable image/);
    await expect(loadImage(path, [1, 10], 'float32')).rejects.toThrow(/shape 1×10/);
    await expect(loadImage(path, [1, 3, 2, 2], 'int64')).rejects.toThrow(/type int64/);
    await expect(loadImage(path, [1, 3, 2, 2], 'float32', { mean: [1, 2] })).rejects.toThrow(/mean: 2 values for 3 channels/);
  });
});
