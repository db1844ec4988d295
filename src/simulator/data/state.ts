/**
 * The buffers of one cluster, as words: maps and weights lie in the MAC kernel's memory, so that the kernel works on them directly.
 * Specification: docs/microarchitecture.md, section 2.
 */
import { TABLE_WORDS } from '../../isa/descriptor-rules.ts';
import { createMacKernel, type MacKernel } from '../../kernels/mac-kernel.ts';
import { LINE_BYTES, LINE_WORDS, type Machine, mapsWords, weightsLines } from '../../machine/machine.ts';

export interface MachineState {
  readonly machine: Machine;
  /** Words of one CU's maps buffer and lines of one vMAC's weights buffer. */
  readonly mapsWords: number;
  readonly weightsLines: number;
  /** Per CU. */
  readonly maps: readonly Int16Array[];
  /** Per CU and vMAC. */
  readonly weights: readonly (readonly Int16Array[])[];
  /** Per CU. */
  readonly tables: readonly Int16Array[];
  readonly dram: Int16Array;
  readonly kernel: MacKernel;
  /** Byte addresses in the kernel's memory. */
  readonly mapsAddress: (cu: number) => number;
  readonly weightsAddress: (cu: number, vmac: number) => number;
  /** Room for a group that wraps round the end of its weights buffer: words and byte address per vMAC. */
  readonly straightGroups: readonly Int16Array[];
  readonly straightAddress: (vmac: number) => number;
}

/** All buffers zero (their contents are undefined in hardware; the checks find reads of words never written). */
export function createMachineState(machine: Machine, dram: Int16Array): MachineState {
  const { computeUnits, vmacsPerCu, mapsBytes } = machine;
  const words = mapsWords(machine);
  const lines = weightsLines(machine);
  const weightsBytes = lines * LINE_BYTES;
  const mapsTotal = computeUnits * mapsBytes;
  const weightsTotal = computeUnits * vmacsPerCu * weightsBytes;
  // A trace has at least one weights line, and masks split it into three segments at most.
  const kernel = createMacKernel(mapsTotal + weightsTotal + vmacsPerCu * weightsBytes, 3 * lines);
  const mapsAddress = (cu: number): number => kernel.dataAddress + cu * mapsBytes;
  const weightsAddress = (cu: number, vmac: number): number => kernel.dataAddress + mapsTotal + (cu * vmacsPerCu + vmac) * weightsBytes;
  const straightAddress = (vmac: number): number => kernel.dataAddress + mapsTotal + weightsTotal + vmac * weightsBytes;
  const cus = Array.from({ length: computeUnits }, (_, cu) => cu);
  const vmacs = Array.from({ length: vmacsPerCu }, (_, vmac) => vmac);
  const weightsView = (address: number): Int16Array => new Int16Array(kernel.buffer, address, lines * LINE_WORDS);
  return {
    machine,
    mapsWords: words,
    weightsLines: lines,
    maps: cus.map((cu) => new Int16Array(kernel.buffer, mapsAddress(cu), words)),
    weights: cus.map((cu) => vmacs.map((vmac) => weightsView(weightsAddress(cu, vmac)))),
    tables: cus.map(() => new Int16Array(TABLE_WORDS)),
    dram,
    kernel,
    mapsAddress,
    weightsAddress,
    straightGroups: vmacs.map((vmac) => weightsView(straightAddress(vmac))),
    straightAddress,
  };
}

/** Copies words into a buffer at an address modulo the buffer's size. */
export function writeWrapped(buffer: Int16Array, address: number, words: Int16Array): void {
  const start = address % buffer.length;
  const room = buffer.length - start;
  if (words.length <= room) {
    buffer.set(words, start);
    return;
  }
  buffer.set(words.subarray(0, room), start);
  writeWrapped(buffer, 0, words.subarray(room));
}

/** The CUs of a mask, in order. */
export function cusOf(mask: number, computeUnits: number): number[] {
  const cus: number[] = [];
  for (let cu = 0; cu < computeUnits; cu++) if ((mask >> cu) & 1) cus.push(cu);
  return cus;
}
