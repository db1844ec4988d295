import { describe, expect, it } from 'vitest';
import { floats, makeGraph, type TestGraph } from '../compiler/frontend/test-graph.test-util.ts';
import { XC7Z045 } from '../machine/machine.ts';
import { checkModel } from './check-model.ts';
import { compileModel } from './compile-model.ts';
import { measureTiming } from './measure-timing.ts';
import { predictProgram } from './predict-program.ts';

const weights = floats(
  [64, 64, 1, 1],
  Array.from({ length: 4096 }, (_, i) => (i % 7) - 3),
);
const graphOf = (nodes: TestGraph['nodes'], outputs: string[]) =>
  makeGraph({ inputs: { x: [1, 64, 28, 28] }, outputs, nodes, constants: { w: weights } });

const MIXED = graphOf(
  [
    ['Conv', ['x', 'w'], ['c']],
    ['Relu', ['c'], ['r']],
    ['Hardmax', ['r'], ['h'], { axis: 1 }],
    ['Conv', ['h', 'w'], ['y']],
  ],
  ['y'],
);

describe('checkModel', () => {
  it('says of every node where it runs, and of every part what crosses its border', async () => {
    const { nodes, parts, totals } = await checkModel(MIXED);
    expect(nodes.map(({ node, where, part }) => [node, where, part])).toEqual([
      ['n_c', 'accelerated', 0],
      ['n_r', 'folded', 0],
      ['n_h', 'host', 1],
      ['n_y', 'accelerated', 2],
    ]);
    expect(nodes[0].how).toContain('"n_r"');
    expect(nodes[0].lanes).toBeGreaterThan(0);
    expect(nodes[2].hostSeconds).toBeGreaterThan(0);
    const elements = 64 * 28 * 28;
    expect(parts.map(({ where, transfers, transferElements }) => [where, transfers, transferElements])).toEqual([
      ['accelerator', 2, 2 * elements],
      ['host', 0, 0],
      ['accelerator', 2, 2 * elements],
    ]);
    expect(totals).toMatchObject({ macs: 2 * 64 * elements, acceleratedShare: 1, transfers: 4, nodes: { host: 1, refused: 0 } });
    expect(totals.predictedFps).toBeGreaterThan(0);
  });

  it('refuses what would go to the host where it is ruled out, with the remedy', async () => {
    const { nodes, totals } = await checkModel(MIXED, { allowHost: false });
    expect(nodes[2]).toMatchObject({
      where: 'refused',
      how: expect.stringContaining('Hardmax'),
      remedy: expect.stringContaining('allow the host'),
    });
    expect(totals.nodes.refused).toBe(1);
  });

  it('refuses by name what ONNX Runtime lacks as well', async () => {
    const graph = graphOf(
      [
        ['Conv', ['x', 'w'], ['c']],
        ['NoSuchOperator', ['c'], ['n']],
        ['Hardmax', ['n'], ['y']],
      ],
      ['y'],
    );
    const { nodes } = await checkModel(graph);
    expect(nodes.map(({ where }) => where)).toEqual(['accelerated', 'refused', 'host']);
    expect(nodes[1].how).toContain('ONNX Runtime can not load it');
  });
});

describe('predictProgram', () => {
  it('counts the bytes that the simulator counts', async () => {
    const { program } = await compileModel(graphOf([['Conv', ['x', 'w'], ['y']]], ['y']));
    const timing = measureTiming(program);
    const predicted = predictProgram(program);
    expect(predicted.dramWriteBytes).toBe(timing.dramWriteBytes);
    // The core fetches a little more than it executes.
    expect(Math.abs(predicted.dramReadBytes - timing.dramReadBytes)).toBeLessThan(1024);
    expect(predicted.cycles / timing.cycles).toBeGreaterThan(0.5);
    expect(predicted.cycles / timing.cycles).toBeLessThan(1.5);
  });
});

describe('a layer that the machine can not hold', () => {
  it('runs on the host', async () => {
    const tiny = { ...XC7Z045, name: 'tiny', mapsBytes: 4096 };
    const wide = makeGraph({
      inputs: { x: [1, 64, 64, 64] },
      outputs: ['y'],
      nodes: [['AveragePool', ['x'], ['y'], { kernel_shape: [31, 31] }]],
    });
    const { nodes } = await checkModel(wide, { machine: tiny });
    expect(nodes.find(({ where }) => where === 'host')?.how).toContain('use larger buffers');
    await expect(compileModel(wide, { machine: tiny, allowHost: false })).rejects.toThrow('use larger buffers');
  });
});
