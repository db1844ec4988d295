/** The store engine, one descriptor at once. Specification: docs/microarchitecture.md, section 6. Twin: sf_st.sv. */
import type { StDescriptor } from '../../isa/fields.ts';
import { wrapRing } from '../walker.ts';
import { runAddress } from './ldm.ts';
import type { MachineState } from './state.ts';

/** Copies runs from the maps of one CU to DRAM. */
export function executeSt(state: MachineState, d: StDescriptor): void {
  const maps = state.maps[d.cu];
  for (let r = 0; r < d.rows; r++) {
    const from = (d.base + wrapRing(d.offset + r * d.step, d.ring)) % maps.length;
    const to = runAddress(d, r);
    const straight = Math.min(d.words, maps.length - from);
    state.dram.set(maps.subarray(from, from + straight), to);
    if (straight < d.words) state.dram.set(maps.subarray(0, d.words - straight), to + straight);
  }
}
