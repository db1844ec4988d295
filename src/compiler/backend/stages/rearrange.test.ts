/** Where the words of rearrangements lie and how they get there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomInputs } from '../../../../test/random-layers.ts';
import { MOVES, randomMove } from '../../../../test/random-moves.ts';
import type { IntegerGraph, RearrangePart } from '../../../graph/integer-graph.ts';
import { XC7Z045 } from '../../../machine/machine.ts';
import { runReference } from '../../../reference/run-reference.ts';
import { layOutTensors, viewTensor } from '../layout/dram-layout.ts';
import { cutItems, planCopy } from '../vec/copy-plan.ts';
import { arrangeStores } from './arrange-stores.ts';
import { buildStages } from './build-stages.ts';
import { GraphBuilder } from './graph-builder.test-util.ts';
import { boxPitches, naturalGrid, pixelForm } from './word-grid.ts';

const extents = fc.record({
  height: fc.integer({ min: 1, max: 5 }),
  width: fc.integer({ min: 1, max: 6 }),
  channels: fc.integer({ min: 1, max: 7 }),
});

describe('word grids', () => {
  it('in terms of pixels are the same words, also in a tensor with other pitches', () => {
    const grid = fc.record({ offset: fc.nat(80), rowStep: fc.nat(90), columnStep: fc.nat(30) });
    const size = fc.record({
      rows: fc.integer({ min: 1, max: 3 }),
      columns: fc.integer({ min: 1, max: 3 }),
      words: fc.integer({ min: 1, max: 4 }),
    });
    let forms = 0;
    fc.assert(
      fc.property(extents, grid, size, (tensor, at, counts) => {
        if (!pixelForm(at, tensor, counts)) return;
        forms++;
        // A tensor spread out in memory: word (y, x, c) at 1000 + 500·y + 11·x + c.
        const home = { address: 1000, rowPitch: 500, pixelPitch: 11 };
        const { address, rowPitch, pixelPitch } = boxPitches(home, tensor, at, counts);
        for (let r = 0; r < counts.rows; r++) {
          for (let c = 0; c < counts.columns; c++) {
            const word = at.offset + r * at.rowStep + c * at.columnStep;
            const pixel = Math.floor(word / tensor.channels);
            const wanted = 1000 + 500 * Math.floor(pixel / tensor.width) + 11 * (pixel % tensor.width) + (word % tensor.channels);
            expect(address + r * rowPitch + c * pixelPitch).toBe(wanted);
          }
        }
      }),
      { numRuns: 2000 },
    );
    expect(forms).toBeGreaterThan(50);
  });

  it('across pixels need dense memory', () => {
    const tensor = { height: 2, width: 4, channels: 3 };
    const size = { rows: 2, columns: 2, words: 6 };
    const grid = { offset: 0, rowStep: 12, columnStep: 6 };
    expect(pixelForm(grid, tensor, size)).toBeUndefined();
    expect(boxPitches({ address: 5, rowPitch: 12, pixelPitch: 3 }, tensor, grid, size)).toEqual({
      address: 5,
      rowPitch: 12,
      pixelPitch: 6,
    });
    expect(() => boxPitches({ address: 5, rowPitch: 20, pixelPitch: 5 }, tensor, grid, size)).toThrow('across pixels');
  });
});

describe('copies', () => {
  it('are cut to items that fit a slot, every word once', () => {
    const count = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(count, count, fc.integer({ min: 1, max: 90 }), fc.integer({ min: 4, max: 64 }), (rows, columns, words, slot) => {
        const from = { offset: 3, rowStep: 1000, columnStep: 100 };
        const boxes = [0, 1].map((i) => ({ rows, columns, words, from, to: { offset: i * 50_000, rowStep: 2000, columnStep: 200 } }));
        const moved = new Map<number, number>();
        for (const item of cutItems(boxes, slot)) {
          expect(item.rows * item.columns * item.words).toBeLessThanOrEqual(slot);
          // One source for both: it is loaded once.
          expect(item.to).toHaveLength(2);
          for (const to of item.to) {
            for (let r = 0; r < item.rows; r++) {
              for (let c = 0; c < item.columns; c++) {
                for (let k = 0; k < item.words; k++) {
                  const target = to.offset + r * to.rowStep + c * to.columnStep + k;
                  expect(moved.has(target)).toBe(false);
                  moved.set(target, item.from.offset + r * item.from.rowStep + c * item.from.columnStep + k);
                }
              }
            }
          }
        }
        expect(moved.size).toBe(2 * rows * columns * words);
        for (const [target, source] of moved) {
          const t = target % 50_000;
          expect(source - 3).toBe(Math.floor(t / 2000) * 1000 + Math.floor((t % 2000) / 200) * 100 + (t % 200));
        }
      }),
      { numRuns: 12 },
    );
  });

  it('keep all compute units busy', () => {
    const natural = naturalGrid({ height: 20, width: 20, channels: 16 });
    const plan = planCopy([{ rows: 20, columns: 20, words: 16, from: natural, to: natural }], XC7Z045, 65536);
    expect(plan.items).toBeGreaterThanOrEqual(XC7Z045.computeUnits);
  });
});

/** conv → rearrange with these parts → conv. */
function movedGraph(size: [number, number, number], target: [number, number, number], parts: RearrangePart[], behind = true): IntegerGraph {
  const b = new GraphBuilder();
  const x = b.input(size[0], size[1], 5);
  const y = b.rearrange(b.conv(x, size[2]), target, parts);
  return b.build(behind ? b.conv(y, 4) : y);
}

const part = (size: [number, number, number], from: [number, number, number], to: [number, number, number]): RearrangePart => {
  const grid = ([offset, rowStep, columnStep]: [number, number, number]) => ({ offset, rowStep, columnStep });
  return { input: 0, rows: size[0], columns: size[1], words: size[2], from: grid(from), to: grid(to) };
};

describe('placement', () => {
  it('a slice of channels is read where it lies', () => {
    const graph = movedGraph([4, 6, 16], [4, 6, 5], [part([4, 6, 5], [3, 96, 16], [0, 30, 5])]);
    const { stages, aliases, scatters } = buildStages(graph);
    expect(stages.map(({ op }) => op)).toEqual(['conv 1×1/1 5→16', 'conv 1×1/1 5→4']);
    expect([...aliases.values()]).toEqual([{ parent: 1, channelOffset: 3 }]);
    expect(scatters.size).toBe(0);
  });

  it('an enlarged map is stored to all its pixels, and lives in the first of them', () => {
    const offsets = [0, 8, 96, 104];
    const parts = offsets.map((to) => part([3, 6, 8], [0, 48, 8], [to, 192, 16]));
    const graph = movedGraph([3, 6, 8], [6, 12, 8], parts);
    const { stages, aliases, scatters, virtual } = buildStages(graph);
    expect(stages).toHaveLength(2);
    expect(aliases.get(1)).toEqual({ parent: 2, channelOffset: 0, grid: { offset: 0, rowStep: 192, columnStep: 16 } });
    expect(scatters.get(1)!.map(({ grid }) => grid.offset)).toEqual([8, 96, 104]);
    expect(virtual.size).toBe(0);
    const layout = layOutTensors(graph, buildStages(graph), 1);
    const view = viewTensor(buildStages(graph), layout, 1, 0);
    expect(view).toMatchObject({ rowPitch: 192, pixelPitch: 16, width: 6 });
    expect(view.scatters!.map((scatter) => scatter.view.address - view.address)).toEqual([8, 96, 104]);
  });

  it('rows of blocks are stored apart, and the tensor of blocks not at all', () => {
    const parts = [0, 1].map((row) => part([4, 6, 6], [row * 6, 72, 12], [row * 36, 72, 6]));
    const graph = movedGraph([4, 6, 12], [8, 12, 3], parts, false);
    const { stages, virtual } = buildStages(graph);
    expect(stages).toHaveLength(1);
    expect([...virtual]).toEqual([1]);
    // Better still: a convolution for either row, whose results follow each other.
    const split = buildStages(arrangeStores(graph));
    expect(split.stages.map(({ op }) => op)).toEqual(['conv 1×1/1 5→6', 'conv 1×1/1 5→6']);
    expect(split.virtual.size).toBe(0);
  });

  it('what nobody writes is filled once', () => {
    const graph = movedGraph([2, 2, 3], [4, 4, 3], [part([2, 2, 3], [0, 6, 3], [15, 12, 3])]);
    const { fills } = buildStages(graph);
    expect(fills.get(2)!.gaps).toEqual([
      { first: 0, end: 15 },
      { first: 21, end: 27 },
      { first: 33, end: 48 },
    ]);
  });
});

it('arrangeStores changes no word of an output', () => {
  for (const name of Object.keys(MOVES)) {
    for (let seed = 900; seed < 905; seed++) {
      const graph = randomMove(MOVES[name], seed);
      const arranged = arrangeStores(graph);
      const inputs = randomInputs(graph, seed);
      const [before, after] = [runReference(graph, inputs), runReference(arranged, inputs)];
      for (const { tensor } of graph.outputs) expect(after.get(tensor), `${name}, seed ${seed}`).toEqual(before.get(tensor));
    }
  }
});
