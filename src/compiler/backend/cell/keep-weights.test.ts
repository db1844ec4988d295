/** Equal constants are stored once, and loaded once as long as they stay in the buffers. */
import { beforeAll, describe, expect, it } from 'vitest';
import { NetworkBuilder } from '../../../../models/builder.ts';
import { addGru } from '../../../../models/sequence-layers.ts';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { traceCore } from '../../../isa/core.ts';
import { LINE_WORDS, type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { compileModel } from '../../../runtime/compile-model.ts';
import { measureTiming } from '../../../runtime/measure-timing.ts';
import { compileGraph } from '../compile-graph.ts';

const WORDS = 6;
const HIDDEN = 64;
/** Too small for one gate: 16 lines a vMAC, of which a gate's two groups of 9 (8 lanes for an output) need 18. */
const SMALL: Machine = { ...XC7Z045, name: 'small', weightsBytes: 512 };
const GATES = 3;
const VMACS = 16;
/** Bytes of a gate: its weights, and for each vMAC a line of parameters in front of a group's. With 4 lanes for an output 64 outputs are one group, with 8 two. */
const gateBytes = (groups: number): number => 2 * HIDDEN * HIDDEN + groups * VMACS * 2 * LINE_WORDS;

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

  it('loads them once where they fit, and for every position where a gate does not; exact either way', async () => {
    const bytesOf = (machine: Machine): number => {
      const program = compileGraph(graph, machine);
      const nameOf = (instruction: number): string =>
        program.layers[program.sourceMap.find(({ first, end }) => first <= instruction && instruction < end)!.layer]?.name ?? '';
      return traceCore(program.instructions).dispatches.reduce((sum, { kind, descriptor, instructionIndex }) => {
        if (kind !== 'LDW' || !nameOf(instructionIndex).endsWith('Recurrent')) return sum;
        return sum + 2 * LINE_WORDS * descriptor.images * descriptor.lines;
      }, 0);
    };
    // The first position needs none.
    expect(bytesOf(XC7Z045)).toBe(GATES * gateBytes(1));
    expect(bytesOf(SMALL)).toBe((WORDS - 1) * GATES * gateBytes(2));
    for (const machine of [XC7Z045, SMALL]) expect((await checkConformance(graph, machine, 1, 3)).difference).toBeUndefined();
  });

  it('reads more of DRAM by what it loads again', () => {
    const [read, readSmall] = [XC7Z045, SMALL].map((machine) =>
      measureTiming(compileGraph(graph, machine)).layers.reduce((sum, { dramReadBytes }) => sum + dramReadBytes, 0),
    );
    const weights = 2 * GATES * HIDDEN * HIDDEN;
    expect(readSmall! - read!).toBeGreaterThan((WORDS - 3) * weights);
  });
});
