/** Every operator through the whole front end, quantizer and reference, against ONNX Runtime in float32. */
import { describe, expect, it } from 'vitest';
import type { AttributeValue, Graph, Tensor } from '../../graph/graph.ts';
import { createRandom } from '../../util/random.ts';
import { hostParts } from '../frontend/lower-graph.ts';
import { drawFloats, floats, integers, makeGraph, type TestGraph } from '../frontend/test-graph.test-util.ts';
import { randomInputs, runModel } from './run-model.test-util.ts';

const random = createRandom(7);
const noise = (...dims: number[]): Tensor => drawFloats(dims, () => random.normal());
const positive = (n: number): Tensor => drawFloats([n], () => 0.5 + random.uniform());

/** One node on input x [dims] with constants w, b …; returns SQNR and the kinds of the layers made. */
async function check(graph: Graph): Promise<{ sqnrDb: number; kinds: string[]; hosts: string[] }> {
  const run = await runModel(graph, randomInputs(graph, 3));
  return {
    sqnrDb: run.sqnrDb,
    kinds: run.integer.layers.map((layer) => layer.kind),
    hosts: hostParts(run.lowered).flatMap((part) => part.nodes),
  };
}

async function checkNode(
  op: string,
  dims: number[],
  constants: Record<string, Tensor>,
  attributes: Record<string, AttributeValue> = {},
  opset = 13,
) {
  const nodes: TestGraph['nodes'] = [[op, ['x', ...Object.keys(constants)], ['y'], attributes]];
  return check(makeGraph({ inputs: { x: dims }, outputs: ['y'], constants, nodes, opset }));
}

describe('convolution', () => {
  const cases: [string, number[], number[], Record<string, AttributeValue>][] = [
    ['3×3 with padding', [1, 5, 9, 8], [7, 5, 3, 3], { pads: [1, 1, 1, 1] }],
    ['11×11 stride 4', [1, 3, 31, 31], [6, 3, 11, 11], { strides: [4, 4], pads: [2, 2, 2, 2] }],
    ['asymmetric', [1, 4, 7, 10], [3, 4, 2, 3], { strides: [1, 2], pads: [0, 1, 1, 2] }],
    ['dilated', [1, 4, 12, 12], [5, 4, 3, 3], { dilations: [2, 3], pads: [2, 3, 2, 3] }],
    ['grouped', [1, 6, 6, 6], [9, 2, 3, 3], { group: 3, pads: [1, 1, 1, 1] }],
    ['depthwise', [1, 8, 6, 6], [8, 1, 3, 3], { group: 8, pads: [1, 1, 1, 1], strides: [2, 2] }],
    ['depthwise with multiplier', [1, 4, 6, 6], [8, 1, 3, 3], { group: 4 }],
    ['1×1', [1, 16, 4, 4], [8, 16, 1, 1], {}],
    ['SAME_UPPER', [1, 2, 7, 7], [3, 2, 4, 4], { auto_pad: 'SAME_UPPER', strides: [2, 2] }],
    ['SAME_LOWER', [1, 2, 7, 7], [3, 2, 4, 4], { auto_pad: 'SAME_LOWER', strides: [2, 2] }],
    ['VALID', [1, 2, 7, 7], [3, 2, 4, 4], { auto_pad: 'VALID' }],
    ['one-dimensional', [1, 4, 20], [6, 4, 5], { pads: [2, 2], strides: [2] }],
  ];
  it.each(cases)('%s', async (_, dims, weights, attributes) => {
    const result = await checkNode('Conv', dims, { w: noise(...weights), b: noise(weights[0]) }, attributes);
    expect(result.kinds).toEqual(['conv']);
    expect(result.hosts).toEqual([]);
    expect(result.sqnrDb).toBeGreaterThan(65);
  });
});

describe('pools', () => {
  const cases: [string, string, Record<string, AttributeValue>][] = [
    ['MaxPool', '3×3/2', { kernel_shape: [3, 3], strides: [2, 2] }],
    ['MaxPool', 'padded, ceil mode', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
    ['MaxPool', 'dilated', { kernel_shape: [2, 2], dilations: [2, 2] }],
    ['MaxPool', 'SAME_UPPER', { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' }],
    ['AveragePool', '2×2/2', { kernel_shape: [2, 2], strides: [2, 2] }],
    ['AveragePool', 'padding not counted', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
    ['AveragePool', 'padding counted', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }],
    ['AveragePool', 'ceil mode', { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
    [
      'AveragePool',
      'ceil mode, padding counted',
      { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1, count_include_pad: 1 },
    ],
    ['GlobalAveragePool', '', {}],
    ['GlobalMaxPool', '', {}],
  ];
  it.each(cases)('%s %s', async (op, _, attributes) => {
    const result = await checkNode(op, [1, 5, 10, 8], {}, attributes);
    expect(result.kinds).toEqual([op.includes('Max') ? 'maxpool' : 'averagepool']);
    expect(result.sqnrDb).toBeGreaterThan(55);
  });

  it('a pyramid of max pools: the larger look at what the smaller made, whatever their order', async () => {
    const pool = (size: number, pads: number[], output: string): TestGraph['nodes'][0] => [
      'MaxPool',
      ['x'],
      [output],
      { kernel_shape: [size, size], pads },
    ];
    const graph = makeGraph({
      inputs: { x: [1, 4, 9, 14] },
      outputs: ['y'],
      nodes: [
        pool(9, [4, 4, 4, 4], 'b'),
        pool(6, [3, 1, 2, 4], 'd'),
        pool(5, [2, 2, 2, 2], 'a'),
        pool(13, [6, 6, 6, 6], 'c'),
        ['Concat', ['x', 'a', 'b', 'c', 'd'], ['y'], { axis: 1 }],
      ],
    });
    const { integer, sqnrDb } = await runModel(graph, randomInputs(graph, 3));
    const pools = integer.layers.flatMap((layer) => (layer.kind === 'maxpool' ? [layer] : []));
    const size = (node: string): readonly number[] => pools.find(({ name }) => name === node)!.window.kernel;
    // 6×6 reaches less far to the left than 5×5, and lies in 9×9.
    const kernels = ['a', 'd', 'b', 'c'].map((output) => size(`n_${output}`).join('×'));
    expect(kernels).toEqual(['5×5', '6×6', '4×4', '5×5']);
    expect(sqnrDb).toBeGreaterThan(60);
  });

  it('one-dimensional', async () => {
    expect((await checkNode('MaxPool', [1, 3, 17], {}, { kernel_shape: [3], strides: [2] })).sqnrDb).toBeGreaterThan(65);
    expect((await checkNode('AveragePool', [1, 3, 17], {}, { kernel_shape: [4], strides: [3], pads: [1, 1] })).sqnrDb).toBeGreaterThan(60);
  });

  it('ReduceMean over rows and columns', async () => {
    expect((await checkNode('ReduceMean', [1, 6, 5, 5], {}, { axes: [2, 3], keepdims: 0 })).kinds).toEqual(['averagepool']);
    expect((await checkNode('ReduceMean', [1, 6, 5, 5], {}, { axes: [-1, -2] })).sqnrDb).toBeGreaterThan(50);
  });
});

describe('matrices', () => {
  it('Gemm with every transposition, alpha and beta', async () => {
    for (const transB of [0, 1]) {
      const b = transB ? noise(5, 24) : noise(24, 5);
      const result = await checkNode('Gemm', [1, 24], { b, c: noise(5) }, { transB, alpha: 0.5, beta: 2 });
      expect(result.kinds).toEqual(['conv']);
      expect(result.sqnrDb).toBeGreaterThan(65);
    }
  });

  it.each(['Flatten', 'Reshape'])('%s and Gemm cover the whole map', async (op) => {
    const shape = { shape: integers(0, -1) };
    const run = await runModel(
      makeGraph({
        inputs: { x: [1, 6, 3, 4] },
        outputs: ['y'],
        constants: { ...shape, w: noise(5, 72), b: noise(5), v: noise(72, 5) },
        nodes: [
          [op, op === 'Flatten' ? ['x'] : ['x', 'shape'], ['f']],
          ['Gemm', ['f', 'w', 'b'], ['g'], { transB: 1 }],
          ['MatMul', ['f', 'v'], ['m']],
          ['Add', ['g', 'm'], ['y']],
        ],
      }),
      randomInputs(makeGraph({ inputs: { x: [1, 6, 3, 4] }, outputs: [], nodes: [] }), 5),
    );
    expect(run.integer.layers.map((layer) => layer.kind)).toEqual(['conv', 'conv', 'add']);
    expect(run.integer.layers[0]).toMatchObject({ window: { kernel: [3, 4] } });
    expect(run.sqnrDb).toBeGreaterThan(65);
  });

  it('MatMul along the channels of a sequence', async () => {
    const result = await checkNode('MatMul', [1, 7, 12], { w: noise(12, 9) });
    expect(result.kinds).toEqual(['conv']);
    expect(result.sqnrDb).toBeGreaterThan(65);
  });

  it('a channels-last model: transposed at both ends', async () => {
    const graph = makeGraph({
      inputs: { x: [1, 6, 7, 3] },
      outputs: ['y'],
      constants: { w: noise(5, 3, 3, 3), v: noise(5, 4) },
      nodes: [
        ['Transpose', ['x'], ['t'], { perm: [0, 3, 1, 2] }],
        ['Conv', ['t', 'w'], ['c']],
        ['Transpose', ['c'], ['u'], { perm: [0, 2, 3, 1] }],
        ['MatMul', ['u', 'v'], ['y']],
      ],
    });
    const result = await check(graph);
    expect(result).toMatchObject({ kinds: ['conv', 'conv'], hosts: [] });
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it('rows and columns exchanged by a Transpose', async () => {
    const graph = makeGraph({
      inputs: { x: [1, 4, 6, 9] },
      outputs: ['y'],
      constants: { w: noise(5, 4, 3, 2), v: noise(3, 5, 1, 3) },
      nodes: [
        ['Conv', ['x', 'v0'], ['a']],
        ['Transpose', ['a'], ['t'], { perm: [0, 1, 3, 2] }],
        ['Conv', ['t', 'w'], ['c'], { strides: [2, 1], pads: [1, 0, 0, 2] }],
        ['Transpose', ['c'], ['d'], { perm: [0, 1, 3, 2] }],
        ['Conv', ['d', 'v'], ['y']],
      ],
    });
    const withConstant = { ...graph, initializers: new Map([...graph.initializers, ['v0', noise(4, 4, 1, 1)]]) };
    expect((await check(withConstant)).sqnrDb).toBeGreaterThan(60);
  });
});

describe('elementwise', () => {
  const unary: [string, Record<string, Tensor>, string][] = [
    ['Relu', {}, 'maxpool'],
    ['LeakyRelu', {}, 'table'],
    ['Sigmoid', {}, 'table'],
    ['Tanh', {}, 'table'],
    ['HardSigmoid', {}, 'conv'],
    ['PRelu', { slope: floats([1], [0.25]) }, 'table'],
    ['Clip', { min: floats([], [-0.5]), max: floats([], [1.25]) }, 'maxpool'],
    ['Mul', { k: noise(4, 1, 1) }, 'conv'],
    ['Add', { k: noise(1, 4, 1, 1) }, 'conv'],
    ['Sub', { k: floats([], [0.3]) }, 'conv'],
    ['Div', { k: positive(1) }, 'conv'],
    ['Max', { k: floats([1], [-0.25]) }, 'maxpool'],
    ['BatchNormalization', { s: positive(4), b: noise(4), m: noise(4), v: positive(4) }, 'conv'],
  ];
  it.each(unary)('%s alone', async (op, constants, kind) => {
    const result = await checkNode(op, [1, 4, 5, 6], constants);
    expect(result.kinds).toEqual([kind]);
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it('Clip with attributes (opset 6)', async () => {
    expect((await checkNode('Clip', [1, 4, 5, 6], {}, { min: 0, max: 1 }, 10)).sqnrDb).toBeGreaterThan(60);
  });

  it('Add and Sum of activations with different ranges', async () => {
    const graph = makeGraph({
      inputs: { x: [1, 4, 5, 5] },
      outputs: ['y'],
      constants: { a: noise(4, 4, 1, 1), k: floats([], [100]), b: noise(4, 4, 1, 1) },
      nodes: [
        ['Mul', ['x', 'k'], ['x100']],
        ['Conv', ['x100', 'a'], ['big']],
        ['Conv', ['x', 'b'], ['small']],
        ['Sum', ['big', 'small', 'x'], ['s']],
        ['Add', ['s', 'small'], ['t']],
        ['Relu', ['t'], ['y']],
      ],
    });
    const result = await check(graph);
    expect(result.kinds).toEqual(['conv', 'conv', 'add', 'add', 'add']);
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it('Concat of channels', async () => {
    const graph = makeGraph({
      inputs: { x: [1, 4, 5, 5] },
      outputs: ['y'],
      constants: { a: noise(3, 4, 1, 1), b: noise(5, 4, 3, 3) },
      nodes: [
        ['Conv', ['x', 'a'], ['p']],
        ['Conv', ['x', 'b'], ['q'], { pads: [1, 1, 1, 1] }],
        ['Concat', ['p', 'q', 'x'], ['j'], { axis: -3 }],
        ['Relu', ['j'], ['y']],
      ],
    });
    const result = await check(graph);
    expect(result.kinds).toEqual(['conv', 'conv', 'concat', 'maxpool']);
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it('Conv, BatchNormalization, Add, Clip, Dropout, Identity: one layer', async () => {
    const graph = makeGraph({
      inputs: { x: ['N', 4, 6, 6] },
      outputs: ['y'],
      constants: {
        w: noise(5, 4, 3, 3),
        s: positive(5),
        b: noise(5),
        m: noise(5),
        v: positive(5),
        k: noise(5, 1, 1),
        six: floats([], [6]),
        zero: floats([], [0]),
      },
      nodes: [
        ['Conv', ['x', 'w'], ['c']],
        ['BatchNormalization', ['c', 's', 'b', 'm', 'v'], ['n']],
        ['Add', ['n', 'k'], ['a']],
        ['Dropout', ['a'], ['d']],
        ['Clip', ['d', 'zero', 'six'], ['r']],
        ['Identity', ['r'], ['y']],
      ],
    });
    const result = await check(graph);
    expect(result.kinds).toEqual(['conv']);
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it('a normalisation between Relu and an unpadded convolution is folded forwards', async () => {
    const graph = makeGraph({
      inputs: { x: [1, 4, 6, 6] },
      outputs: ['y'],
      constants: { a: noise(6, 4, 1, 1), s: positive(6), b: noise(6), m: noise(6), v: positive(6), w: noise(4, 3, 3, 3) },
      nodes: [
        ['Conv', ['x', 'a'], ['c']],
        ['Relu', ['c'], ['r']],
        ['BatchNormalization', ['r', 's', 'b', 'm', 'v'], ['n']],
        ['Conv', ['n', 'w'], ['y'], { group: 2 }],
      ],
    });
    const result = await check(graph);
    expect(result.kinds).toEqual(['conv', 'conv']);
    expect(result.sqnrDb).toBeGreaterThan(60);
  });
});

describe('host parts', () => {
  it('normalisation in front of a padded convolution, Softmax behind', async () => {
    const graph = makeGraph({
      inputs: { x: [1, 3, 6, 6] },
      outputs: ['y'],
      constants: { mean: noise(1, 3, 1, 1), std: floats([3, 1, 1], [2, 3, 4]), w: noise(5, 3, 3, 3), v: noise(5, 10) },
      nodes: [
        ['Sub', ['x', 'mean'], ['s']],
        ['Div', ['s', 'std'], ['d']],
        ['Conv', ['d', 'w'], ['c'], { pads: [1, 1, 1, 1] }],
        ['GlobalAveragePool', ['c'], ['g']],
        ['Flatten', ['g'], ['f']],
        ['Gemm', ['f', 'v'], ['z']],
        ['Softmax', ['z'], ['y'], { axis: 1 }],
      ],
    });
    const result = await check(graph);
    expect(result.hosts).toEqual(['n_s', 'n_d', 'n_y']);
    expect(result.kinds).toEqual(['conv', 'averagepool', 'conv']);
    expect(result.sqnrDb).toBeGreaterThan(45);
  });

  it('a result whose elements would have to be rearranged', async () => {
    const graph = makeGraph({
      inputs: { x: [1, 4, 3, 3] },
      outputs: ['y'],
      constants: { w: noise(4, 4, 1, 1), split: integers(1, 2, 2, 3, 3), join: integers(1, 1, 6, 6) },
      nodes: [
        ['Conv', ['x', 'w'], ['c']],
        ['Reshape', ['c', 'split'], ['r']],
        ['Transpose', ['r'], ['t'], { perm: [0, 3, 1, 4, 2] }],
        ['Reshape', ['t', 'join'], ['y']],
      ],
    });
    const result = await check(graph);
    expect(result.hosts).toEqual([]);
    expect(result.sqnrDb).toBeGreaterThan(60);
  });
});

it('mode q8.8 stays within its resolution', async () => {
  const graph = makeGraph({
    inputs: { x: [1, 4, 6, 6] },
    outputs: ['y'],
    constants: { w: noise(5, 4, 3, 3), b: noise(5) },
    nodes: [
      ['Conv', ['x', 'w', 'b'], ['c']],
      ['LeakyRelu', ['c'], ['l'], { alpha: 0.1 }],
      ['AveragePool', ['l'], ['y'], { kernel_shape: [2, 2] }],
    ],
  });
  const run = await runModel(graph, randomInputs(graph, 3), { mode: 'q8.8' });
  expect(run.integer.tensors.every((tensor) => tensor.fraction === 8)).toBe(true);
  expect(run.sqnrDb).toBeGreaterThan(40);
});
