/** Whole networks in lockstep, for `npm run test:full`: a super-resolution frame, an AlexNet frame with the figures of `bench alexnet`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { LINE_BYTES, XC7Z045 } from '../../src/machine/machine.ts';
import { compileModel } from '../../src/runtime/compile-model.ts';
import { measureTiming } from '../../src/runtime/measure-timing.ts';
import { describeRtl, MINUTES } from './describe-rtl.test-util.ts';
import { openNetwork, runNetwork } from './network.ts';

const machine = XC7Z045;
const SUPER_RESOLUTION = path.join('..', 'shared', 'data', 'pretrained', 'super-resolution-10', 'super-resolution-10.onnx');

describeRtl('networks in lockstep', { machine }, (model) => {
  it('AlexNet: cycles and bytes of the RTL are those of `bench alexnet`', { timeout: 20 * MINUTES }, async () => {
    const graph = openNetwork('alexnet', 'convolutions');
    const [result] = await runNetwork(model(), graph, { machine, scope: 'convolutions', lockstep: { checks: 'bounds' } });
    expect(result.differences).toEqual([]);
    // What the bench command compiles and measures.
    const { program } = await compileModel(graph, { machine, scope: 'convolutions' });
    const bench = measureTiming(program);
    const [cycles, , , fetched, stored, maps, weights] = result.rtl.counters;
    expect(cycles).toBe(bench.cycles);
    expect((fetched + maps + weights) * LINE_BYTES).toBe(bench.dramReadBytes);
    expect(stored * LINE_BYTES).toBe(bench.dramWriteBytes);
  });

  it.skipIf(!existsSync(SUPER_RESOLUTION))('super-resolution-10', { timeout: 20 * MINUTES }, async () => {
    const results = await runNetwork(model(), openNetwork(SUPER_RESOLUTION), { machine, lockstep: { checks: 'bounds' } });
    expect(results.map(({ differences }) => differences)).toEqual(results.map(() => []));
  });
});
