/** The module benches of the RTL under Verilator. Skipped by name where Verilator is missing, except with CI=true. */
import { describe, expect, it } from 'vitest';
import { runBenches } from '../hardware/tb/run-benches.ts';
import { NO_VERILATOR, verilatorVersion } from '../src/runtime/rtl-model.ts';

const missing = verilatorVersion() === undefined;
if (missing) console.log(`RTL benches skipped: ${NO_VERILATOR}`);

describe.skipIf(missing && process.env.CI !== 'true')('RTL module benches', () => {
  it.each([
    ['compute unit', 'cu'],
    ['control, DMA, memory and system', 'system'],
  ])('%s', { timeout: 900_000 }, (_name, group) => {
    const { passed, output } = runBenches(group, 1);
    expect(passed, output).toBe(true);
  });
});
