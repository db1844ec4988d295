/**
 * Verilator's configuration for modules of a compute unit that stay modules: one code for all compute units. Code is most of what a simulated cycle
 * costs (it runs from beginning to end, once a cycle, and far exceeds the processor's first cache); functions of a few kilobytes that run for one compute
 * unit after the other are fetched once. Documentation: hardware/README.md, "Speed of the model".
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Modules that every compute unit has, small enough for the first cache (32 KB of code). Verilator finds their code equal only if nothing in it carries a
 * number: no functions (each call has variables of its own), and inputs that keep their names, hence public.
 */
export const SHARED_MODULES: readonly string[] = [
  'sf_bus_in',
  'sf_mac_collect',
  'sf_mac_seq',
  'sf_maps_buffer',
  'sf_operand',
  'sf_port_b',
  'sf_result_fifo',
  'sf_table',
  'sf_vec_data',
  'sf_vec_seq',
  'sf_vmac',
  'sf_vmac_ctl',
  'sf_weights_buffer',
];

/** A public clock would be a clock of its own. */
const GLOBAL = new Set(['clk_i', 'rst_ni']);

/** Names of a module's inputs, without clock and reset. @throws Error for a source that has none */
export function readInputs(source: string): string[] {
  const header = source.slice(source.indexOf('module '), source.indexOf('\n);'));
  const names = [...header.matchAll(/^ {2}input\b[^/]*?(\w+)(?:\s*\[[^\]]*\])?\s*,?\s*(?:\/\/.*)?$/gm)].map((match) => match[1]);
  const inputs = names.filter((name) => !GLOBAL.has(name));
  if (inputs.length === 0) throw new Error('a module without inputs');
  return inputs;
}

/** The configuration for RTL sources, of which one is named after each shared module. */
export function renderSharing(sources: readonly string[]): string {
  const lines = SHARED_MODULES.flatMap((module) => {
    const file = sources.find((name) => path.basename(name) === `${module}.sv`);
    if (file === undefined) throw new Error(`no source of ${module}`);
    const inputs = readInputs(readFileSync(file, 'utf8'));
    return [`no_inline -module "${module}"`, ...inputs.map((name) => `public_flat_rd -module "${module}" -var "${name}"`)];
  });
  return ['`verilator_config', ...lines, ''].join('\n');
}
