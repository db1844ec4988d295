/** Index maps to parts, phases of transposed convolutions, values with divided axes, and the passes that move work and channels past rearrangements. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pixelRuns } from './block-moves.ts';
import { factoredDims, factorView, materialize, plainView, reshapeFactored, sliceFactored, transposeFactored } from './factored-view.ts';
import type { FloatConv, FloatLayer } from './layer-graph.ts';
import { acceleratorParts, lowerGraph } from './lower-graph.ts';
import { findPhases } from './operators/conv-transpose.ts';
import { findRuns, makeParts } from './rearrange-parts.ts';
import { drawFloats, floats, integers, makeGraph, type TestGraph } from './test-graph.test-util.ts';

const tensorOf = (height: number, width: number, channels: number) => ({ id: 0, name: 't', height, width, channels, measurable: true });

describe('findRuns', () => {
  it('covers every index once, with its source', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 12 }), { minLength: 1, maxLength: 40 }), (sources) => {
        const found = new Array<number>(sources.length).fill(-1);
        for (const { to, toStep, from, fromStep, count } of findRuns(sources)) {
          for (let i = 0; i < count; i++) {
            expect(found[to + i * toStep]).toBe(-1);
            found[to + i * toStep] = from + i * fromStep;
          }
        }
        expect(found).toEqual(sources);
      }),
    );
  });

  it('takes an enlargement as one run for each position between neighbours', () => {
    expect(findRuns([0, 0, 1, 1, 2, 2])).toEqual([
      { to: 0, toStep: 2, from: 0, fromStep: 1, count: 3 },
      { to: 1, toStep: 2, from: 0, fromStep: 1, count: 3 },
    ]);
  });

  it('keeps the inside of a padded axis in one piece', () => {
    expect(findRuns([0, 0, 1, 2, 3, 3])).toContainEqual({ to: 1, toStep: 1, from: 0, fromStep: 1, count: 4 });
  });
});

it('makeParts: channels with a step are moved word by word, rows and columns are not', () => {
  const runs = (count: number, fromStep: number) => [{ to: 0, toStep: 1, from: 0, fromStep, count }];
  const parts = makeParts(0, tensorOf(4, 6, 4), tensorOf(2, 3, 2), runs(2, 2), runs(3, 2), runs(2, 2));
  expect(parts.map(({ words, from, to }) => [words, from.offset, from.rowStep, from.columnStep, to.offset])).toEqual([
    [1, 0, 48, 8, 0],
    [1, 2, 48, 8, 1],
  ]);
});

describe('findPhases', () => {
  it('are the taps of a transposed convolution', () => {
    const axis = fc.record({
      kernel: fc.integer({ min: 1, max: 6 }),
      stride: fc.integer({ min: 1, max: 5 }),
      dilation: fc.integer({ min: 1, max: 4 }),
      pad: fc.integer({ min: 0, max: 6 }),
      outSize: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(axis, ({ kernel, stride, dilation, pad, outSize }) => {
        // By the definition: source i adds kernel index k to result i·stride − pad + k·dilation.
        const wanted = new Set<string>();
        for (let i = -60; i < 60; i++) {
          for (let k = 0; k < kernel; k++) {
            const y = i * stride - pad + k * dilation;
            if (y >= 0 && y < outSize) wanted.add(`${y}:${i}:${k}`);
          }
        }
        const found = new Set<string>();
        for (const phase of findPhases({ kernel, stride, dilation, pad, outSize })) {
          for (let n = 0; n < phase.count; n++) {
            phase.taps.forEach((k, tap) => {
              found.add(`${phase.first + n * phase.step}:${phase.origin + n * phase.stride + tap * phase.dilation}:${k}`);
            });
          }
        }
        expect([...found].sort()).toEqual([...wanted].filter((text) => Math.abs(Number(text.split(':')[1])) < 60).sort());
      }),
    );
  });
});

describe('values with divided axes', () => {
  const view = { tensor: tensorOf(4, 6, 12), axes: [[], ['channels'], ['height'], ['width']] as const };

  it('come back as they were', () => {
    const split = reshapeFactored(factorView(view), [1, 3, 4, 2, 2, 6])!;
    expect(factoredDims(split)).toEqual([1, 3, 4, 2, 2, 6]);
    expect(plainView(split)).toBeUndefined();
    expect(plainView(reshapeFactored(split, [1, 12, 4, 6])!)).toEqual({ tensor: view.tensor, axes: view.axes });
  });

  it('cannot be cut across an axis', () => {
    expect(reshapeFactored(factorView(view), [1, 8, 6, 6])).toBeUndefined();
  });

  it('a channel shuffle is runs of channels on the same pixels', () => {
    const split = reshapeFactored(factorView(view), [1, 3, 4, 4, 6])!;
    const shuffled = reshapeFactored(transposeFactored(split, [0, 2, 1, 3, 4]), [1, 12, 4, 6])!;
    const { isChannelOrder, parts } = materialize(shuffled);
    expect(isChannelOrder).toBe(true);
    expect(parts.every(({ rows, columns }) => rows === 4 && columns === 6)).toBe(true);
    const order = new Array<number>(12);
    for (const { words, from, to } of parts) for (let k = 0; k < words; k++) order[to.offset + k] = from.offset + k;
    expect(order).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
  });

  it('one index of a divided axis starts inside it', () => {
    const split = reshapeFactored(factorView(view), [1, 3, 4, 4, 6])!;
    const picked = sliceFactored(split, 1, 2, 1, 1)!;
    expect(picked.start.channels).toBe(8);
    expect(materialize({ ...picked, dims: picked.dims.filter((_, dim) => dim !== 1) }).parts[0].from.offset).toBe(8);
  });
});

const noise = (...dims: number[]) => drawFloats(dims, (i) => Math.sin(i + 1));

function layersOf(nodes: TestGraph['nodes'], constants: TestGraph['constants'], channels = 8): FloatLayer[] {
  const graph = makeGraph({ inputs: { x: [1, channels, 6, 4] }, outputs: ['y'], constants, nodes });
  const [part] = acceleratorParts(lowerGraph(graph));
  return [...part.layers];
}

describe('hoist-through-moves', () => {
  it('a normalization and a Relu behind a transposed convolution fold into its phases', () => {
    const layers = layersOf(
      [
        ['ConvTranspose', ['x', 'w'], ['a'], { strides: [2, 2] }],
        ['BatchNormalization', ['a', 'n', 'n', 'n', 'v'], ['b']],
        ['Relu', ['b'], ['y']],
      ],
      { w: noise(8, 3, 3, 3), n: noise(3), v: floats([3], [1, 2, 3]) },
    );
    expect(layers.map(({ kind }) => kind)).toEqual(['conv', 'conv', 'conv', 'conv', 'rearrange']);
    for (const layer of layers.slice(0, 4) as FloatConv[]) {
      expect(layer.clamp.low).toBe(0);
      expect(layer.outputScale).toBeDefined();
    }
  });

  it('stays behind what others read', () => {
    const layers = layersOf(
      [
        ['Conv', ['x', 'w'], ['a']],
        ['DepthToSpace', ['a'], ['b'], { blocksize: 2 }],
        ['Relu', ['b'], ['c']],
        ['Concat', ['b', 'c'], ['y'], { axis: 1 }],
      ],
      { w: noise(8, 8, 1, 1) },
    );
    expect(layers.map(({ kind }) => kind)).toEqual(['conv', 'rearrange', 'maxpool', 'concat']);
  });
});

describe('order-channels', () => {
  const shuffle = (from: string, to: string): TestGraph['nodes'] => [
    ['Reshape', [from, 'split'], [`${to}1`]],
    ['Transpose', [`${to}1`], [`${to}2`], { perm: [0, 2, 1, 3, 4] }],
    ['Reshape', [`${to}2`, 'join'], [to]],
  ];
  const shapes = { split: integers(1, 2, 4, 6, 4), join: integers(1, 8, 6, 4) };

  it('a shuffle between dense convolutions is no work', () => {
    const nodes: TestGraph['nodes'] = [['Conv', ['x', 'w'], ['a']], ...shuffle('a', 'b'), ['Conv', ['b', 'w'], ['y']]];
    expect(layersOf(nodes, { w: noise(8, 8, 1, 1), ...shapes }).map(({ kind }) => kind)).toEqual(['conv', 'conv']);
  });

  it('between grouped ones runs are as long as groups allow', () => {
    const nodes: TestGraph['nodes'] = [
      ['Conv', ['x', 'g'], ['a'], { group: 2 }],
      ...shuffle('a', 'b'),
      ['Conv', ['b', 'd'], ['c'], { group: 8 }],
      ['Conv', ['c', 'g'], ['y'], { group: 2 }],
    ];
    const layers = layersOf(nodes, { g: noise(8, 4, 1, 1), d: noise(8, 1, 1, 1), ...shapes });
    const moves = layers.flatMap((layer) => (layer.kind === 'rearrange' ? layer.parts : []));
    expect(moves.map(({ words }) => words)).toEqual([2, 2, 2, 2]);
  });

  it('an output of the network keeps its order', () => {
    const layers = layersOf([['Conv', ['x', 'w'], ['a']], ...shuffle('a', 'y')], { w: noise(8, 8, 1, 1), ...shapes });
    // The convolution makes the channels in that order; one move of whole pixels names the output.
    const parts = layers.flatMap((layer) => (layer.kind === 'rearrange' || layer.kind === 'concat' ? [layer] : []));
    expect(parts).toHaveLength(1);
    const [weights] = layers.flatMap((layer) => (layer.kind === 'conv' ? [layer.weights] : []));
    expect(weights.data[weights.strides.output]).toBeCloseTo(noise(8, 8, 1, 1).data[32] as number);
  });

  it('pixelRuns: neighbours that stay neighbours', () => {
    expect(pixelRuns([4, 5, -1, 6, 7, 0])).toEqual([
      { to: 0, from: 4, count: 2 },
      { to: 3, from: 6, count: 2 },
      { to: 5, from: 0, count: 1 },
    ]);
  });
});
