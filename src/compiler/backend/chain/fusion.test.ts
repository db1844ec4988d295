/** Chains of stages: what is fused, what leaves the chip, and the bits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { type Machine, XC7Z045 } from '../../../machine/machine.ts';
import { layOutTensors } from '../layout/dram-layout.ts';
import { scheduleStages } from '../schedule/schedule.ts';
import { scheduleGraph } from '../schedule/schedule-graph.ts';
import { buildStages } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import { chooseFusions, type Fusion } from './fusion.ts';

const ONE_CU: Machine = { ...XC7Z045, computeUnits: 1 };

/** Stage names of every step, and the kind of its fusion. */
function stepsOf(graph: IntegerGraph, machine = XC7Z045): (string | undefined)[][] {
  const stages = buildStages(graph);
  return scheduleStages(stages, layOutTensors(graph, stages, 1), machine, 1, false).map(({ main, chain }) =>
    chain ? [chain.fusion.kind, ...chain.links.map(({ stage }) => stage.name)] : [undefined, main.stage.name],
  );
}

async function expectExact(graph: IntegerGraph, machine: Machine, onChip: readonly string[], frames = 1): Promise<void> {
  const { program, difference } = await checkConformance(graph, machine, frames, 5);
  expect(difference).toBeUndefined();
  const stored = program.tensors.map(({ name }) => name);
  for (const name of onChip) expect(stored, name).not.toContain(name);
}

/** Expansion, depthwise convolution, projection: an inverted residual of MobileNet v2. */
function invertedResidual(size: number, stride: number, isResidual: boolean): IntegerGraph {
  const b = new GraphBuilder();
  const x = b.conv(b.input(size, size, 8), 24, { kernel: 3, pad: 1 });
  const wide = b.conv(x, 144);
  const depthwise = b.conv(wide, 144, { kernel: 3, pad: 1, stride, groups: 144 });
  const narrow = b.conv(depthwise, 24);
  return b.build(isResidual ? b.residual(narrow, x) : narrow);
}

describe('row chains', () => {
  it.each([
    ['an inverted residual', 28, 1, true],
    ['with a stride', 28, 2, false],
    ['on an image of odd size', 15, 1, true],
  ])('%s', async (_, size, stride, isResidual) => {
    const graph = invertedResidual(size, stride, isResidual);
    expect(stepsOf(graph)).toEqual([['rows', 'conv0', 'conv1', 'conv2', 'conv3']]);
    await expectExact(graph, XC7Z045, ['t1', 't2', 't3'], 2);
  });

  it('without a tail', async () => {
    const b = new GraphBuilder();
    const graph = b.build(b.conv(b.conv(b.input(60, 60, 16), 64, { kernel: 3, pad: 1 }), 64, { kernel: 3, pad: 1, groups: 64, stride: 2 }));
    expect(stepsOf(graph)).toEqual([['rows', 'conv0', 'conv1']]);
    await expectExact(graph, XC7Z045, ['t1']);
  });

  it('with a head that others read too: stored behind its residual add', async () => {
    const b = new GraphBuilder();
    const x = b.input(28, 28, 512);
    // The weights of the first and the last layer fit no chain.
    const sum = b.residual(b.conv(b.conv(x, 128, { kernel: 3, pad: 1 }), 512), x);
    const graph = b.build(b.residual(b.conv(b.conv(sum, 128), 512, { kernel: 3, pad: 1 }), sum));
    expect(stepsOf(graph)).toContainEqual(['rows', 'conv1', 'conv3']);
    await expectExact(graph, XC7Z045, [], 2);
  });

  it('where a stage adds its own input, or what an earlier one made: from their rows on chip', async () => {
    const b = new GraphBuilder();
    const x = b.conv(b.input(20, 20, 10), 16, { kernel: 3, pad: 1 });
    const y = b.residual(x, b.conv(x, 16));
    const z = b.residual(b.conv(b.conv(y, 32, { kernel: 3, pad: 1 }), 16), x);
    const graph = b.build(b.conv(b.residual(z, b.conv(b.conv(z, 24), 16, { kernel: 3, pad: 1 })), 8));
    expect(stepsOf(graph).length).toBe(1);
    await expectExact(
      graph,
      XC7Z045,
      [1, 2, 3, 4, 5].map((t) => `t${t}`),
      2,
    );
  });

  it.each([
    ['no padding, strides of two', { pad: 0, stride: 2 }],
    ['wide windows', { kernel: 5, pad: 2 }],
    ['dilation', { pad: 2, dilation: 2 }],
  ])('in strips of columns: %s', async (_, options) => {
    const b = new GraphBuilder();
    const x = b.conv(b.input(24, 300, 3), 32, { kernel: 3, pad: 1, stride: 2 });
    const wide = b.conv(x, 120);
    const depthwise = b.conv(wide, 120, { kernel: 3, groups: 120, ...options });
    const y = b.conv(depthwise, 24);
    const again = b.conv(b.conv(y, 144), 144, { kernel: 3, pad: 1, groups: 144 });
    const graph = b.build(b.residual(b.conv(again, 24), y));
    const steps = scheduleStages(buildStages(graph), layOutTensors(graph, buildStages(graph), 1), XC7Z045, 1, false);
    const strips = steps.map(({ chain }) => (chain?.fusion.kind === 'rows' ? chain.fusion.plan.strips.length : 0));
    expect(Math.max(...strips)).toBeGreaterThan(1);
    await expectExact(graph, XC7Z045, [], 2);
  });

  it('with a depthwise convolution whose channels are split over CUs, where the projection does not fit all of them', async () => {
    const b = new GraphBuilder();
    const x = b.input(14, 14, 96);
    const depthwise = b.conv(b.conv(x, 576), 576, { kernel: 3, pad: 1, groups: 576 });
    const graph = b.build(b.residual(b.conv(depthwise, 96), x));
    expect(stepsOf(graph)).toEqual([['rows', 'conv0', 'conv1', 'conv2']]);
    await expectExact(graph, XC7Z045, ['t1', 't2'], 2);
  });

  it('with a depthwise head and a body whose channels are split over CUs', async () => {
    const b = new GraphBuilder();
    // A normalization that nothing can take in: pre-activation networks have one in front of each convolution.
    const graph = b.build(b.conv(b.conv(b.input(14, 14, 512), 512, { groups: 512 }), 128));
    expect(stepsOf(graph)).toEqual([['rows', 'conv0', 'conv1']]);
    await expectExact(graph, XC7Z045, ['t1'], 2);
  });

  it('with an average pool, slice by slice: all CUs share its weights', async () => {
    const b = new GraphBuilder();
    const graph = b.build(b.averagePool(b.conv(b.input(14, 14, 512), 1024), { kernel: 2, stride: 2 }));
    expect(stepsOf(graph)).toEqual([['slices', 'conv0', 'averagepool1']]);
    await expectExact(graph, XC7Z045, ['t1']);
  });

  it.each([
    ['the head that they share', 64, true],
    ['branches in another order than in the concatenation', 16, false],
  ])('with several branches: %s', async (_, channels, inOrder) => {
    const b = new GraphBuilder();
    const squeezed = b.conv(b.input(27, 27, 128), channels);
    const [small, large] = [b.conv(squeezed, 64), b.conv(squeezed, 48, { kernel: 3, pad: 1 })];
    const graph = b.build(b.conv(inOrder ? b.concat(small, large) : b.concat(large, small), 16));
    expect(stepsOf(graph)).toContainEqual(['rows', 'conv0', 'conv1', 'conv2', 'conv4']);
    await expectExact(graph, XC7Z045, ['t1', 't2', 't3', 't4'], 2);
  });

  it('with branches only where nobody else reads them', () => {
    const b = new GraphBuilder();
    const squeezed = b.conv(b.input(27, 27, 128), 16);
    const [small, large] = [b.conv(squeezed, 64), b.conv(squeezed, 64, { kernel: 3, pad: 1 })];
    const both = b.concat(small, large);
    const steps = stepsOf(b.build(b.conv(both, 16), b.conv(both, 32)));
    expect(steps.some(([kind, ...names]) => kind === 'rows' && names.length > 2)).toBe(false);
  });

  it('with an average pool whose windows all have the same divisor', async () => {
    const b = new GraphBuilder();
    const graph = b.build(b.averagePool(b.conv(b.input(28, 28, 64), 128), { kernel: 2, stride: 2 }));
    expect(stepsOf(graph)).toEqual([['rows', 'conv0', 'averagepool1']]);
    await expectExact(graph, XC7Z045, ['t1'], 2);
  });

  it('on one CU', async () => {
    await expectExact(invertedResidual(14, 1, true), ONE_CU, []);
  });

  it('not where a row is never read, nor where another stage reads too', () => {
    const b = new GraphBuilder();
    const x = b.conv(b.input(30, 30, 16), 64, { kernel: 3, pad: 1 });
    const shared = b.conv(x, 64);
    const graph = b.build(b.conv(shared, 64, { kernel: 3, stride: 4, groups: 64 }), b.conv(shared, 8));
    expect(stepsOf(graph).flat()).not.toContain('slices');
    const skipped = new GraphBuilder();
    const y = skipped.conv(skipped.input(30, 30, 16), 64);
    expect(stepsOf(skipped.build(skipped.conv(y, 64, { kernel: 1, stride: 2, groups: 64 })))).toEqual([
      [undefined, 'conv0'],
      [undefined, 'conv1'],
    ]);
  });
});

describe('slice chains', () => {
  it.each([
    ['channels that fill the CUs', 14, 512, 1],
    ['a last block of fewer channels', 7, 720, 1],
    ['a stride', 14, 512, 2],
  ])('%s', async (_, size, channels, stride) => {
    const b = new GraphBuilder();
    const wide = b.conv(b.input(size, size, 512), channels);
    const graph = b.build(b.conv(wide, channels, { kernel: 3, pad: 1, groups: channels, stride }));
    expect(stepsOf(graph)).toEqual([['slices', 'conv0', 'conv1']]);
    await expectExact(graph, XC7Z045, ['t1'], 2);
  });
});

describe('slice chains with a tail', () => {
  it.each([
    ['a residual add', 7, 7, 1, 160, true],
    ['a stride', 9, 9, 2, 160, false],
    ['pixels of a CU inside one row', 5, 9, 1, 160, true],
  ])('%s', async (_, height, width, stride, channels, isResidual) => {
    const b = new GraphBuilder();
    const x = b.input(height, width, 160);
    const wide = b.conv(b.conv(x, 960), 960, { kernel: 3, pad: 1, groups: 960, stride });
    const narrow = b.conv(wide, channels);
    const graph = b.build(isResidual ? b.residual(narrow, x) : narrow);
    expect(stepsOf(graph)).toEqual([['slices', 'conv0', 'conv1', 'conv2']]);
    await expectExact(graph, XC7Z045, ['t1', 't2'], 2);
  });
});

describe('stages that are too large for a schedule of their own', () => {
  it('stay whole in a chain', async () => {
    const b = new GraphBuilder();
    const wide = b.conv(b.input(20, 256, 16), 96);
    const graph = b.build(b.conv(b.conv(wide, 96, { kernel: 3, pad: 1, stride: 2, groups: 96 }), 24));
    const { steps } = scheduleGraph(buildStages(graph), XC7Z045, 1, (stages) => layOutTensors(graph, stages, 1));
    expect(steps.map(({ chain }) => chain?.links.map(({ stage }) => stage.name))).toEqual([['conv0', 'conv1', 'conv2']]);
    await expectExact(graph, XC7Z045, ['t1', 't2'], 2);
  });

  it('are cut where no chain holds them', async () => {
    const b = new GraphBuilder();
    const wide = b.conv(b.input(9, 250, 96), 96, { kernel: 3, pad: 1 });
    const graph = b.build(b.conv(wide, 96, { kernel: 3, pad: 1 }), b.conv(wide, 8));
    const { steps } = scheduleGraph(buildStages(graph), XC7Z045, 1, (stages) => layOutTensors(graph, stages, 1));
    expect(steps.length).toBeGreaterThan(2);
    await expectExact(graph, XC7Z045, []);
  });
});

describe('rings that hold one tile', () => {
  it('make links wait for each other', async () => {
    const b = new GraphBuilder();
    const x = b.input(14, 14, 112);
    const depthwise = b.conv(b.conv(x, 672), 672, { kernel: 5, pad: 2, groups: 672 });
    const graph = b.build(b.residual(b.conv(depthwise, 112), x));
    const stages = buildStages(graph);
    const [step] = scheduleStages(stages, layOutTensors(graph, stages, 1), XC7Z045, 1, false);
    expect(step!.chain?.fusion.kind === 'rows' && step!.chain.fusion.plan.lag).toBe(0);
    await expectExact(graph, XC7Z045, ['t1', 't2'], 2);
  });
});

describe('large maps of pixelwise stages', () => {
  it('are read in rows of fewer pixels', async () => {
    const b = new GraphBuilder();
    const x = b.input(12, 32, 960);
    const graph = b.build(b.residual(b.conv(b.conv(x, 320), 960), x));
    const stages = buildStages(graph);
    const steps = scheduleStages(stages, layOutTensors(graph, stages, 1), XC7Z045, 1, false);
    expect(steps.map(({ main }) => main.work!.geometry.outWidth)).toContain(8);
    await expectExact(graph, XC7Z045, [], 2);
  });
});

describe('the choice among overlapping fusions', () => {
  it('saves as much as the best of all subsets', () => {
    const option = fc.record({ first: fc.nat(7), length: fc.integer({ min: 2, max: 3 }), saved: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(fc.array(option, { maxLength: 8 }), (drawn) => {
        const options = drawn.map(({ first, length, saved }) => ({
          fusion: { members: Array.from({ length }, (_, i) => first + i) } as unknown as Fusion,
          saved,
        }));
        let best = 0;
        for (let mask = 0; mask < 2 ** options.length; mask++) {
          const subset = options.filter((_, i) => (mask >> i) & 1);
          const used = subset.flatMap(({ fusion }) => [...fusion.members]);
          if (new Set(used).size === used.length)
            best = Math.max(
              best,
              subset.reduce((sum, { saved }) => sum + saved, 0),
            );
        }
        const chosen = chooseFusions(options, 10);
        const used = chosen.flatMap(({ members }) => [...members]);
        expect(new Set(used).size).toBe(used.length);
        expect(chosen.reduce((sum, fusion) => sum + options.find((o) => o.fusion === fusion)!.saved, 0)).toBe(best);
      }),
    );
  });
});
