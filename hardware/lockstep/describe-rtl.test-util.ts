/** Verilator for the tests: installed where that is possible, else a reason to skip; with CI set a missing tool is a failure. */
import { execFileSync } from 'node:child_process';
import { NO_VERILATOR, verilatorVersion } from '../../src/runtime/rtl-model.ts';

/** Why the RTL cannot be simulated here; undefined when it can. @throws Error when it cannot and CI is set */
export function findVerilatorFault(): string | undefined {
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
