/** Plans of relays: what is split over the CUs. */
import { describe, expect, it } from 'vitest';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { RelayFacts } from './relay.ts';
import { planWhole, type RelayPlan } from './relay-plan.ts';

/** Pairs of a depthwise and a pointwise layer on maps of 49 pixels, and a pointwise layer behind them. */
function planPairs(pairs: number, machine: Machine): RelayPlan | undefined {
  const b = new GraphBuilder();
  let x = b.conv(b.input(7, 7, 16), 464);
  for (let i = 0; i < pairs; i++) x = b.conv(b.conv(x, 464, { kernel: 3, pad: 1, groups: 464 }), 464);
  const graph = b.build(b.conv(x, 512));
  const stages = buildStages(graph);
  const facts = new RelayFacts(stages, layOutTensors(graph, stages, 1), 1);
  return planWhole(facts.graphOf(stages.stages.map((_, index) => index))!, machine, new Map());
}

function slotsOf(plan: RelayPlan | undefined): (number | undefined)[] {
  return plan?.links.map((link) => link?.slots) ?? [];
}

describe('planWhole', () => {
  it('splits channels of pointwise layers on few pixels where all CUs can hold their inputs', () => {
    expect(slotsOf(planPairs(2, XC7Z045))).toEqual([4, 1, 4, 1, 4, 4]);
  });

  it('splits those of the last member alone where only its input has room in all CUs', () => {
    const plan = planPairs(2, { ...XC7Z045, mapsBytes: 81920 });
    expect(slotsOf(plan)).toEqual([1, 1, 1, 1, 1, 4]);
    expect(plan!.words).toBeLessThanOrEqual(40960);
  });
});
