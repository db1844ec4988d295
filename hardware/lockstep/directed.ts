/**
 * Directed programs for lockstep: every instruction, and every line of the timing table (docs/microarchitecture.md, section 9) in a situation made for it.
 * Buffers begin as zeros in both machines, so that programs need not fill what they read.
 */
import { assemble } from '../../src/isa/assemble.ts';
import { UNIT_ID, VEC_OPS } from '../../src/isa/fields.ts';
import type { Machine } from '../../src/machine/machine.ts';
import type { Program } from '../../src/program/program.ts';
import { bits } from '../../src/simulator/descriptors.test-util.ts';
import { makeProgram, programOf, type Step } from '../../src/simulator/timing/programs.test-util.ts';
import { createRandom } from '../../src/util/random.ts';

export interface Directed {
  readonly name: string;
  readonly program: Program;
}

const { LDM, LDW, ST } = UNIT_ID;
const [MAC0, VEC0, MAC1, VEC1] = [UNIT_ID.mac(0), UNIT_ID.vec(0), UNIT_ID.mac(1), UNIT_ID.vec(1)];
const DATA_WORDS = 16384;

/** Every instruction; results leave as addresses and sizes of loads, and as what is stored of them. */
const ALL_INSTRUCTIONS = `
  ADDI r1, r0, 100
  ADDI r2, r0, -3
  ADD r3, r1, r2        ; 97
  SUB r4, r1, r2        ; 103
  AND r5, r3, r4        ; 97
  OR r6, r3, r4         ; 103
  LUI r7, 0xfff0
  ORI r7, r7, 0x0001
  SRL r8, r7, r2        ; by 29: 7
  SLL r9, r1, r8        ; 12800
  SLL r10, r7, r1       ; by 4
  ADD r0, r1, r1        ; no effect
  SET LDM.dramAddress, r9
  SET LDM.words, r3
  SET LDM.base, r4
  SET LDM.offset, r5
  SETI LDM.rows, 2
  SET LDM.step, r1
  SET LDM.dramStep, r6
  SETI LDM.cus, 1
  SETI LDM.signalWrite, 4
  GO LDM
  BLT r2, r0, less      ; taken: -3 < 0
  .word 0
less:
  BLT r0, r2, wrong
  BGE r2, r0, wrong
  BGE r0, r0, equal
  .word 0xffffffff
equal:
  BEQ r0, r1, wrong
  BNE r0, r0, wrong
  BNE r7, r0, loop
wrong:
  END
loop:
  ADD r11, r11, r8
  ADDI r1, r1, -10
  BNE r1, r0, loop      ; ten times: r11 = 70
  BEQ r11, r11, last
last:
  JMP store
  .word 0
store:
  SETI ST.dramAddress, 72
  SETH ST.dramAddress, 1
  SET ST.base, r4
  SETI ST.words, 40
  SET ST.words, r11
  SETI ST.rows, 3
  SETI ST.step, 101
  SETI ST.dramStep, 75
  SETI ST.waitWrite, 1
  GO ST
  SETI LDM.dramAddress, 0x1ffff
  SETI LDM.dramAddress, 640
  SETH LDM.ring, 1
  SETI LDM.ring, 0
  SETI LDM.base, 30000
  GO LDM                ; transient masks are 0 again
  END
`;

function withData(program: Program, seed: number): Program {
  const random = createRandom(seed);
  const words = Int16Array.from({ length: DATA_WORDS }, () => random.integer(-32768, 32767));
  const codeAddress = DATA_WORDS;
  return { ...program, codeAddress, dramWords: 2 ** 18, segments: [{ name: 'data', address: 0, words }] };
}

/** Programs by what they are for. */
export function directedPrograms(machine: Machine): Directed[] {
  const programs: Directed[] = [];
  const add = (name: string, steps: readonly Step[]): void => {
    programs.push({ name, program: withData(makeProgram(steps, machine), programs.length + 1) });
  };
  const assembled = (name: string, text: string): void => {
    programs.push({ name, program: withData(programOf(assemble(text), machine), programs.length + 1) });
  };
  const { queueDepth } = machine;
  const output = 40_000;
  const dump = (cu: number, words: number, base = 0): Step => ({
    unit: ST,
    fields: { cu, base, words, dramAddress: output, dramStep: 0, rows: 1 },
  });
  const wait = (step: Step, ...units: number[]): Step => ({ ...step, fields: { ...step.fields, waitWrite: bits(...units) } });
  const maps = (words: number, to: number, cus = 1): Step => ({ unit: LDM, fields: { dramAddress: 0, words, cus, signalWrite: to } });
  const weights = (lines: number, to: number, images = 4): Step => ({
    unit: LDW,
    fields: { dramAddress: 4096, lines, images, signalWrite: to },
  });

  assembled('every instruction', ALL_INSTRUCTIONS);
  assembled('END alone', 'END');
  const filler = (count: number): string => 'ADDI r2, r2, 1\n'.repeat(count);
  assembled(
    'T1: code longer than the instruction buffer',
    `${filler(1500)}SETI LDM.words, 5\nSETI LDM.rows, 1\nSETI LDM.cus, 1\nGO LDM\nEND`,
  );
  assembled(
    'T1: branches to every place of a line, near and far',
    Array.from({ length: 24 }, (_, i) => `JMP L${i}\n${filler(i * 3)}L${i}: ADDI r1, r1, 1`)
      .join('\n')
      .concat('\nEND'),
  );
  assembled('T1: a loop over a line and a branch back', `ADDI r1, r0, 6\nL: ${filler(11)}ADDI r1, r1, -1\nBNE r1, r0, L\nEND`);
  add('T2: a full queue', [
    { unit: LDM, fields: { words: 4000, signalWrite: bits(MAC0) } },
    wait({ unit: MAC0, fields: {} }, LDM),
    ...Array.from({ length: queueDepth + 5 }, (_, i): Step => ({ unit: MAC0, fields: { outBase: 4096 + 16 * i, count: 3 } })),
  ]);
  // The line behind the GO that waits, of the same burst, comes while it waits.
  const before = [
    'SETI LDM.words, 4000',
    'SETI LDM.rows, 1',
    'SETI LDM.cus, 1',
    'SETI LDW.lines, 1',
    'SETI LDW.images, 4',
    'SETI LDW.cusPerSlot, 1',
  ];
  before.push('GO LDM', 'SETI LDM.words, 16', ...Array.from({ length: queueDepth }, () => 'GO LDM'), 'JMP full', '.word 0');
  while (before.length % 16 !== 7) before.push('.word 0');
  assembled('T2: a full queue at the end of a line', `${before.join('\n')}\nfull: GO LDM\nGO LDW\nADDI r1, r1, 1\nGO LDW\nEND`);
  add('T3: tokens of both kinds, a unit to itself', [
    maps(300, bits(VEC0, LDM)),
    wait({ unit: LDM, fields: { base: 100, words: 50, signalRead: bits(VEC0) } }, LDM),
    wait({ unit: VEC0, fields: { waitRead: bits(LDM), outBase: 512, signalRead: bits(ST), signalWrite: bits(VEC0) } }, LDM),
    wait({ unit: VEC0, fields: { srcBase: 512, outBase: 600, signalWrite: bits(ST) } }, VEC0),
    wait({ ...dump(0, 700), fields: { ...dump(0, 700).fields, waitRead: bits(VEC0) } }, VEC0),
  ]);
  add(
    'T3: preparation of short descriptors',
    Array.from({ length: 6 }, (_, i): Step[] => [
      { unit: MAC0, fields: { outBase: 256 + 16 * i } },
      { unit: VEC0, fields: { outBase: 512 + 16 * i } },
    ]).flat(),
  );
  for (const lanes of [1, 2, 4, 8, 16]) {
    add(`T4, T5, T6: windows of ${lanes} lanes per output, short and long`, [
      maps(2000, bits(MAC0)),
      weights(24, bits(MAC0)),
      wait(
        {
          unit: MAC0,
          fields: {
            lanes,
            outWords: 64 / lanes,
            words: 7,
            tapStep: 7,
            colStep: 7,
            kernelW: 3,
            outWidth: 9,
            count: 20,
            outBase: 8192,
            outColStep: 64 / lanes,
            outRowStep: 640,
            rowStep: 70,
          },
        },
        LDM,
        LDW,
      ),
      {
        unit: MAC0,
        fields: {
          lanes,
          outWords: Math.ceil(40 / lanes),
          words: lanes,
          tapStep: lanes,
          colStep: 16,
          outWidth: 30,
          count: 30,
          outBase: 16384,
          outColStep: 64,
          signalWrite: bits(ST),
        },
      },
      wait(dump(0, 12000, 8192), MAC0),
    ]);
  }
  add('T5: windows clipped to nothing', [
    {
      unit: MAC0,
      fields: {
        lanes: 4,
        outWords: 16,
        iy0: -2,
        ix0: -2,
        kernelH: 3,
        kernelW: 3,
        tapStep: 16,
        inHeight: 1,
        inWidth: 1,
        outWidth: 5,
        count: 20,
        outBase: 256,
        outColStep: 16,
        outRowStep: 80,
        signalWrite: bits(ST),
      },
    },
    {
      unit: VEC0,
      fields: {
        iy0: -2,
        ix0: -2,
        kernelH: 3,
        kernelW: 3,
        inHeight: 1,
        inWidth: 1,
        outWidth: 5,
        count: 20,
        outBase: 1256,
        outColStep: 16,
        outRowStep: 80,
        signalWrite: bits(ST),
      },
    },
    wait(dump(0, 1700, 0), MAC0, VEC0),
  ]);
  add('depthwise', [
    maps(4096, bits(MAC0)),
    weights(13, bits(MAC0)),
    wait(
      {
        unit: MAC0,
        fields: {
          lanes: 1,
          depthwise: 1,
          words: 64,
          outWords: 64,
          kernelH: 3,
          kernelW: 3,
          tapStep: 64,
          colStep: 64,
          rowStep: 640,
          kRowStep: 640,
          outWidth: 4,
          count: 10,
          outBase: 8192,
          outColStep: 64,
          outRowStep: 256,
          signalWrite: bits(ST),
        },
      },
      LDM,
      LDW,
    ),
    wait(dump(0, 800, 8192), MAC0),
  ]);
  if (machine.computeUnits > 1) {
    const all = 2 ** machine.computeUnits - 1;
    add('T7 to T11: results of all units on the bus, credits run out', [
      ...Array.from({ length: machine.computeUnits }, (_, cu): Step[] => [
        {
          unit: UNIT_ID.mac(cu),
          fields: {
            lanes: 1,
            outWords: 64,
            outCus: all,
            words: 2,
            tapStep: 2,
            outWidth: 40,
            count: 40,
            outBase: 4096 * (cu + 1),
            outColStep: 64,
            signalRead: bits(ST),
            signalWrite: bits(ST),
          },
        },
        {
          unit: UNIT_ID.vec(cu),
          fields: {
            outCus: all,
            words: 48,
            outWidth: 20,
            count: 20,
            outBase: 4096 * (cu + 1) + 2600,
            outColStep: 48,
            signalWrite: bits(ST),
          },
        },
      ]).flat(),
      wait(dump(0, 20000, 0), MAC0, VEC0, MAC1, VEC1),
    ]);
    add('T9: own results against loads and stores at port B', [
      { unit: MAC0, fields: { lanes: 1, outWords: 64, words: 2, tapStep: 2, outWidth: 60, count: 60, outBase: 8192, outColStep: 64 } },
      { unit: VEC0, fields: { words: 40, outWidth: 30, count: 30, outBase: 16384, outColStep: 48, colStep: 48 } },
      { unit: LDM, fields: { words: 3000, base: 30000 } },
      dump(0, 3000, 0),
    ]);
  }
  for (const [name, op] of [...Object.entries(VEC_OPS), ['mul by a complement', VEC_OPS.mul]] as const) {
    const [kernelH, kernelW] = op === 0 ? [3, 2] : [1, 1];
    add(`T12 to T14: VEC ${name}`, [
      maps(4000, bits(VEC0)),
      { unit: LDM, fields: { dramAddress: 8192, words: 1024, space: 1, signalWrite: bits(VEC0) } },
      // Takes the second token.
      wait({ unit: VEC0, fields: { words: 1 } }, LDM),
      wait(
        {
          unit: VEC0,
          fields: {
            op,
            kernelH,
            kernelW,
            words: 41,
            colStep: 41,
            rowStep: 410,
            kRowStep: 410,
            tapStep: 41,
            outWidth: 9,
            count: 20,
            src2Base: 2000,
            src2ColStep: 41,
            src2RowStep: 400,
            ...(op === 0 ? { shiftA: 2 } : { shiftB: name === 'mul' ? 0 : 2 }),
            shiftSum: op === VEC_OPS.addTable ? 3 : 0,
            shiftOut: 5,
            outBase: 8192,
            outColStep: 41,
            outRowStep: 400,
            clampLow: -9000,
            clampHigh: 30000,
            signalWrite: bits(ST),
          },
        },
        LDM,
      ),
      wait(dump(0, 1300, 8192), VEC0),
    ]);
  }
  add('T15, T16: loads by words, lines and ports', [
    { unit: LDM, fields: { dramAddress: 3, words: 1, base: 5 } },
    { unit: LDM, fields: { dramAddress: 61, dramStep: 67, rows: 9, words: 35, base: 100, step: 40, signalWrite: bits(ST) } },
    {
      unit: LDM,
      fields: { dramAddress: 64, dramStep: 256, rows: 8, words: 64, base: 1000, ring: 512, offset: 128, step: 64, signalWrite: bits(ST) },
    },
    {
      unit: LDW,
      fields: { dramAddress: 16, lines: 3, images: machine.computeUnits > 1 ? 7 : 3, line: 1022, cusPerSlot: 1, firstImage: 1 },
    },
    { unit: LDW, fields: { dramAddress: 160, lines: 1, images: 4, line: 7, cusPerSlot: machine.computeUnits } },
    wait({ unit: ST, fields: { dramAddress: output, words: 10 } }, LDM),
    wait(dump(0, 1600, 0), LDM),
  ]);
  add('T17, T18: stores by words, lines and ports', [
    maps(2000, bits(ST)),
    wait({ unit: ST, fields: { dramAddress: output + 3, words: 1, base: 9 } }, LDM),
    { unit: ST, fields: { dramAddress: output + 61, dramStep: 67, rows: 9, words: 35, base: 100, step: 41 } },
    {
      unit: ST,
      fields: {
        dramAddress: output + 2048,
        dramStep: 256,
        rows: 8,
        words: 64,
        base: 1000,
        ring: 512,
        offset: 128,
        step: 64,
        signalRead: bits(LDM),
        signalWrite: bits(LDM),
      },
    },
    wait({ unit: LDM, fields: { dramAddress: output, words: 700, base: 5000, waitRead: bits(ST), signalWrite: bits(ST) } }, ST),
    wait({ unit: ST, fields: { dramAddress: output + 5000, words: 700, base: 5000 } }, LDM),
  ]);
  add('T19: END long before the work is done', [
    { unit: LDM, fields: { words: 8000 } },
    { unit: ST, fields: { dramAddress: output, words: 8000, base: 10_000 } },
  ]);
  const looked = (i: number): Step['fields'] => ({
    ...{ op: VEC_OPS.addTable, words: 40 - i, colStep: 40, src2Base: 2000, src2ColStep: 40, shiftA: i % 3, shiftSum: 1, shiftOut: 7 },
    ...{ outWidth: 5, count: 5, outBase: 8192 + 200 * i, outColStep: 40 },
  });
  add('T13: sums for look-ups while loads take port B: chunks begin in any cycle, but not their work', [
    maps(4000, bits(VEC0)),
    { unit: LDM, fields: { dramAddress: 8192, words: 1024, space: 1, signalWrite: bits(VEC0) } },
    { unit: LDM, fields: { base: 20000, words: DATA_WORDS } },
    wait({ unit: VEC0, fields: { words: 1 } }, LDM),
    wait({ unit: VEC0, fields: looked(0) }, LDM),
    ...Array.from({ length: 11 }, (_, i) => ({ unit: VEC0, fields: { ...looked(i + 1), ...(i === 10 ? { signalWrite: bits(ST) } : {}) } })),
    wait(dump(0, 2400, 8192), VEC0),
  ]);
  return programs;
}
