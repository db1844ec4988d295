/** Every pass of the layer graph, before and after. */
import { describe, expect, it } from 'vitest';
import type { Window } from '../../graph/integer-graph.ts';
import { X } from './expression.ts';
import { foldAffineIntoConsumer } from './fold-affine-into-consumer.ts';
import { foldAffineIntoProducer } from './fold-affine-into-producer.ts';
import { composeClamps, fuseClamp } from './fuse-clamp.ts';
import { fuseFunctions } from './fuse-functions.ts';
import { type DraftGraph, type FloatConv, type FloatLayer, NO_CLAMP } from './layer-graph.ts';
import { lowerAffine } from './lower-affine.ts';
import { lowerClamp } from './lower-clamp.ts';
import { poolBeforePointwise } from './pool-before-pointwise.ts';
import { removeUnused } from './remove-unused.ts';
import { splitReduction } from './split-reduction.ts';
import { verifyLayerGraph } from './verify-layer-graph.ts';

const POINT: Window = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
const RELU = { low: 0, high: Infinity };

/** Layers over 4×4×2 tensors named t0, t1 …; tensor 0 enters. */
function graphOf(layers: FloatLayer[], outputs: number[], channels = 2): DraftGraph {
  const count = 1 + Math.max(...layers.map((layer) => layer.output));
  return {
    name: 'test',
    tensors: Array.from({ length: count }, (_, id) => ({ id, name: `t${id}`, height: 4, width: 4, channels, measurable: true })),
    layers,
    inputs: [{ name: 't0', tensor: 0, dims: [1, channels, 4, 4], order: 'nchw' }],
    outputs: outputs.map((tensor) => ({ name: `t${tensor}`, tensor, dims: [1, channels, 4, 4], order: 'nchw' })),
  };
}

/** 1×1 convolution with weights [[1, 2], [3, 4]] and bias [5, 6]. */
function conv(input: number, output: number, window = POINT): FloatConv {
  return {
    kind: 'conv',
    name: `conv${output}`,
    nodes: [`conv${output}`],
    inputs: [input],
    output,
    window,
    groups: 1,
    weights: { data: Float32Array.of(1, 2, 3, 4), offset: 0, strides: { output: 2, row: 0, column: 0, input: 1 } },
    bias: Float64Array.of(5, 6),
    clamp: NO_CLAMP,
  };
}

const affine = (input: number, output: number, scale: number[], bias: number[]): FloatLayer => ({
  kind: 'affine',
  name: `affine${output}`,
  nodes: [`affine${output}`],
  inputs: [input],
  output,
  scale: Float64Array.from(scale),
  bias: Float64Array.from(bias),
});

const clamp = (input: number, output: number, bounds = RELU): FloatLayer => ({
  kind: 'clamp',
  name: `clamp${output}`,
  nodes: [`clamp${output}`],
  inputs: [input],
  output,
  clamp: bounds,
});

describe('fold-affine-into-producer', () => {
  it('scales weights and bias, joins a chain', () => {
    const after = foldAffineIntoProducer(graphOf([conv(0, 1), affine(1, 2, [2, 3], [1, -1]), affine(2, 3, [10, 1], [0, 0.5])], [3]));
    expect(after.layers).toHaveLength(1);
    expect(after.layers[0]).toMatchObject({
      output: 3,
      nodes: ['conv1', 'affine2', 'affine3'],
      outputScale: Float64Array.of(20, 3),
      bias: Float64Array.of(110, 17.5),
    });
  });

  it('leaves a sum that others read', () => {
    const graph = graphOf([conv(0, 1), affine(1, 2, [2, 3], [1, -1])], [1, 2]);
    expect(foldAffineIntoProducer(graph).layers).toEqual(graph.layers);
  });
});

describe('fold-affine-into-consumer', () => {
  it('scales the inputs and moves the shift into the bias', () => {
    const after = foldAffineIntoConsumer(graphOf([clamp(0, 1), affine(1, 2, [2, 3], [10, 100]), conv(2, 3)], [3]));
    expect(after.layers.map((layer) => layer.kind)).toEqual(['clamp', 'conv']);
    expect(after.layers[1]).toMatchObject({ inputs: [1], inputScale: Float64Array.of(2, 3), bias: Float64Array.of(215, 436) });
  });

  it('a shift does not pass a padded window, a scale does', () => {
    const padded: Window = { ...POINT, pads: [1, 1, 1, 1] };
    const shifted = graphOf([affine(0, 1, [2, 3], [10, 100]), conv(1, 2, padded)], [2]);
    expect(foldAffineIntoConsumer(shifted).layers).toEqual(shifted.layers);
    const scaled = graphOf([affine(0, 1, [2, 3], [0, 0]), conv(1, 2, padded)], [2]);
    expect(foldAffineIntoConsumer(scaled).layers).toHaveLength(1);
  });

  it('all readers must be convolutions', () => {
    const graph = graphOf([affine(0, 1, [2, 3], [1, 1]), conv(1, 2), clamp(1, 3)], [2, 3]);
    expect(foldAffineIntoConsumer(graph).layers).toEqual(graph.layers);
    const both = foldAffineIntoConsumer(graphOf([affine(0, 1, [2, 3], [1, 1]), conv(1, 2), conv(1, 3)], [2, 3]));
    expect(both.layers.map((layer) => layer.inputs)).toEqual([[0], [0]]);
  });
});

it('lower-affine makes a depthwise convolution', () => {
  const [layer] = lowerAffine(graphOf([affine(0, 1, [2, 3], [1, 4])], [1])).layers;
  expect(layer).toMatchObject({ kind: 'conv', groups: 2, outputScale: Float64Array.of(2, 3), bias: Float64Array.of(1, 4) });
});

describe('fuse-clamp', () => {
  it('moves into the producer and remembers the value before', () => {
    const after = fuseClamp(graphOf([conv(0, 1), clamp(1, 2), clamp(2, 3, { low: -1, high: 6 })], [3]));
    expect(after.layers).toHaveLength(1);
    expect(after.layers[0]).toMatchObject({ output: 3, clamp: { low: 0, high: 6 }, sumName: 't1' });
  });

  it('stays where the sum is read elsewhere; lower-clamp then makes a pool', () => {
    const graph = graphOf([conv(0, 1), clamp(1, 2)], [1, 2]);
    expect(fuseClamp(graph).layers).toEqual(graph.layers);
    expect(lowerClamp(graph).layers[1]).toMatchObject({ kind: 'maxpool', window: POINT, clamp: RELU });
  });

  it('composes bounds in order', () => {
    expect(composeClamps({ low: 0, high: 6 }, { low: 2, high: 10 })).toEqual({ low: 2, high: 6 });
    expect(composeClamps({ low: 0, high: 1 }, { low: 2, high: 10 })).toEqual({ low: 2, high: 2 });
  });
});

describe('fuse-functions', () => {
  const sigmoid = (input: number, output: number): FloatLayer => ({
    kind: 'table',
    name: `table${output}`,
    nodes: [`table${output}`],
    inputs: [input],
    output,
    function: { op: 'Sigmoid', of: X },
    clamp: NO_CLAMP,
  });
  /** 1 - Sigmoid of a tensor that nobody else reads; another Sigmoid, of `readers` readers. */
  const rests = (readers: number, side: number): readonly FloatLayer[] => {
    const others = Array.from({ length: readers }, (_, i) => affine(3, 4 + i, [-1, -1], [1, 1]));
    const graph = graphOf([sigmoid(0, 1), affine(1, 2, [-1, -1], [1, 1]), sigmoid(0, 3), ...others], [2]);
    const tensors = graph.tensors.map((tensor) => ({ ...tensor, height: side, width: side }));
    return fuseFunctions({ ...graph, tensors }).layers;
  };

  it('makes one table of a line behind a table', () => {
    const [, fused] = rests(1, 4);
    expect(fused).toMatchObject({ kind: 'table', inputs: [0], function: { op: 'line', scale: -1, bias: 1, of: { op: 'Sigmoid', of: X } } });
    expect(fused.nodes).toEqual(['affine2', 'table1']);
  });

  it('but not of single pixels where the table is needed as it is', () => {
    expect(rests(2, 1)[1].kind).toBe('affine');
    // Not needed elsewhere; on a map, whose pixels the MAC units would all have to pass over once more.
    expect(rests(1, 1)[1].kind).toBe('table');
    expect(rests(2, 4)[1].kind).toBe('table');
  });
});

it('remove-unused drops what nobody reads and renumbers', () => {
  const after = removeUnused(graphOf([conv(0, 1), conv(0, 2), clamp(2, 3)], [3]));
  expect(after.layers.map((layer) => [layer.inputs, layer.output])).toEqual([
    [[0], 1],
    [[1], 2],
  ]);
  expect(after.tensors.map(({ id, name }) => [id, name])).toEqual([
    [0, 't0'],
    [1, 't2'],
    [2, 't3'],
  ]);
  expect(after.outputs[0].tensor).toBe(2);
});

describe('verify-layer-graph', () => {
  it('refuses leftovers and unordered layers', () => {
    expect(() => verifyLayerGraph(graphOf([affine(0, 1, [1, 1], [0, 0])], [1]))).toThrow('it should have been folded or lowered');
    expect(() => verifyLayerGraph(graphOf([conv(1, 2), conv(0, 1)], [2]))).toThrow('an input is not computed before it');
    const short = { ...conv(0, 1), weights: { ...conv(0, 1).weights, data: new Float32Array(3) } };
    expect(() => verifyLayerGraph(graphOf([short], [1]))).toThrow('its weights end at 3, index 3 is needed');
  });
});

describe('split-reduction', () => {
  const wide = (channels: number): FloatConv => ({
    ...conv(0, 1),
    weights: { data: new Float32Array(channels * channels), offset: 0, strides: { output: channels, row: 0, column: 0, input: 1 } },
    bias: new Float64Array(channels).fill(3),
    clamp: RELU,
  });

  it('makes parts and a chain of additions; only the first part has the bias, only the last addition the clamp', () => {
    const graph = verifyLayerGraph(graphOf([wide(40)], [1], 40));
    const split = splitReduction(graph, { maxWords: 16 });
    verifyLayerGraph(split);
    expect(split.layers.map((layer) => `${layer.kind} ${layer.name}`)).toEqual([
      'conv conv1#part0',
      'conv conv1#part1',
      'add conv1#sum1',
      'conv conv1#part2',
      'add conv1',
    ]);
    const parts = split.layers.filter((layer) => layer.kind === 'conv');
    expect(parts.map((part) => [part.inputChannelOffset, part.inputChannels, part.weights.offset, part.bias[0]])).toEqual([
      [0, 16, 0, 3],
      [16, 16, 16, 0],
      [32, 8, 32, 0],
    ]);
    expect(split.layers.map((layer) => 'clamp' in layer && layer.clamp.low)).toEqual([-Infinity, -Infinity, -Infinity, -Infinity, 0]);
    expect(split.tensors.slice(2).every((tensor) => !tensor.measurable && tensor.partOf === 't1')).toBe(true);
  });

  it('leaves what fits, and layers that are not named', () => {
    const graph = verifyLayerGraph(graphOf([wide(40)], [1], 40));
    expect(splitReduction(graph, { maxWords: 40 }).layers).toEqual(graph.layers);
    expect(splitReduction(graph, { maxWords: 16, layers: ['other'] }).layers).toEqual(graph.layers);
  });
});

describe('pool-before-pointwise', () => {
  const mean = (input: number, output: number, pads: Window['pads'] = [0, 0, 0, 0]): FloatLayer => ({
    kind: 'averagepool',
    name: `mean${output}`,
    nodes: [`mean${output}`],
    inputs: [input],
    output,
    window: { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads },
    countIncludePad: false,
    clamp: RELU,
  });
  /** 4×4 → 4×4 → 2×2 pixels. */
  const pooled = (layers: FloatLayer[]): DraftGraph => {
    const graph = graphOf(layers, [2]);
    return { ...graph, tensors: graph.tensors.map((tensor) => (tensor.id === 2 ? { ...tensor, height: 2, width: 2 } : tensor)) };
  };

  it('multiplies the pooled pixels; the MACs of the definition stay known', () => {
    const { layers, tensors } = poolBeforePointwise(pooled([conv(0, 1), mean(1, 2)]));
    expect(layers.map(({ kind, inputs, output }) => [kind, inputs[0], output])).toEqual([
      ['averagepool', 0, 3],
      ['conv', 3, 2],
    ]);
    expect(tensors[3]).toMatchObject({ height: 2, width: 2, channels: 2, measurable: false, rangeOf: 't0' });
    expect(layers[0]).toMatchObject({ clamp: NO_CLAMP, definedMacs: 4 * 4 * 2 });
    expect(layers[1]).toMatchObject({ clamp: RELU, definedMacs: 16 * 2 * 2, bias: Float64Array.of(5, 6) });
  });

  it('not behind an activation, not with padding, not where others read the sums', () => {
    for (const layers of [
      [{ ...conv(0, 1), clamp: RELU }, mean(1, 2)],
      [conv(0, 1), mean(1, 2, [0, 0, 1, 1])],
      [conv(0, 1, { ...POINT, kernel: [3, 3], pads: [1, 1, 1, 1] }), mean(1, 2)],
    ] satisfies FloatLayer[][]) {
      expect(poolBeforePointwise(pooled(layers)).layers).toEqual(layers);
    }
    const shared = { ...pooled([conv(0, 1), mean(1, 2)]) };
    const outputs = [...shared.outputs, { name: 't1', tensor: 1, dims: [1, 2, 4, 4], order: 'nchw' as const }];
    expect(poolBeforePointwise({ ...shared, outputs }).layers).toEqual(shared.layers);
  });
});
