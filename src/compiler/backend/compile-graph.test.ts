/** Whole programs of small graphs that once went wrong, or that combine what unit tests see apart; and the same bytes for the same input. */
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../test/conformance.ts';
import { randomGraph } from '../../../test/random-layers.ts';
import type { IntegerGraph } from '../../graph/integer-graph.ts';
import { XC7Z045 } from '../../machine/machine.ts';
import type { Program } from '../../program/program.ts';
import { findProgramFault } from '../../program/verify-program.ts';
import { compileGraph } from './compile-graph.ts';
import { GraphBuilder } from './stages/graph-builder.test-util.ts';

function graphOf(make: (b: GraphBuilder) => number[]): IntegerGraph {
  const b = new GraphBuilder();
  return b.build(...make(b));
}

/** Compiles for the preset, runs, and expects the reference's words, no race, and the schedules named. */
async function expectExact(graph: IntegerGraph, frames = 1): Promise<Program> {
  const { program, difference, words } = await checkConformance(graph, XC7Z045, frames, 3);
  expect(difference).toBeUndefined();
  expect(words).toBeGreaterThan(0);
  return program;
}

describe('the same input gives the same bytes', () => {
  it('for random graphs, whatever was compiled before', () => {
    const compileAll = (seeds: readonly number[]) =>
      new Map(seeds.map((seed) => [seed, compileGraph(randomGraph(seed), XC7Z045, { frames: 1 + (seed % 2) })]));
    const seeds = [500, 501, 502, 503, 504, 505];
    const first = compileAll(seeds);
    const second = compileAll([...seeds].reverse());
    for (const seed of seeds) {
      expect(second.get(seed)).toEqual(first.get(seed));
      expect(findProgramFault(first.get(seed)!)).toBeUndefined();
    }
    expect(first.get(500)!.instructions).not.toEqual(first.get(502)!.instructions);
  });

  it('does not change the graph', () => {
    const graph = randomGraph(506);
    const copy = structuredClone(graph);
    compileGraph(graph, XC7Z045);
    expect(graph).toEqual(copy);
  });
});

describe('batches', () => {
  it('keep every frame of a map that is read again after a flat layer', async () => {
    const graph = graphOf((b) => {
      const map = b.conv(b.input(10, 10, 16), 32, { kernel: 3, pad: 1 });
      const flat = b.conv(b.averagePool(map, { kernel: 10 }), 20);
      return [flat, b.conv(map, 24, { kernel: 3 })];
    });
    await expectExact(graph, 3);
  });

  it('average flat maps', async () => {
    const graph = graphOf((b) => [b.averagePool(b.conv(b.input(1, 1, 40), 32), { kernel: 1 })]);
    expect((await expectExact(graph, 3)).layers.length).toBe(2);
  });
});

describe('flat results of several stages', () => {
  it('side by side in one concatenation, read in part and whole', async () => {
    const graph = graphOf((b) => {
      const x = b.input(6, 6, 16);
      const whole = b.concat(b.conv(x, 32, { kernel: 6 }), b.averagePool(x, { kernel: 6 }));
      return [b.conv(whole, 16, { inputChannelOffset: 0, inputChannels: 32 }), b.conv(whole, 16)];
    });
    await expectExact(graph);
  });
});

describe('copies', () => {
  it('take images with more pixels than a descriptor has rows', () => {
    const graph = graphOf((b) => {
      const x = b.input(260, 260, 1);
      return [b.concat(x, x)];
    });
    // Descriptors whose fields overflow are an error of the instruction writer.
    expect(compileGraph(graph, XC7Z045).layers.map(({ op }) => op)).toEqual(['copy 67600 words', 'copy 67600 words']);
  });

  it('take an input, an output and a tensor twice', async () => {
    const graph = graphOf((b) => {
      const x = b.input(7, 6, 20);
      const [out, twice] = [b.conv(x, 5), b.conv(x, 3)];
      return [out, b.concat(x, twice, out, twice)];
    });
    await expectExact(graph);
  });
});

describe('vector work behind MACs', () => {
  it('pools and looks up in either order', async () => {
    const graph = graphOf((b) => {
      const x = b.input(11, 10, 8);
      const pool = { kernel: 3, stride: 2, pad: 1 };
      return [b.table(b.maxPool(b.conv(x, 20), pool)), b.maxPool(b.table(b.conv(x, 70)), pool)];
    });
    // Negative sums reach the tables; the pools' clamps cut what these make of them.
    const full = { low: -32768, high: 32767 };
    const layers = graph.layers.map((layer) => (layer.kind === 'conv' ? { ...layer, clamp: full } : layer));
    expect((await expectExact({ ...graph, layers })).layers.length).toBe(2);
  });
});

describe('tensors on chip', () => {
  it('feed chains, residual adds and slices of a concatenation without DRAM', async () => {
    const graph = graphOf((b) => {
      // Too many weights for chains.
      const x = b.conv(b.input(7, 7, 16), 192, { kernel: 3, pad: 1 });
      const y = b.residual(b.conv(b.conv(x, 192, { kernel: 3, pad: 1 }), 192, { kernel: 3, pad: 1 }), x);
      const z = b.concat(b.conv(y, 16), b.conv(y, 48, { kernel: 3, pad: 1 }));
      return [b.conv(z, 8)];
    });
    const { layers, tensors } = await expectExact(graph);
    expect(layers.filter(({ schedule }) => schedule.includes('input on chip')).length).toBe(layers.length - 1);
    expect(tensors.map(({ role }) => role)).toEqual(['input', 'output']);
  });
});
