/** Real weights on real input, by the command line: digits, and a picture made larger. Golden outputs are ONNX Runtime's. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../src/graph/graph.ts';
import { readTensorPb } from '../src/graph/onnx/read-onnx.ts';
import { measureAccuracy } from '../src/runtime/accuracy.ts';
import { readNpy } from '../src/runtime/npy.ts';
import { runCli, SHARED_DATA } from './run-cli.ts';

const PRETRAINED = join(SHARED_DATA, 'pretrained');
const isPresent = existsSync(PRETRAINED);
if (!isPresent) console.log('test/pretrained.test.ts is skipped: the public models beside the project (../shared/data) are not here');

/** Least SQNR of a network's output, dB. */
const LEAST_SQNR_DB = 45;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'snowflake-pretrained-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function runToFile(model: string, input: string, output: string): Promise<Tensor> {
  const { code, stderr } = await runCli(['run', join(PRETRAINED, model), '--input', join(PRETRAINED, input), '--output', folder]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return readNpy(readFileSync(join(folder, output)), output);
}

function expectClose(result: Tensor, golden: Tensor): void {
  expect(result.dims).toEqual(golden.dims);
  expect(measureAccuracy(golden.data as Float32Array, result.data as Float32Array).sqnrDb).toBeGreaterThan(LEAST_SQNR_DB);
}

describe.skipIf(!isPresent)('pretrained networks', () => {
  it.each([2, 0, 9].map((digit, set) => ({ digit, set })))('mnist-8 reads a $digit', async ({ digit, set }) => {
    const data = `mnist-8/test_data_set_${set}`;
    const result = await runToFile('mnist-8/mnist-8.onnx', `${data}/input_0.pb`, 'Plus214_Output_0.npy');
    const scores = Array.from(result.data as Float32Array);
    expect(scores.indexOf(Math.max(...scores))).toBe(digit);
    expectClose(result, readTensorPb(readFileSync(join(PRETRAINED, data, 'output_0.pb')), data));
  });

  it('super-resolution-10 enlarges the picture', async () => {
    const golden = 'golden/super-resolution-10_super-resolution-10';
    const result = await runToFile('super-resolution-10/super-resolution-10.onnx', `${golden}/in_0.npy`, 'output.npy');
    expectClose(result, readNpy(readFileSync(join(PRETRAINED, golden, 'out_0.npy')), golden));
    // It looks right: each 3×3 block averages to about the pixel it came from.
    const small = readNpy(readFileSync(join(PRETRAINED, golden, 'in_0.npy')), golden).data as Float32Array;
    const averages = averageBlocks(result.data as Float32Array, 672, 3);
    expect(measureAccuracy(small, averages).sqnrDb).toBeGreaterThan(20);
  });
});

/** Means of the size×size blocks of a square picture. */
function averageBlocks(picture: Float32Array, side: number, size: number): Float32Array {
  const small = side / size;
  const out = new Float32Array(small * small);
  for (let i = 0; i < picture.length; i++) {
    const [y, x] = [Math.floor(i / side), i % side];
    out[Math.floor(y / size) * small + Math.floor(x / size)] += picture[i] / (size * size);
  }
  return out;
}
