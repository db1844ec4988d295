import { describe, expect, it } from 'vitest';
import type { Graph, Tensor } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx/write-onnx.ts';
import { calibrate } from './calibrate.ts';
import { createFloatSession } from './float-session.ts';
import { randomInputs } from './random-input.ts';

const tensor = (dims: number[], ...values: number[]): Tensor => ({ dtype: 'float32', dims, data: Float32Array.from(values) });

/** y = relu(x · w), w = [[1, -1], [2, 3]]. */
const GRAPH: Graph = {
  name: 'small',
  opset: 13,
  irVersion: 8,
  inputs: [{ name: 'x', dtype: 'float32', dims: [1, 2] }],
  outputs: [{ name: 'y', dtype: 'float32', dims: [1, 2] }],
  nodes: [
    { name: 'product', op: 'MatMul', domain: '', inputs: ['x', 'w'], outputs: ['p'], attributes: {} },
    { name: 'rectify', op: 'Relu', domain: '', inputs: ['p'], outputs: ['y'], attributes: {} },
  ],
  initializers: new Map([['w', tensor([2, 2], 1, -1, 2, 3)]]),
  values: new Map(),
};

describe('float sessions', () => {
  it('run a graph', async () => {
    const session = await createFloatSession(writeOnnx(GRAPH), 'small');
    const outputs = await session.run(new Map([['x', tensor([1, 2], 1, -2)]]));
    expect(outputs.get('y')).toEqual(tensor([1, 2], 0, 0));
    await expect(session.run(new Map())).rejects.toThrow(/small: input 'x' is missing/);
    await expect(session.run(new Map([['x', tensor([1, 3], 1, 2, 3)]]))).rejects.toThrow(/small: ONNX Runtime can not run it/);
    await session.release();
  });

  it('refuse what is no model', async () => {
    await expect(createFloatSession(Uint8Array.of(1, 2, 3), 'junk')).rejects.toThrow(/junk: ONNX Runtime can not load it/);
  });
});

describe('calibrate', () => {
  it('finds the extremes of inputs, intermediates and outputs over all samples', async () => {
    const samples = [new Map([['x', tensor([1, 2], 1, -2)]]), new Map([['x', tensor([1, 2], 0.5, 4)]])];
    const ranges = await calibrate(GRAPH, ['x', 'p', 'y'], samples);
    expect(ranges.get('x')).toMatchObject({ min: -2, max: 4 });
    expect(ranges.get('p')).toMatchObject({ min: -7, max: 11.5 });
    expect(ranges.get('y')).toMatchObject({ min: 0, max: 11.5 });
  });

  it('refuses values that are not finite', async () => {
    const samples = [new Map([['x', tensor([1, 2], 1e38, 3e38)]])];
    await expect(calibrate(GRAPH, ['p'], samples)).rejects.toThrow(/value 'p' becomes infinite or NaN/);
  });
});

describe('randomInputs', () => {
  it('repeat for a seed and need all dimensions', () => {
    expect(randomInputs(GRAPH, 3)).toEqual(randomInputs(GRAPH, 3));
    expect(randomInputs(GRAPH, 3)).not.toEqual(randomInputs(GRAPH, 4));
    const dynamic = { inputs: [{ name: 'x', dtype: 'float32' as const, dims: ['N', 2] }] };
    expect(() => randomInputs(dynamic, 1)).toThrow(/dynamic shape N,2: give it with --shape x=1,2/);
  });
});
