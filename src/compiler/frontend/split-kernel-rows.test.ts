import { describe, expect, it } from 'vitest';
import { XC7Z045 } from '../../machine/machine.ts';
import { compileModel } from '../../runtime/compile-model.ts';
import { createReferenceDevice } from '../../runtime/reference-device.ts';
import { runModel } from '../../runtime/run-model.ts';
import { createSimulatorDevice } from '../../runtime/simulator-device.ts';
import { compareModelBits, compareOutputs, runFloat } from '../../runtime/verify-model.ts';
import { createRandom } from '../../util/random.ts';
import { floats, makeGraph } from './test-graph.test-util.ts';

const random = createRandom(2);
const noise = (...dims: number[]) =>
  floats(
    dims,
    Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => random.normal()),
  );

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

  it('leaves it whole where the maps buffers hold its window', async () => {
    expect((await run(6, [6, 6, 6, 6], XC7Z045.mapsBytes)).kinds).toEqual(['conv']);
  });
});
