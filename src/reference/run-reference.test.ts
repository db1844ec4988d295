import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageShift } from '../graph/average-pool.ts';
import type { IntegerGraph, IntegerLayer, IntegerTensor, Window } from '../graph/integer-graph.ts';
import { naiveLayer } from './naive.test-util.ts';
import { executeLayer, runReference } from './run-reference.ts';

const FULL = { low: -32768, high: 32767 };
const POINT: Window = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
type Shape = readonly [number, number, number];

/** A graph of one layer: the last shape is the output. */
function graphOf(layer: IntegerLayer, ...shapes: Shape[]): IntegerGraph {
  const tensors: IntegerTensor[] = shapes.map(([height, width, channels], id) => ({
    id,
    name: `t${id}`,
    height,
    width,
    channels,
    fraction: 8,
  }));
  return { name: 'test', tensors, layers: [layer], inputs: [], outputs: [] };
}

function run(layer: IntegerLayer, shapes: Shape[], ...inputs: number[][]): number[] {
  const words = inputs.map((list) => Int16Array.from(list));
  return [...executeLayer(graphOf(layer, ...shapes), layer, words)];
}

describe('hand-worked values', () => {
  const conv = (over: Partial<Extract<IntegerLayer, { kind: 'conv' }>>): IntegerLayer => ({
    kind: 'conv',
    name: 'c',
    nodes: ['c'],
    inputs: [0],
    output: 1,
    window: POINT,
    groups: 1,
    weights: Int16Array.of(1),
    weightFractions: Int8Array.of(0),
    bias: Float64Array.of(0),
    shift: Uint8Array.of(0),
    clamp: FULL,
    ...over,
  });
  const one: Shape = [1, 1, 1];

  it('gives the worked example of numbers.md section 12', () => {
    const layer = conv({ weights: Int16Array.of(16384, 8192), bias: Float64Array.of(838861), shift: Uint8Array.of(9) });
    expect(run(layer, [[1, 1, 2], one], [512, -300])).toEqual([13222]);
  });

  it('rounds halves up, also below zero', () => {
    const layer = conv({ shift: Uint8Array.of(1) });
    expect([3, 1, -1, -3, -2].flatMap((v) => run(layer, [one, one], [v]))).toEqual([2, 1, 0, -1, -1]);
  });

  it('saturates before it clamps', () => {
    const layer = conv({ weights: Int16Array.of(32767) });
    expect(run(layer, [one, one], [2])).toEqual([32767]);
    expect(run(layer, [one, one], [-2])).toEqual([-32768]);
    expect(run(conv({ weights: Int16Array.of(32767), clamp: { low: 0, high: 100 } }), [one, one], [-2])).toEqual([0]);
    expect(run(conv({ weights: Int16Array.of(32767), clamp: { low: 0, high: 100 } }), [one, one], [2])).toEqual([100]);
  });

  it('is exact at the accumulator bound', () => {
    const layer = conv({ weights: Int16Array.of(-32768, -32768), bias: Float64Array.of(2 ** 46 - 1), shift: Uint8Array.of(33) });
    // 2·2^30 + 2^46 − 1 + 2^32 = 2^46 + 2^32 + 2^31 − 1; shifted by 33: 8192.7… → 8192
    expect(run(layer, [[1, 1, 2], one], [-32768, -32768])).toEqual([8192]);
  });

  it('skips taps outside the input', () => {
    const layer = conv({
      window: { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [1, 1, 1, 1] },
      weights: Int16Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]),
    });
    // rows (1 2 3) (4 5 6) (7 8 9), outputs centred on the corners
    expect(
      run(
        layer,
        [
          [3, 3, 1],
          [2, 2, 1],
        ],
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
      ),
    ).toEqual([5 + 12 + 32 + 45, 8 + 15 + 35 + 48, 8 + 15 + 35 + 48, 5 + 12 + 32 + 45]);
  });

  it('divides by the valid or the padded taps', () => {
    const window: Window = { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [1, 1, 0, 0] };
    const shapes: Shape[] = [
      [3, 3, 1],
      [2, 2, 1],
    ];
    const base = { kind: 'averagepool', name: 'a', nodes: [], inputs: [0], output: 1, window, clamp: FULL } as const;
    const x = [8, 16, 24, 32, 40, 48, 56, 64, 72];
    expect(run({ ...base, countIncludePad: false, shift: 14 }, shapes, x)).toEqual([8, 20, 44, 56]);
    expect(run({ ...base, countIncludePad: true, shift: 16 }, shapes, x)).toEqual([2, 10, 22, 56]);
  });

  it('aligns the operands of an addition', () => {
    const layer: IntegerLayer = {
      kind: 'add',
      name: 'a',
      nodes: [],
      inputs: [0, 1],
      output: 2,
      shiftA: 2,
      shiftB: 0,
      shiftOut: 1,
      clamp: { low: 0, high: 32767 },
    };
    expect(
      run(
        layer,
        [
          [1, 1, 3],
          [1, 1, 3],
          [1, 1, 3],
        ],
        [10, 20000, -5],
        [3, 30000, 2],
      ),
    ).toEqual([22, 32767, 0]);
  });

  it('reads a table by segment and remainder', () => {
    const base = Int32Array.from({ length: 256 }, (_, k) => k * 100);
    const slope = Int16Array.from({ length: 256 }, (_, k) => k - 128);
    const layer: IntegerLayer = {
      kind: 'table',
      name: 't',
      nodes: [],
      inputs: [0],
      output: 1,
      title: 't',
      base,
      slope,
      shiftOut: 2,
      clamp: FULL,
    };
    // x = 515: segment 130, remainder 3: (13000 + 2·3 + 2) >> 2; x = -1: segment 127, remainder 255: (12700 − 255 + 2) >> 2
    expect(
      run(
        layer,
        [
          [1, 1, 2],
          [1, 1, 2],
        ],
        [515, -1],
      ),
    ).toEqual([3252, 3111]);
  });
});

describe('against a naive BigInt executor', () => {
  const word = fc.integer({ min: -32768, max: 32767 });
  const seeded = (length: number, seed: number) => Int16Array.from({ length }, (_, i) => Math.imul(i + 1, 0x9e3779b1 ^ seed) >> 16);
  const windowArbitrary = fc.record({
    kernel: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    pads: fc.tuple(...([0, 1, 2, 3] as const).map(() => fc.integer({ min: 0, max: 3 }))) as fc.Arbitrary<[number, number, number, number]>,
  });
  const size = fc.integer({ min: 1, max: 8 });
  const clamp = fc.constantFrom(FULL, { low: 0, high: 32767 }, { low: -100, high: 6000 });
  const extent = (window: Window, axis: 0 | 1, input: number, extra: number): number => {
    const span = input + window.pads[axis] + window.pads[axis + 2] - (window.kernel[axis] - 1) * window.dilation[axis] - 1;
    return Math.max(1, Math.floor(span / window.stride[axis]) + 1 + extra);
  };

  it('convolution: any window, groups, channel ranges', () => {
    fc.assert(
      fc.property(
        windowArbitrary,
        size,
        size,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 47 }),
        fc.boolean(),
        clamp,
        fc.integer(),
        (window, height, width, groups, perGroup, outPerGroup, shift, part, clampWords, seed) => {
          const channels = groups * perGroup;
          const outChannels = groups * outPerGroup;
          const ranged = part && groups === 1;
          const layer: IntegerLayer = {
            kind: 'conv',
            name: 'c',
            nodes: [],
            inputs: [0],
            output: 1,
            window,
            groups,
            ...(ranged ? { inputChannelOffset: 1, inputChannels: channels } : {}),
            weights: seeded(outChannels * window.kernel[0] * window.kernel[1] * perGroup, seed),
            weightFractions: new Int8Array(outChannels),
            bias: Float64Array.from({ length: outChannels }, (_, i) => Math.imul(i + 3, seed) * (i % 2 ? 1 : 4096)),
            shift: new Uint8Array(outChannels).fill(shift),
            clamp: clampWords,
          };
          const shape: Shape = [height, width, channels + (ranged ? 2 : 0)];
          const graph = graphOf(layer, shape, [extent(window, 0, height, 0), extent(window, 1, width, 0), outChannels]);
          const x = seeded(shape[0] * shape[1] * shape[2], seed ^ 77);
          expect(executeLayer(graph, layer, [x])).toEqual(naiveLayer(graph, layer, [x]));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('pools: any window, ceil mode, padding counted or not', () => {
    fc.assert(
      fc.property(
        windowArbitrary,
        size,
        size,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('maxpool', 'averagepool'),
        fc.boolean(),
        fc.integer({ min: 0, max: 1 }),
        clamp,
        fc.integer(),
        (window, height, width, channels, kind, countIncludePad, ceil, clampWords, seed) => {
          const input: Shape = [height, width, channels];
          const output: Shape = [extent(window, 0, height, ceil), extent(window, 1, width, ceil), channels];
          const common = { name: 'p', nodes: [], inputs: [0], output: 1, window, clamp: clampWords };
          const shift = averageShift({ window, countIncludePad }, { height, width }, { height: output[0], width: output[1] });
          const layer: IntegerLayer = kind === 'maxpool' ? { kind, ...common } : { kind: 'averagepool', ...common, countIncludePad, shift };
          const graph = graphOf(layer, input, output);
          const x = seeded(height * width * channels, seed);
          expect(executeLayer(graph, layer, [x])).toEqual(naiveLayer(graph, layer, [x]));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('add, table, concat', () => {
    const shift = fc.integer({ min: 0, max: 31 });
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 12, maxLength: 12 }),
        shift,
        shift,
        shift,
        clamp,
        fc.integer(),
        (words, sa, sb, so, cl, seed) => {
          const x = Int16Array.from(words);
          const z = seeded(12, seed);
          const shape: Shape = [2, 2, 3];
          const add: IntegerLayer = {
            kind: 'add',
            name: 'a',
            nodes: [],
            inputs: [0, 1],
            output: 2,
            shiftA: sa,
            shiftB: sb,
            shiftOut: so,
            clamp: cl,
          };
          const table: IntegerLayer = {
            kind: 'table',
            name: 't',
            nodes: [],
            inputs: [0],
            output: 1,
            title: 't',
            base: Int32Array.from({ length: 256 }, (_, k) => Math.imul(k + 5, seed)),
            slope: seeded(256, seed),
            shiftOut: so,
            clamp: cl,
          };
          const concat: IntegerLayer = { kind: 'concat', name: 'c', nodes: [], inputs: [0, 1], output: 2 };
          const addGraph = graphOf(add, shape, shape, shape);
          const tableGraph = graphOf(table, shape, shape);
          const concatGraph = graphOf(concat, shape, [2, 2, 3], [2, 2, 6]);
          expect(executeLayer(addGraph, add, [x, z])).toEqual(naiveLayer(addGraph, add, [x, z]));
          expect(executeLayer(tableGraph, table, [x])).toEqual(naiveLayer(tableGraph, table, [x]));
          expect(executeLayer(concatGraph, concat, [x, z])).toEqual(naiveLayer(concatGraph, concat, [x, z]));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('runReference', () => {
  const tensors: IntegerTensor[] = [0, 1, 2].map((id) => ({ id, name: `t${id}`, height: 2, width: 1, channels: 1, fraction: 0 }));
  const pool = (input: number, output: number, high: number): IntegerLayer => ({
    kind: 'maxpool',
    name: `p${output}`,
    nodes: [],
    inputs: [input],
    output,
    window: POINT,
    clamp: { low: 0, high },
  });
  const graph: IntegerGraph = {
    name: 'chain',
    tensors,
    layers: [pool(0, 1, 9), pool(1, 2, 5)],
    inputs: [{ name: 'in', tensor: 0, dims: [1, 1, 2, 1], order: 'nchw' }],
    outputs: [{ name: 't2', tensor: 2, dims: [1, 1, 2, 1], order: 'nchw' }],
  };

  it('runs the layers in order and reports each', () => {
    const seen: string[] = [];
    const words = runReference(graph, new Map([['in', Int16Array.of(-3, 7)]]), {
      onLayer: (layer, index) => seen.push(`${index} ${layer.name}`),
    });
    expect([...words.get(1)!]).toEqual([0, 7]);
    expect([...words.get(2)!]).toEqual([0, 5]);
    expect(seen).toEqual(['0 p1', '1 p2']);
  });

  it('names a missing or wrong input', () => {
    expect(() => runReference(graph, new Map())).toThrow('Input "in" is missing: give 2×1×1 words.');
    expect(() => runReference(graph, new Map([['in', new Int16Array(3)]]))).toThrow('Input "in" has 3 words, expected 2×1×1.');
  });
});
