/** A stage of a ShuffleNet v2 through the whole compiler: tiles first, pages, and pixels that several members make parts of, stored whole. */
import { describe, expect, it } from 'vitest';
import { NetworkBuilder } from '../../../../models/builder.ts';
import { addUnitV2 } from '../../../../models/shufflenet.ts';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { traceCore } from '../../../isa/core.ts';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { compileModel } from '../../../runtime/compile-model.ts';
import { measureTiming } from '../../../runtime/measure-timing.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { scheduleGraph } from '../schedule/schedule-graph.ts';
import { arrangeStores } from '../stages/arrange-stores.ts';
import { buildStages } from '../stages/build-stages.ts';
import { composeMoves } from '../stages/compose-moves.ts';
import { splitSlices } from '../stages/split-slices.ts';
import { stageMembers } from './relay.ts';
import type { RelayPlan } from './relay-plan.ts';
import { LAST_PARTS } from './relay-steps.ts';
import { storesOf } from './relay-stores.ts';

/** Units whose last result a convolution reads that is too large to be a member. */
async function buildStage(size: number, channels: number, units: number): Promise<IntegerGraph> {
  const net = new NetworkBuilder('stage', [24, size, size]);
  let x = net.input;
  for (let unit = 0; unit < units; unit++) x = addUnitV2(net, x, channels, unit === 0, `unit${unit + 1}`);
  const graph = net.build(net.conv(x, 16, { kernel: 9, stride: 8, name: 'behind' }));
  return (await compileModel(graph, {})).integerGraph;
}

function relaysOf(graph: IntegerGraph, machine: Machine): RelayPlan[] {
  const moved = arrangeStores(splitSlices(composeMoves(graph)));
  const { steps } = scheduleGraph(buildStages(moved), machine, 1, (stages) => layOutTensors(moved, stages, 1));
  return steps.flatMap(({ relay }) => relay?.plan ?? []);
}

describe('a stage whose channels pass by', () => {
  it('is one relay, tiles first, in pages, its last map stored in whole pixels, in parts, while the rest is made: exact', async () => {
    const graph = await buildStage(56, 116, 4);
    const [plan] = relaysOf(graph, XC7Z045);
    const { graph: relay, tiled, rings } = plan!;
    expect(tiled.size).toBeGreaterThan(1);
    expect(tiled.size).toBeLessThan(relay.members.length);
    expect(rings.filter(({ page }) => page !== undefined).length).toBeGreaterThan(2);
    // All that is stored is the last map, when the last member has made its part of it.
    const stores = relay.members.map((_, m) => storesOf(relay, m));
    expect(stores.slice(0, -1).flat()).toEqual([]);
    expect(stores.at(-1)).toMatchObject([{ channel: 0, end: 116 }]);
    const { program, difference } = await checkConformance(graph, XC7Z045, 1, 9);
    expect(difference).toBeUndefined();
    // The plan knows what it moves: whole lines.
    const { layers } = measureTiming(program);
    const moved = stageMembers(relay).reduce((sum, m) => {
      const { dramReadBytes, dramWriteBytes } = layers[relay.members[m]!.index]!;
      return sum + dramReadBytes + dramWriteBytes;
    }, 0);
    expect(Math.abs(plan!.bytes / moved - 1)).toBeLessThan(0.03);
    const pixels = traceCore(program.instructions).dispatches.flatMap(({ kind, descriptor }) =>
      kind === 'ST' && descriptor.words === 116 ? [descriptor.rows] : [],
    );
    expect(pixels).toHaveLength(LAST_PARTS * XC7Z045.computeUnits);
    expect(pixels.reduce((sum, count) => sum + count, 0)).toBe(28 * 28);
  });
});
