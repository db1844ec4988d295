/** Random graphs of every accelerated operator: reference = simulator, bit for bit; `npm run lockstep -- operators` runs many more, and the RTL. */
import { describe, expect, it } from 'vitest';
import { runOperator } from '../hardware/lockstep/operators.ts';
import { BUILDERS } from '../src/compiler/frontend/operators/builders.ts';
import { makeGraph } from '../src/compiler/frontend/test-graph.test-util.ts';
import { XC7Z045 } from '../src/machine/machine.ts';
import { listMissing, OPERATOR_GROUPS } from './random-operators.ts';

const GRAPHS = Number(process.env.RANDOM_NETWORKS ?? 3);

describe('groups of operators', () => {
  it('cover all that the front end has a builder for', () => {
    expect(listMissing(BUILDERS.keys())).toEqual([]);
    expect(listMissing(['Det'])).toEqual(['Det']);
  });

  it.each([...OPERATOR_GROUPS.keys()])('%s: bits are equal', { timeout: 120_000 }, async (name) => {
    const tally = await runOperator(OPERATOR_GROUPS.get(name)!, { machine: XC7Z045, count: GRAPHS, seed: 1000 });
    expect(tally.differences).toEqual([]);
    expect(tally.graphs).toBe(GRAPHS);
    expect(tally.words).toBeGreaterThan(0);
  });

  it('are given up where the accelerator runs no draw', async () => {
    const draw = () => makeGraph({ inputs: { x: [1, 2, 2] }, outputs: ['y'], nodes: [['Det', ['x'], ['y']]] });
    const { differences, refused } = await runOperator({ operators: ['Det'], draw }, { machine: XC7Z045, count: 1, seed: 1 });
    expect(differences.map(({ text }) => text)).toEqual([expect.stringMatching(/^only 0 of 1 graphs/)]);
    expect(refused).toBe(10);
  });
});

describe('graphs that were wrong once', () => {
  it.each([
    ['a maximum with an operand on chip at another pitch', 'Max, Min', 12, false],
    ['a sum of a map and its own convolution, in one step', 'Add, Sub, Sum', 51, false],
    ['an output of which a relay reads one channel', 'Split', 1000, false],
    ['a flow whose member reads what another one stores rearranged', 'DepthToSpace', 6, true],
  ])('%s', async (_, name, seed, isLarge) => {
    const { differences, lastSeed } = await runOperator(OPERATOR_GROUPS.get(name)!, { machine: XC7Z045, count: 1, seed, isLarge });
    expect(differences).toEqual([]);
    expect(lastSeed).toBe(seed);
  });
});
