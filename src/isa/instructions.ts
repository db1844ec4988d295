/**
 * The instruction table: the one place that holds formats, bit positions and opcodes. Encoder, decoder, assembler,
 * disassembler and the tables of the manual are derived from it. Specification: docs/isa.md, sections 3 and 4.
 */
import type { FieldReference } from './field-codes.ts';

/** One field of a format: bits high..low of the 32-bit word. Bits that no field owns are reserved and must be zero. */
export interface FormatField {
  readonly name: string;
  readonly high: number;
  readonly low: number;
}

/** Bits of the opcode, common to all formats. */
export const OPCODE_FIELD = { name: 'op', high: 31, low: 26 } as const satisfies FormatField;

export const FORMATS = {
  R: [
    { name: 'rd', high: 25, low: 21 },
    { name: 'rs1', high: 20, low: 16 },
    { name: 'rs2', high: 15, low: 11 },
  ],
  I: [
    { name: 'rd', high: 25, low: 21 },
    { name: 'rs1', high: 20, low: 16 },
    { name: 'imm', high: 15, low: 0 },
  ],
  B: [
    { name: 'rs1', high: 25, low: 21 },
    { name: 'rs2', high: 20, low: 16 },
    { name: 'imm', high: 15, low: 0 },
  ],
  J: [{ name: 'imm', high: 25, low: 0 }],
  F: [
    { name: 'field', high: 25, low: 17 },
    { name: 'imm', high: 16, low: 0 },
  ],
  FH: [
    { name: 'field', high: 25, low: 17 },
    { name: 'imm', high: 14, low: 0 },
  ],
  FR: [
    { name: 'field', high: 25, low: 17 },
    { name: 'rs1', high: 16, low: 12 },
  ],
  G: [{ name: 'unit', high: 25, low: 21 }],
  N: [],
} as const satisfies Record<string, readonly FormatField[]>;

export type Format = keyof typeof FORMATS;

/**
 * What an operand means: `offset` counts instructions from the following one; `fieldValue` is signed when the field it is
 * written to is signed, else unsigned.
 */
export type OperandType = 'register' | 'signed' | 'unsigned' | 'offset' | 'field' | 'fieldValue' | 'unit';

export interface InstructionSpec {
  readonly format: Format;
  readonly opcode: number;
  /** Operands by format field, in the order of the assembler's syntax; format fields not named here are zero. */
  readonly operands: Readonly<Record<string, OperandType>>;
  /** The state change, in the notation of docs/isa.md section 4. */
  readonly effect: string;
  readonly prose: string;
}

const THREE_REGISTERS = { rd: 'register', rs1: 'register', rs2: 'register' } as const;
const BRANCH = { rs1: 'register', rs2: 'register', imm: 'offset' } as const;

/** Opcode 0 is never assigned, so that an all-zero word (memory never written) is an illegal instruction. */
export const INSTRUCTIONS = {
  ADD: { format: 'R', opcode: 0x01, operands: THREE_REGISTERS, effect: 'rd ← rs1 + rs2', prose: 'Add, modulo 2^32.' },
  SUB: { format: 'R', opcode: 0x02, operands: THREE_REGISTERS, effect: 'rd ← rs1 − rs2', prose: 'Subtract, modulo 2^32.' },
  AND: { format: 'R', opcode: 0x03, operands: THREE_REGISTERS, effect: 'rd ← rs1 & rs2', prose: 'Bitwise and.' },
  OR: { format: 'R', opcode: 0x04, operands: THREE_REGISTERS, effect: 'rd ← rs1 | rs2', prose: 'Bitwise or.' },
  SLL: {
    format: 'R',
    opcode: 0x05,
    operands: THREE_REGISTERS,
    effect: 'rd ← rs1 << rs2[4:0]',
    prose: 'Shift left logical; the upper 27 bits of rs2 are ignored.',
  },
  SRL: {
    format: 'R',
    opcode: 0x06,
    operands: THREE_REGISTERS,
    effect: 'rd ← rs1 >> rs2[4:0]',
    prose: 'Shift right logical (zeros enter); the upper 27 bits of rs2 are ignored.',
  },
  ADDI: {
    format: 'I',
    opcode: 0x08,
    operands: { rd: 'register', rs1: 'register', imm: 'signed' },
    effect: 'rd ← rs1 + signExtend(imm)',
    prose: 'Add a signed constant, modulo 2^32.',
  },
  ORI: {
    format: 'I',
    opcode: 0x09,
    operands: { rd: 'register', rs1: 'register', imm: 'unsigned' },
    effect: 'rd ← rs1 | zeroExtend(imm)',
    prose: 'Or with a constant: the lower half of a 32-bit constant after LUI.',
  },
  LUI: {
    format: 'I',
    opcode: 0x0a,
    operands: { rd: 'register', imm: 'unsigned' },
    effect: 'rd ← imm << 16',
    prose: 'Load the upper half of a constant; the lower half becomes zero. rs1 must be 0.',
  },
  BEQ: { format: 'B', opcode: 0x10, operands: BRANCH, effect: 'if rs1 = rs2: pc ← pc + 1 + imm', prose: 'Branch when equal.' },
  BNE: { format: 'B', opcode: 0x11, operands: BRANCH, effect: 'if rs1 ≠ rs2: pc ← pc + 1 + imm', prose: 'Branch when not equal.' },
  BLT: {
    format: 'B',
    opcode: 0x12,
    operands: BRANCH,
    effect: 'if rs1 < rs2: pc ← pc + 1 + imm',
    prose: 'Branch when less, compared as signed numbers.',
  },
  BGE: {
    format: 'B',
    opcode: 0x13,
    operands: BRANCH,
    effect: 'if rs1 ≥ rs2: pc ← pc + 1 + imm',
    prose: 'Branch when greater or equal, compared as signed numbers.',
  },
  JMP: { format: 'J', opcode: 0x14, operands: { imm: 'offset' }, effect: 'pc ← pc + 1 + imm', prose: 'Jump; always a taken branch.' },
  SETI: {
    format: 'F',
    opcode: 0x18,
    operands: { field: 'field', imm: 'fieldValue' },
    effect: 'field ← extend(imm), truncated to the field',
    prose: 'Write a descriptor field: imm is sign-extended from 17 bits for a signed field, zero-extended otherwise.',
  },
  SETH: {
    format: 'FH',
    opcode: 0x19,
    operands: { field: 'field', imm: 'unsigned' },
    effect: 'field[31:17] ← imm, truncated to the field; field[16:0] kept',
    prose: 'Write the upper part of a descriptor field; SETI before it sets the lower part.',
  },
  SET: {
    format: 'FR',
    opcode: 0x1a,
    operands: { field: 'field', rs1: 'register' },
    effect: 'field ← rs1, truncated to the field',
    prose: 'Write a descriptor field from a register.',
  },
  GO: {
    format: 'G',
    opcode: 0x20,
    operands: { unit: 'unit' },
    effect: 'queue[unit] ← fields of its kind; transient fields of the kind ← 0',
    prose: 'Push a descriptor to the queue of a unit; waits while the queue is full.',
  },
  END: {
    format: 'N',
    opcode: 0x21,
    operands: {},
    effect: 'the core stops',
    prose: 'The program is finished when all queues are empty and all units idle.',
  },
} as const satisfies Record<string, InstructionSpec>;

export type Mnemonic = keyof typeof INSTRUCTIONS;
export const MNEMONICS = Object.keys(INSTRUCTIONS) as Mnemonic[];

type OperandValue<T> = T extends 'field' ? FieldReference : number;
type OperandsOf<M extends Mnemonic> = (typeof INSTRUCTIONS)[M]['operands'];
/** One instruction in typed form, e.g. `{ mnemonic: 'ADDI', rd: 1, rs1: 0, imm: -5 }`. */
export type InstructionOf<M extends Mnemonic> = M extends Mnemonic
  ? { readonly mnemonic: M } & { readonly [O in keyof OperandsOf<M>]: OperandValue<OperandsOf<M>[O]> }
  : never;
export type Instruction = InstructionOf<Mnemonic>;

/** Width in bits of a format field. */
export function widthOf(field: FormatField): number {
  return field.high - field.low + 1;
}

/** The format field that carries an operand of an instruction; a defect of the table when it is missing. */
export function formatFieldOf(mnemonic: Mnemonic, operand: string): FormatField {
  const fields: readonly FormatField[] = FORMATS[INSTRUCTIONS[mnemonic].format];
  const field = fields.find((f) => f.name === operand);
  if (field === undefined) throw new Error(`format ${INSTRUCTIONS[mnemonic].format} of ${mnemonic} has no field ${operand}`);
  return field;
}
