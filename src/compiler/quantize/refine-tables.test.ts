import { describe, expect, it } from 'vitest';
import { compileModel } from '../../runtime/compile-model.ts';
import { createReferenceDevice } from '../../runtime/reference-device.ts';
import { runModel } from '../../runtime/run-model.ts';
import { compareOutputs, runFloat } from '../../runtime/verify-model.ts';
import { createRandom } from '../../util/random.ts';
import { floats, makeGraph, type TestGraph } from '../frontend/test-graph.test-util.ts';

/** Values of standard deviation 2 with one of 100, which makes the range wide, through nodes from x to y behind a convolution that changes nothing. */
async function runFunction(nodes: TestGraph['nodes'], outlier: number) {
  const channels = 8;
  const identity = Array.from({ length: channels * channels }, (_, i) => (i % (channels + 1) === 0 ? 1 : 0));
  const graph = makeGraph({
    inputs: { i: [1, channels, 16, 16] },
    outputs: ['y'],
    nodes: [['Conv', ['i', 'w'], ['x']], ...nodes],
    constants: { w: floats([channels, channels, 1, 1], identity) },
  });
  const random = createRandom(1);
  const data = Array.from({ length: channels * 256 }, () => 2 * random.normal());
  data[5] = outlier;
  const inputs = new Map([['i', floats([1, channels, 16, 16], data)]]);
  const model = await compileModel(graph, { samples: [inputs] });
  const run = await runModel(model, createReferenceDevice(model.integerGraphs), [inputs]);
  const [{ sqnrDb }] = compareOutputs(await runFloat(model, [inputs]), run.outputs);
  return {
    kinds: model.integerGraphs.flatMap((part) => part.layers.map(({ kind }) => kind)),
    parts: model.parts.map(({ where }) => where),
    sqnrDb,
  };
}

const SILU: TestGraph['nodes'] = [
  ['Sigmoid', ['x'], ['s']],
  ['Mul', ['x', 's'], ['y']],
];

describe('refine-tables', () => {
  it('leaves a table alone that is fine as it is', async () => {
    const { kinds, sqnrDb } = await runFunction(SILU, 5);
    expect(kinds).toEqual(['conv', 'table']);
    expect(sqnrDb).toBeGreaterThan(50);
  });

  it('takes a function that is a multiple of x beyond a bound apart', async () => {
    const { kinds, sqnrDb } = await runFunction(SILU, 100);
    expect(kinds).toEqual(['conv', 'add', 'table', 'mul']);
    expect(sqnrDb).toBeGreaterThan(48);
  });

  it('bounds the input of a function that is flat beyond a bound: the convolution saturates', async () => {
    const { kinds, sqnrDb } = await runFunction([['Tanh', ['x'], ['y']]], 100);
    expect(kinds).toEqual(['conv', 'table']);
    expect(sqnrDb).toBeGreaterThan(60);
  });

  it('bounds it apart where others read the convolution', async () => {
    const { kinds, sqnrDb } = await runFunction(
      [
        ['Tanh', ['x'], ['t']],
        ['Conv', ['x', 'w'], ['c']],
        ['Add', ['c', 't'], ['y']],
      ],
      100,
    );
    expect(kinds).toEqual(['conv', 'add', 'table', 'conv', 'add']);
    expect(sqnrDb).toBeGreaterThan(55);
  });

  it('sends a function to the host that no table holds well enough', async () => {
    expect((await runFunction([['Reciprocal', ['x'], ['y']]], 100)).parts).toEqual(['accelerator', 'host']);
  });
});
