/** Sums in place: which sums may take their second operand's rows, what that saves, and that the bits stay. */
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { mapsWords, XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { BandFacts } from './band.ts';
import { heldColumns, isShared } from './band-columns.ts';
import type { BandCache } from './band-cost.ts';
import { type BandPlan, planBand } from './band-plan.ts';
import { findSumsInPlace } from './band-sums.ts';

/** Units of ENet on a map of 160 columns and 64 channels: narrow, 3×3 with a dilation, widen, add, each with a table behind it; at last what reads `again` of their inputs once more. */
function buildUnits(height: number, dilations: readonly number[], again?: number): IntegerGraph {
  const b = new GraphBuilder();
  const maps = [b.input(height, 160, 64)];
  for (const dilation of dilations) {
    const x = maps.at(-1)!;
    const narrow = b.table(b.conv(x, 16));
    maps.push(b.table(b.residual(b.conv(b.table(b.conv(narrow, 16, { kernel: 3, pad: dilation, dilation })), 64), x)));
  }
  if (again === undefined) return b.build(maps.at(-1)!);
  return b.build(b.table(b.residual(b.conv(maps.at(-1)!, 64), maps[again]!)));
}

function planOf(graph: IntegerGraph): BandPlan | undefined {
  const stages = buildStages(graph);
  const facts = new BandFacts(stages, layOutTensors(graph, stages, 1), 1);
  const band = facts.graphOf(stages.stages.map((_, i) => i));
  const cache: BandCache = new Map();
  return band && planBand(band, XC7Z045, cache);
}

/** Sums of a plan that may be in place. */
function sumsOf({ graph, slots }: BandPlan): number[] {
  const held = graph.buffers.map((_, b) => heldColumns(graph, b, XC7Z045.computeUnits));
  const shared = held.map((own, b) => isShared(graph, b, own, XC7Z045.computeUnits));
  return findSumsInPlace(graph, slots, held, shared);
}

describe('sums in place', () => {
  it('are none where every map has room for a ring of its own', () => {
    const plan = planOf(buildUnits(24, [1]))!;
    expect(plan.inPlace).toEqual([]);
    expect(plan.slotBases).toEqual([]);
    expect(new Set(plan.rings.map(({ base }) => base)).size).toBe(plan.rings.length);
  });

  it('share the ring of their second operand where rings of their own would be too much, with slots beside it', () => {
    const plan = planOf(buildUnits(16, [2, 2, 2]))!;
    expect(plan.inPlace.length).toBe(3);
    const { members, buffers } = plan.graph;
    for (const m of plan.inPlace) expect(plan.rings[members[m]!.buffer]!.base).toBe(plan.rings[members[m]!.other!.buffer]!.base);
    // One ring for all four wide maps; nothing else begins within it or the slots.
    const wide = plan.rings.filter((_, b) => buffers[b]!.channels === 64);
    expect(new Set(wide.map(({ base, rows }) => `${base} ${rows}`)).size).toBe(1);
    const from = wide[0]!.base;
    const to = from + wide[0]!.rows * wide[0]!.width * 64;
    const others = [...plan.rings.filter((_, b) => buffers[b]!.channels !== 64).map(({ base }) => base), ...plan.slotBases];
    expect(others.every((base) => base < from || base >= to)).toBe(true);
    expect(plan.words).toBeLessThanOrEqual(mapsWords(XC7Z045));
    expect(plan.slotBases.at(-1)! + wide[0]!.width * 64).toBeLessThanOrEqual(plan.words);
  });

  it('are none of an operand that is read again later', () => {
    const plan = planOf(buildUnits(24, [1], 0))!;
    // The unit's own sum may not take the place of the input, which the last sum adds as well; that one may.
    expect(sumsOf(plan)).toEqual([3]);
    expect(sumsOf(planOf(buildUnits(24, [1]))!)).toEqual([2]);
  });

  it('leave the bits as they are', async () => {
    const { program, difference } = await checkConformance(buildUnits(16, [2, 2, 2]), XC7Z045, 1, 8);
    expect(difference).toBeUndefined();
    expect(program.layers.every(({ schedule }) => schedule.includes('band'))).toBe(true);
    expect(program.tensors.filter(({ role }) => role === 'intermediate')).toEqual([]);
  });
});
