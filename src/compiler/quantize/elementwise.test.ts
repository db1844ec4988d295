/** Products, functions, reductions and normalizations through front end, quantizer and reference, against ONNX Runtime in float32. */
import { describe, expect, it } from 'vitest';
import type { AttributeValue, Graph, Tensor } from '../../graph/graph.ts';
import { createRandom } from '../../util/random.ts';
import { drawFloats, floats, integers, makeGraph, type TestGraph } from '../frontend/test-graph.test-util.ts';
import { randomInputs, runModel } from './run-model.test-util.ts';

const random = createRandom(11);
const noise = (dims: number[], scale = 1, offset = 0): Tensor => drawFloats(dims, () => random.normal() * scale + offset);

/** Kinds of the layers, names of host nodes, SQNR. */
async function check(graph: Graph): Promise<{ sqnrDb: number; kinds: string[]; hosts: string[]; titles: string[] }> {
  const run = await runModel(graph, randomInputs(graph, 3));
  return {
    sqnrDb: run.sqnrDb,
    kinds: run.integer.layers.map((layer) => layer.kind),
    titles: run.integer.layers.flatMap((layer) => (layer.kind === 'table' ? [layer.title] : [])),
    hosts: run.lowered.placement.flatMap(({ node, where }) => (where === 'host' ? [node] : [])),
  };
}

type Nodes = TestGraph['nodes'];
const MAP = [1, 8, 6, 5];
/** A convolution in front, so that functions have something to be fused with. */
const onMap = (nodes: Nodes, constants: Record<string, Tensor> = {}, opset = 18, inputs: Record<string, number[]> = { x: MAP }): Graph =>
  makeGraph({
    inputs,
    outputs: ['y'],
    constants: { w: noise([8, 8, 1, 1], 0.5), ...constants },
    nodes: [['Conv', ['x', 'w'], ['c']], ...nodes],
    opset,
  });

describe('functions of one value', () => {
  const cases: [op: string, attributes: Record<string, AttributeValue>, kinds: string[], minDb: number, opset?: number][] = [
    ['Sigmoid', {}, ['conv', 'table'], 60],
    ['Tanh', {}, ['conv', 'table'], 60],
    ['HardSigmoid', { alpha: 0.3, beta: 0.4 }, ['conv'], 70],
    ['HardSwish', {}, ['conv', 'table'], 55],
    ['Elu', { alpha: 0.7 }, ['conv', 'table'], 55],
    ['Selu', {}, ['conv', 'table'], 55],
    ['Celu', { alpha: 1.5 }, ['conv', 'table'], 55],
    ['Softplus', {}, ['conv', 'table'], 60],
    ['Softsign', {}, ['conv', 'table'], 55],
    ['Erf', {}, ['conv', 'table'], 55],
    ['Exp', {}, ['conv', 'table'], 55],
    ['Mish', {}, ['conv', 'table'], 60],
    ['Gelu', {}, ['conv', 'table'], 60, 20],
    ['Gelu', { approximate: 'tanh' }, ['conv', 'table'], 60, 20],
    ['Abs', {}, ['conv', 'table'], 70],
    ['Neg', {}, ['conv'], 70],
    ['Sin', {}, ['conv', 'table'], 55],
    ['Cos', {}, ['conv', 'table'], 55],
  ];
  it.each(cases)('%s %o', async (op, attributes, kinds, minDb, opset = 18) => {
    const result = await check(onMap([[op, ['c'], ['y'], attributes]], {}, opset));
    expect(result.kinds).toEqual(kinds);
    expect(result.hosts).toEqual([]);
    expect(result.sqnrDb).toBeGreaterThan(minDb);
  });

  it('a square root of what is not negative', async () => {
    const nodes: Nodes = [
      ['Relu', ['c'], ['r']],
      ['Sqrt', ['r'], ['y']],
    ];
    const result = await check(onMap(nodes));
    expect(result).toMatchObject({ kinds: ['conv', 'table'], hosts: [] });
    expect(result.sqnrDb).toBeGreaterThan(35);
  });

  it('division by a map', async () => {
    const nodes: Nodes = [
      ['Sigmoid', ['c'], ['s']],
      ['Add', ['s', 'one'], ['d']],
      ['Div', ['x', 'd'], ['y']],
    ];
    const result = await check(onMap(nodes, { one: floats([], [1]) }));
    expect(result).toMatchObject({ hosts: [], kinds: ['conv', 'table', 'mul'] });
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it.each([
    [2, ['conv', 'mul'], 70],
    [3, ['conv', 'table'], 55],
    [1, ['conv'], 70],
  ] as const)('power %i', async (exponent, kinds, minDb) => {
    const result = await check(onMap([['Pow', ['c', 'e'], ['y']]], { e: floats([], [exponent]) }));
    expect(result).toMatchObject({ kinds, hosts: [] });
    expect(result.sqnrDb).toBeGreaterThan(minDb);
  });
});

describe('nodes that are a function together', () => {
  const one = (value: number): Tensor => floats([], [value]);
  const cases: [string, Nodes, Record<string, Tensor>, string][] = [
    [
      'x · sigmoid(x)',
      [
        ['Sigmoid', ['c'], ['s']],
        ['Mul', ['c', 's'], ['y']],
      ],
      {},
      'x·Sigmoid',
    ],
    [
      'x · hardsigmoid(x)',
      [
        ['HardSigmoid', ['c'], ['s'], { alpha: 1 / 6 }],
        ['Mul', ['s', 'c'], ['y']],
      ],
      {},
      'Clip((0.1667·x + 0.5), 0, 1)·x',
    ],
    [
      'x · relu6(x + 3) / 6',
      [
        ['Add', ['c', 'three'], ['a']],
        ['Clip', ['a', 'zero', 'six'], ['r']],
        ['Mul', ['c', 'r'], ['m']],
        ['Div', ['m', 'six'], ['y']],
      ],
      { three: one(3), zero: one(0), six: one(6) },
      '0.1667·x·Clip((x + 3), 0, 6)',
    ],
    [
      'x · tanh(softplus(x))',
      [
        ['Softplus', ['c'], ['p']],
        ['Tanh', ['p'], ['t']],
        ['Mul', ['c', 't'], ['y']],
      ],
      {},
      'x·Tanh(Softplus)',
    ],
    [
      'Gelu as exporters write it',
      [
        ['Div', ['c', 'root2'], ['d']],
        ['Erf', ['d'], ['e']],
        ['Add', ['e', 'one'], ['g']],
        ['Mul', ['c', 'g'], ['m']],
        ['Mul', ['m', 'half'], ['y']],
      ],
      { root2: one(Math.SQRT2), one: one(1), half: one(0.5) },
      '0.5·x·(Erf(0.7071·x) + 1)',
    ],
  ];
  it.each(cases)('%s', async (_, nodes, constants, title) => {
    const result = await check(onMap(nodes, constants));
    expect(result).toMatchObject({ kinds: ['conv', 'table'], titles: [title], hosts: [] });
    expect(result.sqnrDb).toBeGreaterThan(55);
  });

  it('a function with another reader is kept beside the product', async () => {
    const nodes: Nodes = [
      ['Sigmoid', ['c'], ['s']],
      ['Mul', ['c', 's'], ['m']],
      ['Add', ['m', 's'], ['y']],
    ];
    // (x + 1) · sigmoid(x) is a function of x, too.
    expect(await check(onMap(nodes))).toMatchObject({ kinds: ['conv', 'table'], titles: ['(x·Sigmoid + Sigmoid)'] });
  });

  it('a scale per channel in between is not', async () => {
    const nodes: Nodes = [
      ['Sigmoid', ['c'], ['s']],
      ['Mul', ['s', 'k'], ['t']],
      ['Mul', ['c', 't'], ['y']],
    ];
    const result = await check(onMap(nodes, { k: noise([1, 8, 1, 1]) }));
    expect(result.kinds).toEqual(['conv', 'table', 'conv', 'mul']);
    expect(result.sqnrDb).toBeGreaterThan(55);
  });
});

describe('two maps', () => {
  const two = (node: Nodes[number], constants = {}, other: number[] = MAP): Graph =>
    onMap([['Conv', ['x', 'v'], ['d']], node], { v: noise([8, 8, 1, 1], 0.5), ...constants }, 18, { x: MAP, z: other });
  const cases: [string, Nodes[number], string[], number[]?][] = [
    ['Mul', ['Mul', ['c', 'd'], ['y']], ['conv', 'conv', 'mul']],
    ['Sub folds its sign', ['Sub', ['c', 'd'], ['y']], ['conv', 'conv', 'add']],
    ['Max', ['Max', ['c', 'd'], ['y']], ['conv', 'conv', 'maximum']],
    ['Min folds its signs', ['Min', ['c', 'd'], ['y']], ['conv', 'conv', 'maximum', 'conv']],
    ['Mul by a factor per channel', ['Mul', ['z', 'c'], ['y']], ['conv', 'mul'], [1, 8, 1, 1]],
    ['Add of a value per channel', ['Add', ['c', 'z'], ['y']], ['conv', 'add'], [1, 8, 1, 1]],
    ['Mul by a factor per pixel', ['Mul', ['c', 'z'], ['y']], ['conv', 'conv', 'mul'], [1, 1, 6, 5]],
    ['Mul by a factor per row', ['Mul', ['c', 'z'], ['y']], ['conv', 'conv', 'conv', 'mul'], [1, 1, 6, 1]],
    ['Mul by a single value', ['Mul', ['c', 'z'], ['y']], ['conv', 'conv', 'mul'], [1, 1, 1, 1]],
    ['Max with a value per channel', ['Max', ['c', 'z'], ['y']], ['conv', 'conv', 'maximum'], [1, 8, 1, 1]],
  ];
  it.each(cases)('%s', async (_, node, kinds, other = MAP) => {
    const graph = two(node, {}, other);
    const unused = node[1].includes('z') ? graph : { ...graph, inputs: graph.inputs.filter(({ name }) => name !== 'z') };
    const needed = node[1].includes('d') ? unused : { ...unused, nodes: unused.nodes.filter(({ name }) => name !== 'n_d') };
    const result = await check(needed);
    expect(result).toMatchObject({ hosts: [], kinds });
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  const constant: [string, string, string[], Tensor][] = [
    ['Add', 'a map', ['conv', 'constant', 'add'], noise([8, 6, 5])],
    ['Mul', 'rows', ['conv', 'constant', 'mul'], noise([6, 1])],
    ['Sub', 'columns', ['conv', 'constant', 'add'], noise([5])],
    ['Div', 'a map', ['conv', 'constant', 'mul'], noise([1, 1, 6, 5], 0.2, 2)],
    ['Max', 'a map', ['conv', 'constant', 'maximum'], noise([1, 8, 6, 5])],
    ['Min', 'channels', ['conv', 'constant', 'maximum', 'conv'], noise([1, 8, 1, 1])],
  ];
  it.each(constant)('%s with constant %s', async (op, _, kinds, k) => {
    const result = await check(onMap([[op, ['c', 'k'], ['y']]], { k }));
    expect(result.hosts).toEqual([]);
    expect([...result.kinds].sort()).toEqual([...kinds].sort());
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it('a constant minus a map', async () => {
    const result = await check(onMap([['Sub', ['k', 'c'], ['y']]], { k: noise([8, 6, 5]) }));
    expect(result.hosts).toEqual([]);
    expect(result.sqnrDb).toBeGreaterThan(65);
  });

  it.each([
    ['small slopes', 0.2, ['conv', 'conv', 'maximum']],
    ['slopes above one', 1.1, ['conv', 'conv', 'maxpool', 'conv', 'add']],
  ] as const)('PRelu per channel: %s', async (_, offset, kinds) => {
    const result = await check(onMap([['PRelu', ['c', 'slope'], ['y']]], { slope: noise([8, 1, 1], 0.1, offset) }));
    expect(result.hosts).toEqual([]);
    expect(result.kinds).toEqual(kinds);
    expect(result.sqnrDb).toBeGreaterThan(65);
  });
});

describe('reductions', () => {
  const cases: [string, number[], number, string[]][] = [
    // A mean over pixels goes in front of the pointwise convolution.
    ['ReduceMean', [2, 3], 1, ['averagepool', 'conv']],
    ['ReduceMean', [2], 0, ['averagepool', 'conv']],
    ['ReduceMean', [1], 1, ['conv', 'conv']],
    ['ReduceMean', [1, 2, 3], 1, ['conv', 'conv']],
    ['ReduceSum', [2, 3], 0, ['conv', 'conv']],
    ['ReduceSum', [-1], 1, ['conv', 'conv']],
    ['ReduceSum', [1], 1, ['conv', 'conv']],
    ['ReduceMax', [2, 3], 1, ['conv', 'maxpool']],
    ['ReduceMax', [3], 0, ['conv', 'maxpool']],
  ];
  it.each(cases)('%s over %o, keepdims %i', async (op, axes, keepdims, kinds) => {
    const result = await check(onMap([[op, ['c', 'axes'], ['y'], { keepdims }]], { axes: integers(...axes) }));
    expect(result).toMatchObject({ hosts: [], kinds });
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it('squeeze and excite', async () => {
    const nodes: Nodes = [
      ['GlobalAveragePool', ['c'], ['g']],
      ['Conv', ['g', 'v'], ['s']],
      ['Relu', ['s'], ['r']],
      ['Conv', ['r', 'u'], ['e']],
      ['HardSigmoid', ['e'], ['h']],
      ['Mul', ['c', 'h'], ['y']],
    ];
    const result = await check(onMap(nodes, { v: noise([4, 8, 1, 1]), u: noise([8, 4, 1, 1]) }));
    expect(result).toMatchObject({ hosts: [], kinds: ['conv', 'averagepool', 'conv', 'conv', 'mul'] });
    expect(result.sqnrDb).toBeGreaterThan(60);
  });
});

describe('normalizations', () => {
  it.each([3, 5])('LRN over %i channels', async (size) => {
    const result = await check(onMap([['LRN', ['c'], ['y'], { size, alpha: 0.05, beta: 0.75, bias: 2 }]]));
    expect(result).toMatchObject({ hosts: [], kinds: ['conv', 'mul', 'conv', 'table', 'mul'] });
    expect(result.sqnrDb).toBeGreaterThan(60);
  });

  it('InstanceNormalization', async () => {
    const result = await check(onMap([['InstanceNormalization', ['c', 's', 'b'], ['y']]], { s: noise([8], 0.2, 1), b: noise([8]) }));
    expect(result.hosts).toEqual([]);
    expect(result.sqnrDb).toBeGreaterThan(45);
  });

  it.each([true, false])('LayerNormalization over the channels of a sequence, bias %s', async (hasBias) => {
    const graph = makeGraph({
      inputs: { x: [1, 9, 24] },
      outputs: ['y'],
      constants: { w: noise([24, 24], 0.3), s: noise([24], 0.2, 1), ...(hasBias ? { b: noise([24]) } : {}) },
      nodes: [
        ['MatMul', ['x', 'w'], ['c']],
        ['LayerNormalization', hasBias ? ['c', 's', 'b'] : ['c', 's'], ['y'], { axis: -1 }],
      ],
      opset: 18,
    });
    const result = await check(graph);
    expect(result.hosts).toEqual([]);
    expect(result.sqnrDb).toBeGreaterThan(45);
  });
});

describe('products of activations', () => {
  const sequences = (nodes: Nodes, inputs: Record<string, number[]>, constants: Record<string, Tensor> = {}): Graph =>
    makeGraph({ inputs, outputs: ['y'], constants, nodes, opset: 18 });

  it.each<[string, number[], number[]]>([
    ['matrices', [1, 9, 24], [1, 24, 32]],
    ['heads', [1, 3, 9, 16], [1, 3, 16, 9]],
    ['depth of no whole lines', [1, 2, 7, 19], [1, 2, 19, 5]],
    ['one right matrix for all', [1, 3, 6, 8], [1, 1, 8, 4]],
    ['one left matrix for all', [1, 1, 6, 8], [1, 3, 8, 4]],
  ])('MatMul: %s', async (_, a, b) => {
    const result = await check(sequences([['MatMul', ['a', 'b'], ['y']]], { a, b }));
    expect(result.hosts).toEqual([]);
    expect(result.kinds).toContain('matmul');
    expect(result.sqnrDb).toBeGreaterThan(70);
  });

  it.each<[number, number[]]>([
    [-1, [1, 3, 7, 20]],
    [2, [1, 9, 197]],
    [-1, [1, 2, 5]],
  ])('Softmax over dimension %i of %o', async (axis, x) => {
    const nodes: Nodes = [
      ['Softmax', ['x'], ['s'], { axis }],
      ['MatMul', ['s', 'w'], ['y']],
    ];
    const result = await check(sequences(nodes, { x }, { w: noise([x.at(-1)!, 6]) }));
    expect(result.hosts).toEqual([]);
    expect(result.sqnrDb).toBeGreaterThan(45);
  });

  it('attention with two heads', async () => {
    const [positions, heads, width] = [11, 2, 16];
    const features = heads * width;
    const linear = (name: string): Nodes => [['MatMul', ['x', `w${name}`], [name]]];
    const divide = (name: string, perm: number[]): Nodes => [
      ['Reshape', [name, 'split'], [`${name}h`]],
      ['Transpose', [`${name}h`], [`${name}t`], { perm }],
    ];
    const nodes: Nodes = [
      ...linear('q'),
      ...linear('k'),
      ...linear('v'),
      ...divide('q', [0, 2, 1, 3]),
      ...divide('k', [0, 2, 3, 1]),
      ...divide('v', [0, 2, 1, 3]),
      ['MatMul', ['qt', 'kt'], ['s']],
      ['Div', ['s', 'root'], ['d']],
      ['Softmax', ['d'], ['p'], { axis: -1 }],
      ['MatMul', ['p', 'vt'], ['o']],
      ['Transpose', ['o'], ['ot'], { perm: [0, 2, 1, 3] }],
      ['Reshape', ['ot', 'joined'], ['oj']],
      ['MatMul', ['oj', 'wo'], ['l']],
      ['Add', ['l', 'x'], ['y']],
    ];
    const scale = 1 / Math.sqrt(features);
    const weights = Object.fromEntries(['wq', 'wk', 'wv', 'wo'].map((name) => [name, noise([features, features], scale)]));
    const shapes = { split: integers(1, positions, heads, width), joined: integers(1, positions, features), root: floats([], [4]) };
    const result = await check(sequences(nodes, { x: [1, positions, features] }, { ...weights, ...shapes }));
    expect(result.hosts).toEqual([]);
    // Scores, the values' transposition, what is mixed.
    expect(result.kinds.filter((kind) => kind === 'matmul')).toHaveLength(3 * heads);
    expect(result.sqnrDb).toBeGreaterThan(45);
  });
});
