/**
 * Encoder and decoder, derived from the instruction table. Every word decodes to one instruction or to none (illegal):
 * unknown opcode, non-zero reserved bit, unknown field or unit. Specification: docs/isa.md, section 3.
 */
import { fieldInfo, fieldOfCode } from './field-codes.ts';
import { unitOf } from './fields.ts';
import {
  formatFieldOf,
  INSTRUCTIONS,
  type Instruction,
  MNEMONICS,
  type Mnemonic,
  OPCODE_FIELD,
  type OperandType,
  widthOf,
} from './instructions.ts';

interface OperandLayout {
  readonly name: string;
  readonly type: OperandType;
  readonly low: number;
  readonly width: number;
}

interface Layout {
  readonly mnemonic: Mnemonic;
  readonly opcodeBits: number;
  readonly operands: readonly OperandLayout[];
  /** Bits that must be zero. */
  readonly reserved: number;
}

const LAYOUTS = {} as Record<Mnemonic, Layout>;
const BY_OPCODE: (Layout | undefined)[] = [];
for (const mnemonic of MNEMONICS) {
  const spec = INSTRUCTIONS[mnemonic];
  const operands = Object.entries(spec.operands).map(([name, type]): OperandLayout => {
    const field = formatFieldOf(mnemonic, name);
    return { name, type, low: field.low, width: widthOf(field) };
  });
  const used = operands.reduce((bits, o) => bits | ((2 ** o.width - 1) << o.low), 63 << OPCODE_FIELD.low);
  const layout = { mnemonic, opcodeBits: (spec.opcode << OPCODE_FIELD.low) >>> 0, operands, reserved: ~used >>> 0 };
  LAYOUTS[mnemonic] = layout;
  BY_OPCODE[spec.opcode] = layout;
}

/** Operand types and widths of an instruction in the order of the assembler's syntax. */
export function operandsOf(mnemonic: Mnemonic): readonly { readonly name: string; readonly type: OperandType; readonly width: number }[] {
  return LAYOUTS[mnemonic].operands;
}

/** Reserved bits of an instruction's word, as a mask. */
export function reservedBits(mnemonic: Mnemonic): number {
  return LAYOUTS[mnemonic].reserved;
}

/** Whether an operand's number is signed; `signedField` tells whether the field that a `fieldValue` goes to is. */
export function isSigned(type: OperandType, signedField: boolean): boolean {
  return type === 'signed' || type === 'offset' || (type === 'fieldValue' && signedField);
}

function rangeOf(width: number, signed: boolean): readonly [number, number] {
  return signed ? [-(2 ** (width - 1)), 2 ** (width - 1) - 1] : [0, 2 ** width - 1];
}

/**
 * The 32-bit word of an instruction, as an unsigned number.
 * @throws Error naming mnemonic and operand when a value does not fit.
 */
export function encode(instruction: Instruction): number {
  const layout = LAYOUTS[instruction.mnemonic];
  const values = instruction as unknown as Readonly<Record<string, number | string>>;
  let word = layout.opcodeBits;
  let signedField = false;
  for (const { name, type, low, width } of layout.operands) {
    let value = values[name];
    if (type === 'field') {
      const info = fieldInfo(value as Parameters<typeof fieldInfo>[0]);
      signedField = info.spec.signed === true;
      value = info.code;
    }
    const [least, most] = rangeOf(width, isSigned(type, signedField));
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw new Error(`${instruction.mnemonic}: ${name} is ${value}, expected an integer from ${least} to ${most}`);
    }
    if (type === 'unit' && unitOf(value) === undefined) throw new Error(`${instruction.mnemonic}: there is no unit ${value}`);
    word |= (value & (2 ** width - 1)) << low;
  }
  return word >>> 0;
}

/** The instruction of a 32-bit word; undefined for an illegal one. */
export function decode(word: number): Instruction | undefined {
  const layout = BY_OPCODE[word >>> OPCODE_FIELD.low];
  if (layout === undefined || (word & layout.reserved) !== 0) return undefined;
  const instruction: Record<string, number | string> = { mnemonic: layout.mnemonic };
  let signedField = false;
  for (const { name, type, low, width } of layout.operands) {
    const spare = 32 - width;
    const shifted = (word >>> low) << spare;
    const value = isSigned(type, signedField) ? shifted >> spare : shifted >>> spare;
    if (type === 'field') {
      const info = fieldOfCode(value);
      if (info === undefined) return undefined;
      signedField = info.spec.signed === true;
      instruction[name] = info.reference;
    } else {
      if (type === 'unit' && unitOf(value) === undefined) return undefined;
      instruction[name] = value;
    }
  }
  return instruction as unknown as Instruction;
}
