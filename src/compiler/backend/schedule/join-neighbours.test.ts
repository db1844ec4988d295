/** Steps beside each other that become one relay, and those that do not. */
import { describe, expect, it } from 'vitest';
import { XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { RelayFacts } from '../relay/relay.ts';
import type { RelayCandidate } from '../relay/relay-choice.ts';
import { planWhole } from '../relay/relay-plan.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { joinNeighbours } from './join-neighbours.ts';

/** Six pointwise layers on one map, the first two and the next two of them relays. */
function setUp() {
  const b = new GraphBuilder();
  let x = b.input(14, 14, 96);
  for (let i = 0; i < 6; i++) x = b.conv(x, 96);
  const graph = b.build(x);
  const stages = buildStages(graph);
  const layout = layOutTensors(graph, stages, 1);
  const facts = new RelayFacts(stages, layout, 1);
  const chosen = [
    [0, 1],
    [2, 3],
  ].map((members): RelayCandidate => ({ members, plan: planWhole(facts.graphOf(members)!, XC7Z045, new Map())! }));
  return { search: { facts, machine: XC7Z045, cache: new Map() }, chosen };
}

describe('joinNeighbours', () => {
  const members = (joined: readonly { readonly members: readonly number[] }[]) => joined.map((one) => one.members);

  it('joins relays, and single stages beside them, where that costs less', () => {
    const { search, chosen } = setUp();
    const alone = [0, 0, 0, 0, 1e6, 0];
    const cost = ({ members: own }: RelayCandidate): number => 1e4 * own.length;
    // The fifth stage is dear alone, the last one free.
    expect(members(joinNeighbours(search, chosen, alone, cost, () => true))).toEqual([[0, 1, 2, 3, 4]]);
  });

  it('leaves what is dearer together, and what may not be part of a relay', () => {
    const { search, chosen } = setUp();
    const dear = [0, 0, 0, 0, 1e6, 1e6];
    const steep = ({ members: own }: RelayCandidate): number => 1e4 * own.length ** 2;
    expect(members(joinNeighbours(search, chosen, dear, steep, () => false))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(
      members(
        joinNeighbours(
          search,
          chosen,
          dear,
          ({ members: own }) => 1e4 * own.length,
          (stage) => stage !== 4,
        ),
      ),
    ).toEqual([[0, 1, 2, 3]]);
  });
});
