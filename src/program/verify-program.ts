/**
 * What must hold across the parts of a program, whoever made it. Specification: docs/isa.md, section 8.
 */
import { findMachineFault } from '../machine/parse-machine.ts';
import type { Program, TensorPlacement } from './program.ts';

/** Instruction 0 lies at a multiple of this, in words. */
const CODE_ALIGNMENT_WORDS = 64;
const WORDS_PER_INSTRUCTION = 2;

interface Extent {
  readonly name: string;
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** DRAM words that a tensor covers, from its address. */
export function tensorSpanWords(t: TensorPlacement): number {
  return (t.frames - 1) * t.frameStep + (t.height - 1) * t.rowPitch + (t.width - 1) * t.pixelPitch + t.channels;
}

/** The first thing wrong with a program, naming the part; undefined for a sound one. Instructions themselves are not judged here. */
export function findProgramFault(program: Program): string | undefined {
  const machineFault = findMachineFault(program.machine);
  if (machineFault !== undefined) return `machine: ${machineFault}`;
  if (program.dramWords * 2 > program.machine.dram.bytes) {
    return `it needs ${program.dramWords * 2} bytes of DRAM, its machine has ${program.machine.dram.bytes}`;
  }
  if (program.codeAddress % CODE_ALIGNMENT_WORDS !== 0) {
    return `codeAddress is ${program.codeAddress}, expected a multiple of ${CODE_ALIGNMENT_WORDS}`;
  }
  return findMemoryFault(program) ?? findSourceMapFault(program);
}

function findMemoryFault(program: Program): string | undefined {
  const constants: Extent[] = [
    { name: 'code', first: program.codeAddress, end: program.codeAddress + program.instructions.length * WORDS_PER_INSTRUCTION },
    ...program.segments.map((s) => ({ name: `segment ${s.name}`, first: s.address, end: s.address + s.words.length })),
  ];
  const tensors = program.tensors.map((t) => ({ name: `tensor ${t.name}`, first: t.address, end: t.address + tensorSpanWords(t) }));
  for (const { name, first, end } of [...constants, ...tensors]) {
    if (end > program.dramWords) return `${name} takes DRAM words ${first} to ${end - 1}, the program has ${program.dramWords}`;
  }
  const occupied = constants.filter(({ first, end }) => end > first).sort((a, b) => a.first - b.first);
  for (let i = 1; i < occupied.length; i++) {
    const [before, after] = [occupied[i - 1], occupied[i]];
    if (after.first < before.end) return `${before.name} and ${after.name} overlap at DRAM word ${after.first}`;
  }
  return undefined;
}

function findSourceMapFault(program: Program): string | undefined {
  let next = 0;
  for (const [i, span] of program.sourceMap.entries()) {
    if (span.first !== next || span.end <= span.first) {
      return `sourceMap[${i}] covers instructions ${span.first} to ${span.end - 1}, expected it to begin at ${next}`;
    }
    if (span.layer >= program.layers.length) return `sourceMap[${i}] names layer ${span.layer}, there are ${program.layers.length}`;
    next = span.end;
  }
  const count = program.instructions.length;
  return next === count ? undefined : `sourceMap covers ${next} instructions, the program has ${count}`;
}
