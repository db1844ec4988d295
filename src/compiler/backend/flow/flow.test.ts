/** Flows: what runs in one, what leaves the chip, and the bits. */
import { beforeAll, describe, expect, it } from 'vitest';
import { NetworkBuilder } from '../../../../models/builder.ts';
import { addAttention, addGelu, addLayerNorm, addLinear } from '../../../../models/sequence-layers.ts';
import { checkConformance } from '../../../../test/conformance.ts';
import type { Graph } from '../../../graph/graph.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { compileModel } from '../../../runtime/compile-model.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';

const SMALL_BUFFERS: Machine = { ...XC7Z045, name: 'small', mapsBytes: 16384 };
const ONE_CU: Machine = { ...XC7Z045, name: 'one', computeUnits: 1 };

/** An encoder layer: attention of two heads, then the position-wise part, sums normalized. */
function buildEncoder(positions: number, features: number): Graph {
  const net = new NetworkBuilder('encoder', [positions, features], { opset: 17 });
  const x = net.input;
  const projected = ['q', 'k', 'v'].map((what) => addLinear(net, x, features, what));
  const attended = addLinear(net, addAttention(net, projected, 2, 'attention'), features, 'dense');
  const y = addLayerNorm(net, net.add(attended, x, 'none', 'sum1'), 'norm1');
  const narrow = addLinear(net, addGelu(net, addLinear(net, y, 2 * features, 'wide')), features, 'narrow');
  return net.build(addLayerNorm(net, net.add(narrow, y, 'none', 'sum2'), 'norm2'));
}

async function lower(graph: Graph): Promise<IntegerGraph> {
  return (await compileModel(graph, {})).integerGraph;
}

describe('flows', () => {
  let even: IntegerGraph;
  let odd: IntegerGraph;
  beforeAll(async () => {
    even = await lower(buildEncoder(64, 32));
    odd = await lower(buildEncoder(37, 48));
  });

  it.each([
    ['64 positions', 1, XC7Z045],
    ['several frames', 3, XC7Z045],
    ['one CU', 1, ONE_CU],
    ['buffers that hold only parts of it', 1, SMALL_BUFFERS],
  ] as const)('an encoder layer, %s: exact', async (_, frames, machine) => {
    const { difference, words, program } = await checkConformance(even, machine, frames, 5);
    expect(difference).toBeUndefined();
    expect(words).toBeGreaterThan(0);
    expect(program.layers.some(({ schedule }) => schedule.includes('flow'))).toBe(true);
  });

  it('positions and features that do not divide by the lanes and CUs: exact', async () => {
    expect((await checkConformance(odd, XC7Z045, 1, 6)).difference).toBeUndefined();
  });

  it('keeps on chip what only members read, and stores what is read as weights', async () => {
    const { program } = await checkConformance(even, XC7Z045, 1, 5);
    const stored = program.tensors.filter(({ role }) => role === 'intermediate').map(({ name }) => name);
    expect(stored.filter((name) => name.includes('softmax') || name.includes('norm'))).toEqual([]);
    expect(stored.some((name) => name.includes('attention_scores#b'))).toBe(true);
  });

  it('a spoilt program is found out', async () => {
    const { difference } = await checkConformance(even, XC7Z045, 1, 5, (program) => ({
      ...program,
      segments: program.segments.map((segment) =>
        segment.name.includes('attention_softmax#negativePeak table')
          ? { ...segment, words: segment.words.map((word) => word ^ 64) }
          : segment,
      ),
    }));
    expect(difference).toBeDefined();
  });

  it('leaves MAC stages alone to the chains', async () => {
    const b = new GraphBuilder();
    const graph = b.build(b.conv(b.conv(b.input(8, 8, 32), 64), 32));
    const { program, difference } = await checkConformance(graph, XC7Z045, 1, 7);
    expect(difference).toBeUndefined();
    expect(program.layers.every(({ schedule }) => !schedule.includes('flow'))).toBe(true);
  });
});
