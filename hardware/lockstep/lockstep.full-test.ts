/** The lockstep at length, for `npm run test:full`. Documentation: hardware/README.md. */
import { expect, it } from 'vitest';
import { compileGraph } from '../../src/compiler/backend/compile-graph.ts';
import { XC7Z045 } from '../../src/machine/machine.ts';
import { parseMachine } from '../../src/machine/parse-machine.ts';
import { packInputs } from '../../src/runtime/machine-device.ts';
import { LARGE, randomGraph, randomInputs, SMALL } from '../../test/random-layers.ts';
import { OPERATOR_GROUPS } from '../../test/random-operators.ts';
import { describeRtl, MINUTES } from './describe-rtl.test-util.ts';
import { directedPrograms } from './directed.ts';
import { directedFaults, randomFault, runFault } from './faults.ts';
import { runLockstep } from './lockstep.ts';
import { runOperator } from './operators.ts';
import { randomProgram } from './random-program.ts';

const machine = XC7Z045;
const FIRST_SEED = 10_000;
const RANDOM_PROGRAMS = 300;
const SMALL_NETWORKS = 90;
const LARGE_NETWORKS = 15;
const OPERATOR_GRAPHS = 3;
const STRESSED = 60;
const FLIPPED = 60;

describeRtl('lockstep', { machine }, (model) => {
  it(`${RANDOM_PROGRAMS} random programs`, { timeout: 20 * MINUTES }, () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RANDOM_PROGRAMS; seed++) {
      expect(runLockstep(model(), randomProgram({ seed, machine })).differences, `seed ${seed}`).toEqual([]);
    }
  });

  it(`${SMALL_NETWORKS} small and ${LARGE_NETWORKS} large random networks`, { timeout: 20 * MINUTES }, () => {
    for (let i = 0; i < SMALL_NETWORKS + LARGE_NETWORKS; i++) {
      const seed = FIRST_SEED + i;
      const graph = randomGraph(seed, i < SMALL_NETWORKS ? SMALL : LARGE);
      const program = compileGraph(graph, machine);
      const inputs = packInputs(program, [randomInputs(graph, seed)]);
      expect(runLockstep(model(), program, { inputs }).differences, `seed ${seed}`).toEqual([]);
    }
  });

  it(`${OPERATOR_GRAPHS} random graphs of every operator`, { timeout: 20 * MINUTES }, async () => {
    for (const [name, group] of OPERATOR_GROUPS) {
      const { differences } = await runOperator(group, { machine, model: model(), count: OPERATOR_GRAPHS, seed: FIRST_SEED });
      expect(
        differences.map(({ seed, text }) => `seed ${seed}: ${text}`),
        name,
      ).toEqual([]);
    }
  });

  it(`${STRESSED} random programs under stress: the same bits, no hang`, { timeout: 20 * MINUTES }, () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + STRESSED; seed++) {
      expect(runLockstep(model(), randomProgram({ seed, machine }), { stress: seed }).differences, `seed ${seed}`).toEqual([]);
    }
  });

  it('every documented fault', { timeout: 20 * MINUTES }, () => {
    for (const documented of directedFaults(machine)) expect(runFault(model(), documented).findings, documented.name).toEqual([]);
  });

  it(`${FLIPPED} programs with flipped bits`, { timeout: 20 * MINUTES }, () => {
    for (let i = 0; i < FLIPPED; i++) {
      const flipped = randomFault(machine, FIRST_SEED + i);
      expect(runFault(model(), flipped).findings, flipped.name).toEqual([]);
    }
  });
});

// The same sources make other machines: another shape, other latencies, other ports.
const OTHER = parseMachine(
  {
    extends: 'xc7z045',
    name: 'one CU, two ports',
    computeUnits: 1,
    queueDepth: 4,
    axi: { ports: 2, readsPerPort: 5 },
    latency: { queueLatency: 7, tokenLatency: 3, instructionLatency: 4, branchRestart: 3, dmaSetup: 5, busLatency: 3 },
  },
  'test',
);

describeRtl('another machine', { machine: OTHER, quick: true }, (model) => {
  it('directed and random programs', { timeout: 20 * MINUTES }, () => {
    for (const { name, program } of directedPrograms(OTHER)) {
      expect(runLockstep(model(), program, { checks: 'bounds' }).differences, name).toEqual([]);
    }
    for (let seed = 1; seed <= 60; seed++) {
      expect(runLockstep(model(), randomProgram({ seed, machine: OTHER })).differences, `seed ${seed}`).toEqual([]);
    }
  });
});
