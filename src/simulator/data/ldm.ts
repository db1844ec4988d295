/** The maps load engine, one descriptor at once. Specification: docs/microarchitecture.md, section 6. Twin: sf_ldm.sv. */
import { LDM_SPACES, type LdmDescriptor } from '../../isa/fields.ts';
import { wrapRing } from '../walker.ts';
import { cusOf, type MachineState, writeWrapped } from './state.ts';

/** DRAM word address of run `r` of a load or store: 32-bit arithmetic, as the register. */
export function runAddress(d: { readonly dramAddress: number; readonly dramStep: number }, r: number): number {
  return (d.dramAddress + r * d.dramStep) % 2 ** 32;
}

/** Copies the runs to the maps (or table) of every CU of the mask. */
export function executeLdm(state: MachineState, d: LdmDescriptor): void {
  const buffers = d.space === LDM_SPACES.table ? state.tables : state.maps;
  const targets = cusOf(d.cus, state.machine.computeUnits);
  for (let r = 0; r < d.rows; r++) {
    const from = runAddress(d, r);
    const run = state.dram.subarray(from, from + d.words);
    const to = d.base + wrapRing(d.offset + r * d.step, d.ring);
    for (const cu of targets) writeWrapped(buffers[cu], to, run);
  }
}
