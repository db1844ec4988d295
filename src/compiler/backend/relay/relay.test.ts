/** Relays: which runs become one, what stays on chip, and that the bits are the reference's. */
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import type { Program } from '../../../program/program.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';

const ONE_CU: Machine = { ...XC7Z045, name: 'one', computeUnits: 1 };

/** Pairs of a depthwise and a pointwise layer on a small map, as in a keyword spotter. */
function buildPairs(height: number, width: number, channels: number, pairs: number): IntegerGraph {
  const b = new GraphBuilder();
  let x = b.conv(b.input(height, width, 16), channels, { kernel: 3, pad: 1 });
  for (let i = 0; i < pairs; i++) x = b.conv(b.conv(x, channels, { kernel: 3, pad: 1, groups: channels }), channels);
  return b.build(x);
}

/** Residual bottlenecks: the map is added to, unit by unit. */
function buildResiduals(size: number, channels: number, units: number): IntegerGraph {
  const b = new GraphBuilder();
  let x = b.conv(b.input(size, size, 8), channels);
  for (let i = 0; i < units; i++) {
    const narrow = b.conv(b.conv(x, 32, {}), 32, { kernel: 3, pad: 1, groups: 32 });
    x = b.residual(b.conv(narrow, channels), x);
  }
  return b.build(x);
}

function relayed(program: Program): number {
  return program.layers.filter(({ schedule }) => schedule.includes('relay')).length;
}

function innerTensors(program: Program): number {
  return program.tensors.filter(({ role }) => role === 'intermediate').length;
}

describe('relays', () => {
  it.each([
    ['four CUs', XC7Z045, 1],
    ['two frames', XC7Z045, 2],
    ['one CU', ONE_CU, 1],
  ] as const)('small maps of depthwise and pointwise layers, %s: exact', async (_, machine, frames) => {
    const { program, difference, words } = await checkConformance(buildPairs(15, 5, 128, 6), machine, frames, 3);
    expect(difference).toBeUndefined();
    expect(words).toBeGreaterThan(0);
    expect(innerTensors(program)).toBeLessThan(12);
  });

  it('channels that are no lines, pixels that do not divide by the CUs: exact', async () => {
    const { difference } = await checkConformance(buildPairs(7, 9, 52, 3), XC7Z045, 1, 4);
    expect(difference).toBeUndefined();
  });

  it('let sums take the place of their second operand: four units whose maps would not fit twice', async () => {
    const graph = buildResiduals(14, 480, 4);
    const { program, difference } = await checkConformance(graph, XC7Z045, 1, 5);
    expect(difference).toBeUndefined();
    expect(relayed(program)).toBeGreaterThan(8);
    expect(innerTensors(program)).toBeLessThan(3);
  });
});
