import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode, reservedBits } from './encode.ts';
import { fieldInfo } from './field-codes.ts';
import { MAX_CUS, UNIT_FIELDS, UNIT_ID_COUNT, UNIT_KINDS } from './fields.ts';
import {
  FORMATS,
  type FormatField,
  formatFieldOf,
  INSTRUCTIONS,
  type Instruction,
  MNEMONICS,
  OPCODE_FIELD,
  widthOf,
} from './instructions.ts';

/** Words typed from docs/isa.md, section 3, by hand. */
const GOLDEN: readonly (readonly [number, Instruction])[] = [
  [0x04221800, { mnemonic: 'ADD', rd: 1, rs1: 2, rs2: 3 }],
  [0x0bfee800, { mnemonic: 'SUB', rd: 31, rs1: 30, rs2: 29 }],
  [0x0c853000, { mnemonic: 'AND', rd: 4, rs1: 5, rs2: 6 }],
  [0x10e84800, { mnemonic: 'OR', rd: 7, rs1: 8, rs2: 9 }],
  [0x14211000, { mnemonic: 'SLL', rd: 1, rs1: 1, rs2: 2 }],
  [0x194b6000, { mnemonic: 'SRL', rd: 10, rs1: 11, rs2: 12 }],
  [0x2020ffff, { mnemonic: 'ADDI', rd: 1, rs1: 0, imm: -1 }],
  [0x24425678, { mnemonic: 'ORI', rd: 2, rs1: 2, imm: 0x5678 }],
  [0x28401234, { mnemonic: 'LUI', rd: 2, imm: 0x1234 }],
  [0x4020fffd, { mnemonic: 'BEQ', rs1: 1, rs2: 0, imm: -3 }],
  [0x44640002, { mnemonic: 'BNE', rs1: 3, rs2: 4, imm: 2 }],
  [0x48a67fff, { mnemonic: 'BLT', rs1: 5, rs2: 6, imm: 32767 }],
  [0x4ce88000, { mnemonic: 'BGE', rs1: 7, rs2: 8, imm: -32768 }],
  [0x53ffffff, { mnemonic: 'JMP', imm: -1 }],
  [0x61880064, { mnemonic: 'SETI', field: 'MAC.srcBase', imm: 100 }],
  [0x62418000, { mnemonic: 'SETI', field: 'VEC.clampLow', imm: -32768 }],
  [0x64087fff, { mnemonic: 'SETH', field: 'LDM.dramAddress', imm: 0x7fff }],
  [0x688a9000, { mnemonic: 'SET', field: 'LDW.line', rs1: 9 }],
  [0x81600000, { mnemonic: 'GO', unit: 11 }],
  [0x84000000, { mnemonic: 'END' }],
];

describe('the instruction table', () => {
  it.each(Object.entries(FORMATS))('format %s: fields are in order and own each bit once', (_name, fields) => {
    let free: number = OPCODE_FIELD.low;
    for (const field of fields as readonly FormatField[]) {
      expect(field.high).toBeLessThan(free);
      expect(field.low).toBeLessThanOrEqual(field.high);
      expect(field.low).toBeGreaterThanOrEqual(0);
      free = field.low;
    }
  });

  it.each(MNEMONICS)('%s: every bit is opcode, operand or reserved, exactly one of them', (mnemonic) => {
    const masks = [OPCODE_FIELD, ...Object.keys(INSTRUCTIONS[mnemonic].operands).map((name) => formatFieldOf(mnemonic, name))].map(
      (field) => (2 ** widthOf(field) - 1) * 2 ** field.low,
    );
    expect([...masks, reservedBits(mnemonic)].reduce((sum, mask) => sum + mask, 0)).toBe(2 ** 32 - 1);
  });

  it('gives each mnemonic its own opcode of 6 bits, never 0 or 63', () => {
    const opcodes = MNEMONICS.map((mnemonic) => INSTRUCTIONS[mnemonic].opcode as number);
    expect(new Set(opcodes).size).toBe(opcodes.length);
    for (const opcode of opcodes) {
      expect(opcode).toBeGreaterThan(0);
      expect(opcode).toBeLessThan(63);
    }
  });

  it('has room for the fields and units: 5 kinds, 64 fields a kind, 32 units, masks of one bit a unit', () => {
    expect(UNIT_KINDS).toEqual(['LDM', 'LDW', 'ST', 'MAC', 'VEC']);
    for (const kind of UNIT_KINDS) {
      const names = UNIT_FIELDS[kind].map((spec) => spec.name);
      expect(names.length).toBeLessThanOrEqual(64);
      expect(new Set(names).size).toBe(names.length);
      for (const spec of UNIT_FIELDS[kind]) {
        expect(spec.bits).toBeLessThanOrEqual(32);
        if ('transient' in spec) expect(spec.bits).toBe(UNIT_ID_COUNT);
        if (spec.name === 'outCus' || spec.name === 'cus') expect(spec.bits).toBe(MAX_CUS);
      }
    }
    expect(UNIT_ID_COUNT).toBeLessThanOrEqual(32);
  });

  it('numbers the fields as the manual says', () => {
    expect(fieldInfo('LDM.waitRead').code).toBe(0x000);
    expect(fieldInfo('LDW.cusPerSlot').code).toBe(0x049);
    expect(fieldInfo('ST.cu').code).toBe(0x08c);
    expect(fieldInfo('MAC.outWords').code).toBe(0x0e5);
    expect(fieldInfo('VEC.shiftOut').code).toBe(0x12a);
  });
});

describe('encode and decode', () => {
  it.each(GOLDEN.map(([word, instruction]) => [`0x${word.toString(16)}`, word, instruction] as const))('%s', (_hex, word, instruction) => {
    expect(decode(word)).toEqual(instruction);
    expect(encode(instruction)).toBe(word);
  });

  it('has a golden word for every mnemonic', () => {
    expect(new Set(GOLDEN.map(([, instruction]) => instruction.mnemonic))).toEqual(new Set(MNEMONICS));
  });

  it('decodes a word to one instruction, which encodes to that word, or to none', () => {
    const opcodes = MNEMONICS.map((mnemonic) => INSTRUCTIONS[mnemonic].opcode as number);
    const anyWord = fc
      .tuple(
        fc.oneof(fc.constantFrom(...opcodes), fc.integer({ min: 0, max: 63 })),
        fc.integer({ min: 0, max: 2 ** 26 - 1 }),
        fc.constantFrom(...MNEMONICS),
      )
      .map(([opcode, rest, mnemonic]) => ((opcode << 26) | (rest & ~reservedBits(mnemonic))) >>> 0);
    let legal = 0;
    fc.assert(
      fc.property(anyWord, (word) => {
        const instruction = decode(word);
        if (instruction === undefined) return;
        legal++;
        expect(encode(instruction)).toBe(word);
      }),
      { numRuns: 5000 },
    );
    expect(legal).toBeGreaterThan(500);
  });

  it.each(MNEMONICS)('%s: refuses each reserved bit', (mnemonic) => {
    const word = GOLDEN.find(([, instruction]) => instruction.mnemonic === mnemonic)![0];
    for (let bit = 0; bit < 32; bit++) {
      if ((reservedBits(mnemonic) >>> bit) & 1) expect(decode((word | (1 << bit)) >>> 0)).toBeUndefined();
    }
  });

  it('refuses unknown opcodes, fields and units, all zeros and all ones', () => {
    const opcodes = new Set<number>(MNEMONICS.map((mnemonic) => INSTRUCTIONS[mnemonic].opcode));
    for (let opcode = 0; opcode < 64; opcode++) if (!opcodes.has(opcode)) expect(decode((opcode << 26) >>> 0)).toBeUndefined();
    expect(decode(0)).toBeUndefined();
    expect(decode(0xffff_ffff)).toBeUndefined();
    expect(decode(0x80600000)).toBeUndefined(); // GO to reserved unit 3
    expect(decode(0x82800000)).toBeUndefined(); // GO to unit 20
    expect(decode(0x60000000 | (0x00e << 17))).toBeUndefined(); // LDM has 14 fields
    expect(decode(0x60000000 | (0x140 << 17))).toBeUndefined(); // unit kind 5
  });

  it('refuses operands that do not fit, naming them', () => {
    expect(() => encode({ mnemonic: 'ADD', rd: 32, rs1: 0, rs2: 0 })).toThrow('ADD: rd is 32, expected an integer from 0 to 31');
    expect(() => encode({ mnemonic: 'ADDI', rd: 0, rs1: 0, imm: 32768 })).toThrow(
      'ADDI: imm is 32768, expected an integer from -32768 to 32767',
    );
    expect(() => encode({ mnemonic: 'ORI', rd: 0, rs1: 0, imm: -1 })).toThrow('ORI: imm is -1');
    expect(() => encode({ mnemonic: 'SETI', field: 'MAC.iy0', imm: 65536 })).toThrow(
      'SETI: imm is 65536, expected an integer from -65536 to 65535',
    );
    expect(() => encode({ mnemonic: 'SETI', field: 'MAC.count', imm: -1 })).toThrow(
      'SETI: imm is -1, expected an integer from 0 to 131071',
    );
    expect(() => encode({ mnemonic: 'GO', unit: 3 })).toThrow('there is no unit 3');
  });
});
