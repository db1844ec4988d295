/** The core of the lockstep, simulator against RTL, for `npm test`; the rest is in lockstep.full-test.ts. Documentation: hardware/README.md. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { compileGraph } from '../../src/compiler/backend/compile-graph.ts';
import { XC7Z045 } from '../../src/machine/machine.ts';
import { packInputs } from '../../src/runtime/machine-device.ts';
import { randomGraph, randomInputs } from '../../test/random-layers.ts';
import { describeRtl, MINUTES } from './describe-rtl.test-util.ts';
import { directedPrograms } from './directed.ts';
import { directedFaults, runFault } from './faults.ts';
import { compareRun, runLockstep } from './lockstep.ts';
import { openNetwork, runNetwork } from './network.ts';
import { randomProgram } from './random-program.ts';

const machine = XC7Z045;
const MNIST = path.join('..', 'shared', 'data', 'pretrained', 'mnist-8', 'mnist-8.onnx');
const RANDOM_PROGRAMS = 40;
const RANDOM_NETWORKS = 15;

describeRtl('lockstep', { machine }, (model) => {
  it.each(directedPrograms(machine))('$name', ({ program }) => {
    expect(runLockstep(model(), program, { checks: 'bounds' }).differences).toEqual([]);
  });

  it(`random programs 1 to ${RANDOM_PROGRAMS}`, { timeout: 10 * MINUTES }, () => {
    for (let seed = 1; seed <= RANDOM_PROGRAMS; seed++) {
      expect(runLockstep(model(), randomProgram({ seed, machine })).differences, `seed ${seed}`).toEqual([]);
    }
  });

  it(`random networks 1 to ${RANDOM_NETWORKS}`, { timeout: 10 * MINUTES }, () => {
    for (let seed = 1; seed <= RANDOM_NETWORKS; seed++) {
      const graph = randomGraph(seed);
      const program = compileGraph(graph, machine);
      const inputs = packInputs(program, [randomInputs(graph, seed)]);
      expect(runLockstep(model(), program, { inputs }).differences, `seed ${seed}`).toEqual([]);
    }
  });

  it('bits are equal under stress', { timeout: 10 * MINUTES }, () => {
    for (let seed = 1001; seed <= 1006; seed++) {
      expect(runLockstep(model(), randomProgram({ seed, machine }), { stress: seed }).differences, `seed ${seed}`).toEqual([]);
    }
  });

  it('faults end with their causes', { timeout: 10 * MINUTES }, () => {
    // One of each kind; all of them in the full tests.
    const kinds = new Set<string>();
    for (const fault of directedFaults(machine)) {
      const cause = fault.expected?.cause ?? '';
      if (kinds.has(cause)) continue;
      kinds.add(cause);
      expect(runFault(model(), fault).findings, fault.name).toEqual([]);
    }
    expect(kinds.size).toBeGreaterThanOrEqual(8);
  });

  it.skipIf(!existsSync(MNIST))('mnist-8', { timeout: 10 * MINUTES }, async () => {
    const results = await runNetwork(model(), openNetwork(MNIST), { machine });
    expect(results.map(({ differences }) => differences)).toEqual([[]]);
  });

  it('finds a single wrong word, a single wrong cycle and a missing event', () => {
    const { program } = directedPrograms(machine).find(({ name }) => name.startsWith('T17'))!;
    const { expected, rtl } = runLockstep(model(), program, { checks: 'bounds' });
    const dram = rtl.dram.slice();
    dram[40_070] ^= 1;
    const events = rtl.events.map((event, i) => (i === 5 ? { ...event, cycle: event.cycle + 1 } : event));
    const texts = (changed: Partial<typeof rtl>): string[] => compareRun(expected, { ...rtl, ...changed }).map(({ text }) => text);
    expect(texts({})).toEqual([]);
    expect(texts({ dram })).toEqual([expect.stringMatching(/^ST, instruction \d+, from CU 0.*DRAM word 40070 is .* \(1 words differ\)$/)]);
    expect(texts({ events })).toEqual([expect.stringMatching(/^\w+, instruction \d+ .* at \d+ in the simulator, at \d+ in the RTL$/)]);
    expect(texts({ events: rtl.events.slice(0, -1) })).toEqual([expect.stringMatching(/never in the RTL$/)]);
    expect(texts({ counters: rtl.counters.map((n, i) => (i === 0 ? n + 1 : n)) })).toEqual([expect.stringMatching(/^cycles: /)]);
  });
});
