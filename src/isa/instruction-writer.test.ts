import { describe, expect, it } from 'vitest';
import { decode } from './encode.ts';
import { zeroDescriptor } from './field-codes.ts';
import { UNIT_ID } from './fields.ts';
import { InstructionWriter } from './instruction-writer.ts';

function listing(writer: InstructionWriter): unknown[] {
  return [...writer.instructions()].map((word) => decode(word));
}

describe('InstructionWriter', () => {
  it('writes only the fields that changed, transient ones from 0', () => {
    const writer = new InstructionWriter();
    const mac = { ...zeroDescriptor('MAC'), srcBase: 100, waitWrite: 1 };
    expect(writer.go(UNIT_ID.mac(0), mac)).toBe(2);
    expect(writer.go(UNIT_ID.mac(1), mac)).toBe(4);
    expect(writer.go(UNIT_ID.mac(1), { ...mac, waitWrite: 0 })).toBe(5);
    expect(writer.end()).toBe(6);
    expect(listing(writer)).toEqual([
      { mnemonic: 'SETI', field: 'MAC.waitWrite', imm: 1 },
      { mnemonic: 'SETI', field: 'MAC.srcBase', imm: 100 },
      { mnemonic: 'GO', unit: 4 },
      { mnemonic: 'SETI', field: 'MAC.waitWrite', imm: 1 },
      { mnemonic: 'GO', unit: 6 },
      { mnemonic: 'GO', unit: 6 },
      { mnemonic: 'END' },
    ]);
  });

  it('splits wide values, and writes the upper part alone when the lower one stays', () => {
    const writer = new InstructionWriter();
    writer.go(UNIT_ID.LDM, { ...zeroDescriptor('LDM'), dramAddress: 0xfffe_0005 });
    writer.go(UNIT_ID.LDM, { ...zeroDescriptor('LDM'), dramAddress: 0x0002_0005 });
    writer.go(UNIT_ID.LDM, { ...zeroDescriptor('LDM'), dramAddress: 0x0000_0005 });
    expect(listing(writer)).toEqual([
      { mnemonic: 'SETI', field: 'LDM.dramAddress', imm: 5 },
      { mnemonic: 'SETH', field: 'LDM.dramAddress', imm: 0x7fff },
      { mnemonic: 'GO', unit: 0 },
      { mnemonic: 'SETH', field: 'LDM.dramAddress', imm: 1 },
      { mnemonic: 'GO', unit: 0 },
      { mnemonic: 'SETI', field: 'LDM.dramAddress', imm: 5 },
      { mnemonic: 'GO', unit: 0 },
    ]);
  });

  it('takes small negative values of signed fields in one instruction', () => {
    const writer = new InstructionWriter();
    writer.go(UNIT_ID.vec(0), { ...zeroDescriptor('VEC'), srcColumn: -65536 });
    writer.go(UNIT_ID.vec(0), { ...zeroDescriptor('VEC'), srcColumn: -65537 });
    expect(listing(writer)).toEqual([
      { mnemonic: 'SETI', field: 'VEC.srcColumn', imm: -65536 },
      { mnemonic: 'GO', unit: 5 },
      { mnemonic: 'SETI', field: 'VEC.srcColumn', imm: 65535 },
      { mnemonic: 'SETH', field: 'VEC.srcColumn', imm: 0x7fff },
      { mnemonic: 'GO', unit: 5 },
    ]);
  });

  it('refuses values that do not fit, naming the field, and writes nothing then', () => {
    const writer = new InstructionWriter();
    const ldw = zeroDescriptor('LDW');
    expect(() => writer.go(UNIT_ID.LDW, { ...ldw, lines: 65536 })).toThrow(
      'LDW: field lines is 65536, expected an integer from 0 to 65535',
    );
    expect(() => writer.go(UNIT_ID.LDW, { ...ldw, line: 0.5 })).toThrow('field line is 0.5');
    expect(() => writer.go(UNIT_ID.mac(2), ldw as never)).toThrow('MAC2: field srcBase is undefined');
    expect(() => writer.go(3, ldw)).toThrow('there is no unit 3');
    expect(writer.length).toBe(0);
  });
});
