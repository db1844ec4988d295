/** Chains of single pixels that do not depend on each other take turns; everything still comes behind what it reads. */
import { describe, expect, it } from 'vitest';
import { randomInputs } from '../../../../test/random-layers.ts';
import { runReference } from '../../../reference/run-reference.ts';
import { GraphBuilder } from './graph-builder.test-util.ts';
import { interleaveSequences } from './interleave-sequences.ts';

describe('interleave-sequences', () => {
  it('two chains, one made behind the other, by depth; larger maps where they are needed', () => {
    const b = new GraphBuilder();
    const x = b.input(1, 1, 8);
    const y = b.input(1, 4, 8);
    const first = [0, 1, 2].reduce<number[]>((chain) => [...chain, b.conv(chain.at(-1) ?? x, 8)], []);
    // A map of its own, and one that stacks the first chain.
    const wide = b.conv(y, 8);
    const stacked = b.stack(first, [1, 3, 8]);
    const second = [0, 1, 2].reduce<number[]>((chain) => [...chain, b.conv(chain.at(-1) ?? x, 8)], []);
    const graph = b.build(b.conv(stacked, 8), wide, second.at(-1)!);
    const mixed = interleaveSequences(graph);
    const order = mixed.layers.map(({ output }) => output);
    const flat = order.filter((id) => first.includes(id) || second.includes(id));
    expect(flat).toEqual(first.flatMap((id, i) => [id, second[i]!]));
    const done = new Set(graph.inputs.map(({ tensor }) => tensor));
    for (const { inputs, output } of mixed.layers) {
      expect(inputs.every((id) => done.has(id))).toBe(true);
      done.add(output);
    }
    const words = randomInputs(graph, 9);
    const [expected, found] = [runReference(graph, words), runReference(mixed, words)];
    for (const { tensor } of graph.outputs) expect(found.get(tensor)).toEqual(expected.get(tensor));
  });
});
