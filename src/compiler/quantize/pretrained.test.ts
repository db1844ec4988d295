/** Real weights: models that nobody in this project made, through lowering, quantizer and reference, against ONNX Runtime in float32. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../graph/graph.ts';
import { readOnnx, readTensorPb } from '../../graph/onnx/read-onnx.ts';
import { indexOfMax } from '../../runtime/accuracy.ts';
import { readNpy } from '../../runtime/npy.ts';
import { splitReduction } from '../frontend/split-reduction.ts';
import { runModel } from './run-model.test-util.ts';

const FOLDER = '../shared/data/pretrained';
const present = existsSync(FOLDER);
if (!present) console.warn(`skipped: pretrained models (no ${FOLDER})`);

const load = (path: string, shapes?: Record<string, number>) => readOnnx(readFileSync(`${FOLDER}/${path}`), { source: path, shapes });
const golden = (name: string): Tensor => readNpy(readFileSync(`${FOLDER}/golden/${name}/in_0.npy`), name);

describe.skipIf(!present)('pretrained models', { timeout: 120_000 }, () => {
  it.each([
    [0, 2],
    [1, 0],
    [2, 9],
  ])('mnist-8: picture %i shows a %i', async (index, digit) => {
    const graph = load('mnist-8/mnist-8.onnx');
    const file = `${FOLDER}/mnist-8/test_data_set_${index}/input_0.pb`;
    const input = readTensorPb(readFileSync(file), file);
    const run = await runModel(graph, new Map([['Input3', input]]));
    expect(run.integer.layers.map((layer) => layer.kind)).toEqual(['conv', 'maxpool', 'conv', 'maxpool', 'conv']);
    expect(run.lowered.parts).toHaveLength(1);
    expect(indexOfMax(run.actual.get('Plus214_Output_0')!)).toBe(digit);
    expect(run.sqnrDb).toBeGreaterThan(60);
  });

  it('mnist-8 in mode q8.8 still shows the digit', async () => {
    const run = await runModel(load('mnist-8/mnist-8.onnx'), new Map([['Input3', golden('mnist-8_mnist-8')]]), { mode: 'q8.8' });
    expect(indexOfMax(run.actual.get('Plus214_Output_0')!)).toBe(2);
  });

  it('mnist-8 with split reductions gives other words and the same digit', async () => {
    const inputs = new Map([['Input3', golden('mnist-8_mnist-8')]]);
    const run = await runModel(load('mnist-8/mnist-8.onnx'), inputs, { mode: 'calibrated' }, (layers) =>
      splitReduction(layers, { maxWords: 100 }),
    );
    expect(run.integer.layers.map((layer) => layer.kind)).toEqual([
      'conv',
      'maxpool',
      'conv',
      'conv',
      'add',
      'maxpool',
      'conv',
      'conv',
      'add',
      'conv',
      'add',
    ]);
    expect(indexOfMax(run.actual.get('Plus214_Output_0')!)).toBe(2);
    expect(run.sqnrDb).toBeGreaterThan(50);
  });

  it('super-resolution-10 keeps its picture', async () => {
    const inputs = new Map([['input', golden('super-resolution-10_super-resolution-10')]]);
    const run = await runModel(load('super-resolution-10/super-resolution-10.onnx'), inputs);
    expect(run.sqnrDb).toBeGreaterThan(60);
  });

  it('ultraface: normalization folded, the decoding of boxes on the host', async () => {
    const inputs = new Map([['input', golden('ultraface_version-RFB-320')]]);
    const run = await runModel(load('ultraface/version-RFB-320.onnx'), inputs);
    const host = run.lowered.placement.filter(({ where }) => where === 'host').map(({ op }) => op);
    expect(host).toContain('Softmax');
    expect(host).not.toContain('Conv');
    expect(run.sqnrDb).toBeGreaterThan(60);
  });

  it('onnxjs_teams: a mask through layers of several sizes', async () => {
    const graph = load('onnxjs_teams_msra_190729.onnx', { height: 256, width: 256 });
    const run = await runModel(graph, new Map([['bgrm', golden('onnxjs_teams_msra_190729')]]));
    expect(run.sqnrDb).toBeGreaterThan(40);
  });
});
