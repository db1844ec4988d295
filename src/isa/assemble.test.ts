import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { assemble } from './assemble.ts';
import { disassemble } from './disassemble.ts';
import { decode } from './encode.ts';
import { INSTRUCTIONS, MNEMONICS } from './instructions.ts';

/** Random words, most of them legal: fields are filled at random, reserved bits are mostly 0. */
const anyWord = fc
  .tuple(fc.constantFrom(...MNEMONICS, undefined), fc.integer({ min: 0, max: 2 ** 26 - 1 }), fc.integer({ min: 0, max: 2 ** 26 - 1 }))
  .map(([mnemonic, rest, mask]) => {
    if (mnemonic === undefined) return (rest * 64 + (mask & 63)) >>> 0;
    const bits = mnemonic === 'JMP' || mnemonic === 'BEQ' ? rest & 0x3ff_001f : rest;
    for (const attempt of [bits, bits & mask, bits & 0x3ff_f800, bits & 0x3e0_0000, bits & 0x3e0_ffff, bits & 0x01f_7fff, 0]) {
      const word = ((INSTRUCTIONS[mnemonic].opcode << 26) | attempt) >>> 0;
      if (decode(word) !== undefined) return word;
    }
    return (INSTRUCTIONS[mnemonic].opcode << 26) >>> 0;
  });

describe('assemble and disassemble', () => {
  it('are inverse in both directions for any words, legal or not', () => {
    fc.assert(
      fc.property(fc.array(anyWord, { maxLength: 40 }), (list) => {
        const words = Uint32Array.from(list);
        const text = disassemble(words);
        expect(assemble(text)).toEqual(words);
        expect(disassemble(assemble(text))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('writes labels for targets inside the program and numbers for others', () => {
    const text = ['  ADDI r1, r0, 5', 'L1:', '  ADDI r1, r1, -1', '  BNE r1, r0, L1', '  JMP 9', '  .word 0x00000000', '  END', ''].join(
      '\n',
    );
    expect([...assemble(text)]).toEqual([0x20200005, 0x2021ffff, 0x4420fffe, 0x50000009, 0, 0x84000000]);
    expect(disassemble(assemble(text))).toBe(text);
  });

  it('puts the annotation before its instruction as comments that assemble to nothing', () => {
    const words = assemble('JMP 0\nEND');
    const text = disassemble(words, (index) => (index === 1 ? ['layer 0: the end'] : []));
    expect(text).toBe('  JMP L1\n; layer 0: the end\nL1:\n  END\n');
    expect(assemble(text)).toEqual(words);
  });

  it('takes comments, labels on lines of their own or before instructions, hex, lower case, any line ends', () => {
    const text =
      '; a comment\r\nstart: again:\r\n\tseti MAC.clampLow, -0x8000 ; note: one\n\n  go mac0\rSETI LDM.words, 0x1F\nbeq r0, r0, start\njmp again\nend';
    expect([...assemble(text)].map((word) => decode(word))).toEqual([
      { mnemonic: 'SETI', field: 'MAC.clampLow', imm: -32768 },
      { mnemonic: 'GO', unit: 4 },
      { mnemonic: 'SETI', field: 'LDM.words', imm: 31 },
      { mnemonic: 'BEQ', rs1: 0, rs2: 0, imm: -4 },
      { mnemonic: 'JMP', imm: -5 },
      { mnemonic: 'END' },
    ]);
    expect(assemble('')).toEqual(new Uint32Array(0));
  });

  it.each([
    ['END\nMOV r1, r2', "x.s:2: unknown instruction 'MOV', expected one of ADD SUB"],
    ['constructor', "x.s:1: unknown instruction 'constructor'"],
    ['ADD r1, r2', "x.s:1: ADD takes 3 operands, found 2; write 'ADD register, register, register'"],
    ['END 1', "x.s:1: END takes 0 operands, found 1; write 'END'"],
    ['ADD r1, r2, r32', "x.s:1: expected a register r0 to r31, found 'r32'"],
    ['ADDI r1, r2, 0x8000', 'x.s:1: 0x8000 is out of range, expected number from -32768 to 32767'],
    ['ADDI r1, r2, 1e3', "x.s:1: expected number (decimal or 0x…), found '1e3'"],
    ['ADDI r1, r2,', "x.s:1: expected number (decimal or 0x…), found ''"],
    ['SETI MAC.nothing, 1', "x.s:1: unknown field 'MAC.nothing', expected a descriptor field such as MAC.srcBase"],
    ['SETI MAC.count, 131072', 'x.s:1: 131072 is out of range, expected number from 0 to 131071'],
    ['SETH LDM.dramAddress, 32768', 'x.s:1: 32768 is out of range, expected number from 0 to 32767'],
    ['GO MAC', "x.s:1: unknown unit 'MAC', expected one of LDM LDW ST MAC0 VEC0"],
    ['BEQ r1, r2, there', "x.s:1: label 'there' is not defined"],
    ['a: END\na: END', "x.s:2: label 'a' is defined twice"],
    [`BEQ r1, r2, far\n${'END\n'.repeat(32768)}far: END`, "x.s:1: label 'far' is 32768 instructions away, BEQ reaches -32768 to 32767"],
    ['.word', 'x.s:1: .word takes one number'],
    ['.word 0x100000000', 'x.s:1: 0x100000000 is out of range, expected a 32-bit word from 0 to 4294967295'],
  ])('refuses %j', (text, message) => {
    expect(() => assemble(text, 'x.s')).toThrow(InputError);
    expect(() => assemble(text, 'x.s')).toThrow(message);
  });

  it('never fails otherwise than by InputError', () => {
    const fragment = fc.oneof(
      fc.constantFrom(...MNEMONICS, 'r1', ', ', 'MAC.count', '-1', ':', ';', '\n', '.word', 'L1', ' '),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 20 }), (fragments) => {
        try {
          assemble(fragments.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
