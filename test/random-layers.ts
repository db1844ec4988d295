/**
 * Random small integer graphs for conformance runs: every layer kind, odd shapes, strides, asymmetric pads, dilations, groups, channel
 * counts around the machine's widths, residual adds, concatenations, and results that saturate. A seed gives the same graph for ever.
 */
import { averageShift } from '../src/graph/average-pool.ts';
import type { Clamp, IntegerGraph, IntegerLayer, IntegerTensor, Window } from '../src/graph/integer-graph.ts';
import { createRandom, type Random } from '../src/util/random.ts';

type Shape = Pick<IntegerTensor, 'height' | 'width' | 'channels'>;

const MAX_LAYERS = 4;

/** How large a graph may become. */
export interface GraphSize {
  /** Rows and columns of the input. */
  readonly side: number;
  /** MACs of one layer: keeps the plain reference fast. */
  readonly macs: number;
  /** Factor on channel counts. */
  readonly channels: number;
}

export const SMALL: GraphSize = { side: 18, macs: 1_500_000, channels: 1 };
/** Layers that need several tiles, several groups of channels, split reductions. */
export const LARGE: GraphSize = { side: 60, macs: 40_000_000, channels: 6 };

interface Builder {
  readonly size: GraphSize;
  readonly random: Random;
  readonly tensors: IntegerTensor[];
  readonly layers: IntegerLayer[];
}

/** A graph of one to four layers; inputs `x` and, now and then, `x2`. */
/** @param kinds drawn as often as they stand in the list; @param maxLayers most layers of a graph */
export function randomGraph(
  seed: number,
  size: GraphSize = SMALL,
  kinds: readonly DraftLayer[] = DRAFTS,
  maxLayers = MAX_LAYERS,
): IntegerGraph {
  const random = createRandom(seed * 7919 + 1);
  const b: Builder = { size, random, tensors: [], layers: [] };
  const shape = { height: random.integer(1, size.side), width: random.integer(1, size.side), channels: randomChannels(random, size) };
  const inputs = [addTensor(b, 'x', shape)];
  if (random.integer(0, 5) === 0) inputs.push(addTensor(b, 'x2', shape));
  const count = random.integer(1, maxLayers);
  for (let i = 0; i < count; i++) addRandomLayer(b, i, kinds);

  const used = new Set(b.layers.flatMap((l) => l.inputs));
  const produced = b.layers.map((l) => l.output);
  // Every loose end is an output; now and then a value in the middle is one too.
  const outputs = produced.filter((id) => !used.has(id) || random.integer(0, 7) === 0);
  const border = (id: number) => {
    const { name, height, width, channels } = b.tensors[id];
    return { name, tensor: id, dims: [1, channels, height, width], order: 'nchw' as const };
  };
  return {
    name: `random-${seed}`,
    tensors: b.tensors,
    layers: b.layers,
    inputs: inputs.filter((id) => used.has(id)).map(border),
    outputs: outputs.map(border),
  };
}

/** Input words by name for one frame: mostly moderate, some extreme, some rows of zeros. */
export function randomInputs(graph: IntegerGraph, seed: number): Map<string, Int16Array> {
  const random = createRandom(seed ^ 0x5eed);
  return new Map(
    graph.inputs.map(({ name, tensor }) => {
      const { height, width, channels } = graph.tensors[tensor];
      const amplitude = pick(random, [300, 5000, 40000]);
      return [name, Int16Array.from({ length: height * width * channels }, () => clampWord(random.normal() * amplitude))];
    }),
  );
}

function addTensor(b: Builder, name: string, shape: Shape): number {
  const { height, width, channels } = shape;
  return b.tensors.push({ id: b.tensors.length, name, height, width, channels, fraction: 8 }) - 1;
}

/** A layer without its output, and the shape of that. */
type Draft = { readonly out: Shape; readonly layer: DistributiveOmit<IntegerLayer, 'output' | 'name' | 'nodes'> };
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type DraftLayer = (b: Builder, input: IntegerTensor) => Draft;

function addRandomLayer(b: Builder, index: number, kinds: readonly DraftLayer[]): void {
  const { random } = b;
  const input = random.integer(0, 3) === 0 ? random.integer(0, b.tensors.length - 1) : b.tensors.length - 1;
  const { out, layer } = pick(random, kinds)(b, b.tensors[input]);
  const name = `layer${index}`;
  b.layers.push({ ...layer, name, nodes: [name], output: addTensor(b, `t${index}`, out) });
}

function draftConv(b: Builder, input: IntegerTensor, groupsOf: (random: Random, channels: number) => number, depthwise = false): Draft {
  const { random } = b;
  const window = randomWindow(random, input);
  const size = outputSize(window, input);
  const groups = groupsOf(random, input.channels);
  const taps = window.kernel[0] * window.kernel[1] * (input.channels / groups);
  const roomiest = Math.max(1, Math.floor(b.size.macs / (size.height * size.width * taps * groups)));
  const perGroup = depthwise ? 1 : Math.min(roomiest, Math.max(1, Math.round(randomChannels(random, b.size) / groups)));
  const channels = groups * perGroup;
  const layer = {
    kind: 'conv',
    inputs: [input.id],
    window,
    groups,
    clamp: randomClamp(random),
    ...randomWeights(random, channels, taps),
  } as const;
  return { out: { ...size, channels }, layer };
}

const draftDense: DraftLayer = (b, input) => draftConv(b, input, () => 1);
const draftDepthwise: DraftLayer = (b, input) => draftConv(b, input, (_, channels) => channels, true);
const draftGrouped: DraftLayer = (b, input) =>
  draftConv(b, input, (random, channels) =>
    pick(
      random,
      Array.from({ length: channels }, (_, i) => i + 1).filter((d) => channels % d === 0),
    ),
  );

const draftMaxPool: DraftLayer = ({ random }, input) => {
  const window = randomWindow(random, input);
  const out = { ...outputSize(window, input), channels: input.channels };
  return { out, layer: { kind: 'maxpool', inputs: [input.id], window, clamp: randomClamp(random) } };
};

const draftAveragePool: DraftLayer = ({ random }, input) => {
  const window = randomWindow(random, input);
  const countIncludePad = random.integer(0, 1) === 1;
  const out = { ...outputSize(window, input), channels: input.channels };
  const shift = averageShift({ window, countIncludePad }, input, out);
  return { out, layer: { kind: 'averagepool', inputs: [input.id], window, countIncludePad, shift, clamp: randomClamp(random) } };
};

const draftAdd: DraftLayer = ({ random, tensors }, input) => {
  const other = pick(
    random,
    tensors.filter((t) => isSameSize(t, input) && t.channels === input.channels),
  );
  // Only one operand is shifted, unless both are the same.
  const shift = random.integer(0, 4);
  const isDouble = other.id === input.id;
  const [shiftA, shiftB] = isDouble ? [shift, shift] : random.integer(0, 1) === 1 ? [shift, 0] : [0, shift];
  const shiftOut = random.integer(0, Math.max(shiftA, shiftB));
  return { out: input, layer: { kind: 'add', inputs: [input.id, other.id], shiftA, shiftB, shiftOut, clamp: randomClamp(random) } };
};

/** Two tensors of one shape, or a map and a single pixel with as many channels. */
function pairOf({ random, tensors }: Builder, input: IntegerTensor): [IntegerTensor, IntegerTensor] {
  const isPixel = (t: IntegerTensor): boolean => t.height === 1 && t.width === 1;
  const same = tensors.filter((t) => t.channels === input.channels);
  const partners = same.filter((t) => !isSameSize(t, input) && (isPixel(t) || isPixel(input)));
  if (partners.length === 0) {
    return [
      input,
      pick(
        random,
        same.filter((t) => isSameSize(t, input)),
      ),
    ];
  }
  const other = pick(random, partners);
  return isPixel(other) ? [input, other] : [other, input];
}

const draftPixelAdd: DraftLayer = (b, input) => {
  const pair = pairOf(b, input);
  const shifts = { ...(b.random.integer(0, 1) === 1 ? { shiftA: 2, shiftB: 0 } : { shiftA: 0, shiftB: 1 }), shiftOut: 1 };
  return { out: pair[0], layer: { kind: 'add', inputs: pair.map((t) => t.id), ...shifts, clamp: randomClamp(b.random) } };
};

const draftMul: DraftLayer = (b, input) => {
  const pair = pairOf(b, input);
  const shiftOut = b.random.integer(0, 18);
  return { out: pair[0], layer: { kind: 'mul', inputs: pair.map((t) => t.id), shiftOut, clamp: randomClamp(b.random) } };
};

/** A squeeze: the mean of a map, which a later product or sum takes as a factor per channel. */
const draftSqueeze: DraftLayer = (_, input) => {
  const kernel = [input.height, input.width] as const;
  const window: Window = { kernel, stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
  const out = { height: 1, width: 1, channels: input.channels };
  const shift = averageShift({ window, countIncludePad: false }, input, out);
  const clamp = { low: -32768, high: 32767 };
  return { out, layer: { kind: 'averagepool', inputs: [input.id], window, countIncludePad: false, shift, clamp } };
};

const draftMaximum: DraftLayer = ({ random, tensors }, input) => {
  const other = pick(
    random,
    tensors.filter((t) => isSameSize(t, input) && t.channels === input.channels),
  );
  return { out: input, layer: { kind: 'maximum', inputs: [input.id, other.id], clamp: randomClamp(random) } };
};

const draftConstant: DraftLayer = (b, input) => {
  // A graph of constants alone has no work.
  if (b.layers.length === 0) return draftMul(b, input);
  const { random } = b;
  const words = Int16Array.from({ length: input.height * input.width * input.channels }, () => clampWord(random.normal() * 5000));
  return { out: input, layer: { kind: 'constant', inputs: [], words } };
};

/** A 1×1 convolution to whole lines of channels: what a product of activations takes as its weights. */
const draftLines: DraftLayer = (b, input) => {
  const { random } = b;
  const window: Window = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
  const channels = 16 * random.integer(1, 5);
  const weights = randomWeights(random, channels, input.channels);
  const layer = { kind: 'conv', inputs: [input.id], window, groups: 1, clamp: randomClamp(random), ...weights } as const;
  return { out: { height: input.height, width: input.width, channels }, layer };
};

const draftMatMul: DraftLayer = (b, input) => {
  const { random, tensors } = b;
  const partners = tensors.filter((t) => t.channels % 16 === 0 && t.channels >= input.channels && t.height * t.width <= 400);
  if (partners.length === 0) return draftLines(b, input);
  const other = pick(random, partners);
  const out = { height: input.height, width: input.width, channels: other.height * other.width };
  const shift = random.integer(4, 24);
  return { out, layer: { kind: 'matmul', inputs: [input.id, other.id], scaleBits: 0, shift, clamp: randomClamp(random) } };
};

const draftTable: DraftLayer = ({ random }, input) => {
  const shiftOut = random.integer(0, 14);
  const scale = 2 ** shiftOut;
  const base = Int32Array.from({ length: 256 }, () => random.integer(-33000, 33000) * scale);
  const slope = Int16Array.from({ length: 256 }, () => clampWord(random.integer(-3, 3) * scale + random.integer(-9, 9)));
  return { out: input, layer: { kind: 'table', title: 'random', inputs: [input.id], base, slope, shiftOut, clamp: randomClamp(random) } };
};

const draftConcat: DraftLayer = ({ random, tensors }, input) => {
  const twins = tensors.filter((t) => isSameSize(t, input));
  const parts = Array.from({ length: random.integer(2, 3) }, () => pick(random, twins));
  const channels = parts.reduce((sum, t) => sum + t.channels, 0);
  return { out: { ...input, channels }, layer: { kind: 'concat', inputs: parts.map((t) => t.id) } };
};

/** Kinds as often as they stand here. */
const DRAFTS: readonly DraftLayer[] = [
  draftDense,
  draftDense,
  draftDense,
  draftDense,
  draftGrouped,
  draftDepthwise,
  draftMaxPool,
  draftAveragePool,
  draftAdd,
  draftTable,
  draftConcat,
];

/** Products, maxima, constants and factors per channel, with enough convolutions between them to be fused behind. */
export const ELEMENTWISE: readonly DraftLayer[] = [
  draftDense,
  draftDense,
  draftDepthwise,
  draftSqueeze,
  draftSqueeze,
  draftPixelAdd,
  draftPixelAdd,
  draftMul,
  draftMul,
  draftMul,
  draftMaximum,
  draftConstant,
  draftTable,
  draftConcat,
];

/** A 1×1 convolution that keeps the shape, so that its input can be the other operand behind it. */
const draftSame: DraftLayer = ({ random }, input) => {
  const window: Window = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
  const weights = randomWeights(random, input.channels, input.channels);
  return { out: input, layer: { kind: 'conv', inputs: [input.id], window, groups: 1, clamp: randomClamp(random), ...weights } };
};

/** Convolutions with a table, a second operand, or both in either order behind them. */
export const GATES: readonly DraftLayer[] = [draftSame, draftSame, draftTable, draftTable, draftMul];

/** Products of activations among layers that make and read them. */
export const PRODUCTS: readonly DraftLayer[] = [
  draftLines,
  draftLines,
  draftMatMul,
  draftMatMul,
  draftMatMul,
  draftMul,
  draftTable,
  draftConcat,
];

function isSameSize(a: IntegerTensor, b: IntegerTensor): boolean {
  return a.height === b.height && a.width === b.width;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(0, items.length - 1)];
}

/** Weights of mixed size with a shift that lets most results fit a word and some saturate. */
function randomWeights(random: Random, channels: number, taps: number) {
  const shift = new Uint8Array(channels);
  const bias = new Float64Array(channels);
  const weights = new Int16Array(channels * taps);
  for (let o = 0; o < channels; o++) {
    const amplitude = 2 ** random.integer(0, 15);
    for (let i = 0; i < taps; i++) weights[o * taps + i] = clampWord(random.normal() * amplitude);
    shift[o] = Math.max(0, Math.min(47, Math.round(Math.log2(amplitude * Math.sqrt(taps))) + random.integer(-2, 1)));
    bias[o] = Math.round(random.integer(0, 9) === 0 ? (random.uniform() - 0.5) * 2 ** 46 : random.normal() * 2 ** (shift[o] + 12));
  }
  return { weights, weightFractions: new Int8Array(channels).fill(8), bias, shift };
}

/** A window that gives at least one output pixel; pads may exceed the kernel, so that some windows lie wholly in the padding. */
function randomWindow(random: Random, shape: Shape): Window {
  const axis = (size: number) => {
    const kernel = pick(random, [1, 1, 2, 3, 3, 5, 7, 11]);
    const dilation = random.integer(0, 4) === 0 ? random.integer(1, 3) : 1;
    const reach = (kernel - 1) * dilation + 1;
    const pads = [random.integer(0, kernel - 1), random.integer(0, kernel - 1)];
    if (random.integer(0, 19) === 0) pads[0] += reach;
    pads[1] += Math.max(0, reach - size - pads[0] - pads[1]);
    return { kernel, dilation, pads, stride: random.integer(0, 2) === 0 ? random.integer(1, 4) : 1 };
  };
  const [v, h] = [axis(shape.height), axis(shape.width)];
  return {
    kernel: [v.kernel, h.kernel],
    stride: [v.stride, h.stride],
    dilation: [v.dilation, h.dilation],
    pads: [v.pads[0], h.pads[0], v.pads[1], h.pads[1]],
  };
}

function outputSize(window: Window, input: Shape): Pick<Shape, 'height' | 'width'> {
  const along = (axis: 0 | 1, size: number): number =>
    Math.floor(
      (size + window.pads[axis] + window.pads[axis + 2] - (window.kernel[axis] - 1) * window.dilation[axis] - 1) / window.stride[axis],
    ) + 1;
  return { height: along(0, input.height), width: along(1, input.width) };
}

/** Channel counts around 16, 64 and odd ones between. */
function randomChannels(random: Random, size: GraphSize): number {
  const around = [1, 3, 4, 8, 16, 17, 24, 32, 48, 63, 64, 65, 80, 130];
  const channels = random.integer(0, 1) === 0 ? pick(random, around) : random.integer(1, 40);
  return channels * random.integer(1, size.channels);
}

function randomClamp(random: Random): Clamp {
  return pick(random, [
    { low: -32768, high: 32767 },
    { low: 0, high: 32767 },
    { low: 0, high: 1536 },
    { low: -200, high: 9000 },
  ]);
}

function clampWord(v: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(v)));
}
