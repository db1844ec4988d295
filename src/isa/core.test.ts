import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from './assemble.ts';
import { DEFAULT_CORE_LIMITS, traceCore } from './core.ts';
import { fieldRange, zeroDescriptor } from './field-codes.ts';
import { type Descriptor, UNIT_FIELDS, UNIT_ID_COUNT, type UnitKind, unitOf } from './fields.ts';
import { InstructionWriter } from './instruction-writer.ts';

const trace = (text: string, limits = DEFAULT_CORE_LIMITS) => traceCore(assemble(text), limits);

/** Value of r1 after a fragment, seen through a 32-bit unsigned field. */
function r1After(fragment: string): number {
  const [go] = trace(`${fragment}\nSET LDM.dramAddress, r1\nGO LDM\nEND`).dispatches;
  return (go.descriptor as Descriptor<'LDM'>).dramAddress;
}

describe('register instructions', () => {
  it.each([
    ['ADDI r1, r0, -1', 0xffff_ffff],
    ['ADDI r1, r0, 32767', 32767],
    ['ORI r1, r0, 0xffff', 0xffff],
    ['LUI r1, 0x8000', 0x8000_0000],
    ['LUI r2, 0x1234\nORI r1, r2, 0x5678', 0x1234_5678],
    ['LUI r2, 0x8000\nADD r1, r2, r2', 0],
    ['ADDI r2, r0, 5\nADDI r3, r0, 7\nSUB r1, r2, r3', 0xffff_fffe],
    ['ORI r2, r0, 12\nORI r3, r0, 10\nAND r1, r2, r3', 8],
    ['ORI r2, r0, 12\nORI r3, r0, 10\nOR r1, r2, r3', 14],
    ['ADDI r2, r0, -1\nADDI r3, r0, 36\nSLL r1, r2, r3', 0xffff_fff0],
    ['ADDI r2, r0, -1\nADDI r3, r0, 36\nSRL r1, r2, r3', 0x0fff_ffff],
    ['ADDI r0, r0, 9\nADD r1, r0, r0', 0],
  ])('%s', (fragment, expected) => {
    expect(r1After(fragment)).toBe(expected);
  });

  it.each([
    ['BEQ', 1, 1, true],
    ['BEQ', 1, 2, false],
    ['BNE', 1, 2, true],
    ['BNE', 1, 1, false],
    ['BLT', -1, 1, true],
    ['BLT', 1, -1, false],
    ['BLT', 1, 1, false],
    ['BGE', 1, 1, true],
    ['BGE', 1, -1, true],
    ['BGE', -1, 1, false],
  ])('%s %i, %i: %s', (mnemonic, a, b, taken) => {
    const value = r1After(`ADDI r2, r0, ${a}\nADDI r3, r0, ${b}\n${mnemonic} r2, r3, skip\nADDI r1, r0, 1\nskip:`);
    expect(value).toBe(taken ? 0 : 1);
  });
});

describe('fields and GO', () => {
  it('keeps fields from one GO to the next and clears the transient ones', () => {
    const { dispatches } = trace('SETI ST.rows, 3\nSETI ST.waitRead, 16\nGO ST\nSETI ST.words, 4\nGO ST\nEND');
    expect(dispatches.map((d) => d.descriptor)).toEqual([
      { ...zeroDescriptor('ST'), rows: 3, waitRead: 16 },
      { ...zeroDescriptor('ST'), rows: 3, words: 4 },
    ]);
    expect(dispatches.map((d) => [d.unitId, d.kind, d.cu, d.instructionIndex])).toEqual([
      [2, 'ST', -1, 2],
      [2, 'ST', -1, 4],
    ]);
  });

  it('shares the field registers of a kind between its units', () => {
    const { dispatches } = trace('SETI MAC.count, 7\nGO MAC0\nGO MAC3\nEND');
    expect(dispatches.map((d) => [d.unitId, d.kind, d.cu, (d.descriptor as Descriptor<'MAC'>).count])).toEqual([
      [4, 'MAC', 0, 7],
      [10, 'MAC', 3, 7],
    ]);
  });

  it('truncates what is written to the width, and reads signed fields back sign-extended', () => {
    const { dispatches } = trace(`
      SETI MAC.lanes, 33          ; 5 bits
      SETI MAC.clampLow, -32768
      LUI r1, 0xffff
      SET MAC.clampHigh, r1       ; low 16 bits are 0
      SETI MAC.iy0, 65535
      SETI MAC.srcColumn, -1
      SETH MAC.srcColumn, 0x7ff8  ; bits 19:17 become 0
      SETI MAC.srcBase, 0x1ffff
      SETH MAC.srcBase, 0x7fff
      GO MAC0
      END`);
    expect(dispatches[0].descriptor).toEqual({
      ...zeroDescriptor('MAC'),
      lanes: 1,
      clampLow: -32768,
      iy0: 65535,
      srcColumn: 0x1ffff,
      srcBase: 0xfffff,
    });
  });

  it('zeroes the upper bits of an unsigned field by SETI', () => {
    const { dispatches } = trace('SETI LDM.dramAddress, 1\nSETH LDM.dramAddress, 3\nGO LDM\nSETI LDM.dramAddress, 2\nGO LDM\nEND');
    expect(dispatches.map((d) => (d.descriptor as Descriptor<'LDM'>).dramAddress)).toEqual([3 * 2 ** 17 + 1, 2]);
  });
});

describe('runs', () => {
  it('splits at GO and at taken branches, not at branches that fall through', () => {
    const { dispatches, tail, steps } = trace(`
          ADDI r1, r0, 2     ; 0
    loop: ADDI r1, r1, -1    ; 1
          BNE r1, r0, loop   ; 2 taken once
          GO LDM             ; 3
          GO LDM             ; 4
          JMP over           ; 5
          ADD r0, r0, r0     ; 6
    over: END                ; 7`);
    expect(dispatches.map((d) => d.runs)).toEqual([
      [
        { startIndex: 0, length: 3 },
        { startIndex: 1, length: 3 },
      ],
      [{ startIndex: 4, length: 1 }],
    ]);
    expect(tail).toEqual([
      { startIndex: 5, length: 1 },
      { startIndex: 7, length: 1 },
    ]);
    expect(steps).toBe(9);
  });

  it('counts a branch to the next instruction as taken', () => {
    expect(trace('JMP 0\nEND').tail).toEqual([
      { startIndex: 0, length: 1 },
      { startIndex: 1, length: 1 },
    ]);
  });

  it('adds up to the executed instructions', () => {
    const { dispatches, tail, steps } = trace('ADDI r1, r0, 50\nloop: GO MAC0\nADDI r1, r1, -1\nBNE r1, r0, loop\nEND');
    const lengths = [...dispatches.flatMap((d) => d.runs), ...tail].map((run) => run.length);
    expect(lengths.reduce((a, b) => a + b, 0)).toBe(steps);
    expect(steps).toBe(1 + 3 * 50 + 1);
  });
});

describe('errors', () => {
  it.each([
    ['.word 0', 'instruction 0 (.word 0x00000000): illegal instruction'],
    ['ADDI r1, r0, 1', 'instruction 0 (ADDI r1, r0, 1): the program counter leaves the program: 1, expected 0 to 0; is an END missing?'],
    ['JMP -2\nEND', 'instruction 0 (JMP -2): the program counter leaves the program: -1'],
    ['JMP 1\nEND', 'instruction 0 (JMP 1): the program counter leaves the program: 2'],
    ['GO VEC2\nEND', 'instruction 0 (GO VEC2): the machine has 2 compute units and no unit VEC2'],
    ['loop: JMP loop', 'instruction 0 (JMP -1): no END after 101 instructions'],
    ['', 'the program is empty'],
  ])('%s', (text, message) => {
    expect(() => trace(text, { computeUnits: 2, maxSteps: 100 })).toThrow(expect.objectContaining({ name: 'JobError' }));
    expect(() => trace(text, { computeUnits: 2, maxSteps: 100 })).toThrow(message);
  });
});

it('gives back every descriptor that the instruction writer sent', () => {
  const unitIds = Array.from({ length: UNIT_ID_COUNT }, (_, id) => id).filter((id) => unitOf(id) !== undefined);
  const descriptorOf = (kind: UnitKind) =>
    fc.record(
      Object.fromEntries(
        UNIT_FIELDS[kind].map((spec) => {
          const { low, high } = fieldRange(spec);
          return [spec.name, fc.oneof(fc.constantFrom(low, high, 0), fc.integer({ min: low, max: high }))];
        }),
      ),
    );
  const dispatch = fc
    .constantFrom(...unitIds)
    .chain((unitId) => descriptorOf(unitOf(unitId)!.kind).map((descriptor) => ({ unitId, descriptor: { ...descriptor } })));
  fc.assert(
    fc.property(fc.array(dispatch, { maxLength: 12 }), (sent) => {
      const writer = new InstructionWriter();
      const indices = sent.map(({ unitId, descriptor }) => writer.go(unitId, descriptor as never));
      writer.end();
      const { dispatches } = traceCore(writer.instructions());
      expect(dispatches.map(({ unitId, descriptor }) => ({ unitId, descriptor }))).toEqual(sent);
      expect(dispatches.map((d) => d.instructionIndex)).toEqual(indices);
    }),
    { numRuns: 200 },
  );
});
