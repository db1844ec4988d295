import { describe, expect, it } from 'vitest';
import { randomGraph } from '../../../../test/random-layers.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { UNIT_ID } from '../../../isa/fields.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { poolBranches } from '../stages/pool-branches.ts';
import type { StageGraph } from '../stages/stage.ts';
import type { Task } from '../tasks/task.ts';
import { DramAccesses, type DramLayout, layOutTensors, viewTensor } from './dram-layout.ts';

interface Interval {
  readonly root: number;
  readonly start: number;
  readonly end: number;
}

function layOut(graph: IntegerGraph, frames: number): { stages: StageGraph; layout: DramLayout } {
  const stages = buildStages(graph);
  return { stages, layout: layOutTensors(graph, stages, frames) };
}

/** Every word of a tensor's frames: (pixel, channel, frame) by address. */
function wordsOf(stages: StageGraph, layout: DramLayout, id: number): Set<number> {
  const { height, width, channels } = stages.tensors[id];
  const home = layout.homes.get(id)!;
  const words = new Set<number>();
  for (let frame = 0; frame < home.frames; frame++) {
    for (let pixel = 0; pixel < height * width; pixel++) {
      for (let c = 0; c < channels; c++) words.add(home.address + frame * home.frameStep + pixel * home.pixelPitch + c);
    }
  }
  expect(words.size).toBe(height * width * channels * home.frames);
  return words;
}

describe('layOutTensors', () => {
  it('gives every tensor that a stage touches room of its own, all frames of borders', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const graph = poolBranches(randomGraph(seed));
      const frames = 1 + (seed % 3);
      const { stages, layout } = layOut(graph, frames);
      const roots: Interval[] = [...layout.homes]
        .filter(([id, home]) => id === home.root)
        .map(([root, home]) => {
          const { height, width, channels } = stages.tensors[root];
          expect(home.address % 64).toBe(0);
          expect(home.frameStep % 16).toBe(0);
          expect(home.frameStep).toBeGreaterThanOrEqual(height * width * channels);
          return { root, start: home.address, end: home.address + home.frames * home.frameStep };
        });
      for (const a of roots) {
        expect(a.end).toBeLessThanOrEqual(layout.end);
        for (const b of roots) if (a !== b) expect(a.start < b.end && b.start < a.end, `seed ${seed}`).toBe(false);
      }
      for (const { tensor } of [...graph.inputs, ...graph.outputs]) expect(layout.homes.get(tensor)!.frames).toBe(frames);
      for (const stage of stages.stages) {
        const other = stage.vec?.op === 'add' ? [stage.vec.other] : [];
        for (const id of [stage.input, stage.output, ...other]) {
          const home = layout.homes.get(id)!;
          if (stage.batched) expect(home.frames).toBe(frames);
          const root = roots.find((interval) => interval.root === home.root)!;
          expect(home.address).toBeGreaterThanOrEqual(root.start);
        }
      }
    }
  });

  it('lays the parts of nested concatenations into the whole, side by side', () => {
    const b = new GraphBuilder();
    const x = b.input(3, 2, 4);
    const parts = [b.conv(x, 8), b.conv(x, 24), b.conv(x, 5)];
    const inner = b.concat(parts[0], parts[1]);
    const outer = b.concat(parts[2], inner);
    const { stages, layout } = layOut(b.build(outer), 2);
    const whole = wordsOf(stages, layout, outer);
    const pieces = parts.map((id) => wordsOf(stages, layout, id));
    expect(new Set(pieces.flatMap((words) => [...words]))).toEqual(whole);
    expect(pieces.reduce((sum, words) => sum + words.size, 0)).toBe(whole.size);
    expect(layout.homes.get(parts[1])!.channelOffset).toBe(13);
  });

  it('keeps all frames between batched stages', () => {
    const b = new GraphBuilder();
    const x = b.input(1, 1, 16);
    const middle = b.conv(x, 32);
    const other = b.conv(x, 20);
    const { stages, layout } = layOut(b.build(b.residual(b.conv(middle, 20), other)), 3);
    expect(stages.stages.map(({ batched }) => batched)).toEqual([true, true, true]);
    for (const id of [middle, other]) expect(layout.homes.get(id)).toMatchObject({ frames: 3, isBorder: true });
  });

  it('keeps all frames of what a later pass over the frames reads', () => {
    // All frames run through the first convolution and the pool, then the flat layer runs once, then all frames through the last one.
    const b = new GraphBuilder();
    const x = b.input(10, 10, 16);
    const map = b.conv(x, 32);
    const pooled = b.averagePool(map, { kernel: 10 });
    const flat = b.conv(pooled, 20);
    const head = b.conv(b.conv(map, 24), 8);
    const graph = b.build(flat, head);
    const { layout } = layOut(graph, 3);
    expect(layout.homes.get(map)).toMatchObject({ frames: 3, isBorder: true });
    expect(layout.homes.get(graph.layers[3].output)).toMatchObject({ frames: 1, isBorder: false });
    expect(layOut(graph, 1).layout.homes.get(map)).toMatchObject({ frames: 1, isBorder: false });
  });

  it('keeps all frames of what a vector stage may read as late as its own reader runs', () => {
    const b = new GraphBuilder();
    const x = b.input(10, 10, 16);
    const map = b.conv(x, 16);
    const pool = b.maxPool(map, { kernel: 3, pad: 1 });
    const side = b.conv(map, 16);
    const flat = b.conv(b.averagePool(side, { kernel: 10 }), 20);
    const { layout } = layOut(b.build(flat, b.conv(pool, 8)), 2);
    expect(layout.homes.get(pool)!.frames).toBe(2);
    expect(layout.homes.get(map)!.frames).toBe(2);
  });
});

describe('viewTensor', () => {
  it('sees frames as rows', () => {
    const b = new GraphBuilder();
    const x = b.input(3, 3, 5);
    const { stages, layout } = layOut(b.build(b.conv(x, 4, { kernel: 3 })), 4);
    const { address, frameStep } = layout.homes.get(x)!;
    const rows = { tensor: x, address, height: 4, rowPitch: frameStep };
    expect(frameStep).toBe(48);
    expect(viewTensor(stages, layout, x, 0, { batch: 4, shape: 'row' })).toMatchObject({ ...rows, width: 9, channels: 5, pixelPitch: 5 });
    expect(viewTensor(stages, layout, x, 0, { batch: 4, shape: 'pixel' })).toMatchObject({ ...rows, width: 1, channels: 45 });
  });

  it('finds a frame, a range of channels, every other row and a stripe of columns', () => {
    const b = new GraphBuilder();
    const x = b.input(5, 7, 6);
    const { stages, layout } = layOut(b.build(b.conv(x, 4)), 3);
    const { address, frameStep } = layout.homes.get(x)!;
    expect(viewTensor(stages, layout, x, 2).address).toBe(address + 2 * frameStep);
    expect(viewTensor(stages, layout, x, 0, { channelOffset: 4, channels: 2 })).toMatchObject({
      address: address + 4,
      channels: 2,
      pixelPitch: 6,
    });
    expect(viewTensor(stages, layout, x, 0, { rowScale: 2, columnScale: 3 })).toMatchObject({
      height: 3,
      width: 3,
      rowPitch: 84,
      pixelPitch: 18,
    });
    expect(viewTensor(stages, layout, x, 0, { columns: { first: 2, end: 5 } })).toMatchObject({
      address: address + 12,
      width: 3,
      rowPitch: 42,
      pixelPitch: 6,
    });
  });
});

describe('DramAccesses', () => {
  const task = (index: number, unit: number): Task => ({ index, unit }) as Task;

  it('orders a load behind the stores whose words it reads', () => {
    const dram = new DramAccesses();
    const stores = [0, 1, 2].map((i) => task(i, UNIT_ID.ST));
    stores.forEach((store, i) => {
      expect(dram.beforeStore(7, 0)).toEqual([]);
      dram.noteStore(7, 0, 10 * i, 10 * i + 10, store);
    });
    const waits = (first: number, end: number): Task[] => dram.beforeLoad(7, first, end).map((dependence) => dependence.task);
    expect(waits(5, 20)).toEqual([stores[0], stores[1]]);
    expect(waits(20, 21)).toEqual([stores[2]]);
    expect(waits(30, 40)).toEqual([]);
    expect(dram.beforeLoad(8, 0, 100)).toEqual([]);
    expect(dram.beforeLoad(7, 0, 1)).toMatchObject([{ event: 'write' }]);
  });

  it('orders the stores of the next pass behind the loads and stores of this one', () => {
    const dram = new DramAccesses();
    const [store, load, again] = [task(0, UNIT_ID.ST), task(1, UNIT_ID.LDM), task(2, UNIT_ID.ST)];
    dram.beforeStore(7, 0);
    dram.noteStore(7, 0, 0, 10, store);
    dram.noteLoad(7, load);
    expect(dram.beforeStore(7, 1)).toMatchObject([
      { task: load, event: 'read' },
      { task: store, event: 'write' },
    ]);
    dram.noteStore(7, 1, 0, 10, again);
    expect(dram.beforeLoad(7, 0, 10).map((dependence) => dependence.task)).toEqual([again]);
    // Still the first pass's: the second one's stores do not wait for each other.
    expect(dram.beforeStore(7, 1).map((dependence) => dependence.task)).toEqual([load, store]);
  });
});
