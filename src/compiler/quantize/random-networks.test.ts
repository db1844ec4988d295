/** Random small networks of all operators through front end, quantizer and reference, against ONNX Runtime in float32. */
import { expect, it } from 'vitest';
import type { AttributeValue, Graph, Tensor } from '../../graph/graph.ts';
import { createRandom, type Random } from '../../util/random.ts';
import { drawFloats, floats, integers, makeGraph, type TestGraph } from '../frontend/test-graph.test-util.ts';
import { randomInputs, runModel } from './run-model.test-util.ts';

const NETWORKS = Number(process.env.RANDOM_NETWORKS ?? 60);
const MIN_SQNR_DB = 40;

interface Value {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A chain of up to ten steps with branches that join again, on a map; sometimes a flattened end. */
function makeNetwork(random: Random): Graph {
  const nodes: TestGraph['nodes'][number][] = [];
  const constants: Record<string, Tensor> = {};
  let count = 0;
  const add = (op: string, inputs: string[], attributes: Record<string, AttributeValue> = {}): string => {
    const output = `v${count++}`;
    nodes.push([op, inputs, [output], attributes]);
    return output;
  };
  const constant = (tensor: Tensor): string => {
    const name = `k${count++}`;
    constants[name] = tensor;
    return name;
  };
  const noise = (dims: number[], scale = 1, offset = 0): string => constant(drawFloats(dims, () => random.normal() * scale + offset));
  const spread = (dims: number[]): string => constant(drawFloats(dims, () => 0.5 + random.uniform()));
  const pick = <T>(list: readonly T[]): T => list[random.integer(0, list.length - 1)];

  const convolve = (x: Value): Value => {
    const groups = pick([1, 1, 1, x.channels]);
    const outChannels = groups === 1 ? random.integer(1, 20) : groups * pick([1, 2]);
    const kernel = pick([1, 1, 3, 3, 5, 2]);
    const dilation = kernel === 3 ? pick([1, 1, 2]) : 1;
    const span = (kernel - 1) * dilation + 1;
    const same = span % 2 === 1 && pick([true, true, false]);
    if (!same && (x.height < span || x.width < span)) return x;
    const pad = same ? (span - 1) / 2 : 0;
    const perGroup = x.channels / groups;
    const inputs = [x.name, noise([outChannels, perGroup, kernel, kernel], 1 / Math.sqrt(perGroup * kernel * kernel))];
    if (pick([true, false])) inputs.push(noise([outChannels], 0.3));
    const name = add('Conv', inputs, { pads: [pad, pad, pad, pad], group: groups, dilations: [dilation, dilation] });
    return { name, channels: outChannels, height: x.height + 2 * pad - span + 1, width: x.width + 2 * pad - span + 1 };
  };
  const pool = (x: Value): Value => {
    const kernel = random.integer(1, 3);
    if (x.height < kernel + 1 || x.width < kernel + 1) return x;
    const stride = random.integer(1, 2);
    const size = (n: number) => Math.floor((n - kernel) / stride) + 1;
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride] };
    return { ...x, name: add(pick(['MaxPool', 'AveragePool']), [x.name], attributes), height: size(x.height), width: size(x.width) };
  };
  const elementwise = (x: Value): Value => {
    const { channels } = x;
    const makers: (() => string)[] = [
      () => add('Relu', [x.name]),
      () => add('LeakyRelu', [x.name], { alpha: 0.125 }),
      () => add('Clip', [x.name, constant(floats([], [-1])), constant(floats([], [1.5]))]),
      () => add('Add', [x.name, noise([channels, 1, 1])]),
      () => add('Mul', [spread([1, channels, 1, 1]), x.name]),
      () => add('Sub', [constant(floats([], [0.5])), x.name]),
      () => add('BatchNormalization', [x.name, spread([channels]), noise([channels]), noise([channels]), spread([channels])]),
      () => add('Identity', [x.name]),
      () => add('Transpose', [add('Transpose', [x.name], { perm: [0, 2, 3, 1] })], { perm: [0, 3, 1, 2] }),
    ];
    return { ...x, name: pick(makers)() };
  };
  const branch = (x: Value): Value => {
    const sides = [elementwise(x), elementwise(x)];
    if (pick([true, false])) return { ...x, name: add('Add', [sides[0].name, sides[1].name]) };
    const axis = pick([1, -3]);
    return { ...x, name: add('Concat', [sides[0].name, sides[1].name, x.name], { axis }), channels: 3 * x.channels };
  };

  let x: Value = { name: 'x', channels: random.integer(1, 6), height: random.integer(4, 12), width: random.integer(4, 12) };
  const input = [1, x.channels, x.height, x.width];
  x = convolve(x);
  for (let steps = random.integer(1, 9); steps > 0; steps--) x = pick([convolve, convolve, pool, elementwise, elementwise, branch])(x);
  let last = x.name;
  if (pick([true, false])) {
    const words = x.channels * x.height * x.width;
    const flat = pick([() => add('Flatten', [x.name]), () => add('Reshape', [x.name, constant(integers(1, -1))])])();
    last = add('Gemm', [flat, noise([words, 7], 1 / Math.sqrt(words)), noise([7])]);
    if (pick([true, false])) last = add('Relu', [last]);
  }
  // The output needs a node of its own where nothing was added.
  if (last === 'x') last = add('Relu', ['x']);
  return makeGraph({ inputs: { x: input }, outputs: [last], constants, nodes });
}

it(`${NETWORKS} random networks`, { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= NETWORKS; seed++) {
    const graph = makeNetwork(createRandom(seed));
    const run = await runModel(graph, randomInputs(graph, seed));
    expect(run.lowered.parts, `seed ${seed}: all on the accelerator`).toHaveLength(1);
    const allZero = [...run.expected.values()].every((values) => values.every((v) => v === 0));
    if (!allZero) expect(run.sqnrDb, `seed ${seed}: ${graph.nodes.map((node) => node.op).join(' ')}`).toBeGreaterThan(MIN_SQNR_DB);
  }
});
