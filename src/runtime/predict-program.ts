/** What a program will take, without simulating it: the cost model's cycles, and the bytes that its descriptors and instructions move. */
import { type Dispatch, traceCore } from '../isa/core.ts';
import { LINE_WORDS, macCount } from '../machine/machine.ts';
import type { Program } from '../program/program.ts';

const LINE_BYTES = 2 * LINE_WORDS;
const INSTRUCTION_BYTES = 4;

/** All frames of one run. */
export interface ProgramPrediction {
  /**
   * Sum over the layers of the cost model's figures (docs/compiler.md); a layer without one (a link of a chain) counts its MACs at the full rate. Not less
   * than what the bytes take.
   */
  readonly cycles: number;
  /** Exact: whole lines, as the memory counts them; instructions as far as they are executed in order. */
  readonly dramReadBytes: number;
  readonly dramWriteBytes: number;
}

/** @throws JobError when the program is wrong */
export function predictProgram(program: Program): ProgramPrediction {
  const { dispatches } = traceCore(program.instructions);
  let dramReadBytes = program.instructions.length * INSTRUCTION_BYTES;
  let dramWriteBytes = 0;
  for (const dispatch of dispatches) {
    const bytes = LINE_BYTES * countLines(dispatch);
    if (dispatch.kind === 'ST') dramWriteBytes += bytes;
    else dramReadBytes += bytes;
  }
  const { machine, frames, layers } = program;
  const compute = layers.reduce((sum, layer) => sum + (layer.predictedCycles || (frames * layer.macs) / macCount(machine)), 0);
  const transfer = ((dramReadBytes + dramWriteBytes) * machine.clockHz) / machine.dram.bytesPerSecond;
  return { cycles: Math.round(Math.max(compute, transfer)), dramReadBytes, dramWriteBytes };
}

/** DRAM lines that a descriptor touches, each run for itself. */
function countLines({ kind, descriptor }: Dispatch): number {
  if (kind === 'LDW') return descriptor.images * descriptor.lines;
  if (kind !== 'LDM' && kind !== 'ST') return 0;
  const { dramAddress, dramStep, rows, words } = descriptor;
  let lines = 0;
  for (let row = 0; row < rows; row++) {
    const first = dramAddress + row * dramStep;
    lines += Math.floor((first + words - 1) / LINE_WORDS) - Math.floor(first / LINE_WORDS) + 1;
  }
  return lines;
}
