/** Bands: rows on columns of their own, what is sent to neighbours, enlarged and padded operands; the bits are the reference's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { scheduleStages } from '../schedule/schedule.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { BandFacts, type BandGraph } from './band.ts';
import { planBand, stepsOfBand } from './band-plan.ts';

const ONE_CU: Machine = { ...XC7Z045, name: 'one', computeUnits: 1 };

/** A unit of ENet: narrow, 3×3 with a dilation, widen, add, each with a table behind it. */
function addUnit(b: GraphBuilder, x: number, channels: number, dilation: number): number {
  const narrow = b.table(b.conv(x, channels / 4));
  const middle = b.table(b.conv(narrow, channels / 4, { kernel: 3, pad: dilation, dilation }));
  return b.table(b.residual(b.conv(middle, channels), x));
}

function buildUnits(height: number, width: number, channels: number, dilations: readonly number[]): IntegerGraph {
  const b = new GraphBuilder();
  let x = b.input(height, width, channels);
  for (const dilation of dilations) x = addUnit(b, x, channels, dilation);
  return b.build(x);
}

/** Halves the size: a pool beside convolutions, whose sum has more channels than the pool. */
function buildHalving(height: number, width: number): IntegerGraph {
  const b = new GraphBuilder();
  const x = b.table(b.conv(b.input(height, width, 16), 32));
  const y = b.conv(b.table(b.conv(x, 16, { kernel: 2, stride: 2 })), 48, { kernel: 3, pad: 1 });
  return b.build(b.table(b.conv(b.concat(y, b.maxPool(x, { kernel: 2, stride: 2 })), 32)));
}

function graphOf(graph: IntegerGraph, first: number, end: number): BandGraph | undefined {
  const stages = buildStages(graph);
  const facts = new BandFacts(stages, layOutTensors(graph, stages, 1), 1);
  return facts.graphOf(Array.from({ length: end - first }, (_, i) => first + i));
}

function stepsOf(graph: IntegerGraph): (string | undefined)[] {
  const stages = buildStages(graph);
  return scheduleStages(stages, layOutTensors(graph, stages, 1), XC7Z045, 1).map(({ chain }) => chain?.fusion.kind);
}

describe('bands', () => {
  it.each([
    ['four CUs', XC7Z045, 1],
    ['two frames', XC7Z045, 2],
    ['one CU', ONE_CU, 1],
  ] as const)('units with tables on a map that no four buffers hold, %s: exact, nothing inside in DRAM', async (_, machine, frames) => {
    const graph = buildUnits(40, 80, 128, [1, 2]);
    const { program, difference } = await checkConformance(graph, machine, frames, 3);
    expect(difference).toBeUndefined();
    if (machine === XC7Z045) expect(program.tensors.filter(({ role }) => role === 'intermediate').map(({ name }) => name)).toEqual([]);
  });

  it('are chosen for such units', () => {
    expect(stepsOf(buildUnits(40, 80, 128, [1, 2]))).toEqual(['bands']);
  });

  it('widths that do not divide by the CUs, channels that are no lines: exact', async () => {
    const { program, difference } = await checkConformance(buildUnits(33, 97, 68, [1, 3]), XC7Z045, 1, 4);
    expect(difference).toBeUndefined();
    expect(program.layers.some(({ schedule }) => schedule.includes('band'))).toBe(true);
  });

  it('a pool beside strided convolutions, slices of a concatenation: exact', async () => {
    const graph = buildHalving(60, 132);
    const { program, difference } = await checkConformance(graph, XC7Z045, 1, 5);
    expect(difference).toBeUndefined();
    expect(program.layers.every(({ schedule }) => schedule.includes('band'))).toBe(true);
  });

  it('hold a quarter of the columns of what is read pixel by pixel, and their neighbours’ edges of the rest', () => {
    const plan = planBand(graphOf(buildUnits(40, 80, 128, [3, 3]), 0, 6)!, XC7Z045, new Map())!;
    const wide = plan.graph.buffers.map(({ channels }, b) => ({ channels, width: plan.rings[b]!.width }));
    for (const { channels, width } of wide) expect(width).toBeLessThanOrEqual(channels === 128 ? 20 : 26);
  });

  it('make every row of every member once, and read only what was made in slots before', () => {
    const plan = planBand(graphOf(buildHalving(60, 132), 0, 5)!, XC7Z045, new Map())!;
    const rows = plan.graph.members.map(({ height }) => Array.from({ length: height }, () => 0));
    for (const { member, row } of stepsOfBand(plan)) rows[member]![row]!++;
    expect(rows.flat().every((count) => count === 1)).toBe(true);
    const slots = stepsOfBand(plan).map(({ slot }) => slot);
    expect(slots).toEqual([...slots].sort((a, b) => a - b));
  });

  it('random units: exact', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 12, max: 40 }),
        fc.integer({ min: 30, max: 100 }),
        fc.constantFrom(20, 32, 64, 100),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
        async (height, width, channels, dilations) => {
          const { difference } = await checkConformance(buildUnits(height, width, channels, dilations), XC7Z045, 1, 6);
          expect(difference).toBeUndefined();
        },
      ),
      { numRuns: 6, seed: 7 },
    );
  });
});
