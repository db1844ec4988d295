/**
 * Binary to text. The text assembles to the same words, whatever they are: an illegal word becomes a `.word` directive.
 * Specification: docs/isa.md, section 6.
 */
import { decode, operandsOf } from './encode.ts';
import { unitName } from './field-codes.ts';
import type { Instruction } from './instructions.ts';

/** A comment on the lines that begin at an instruction: one line each, without the semicolon. */
export type Annotate = (index: number) => readonly string[];

const noComments: Annotate = () => [];

/** One word as assembler text without a label, e.g. `BEQ r1, r0, -3` or `.word 0x00000000`. */
export function formatWord(word: number): string {
  const instruction = decode(word);
  return instruction === undefined ? formatData(word) : formatInstruction(instruction);
}

/** An instruction as assembler text; `target` replaces the number of a branch offset. */
function formatInstruction(instruction: Instruction, target?: string): string {
  const values = instruction as unknown as Readonly<Record<string, number | string>>;
  const operands = operandsOf(instruction.mnemonic).map(({ name, type }) => {
    const value = values[name];
    if (type === 'register') return `r${value}`;
    if (type === 'unit') return unitName(Number(value));
    if (type === 'offset') return target ?? `${value}`;
    return `${value}`;
  });
  return operands.length === 0 ? instruction.mnemonic : `${instruction.mnemonic} ${operands.join(', ')}`;
}

function formatData(word: number): string {
  return `.word 0x${(word >>> 0).toString(16).padStart(8, '0')}`;
}

/** Index that a branch goes to; undefined for other instructions. */
function branchTarget(instruction: Instruction, index: number): number | undefined {
  switch (instruction.mnemonic) {
    case 'BEQ':
    case 'BNE':
    case 'BLT':
    case 'BGE':
    case 'JMP':
      return index + 1 + instruction.imm;
    default:
      return undefined;
  }
}

/**
 * A program as assembler text, one instruction a line, branch targets inside the program as labels `L<index>`.
 * @param annotate comments put before an instruction.
 */
export function disassemble(words: Uint32Array, annotate: Annotate = noComments): string {
  const instructions = Array.from(words, (word) => decode(word));
  const targets = new Set<number>();
  for (const [index, instruction] of instructions.entries()) {
    const target = instruction && branchTarget(instruction, index);
    if (target !== undefined && target >= 0 && target < words.length) targets.add(target);
  }
  const lines: string[] = [];
  for (const [index, instruction] of instructions.entries()) {
    for (const comment of annotate(index)) lines.push(`; ${comment}`);
    if (targets.has(index)) lines.push(`L${index}:`);
    if (instruction === undefined) {
      lines.push(`  ${formatData(words[index])}`);
      continue;
    }
    const target = branchTarget(instruction, index);
    lines.push(`  ${formatInstruction(instruction, target !== undefined && targets.has(target) ? `L${target}` : undefined)}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}
