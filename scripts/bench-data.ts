/**
 * Speed of the data engine: G MAC/s of one MAC descriptor per number of lanes and precision, and a frame of AlexNet (the one-tower form, random
 * weights) at each level of checks. Usage: tsx scripts/bench-data.ts
 */
import { compileGraph } from '../src/compiler/backend/compile-graph.ts';
import type { IntegerGraph, IntegerLayer, IntegerTensor } from '../src/graph/integer-graph.ts';
import { traceCore } from '../src/isa/core.ts';
import { zeroDescriptor } from '../src/isa/field-codes.ts';
import type { MacDescriptor } from '../src/isa/fields.ts';
import { XC7Z045 } from '../src/machine/machine.ts';
import { createDramImage } from '../src/simulator/data/dram-image.ts';
import { executeData } from '../src/simulator/data/execute-data.ts';
import { executeMac } from '../src/simulator/data/mac.ts';
import { executeMacScalar } from '../src/simulator/data/mac-scalar.ts';
import { createMachineState } from '../src/simulator/data/state.ts';
import { macTotals } from '../src/simulator/walker.ts';
import { createRandom, type Random } from '../src/util/random.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

function milliseconds(work: () => void): number {
  work();
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < 300) {
    work();
    runs++;
  }
  return (performance.now() - start) / runs;
}

/** 3×3 window over 13×13 pixels, pads 1; as many channels as the maps hold. */
function windowDescriptor(lanes: number, depthwise: number): MacDescriptor {
  const words = depthwise ? 64 : lanes === 1 ? 48 : 192;
  return {
    ...zeroDescriptor('MAC'),
    lanes,
    depthwise,
    words,
    tapStep: words,
    colStep: words,
    srcColumn: -words,
    srcRing: 13 * 13 * words,
    srcOffset: 12 * 13 * words,
    rowStep: 13 * words,
    kRowStep: 13 * words,
    kernelH: 3,
    kernelW: 3,
    strideH: 1,
    strideW: 1,
    dilationH: 1,
    dilationW: 1,
    iy0: -1,
    ix0: -1,
    inHeight: 13,
    inWidth: 13,
    outBase: 40000,
    outRowStep: 13 * 64,
    outColStep: 64,
    outWidth: 13,
    count: 169,
    outCus: 1,
    outWords: 64 / lanes,
    clampLow: -32768,
    clampHigh: 32767,
  };
}

function benchDescriptors(): void {
  for (const [lanes, depthwise] of [
    [1, 0],
    [2, 0],
    [4, 0],
    [8, 0],
    [16, 0],
    [1, 1],
  ] as const) {
    const d = windowDescriptor(lanes, depthwise);
    const { usefulMacs } = macTotals(d);
    const rates = [20, 30000].map((amplitude) => {
      const state = createMachineState(XC7Z045, new Int16Array(0));
      const random = createRandom(1);
      const fill = (words: Int16Array): void => {
        for (let i = 0; i < words.length; i++) words[i] = random.integer(-amplitude, amplitude);
      };
      fill(state.maps[0]);
      for (const weights of state.weights[0]) fill(weights);
      return (usefulMacs / 1e6 / milliseconds(() => executeMac(state, 0, d))).toFixed(1);
    });
    print(
      `lanes ${lanes}${depthwise ? ' depthwise' : ''}: ${rates[0]} G MAC/s with small weights, ${rates[1]} G MAC/s with any (${(usefulMacs / 1e6).toFixed(1)} M MACs)`,
    );
  }
  const d = windowDescriptor(16, 0);
  const state = createMachineState(XC7Z045, new Int16Array(0));
  const start = performance.now();
  executeMacScalar(state, 0, d);
  print(`word-by-word twin: ${(macTotals(d).usefulMacs / 1e6 / (performance.now() - start)).toFixed(3)} G MAC/s`);
}

/** AlexNet without its classifier, or with it. */
function alexNet(random: Random, classifier: boolean): IntegerGraph {
  const tensors: IntegerTensor[] = [{ id: 0, name: 'x', height: 224, width: 224, channels: 3, fraction: 8 }];
  const layers: IntegerLayer[] = [];
  const add = (channels: number, size: number, layer: (output: number, input: IntegerTensor) => IntegerLayer): void => {
    const input = tensors[tensors.length - 1];
    const id = tensors.length;
    tensors.push({ id, name: `t${id}`, height: size, width: size, channels, fraction: 8 });
    layers.push(layer(id, input));
  };
  const convolution = (channels: number, size: number, kernel: number, stride: number, pad: number): void =>
    add(channels, size, (output, input) => ({
      kind: 'conv',
      name: `conv${output}`,
      nodes: [],
      inputs: [input.id],
      output,
      window: { kernel: [kernel, kernel], stride: [stride, stride], dilation: [1, 1], pads: [pad, pad, pad, pad] },
      groups: 1,
      weights: Int16Array.from({ length: channels * kernel * kernel * input.channels }, () => random.integer(-20000, 20000)),
      weightFractions: new Int8Array(channels).fill(15),
      bias: new Float64Array(channels),
      shift: new Uint8Array(channels).fill(19),
      clamp: { low: 0, high: 32767 },
    }));
  const pool = (size: number): void =>
    add(tensors[tensors.length - 1].channels, size, (output, input) => ({
      kind: 'maxpool',
      name: `pool${output}`,
      nodes: [],
      inputs: [input.id],
      output,
      window: { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] },
      clamp: { low: -32768, high: 32767 },
    }));
  convolution(64, 55, 11, 4, 2);
  pool(27);
  convolution(192, 27, 5, 1, 2);
  pool(13);
  convolution(384, 13, 3, 1, 1);
  convolution(256, 13, 3, 1, 1);
  convolution(256, 13, 3, 1, 1);
  pool(6);
  if (classifier)
    for (const [channels, kernel] of [
      [4096, 6],
      [4096, 1],
      [1000, 1],
    ])
      convolution(channels, 1, kernel, 1, 0);
  const border = (name: string, id: number) => ({ name, tensor: id, dims: [1, 1, 1, 1], order: 'nchw' as const });
  return { name: 'alexnet', tensors, layers, inputs: [border('x', 0)], outputs: [border('y', tensors.length - 1)] };
}

function benchAlexNet(): void {
  for (const classifier of [false, true]) {
    const program = compileGraph(alexNet(createRandom(1), classifier), XC7Z045);
    const { dispatches } = traceCore(program.instructions);
    const input = program.tensors.find((t) => t.role === 'input');
    if (input === undefined) throw new Error('no input');
    const inputs = [{ address: input.address, words: new Int16Array(input.height * input.rowPitch).fill(100) }];
    const start = performance.now();
    const image = createDramImage(program);
    const imageTime = performance.now() - start;
    const times = (['none', 'bounds', 'races'] as const).map((checks) => {
      const time = milliseconds(() => void executeData(program, dispatches, { inputs, image, checks }));
      return `${checks} ${time.toFixed(0)} ms`;
    });
    print(
      `AlexNet ${classifier ? 'with' : 'without'} classifier: ${dispatches.length} descriptors, DRAM image ${imageTime.toFixed(0)} ms, a frame with checks ${times.join(', ')}`,
    );
  }
}

benchDescriptors();
benchAlexNet();
