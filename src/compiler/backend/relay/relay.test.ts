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

/** Units of a ShuffleNet on maps that do not fit the buffers: channels are dealt out between the convolutions, depthwise layers read columns of other CUs. */
function buildWideUnits(size: number, channels: number, units: number, groups = 1): IntegerGraph {
  const b = new GraphBuilder();
  const grid = (offset: number) => ({ offset, rowStep: size * 60, columnStep: 60 });
  const parts = [0, 20, 40].map((from) => ({ input: 0, rows: size, columns: size, words: 20, from: grid(from), to: grid(40 - from) }));
  let x = b.conv(b.input(size, size, 8), channels, { kernel: 3, pad: 1 });
  for (let i = 0; i < units; i++) {
    const dealt = b.rearrange(b.conv(x, 60, { groups }), [size, size, 60], parts);
    const narrow = b.conv(dealt, 60, { kernel: 3, pad: 1, groups: 60 });
    x = b.residual(b.conv(narrow, channels, { groups: 3 }), x);
  }
  return b.build(b.conv(x, 24, { kernel: 3, pad: 1, stride: 2 }));
}

/** Units of a ShuffleNet v2: half of the channels pass by, so that every unit makes some channels of all maps behind it; first, where the size halves, both branches. */
function buildSplitUnits(size: number, channels: number, units: number): IntegerGraph {
  const b = new GraphBuilder();
  const half = channels / 2;
  const small = size / 2;
  const grid = (depth: number, offset: number) => ({ offset, rowStep: small * depth, columnStep: depth });
  const part = (input: number, from: number, to: number) => ({
    input,
    rows: small,
    columns: small,
    words: half / 2,
    from: grid(half, from),
    to: grid(half, to),
  });
  const stem = b.conv(b.input(size, size, 8), half, { kernel: 3, pad: 1 });
  let left = b.conv(b.conv(stem, half, { kernel: 3, pad: 1, stride: 2, groups: half }), half);
  let right = b.conv(b.conv(b.conv(stem, half), half, { kernel: 3, pad: 1, stride: 2, groups: half }), half);
  for (let i = 0; i < units; i++) {
    const halves = [0, half / 2].map((from) =>
      b.rearrange([left, right], [small, small, half], [part(0, from, 0), part(1, from, half / 2)]),
    );
    left = halves[0]!;
    right = b.conv(b.conv(b.conv(halves[1]!, half), half, { kernel: 3, pad: 1, groups: half }), half);
  }
  return b.build(b.conv(b.concat(left, right), 24, { kernel: 3, pad: 1 }));
}

/** Max pools behind convolutions (with a table behind one), behind a depthwise layer, and of pixels that overlap; what the first makes is read twice. */
function buildPooled(height: number, width: number, channels: number): IntegerGraph {
  const b = new GraphBuilder();
  const stem = b.maxPool(b.conv(b.input(height, width, 3), 24, { kernel: 3, pad: 1, stride: 2 }), { kernel: 3, stride: 2, pad: 1 });
  const narrow = b.conv(b.conv(stem, 60), 60, { kernel: 3, pad: 1, stride: 2, groups: 60 });
  let x = b.concat(b.averagePool(stem, { kernel: 3, stride: 2, pad: 1 }, true), b.conv(narrow, channels - 24));
  x = b.table(b.maxPool(b.conv(x, channels), { kernel: 3, pad: 1 }));
  x = b.maxPool(b.conv(x, channels, { kernel: 3, pad: 1, groups: channels }), { kernel: 2, stride: 2 });
  return b.build(b.conv(x, 48));
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

  it.each([
    ['28 columns, 7 for each', 28, 1],
    ['27 columns, two frames', 27, 2],
  ] as const)('give every CU columns of its own where maps are too large: %s', async (_, size, frames) => {
    const { program, difference } = await checkConformance(buildWideUnits(size, 240, 3), XC7Z045, frames, 6);
    expect(difference).toBeUndefined();
    // Whole rows would send six maps through DRAM.
    expect(innerTensors(program)).toBeLessThan(4);
  });

  it.each([
    ['28 columns, 7 for each', 28, 1],
    ['30 columns, 7 or 8', 30, 1],
  ] as const)('let vector units copy columns of other CUs where there is no room for all of their results: %s', async (_, size, frames) => {
    const { program, difference } = await checkConformance(buildWideUnits(size, 180, 4, 3), XC7Z045, frames, 9);
    expect(difference).toBeUndefined();
    // But for the input of the last layer all maps stay; as results there is room for two units at a time.
    expect(innerTensors(program)).toBe(1);
  });

  it.each([
    ['whole maps, four CUs', 32, 32, XC7Z045, 1],
    ['whole maps, one CU, two frames', 28, 36, ONE_CU, 2],
    ['tiles', 120, 120, XC7Z045, 1],
    ['columns, two frames', 224, 224, XC7Z045, 2],
    ['columns that differ', 140, 212, XC7Z045, 1],
  ] as const)('take max pools with them, %s: exact', async (_, height, width, machine, frames) => {
    const { program, difference } = await checkConformance(buildPooled(height, width, 120), machine, frames, 7);
    expect(difference).toBeUndefined();
    expect(program.layers.filter(({ op, schedule }) => op.includes('maxpool') && schedule.includes('relay')).length).toBeGreaterThan(0);
  });

  it.each([
    ['large buffers', 28, 232, 3, XC7Z045, 1],
    ['small buffers, two frames', 28, 116, 6, { ...XC7Z045, mapsBytes: 65536 }, 2],
  ] as const)('units that pass half of their channels by, %s: exact', async (_, size, channels, units, machine, frames) => {
    const { program, difference } = await checkConformance(buildSplitUnits(size, channels, units), machine, frames, 8);
    expect(difference).toBeUndefined();
    expect(relayed(program)).toBeGreaterThan(5);
  });
});
