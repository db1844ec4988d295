/** Equal constants are stored once, and loaded once as long as they stay in the buffers. */
import { beforeAll, describe, expect, it } from 'vitest';
import { NetworkBuilder } from '../../../../models/builder.ts';
import { addGru } from '../../../../models/sequence-layers.ts';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { compileModel } from '../../../runtime/compile-model.ts';
import { measureTiming } from '../../../runtime/measure-timing.ts';
import { compileGraph } from '../compile-graph.ts';

const WORDS = 6;
const HIDDEN = 64;
/** Too small for the weights of one position. */
const SMALL: Machine = { ...XC7Z045, name: 'small', weightsBytes: 1024 };

describe('a recurrent layer', () => {
  let graph: IntegerGraph;
  beforeAll(async () => {
    const net = new NetworkBuilder('recurrent', [WORDS, HIDDEN]);
    graph = (await compileModel(net.build(addGru(net, net.input, { hidden: HIDDEN, name: 'gru' }).sequence), {})).integerGraph;
  });

  it('stores its weights once', () => {
    const { segments } = compileGraph(graph, XC7Z045);
    const own = segments.filter(({ name }) => name.includes('candidateRecurrent') && name.endsWith('weights'));
    expect(own.length).toBeGreaterThan(0);
    expect(own.length).toBeLessThan(WORDS - 1);
  });

  it('loads them once where they fit, and again where they do not; exact either way', async () => {
    const bytesOf = (machine: Machine): number => {
      const timing = measureTiming(compileGraph(graph, machine));
      return timing.layers.reduce((sum, { dramReadBytes }) => sum + dramReadBytes, 0);
    };
    const weights = 2 * 3 * HIDDEN * HIDDEN;
    // The first position needs none; of the others' three gates the small machine keeps one now and then.
    expect(bytesOf(SMALL) - bytesOf(XC7Z045)).toBeGreaterThan(((WORDS - 2) * weights * 2) / 3);
    for (const machine of [XC7Z045, SMALL]) expect((await checkConformance(graph, machine, 1, 3)).difference).toBeUndefined();
  });
});
