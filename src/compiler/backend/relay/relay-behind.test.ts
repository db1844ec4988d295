/** Room to store a tile while the next one is made. */
import { describe, expect, it } from 'vitest';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { RelayFacts } from './relay.ts';
import { storeBehind } from './relay-behind.ts';
import { planParts, type RelayPlan } from './relay-plan.ts';

/** Layers in tiles of four rows, every CU its own columns; the last one's map is stored. */
function planTiles(machine: Machine): RelayPlan {
  const b = new GraphBuilder();
  const graph = b.build(b.conv(b.conv(b.conv(b.input(32, 32, 8), 16), 16, { kernel: 3, pad: 1 }), 64));
  const stages = buildStages(graph);
  const relay = new RelayFacts(stages, layOutTensors(graph, stages, 1), 1).graphOf([0, 1, 2])!;
  return planParts(relay, machine, [{ members: [0, 1, 2], tiling: { rows: 4, lag: 1 }, split: 'results' }], new Map())!;
}

const rowsOf = ({ rings }: RelayPlan): number[] => rings.map(({ rows }) => rows);

describe('storeBehind', () => {
  it('keeps a tile that is stored while the next one is made; maps that are read have room for both already', () => {
    const plan = planTiles(XC7Z045);
    const stored = plan.graph.members[2]!.destinations[0]!.buffer;
    const rows = rowsOf(storeBehind(plan, XC7Z045, new Map()));
    expect(plan.rings[stored]!.rows).toBe(4);
    expect(rows[stored]).toBe(8);
    expect(rows.filter((_, b) => b !== stored)).toEqual(rowsOf(plan).filter((_, b) => b !== stored));
  });

  it('leaves a plan alone that has no room for more', () => {
    const { words } = planTiles(XC7Z045);
    const machine = { ...XC7Z045, mapsBytes: 2 * (words + 16) };
    const plan = planTiles(machine);
    expect(storeBehind(plan, machine, new Map())).toBe(plan);
  });
});
