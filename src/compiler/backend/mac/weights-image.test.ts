/**
 * Weights images as the machine sees them: loaded by the load engine, executed word by word by the MAC unit, compared with the reference.
 */
import { describe, expect, it } from 'vitest';
import type { AveragePoolLayer, ConvLayer, IntegerGraph } from '../../../graph/integer-graph.ts';
import { groupLines as machineGroupLines } from '../../../isa/weights-group.ts';
import { LINE_WORDS, type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { executeLayer } from '../../../reference/run-reference.ts';
import { executeLdw } from '../../../simulator/data/ldw.ts';
import { executeMacScalar } from '../../../simulator/data/mac-scalar.ts';
import { createMachineState } from '../../../simulator/data/state.ts';
import { makeDescriptor } from '../../../simulator/descriptors.test-util.ts';
import { createRandom, type Random } from '../../../util/random.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import type { MacWork } from '../stages/stage.ts';
import { blocksOf, regionsOf } from './blocks.ts';
import { type PackingPlan, packWeights } from './weights-image.ts';
import { hasAdjacentTaps, parameterLines, tapLines } from './window-cost.ts';

const MACHINE: Machine = { ...XC7Z045, computeUnits: 2, mapsBytes: 32768, weightsBytes: 16384 };

interface Choice {
  readonly lanes: number;
  readonly slots: number;
  readonly pixelPitch: number;
}

/** The parts of a plan that say how weights are packed. */
function planOf(work: MacWork, { lanes, slots, pixelPitch }: Choice): PackingPlan {
  const adjacent = hasAdjacentTaps(work, pixelPitch);
  const blocks = blocksOf(work, lanes, slots, regionsOf(work, work.geometry));
  return { lanes, adjacent, blocks, groupLines: parameterLines(lanes) + tapLines(work, lanes, adjacent) };
}

/** Result of the graph's one layer: its weights packed, loaded behind line `firstLine`, and every block executed on one CU for each slot. */
function runOnMachine(graph: IntegerGraph, input: Int16Array, choice: Choice, firstLine: number): Int16Array {
  const { lanes, slots, pixelPitch } = choice;
  const work = buildStages(graph).stages[0].mac!;
  const g = work.geometry;
  const plan = planOf(work, choice);
  const packed = packWeights(work, plan);
  expect(packed.blocks.length).toBe(plan.blocks.length);
  const source = graph.tensors[graph.layers[0].inputs[0]];
  const output = graph.tensors[graph.layers[0].output];
  const state = createMachineState(MACHINE, packed.words);
  for (const weights of state.weights.flat()) weights.fill(0x5a5a);
  for (let i = 0; i < source.height * source.width; i++) {
    const pixel = input.subarray(i * source.channels, (i + 1) * source.channels);
    for (const maps of state.maps) maps.set(pixel, i * pixelPitch);
  }
  const outBase = Math.ceil((source.height * source.width * pixelPitch + 64) / 64) * 64;
  const result = new Int16Array(output.height * output.width * output.channels);
  plan.blocks.forEach((block, b) => {
    let words = 0;
    for (const chunk of packed.blocks[b].chunks) {
      const line = (firstLine + chunk.firstLine) % state.weightsLines;
      const { images, isConstant } = packed.blocks[b];
      const cusPerSlot = isConstant ? MACHINE.computeUnits : 1;
      executeLdw(state, makeDescriptor('LDW', { dramAddress: chunk.offset, line, lines: chunk.lines, images, cusPerSlot }));
      words += chunk.lines;
    }
    expect(words).toBe(plan.groupLines);
    const { region } = block;
    const cuChannels = 64 / lanes;
    for (let cu = 0; cu < slots; cu++) {
      const channels = Math.min(cuChannels, block.channels - cu * cuChannels);
      if (channels <= 0) continue;
      const width = region.x1 - region.x0;
      const ix0 = region.x0 * g.strideW - g.padLeft;
      const iy0 = region.y0 * g.strideH - g.padTop;
      const rowWords = g.inWidth * pixelPitch;
      const ring = g.inHeight * rowWords;
      const modulo = (value: number): number => ((value % ring) + ring) % ring;
      const descriptor = makeDescriptor('MAC', {
        srcBase: block.inputChannel + (work.depthwise ? cu * cuChannels : 0),
        srcRing: ring,
        srcOffset: modulo(iy0 * rowWords),
        srcColumn: ix0 * pixelPitch,
        rowStep: modulo(g.strideH * rowWords),
        kRowStep: modulo(g.dilationH * rowWords),
        colStep: g.strideW * pixelPitch,
        tapStep: g.dilationW * pixelPitch,
        words: work.depthwise ? channels : work.tapWords,
        kernelH: g.kernelH,
        kernelW: g.kernelW,
        strideH: g.strideH,
        strideW: g.strideW,
        dilationH: g.dilationH,
        dilationW: g.dilationW,
        iy0,
        ix0,
        inHeight: g.inHeight,
        inWidth: g.inWidth,
        outBase,
        outRowStep: width * channels,
        outColStep: channels,
        outWidth: width,
        count: (region.y1 - region.y0) * width,
        outCus: 1 << cu,
        clampLow: work.clamp.low,
        clampHigh: work.clamp.high,
        weightsLine: firstLine,
        lanes,
        depthwise: work.depthwise ? 1 : 0,
        outWords: channels,
      });
      expect(machineGroupLines(descriptor)).toBe(plan.groupLines);
      executeMacScalar(state, cu, descriptor);
      for (let i = 0; i < descriptor.count; i++) {
        const y = region.y0 + Math.floor(i / width);
        const x = region.x0 + (i % width);
        const at = (y * output.width + x) * output.channels + block.channel + cu * cuChannels;
        result.set(state.maps[cu].subarray(outBase + i * channels, outBase + (i + 1) * channels), at);
      }
    }
  });
  return result;
}

function randomWords(random: Random, length: number): Int16Array {
  return Int16Array.from({ length }, () => random.integer(-3000, 3000));
}

const pick = <T>(random: Random, ...items: T[]): T => items[random.integer(0, items.length - 1)];

/** A graph of one layer, small enough for the plain MAC unit. */
function randomLayer(random: Random, kind: 'conv' | 'grouped' | 'depthwise' | 'average'): IntegerGraph {
  const b = new GraphBuilder();
  const channels = kind === 'grouped' ? pick(random, 4, 12, 36) : random.integer(1, kind === 'conv' ? 40 : 100);
  const kernel = random.integer(1, 3);
  const dilation = random.integer(1, 2);
  const pad = random.integer(0, 2);
  const size = (kernel - 1) * dilation + random.integer(1, 3);
  const x = b.input(size, size + 1, channels);
  const options = { kernel, dilation, pad, stride: random.integer(1, 2) };
  if (kind === 'average') return b.build(b.averagePool(x, options, random.integer(0, 1) === 1));
  if (kind === 'depthwise') return b.build(b.conv(x, channels, { ...options, groups: channels }));
  return b.build(b.conv(x, (kind === 'grouped' ? 4 : 1) * random.integer(1, 20), { ...options, groups: kind === 'grouped' ? 4 : 1 }));
}

describe('packWeights', () => {
  it.each(['conv', 'grouped', 'depthwise', 'average'] as const)('makes the MAC unit compute what the reference computes: %s', (kind) => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = createRandom(seed * 101 + kind.length);
      const graph = randomLayer(random, kind);
      const layer = graph.layers[0] as ConvLayer | AveragePoolLayer;
      const source = graph.tensors[layer.inputs[0]];
      const input = randomWords(random, source.height * source.width * source.channels);
      const isDepthwise = buildStages(graph).stages[0].mac!.depthwise;
      const line = Math.ceil(source.channels / LINE_WORDS) * LINE_WORDS;
      const choice = {
        lanes: isDepthwise ? 1 : pick(random, 1, 2, 4, 8, 16),
        slots: pick(random, 1, 2),
        pixelPitch: isDepthwise ? line : pick(random, source.channels, line),
      };
      const expected = executeLayer(graph, layer, [input]);
      // Anywhere in the buffer: groups wrap round its end.
      const actual = runOnMachine(graph, input, choice, random.integer(0, 511));
      expect(Buffer.compare(Buffer.from(actual.buffer), Buffer.from(expected.buffer)), `seed ${seed} ${JSON.stringify(choice)}`).toBe(0);
    }
  });

  it('cuts long groups into chunks that lie one behind the other', () => {
    const random = createRandom(7);
    const b = new GraphBuilder();
    const x = b.input(3, 3, 200);
    const graph = b.build(b.conv(x, 6, { kernel: 3 }));
    const work = buildStages(graph).stages[0].mac!;
    const choice = { lanes: 4, slots: 1, pixelPitch: 200 };
    const { chunks, images } = packWeights(work, planOf(work, choice)).blocks[0];
    expect(images).toBe(2);
    expect(chunks.map(({ firstLine, lines }) => [firstLine, lines])).toEqual([
      [0, 128],
      [128, 128],
      [256, 128],
      [384, 67],
    ]);
    expect(chunks.map(({ offset }) => offset)).toEqual([0, 128 * 32, 256 * 32, 384 * 32]);
    const input = randomWords(random, 9 * 200);
    expect(runOnMachine(graph, input, choice, 300)).toEqual(executeLayer(graph, graph.layers[0], [input]));
  });

  it('packs the constant weights of an average pool once, whatever its channels', () => {
    const b = new GraphBuilder();
    const graph = b.build(b.averagePool(b.input(3, 3, 150), { kernel: 3 }, false));
    const work = buildStages(graph).stages[0].mac!;
    const cut = (slots: number) => {
      const plan = planOf(work, { lanes: 1, slots, pixelPitch: 160 });
      const { words, blocks } = packWeights(work, plan);
      expect(words.length).toBe(4 * plan.groupLines * LINE_WORDS);
      return plan.blocks.map(({ channels }, i) => [channels, blocks[i].images, blocks[i].chunks[0].offset]);
    };
    expect(cut(1)).toEqual([
      [64, 4, 0],
      [64, 4, 0],
      [22, 4, 0],
    ]);
    expect(cut(2)).toEqual([
      [128, 4, 0],
      [22, 4, 0],
    ]);
  });

  it('keeps biases of 47 bits and both signs exact, rounding half included', () => {
    const b = new GraphBuilder();
    const graph = b.build(b.conv(b.input(1, 1, 1), 4));
    const layer = graph.layers[0] as ConvLayer;
    layer.bias.set([-(2 ** 46) + 1, 2 ** 46 - 1, -1, 0]);
    layer.shift.set([47, 40, 0, 1]);
    const work = buildStages(graph).stages[0].mac!;
    const { words } = packWeights(work, planOf(work, { lanes: 4, slots: 1, pixelPitch: 1 }));
    const read = (i: number) => {
      const [low, middle, high, shift] = words.subarray(4 * i, 4 * i + 4);
      return [(low & 0xffff) + (middle & 0xffff) * 2 ** 16 + high * 2 ** 32, shift];
    };
    expect([0, 1, 2, 3].map(read)).toEqual([
      [1, 47],
      [2 ** 46 - 1 + 2 ** 39, 40],
      [-1, 0],
      [1, 1],
    ]);
  });
});
