/** Columns of other CUs: who holds which, as results or as copies, and columns in front of whole maps. */
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { mapsWords, XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { RelayFacts, type RelayGraph } from './relay.ts';
import { halosOf, holdColumns, mayPass, sentColumns } from './relay-halo.ts';
import { Patience } from './relay-patience.ts';
import { planRelay, type RelayPlan } from './relay-plan.ts';

const CUS = 4;

/** A residual unit around a depthwise layer; the narrow map is read at the seams. */
function buildUnit(size: number, channels: number): IntegerGraph {
  const b = new GraphBuilder();
  const x = b.conv(b.input(size, size, 8), channels, { kernel: 3, pad: 1 });
  return b.build(b.residual(b.conv(b.conv(b.conv(x, 60), 60, { kernel: 3, pad: 1, groups: 60 }), channels), x));
}

/** A unit that halves a map of its own size, beside its mean (or added to it), and units on what both make. */
function buildStage(size: number, channels: number, units: number, isSum = false): IntegerGraph {
  const b = new GraphBuilder();
  const [half, groups] = [channels / 2, 3];
  const map = b.conv(b.input(size, size, 8), channels);
  const narrow = b.conv(b.conv(map, half, { groups }), half, { kernel: 3, pad: 1, stride: 2, groups: half });
  const mean = b.averagePool(map, { kernel: 3, stride: 2, pad: 1 }, true);
  const wide = b.conv(narrow, channels, { groups });
  let x = isSum ? b.residual(wide, mean) : b.concat(wide, mean);
  const all = isSum ? channels : 2 * channels;
  for (let i = 0; i < units; i++) {
    const middle = b.conv(b.conv(x, half, { groups }), half, { kernel: 3, pad: 1, groups: half });
    x = b.residual(b.conv(middle, all, { groups }), x);
  }
  return b.build(x);
}

function graphOf(graph: IntegerGraph): RelayGraph {
  const stages = buildStages(graph);
  const facts = new RelayFacts(stages, layOutTensors(graph, stages, 1), 1);
  return facts.graphOf([...stages.stages.keys()])!;
}

function planOf(graph: IntegerGraph): RelayPlan | undefined {
  return planRelay(graphOf(graph), XC7Z045, new Map(), false, new Patience());
}

describe('columns', () => {
  const graph = graphOf(buildUnit(28, 240));
  const members = [...graph.members.keys()];
  const narrow = graph.members[1]!.destinations[0]!.buffer;

  it('of results are those of whole CUs, of copies what windows reach', () => {
    const columnsOf = (split: 'results' | 'copies') => holdColumns(graph, CUS, halosOf(graph, [{ members, split }]));
    const spans = (split: 'results' | 'copies') => columnsOf(split)[narrow]!.map(({ left, right }) => [left, right]);
    expect(spans('results')).toEqual([
      [0, 14],
      [0, 21],
      [7, 28],
      [14, 28],
    ]);
    expect(spans('copies')).toEqual([
      [0, 8],
      [6, 15],
      [13, 22],
      [20, 28],
    ]);
    // The input comes from DRAM, to all CUs that read it.
    expect(halosOf(graph, [{ members, split: 'copies' }])[graph.members[0]!.input.buffer]).toBe('results');
  });

  it('that others read are sent by the CU that makes them', () => {
    const held = holdColumns(graph, CUS, halosOf(graph, [{ members, split: 'copies' }]))[narrow]!;
    expect(sentColumns(held, 28, 0)).toEqual([{ left: 6, right: 7, target: 1 }]);
    expect(sentColumns(held, 28, 2)).toEqual([
      { left: 14, right: 15, target: 1 },
      { left: 20, right: 21, target: 3 },
    ]);
  });

  it('of a map that other parts touch are none', () => {
    const parts = [
      { members: members.slice(0, 3), split: 'copies' as const },
      { members: members.slice(3), split: 'pixels' as const },
    ];
    const halos = halosOf(graph, parts);
    // What the depthwise layer makes is read by the last member, and so is the wide map.
    expect(halos[graph.members[2]!.destinations[0]!.buffer]).toBeUndefined();
    expect(halos[graph.members[0]!.destinations[0]!.buffer]).toBeUndefined();
    expect(halos[narrow]).toBe('copies');
    const columns = holdColumns(graph, CUS, halos);
    // The second member reads the wide map, which is whole.
    expect(mayPass(graph, columns, new Set([2]))).toBe(true);
    expect(mayPass(graph, columns, new Set([1, 2]))).toBe(false);
  });
});

describe('columns first', () => {
  it.each([
    ['28 columns', 28],
    ['columns that differ', 27],
  ] as const)('makes the largest maps in columns, all others whole, %s: exact', async (_, size) => {
    const graph = buildStage(size, 240, 2);
    const plan = planOf(graph)!;
    const { columns, tiled, words } = plan;
    const { members } = plan.graph;
    expect([...tiled].every((m) => columns![members[m]!.input.buffer])).toBe(true);
    expect(members.every((member, m) => tiled.has(m) || !columns![member.input.buffer])).toBe(true);
    expect(tiled.size).toBeGreaterThan(1);
    expect(tiled.size).toBeLessThan(members.length);
    // The sums behind are in place.
    expect(plan.inPlace).toHaveLength(2);
    expect(words).toBeLessThanOrEqual(mapsWords(XC7Z045));
    const { program, difference } = await checkConformance(graph, XC7Z045, 1, 10);
    expect(difference).toBeUndefined();
    expect(program.tensors.filter(({ role }) => role === 'intermediate')).toHaveLength(0);
  });

  it('needs a place for sums: what columns pass on to whole maps is made by MACs alone', () => {
    const graph = graphOf(buildStage(28, 240, 1, true));
    const sum = graph.members.findIndex(({ other }) => other);
    const members = [...Array.from({ length: sum + 1 }).keys()];
    const rest = [...graph.members.keys()].slice(sum + 1);
    const columns = holdColumns(
      graph,
      CUS,
      halosOf(graph, [
        { members, split: 'copies' },
        { members: rest, split: 'pixels' },
      ]),
    );
    expect(columns[graph.members[sum]!.other!.buffer]).toBeDefined();
    expect(mayPass(graph, columns, new Set(members))).toBe(false);
    expect(mayPass(graph, columns, new Set(members.slice(0, sum)))).toBe(true);
  });
});
