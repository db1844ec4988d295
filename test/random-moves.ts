/**
 * Random small ONNX graphs around one operator that moves words or interleaves results, as they are or lowered and quantized (ranges made up): for
 * conformance runs of what the front end makes of such operators. A seed gives the same graph for ever.
 */

import { acceleratorParts, lowerGraph } from '../src/compiler/frontend/lower-graph.ts';
import { drawFloats, floats, integers, makeGraph, type TestGraph } from '../src/compiler/frontend/test-graph.test-util.ts';
import { quantize } from '../src/compiler/quantize/quantize.ts';
import { collectRangeNames } from '../src/compiler/quantize/ranges.ts';
import type { AttributeValue, Graph, Tensor } from '../src/graph/graph.ts';
import type { IntegerGraph } from '../src/graph/integer-graph.ts';
import { createRandom, type Random } from '../src/util/random.ts';

type Node = TestGraph['nodes'][number];

/** The map that the operator reads, value 'a', and how to write nodes and constants that end in value 'b'. */
export interface Site {
  readonly random: Random;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  node(op: string, inputs: readonly string[], outputs: readonly string[], attributes?: Record<string, AttributeValue>): void;
  list(...values: number[]): string;
  noise(...dims: number[]): string;
  scales(...values: number[]): string;
}

/** Draws the operator. Returns the channels of its result; negative where no convolution is to read it. */
export type Draw = (site: Site) => number;

/** One of the items. */
export const pick = <T>(random: Random, items: readonly T[]): T => items[random.integer(0, items.length - 1)];

/** The operators by name. */
export const MOVES: Readonly<Record<string, Draw>> = {
  ConvTranspose: ({ random, channels, node, noise }) => {
    const depthwise = random.integer(0, 3) === 0;
    const out = depthwise ? 1 : random.integer(1, 40);
    const axis = () => ({ kernel: random.integer(1, 5), stride: random.integer(1, 4), dilation: pick(random, [1, 1, 1, 2, 3]) });
    const [v, h] = [axis(), axis()];
    const pads = [v, h, v, h].map(({ kernel }) => random.integer(0, Math.max(0, kernel - 1)));
    const attributes = {
      strides: [v.stride, h.stride],
      dilations: [v.dilation, h.dilation],
      pads: pads.map((pad, at) => Math.min(pad, at % 2 === 0 ? (v.kernel - 1) * v.dilation : (h.kernel - 1) * h.dilation)),
      output_padding: [random.integer(0, v.stride - 1), random.integer(0, h.stride - 1)],
      group: depthwise ? channels : 1,
    };
    const total = depthwise ? channels : out;
    node('ConvTranspose', ['a', noise(channels, out, v.kernel, h.kernel), noise(total)], ['b'], attributes);
    return total;
  },
  'Resize, nearest': ({ random, channels, node, scales }) => {
    const scale = () => pick(random, [1, 2, 2, 3, 4, 1.5, 0.5]);
    const attributes = {
      mode: 'nearest',
      coordinate_transformation_mode: pick(random, ['asymmetric', 'half_pixel', 'align_corners']),
      nearest_mode: pick(random, ['floor', 'ceil', 'round_prefer_floor']),
    };
    node('Resize', ['a', '', scales(1, 1, scale(), scale())], ['b'], attributes);
    return channels;
  },
  'Resize, linear': ({ random, channels, node, scales }) => {
    const scale = () => pick(random, [1, 2, 2, 3, 4]);
    const attributes = { mode: 'linear', coordinate_transformation_mode: pick(random, ['asymmetric', 'half_pixel', 'pytorch_half_pixel']) };
    node('Resize', ['a', '', scales(1, 1, scale(), scale())], ['b'], attributes);
    return channels;
  },
  Slice: ({ random, channels, height, width, node, list }) => {
    const range = (size: number) => {
      const start = random.integer(0, size - 1);
      return { start, end: random.integer(start + 1, size), step: pick(random, [1, 1, 1, 2, 3]) };
    };
    const ranges = [channels, height, width].map((size) => (random.integer(0, 1) === 0 ? { start: 0, end: size, step: 1 } : range(size)));
    const inputs = [ranges.map(({ start }) => start), ranges.map(({ end }) => end), [1, 2, 3], ranges.map(({ step }) => step)];
    node('Slice', ['a', ...inputs.map((values) => list(...values))], ['b']);
    return Math.ceil((ranges[0].end - ranges[0].start) / ranges[0].step);
  },
  Split: ({ random, channels, node, list }) => {
    if (channels < 2) {
      node('Identity', ['a'], ['b']);
      return channels;
    }
    const first = random.integer(1, channels - 1);
    node('Split', ['a', list(first, channels - first)], ['p', 'q'], { axis: 1 });
    node('Relu', ['p'], ['r']);
    node(
      'Concat',
      pick(random, [
        ['q', 'r'],
        ['r', 'q'],
        ['q', 'r', 'a'],
        ['q', 'p', 'q'],
      ]),
      ['b'],
      { axis: 1 },
    );
    return -1;
  },
  Pad: ({ random, channels, height, width, node, list, scales }) => {
    const mode = pick(random, ['constant', 'edge', 'reflect']);
    const most = (size: number) => (mode === 'reflect' ? Math.min(3, size - 1) : 3);
    const pads = [0, 0, random.integer(0, most(height)), random.integer(0, most(width))];
    const ends = [0, mode === 'constant' ? random.integer(0, 2) : 0, random.integer(0, most(height)), random.integer(0, most(width))];
    const value = mode === 'constant' ? [scales(random.integer(-1, 1) / 2)] : [];
    node('Pad', ['a', list(...pads, ...ends), ...value], ['b'], { mode });
    return channels + ends[1];
  },
  DepthToSpace: ({ random, channels, node, noise }) => {
    const block = random.integer(2, 3);
    const out = random.integer(1, 9);
    node('Conv', ['a', noise(out * block * block, channels, 1, 1)], ['p']);
    if (random.integer(0, 1) === 0) node('Relu', ['p'], ['q']);
    else node('Identity', ['p'], ['q']);
    node('DepthToSpace', ['q'], ['b'], { blocksize: block, mode: pick(random, ['DCR', 'CRD']) });
    return out;
  },
  SpaceToDepth: ({ random, channels, height, width, node, list }) => {
    const block = random.integer(1, 3);
    const size = [Math.max(1, Math.floor(height / block)), Math.max(1, Math.floor(width / block))];
    const used = [Math.min(height, size[0] * block), Math.min(width, size[1] * block)];
    if (used[0] % block !== 0 || used[1] % block !== 0) {
      node('Identity', ['a'], ['b']);
      return channels;
    }
    node('Slice', ['a', list(0, 0), list(...used), list(2, 3)], ['p']);
    node('SpaceToDepth', ['p'], ['b'], { blocksize: block });
    return channels * block * block;
  },
  'channel shuffle': ({ random, channels, height, width, node, noise, list }) => {
    const groups = random.integer(2, 4);
    const inside = random.integer(1, 20) * groups;
    node('Conv', ['a', noise(inside, channels, 1, 1)], ['d']);
    node('Reshape', ['d', list(1, groups, inside / groups, height, width)], ['p']);
    node('Transpose', ['p'], ['q'], { perm: [0, 2, 1, 3, 4] });
    node('Reshape', ['q', list(1, inside, height, width)], ['b']);
    return inside;
  },
  'blocks of pixels': ({ random, channels, height, width, node, list }) => {
    const [block, across] = [height % 2 === 0 ? 2 : 1, width % 3 === 0 ? 3 : width % 2 === 0 ? 2 : 1];
    node('Reshape', ['a', list(1, channels, height / block, block, width / across, across)], ['p']);
    node('Transpose', ['p'], ['q'], {
      perm: pick(random, [
        [0, 3, 5, 1, 2, 4],
        [0, 1, 3, 5, 2, 4],
      ]),
    });
    node('Reshape', ['q', list(1, channels * block * across, height / block, width / across)], ['b']);
    return channels * block * across;
  },
  'Concat of rows': ({ random, channels, node, noise }) => {
    node('Conv', ['a', noise(channels, channels, 1, 1)], ['p']);
    node(
      'Concat',
      pick(random, [
        ['a', 'p'],
        ['p', 'a', 'p'],
        ['p', 'p'],
      ]),
      ['b'],
      { axis: random.integer(2, 3) },
    );
    return channels;
  },
  Tile: ({ random, channels, node, list }) => {
    const repeats = random.integer(1, 2);
    node('Tile', ['a', list(1, repeats, random.integer(1, 3), random.integer(1, 3))], ['b']);
    return channels * repeats;
  },
};

/** Most rows and columns of a map. */
const SIDE = 14;

/** The operator in a random place: on an input or behind a layer, in front of a layer, read twice, or the end. @param side most rows and columns */
export function drawMapGraph(draw: Draw, seed: number, opset = 18, side = SIDE): Graph {
  const random = createRandom(seed * 104729 + 5);
  const nodes: Node[] = [];
  const constants: Record<string, Tensor> = {};
  const constant = (tensor: Tensor): string => {
    const name = `k${Object.keys(constants).length}`;
    constants[name] = tensor;
    return name;
  };
  const [height, width] = [random.integer(1, side), random.integer(1, side)];
  const inputChannels = random.integer(1, 24);
  const noise = (...dims: number[]): string => constant(drawFloats(dims, () => random.normal() * 0.3));
  let channels = inputChannels;
  const front = random.integer(0, 5);
  if (front === 0) nodes.push(['Identity', ['x'], ['a']]);
  else if (front === 1) nodes.push(['Relu', ['x'], ['a']]);
  else {
    channels = pick(random, [1, 3, 8, 16, 21, 32, 64, 70]);
    nodes.push(['Conv', ['x', noise(channels, inputChannels, 3, 3)], ['a'], { pads: [1, 1, 1, 1] }]);
  }
  const made = draw({
    random,
    channels,
    height,
    width,
    node: (op, inputs, outputs, attributes = {}) => nodes.push([op, inputs, outputs, attributes]),
    list: (...values) => constant(integers(...values)),
    noise,
    scales: (...values) => constant(floats(values.length === 1 ? [] : [values.length], values)),
  });
  const outputs = random.integer(0, 4) === 0 && front > 0 ? ['a'] : [];
  const behind = random.integer(0, 6);
  if (behind === 0) outputs.push('b');
  else if (behind === 1) nodes.push(['LeakyRelu', ['b'], ['y'], { alpha: 0.25 }]);
  else if (behind === 2) {
    nodes.push(['Relu', ['b'], ['c']], ['Concat', ['c', 'b'], ['y'], { axis: 1 }]);
  } else if (behind === 3) nodes.push(['Relu', ['b'], ['c']], ['Add', ['b', 'c'], ['y']]);
  else if (behind === 4 || made < 0) nodes.push(['MaxPool', ['b'], ['y'], { kernel_shape: [1, 1], strides: [2, 2] }]);
  else nodes.push(['Conv', ['b', noise(random.integer(1, 20), made, 1, 1)], ['y']]);
  if (behind !== 0) outputs.push('y');
  return makeGraph({ inputs: { x: [1, inputChannels, height, width] }, outputs, constants, nodes, opset });
}

/** Such a graph, lowered and quantized. */
export function randomMove(draw: Draw, seed: number): IntegerGraph {
  const graph = drawMapGraph(draw, seed);
  const [layers] = acceleratorParts(lowerGraph(graph, { allowHost: false }));
  const ranges = new Map(collectRangeNames(layers).map((name) => [name, { min: -3, max: 3 }]));
  return quantize(layers, ranges, { mode: 'calibrated' });
}
