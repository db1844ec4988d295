/**
 * Lints sf_top and elaborates it in two front ends: Verilator `--lint-only -Wall` without a waiver, and slang. Any warning or error fails.
 * Usage: npm run lint:rtl. Documentation: hardware/README.md.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { rtlSources } from '../../src/runtime/rtl-model.ts';
import { InputError } from '../../src/util/errors.ts';
import { HARDWARE, ROOT, readCommand, runFrontEnd } from './front-end.ts';

function report(name: string, ok: boolean, log: string): boolean {
  process.stdout.write(`${name}: ${ok ? 'no warning, no error' : 'FAILED'}\n${ok ? '' : `${log}\n`}`);
  return ok;
}

async function main(): Promise<void> {
  mkdirSync(path.join(ROOT, 'out'), { recursive: true });
  const files = [path.join(HARDWARE, 'rtl/generated/sf_pkg.sv'), ...rtlSources()];
  const verilator = spawnSync('verilator', ['--lint-only', '-Wall', '--top-module', 'sf_top', ...files], { encoding: 'utf8' });
  if (verilator.error !== undefined) throw new InputError("Verilator is not installed: 'apt-get install verilator'");
  const first = report('Verilator -Wall', verilator.status === 0 && !verilator.stderr.includes('%'), verilator.stderr);
  const slang = await runFrontEnd(readCommand('sf_top', files), files);
  const second = report('slang', slang.ok && !/\b(error|warning):/i.test(slang.log), slang.log);
  if (!first || !second) process.exitCode = 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof InputError ? error.message : error}\n`);
  process.exitCode = error instanceof InputError ? 2 : 1;
});
