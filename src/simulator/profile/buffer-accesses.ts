/**
 * Accesses of the on-chip buffers by one descriptor, in lines of 16 words: the energy estimate's count.
 * Specification: docs/microarchitecture.md, sections 2, 4, 5 and 6.
 */
import type { Dispatch } from '../../isa/core.ts';
import { hasSource2 } from '../../isa/fields.ts';
import { paramLines } from '../../isa/weights-group.ts';
import { LINE_WORDS } from '../../machine/machine.ts';
import { countTaps, macTotals } from '../walker.ts';

/** vMACs of a CU: each reads its own weights line in a step. */
const VMACS = 4;
/** Lines that port A reads in a depthwise step: 64 words. */
const DEPTHWISE_LINES = 4;

/** Line reads and writes of maps, weights and table buffers; a multicast counts at every target. */
export function countBufferAccesses({ kind, descriptor: d }: Dispatch): number {
  switch (kind) {
    case 'LDM':
      return d.rows * linesOf(d.words) * countBits(d.cus);
    case 'LDW':
      return d.images * d.lines * d.cusPerSlot;
    case 'ST':
      return d.rows * linesOf(d.words);
    case 'MAC': {
      const reads = macTotals(d).steps * (VMACS + (d.depthwise === 1 ? DEPTHWISE_LINES : 1)) + VMACS * paramLines(d.lanes);
      return reads + d.count * linesOf(d.outWords) * countBits(d.outCus);
    }
    case 'VEC': {
      const reads = countTaps(d).taps * (hasSource2(d.op) ? 2 : 1);
      return (reads + d.count * countBits(d.outCus)) * linesOf(d.words);
    }
  }
}

function linesOf(words: number): number {
  return Math.ceil(words / LINE_WORDS);
}

function countBits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
