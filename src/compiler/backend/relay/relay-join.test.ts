/** Joined relays: the map between them stays on chip, where it fits. */
import { describe, expect, it } from 'vitest';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { RelayFacts } from './relay.ts';
import { joinRelays } from './relay-join.ts';
import type { LinkCache } from './relay-link.ts';
import { planWhole } from './relay-plan.ts';

const SIZE = 14;
const CHANNELS = 96;

/** Four units whose last convolution adds what the first one reads; the middle is wide. */
function factsOf(): RelayFacts {
  const b = new GraphBuilder();
  let x = b.conv(b.input(SIZE, SIZE, 16), CHANNELS);
  for (let i = 0; i < 4; i++) x = b.residual(b.conv(b.conv(b.conv(x, 240), 240, { kernel: 3, pad: 1, groups: 240 }), CHANNELS), x);
  const graph = b.build(x);
  const stages = buildStages(graph);
  return new RelayFacts(stages, layOutTensors(graph, stages, 1), 1);
}

function halves(facts: RelayFacts, machine: Machine, cache: LinkCache) {
  const members = [...facts.graph.stages.keys()];
  return [members.slice(0, 7), members.slice(7)].map((own) => planWhole(facts.graphOf(own)!, machine, cache)!);
}

describe('joinRelays', () => {
  it('keeps the map that passes between them', () => {
    const facts = factsOf();
    const cache: LinkCache = new Map();
    const [first, second] = halves(facts, XC7Z045, cache);
    const joined = joinRelays(facts, first!, second!, XC7Z045, cache)!;
    const map = SIZE * SIZE * CHANNELS * 2;
    const saved = first!.bytes + second!.bytes - joined.bytes;
    expect(saved).toBeGreaterThanOrEqual(2 * map);
    expect(saved).toBeLessThan(2.1 * map);
    expect(joined.cycles).toBeLessThan(first!.cycles + second!.cycles);
    const { buffers } = joined.graph;
    expect(buffers.filter(({ isStored }) => isStored).map(({ tensor }) => tensor)).toEqual([facts.graph.stages.at(-1)!.output]);
    expect(buffers.filter(({ loaded }) => loaded.length > 0).map(({ tensor }) => tensor)).toEqual([facts.graph.stages[0]!.input]);
    expect(joined.steps.map(({ member }) => member)).toEqual([...facts.graph.stages.keys()]);
    expect(joined.steps.map(({ slot }) => slot)).toEqual([...facts.graph.stages.keys()]);
  });

  it('refuses what does not fit', () => {
    const facts = factsOf();
    const cache: LinkCache = new Map();
    const [first, second] = halves(facts, XC7Z045, cache);
    const words = joinRelays(facts, first!, second!, XC7Z045, cache)!.words;
    const fitting = (size: number): Machine => ({ ...XC7Z045, mapsBytes: size * 2 });
    expect(joinRelays(facts, first!, second!, fitting(words), cache)).toBeDefined();
    expect(joinRelays(facts, first!, second!, fitting(words - 64), cache)).toBeUndefined();
  });
});
