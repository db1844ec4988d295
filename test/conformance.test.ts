/** Reference = simulator, bit for bit, on random small layers; and the account of every cycle of their timing runs. */
import { describe, expect, it } from 'vitest';
import { buildStages } from '../src/compiler/backend/stages/build-stages.ts';
import type { IntegerGraph } from '../src/graph/integer-graph.ts';
import { type Machine, macCount, XC7Z045 } from '../src/machine/machine.ts';
import type { Program } from '../src/program/program.ts';
import { measureLayerWork } from '../src/runtime/layer-work.ts';
import { measureTiming } from '../src/runtime/measure-timing.ts';
import { InputError } from '../src/util/errors.ts';
import { checkConformance } from './conformance.ts';
import { ELEMENTWISE, GATES, LARGE, PRODUCTS, randomGraph, SMALL } from './random-layers.ts';

interface Tally {
  layers: number;
  words: number;
  refused: number;
}

/** Graphs of these seeds; a graph that a small machine refuses is counted, everything else must be equal. */
async function checkSeeds(
  first: number,
  count: number,
  machine: Machine,
  frames: number,
  size = SMALL,
  graphOf: (seed: number) => IntegerGraph = (seed) => randomGraph(seed, size),
): Promise<Tally> {
  const tally: Tally = { layers: 0, words: 0, refused: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const graph = graphOf(seed);
    try {
      const { program, difference, words } = await checkConformance(graph, machine, frames, seed);
      expect(difference, `seed ${seed}`).toBeUndefined();
      expect(words, `seed ${seed}`).toBeGreaterThan(0);
      const work = measureLayerWork(graph);
      const total = (items: readonly { macs: number }[]): number => items.reduce((sum, l) => sum + l.macs, 0);
      expect(total(program.layers), `MACs, seed ${seed}`).toBe(total(work));
      const timing = measureTiming(program);
      let cycles = 0;
      for (const [i, layer] of timing.layers.entries()) {
        const lost = Object.values(layer.lost).reduce((sum, n) => sum + n, 0);
        expect(layer.usefulMacs / macCount(machine) + lost, `seed ${seed}, layer ${i}`).toBe(layer.cycles);
        expect(layer.usefulMacs, `seed ${seed}, layer ${i}`).toBe(program.layers[i].macs * frames);
        cycles += layer.cycles;
      }
      expect(cycles, `seed ${seed}`).toBe(timing.cycles);
      tally.layers += graph.layers.length;
      tally.words += words;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      tally.refused++;
    }
  }
  return tally;
}

describe('random small layers', () => {
  it.each([0, 60, 120, 180])('are bit-exact on the preset: seeds from %i', async (first) => {
    const { layers, refused } = await checkSeeds(first, 60, XC7Z045, 1);
    expect(layers).toBeGreaterThan(125); // four times this: more than 500
    expect(refused).toBe(0);
  });

  it('are bit-exact in batches', async () => {
    expect((await checkSeeds(300, 40, XC7Z045, 3)).refused).toBe(0);
  });
});

describe('products, maxima, constants and factors per channel', () => {
  const kindsOf = (graph: IntegerGraph): string[] =>
    graph.layers.map(({ kind, inputs, output }) => {
      const pixels = (id: number): number => graph.tensors[id].height * graph.tensors[id].width;
      return inputs.length === 2 && pixels(inputs[1]) < pixels(output) ? `${kind} by channel` : kind;
    });
  const graphOf = (seed: number): IntegerGraph => randomGraph(seed, SMALL, ELEMENTWISE, 7);

  it('occur often enough', () => {
    const kinds = Array.from({ length: 260 }, (_, i) => kindsOf(graphOf(1000 + i))).flat();
    for (const kind of ['mul', 'maximum', 'constant', 'table']) expect(kinds.filter((k) => k === kind).length, kind).toBeGreaterThan(60);
    expect(kinds.filter((k) => k.endsWith('by channel')).length).toBeGreaterThan(60);
  });

  it.each([1000, 1130])('are bit-exact: seeds from %i', async (first) => {
    expect((await checkSeeds(first, 130, XC7Z045, 1, SMALL, graphOf)).refused).toBe(0);
  });

  it('are bit-exact in batches', async () => {
    expect((await checkSeeds(1300, 30, XC7Z045, 3, SMALL, graphOf)).refused).toBe(0);
  });
});

describe('products of two activations', () => {
  const graphOf = (seed: number): IntegerGraph => randomGraph(seed, SMALL, PRODUCTS, 6);

  it('are bit-exact', async () => {
    const graphs = Array.from({ length: 80 }, (_, seed) => graphOf(seed));
    expect(graphs.flatMap(({ layers }) => layers).filter(({ kind }) => kind === 'matmul').length).toBeGreaterThan(60);
    // Inside a concatenation of concatenations pixels may lie at no lines: refused.
    expect((await checkSeeds(0, 80, XC7Z045, 1, SMALL, graphOf)).refused).toBeLessThanOrEqual(2);
  });

  it('are bit-exact in batches', async () => {
    expect((await checkSeeds(100, 25, XC7Z045, 3, SMALL, graphOf)).refused).toBeLessThanOrEqual(1);
  });
});

describe('a table and a second operand behind a convolution', () => {
  const graphOf = (seed: number): IntegerGraph => randomGraph(seed, SMALL, GATES, 8);

  it('occur in both orders', () => {
    const stages = Array.from({ length: 300 }, (_, seed) => buildStages(graphOf(seed)).stages).flat();
    const both = stages.filter(({ vec, table }) => table && (vec?.op === 'mul' || vec?.op === 'add'));
    for (const order of [true, false]) expect(both.filter(({ isTableFirst }) => isTableFirst === order).length).toBeGreaterThan(5);
  });

  it('are bit-exact', async () => {
    expect((await checkSeeds(0, 50, XC7Z045, 1, SMALL, graphOf)).refused).toBe(0);
    expect((await checkSeeds(100, 8, XC7Z045, 2, SMALL, graphOf)).refused).toBe(0);
  });
});

describe('random larger layers', () => {
  it('are bit-exact on the preset', async () => {
    expect((await checkSeeds(0, 30, XC7Z045, 1, LARGE)).refused).toBe(0);
  });
});

describe('the comparison', () => {
  it('sees one wrong bias', async () => {
    const spoil = (program: Program): Program => {
      const [first, ...others] = program.segments;
      const words = first.words.slice();
      words[1] ^= 0x100; // bits 16 to 31 of the first output's bias
      return { ...program, segments: [{ ...first, words }, ...others] };
    };
    const graph = randomGraph(45);
    expect(graph.layers.map((l) => l.kind)).toEqual(['conv']);
    expect((await checkConformance(graph, XC7Z045, 1, 45)).difference).toBeUndefined();
    expect((await checkConformance(graph, XC7Z045, 1, 45, spoil)).difference).toMatch(
      /^layer 'layer0', value 't0': row 0, column 0, channel 0: expected/,
    );
  });
});

describe('other machines', () => {
  const machines: [string, Machine, number][] = [
    ['1 CU', { ...XC7Z045, computeUnits: 1 }, 0],
    ['2 CUs', { ...XC7Z045, computeUnits: 2 }, 0],
    ['8 CUs', { ...XC7Z045, computeUnits: 8 }, 0],
    ['half the bandwidth', { ...XC7Z045, dram: { ...XC7Z045.dram, bytesPerSecond: 2_100_000_000 } }, 0],
    ['another clock', { ...XC7Z045, clockHz: 200_000_000 }, 0],
    ['one memory port', { ...XC7Z045, axi: { ...XC7Z045.axi, ports: 1, readsPerPort: 4 } }, 0],
    // The machine may refuse some layers (they name it), so that tiling is exercised with layers of this size.
    [
      'small buffers and queues',
      { ...XC7Z045, mapsBytes: 16384, weightsBytes: 8192, queueDepth: 2, resultFifoGranules: 4, vecFifoGranules: 1 },
      6,
    ],
  ];
  it.each(machines)('are bit-exact: %s', async (_, machine, mayRefuse) => {
    expect((await checkSeeds(400, 40, machine, 1)).refused).toBeLessThanOrEqual(mayRefuse);
  });
});
