/** The weights load engine, one descriptor at once. Specification: docs/microarchitecture.md, section 6. Twin: sf_ldw.sv. */
import type { LdwDescriptor } from '../../isa/fields.ts';
import { LINE_WORDS } from '../../machine/machine.ts';
import { type MachineState, writeWrapped } from './state.ts';

/** Receivers of image `i` of a descriptor: one vMAC in CUs [firstCu, endCu). */
export function imageTarget(d: LdwDescriptor, i: number): { vmac: number; firstCu: number; endCu: number } {
  const image = d.firstImage + i;
  const slot = image >> 2;
  return { vmac: image & 3, firstCu: slot * d.cusPerSlot, endCu: (slot + 1) * d.cusPerSlot };
}

/** Copies consecutive images of `lines` lines to their vMACs; line addresses wrap at the end of the buffer. */
export function executeLdw(state: MachineState, d: LdwDescriptor): void {
  const imageWords = d.lines * LINE_WORDS;
  for (let i = 0; i < d.images; i++) {
    const from = d.dramAddress + i * imageWords;
    const image = state.dram.subarray(from, from + imageWords);
    const { vmac, firstCu, endCu } = imageTarget(d, i);
    for (let cu = firstCu; cu < Math.min(endCu, state.machine.computeUnits); cu++) {
      writeWrapped(state.weights[cu][vmac], d.line * LINE_WORDS, image);
    }
  }
}
