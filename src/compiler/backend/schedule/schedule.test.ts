/** Companions and residency on graphs made for them. */
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import { XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { scheduleStages } from './schedule.ts';
import type { Step } from './step.ts';

function schedule(b: GraphBuilder, ...outputs: number[]): { steps: Step[]; names: (string | string[])[] } {
  const graph = b.build(...outputs);
  const stages = buildStages(graph);
  const steps = scheduleStages(stages, layOutTensors(graph, stages, 1), XC7Z045, 1, false);
  const names = steps.map(({ main, companions }) =>
    companions.length === 0 ? main.stage.name : [main.stage.name, ...companions.map(({ stage }) => stage.name)],
  );
  return { steps, names };
}

const POOL = { kernel: 3, pad: 1 };

describe('companions', () => {
  it('run beside the longest stage between their operands and their reader', () => {
    const b = new GraphBuilder();
    const x = b.input(20, 20, 32);
    const small = b.conv(x, 16);
    const pool = b.maxPool(x, POOL);
    const large = b.conv(small, 64, { kernel: 3, pad: 1 });
    const outputs = [b.residual(b.conv(large, 32), b.conv(pool, 32))];
    expect(schedule(b, ...outputs).names).toEqual(['conv0', ['conv2', 'maxpool1'], 'conv3', 'conv4']);
  });

  it('run alone where nothing lies between', () => {
    const b = new GraphBuilder();
    const x = b.input(20, 20, 32);
    const pool = b.maxPool(b.maxPool(x, POOL), POOL);
    expect(schedule(b, b.conv(pool, 8)).names).toEqual(['maxpool0', 'maxpool1', 'conv2']);
  });

  it('never share a step with the stage that makes their operand', async () => {
    const b = new GraphBuilder();
    const x = b.input(20, 20, 32);
    const first = b.maxPool(x, POOL);
    const host = b.conv(x, 64, { kernel: 3, pad: 1 });
    const second = b.maxPool(first, POOL);
    const graph = b.build(b.residual(b.conv(host, 32), b.conv(second, 32)));
    expect((await checkConformance(graph, XC7Z045, 1, 3)).difference).toBeUndefined();
  });
});

describe('companions of several frames', () => {
  it('do not move to an earlier pass over the frames, which would not keep what each makes', async () => {
    const b = new GraphBuilder();
    const x = b.input(4, 4, 24);
    const mean = b.averagePool(x, { kernel: 4 });
    const flat = b.conv(x, 34, { kernel: 5, pad: 1, stride: 2 });
    // One image of all frames, between the sum and its reader.
    const behind = b.averagePool(flat, { kernel: 1 });
    const sum = b.residual(x, mean);
    const graph = b.build(behind, b.multiply(sum, mean));
    expect((await checkConformance(graph, XC7Z045, 2, 3)).difference).toBeUndefined();
  });
});

describe('tensors on chip', () => {
  it('are not read by depthwise stages from where these cannot begin', async () => {
    const b = new GraphBuilder();
    const x = b.input(14, 14, 16);
    const slice = b.conv(x, 40);
    // Channel 24 of the concatenation: no multiple of a line.
    const whole = b.concat(b.conv(x, 24), slice);
    const depthwise = b.conv(slice, 40, { kernel: 3, pad: 1, groups: 40 });
    const graph = b.build(b.residual(depthwise, b.conv(whole, 40)));
    expect((await checkConformance(graph, XC7Z045, 1, 3)).difference).toBeUndefined();
  });
});

describe('kernels that cover what a stage sees', () => {
  it('are layers on maps where a pool follows: that is not batched', async () => {
    const b = new GraphBuilder();
    const graph = b.build(b.maxPool(b.conv(b.input(6, 6, 16), 20, { kernel: 6 }), { kernel: 3, pad: 1 }));
    expect((await checkConformance(graph, XC7Z045, 2, 3)).difference).toBeUndefined();
  });

  it('are layers on maps where that is a stripe of columns', async () => {
    const b = new GraphBuilder();
    const graph = b.build(b.conv(b.input(3, 10, 125), 12, { kernel: 3 }));
    const machine = { ...XC7Z045, mapsBytes: 4096, weightsBytes: 16384 };
    const { program, difference } = await checkConformance(graph, machine, 1, 3);
    expect(program.layers.length).toBe(8);
    expect(difference).toBeUndefined();
  });
});
