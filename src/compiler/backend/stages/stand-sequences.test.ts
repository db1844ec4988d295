/** Maps that only see work pixel by pixel stand up; what a window looks at stays. */
import { describe, expect, it } from 'vitest';
import { PRODUCTS, randomGraph, randomInputs, SMALL } from '../../../../test/random-layers.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { runReference } from '../../../reference/run-reference.ts';
import { standSequences } from './stand-sequences.ts';

describe('stand-sequences', () => {
  it('keeps every word of every tensor', () => {
    let changed = 0;
    for (let seed = 0; seed < 60; seed++) {
      const graph = randomGraph(seed, SMALL, PRODUCTS, 6);
      const standing = standSequences(graph);
      if (standing !== graph) changed++;
      const inputs = randomInputs(graph, seed);
      expect(runReference(standing, inputs)).toEqual(runReference(graph, inputs));
      for (const { id, height, width } of graph.tensors) {
        expect(standing.tensors[id]!.height * standing.tensors[id]!.width).toBe(height * width);
      }
    }
    expect(changed).toBeGreaterThan(40);
  });

  it('leaves maps alone that a window of several pixels reads, and all that goes with them', () => {
    const shape = { height: 1, width: 9, channels: 4, fraction: 8 };
    const names = ['x', 'a', 'b', 'c', 'd'];
    const tensors = names.map((name, id) => ({ id, name, ...shape }));
    const clamp = { low: -32768, high: 32767 };
    const layer = (output: number, inputs: number[]) => ({ name: names[output]!, nodes: [names[output]!], inputs, output, clamp });
    const window = { kernel: [1, 3], stride: [1, 1], dilation: [1, 1], pads: [0, 1, 0, 1] } as const;
    const graph: IntegerGraph = {
      name: 'test',
      tensors,
      layers: [
        { kind: 'add', ...layer(1, [0, 0]), shiftA: 0, shiftB: 0, shiftOut: 0 },
        { kind: 'maxpool', ...layer(2, [1]), window },
        { kind: 'rearrange', ...layer(3, [2]), fill: 0, parts: [{ input: 0, rows: 1, columns: 9, words: 4, ...naturally }] },
        { kind: 'maximum', ...layer(4, [3, 3]) },
      ],
      inputs: [{ name: 'x', tensor: 0, dims: [1, 4, 9], order: 'nchw' }],
      outputs: [{ name: 'd', tensor: 4, dims: [1, 4, 9], order: 'nchw' }],
    };
    const standing = standSequences(graph);
    expect(standing.tensors.map(({ height }) => height)).toEqual([1, 1, 1, 9, 9]);
    expect(standing.layers[2]).toMatchObject({ parts: [{ rows: 9, columns: 1, words: 4 }] });
  });

  it('leaves a map alone that is put together of channels of maps that lie: their makers store them where they belong', () => {
    const shape = { height: 4, width: 4, fraction: 8 };
    const tensors = [8, 8, 8, 4].map((channels, id) => ({ id, name: `${id}`, channels, ...shape }));
    const clamp = { low: -32768, high: 32767 };
    const layer = (output: number, inputs: number[]) => ({ name: `${output}`, nodes: [`${output}`], inputs, output, clamp });
    const grid = (channels: number, offset: number) => ({ offset, rowStep: 4 * channels, columnStep: channels });
    const part = (input: number, to: number) => ({ input, rows: 4, columns: 4, words: 4, from: grid(8, 2), to: grid(8, to) });
    const window = { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] } as const;
    const graph: IntegerGraph = {
      name: 'test',
      tensors,
      layers: [
        { kind: 'maxpool', ...layer(1, [0]), window },
        { kind: 'rearrange', ...layer(2, [0, 1]), fill: 0, parts: [part(0, 0), part(1, 4)] },
        { kind: 'maximum', ...layer(3, [2, 2]) },
      ],
      inputs: [{ name: 'x', tensor: 0, dims: [1, 8, 4, 4], order: 'nchw' }],
      outputs: [{ name: 'd', tensor: 3, dims: [1, 8, 4, 4], order: 'nchw' }],
    };
    expect(standSequences(graph).tensors.map(({ height }) => height)).toEqual([4, 4, 4, 4]);
    const alone = {
      ...graph,
      layers: [
        { kind: 'rearrange' as const, ...layer(2, [0]), fill: 0, parts: [part(0, 0)] },
        ...graph.layers.slice(0, 1),
        graph.layers[2]!,
      ],
    };
    expect(standSequences(alone).tensors[2]!.height).toBe(16);
  });
});

const naturally = { from: { offset: 0, rowStep: 36, columnStep: 4 }, to: { offset: 0, rowStep: 36, columnStep: 4 } };
