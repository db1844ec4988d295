/** Groups of tests that simulate the RTL: Verilator is installed where that is possible, else they are skipped; with CI set a missing tool is a failure. */
import { execFileSync } from 'node:child_process';
import { beforeAll, describe } from 'vitest';
import type { Machine } from '../../src/machine/machine.ts';
import { buildModel, NO_VERILATOR, verilatorVersion } from '../../src/runtime/rtl-model.ts';

/** Why the RTL cannot be simulated here; undefined when it can. @throws Error when it cannot and CI is set */
function findVerilatorFault(): string | undefined {
  if (verilatorVersion() !== undefined) return undefined;
  if (process.getuid?.() === 0) {
    try {
      const install = ['install', '-y', '-qq', '--no-install-recommends', 'verilator', 'g++', 'make', 'zlib1g-dev'];
      execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
      execFileSync('apt-get', install, { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    } catch {}
    if (verilatorVersion() !== undefined) return undefined;
  }
  if (process.env.CI === 'true') throw new Error(NO_VERILATOR);
  return NO_VERILATOR;
}

export const MINUTES = 60_000;

const fault = findVerilatorFault();
if (fault !== undefined) console.warn(`tests of the RTL are skipped: ${fault}`);

export interface RtlTests {
  readonly machine: Machine;
  /** Builds a slower model in less time. */
  readonly quick?: boolean;
}

/**
 * Tests on the Verilated RTL of a machine.
 * @param define defines them; the function that it is given tells the model's path once tests run
 */
export function describeRtl(name: string, { machine, quick }: RtlTests, define: (model: () => string) => void): void {
  describe.skipIf(fault !== undefined)(name, () => {
    let path = '';
    beforeAll(() => {
      path = buildModel(machine, { quick });
    }, 20 * MINUTES);
    define(() => path);
  });
}
