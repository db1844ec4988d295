/** Whole networks in lockstep, for `npm run test:full`: a super-resolution frame, an AlexNet frame with the figures of `bench alexnet`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { XC7Z045 } from '../../src/machine/machine.ts';
import { compileModel } from '../../src/runtime/compile-model.ts';
import { measureTiming } from '../../src/runtime/measure-timing.ts';
import { buildModel } from '../../src/runtime/rtl-model.ts';
import { openNetwork, runNetwork } from './network.ts';
import { findVerilatorFault } from './require-verilator.ts';

const machine = XC7Z045;
const SUPER_RESOLUTION = path.join('..', 'shared', 'data', 'pretrained', 'super-resolution-10', 'super-resolution-10.onnx');
const MINUTES = 60_000;
const LINE_BYTES = 32;

const fault = findVerilatorFault();
if (fault !== undefined) console.warn(`lockstep tests are skipped: ${fault}`);

describe.skipIf(fault !== undefined)('networks in lockstep', () => {
  let model = '';
  beforeAll(() => {
    model = buildModel(machine);
  }, 20 * MINUTES);

  it('AlexNet: cycles and bytes of the RTL are those of `bench alexnet`', { timeout: 20 * MINUTES }, async () => {
    const graph = openNetwork('alexnet', 'convolutions');
    const [result] = await runNetwork(model, graph, { machine, scope: 'convolutions', lockstep: { checks: 'bounds' } });
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
    const results = await runNetwork(model, openNetwork(SUPER_RESOLUTION), { machine, lockstep: { checks: 'bounds' } });
    expect(results.map(({ differences }) => differences)).toEqual(results.map(() => []));
  });
});
