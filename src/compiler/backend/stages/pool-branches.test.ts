import { describe, expect, it } from 'vitest';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { runReference } from '../../../reference/run-reference.ts';
import { createRandom } from '../../../util/random.ts';
import { verifyIntegerGraph } from '../../quantize/verify-integer-graph.ts';
import { buildStages } from './build-stages.ts';
import { GraphBuilder } from './graph-builder.test-util.ts';
import { poolBranches } from './pool-branches.ts';

const POOL = { kernel: 3, stride: 2, pad: 1 };

/** Outputs by name, computed by the reference. */
function outputsOf(graph: IntegerGraph): Map<string, Int16Array> {
  const random = createRandom(5);
  const inputs = new Map(
    graph.inputs.map(({ name, tensor }) => {
      const { height, width, channels } = graph.tensors[tensor];
      return [name, Int16Array.from({ length: height * width * channels }, () => random.integer(-9000, 9000))];
    }),
  );
  const words = runReference(graph, inputs);
  return new Map(graph.outputs.map(({ name, tensor }) => [name, words.get(tensor)!]));
}

function kinds(graph: IntegerGraph): string[] {
  return graph.layers.map(({ kind }) => kind);
}

describe('poolBranches', () => {
  it('pools the branches of a concatenation, with the same bits, each behind its own layer', () => {
    const b = new GraphBuilder();
    const x = b.input(9, 8, 4);
    const branches = [b.conv(x, 5), b.conv(x, 6, { kernel: 3, pad: 1 }), b.conv(x, 7)];
    const pooled = b.maxPool(b.concat(...branches), POOL);
    const graph = b.build(b.conv(pooled, 3));
    const moved = poolBranches(graph);
    verifyIntegerGraph(moved);
    expect(kinds(moved)).toEqual(['conv', 'maxpool', 'conv', 'maxpool', 'conv', 'maxpool', 'concat', 'conv']);
    expect(outputsOf(moved)).toEqual(outputsOf(graph));
    // What it is for: pools run behind the convolutions.
    const fused = buildStages(moved).stages.map(({ op }) => op);
    expect(fused).toEqual([
      'conv 1×1/1 4→5 + maxpool 3×3/2',
      'conv 3×3/1 4→6 + maxpool 3×3/2',
      'conv 1×1/1 4→7 + maxpool 3×3/2',
      'conv 1×1/1 18→3',
    ]);
  });

  it('moves several pools, and one behind an input of the graph', () => {
    const b = new GraphBuilder();
    const x = b.input(12, 12, 4);
    const y = b.input(12, 12, 3);
    const first = b.maxPool(b.concat(b.conv(x, 5), y), POOL);
    const second = b.maxPool(b.concat(b.conv(first, 4), b.conv(first, 2)), POOL);
    const graph = b.build(second);
    const moved = poolBranches(graph);
    verifyIntegerGraph(moved);
    expect(moved.layers.filter(({ kind }) => kind === 'maxpool').length).toBe(4);
    expect(outputsOf(moved)).toEqual(outputsOf(graph));
  });

  it.each<[string, (b: GraphBuilder, concat: number, branch: number, pool: number) => number[]]>([
    ['the concatenation has another reader', (b, concat, _, pool) => [b.conv(concat, 2), b.conv(pool, 2)]],
    ['a branch has another reader', (b, _, branch, pool) => [b.conv(branch, 2), b.conv(pool, 2)]],
    ['the concatenation is an output', (_, concat, __, pool) => [concat, pool]],
    ['a branch is an output', (_, __, branch, pool) => [branch, pool]],
  ])('leaves the graph as it is where %s', (_, outputs) => {
    const b = new GraphBuilder();
    const x = b.input(9, 8, 4);
    const branch = b.conv(x, 5);
    const concat = b.concat(branch, b.conv(x, 6));
    const pool = b.maxPool(concat, POOL);
    const graph = b.build(...outputs(b, concat, branch, pool));
    expect(poolBranches(graph)).toBe(graph);
  });
});
