/** Binary points, weights, tables and the proof of the accumulator's bound, with hand-worked values. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConvLayer } from '../../graph/integer-graph.ts';
import { runReference } from '../../reference/run-reference.ts';
import { createRandom } from '../../util/random.ts';
import { type Expression, evaluateExpression, X } from '../frontend/expression.ts';
import { type FinalLayer, type FloatConv, type LayerGraph, type LayerTensor, NO_CLAMP } from '../frontend/layer-graph.ts';
import { fitFraction, weightLimit } from './fractions.ts';
import { quantize } from './quantize.ts';
import { collectRangeNames, completeRanges, type ValueRange } from './ranges.ts';
import { makeTable } from './tables.ts';
import { sumsFit, verifyIntegerGraph } from './verify-integer-graph.ts';
import { maxMagnitudes, quantizeWeights, sumMagnitudes } from './weights.ts';

const POINT = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] } as const;
const CALIBRATED = { mode: 'calibrated' } as const;

function graphOf(layers: FinalLayer[], channels: number[], measurable: boolean[] = []): LayerGraph {
  const tensors = channels.map(
    (count, id): LayerTensor => ({ id, name: `t${id}`, height: 1, width: 1, channels: count, measurable: measurable[id] ?? true }),
  );
  const last = channels.length - 1;
  return {
    name: 'test',
    tensors,
    layers,
    inputs: [{ name: 't0', tensor: 0, dims: [1, channels[0]], order: 'nc' }],
    outputs: [{ name: `t${last}`, tensor: last, dims: [1, channels[last]], order: 'nc' }],
  };
}

/** Fully connected layer, weights [output][input]. */
function dense(input: number, output: number, rows: number[][], bias: number[]): FloatConv {
  const columns = rows[0].length;
  return {
    kind: 'conv',
    name: `dense${output}`,
    nodes: [`dense${output}`],
    inputs: [input],
    output,
    window: POINT,
    groups: 1,
    weights: { data: Float32Array.from(rows.flat()), offset: 0, strides: { output: columns, row: 0, column: 0, input: 1 } },
    bias: Float64Array.from(bias),
    clamp: NO_CLAMP,
  };
}

const ranges = (...magnitudes: number[]): Map<string, ValueRange> =>
  new Map(magnitudes.map((m, id) => [`t${id}`, { min: -m, max: m / 2 }]));

describe('binary points', () => {
  it('fitFraction is the greatest that fits', () => {
    expect([1, 0.99996, 32767, 32768, 0.5, 1000].map((m) => fitFraction(m))).toEqual([14, 15, 0, -1, 15, 5]);
    expect(fitFraction(0)).toBe(Infinity);
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (m) => {
        const f = fitFraction(m);
        expect(m * 2 ** f <= 32767 && m * 2 ** (f + 1) > 32767).toBe(true);
      }),
    );
  });

  it('gives the worked example of numbers.md section 12', () => {
    const graph = graphOf([dense(0, 1, [[0.5, 0.25]], [0.1])], [2, 1]);
    const integer = quantize(graph, ranges(115, 1.5), CALIBRATED);
    expect(integer.tensors.map((tensor) => tensor.fraction)).toEqual([8, 14]);
    expect(integer.layers[0]).toMatchObject({
      weights: Int16Array.of(16384, 8192),
      weightFractions: Int8Array.of(15),
      bias: Float64Array.of(838861),
      shift: Uint8Array.of(9),
      clamp: { low: -32768, high: 32767 },
    });
    expect([...runReference(integer, new Map([['t0', Int16Array.of(512, -300)]])).get(1)!]).toEqual([13222]);
  });

  it('each output channel has its own weight fraction; zeros take shift 15', () => {
    const rows = [[1, -0.5], [100, 3], [0, 0]]; // biome-ignore format: a matrix
    const integer = quantize(graphOf([dense(0, 1, rows, [0, 0, 0.25])], [2, 3]), ranges(1, 1), CALIBRATED);
    const layer = integer.layers[0] as ConvLayer;
    expect([...layer.weightFractions]).toEqual([14, 8, 15]);
    expect([...layer.shift]).toEqual([14, 8, 15]);
    expect(layer.bias[2]).toBe(0.25 * 2 ** (14 + 15));
  });

  it('a finite clamp bounds the range, headroom does not pass it', () => {
    const layer: FinalLayer = { ...dense(0, 1, [[1]], [0]), clamp: { low: 0, high: 6 } };
    const integer = quantize(graphOf([layer], [1, 1]), ranges(6, 6), CALIBRATED);
    expect(integer.tensors.map((tensor) => tensor.fraction)).toEqual([12, 12]);
    expect(integer.layers[0]).toMatchObject({ clamp: { low: 0, high: 6 * 4096 } });
    expect(quantize(graphOf([layer], [1, 1]), ranges(1, 6), { mode: 'calibrated', headroom: 2 }).tensors[1].fraction).toBe(12);
  });

  it('a result with more fraction bits than its product gives some up', () => {
    // Weights of 30000 cancel: products have 14 + 0 fraction bits, the result could have 30.
    const integer = quantize(graphOf([dense(0, 1, [[30000, -30000]], [0])], [2, 1]), ranges(1, 1e-6), CALIBRATED);
    expect(integer.tensors[1].fraction).toBe(14);
    expect([...(integer.layers[0] as ConvLayer).shift]).toEqual([0]);
  });

  it('concat and pools share the smallest fraction, additions align', () => {
    const base = { name: 'n', nodes: ['n'] };
    const graph = graphOf(
      [
        dense(0, 1, [[1]], [0]),
        dense(0, 2, [[1]], [0]),
        { kind: 'concat', ...base, inputs: [1, 2], output: 3 },
        { kind: 'maxpool', ...base, inputs: [3], output: 4, window: POINT, clamp: NO_CLAMP },
        { kind: 'add', ...base, inputs: [4, 3], output: 5, clamp: NO_CLAMP },
      ],
      [1, 1, 1, 2, 2, 2],
    );
    const integer = quantize(graph, ranges(1, 1, 50, 50, 50, 100), CALIBRATED);
    verifyIntegerGraph(integer);
    expect(integer.tensors.map((tensor) => tensor.fraction)).toEqual([14, 9, 9, 9, 9, 8]);
    expect(integer.layers[4]).toMatchObject({ shiftA: 0, shiftB: 0, shiftOut: 1 });
  });

  it('shifts one operand of an addition only, by at most 23', () => {
    const base = { name: 'n', nodes: ['n'] };
    const graph = graphOf(
      [dense(0, 1, [[1]], [0]), dense(0, 2, [[1]], [0]), { kind: 'add', ...base, inputs: [1, 2], output: 3, clamp: NO_CLAMP }],
      [1, 1, 1, 1],
    );
    // A result that is smaller than both operands is no finer than the finer one.
    const small = quantize(graph, ranges(1, 1, 50, 0.01), CALIBRATED);
    verifyIntegerGraph(small);
    expect(small.tensors.map((tensor) => tensor.fraction)).toEqual([14, 14, 9, 14]);
    expect(small.layers[2]).toMatchObject({ shiftA: 0, shiftB: 5, shiftOut: 0 });
    const apart = quantize(graph, ranges(1, 1e-4, 1e6, 1e6), CALIBRATED);
    verifyIntegerGraph(apart);
    expect(apart.layers[2]).toMatchObject({ shiftA: 0, shiftB: 23, shiftOut: 23 });
  });

  it('a missing range is a defect, not a guess', () => {
    expect(() => quantize(graphOf([dense(0, 1, [[1]], [0])], [1, 1]), new Map(), CALIBRATED)).toThrow(
      'no range was measured for the value "t0"',
    );
  });
});

describe('derived ranges', () => {
  it('bounds what the model has no value for', () => {
    const graph = graphOf([dense(0, 1, [[1, -2]], [0.5])], [2, 1], [true, false]);
    expect(collectRangeNames(graph)).toEqual(['t0']);
    expect(completeRanges(graph, ranges(3))[1]).toEqual({ min: -9.5, max: 9.5 });
    const part = { ...graph, tensors: graph.tensors.map((tensor) => (tensor.id === 1 ? { ...tensor, partOf: 'whole' } : tensor)) };
    expect(collectRangeNames(part)).toEqual(['t0', 'whole']);
    expect(completeRanges(part, new Map([...ranges(3), ['whole', { min: 0, max: 2 }]]))[1]).toEqual({ min: -8, max: 8 });
  });
});

describe('the accumulator cannot wrap', () => {
  it('whatever the weights, biases and ranges', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: -20, max: 20 }),
        fc.integer({ min: -20, max: 20 }),
        fc.integer({ min: -30, max: 40 }),
        (seed, w, x, b) => {
          const random = createRandom(seed);
          const rows = Array.from({ length: 3 }, () => Array.from({ length: 5 }, () => random.normal() * 2 ** w));
          const bias = rows.map(() => random.normal() * 2 ** b);
          const output = 2 ** (w + x) + 2 ** b;
          const integer = quantize(graphOf([dense(0, 1, rows, bias)], [5, 3]), ranges(2 ** x, output), CALIBRATED);
          verifyIntegerGraph(integer);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('long reductions get narrower weights', () => {
    expect([1, 25088, 65536, 65537, 131072, 2 ** 20].map(weightLimit)).toEqual([32767, 32767, 32767, 32767, 16384, 2048]);
    const words = 140_000;
    const row = Array.from({ length: words }, () => 1);
    const integer = quantize(graphOf([dense(0, 1, [row], [0])], [words, 1]), ranges(1, words), CALIBRATED);
    expect((integer.layers[0] as ConvLayer).weights[0]).toBe(8192);
    verifyIntegerGraph(integer);
  });

  it('the check sees a sum that could wrap', () => {
    const integer = quantize(graphOf([dense(0, 1, [[1, 1]], [0])], [2, 1]), ranges(1, 1), CALIBRATED);
    const layer = integer.layers[0] as ConvLayer;
    expect(sumsFit(layer)).toBe(true);
    expect(sumsFit({ ...layer, bias: Float64Array.of(2 ** 47 - 2 ** 15 * 32768) })).toBe(false);
  });
});

describe('weights', () => {
  /** Value of weight (o, ky, kx, i). */
  const value = (o: number, ky: number, kx: number, i: number) => (((o * 5 + ky) * 3 + kx) * 7 + i) * (i % 2 ? -1 : 1);
  const [outputs, kernelH, kernelW, inputs] = [19, 2, 3, 5];
  const orders: [string, { output: number; row: number; column: number; input: number }][] = [
    ['[o][i][ky][kx]', { output: inputs * 6, input: 6, row: 3, column: 1 }],
    ['[i][ky][kx][o]', { input: 6 * outputs, row: 3 * outputs, column: outputs, output: 1 }],
    ['[ky][kx][i][o]', { row: 3 * inputs * outputs, column: inputs * outputs, input: outputs, output: 1 }],
    ['[o][ky][kx][i]', { output: inputs * 6, row: 3 * inputs, column: inputs, input: 1 }],
  ];
  it.each(orders)('in order %s', (_, strides) => {
    const data = new Float32Array(outputs * kernelH * kernelW * inputs);
    const expected: number[] = [];
    for (let o = 0; o < outputs; o++) {
      for (let ky = 0; ky < kernelH; ky++) {
        for (let kx = 0; kx < kernelW; kx++) {
          for (let i = 0; i < inputs; i++) {
            data[o * strides.output + ky * strides.row + kx * strides.column + i * strides.input] = value(o, ky, kx, i);
            expected.push(value(o, ky, kx, i));
          }
        }
      }
    }
    const layer: FloatConv = {
      ...dense(0, 1, [[0]], new Array<number>(outputs).fill(0)),
      window: { ...POINT, kernel: [kernelH, kernelW] },
      weights: { data, offset: 0, strides },
    };
    expect([...quantizeWeights(layer, inputs, outputs, new Int8Array(outputs))]).toEqual(expected);
    const rows = Array.from({ length: outputs }, (_row, o) => expected.slice(o * 30, (o + 1) * 30).map(Math.abs));
    expect([...maxMagnitudes(layer, inputs, outputs)]).toEqual(rows.map((row) => Math.max(...row)));
    expect([...sumMagnitudes(layer, inputs, outputs)]).toEqual(rows.map((row) => row.reduce((a, b) => a + b)));
    const scaled: FloatConv = { ...layer, outputScale: new Float64Array(outputs).fill(-0.5), inputScale: new Float64Array(inputs).fill(2) };
    expect([...quantizeWeights(scaled, inputs, outputs, new Int8Array(outputs))]).toEqual(expected.map((v) => -v + 0));
    expect([...maxMagnitudes(scaled, inputs, outputs)]).toEqual(rows.map((row) => Math.max(...row)));
  });

  it('round half up and saturate', () => {
    const layer = dense(0, 1, [[0.5, -0.5, 1.5, -1.5, 32767.4, 32767.5, 1e9, -32768.5, -32769, -1e9]], [0]);
    expect([...quantizeWeights(layer, 10, 1, new Int8Array(1))]).toEqual([1, 0, 2, -1, 32767, 32767, 32767, -32768, -32768, -32768]);
  });
});

describe('tables', () => {
  /** Result of the table for a word, as the reference computes it. */
  function apply(table: ReturnType<typeof makeTable>, x: number): number {
    const segment = (x + 32768) >> 8;
    const half = table.shiftOut > 0 ? 2 ** (table.shiftOut - 1) : 0;
    return Math.floor((table.base[segment] + table.slope[segment] * (x & 255) + half) / 2 ** table.shiftOut);
  }

  it('LeakyRelu is exact for a slope that is a fraction of 2^14', () => {
    for (const gain of [-3, 0, 2]) {
      const table = makeTable({ op: 'LeakyRelu', alpha: 0.125, of: X }, 8, 8 + gain);
      for (let x = -32768; x <= 32767; x += 13) {
        const exact = (x < 0 ? x * 0.125 : x) * 2 ** gain;
        expect(apply(table, x)).toBe(Math.floor(exact + 0.5));
      }
    }
  });

  const functions: [string, Expression, number, number, number][] = [
    ['LeakyRelu(0.1)', { op: 'LeakyRelu', alpha: 0.1, of: X }, 8, 8, 2],
    ['LeakyRelu(3)', { op: 'LeakyRelu', alpha: 3, of: X }, 8, 6, 2],
    ['Sigmoid', { op: 'Sigmoid', of: X }, 12, 15, 4],
    ['Sigmoid', { op: 'Sigmoid', of: X }, 8, 14, 200],
    ['Tanh', { op: 'Tanh', of: X }, 13, 14, 4],
    ['x·Sigmoid', { op: 'mul', a: X, b: { op: 'Sigmoid', of: X } }, 12, 12, 2],
    ['Exp', { op: 'Exp', of: X }, 13, 9, 4],
  ];
  it.each(functions)('%s from fraction %i to %i stays within %i units', (name, fn, from, to, units) => {
    const table = makeTable(fn, from, to);
    expect(table.title).toBe(name);
    for (let x = -32768; x <= 32767; x += 7) {
      const exact = evaluateExpression(fn, x * 2 ** -from) * 2 ** to;
      expect(Math.abs(apply(table, x) - exact)).toBeLessThanOrEqual(units);
    }
  });
});

describe('mode q8.8', () => {
  it('has 8 fraction bits everywhere and saturates', () => {
    const integer = quantize(graphOf([dense(0, 1, [[0.5, 200]], [-3])], [2, 1]), new Map(), { mode: 'q8.8' });
    expect(integer.tensors.map((tensor) => tensor.fraction)).toEqual([8, 8]);
    expect(integer.layers[0]).toMatchObject({
      weights: Int16Array.of(128, 32767),
      bias: Float64Array.of(-3 * 65536),
      shift: Uint8Array.of(8),
    });
    verifyIntegerGraph(integer);
  });

  it('refuses biases that no accumulator could hold', () => {
    const graph = graphOf([dense(0, 1, [[0.5]], [1e9])], [1, 1]);
    expect(() => quantize(graph, new Map(), { mode: 'q8.8' })).toThrow('use the calibrated mode');
  });
});
