/** Rearrangements of rearrangements, and convolutions of which only slices are read: the same words, made by fewer moves. */
import { describe, expect, it } from 'vitest';
import { randomInputs } from '../../../../test/random-layers.ts';
import type { IntegerGraph, IntegerLayer, RearrangePart } from '../../../graph/integer-graph.ts';
import { runReference } from '../../../reference/run-reference.ts';
import { composeMoves } from './compose-moves.ts';
import { GraphBuilder } from './graph-builder.test-util.ts';
import { splitSlices } from './split-slices.ts';

const PIXELS = 20;
const HEADS = 3;
const WIDTH = 16;

/** Heads of a map of HEADS · WIDTH channels as rows, taken apart; each a 1×1 convolution, stacked again and put side by side. */
function headsGraph(): IntegerGraph {
  const b = new GraphBuilder();
  const x = b.conv(b.input(1, PIXELS, 8), HEADS * WIDTH);
  const dealt = { offset: 0, rowStep: WIDTH, columnStep: HEADS * WIDTH };
  const rows = { offset: 0, rowStep: PIXELS * WIDTH, columnStep: WIDTH };
  const all = { rows: HEADS, columns: PIXELS, words: WIDTH };
  const heads = b.rearrange(x, [HEADS, PIXELS, WIDTH], [{ input: 0, ...all, from: dealt, to: rows }]);
  const made = Array.from({ length: HEADS }, (_, head) => {
    const part = { ...all, rows: 1, input: 0, from: { ...rows, offset: head * PIXELS * WIDTH }, to: rows };
    return b.conv(b.rearrange(heads, [1, PIXELS, WIDTH], [part]), WIDTH);
  });
  const stacked = b.stack(made, [HEADS, PIXELS, WIDTH]);
  const merged = b.rearrange(
    stacked,
    [1, PIXELS, HEADS * WIDTH],
    [{ input: 0, rows: PIXELS, columns: HEADS, words: WIDTH, from: swap(rows), to: swap(dealt) }],
  );
  return b.build(b.conv(merged, 8));
}

function swap({ offset, rowStep, columnStep }: RearrangePart['from']): RearrangePart['from'] {
  return { offset, rowStep: columnStep, columnStep: rowStep };
}

const moves = ({ layers }: IntegerGraph): IntegerLayer[] => layers.filter(({ kind }) => kind === 'rearrange');

describe('compose-moves', () => {
  it('reads slices of channels and stacked maps where they are made', () => {
    const graph = headsGraph();
    const composed = composeMoves(graph);
    expect(moves(graph)).toHaveLength(HEADS + 3);
    // The heads' slices, and one that puts their results side by side.
    expect(moves(composed)).toHaveLength(HEADS + 1);
    expect(moves(composed).at(-1)!.inputs).toHaveLength(HEADS);
    const inputs = randomInputs(graph, 3);
    const output = graph.outputs[0]!.tensor;
    expect(runReference(composed, inputs).get(output)).toEqual(runReference(graph, inputs).get(output));
  });
});

describe('split-slices', () => {
  it('makes a convolution for every slice where some are weights', () => {
    const b = new GraphBuilder();
    const x = b.conv(b.input(1, PIXELS, 8), 2 * WIDTH);
    const part = (first: number): RearrangePart => ({
      input: 0,
      rows: 1,
      columns: PIXELS,
      words: WIDTH,
      from: { offset: first, rowStep: 0, columnStep: 2 * WIDTH },
      to: { offset: 0, rowStep: 0, columnStep: WIDTH },
    });
    const [queries, keys] = [0, WIDTH].map((first) => b.rearrange(x, [1, PIXELS, WIDTH], [part(first)]));
    const graph = b.build(b.product(queries!, keys!));
    const split = splitSlices(graph);
    expect(split.layers.map(({ kind }) => kind)).toEqual(['conv', 'conv', 'matmul']);
    const inputs = randomInputs(graph, 4);
    const output = graph.outputs[0]!.tensor;
    expect(runReference(split, inputs).get(output)).toEqual(runReference(graph, inputs).get(output));
    // Without weights among them they stay slices.
    const c = new GraphBuilder();
    const y = c.conv(c.input(1, PIXELS, 8), 2 * WIDTH);
    const halves = [0, WIDTH].map((first) => c.rearrange(y, [1, PIXELS, WIDTH], [part(first)]));
    const plain = c.build(...halves.map((half) => c.conv(half, 4)));
    expect(splitSlices(plain)).toBe(plain);
  });
});
