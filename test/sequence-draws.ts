/** Random operators on sequences (positions, features) for test/random-operators.ts: products, normalizations, recurrences, one-dimensional windows. */
import { floats, integers, makeGraph, type TestGraph } from '../src/compiler/frontend/test-graph.test-util.ts';
import type { AttributeValue, Graph, Tensor } from '../src/graph/graph.ts';
import { createRandom, type Random } from '../src/util/random.ts';
import { pick } from './random-moves.ts';

/** Nodes and constants in the making. */
interface Sheet {
  readonly random: Random;
  /** Most positions of a sequence that is not a recurrence. */
  readonly most: number;
  node(op: string, inputs: readonly string[], output: string, attributes?: Record<string, AttributeValue>): string;
  list(...values: number[]): string;
  number(value: number): string;
  /** Normal values times 1 / sqrt(the last but one dimension), so that products keep their scale. */
  noise(...dims: number[]): string;
  input(name: string, ...dims: number[]): string;
  output(name: string): void;
}

/** Draws a whole graph. */
type DrawGraph = (sheet: Sheet) => void;

const OPSET = 20;
const POSITIONS = 20;

/** The graph of a seed: the same for ever. @param most positions */
export function drawSequenceGraph(draw: DrawGraph, seed: number, most = POSITIONS): Graph {
  const random = createRandom(seed * 130363 + 11);
  const nodes: TestGraph['nodes'][number][] = [];
  const constants: Record<string, Tensor> = {};
  const inputs: Record<string, readonly number[]> = {};
  const outputs: string[] = [];
  const constant = (tensor: Tensor): string => {
    const name = `k${Object.keys(constants).length}`;
    constants[name] = tensor;
    return name;
  };
  draw({
    random,
    most,
    node: (op, from, to, attributes = {}) => {
      nodes.push([op, from, to.split(' '), attributes]);
      return to;
    },
    list: (...values) => constant(integers(...values)),
    number: (value) => constant(floats([], [value])),
    noise: (...dims) => {
      const scale = 1 / Math.sqrt(dims.at(-2) ?? 1);
      const count = dims.reduce((n, dim) => n * dim, 1);
      return constant(
        floats(
          dims,
          Array.from({ length: count }, () => random.normal() * scale),
        ),
      );
    },
    input: (name, ...dims) => {
      inputs[name] = dims;
      return name;
    },
    output: (name) => outputs.push(name),
  });
  return makeGraph({ inputs, outputs, constants, nodes, opset: OPSET });
}

interface Rows {
  readonly name: string;
  readonly positions: number;
  readonly features: number;
}

const FEATURES = [1, 4, 8, 16, 17, 24, 32, 33, 48, 64];

/** An input of positions × features, often behind a product. */
function drawRows({ random, most, node, input, noise }: Sheet, features = pick(random, FEATURES)): Rows {
  const positions = random.integer(1, most);
  if (random.integer(0, 2) === 0) return { name: input('x', 1, positions, features), positions, features };
  const before = random.integer(1, 40);
  return { name: node('MatMul', [input('x', 1, positions, before), noise(before, features)], 'a'), positions, features };
}

/** What follows: nothing, a product, or a sum with what came before. */
function drawEnd({ random, node, noise, output }: Sheet, value: string, features: number, shortcut?: string): void {
  const kind = random.integer(0, 2);
  if (kind === 0) output(value);
  else if (kind === 1 && shortcut !== undefined) output(node('Add', [value, shortcut], 'y'));
  else output(node('MatMul', [value, noise(features, random.integer(1, 40))], 'y'));
}

/** Rows in `heads` parts: [1, heads, positions, features / heads]. */
function drawHeads({ node, list }: Sheet, name: string, { positions, features }: Rows, heads: number): string {
  const split = node('Reshape', [name, list(1, positions, heads, features / heads)], `${name}Split`);
  return node('Transpose', [split], `${name}Heads`, { perm: [0, 2, 1, 3] });
}

/** Attention: scores of two products of activations, with or without heads; `softmax` between them. */
function drawAttention(sheet: Sheet, softmax: boolean): void {
  const { random, node, noise, list, output } = sheet;
  const rows = drawRows(sheet);
  const heads = pick(random, [1, 1, 2, 3]);
  const features = heads * pick(random, [8, 16, 16, 24, 32]);
  const made = { ...rows, features };
  const part = (name: string): string => {
    const product = node('MatMul', [rows.name, noise(rows.features, features)], name);
    return heads === 1 ? product : drawHeads(sheet, product, made, heads);
  };
  const [query, key, value] = [part('query'), part('key'), part('value')];
  const turned = node('Transpose', [key], 'turned', { perm: heads === 1 ? [0, 2, 1] : [0, 1, 3, 2] });
  let scores = node('MatMul', [query, turned], 'scores');
  if (!softmax && random.integer(0, 3) === 0) {
    output(scores);
    return;
  }
  if (random.integer(0, 1) === 0) scores = node('Mul', [scores, sheet.number(heads / features)], 'scaled');
  if (softmax) scores = node('Softmax', [scores], 'shares', { axis: -1 });
  const mixed = node('MatMul', [scores, value], 'mixed');
  if (heads === 1) {
    drawEnd(sheet, mixed, features);
    return;
  }
  const turnedBack = node('Transpose', [mixed], 'joined', { perm: [0, 2, 1, 3] });
  drawEnd(sheet, node('Reshape', [turnedBack, list(1, rows.positions, features)], 'flat'), features);
}

/** Softmax of rows in front of a product (without one it is the host's), or inside attention. */
function drawSoftmax(sheet: Sheet): void {
  const { random, node, noise, output } = sheet;
  if (random.integer(0, 1) === 0) {
    drawAttention(sheet, true);
    return;
  }
  const rows = drawRows(sheet);
  const shares = node('Softmax', [rows.name], 'b', { axis: -1 });
  output(node('MatMul', [shares, noise(rows.features, random.integer(1, 40))], 'y'));
}

function drawLayerNormalization(sheet: Sheet): void {
  const { random, node, noise, list, number } = sheet;
  const rows = drawRows(sheet, pick(random, [8, 16, 17, 24, 32, 48, 64]));
  const [x, { features }] = [rows.name, rows];
  const [scale, bias] = [noise(features), noise(features)];
  if (random.integer(0, 1) === 0) {
    const inputs = [x, scale, ...(random.integer(0, 2) === 0 ? [] : [bias])];
    drawEnd(sheet, node('LayerNormalization', inputs, 'b', { axis: -1, epsilon: 1e-3 }), features, x);
    return;
  }
  // As older exporters write it.
  const centred = node('Sub', [x, node('ReduceMean', [x, list(-1)], 'mean', { keepdims: 1 })], 'centred');
  const squares = node('Pow', [centred, number(2)], 'squares');
  const variance = node('ReduceMean', [squares, list(-1)], 'variance', { keepdims: 1 });
  const deviation = node('Sqrt', [node('Add', [variance, number(1e-3)], 'sum')], 'deviation');
  const normal = node('Div', [centred, deviation], 'normal');
  drawEnd(sheet, node('Add', [node('Mul', [normal, scale], 'scaled'), bias], 'b'), features, x);
}

function drawMatMul(sheet: Sheet): void {
  const { random, node, noise } = sheet;
  const rows = drawRows(sheet);
  const features = random.integer(1, 70);
  const product = node('MatMul', [rows.name, noise(rows.features, features)], 'p');
  drawEnd(sheet, random.integer(0, 1) === 0 ? node('Add', [product, noise(features)], 'b') : product, features);
}

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;

/** A recurrence: direction, states in, biases, which outputs are read, its sequence into a product. */
function drawRecurrence(sheet: Sheet, op: keyof typeof GATES): void {
  const { random, node, noise, input, output, list } = sheet;
  const [positions, features, hidden] = [random.integer(1, 6), random.integer(1, 40), random.integer(1, 48)];
  const direction = pick(random, ['forward', 'forward', 'reverse', 'bidirectional']);
  const directions = direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[op] * hidden;
  const bias = random.integer(0, 2) === 0 ? '' : noise(directions, 2 * rows);
  const state = (name: string): string => (random.integer(0, 1) === 0 ? '' : input(name, 1, directions, hidden));
  const states = [state('h0'), ...(op === 'LSTM' ? [state('c0')] : [])];
  // ONNX Runtime wants the hidden state where the cell's is given.
  if (states[1] && !states[0]) states[0] = input('h0', 1, directions, hidden);
  const x = input('x', 1, positions, features);
  const inputs = [x, noise(directions, rows, features), noise(directions, rows, hidden), bias, '', ...states];
  while (inputs.at(-1) === '') inputs.pop();
  const wanted = ['Y', 'Yh', ...(op === 'LSTM' ? ['Yc'] : [])].map((name): string => (random.integer(0, 1) === 0 ? name : ''));
  if (wanted.join('') === '') wanted[0] = 'Y';
  const linear: Record<string, AttributeValue> = op === 'GRU' ? { linear_before_reset: random.integer(0, 1) } : {};
  // The frame comes first, as everywhere at the accelerator's border.
  node(op, inputs, wanted.join(' '), { hidden_size: hidden, direction, layout: 1, ...linear });
  for (const name of wanted) {
    if (name === '') continue;
    if (name === 'Y' && directions === 1 && random.integer(0, 1) === 0) {
      const sequence = node('Squeeze', ['Y', list(2)], 'sequence');
      output(node('MatMul', [sequence, noise(hidden, random.integer(1, 30))], 'y'));
    } else output(name);
  }
}

/** A convolution or pool over one dimension, often behind and in front of another. */
function drawLine({ random, most, node, noise, input, output }: Sheet): void {
  const [channels, length] = [pick(random, [1, 3, 8, 16, 21, 40]), random.integer(1, 3 * most)];
  const convolve = (from: string, to: string, inChannels: number, outChannels: number, groups = 1, most = 7): string => {
    const [kernel, dilation] = [random.integer(1, most), random.integer(1, 3)];
    const reach = (kernel - 1) * dilation;
    const attributes = {
      kernel_shape: [kernel],
      dilations: [dilation],
      group: groups,
      pads: [random.integer(0, reach), reach],
      strides: [random.integer(1, 3)],
    };
    const weights = noise(outChannels, inChannels / groups, kernel);
    return node('Conv', [from, weights, noise(outChannels)], to, attributes);
  };
  const first = random.integer(1, 50);
  let value = convolve(input('x', 1, channels, length), 'a', channels, first);
  const next = random.integer(0, 3);
  if (next === 0) value = node('MaxPool', [value], 'b', { kernel_shape: [3], pads: [1, 1], strides: [random.integer(1, 2)] });
  if (next === 1) value = node('AveragePool', [value], 'b', { kernel_shape: [2], pads: [1, 0], count_include_pad: random.integer(0, 1) });
  if (next === 2) value = convolve(node('Relu', [value], 'r'), 'b', first, first, first);
  output(value);
}

/** Operators on sequences by what is drawn. */
export const SEQUENCE_DRAWS: Readonly<Record<string, DrawGraph>> = {
  'Conv and pools, one dimension': drawLine,
  'MatMul by a constant': drawMatMul,
  'MatMul of activations': (sheet) => drawAttention(sheet, false),
  Softmax: drawSoftmax,
  LayerNormalization: drawLayerNormalization,
  LSTM: (sheet) => drawRecurrence(sheet, 'LSTM'),
  GRU: (sheet) => drawRecurrence(sheet, 'GRU'),
  RNN: (sheet) => drawRecurrence(sheet, 'RNN'),
};
