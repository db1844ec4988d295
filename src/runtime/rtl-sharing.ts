/**
 * Verilator's configuration for modules that stay modules: one code for all compute units, AXI ports or units. Code is most of what a simulated cycle
 * costs (it runs from beginning to end, once a cycle, and far exceeds the processor's first cache); functions of a few kilobytes that run for one instance
 * after the other are fetched once. Documentation: hardware/README.md, "Speed of the model".
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Modules that every compute unit, AXI port or unit has, small enough for the first cache (32 KB of code). Verilator finds their code equal only if nothing in it carries a
 * number: no functions (each call has variables of its own), and inputs that keep their names, hence public.
 */
export const SHARED_MODULES: readonly string[] = [
  'sf_bus_in',
  'sf_mac_collect',
  'sf_mac_seq',
  'sf_maps_quadrant',
  'sf_operand',
  'sf_port_b',
  'sf_read_port',
  'sf_result_fifo',
  'sf_start',
  'sf_table',
  'sf_vec_data',
  'sf_vec_seq',
  'sf_vmac',
  'sf_vmac_ctl',
  'sf_weights_buffer',
  'sf_write_port',
  'sf_write_signal',
];

/**
 * Inputs that are the same wire for all instances need no name of their own; a public clock would be a clock of its own. (An input that is not the same
 * for all, called as one of these, would only keep code from being shared.)
 */
const GLOBAL = new Set([
  ...['clk_i', 'rst_ni', 'flush_i'],
  ...['engine_i', 'lines_i', 'address_i', 'address_lines_i', 'slot_i', 'read_words_i', 'read_mask_i'],
]);

/** Names of a module's inputs but those that are the same for all. @throws Error for a source that has none */
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
