import { describe, expect, it } from 'vitest';
import { XC7Z045 } from '../../machine/machine.ts';
import { compileModel } from '../../runtime/compile-model.ts';
import { createReferenceDevice } from '../../runtime/reference-device.ts';
import { runModel } from '../../runtime/run-model.ts';
import { createSimulatorDevice } from '../../runtime/simulator-device.ts';
import { compareModelBits, compareOutputs, runFloat } from '../../runtime/verify-model.ts';
import { createRandom } from '../../util/random.ts';
import { drawFloats, makeGraph } from './test-graph.test-util.ts';

const random = createRandom(2);
const noise = (...dims: number[]) => drawFloats(dims, () => random.normal());

async function run(dilation: number, pads: number[], mapsBytes: number) {
  const graph = makeGraph({
    inputs: { x: [1, 64, 20, 18] },
    outputs: ['y'],
    constants: { w: noise(24, 64, 3, 3), b: noise(24) },
    nodes: [
      ['Conv', ['x', 'w', 'b'], ['c'], { dilations: [dilation, dilation], pads }],
      ['Relu', ['c'], ['y']],
    ],
  });
  const inputs = [new Map([['x', noise(1, 64, 20, 18)]])];
  const model = await compileModel(graph, { samples: inputs, machine: { ...XC7Z045, name: 'small', mapsBytes } });
  const result = await runModel(model, createSimulatorDevice(model.programs), inputs);
  const { difference } = await compareModelBits(model.integerGraphs, createReferenceDevice(model.integerGraphs), result, 1);
  const [{ sqnrDb }] = compareOutputs(await runFloat(model, inputs), result.outputs);
  return { kinds: model.integerGraphs.flatMap((part) => part.layers.map(({ kind }) => kind)), difference, sqnrDb };
}

describe('split-kernel-rows', () => {
  it('computes a widely dilated convolution row by row of its kernel where the maps buffers are small', async () => {
    for (const [dilation, pads] of [
      [6, [6, 6, 6, 6]],
      [9, [9, 9, 9, 9]],
      [7, [3, 7, 12, 7]],
    ] as const) {
      const { kinds, difference, sqnrDb } = await run(dilation, [...pads], 16 * 1024);
      expect(kinds).toEqual(['conv', 'conv', 'add', 'conv', 'add']);
      expect(difference).toBeUndefined();
      expect(sqnrDb).toBeGreaterThan(60);
    }
  });

  it('takes the mean of a large map in two steps', async () => {
    const graph = makeGraph({ inputs: { x: [1, 96, 40, 36] }, outputs: ['y'], nodes: [['GlobalAveragePool', ['x'], ['y']]] });
    const inputs = [new Map([['x', noise(1, 96, 40, 36)]])];
    const model = await compileModel(graph, { samples: inputs });
    const result = await runModel(model, createSimulatorDevice(model.programs), inputs);
    const { difference } = await compareModelBits(model.integerGraphs, createReferenceDevice(model.integerGraphs), result, 1);
    expect(model.integerGraph.layers.map(({ kind }) => kind)).toEqual(['averagepool', 'averagepool']);
    expect(difference).toBeUndefined();
    const expected = (await runFloat(model, inputs))[0].get('y')!.data as Float32Array;
    const found = result.outputs[0].get('y')!.data as Float32Array;
    // Means of 1,440 values of standard deviation 1; words of ±4.
    for (let i = 0; i < 96; i++) expect(Math.abs(found[i] - expected[i])).toBeLessThan(4 * 2 ** -14);
  });

  it('leaves it whole where the maps buffers hold its window', async () => {
    expect((await run(6, [6, 6, 6, 6], XC7Z045.mapsBytes)).kinds).toEqual(['conv']);
  });
});
