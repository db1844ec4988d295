/**
 * The DRAM contents before a program starts: constant segments and instructions at their addresses. Build it once per program; several runs
 * may share it, because a right program overwrites only what it wrote or was given. Specification: docs/isa.md (program file).
 */
import type { Program } from '../../program/program.ts';
import { JobError } from '../../util/errors.ts';

/** Words [start, end) of DRAM that a program must not store to. */
export interface ConstantRange {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export interface DramImage {
  /** `program.dramWords` words; a run changes it in place. */
  readonly words: Int16Array;
  /** Sorted by start, disjoint. */
  readonly constants: readonly ConstantRange[];
}

/**
 * @throws JobError when a segment or the code lies outside the program's DRAM words, or two of them overlap.
 */
export function createDramImage(program: Program): DramImage {
  const { dramWords, codeAddress, instructions } = program;
  const words = new Int16Array(dramWords);
  const constants: ConstantRange[] = [];
  const place = (name: string, start: number, data: Int16Array): void => {
    const end = start + data.length;
    if (start < 0 || end > dramWords)
      throw new JobError(`${name} lies at DRAM words ${start} to ${end - 1}, the program has only ${dramWords}`);
    words.set(data, start);
    if (data.length > 0) constants.push({ name, start, end });
  };
  for (const segment of program.segments) place(`segment "${segment.name}"`, segment.address, segment.words);
  const code = new Int16Array(instructions.buffer, instructions.byteOffset, instructions.length * 2);
  place('the code', codeAddress, code);
  constants.sort((a, b) => a.start - b.start);
  for (let i = 1; i < constants.length; i++) {
    const [before, after] = [constants[i - 1], constants[i]];
    if (after.start < before.end) throw new JobError(`${before.name} and ${after.name} overlap at DRAM word ${after.start}`);
  }
  return { words, constants };
}
