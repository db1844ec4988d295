/** Recurrent layers as cells: exact, weights and vectors stay on chip, and what the machine cannot hold runs stage by stage. */
import { describe, expect, it } from 'vitest';
import { NetworkBuilder } from '../../../../models/builder.ts';
import { addGru, addLinear, addLstm } from '../../../../models/sequence-layers.ts';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { traceCore } from '../../../isa/core.ts';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { compileModel } from '../../../runtime/compile-model.ts';
import { measureTiming } from '../../../runtime/measure-timing.ts';
import { compileGraph } from '../compile-graph.ts';
import { partOf } from './cell-plan.ts';

const WORDS = 5;

async function recurrent(kind: 'gru' | 'lstm', hidden: number, bidirectional: boolean): Promise<IntegerGraph> {
  const net = new NetworkBuilder('recurrent', [WORDS, hidden]);
  const options = { hidden, name: kind, bidirectional };
  const { sequence } = kind === 'gru' ? addGru(net, net.input, options) : addLstm(net, net.input, { hidden, name: kind });
  return (await compileModel(net.build(sequence), {})).integerGraph;
}

describe('a cell', () => {
  it.each([
    ['gru', 48, true],
    ['gru', 40, false],
    ['lstm', 64, false],
    ['lstm', 24, false],
  ] as const)('%s of %i channels, both directions %s: exact, little traffic', async (kind, hidden, bidirectional) => {
    const graph = await recurrent(kind, hidden, bidirectional);
    const program = compileGraph(graph, XC7Z045);
    expect((await checkConformance(graph, XC7Z045, 1, 5)).difference).toBeUndefined();
    // What every position makes for itself is in no place of DRAM, and nothing but the results is written.
    expect(program.tensors.some(({ name }) => /candidate|cell$/i.test(name))).toBe(false);
    const written = measureTiming(program).layers.reduce((sum, { dramWriteBytes }) => sum + dramWriteBytes, 0);
    const results = 2 * (bidirectional ? 2 : 1) * hidden * WORDS;
    expect(written).toBeGreaterThanOrEqual(results);
    // Whole lines, and once more where directions are put side by side.
    expect(written).toBeLessThan(3 * results + 64 * WORDS);
  });

  it.each([
    ['a layer behind both directions', 32, true],
    ['vectors that do not begin at lines', 24, true],
    ['one direction', 40, false],
  ] as const)('%s reads the sequence on chip: nothing but its result is written', async (_, hidden, bidirectional) => {
    const net = new NetworkBuilder('tagger', [WORDS, hidden]);
    const { sequence } = addGru(net, net.input, { hidden, name: 'gru', bidirectional });
    const graph = (await compileModel(net.build(addLinear(net, sequence, 20, 'tags')), {})).integerGraph;
    expect((await checkConformance(graph, XC7Z045, 1, 5)).difference).toBeUndefined();
    const program = compileGraph(graph, XC7Z045);
    const { layers } = measureTiming(program);
    const storing = program.layers.filter((_, i) => layers[i]!.dramWriteBytes > 0);
    expect(storing.map(({ name }) => name)).toEqual([expect.stringContaining('tags')]);
  });

  it('has two tables, and loads each once into all CUs that begin with it', async () => {
    const { instructions } = compileGraph(await recurrent('gru', 48, true), XC7Z045);
    const loads = traceCore(instructions).dispatches.flatMap(({ kind, descriptor }) =>
      kind === 'LDM' && descriptor.space === 1 ? [descriptor] : [],
    );
    // Sigmoid and Tanh: 1 - z of the first position, where nothing is kept, needs no third one.
    expect(new Set(loads.map(({ dramAddress }) => dramAddress)).size).toBe(2);
    // The first of every CU: one load for each table, not one for each CU.
    const cus = [0, 1, 2, 3].filter((cu) => loads.some((load) => load.cus & (1 << cu)));
    const firsts = new Set(cus.map((cu) => loads.find((load) => load.cus & (1 << cu))!));
    expect(firsts.size).toBeLessThan(cus.length);
    expect(new Set([...firsts].map(({ dramAddress }) => dramAddress)).size).toBe(firsts.size);
  });

  it('of a machine with one CU, or small buffers, or several frames is exact as well', async () => {
    const graph = await recurrent('gru', 32, true);
    const machines: Machine[] = [
      { ...XC7Z045, name: 'one', computeUnits: 1 },
      { ...XC7Z045, name: 'two', computeUnits: 2 },
      { ...XC7Z045, name: 'small', weightsBytes: 2048, mapsBytes: 4096 },
    ];
    for (const machine of machines) expect((await checkConformance(graph, machine, 1, 3)).difference).toBeUndefined();
    expect((await checkConformance(graph, XC7Z045, 2, 3)).difference).toBeUndefined();
  });

  it('parts of a vector cover it once, at lines', () => {
    for (const words of [5, 16, 40, 128, 650]) {
      for (const cus of [1, 2, 4]) {
        const count = Math.min(cus, Math.ceil(words / 16));
        const parts = Array.from({ length: count }, (_, i) => partOf(words, count, i));
        expect(parts[0]![0]).toBe(0);
        expect(parts.at(-1)![1]).toBe(words);
        parts.slice(1).forEach(([low], i) => {
          expect(low).toBe(parts[i]![1]);
          expect(low % 16).toBe(0);
        });
        for (const [low, high] of parts) expect(high).toBeGreaterThan(low);
      }
    }
  });
});
