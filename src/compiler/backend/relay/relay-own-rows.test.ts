/** Rows of its own for every CU: which it makes, tile by tile, and that the bits are the reference's. */
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { RelayFacts, type RelayGraph } from './relay.ts';
import { joinRelays } from './relay-join.ts';
import type { LinkCache } from './relay-link.ts';
import { findOwn, orderOwnRows } from './relay-own-rows.ts';
import type { RelayPart } from './relay-parts.ts';
import { planParts } from './relay-plan.ts';
import { inputSpan, type RelayStep, shareOf } from './relay-steps.ts';

/** A gate of a large map (squeeze-excite) between layers that halve it: what it scales waits for its mean. */
function buildGated(height: number, width: number, channels: number): IntegerGraph {
  const b = new GraphBuilder();
  const large = b.conv(b.input(height, width, 3), 16, { kernel: 3, stride: 2, pad: 1 });
  const map = b.conv(large, 16, { kernel: 3, stride: 2, pad: 1, groups: 16 });
  const [rows, columns] = [Math.ceil(height / 4), Math.ceil(width / 4)];
  const means = b.averagePool(b.averagePool(map, { kernel: [1, columns] }), { kernel: [rows, 1] });
  const gate = b.conv(b.conv(means, 8), 16);
  let x = b.conv(b.conv(b.multiply(map, gate), 16), channels);
  x = b.conv(b.conv(x, channels, { kernel: 3, stride: 2, pad: 1, groups: channels }), 24);
  const wide = b.conv(x, 88);
  return b.build(b.residual(b.conv(b.conv(wide, 88, { kernel: 3, pad: 1, groups: 88 }), 24), x));
}

function factsOf(graph: IntegerGraph): RelayFacts {
  const stages = buildStages(graph);
  return new RelayFacts(stages, layOutTensors(graph, stages, 1), 1);
}

/** Members of a run as a part by itself. */
function partOf(graph: RelayGraph, rows: number, lag = 1): RelayPart {
  return { members: [...graph.members.keys()], tiling: { rows, lag }, split: 'rows' };
}

/** Rows that a CU makes of a member's map up to a slot. */
function rowsMade(steps: readonly RelayStep[], member: number, cu: number, before = Number.POSITIVE_INFINITY): number[] {
  const own = steps.filter((step) => step.member === member && step.slot < before).map(({ byCu }) => byCu![cu]!);
  return own.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i));
}

describe('orderOwnRows', () => {
  const CUS = 4;

  it.each([
    [56, 1, 1],
    [56, 2, 1],
    [45, 2, 3],
    [31, 1, 1],
  ])('gives every CU what it reads before it reads it: %i rows, tiles of %i, lag %i', (height, rows, lag) => {
    const b = new GraphBuilder();
    const map = b.conv(b.conv(b.input(height, 20, 16), 16), 48);
    const facts = factsOf(b.build(b.conv(b.conv(map, 48, { kernel: 3, stride: 2, pad: 1, groups: 48 }), 24, { kernel: 3, pad: 1 })));
    // The first member's result comes from elsewhere.
    const graph = facts.graphOf([1, 2, 3])!;
    const steps = orderOwnRows(graph, rows, lag, CUS);
    const makerOf = (buffer: number): number => graph.members.findIndex(({ destinations }) => destinations[0]!.buffer === buffer);
    for (let cu = 0; cu < CUS; cu++) {
      for (const step of steps) {
        const member = graph.members[step.member]!;
        const share = shareOf(step, member, cu, CUS, false);
        const maker = makerOf(member.input.buffer);
        if (maker < 0 || share.to === share.from) continue;
        const made = new Set(rowsMade(steps, maker, cu, lag === 1 ? step.slot : step.slot + 1));
        const { width } = graph.buffers[member.input.buffer]!;
        const { from, to } = inputSpan(member, share);
        for (let row = from / width; row < to / width; row++) expect(made.has(row), `member ${step.member} row ${row} CU ${cu}`).toBe(true);
      }
      // In order, each once.
      graph.members.forEach((_, m) => {
        const made = rowsMade(steps, m, cu);
        expect(made).toEqual(Array.from({ length: made.length }, (__, i) => made[0]! + i));
      });
    }
    graph.members.forEach(({ height: own }, m) => {
      const made = Array.from({ length: CUS }, (_, cu) => rowsMade(steps, m, cu)).flat();
      expect([...new Set(made)].sort((x, y) => x - y)).toEqual(Array.from({ length: own }, (__, row) => row));
    });
    const last = Array.from({ length: CUS }, (_, cu) => rowsMade(steps, 2, cu)).flat();
    expect(last.length).toBe(new Set(last).size);
  });
});

describe('findOwn', () => {
  it('refuses maps that are read inside and outside, and rows from DRAM', () => {
    const b = new GraphBuilder();
    const first = b.conv(b.input(24, 24, 16), 16);
    const map = b.conv(first, 48);
    const end = b.conv(b.conv(map, 16, { kernel: 3, pad: 1 }), 48);
    const graph = factsOf(b.build(b.residual(end, map))).graphOf([0, 1, 2, 3])!;
    const tiles = (members: number[]): RelayPart => ({ ...partOf(graph, 2), members });
    const whole = (members: number[]): RelayPart => ({ members, tiling: undefined, split: 'any' });
    const stepsOf = (members: number[]): RelayStep[] => {
      const own = members.map((m) => graph.members[m]!);
      return orderOwnRows({ ...graph, members: own }, 2, 1, 4).map((step) => ({ ...step, member: members[step.member]! }));
    };
    const bufferOf = (m: number): number => graph.members[m]!.destinations[0]!.buffer;
    expect(findOwn(graph, [whole([0]), tiles([1, 2, 3])], stepsOf([1, 2, 3]))).toEqual(new Set([bufferOf(1), bufferOf(2)]));
    expect(findOwn(graph, [whole([0]), tiles([1, 2]), whole([3])], stepsOf([1, 2]))).toBeUndefined();
    expect(findOwn(graph, [tiles([0, 1, 2, 3])], stepsOf([0, 1, 2, 3]))).toBeUndefined();
    expect(findOwn(graph, [whole([0, 1, 2, 3])], [])).toEqual(new Set());
  });
});

describe('relays with rows of their own', () => {
  it.each([
    ['rows that divide', 224, 224],
    ['rows that do not divide', 212, 220],
  ] as const)('a gate of a large map, %s: exact, it waits on chip', async (_, height, width) => {
    const { program, difference } = await checkConformance(buildGated(height, width, 72), XC7Z045, 1, 9);
    expect(difference).toBeUndefined();
    expect(program.tensors.map(({ name }) => name)).not.toContain('t2');
  });

  it('are planned where a map waits for its mean', () => {
    const facts = factsOf(buildGated(224, 224, 72));
    const cache: LinkCache = new Map();
    const tiles = (from: number, end: number) => {
      const graph = facts.graphOf(Array.from({ length: end - from }, (_, i) => from + i))!;
      return planParts(graph, XC7Z045, [{ members: [...graph.members.keys()], tiling: { rows: 2, lag: 1 }, split: 'tiles' }], cache)!;
    };
    const joined = joinRelays(facts, tiles(0, 3), tiles(3, 10), XC7Z045, cache)!;
    expect(joined.parts.map(({ split }) => split)).toContain('rows');
    const { height, width } = joined.graph.buffers[joined.graph.members[1]!.destinations[0]!.buffer]!;
    // Every CU holds a quarter of what waits, and a row for the window at the seam.
    expect(joined.held[joined.graph.members[1]!.destinations[0]!.buffer]!.map(([span]) => (span!.to - span!.from) / width)).toEqual([
      height / 4,
      height / 4 + 1,
      height / 4 + 1,
      height / 4 + 1,
    ]);
  });
});
