/** Random operators on maps (channels, rows, columns) for test/random-operators.ts: windows, reductions, operands of two, functions, views. */
import type { AttributeValue } from '../src/graph/graph.ts';
import type { Random } from '../src/util/random.ts';
import { type Draw, pick, type Site } from './random-moves.ts';

type Pair = readonly [number, number];

interface ConvShape {
  readonly kernel: Pair;
  readonly groups: number;
  readonly outPerGroup: number;
  readonly dilations?: Pair;
}

/** Kernel sizes of which the dilated one fits what the padding makes of the map. */
function randomKernel(random: Random, sizes: Pair, most = 5): Pair {
  return [random.integer(1, Math.min(most, sizes[0] + 1)), random.integer(1, Math.min(most, sizes[1] + 1))];
}

/** A convolution of 'a' into 'b' with random strides and pads; channels of its result. */
function drawConv({ random, channels, height, width, node, noise }: Site, { kernel, groups, outPerGroup, dilations = [1, 1] }: ConvShape) {
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis]);
  const pads = [0, 1, 0, 1].map((axis) => random.integer(0, reach[axis]));
  // At least one window.
  for (const axis of [0, 1]) pads[axis + 2] += Math.max(0, reach[axis] + 1 - [height, width][axis] - pads[axis] - pads[axis + 2]);
  const strides = [random.integer(1, 3), random.integer(1, 3)];
  const out = groups * outPerGroup;
  const inputs = ['a', noise(out, channels / groups, ...kernel), ...(random.integer(0, 1) === 0 ? [noise(out)] : [])];
  node('Conv', inputs, ['b'], { kernel_shape: kernel, group: groups, dilations, strides, pads });
  return out;
}

/** Geometry of a pool: pads below the kernel, at least one window, now and then in ceil mode. */
function poolAttributes({ random, height, width }: Site): Record<string, AttributeValue> {
  const kernel = randomKernel(random, [height, width], 9);
  const pads = [0, 1, 0, 1].map((axis) => random.integer(0, kernel[axis] - 1));
  for (const axis of [0, 1]) pads[axis] = Math.max(pads[axis], Math.min(kernel[axis] - 1, kernel[axis] - [height, width][axis]));
  const strides = [random.integer(1, 3), random.integer(1, 3)];
  return { kernel_shape: kernel, pads, strides, ceil_mode: random.integer(0, 3) === 0 ? 1 : 0 };
}

/** A second operand of [1, channels, height, width] under broadcasting: a map, a pixel, a row, a column, a plane, 'a' itself, or a constant. */
function drawOperand({ random, channels, height, width, node, noise, list, scales }: Site, isConstant: boolean): string {
  if (isConstant) {
    const dims = pick(random, [
      [channels, 1, 1],
      [1, channels, height, width],
      [height, width],
      [1, 1, 1, width],
      [channels, height, 1],
    ]);
    return random.integer(0, 3) === 0 ? scales(random.integer(1, 8) / 4) : noise(...dims);
  }
  const kind = random.integer(0, 6);
  if (kind === 0) return 'a';
  if (kind <= 2) node('Conv', ['a', noise(channels, channels, 1, 1)], ['p']);
  else if (kind === 3) node('GlobalAveragePool', ['a'], ['p']);
  else node('ReduceMean', ['a', list(kind - 3)], ['p'], { keepdims: 1 });
  return 'p';
}

/** An operator of two operands in either order. @param isPositive the second operand lies between 1/2 and 4 */
function drawPair(site: Site, op: string, isPositive = false): number {
  const { random, node, noise, channels, scales } = site;
  const isConstant = !isPositive && random.integer(0, 2) === 0;
  let other = drawOperand(site, isConstant);
  if (isPositive) {
    node('Clip', [other, scales(0.5), scales(4)], ['positive']);
    other = 'positive';
  }
  // A map with a constant on an input would be work for the host: convolutions with pads see it.
  node('Conv', ['a', noise(channels, channels, 1, 1)], ['own']);
  node(op, random.integer(0, 1) === 0 || isPositive ? ['own', other] : [other, 'own'], ['b']);
  return channels;
}

interface TableOperator {
  readonly op: string;
  readonly attributes?: (random: Random) => Record<string, AttributeValue>;
  /** Least and greatest input, for functions that are not defined or too steep elsewhere. */
  readonly domain?: Pair;
  /** A second, constant input. */
  readonly second?: (random: Random) => number;
}

const alpha = (random: Random): Record<string, AttributeValue> => ({ alpha: random.integer(1, 8) / 4 });

/** Functions through the table unit. */
export const TABLE_OPERATORS: readonly TableOperator[] = [
  { op: 'Sigmoid' },
  { op: 'Tanh' },
  { op: 'HardSigmoid', attributes: (random) => ({ alpha: random.integer(1, 5) / 8, beta: random.integer(0, 4) / 8 }) },
  { op: 'HardSwish' },
  { op: 'Elu', attributes: alpha },
  { op: 'Selu' },
  { op: 'Celu', attributes: alpha },
  { op: 'Softplus' },
  { op: 'Softsign' },
  { op: 'Gelu', attributes: (random) => ({ approximate: pick(random, ['none', 'tanh']) }) },
  { op: 'Erf' },
  { op: 'Exp', domain: [-4, 2] },
  { op: 'Log', domain: [0.25, 8] },
  { op: 'Mish' },
  { op: 'Swish', attributes: alpha },
  { op: 'Sqrt', domain: [0.25, 8] },
  { op: 'Reciprocal', domain: [0.5, 8] },
  { op: 'Abs' },
  { op: 'Pow', domain: [0.5, 4], second: (random) => pick(random, [0.5, 1.5, 2, 3]) },
  { op: 'Sin' },
  { op: 'Cos' },
  { op: 'LeakyRelu', attributes: (random) => ({ alpha: random.integer(-4, 12) / 8 }) },
];

const drawTable: Draw = ({ random, channels, node, noise, scales }) => {
  const { op, attributes, domain, second } = pick(random, TABLE_OPERATORS);
  node('Conv', ['a', noise(channels, channels, 1, 1)], ['p']);
  // Values of a deviation near one, a quarter of it, or four times it.
  node('Mul', ['p', scales(pick(random, [0.25, 1, 4]) / Math.sqrt(1 + channels))], ['q']);
  if (domain) node('Clip', ['q', scales(domain[0]), scales(domain[1])], ['r']);
  const input = domain ? 'r' : 'q';
  node(op, [input, ...(second ? [scales(second(random))] : [])], ['f'], attributes?.(random) ?? {});
  // x · f(x), as SiLU and Mish are exported; or f alone.
  if (random.integer(0, 3) === 0) node('Mul', [input, 'f'], ['b']);
  else node('Identity', ['f'], ['b']);
  return channels;
};

/** Operators on maps by what is drawn. */
export const MAP_DRAWS: Readonly<Record<string, Draw>> = {
  Conv: (site) =>
    drawConv(site, { kernel: randomKernel(site.random, [site.height, site.width], 7), groups: 1, outPerGroup: site.random.integer(1, 70) }),
  'Conv, depthwise': (site) =>
    drawConv(site, {
      kernel: randomKernel(site.random, [site.height, site.width]),
      groups: site.channels,
      outPerGroup: pick(site.random, [1, 1, 1, 2]),
    }),
  'Conv, grouped': (site) => {
    const divisors = Array.from({ length: site.channels }, (_, i) => i + 1).filter(
      (n) => n > 1 && n < site.channels && site.channels % n === 0,
    );
    const groups = divisors.length === 0 ? site.channels : pick(site.random, divisors);
    return drawConv(site, { kernel: randomKernel(site.random, [site.height, site.width]), groups, outPerGroup: site.random.integer(1, 9) });
  },
  'Conv, dilated': (site) =>
    drawConv(site, {
      kernel: [site.random.integer(1, 3), site.random.integer(2, 3)],
      groups: site.random.integer(0, 3) === 0 ? site.channels : 1,
      outPerGroup: site.random.integer(1, 3),
      dilations: [site.random.integer(1, 4), site.random.integer(2, 4)],
    }),
  MaxPool: (site) => {
    site.node('MaxPool', ['a'], ['b'], { ...poolAttributes(site), dilations: [1, 1] });
    return site.channels;
  },
  AveragePool: (site) => {
    site.node('AveragePool', ['a'], ['b'], { ...poolAttributes(site), count_include_pad: site.random.integer(0, 1) });
    return site.channels;
  },
  'global pools': ({ random, channels, node }) => {
    node(pick(random, ['GlobalMaxPool', 'GlobalAveragePool']), ['a'], ['b']);
    return channels;
  },
  reductions: ({ random, channels, node, list }) => {
    const op = pick(random, ['ReduceMean', 'ReduceSum', 'ReduceMax']);
    const axes = pick(random, [[2, 3], [2], [3], ...(op === 'ReduceMax' ? [] : [[1], [1, 2, 3]])]);
    // Opset 13 takes the axes of means and maxima as an attribute, those of sums as an input; 18 as an input.
    node(op, ['a', list(...axes)], ['b'], { keepdims: 1 });
    return axes.includes(1) ? 1 : channels;
  },
  'Add, Sub, Sum': (site) => drawPair(site, pick(site.random, ['Add', 'Add', 'Sub', 'Sub', 'Sum'])),
  'Mul, Div': (site) => {
    const isQuotient = site.random.integer(0, 1) === 0;
    return drawPair(site, isQuotient ? 'Div' : 'Mul', isQuotient);
  },
  'Max, Min': (site) => drawPair(site, pick(site.random, ['Max', 'Min'])),
  Neg: ({ channels, node, noise }) => {
    node('MaxPool', ['a'], ['p'], { kernel_shape: [1, 1] });
    node('Neg', ['p'], ['q']);
    node('Conv', ['a', noise(channels, channels, 1, 1)], ['r']);
    node('Max', ['q', 'r'], ['b']);
    return channels;
  },
  BatchNormalization: ({ random, channels, node, noise }) => {
    node('Exp', [noise(channels)], ['variance']);
    // Behind a pool it can't be folded away.
    if (random.integer(0, 1) === 0) node('MaxPool', ['a'], ['p'], { kernel_shape: [1, 2], pads: [0, 0, 0, 1] });
    else node('Conv', ['a', noise(channels, channels, 1, 1)], ['p']);
    node('BatchNormalization', ['p', noise(channels), noise(channels), noise(channels), 'variance'], ['b']);
    return channels;
  },
  'Relu, Clip': ({ random, channels, node, noise, scales }) => {
    node('Conv', ['a', noise(channels, channels, 1, 1)], ['p']);
    if (random.integer(0, 1) === 0) node('MaxPool', ['p'], ['q'], { kernel_shape: [2, 1], pads: [1, 0, 0, 0] });
    else node('Add', ['a', 'p'], ['q']);
    if (random.integer(0, 2) === 0) node('Relu', ['q'], ['b']);
    else node('Clip', ['q', scales(random.integer(-8, 0) / 4), scales(random.integer(1, 24) / 4)], ['b']);
    return channels;
  },
  'functions by table': drawTable,
  PRelu: ({ random, channels, node, noise }) => {
    const slopes = pick(random, [noise(1), noise(channels, 1, 1), noise(channels, 1, 1)]);
    node('PRelu', ['a', slopes], ['b']);
    return channels;
  },
  LRN: ({ random, channels, node }) => {
    const attributes = {
      // ONNX Runtime has odd sizes only.
      size: 2 * random.integer(0, 4) + 1,
      alpha: random.integer(1, 8) / 64,
      beta: pick(random, [0.5, 0.75]),
      bias: random.integer(1, 2),
    };
    node('LRN', ['a'], ['b'], attributes);
    return channels;
  },
  InstanceNormalization: ({ channels, node, noise }) => {
    node('InstanceNormalization', ['a', noise(channels), noise(channels)], ['b'], { epsilon: 1e-3 });
    return channels;
  },
  Gather: ({ random, channels, height, width, node, list }) => {
    const axis = random.integer(1, 3);
    const size = [1, channels, height, width][axis];
    const indices = Array.from({ length: random.integer(1, Math.min(2 * size, 30)) }, () => random.integer(-size, size - 1));
    node('Gather', ['a', list(...indices)], ['b'], { axis });
    return axis === 1 ? indices.length : channels;
  },
  Concat: ({ random, channels, node, noise }) => {
    const [p, q] = [random.integer(1, 40), random.integer(1, 40)];
    node('Conv', ['a', noise(p, channels, 1, 1)], ['p']);
    node('Conv', ['a', noise(q, channels, 3, 3)], ['q'], { pads: [1, 1, 1, 1] });
    const sizes: Readonly<Record<string, number>> = { a: channels, p, q };
    const parts = Array.from({ length: random.integer(2, 4) }, () => pick(random, Object.keys(sizes)));
    node('Concat', parts, ['b'], { axis: 1 });
    return parts.reduce((sum, part) => sum + sizes[part], 0);
  },
  Expand: ({ random, channels, height, width, node, list }) => {
    const axes = pick(random, [[2, 3], [2], [3]]);
    node('ReduceMean', ['a', list(...axes)], ['p'], { keepdims: 1 });
    node('Expand', ['p', list(1, channels, height, width)], ['b']);
    return channels;
  },
  Gemm: ({ random, channels, height, width, node, noise, list }) => {
    const [words, out] = [channels * height * width, random.integer(1, 60)];
    if (random.integer(0, 1) === 0) node('Flatten', ['a'], ['p'], { axis: 1 });
    else node('Reshape', ['a', list(1, -1)], ['p']);
    const transB = random.integer(0, 1);
    const matrix = transB === 1 ? noise(out, words) : noise(words, out);
    node('Gemm', ['p', matrix, ...(random.integer(0, 1) === 0 ? [noise(out)] : [])], ['q'], { transB, alpha: pick(random, [1, 0.5]) });
    node('Reshape', ['q', list(1, out, 1, 1)], ['b']);
    return out;
  },
  views: ({ random, channels, height, width, node, noise, list }) => {
    const out = random.integer(1, 40);
    const turned = random.integer(0, 3);
    if (turned === 0) {
      node('Transpose', ['a'], ['p'], { perm: [0, 2, 3, 1] });
      node('MatMul', ['p', noise(channels, out)], ['q']);
      node('Transpose', ['q'], ['b'], { perm: [0, 3, 1, 2] });
      return out;
    }
    if (turned === 1) {
      node('Reshape', ['a', list(1, channels, -1)], ['p']);
      node('Transpose', ['p'], ['q'], { perm: [0, 2, 1] });
      node('MatMul', ['q', noise(channels, out)], ['r']);
      node('Transpose', ['r'], ['s'], { perm: [0, 2, 1] });
      node('Reshape', ['s', list(1, out, height, width)], ['b']);
      return out;
    }
    if (turned === 2) {
      node('GlobalAveragePool', ['a'], ['p']);
      node('Squeeze', ['p', list(2, 3)], ['q']);
      node('Gemm', ['q', noise(channels, channels)], ['r']);
      node('Dropout', ['r'], ['s']);
      node('Unsqueeze', ['s', list(2, 3)], ['t']);
      node('Mul', ['a', 't'], ['b']);
      return channels;
    }
    node('Transpose', ['a'], ['p'], { perm: [0, 1, 3, 2] });
    node('Identity', ['p'], ['b']);
    return channels;
  },
};

/** Upsample has gone with opset 10. */
export const drawUpsample: Draw = ({ random, channels, node, scales }) => {
  const scale = (): number => pick(random, [1, 2, 2, 3, 4]);
  node('Upsample', ['a', scales(1, 1, scale(), scale())], ['b'], { mode: pick(random, ['nearest', 'nearest', 'linear']) });
  return channels;
};
