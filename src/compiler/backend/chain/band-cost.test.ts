/** What bands cost besides their MACs: short stores, slots that wait for each other, bytes. */
import { describe, expect, it } from 'vitest';
import { bytesPerCycle, XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { SHORT_STORE_CYCLES } from '../stages/arrange-stores.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { BandFacts } from './band.ts';
import { type BandCache, costOfMember, predictBand } from './band-cost.ts';
import { type BandPlan, planBand } from './band-plan.ts';

const [HEIGHT, WIDTH] = [32, 64];

/** A 3×3 convolution and two pointwise ones, a table behind the second; the last result is a slice of a concatenation where `isPart`. */
function planOf(isPart: boolean): BandPlan {
  const b = new GraphBuilder();
  const x = b.conv(b.input(HEIGHT, WIDTH, 32), 32, { kernel: 3, pad: 1 });
  const y = b.conv(b.table(b.conv(x, 64)), 8);
  const graph = b.build(isPart ? b.conv(b.concat(y, b.conv(b.input(HEIGHT, WIDTH, 16), 16)), 16) : y);
  const stages = buildStages(graph);
  const facts = new BandFacts(stages, layOutTensors(graph, stages, 1), 1);
  const cache: BandCache = new Map();
  return planBand(facts.graphOf([0, 1, 2])!, XC7Z045, cache)!;
}

function costOf(plan: BandPlan, change: Partial<Pick<BandPlan, 'graph' | 'slots' | 'pace'>> = {}): { cycles: number; bytes: number } {
  const { members, buffers } = plan.graph;
  const costs = members.map((member) => costOfMember(member, buffers[member.input.buffer]!, XC7Z045, new Map()));
  return predictBand({ ...plan, ...change }, costs, XC7Z045);
}

describe('the cost of a band', () => {
  it('counts pixels that are stored between others, but none that follow each other', () => {
    const [whole, part] = [planOf(false), planOf(true)];
    expect(whole.graph.members.map(({ runs }) => runs)).toEqual([[], [], []]);
    expect(part.graph.members.map(({ runs }) => runs)).toEqual([[], [], [8]]);
    const run = SHORT_STORE_CYCLES - 16 / (bytesPerCycle(XC7Z045).numerator / bytesPerCycle(XC7Z045).denominator);
    expect(part.cycles - whole.cycles).toBeCloseTo(HEIGHT * WIDTH * run, 3);
  });

  it('is more where MACs and vector work are in slots of their own, the more the more slots there are', () => {
    const plan = planOf(false);
    // All in one slot, and one member's row behind the other's.
    const apart = (pace: number): Int32Array[] =>
      plan.graph.members.map((_, m) => Int32Array.from({ length: HEIGHT }, (__, row) => row * pace + m));
    const cycles = [1, 2, 3].map((pace) => costOf(plan, { pace, slots: apart(pace) }).cycles);
    expect(cycles[1]!).toBeGreaterThanOrEqual(cycles[0]!);
    expect(cycles[2]!).toBeGreaterThan(cycles[1]!);
  });

  it('is no less than a fifth more than the memory takes', () => {
    const plan = planOf(false);
    const slow = { ...XC7Z045, dram: { ...XC7Z045.dram, bytesPerSecond: XC7Z045.dram.bytesPerSecond / 16 } };
    const { members, buffers } = plan.graph;
    const costs = members.map((member) => costOfMember(member, buffers[member.input.buffer]!, slow, new Map()));
    const { cycles, bytes } = predictBand(plan, costs, slow);
    expect(cycles).toBeGreaterThan((1.2 * bytes * slow.clockHz) / slow.dram.bytesPerSecond);
  });
});
