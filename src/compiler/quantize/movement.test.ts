/** Operators that move words, and convolutions whose results are interleaved: through front end, quantizer and reference against ONNX Runtime. */
import { describe, expect, it } from 'vitest';
import type { AttributeValue, Tensor } from '../../graph/graph.ts';
import { drawFloats, floats, integers, makeGraph, type TestGraph } from '../frontend/test-graph.test-util.ts';
import { randomInputs, runModel } from './run-model.test-util.ts';

type Attributes = Record<string, AttributeValue>;

const noise = (...dims: number[]): Tensor => drawFloats(dims, (i) => Math.sin(i * 1.7 + dims.length) * 0.7);

/** A convolution in front, the nodes in between (from 'a' to 'b'), one behind: everything must be on the accelerator. */
async function check(
  channels: readonly [inside: number, behind: number],
  size: readonly [height: number, width: number],
  nodes: TestGraph['nodes'],
  constants: Record<string, Tensor> = {},
  opset = 18,
): Promise<number> {
  const [inside, behind] = channels;
  const graph = makeGraph({
    inputs: { x: [1, 5, ...size] },
    outputs: ['y'],
    opset,
    constants: { w1: noise(inside, 5, 3, 3), w2: noise(3, behind, 1, 1), ...constants },
    nodes: [['Conv', ['x', 'w1'], ['a'], { pads: [1, 1, 1, 1] }], ...nodes, ['Conv', ['b', 'w2'], ['y']]],
  });
  const run = await runModel(graph, randomInputs(graph, 3));
  expect(run.lowered.placement.filter(({ where }) => where === 'host')).toEqual([]);
  return run.sqnrDb;
}

describe('ConvTranspose', () => {
  const cases: [string, number[], Attributes][] = [
    ['2×2, stride 2', [6, 4, 2, 2], { strides: [2, 2] }],
    ['3×3, stride 2, padded at the end', [6, 4, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }],
    ['4×4, stride 2', [6, 4, 4, 4], { strides: [2, 2], pads: [1, 1, 1, 1] }],
    ['stride 1', [6, 4, 3, 3], { pads: [1, 1, 1, 1] }],
    ['grouped', [6, 2, 3, 3], { strides: [2, 2], group: 3 }],
    ['depthwise', [6, 1, 4, 4], { strides: [2, 2], group: 6, pads: [1, 1, 1, 1] }],
    ['kernel smaller than the stride', [6, 4, 2, 1], { strides: [3, 2] }],
    ['dilated', [6, 4, 3, 2], { strides: [2, 3], dilations: [3, 2] }],
    ['pads larger than the kernel', [6, 4, 2, 2], { strides: [1, 2], pads: [2, 3, 2, 1] }],
    ['unequal sides', [6, 4, 3, 5], { strides: [2, 3], pads: [0, 1, 2, 3], output_padding: [1, 2] }],
    ['SAME_UPPER', [6, 4, 3, 3], { strides: [3, 2], auto_pad: 'SAME_UPPER' }],
    ['output_shape', [6, 4, 3, 3], { strides: [2, 2], output_shape: [11, 12] }],
    ['16×16, stride 8', [6, 4, 16, 16], { strides: [8, 8], pads: [4, 4, 4, 4] }],
  ];
  it.each(cases)('%s', async (_, dims, attributes) => {
    const channels = dims[1] * ((attributes.group as number | undefined) ?? 1);
    const nodes: TestGraph['nodes'] = [['ConvTranspose', ['a', 'w', 'bias'], ['b'], attributes]];
    expect(await check([6, channels], [6, 5], nodes, { w: noise(...dims), bias: noise(channels) })).toBeGreaterThan(60);
  });

  it('on a sequence', async () => {
    const graph = makeGraph({
      inputs: { x: [1, 4, 9] },
      outputs: ['y'],
      constants: { w: noise(4, 3, 4) },
      nodes: [['ConvTranspose', ['x', 'w'], ['y'], { strides: [2], pads: [1, 1] }]],
    });
    expect((await runModel(graph, randomInputs(graph, 1))).sqnrDb).toBeGreaterThan(60);
  });

  it('followed by a normalization and a Relu', async () => {
    const nodes: TestGraph['nodes'] = [
      ['ConvTranspose', ['a', 'w'], ['t'], { strides: [2, 2] }],
      ['BatchNormalization', ['t', 'n', 'n', 'n', 'one'], ['s']],
      ['Relu', ['s'], ['b']],
    ];
    const constants = { w: noise(6, 4, 3, 3), n: noise(4), one: floats([4], [1, 2, 1, 2]) };
    expect(await check([6, 4], [4, 5], nodes, constants)).toBeGreaterThan(60);
  });
});

describe('Resize', () => {
  const resize = (attributes: Attributes, scales: number[]) => {
    const nodes: TestGraph['nodes'] = [['Resize', ['a', '', 'scales'], ['b'], attributes]];
    return check([6, 6], [7, 6], nodes, { scales: floats([4], [1, 1, ...scales]) });
  };
  const nearest: [string, string, number[]][] = [
    ['asymmetric', 'floor', [2, 2]],
    ['half_pixel', 'round_prefer_floor', [2, 3]],
    ['half_pixel', 'round_prefer_ceil', [3, 2]],
    ['asymmetric', 'round_prefer_floor', [2, 2]],
    ['asymmetric', 'ceil', [4, 2]],
    ['align_corners', 'floor', [2, 2]],
    ['asymmetric', 'floor', [1.5, 1.25]],
    ['half_pixel', 'floor', [0.5, 0.5]],
  ];
  it.each(nearest)('nearest, %s, %s, %j', async (mode, rounding, scales) => {
    const attributes = { mode: 'nearest', coordinate_transformation_mode: mode, nearest_mode: rounding };
    expect(await resize(attributes, scales)).toBeGreaterThan(60);
  });
  const linear: [string, number[]][] = [
    ['half_pixel', [2, 2]],
    ['half_pixel', [3, 4]],
    ['pytorch_half_pixel', [2, 2]],
    ['asymmetric', [2, 3]],
    ['half_pixel', [0.5, 0.5]],
    ['half_pixel', [1, 2]],
    ['asymmetric', [1.5, 1.5]],
    ['half_pixel', [16, 12]],
  ];
  it.each(linear)('linear, %s, %j', async (mode, scales) => {
    expect(await resize({ mode: 'linear', coordinate_transformation_mode: mode }, scales)).toBeGreaterThan(60);
  });

  it('linear, align_corners, to a size', async () => {
    const attributes = { mode: 'linear', coordinate_transformation_mode: 'align_corners' };
    const nodes: TestGraph['nodes'] = [['Resize', ['a', '', '', 'sizes'], ['b'], attributes]];
    expect(await check([6, 6], [7, 6], nodes, { sizes: integers(1, 6, 19, 16) })).toBeGreaterThan(60);
  });

  it('from one pixel', async () => {
    const nodes: TestGraph['nodes'] = [
      ['GlobalAveragePool', ['a'], ['p']],
      ['Resize', ['p', '', 'scales'], ['b'], { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }],
    ];
    expect(await check([6, 6], [7, 6], nodes, { scales: floats([4], [1, 1, 7, 5]) })).toBeGreaterThan(60);
  });

  it('Upsample of opset 9', async () => {
    const nodes: TestGraph['nodes'] = [['Upsample', ['a', 'scales'], ['b'], { mode: 'nearest' }]];
    expect(await check([6, 6], [5, 6], nodes, { scales: floats([4], [1, 1, 2, 2]) }, 9)).toBeGreaterThan(60);
  });
});

describe('moving words', () => {
  const cases: [string, [number, number], TestGraph['nodes'], Record<string, Tensor>][] = [
    ['Slice of channels', [8, 5], [['Slice', ['a', 's', 'e', 'ax'], ['b']]], { s: integers(2), e: integers(7), ax: integers(1) }],
    [
      'Slice of rows and columns with steps',
      [8, 8],
      [['Slice', ['a', 's', 'e', 'ax', 'st'], ['b']]],
      { s: integers(1, -1), e: integers(9, -9), ax: integers(2, 3), st: integers(2, -2) },
    ],
    [
      'Split and Concat',
      [8, 8],
      [
        ['Split', ['a', 'sizes'], ['p', 'q'], { axis: 1 }],
        ['Concat', ['q', 'p'], ['b'], { axis: 1 }],
      ],
      { sizes: integers(3, 5) },
    ],
    ['Gather', [8, 4], [['Gather', ['a', 'i'], ['b'], { axis: 1 }]], { i: integers(7, 0, 1, 0) }],
    ['Pad with a constant', [4, 6], [['Pad', ['a', 'p', 'v'], ['b']]], { p: integers(0, 1, 2, 0, 0, 1, 3, 1), v: floats([], [0.5]) }],
    ['Pad, reflect', [4, 4], [['Pad', ['a', 'p'], ['b'], { mode: 'reflect' }]], { p: integers(0, 0, 2, 3, 0, 0, 1, 2) }],
    ['Pad, edge', [4, 4], [['Pad', ['a', 'p'], ['b'], { mode: 'edge' }]], { p: integers(0, 0, 2, 3, 0, 0, 1, 2) }],
    ['DepthToSpace', [8, 2], [['DepthToSpace', ['a'], ['b'], { blocksize: 2 }]], {}],
    ['DepthToSpace, CRD', [18, 2], [['DepthToSpace', ['a'], ['b'], { blocksize: 3, mode: 'CRD' }]], {}],
    ['SpaceToDepth', [4, 16], [['SpaceToDepth', ['a'], ['b'], { blocksize: 2 }]], {}],
    ['Tile', [4, 8], [['Tile', ['a', 'r'], ['b']]], { r: integers(1, 2, 1, 3) }],
    ['Concat of rows', [4, 4], [['Concat', ['a', 'a'], ['b'], { axis: 2 }]], {}],
    [
      'channel shuffle',
      [12, 12],
      [
        ['Reshape', ['a', 's1'], ['p']],
        ['Transpose', ['p'], ['q'], { perm: [0, 2, 1, 3, 4] }],
        ['Reshape', ['q', 's2'], ['b']],
      ],
      { s1: integers(1, 3, 4, 8, 6), s2: integers(1, 12, 8, 6) },
    ],
    [
      'pixel shuffle in steps',
      [12, 3],
      [
        ['Reshape', ['a', 's1'], ['p']],
        ['Transpose', ['p'], ['q'], { perm: [0, 1, 4, 2, 5, 3] }],
        ['Reshape', ['q', 's2'], ['b']],
      ],
      { s1: integers(1, 3, 2, 2, 8, 6), s2: integers(1, 3, 16, 12) },
    ],
    [
      'space to depth in steps',
      [4, 16],
      [
        ['Reshape', ['a', 's1'], ['p']],
        ['Transpose', ['p'], ['q'], { perm: [0, 3, 5, 1, 2, 4] }],
        ['Reshape', ['q', 's2'], ['b']],
      ],
      { s1: integers(1, 4, 4, 2, 3, 2), s2: integers(1, 16, 4, 3) },
    ],
  ];
  it.each(cases)('%s', async (_, channels, nodes, constants) => {
    expect(await check(channels, [8, 6], nodes, constants)).toBeGreaterThan(60);
  });
});

describe('blocks of pixels as channels', () => {
  type Nodes = TestGraph['nodes'];
  /** Every second row and column, from (row, column) on, as detectors cut their input. */
  const slices = (starts: readonly (readonly [row: number, column: number])[]): { nodes: Nodes; constants: Record<string, Tensor> } => ({
    nodes: [
      ...starts.flatMap(
        ([row, column], i): Nodes => [
          ['Slice', ['x', `from${row}`, 'end', 'rows', 'two'], [`r${i}`]],
          ['Slice', [`r${i}`, `from${column}`, 'end', 'columns', 'two'], [`p${i}`]],
        ],
      ),
      ['Concat', starts.map((_, i) => `p${i}`), ['b'], { axis: 1 }],
    ],
    constants: { from0: integers(0), from1: integers(1), end: integers(1000), rows: integers(2), columns: integers(3), two: integers(2) },
  });
  const FOCUS = [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ] as const;

  const STACK: ReturnType<typeof slices> = { nodes: [['SpaceToDepth', ['x'], ['b'], { blocksize: 12 }]], constants: {} };

  async function run(nodes: Nodes, constants: Record<string, Tensor>, weights: readonly number[], attributes: Attributes) {
    const graph = makeGraph({
      inputs: { x: [1, 3, 12, 36] },
      outputs: ['y'],
      opset: 18,
      constants: { w: noise(...weights), ...constants },
      nodes: [...nodes, ['Conv', ['b', 'w'], ['y'], attributes]],
    });
    const { integer, sqnrDb } = await runModel(graph, randomInputs(graph, 3));
    return { layers: integer.layers, sqnrDb };
  }

  const depthwise = (channels: number): Record<string, Tensor> => ({
    n: noise(channels),
    one: floats([channels], new Array(channels).fill(1)),
  });
  const normalize: Nodes[0] = ['BatchNormalization', ['a', 'n', 'n', 'n', 'one'], ['b']];
  it.each([
    ['slices', slices(FOCUS), [5, 12, 3, 3], { pads: [1, 1, 1, 1] }, [6, 6], [2, 2], [2, 2, 2, 2]],
    [
      'SpaceToDepth, stride and pads of their own',
      { nodes: [['SpaceToDepth', ['x'], ['b'], { blocksize: 3 }]], constants: {} },
      [4, 27, 2, 3],
      { strides: [1, 2], pads: [1, 0, 0, 2] },
      [6, 9],
      [3, 6],
      [3, 0, 0, 6],
    ],
    [
      'blocks of blocks, normalized',
      {
        nodes: [['SpaceToDepth', ['x'], ['h'], { blocksize: 2 }], ['SpaceToDepth', ['h'], ['a'], { blocksize: 3 }], normalize],
        constants: depthwise(108),
      },
      [4, 108, 1, 1],
      {},
      [6, 6],
      [6, 6],
      [0, 0, 0, 0],
    ],
  ] satisfies [string, { nodes: Nodes; constants: Record<string, Tensor> }, number[], Attributes, number[], number[], number[]][])(
    '%s: the convolution reads the map itself',
    async (_, { nodes, constants }, weights, attributes, kernel, stride, pads) => {
      const { layers, sqnrDb } = await run(nodes, constants, weights, attributes);
      expect(layers).toMatchObject([{ kind: 'conv', window: { kernel, stride, pads } }]);
      expect(sqnrDb).toBeGreaterThan(60);
    },
  );

  it.each([
    ['three of four slices', slices(FOCUS.slice(0, 3)), [5, 9, 3, 3], {}],
    ['one of them twice', slices([...FOCUS.slice(0, 3), FOCUS[0]]), [5, 12, 3, 3], {}],
    ['windows with gaps', slices(FOCUS), [5, 12, 3, 3], { dilations: [2, 2] }],
    ['groups', slices(FOCUS), [8, 3, 3, 3], { group: 4 }],
    ['all rows at once', STACK, [5, 432, 1, 3], {}],
  ] satisfies [string, ReturnType<typeof slices>, number[], Attributes][])(
    'not of %s',
    async (_, { nodes, constants }, weights, attributes) => {
      const { layers, sqnrDb } = await run(nodes, constants, weights, attributes);
      expect(layers.some(({ kind }) => kind === 'rearrange')).toBe(true);
      expect(layers.at(-1)).toMatchObject({ kind: 'conv', window: { kernel: weights.slice(2) } });
      expect(sqnrDb).toBeGreaterThan(60);
    },
  );
});
