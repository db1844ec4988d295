/**
 * Fault injection: programs and buses that go wrong, and what the RTL must say. Whatever happens, nothing hangs, nothing outside the window is written, and
 * after a soft reset a right program runs as on the first day. Documentation: hardware/README.md, "Errors".
 */
import { encode, reservedBits } from '../../src/isa/encode.ts';
import { zeroDescriptor } from '../../src/isa/field-codes.ts';
import { type Descriptor, UNIT_ID, type UnitKind, unitOf } from '../../src/isa/fields.ts';
import { InstructionWriter } from '../../src/isa/instruction-writer.ts';
import { INSTRUCTIONS } from '../../src/isa/instructions.ts';
import { LINE_BYTES, type Machine } from '../../src/machine/machine.ts';
import type { Program } from '../../src/program/program.ts';
import { type Cause, type RtlOptions, type RtlResult, runRtl } from '../../src/runtime/rtl-run.ts';
import { createDramImage } from '../../src/simulator/data/dram-image.ts';
import { programOf as makeProgram } from '../../src/simulator/timing/programs.test-util.ts';
import { createRandom } from '../../src/util/random.ts';
import { compareRun, expectRun } from './lockstep.ts';
import { randomProgram } from './random-program.ts';

export interface Fault {
  readonly name: string;
  readonly program: Program;
  readonly options: RtlOptions;
  /** What must be read from the registers; undefined: any end, a program that runs on included. */
  readonly expected?: { readonly cause: Cause; readonly unit?: number; readonly detail?: number; readonly pc?: number };
}

const GUARD_WORDS = 1 << 15;
const WATCHDOG = 3000;
/** Engines as sf_types_pkg.sv numbers them. */
const ENGINE = { fetch: 0, ST: 1, LDM: 2, LDW: 3 } as const;

type Step = readonly [unit: number, fields: Readonly<Record<string, number>>];

/** A straight program of descriptors, code behind `dataWords` words of data. */
function programOf(machine: Machine, steps: readonly Step[], dataWords = 4096, instructions?: Uint32Array): Program {
  const writer = new InstructionWriter();
  for (const [unit, fields] of steps) {
    const { kind } = unitOf(unit)!;
    writer.go(unit, { ...zeroDescriptor(kind), ...fields } as Descriptor<UnitKind>);
  }
  if (instructions === undefined) writer.end();
  const code = instructions ?? writer.instructions();
  return { ...makeProgram(code, machine, 0), name: 'fault', codeAddress: dataWords, dramWords: dataWords + 2 * code.length };
}

/** The program with word `index` replaced. */
function corrupt(program: Program, index: number, word: number): Program {
  const instructions = program.instructions.slice();
  instructions[index] = word;
  return { ...program, instructions };
}

function illegalWords(machine: Machine): [string, number][] {
  const words: [string, number][] = [
    ['all zero', 0],
    ['all ones', 0xffffffff],
    ['a unit that no machine has', encode({ mnemonic: 'GO', unit: 4 }) - (4 << 21) + (3 << 21)],
    ['a unit that this machine lacks', encode({ mnemonic: 'GO', unit: UNIT_ID.mac(7) })],
    ['a field that does not exist', (INSTRUCTIONS.SETI.opcode << 26) | (63 << 17)],
    ['a kind of unit that does not exist', (INSTRUCTIONS.SETI.opcode << 26) | (5 << 23)],
  ];
  if (machine.computeUnits === 8) words.splice(3, 1);
  for (const mnemonic of ['ADD', 'LUI', 'SETH', 'SET', 'GO', 'END'] as const) {
    const bits = reservedBits(mnemonic);
    const base = (INSTRUCTIONS[mnemonic].opcode << 26) >>> 0;
    words.push(
      [`${mnemonic} with a reserved bit`, (base | (bits & -bits)) >>> 0],
      [`${mnemonic} with all reserved bits`, (base | bits) >>> 0],
    );
  }
  const used = new Set<number>(Object.values(INSTRUCTIONS).map(({ opcode }) => opcode));
  for (let opcode = 0; opcode < 64; opcode++) if (!used.has(opcode)) words.push([`opcode ${opcode}`, (opcode << 26) >>> 0]);
  return words;
}

/** The documented faults. */
export function directedFaults(machine: Machine): Fault[] {
  const straight = randomProgram({ seed: 1, machine, steps: 6, kinds: ['LDM', 'LDW', 'ST'], straight: true });
  const faults: Fault[] = [];
  const middle = Math.floor(straight.instructions.length / 2);
  for (const [name, word] of illegalWords(machine)) {
    faults.push({
      name: `illegal: ${name}`,
      program: corrupt(straight, middle, word),
      options: {},
      expected: { cause: 'illegal', pc: middle },
    });
  }

  // Bus errors: the first burst is the first fetch.
  for (const response of [2, 3]) {
    for (const stress of [0, 7]) {
      const word = `${response === 2 ? 'SLVERR' : 'DECERR'}${stress === 0 ? '' : ', unruly bus'}`;
      for (const readError of [0, 3, 8, 40]) {
        faults.push({
          name: `${word} on read ${readError}`,
          program: straight,
          options: { readError, response, stress },
          expected: { cause: 'axiRead' },
        });
      }
      for (const writeError of [0, 5]) {
        faults.push({
          name: `${word} on write ${writeError}`,
          program: straight,
          options: { writeError, response, stress },
          expected: { cause: 'axiWrite' },
        });
      }
    }
  }

  // Out of the window. Code and data lie below its end, which the guard words follow.
  const outside = (name: string, unit: number, fields: Readonly<Record<string, number>>, engine: number, line: number): void => {
    faults.push({
      name: `window: ${name}`,
      program: programOf(machine, [[unit, fields]]),
      options: {},
      expected: { cause: 'window', unit: engine, detail: line },
    });
  };
  const far = 2 ** 20;
  outside('LDM', UNIT_ID.LDM, { dramAddress: far, rows: 1, words: 16, cus: 1 }, ENGINE.LDM, far / 16);
  outside('second run of LDM', UNIT_ID.LDM, { dramAddress: 0, dramStep: far, rows: 2, words: 16, cus: 1 }, ENGINE.LDM, far / 16);
  outside('top of the address space', UNIT_ID.LDM, { dramAddress: 2 ** 32 - 16, rows: 1, words: 16, cus: 1 }, ENGINE.LDM, 2 ** 28 - 1);
  outside('LDW', UNIT_ID.LDW, { dramAddress: far, lines: 1, images: 1, cusPerSlot: 1 }, ENGINE.LDW, far / 16);
  outside('ST', UNIT_ID.ST, { dramAddress: far, rows: 1, words: 16 }, ENGINE.ST, far / 16);
  // The window ends at every line of a burst: what is refused is the first burst that is not inside as a whole.
  const edge = programOf(machine, [[UNIT_ID.ST, { dramAddress: 0, rows: 1, words: 8192 }]], 4096);
  const { burstLines } = machine.axi;
  for (let more = 0; more < burstLines; more++) {
    const windowLines = Math.ceil((edge.dramWords * 2) / LINE_BYTES) + more;
    faults.push({
      name: `window: ST over its end, at line ${windowLines % burstLines} of a burst`,
      program: edge,
      options: { windowBytes: windowLines * LINE_BYTES },
      expected: { cause: 'window', unit: ENGINE.ST, detail: windowLines - (windowLines % burstLines) },
    });
  }
  const code = programOf(machine, [[UNIT_ID.LDM, { rows: 1, words: 16, cus: 1 }]]);
  faults.push({ name: 'window: fetch', program: code, options: { windowBytes: 4096 }, expected: { cause: 'window', unit: ENGINE.fetch } });

  // Against the rules, and harmless.
  const empty = programOf(machine, [[UNIT_ID.LDW, { dramAddress: 16, lines: 0, images: 2, cusPerSlot: 1 }]]);
  faults.push({ name: 'LDW without lines', program: empty, options: {}, expected: { cause: 'none' } });

  // The program counter.
  const endless = Uint32Array.from([encode({ mnemonic: 'ADDI', rd: 1, rs1: 0, imm: 1 })]);
  faults.push({ name: 'no END', program: programOf(machine, [], 64, endless), options: {}, expected: { cause: 'pc' } });
  for (const imm of [-2, 1, 100, 2 ** 25 - 1, -(2 ** 25)]) {
    const jump = Uint32Array.from([encode({ mnemonic: 'JMP', imm }), encode({ mnemonic: 'END' })]);
    faults.push({ name: `a jump by ${imm}`, program: programOf(machine, [], 64, jump), options: {}, expected: { cause: 'pc' } });
  }

  // Tokens.
  const load = { rows: 1, words: 16, cus: 1 };
  const token = 1 << UNIT_ID.mac(0);
  for (const name of ['read', 'write']) {
    const fields: Step[1] = { ...load, [name === 'read' ? 'signalRead' : 'signalWrite']: token };
    const signals = (count: number): Step[] => Array.from({ length: count }, () => [UNIT_ID.LDM, fields]);
    const expected = { cause: 'tokenOverflow', unit: UNIT_ID.LDM } as const;
    faults.push({ name: `129 ${name} tokens`, program: programOf(machine, signals(129)), options: {}, expected });
    faults.push({ name: `128 ${name} tokens`, program: programOf(machine, signals(128)), options: {}, expected: { cause: 'none' } });
  }
  for (const [unit, name] of [
    [UNIT_ID.LDM, 'LDM'],
    [UNIT_ID.LDW, 'LDW'],
    [UNIT_ID.ST, 'ST'],
    [UNIT_ID.mac(0), 'MAC0'],
    [UNIT_ID.vec(0), 'VEC0'],
  ] as const) {
    const stuck = programOf(machine, [[unit, { waitWrite: 1 << UNIT_ID.ST }]]);
    faults.push({ name: `${name} waits for ever`, program: stuck, options: {}, expected: { cause: 'watchdog' } });
  }
  const full = Array.from({ length: machine.queueDepth + 1 }, (): Step => [UNIT_ID.LDM, { ...load, waitRead: 1 << UNIT_ID.ST }]);
  faults.push({ name: 'the core waits for ever', program: programOf(machine, full), options: {}, expected: { cause: 'watchdog' } });
  const around = Uint32Array.from([encode({ mnemonic: 'JMP', imm: -1 })]);
  faults.push({ name: 'an endless loop is progress', program: programOf(machine, [], 64, around), options: { limit: 50_000 } });
  return faults;
}

/** A random program with some bits of its code flipped: any end is right, but for the rules that hold always. */
export function randomFault(machine: Machine, seed: number): Fault {
  const random = createRandom(seed);
  const program = randomProgram({ seed, machine });
  const instructions = program.instructions.slice();
  for (let flips = random.integer(1, 4); flips > 0; flips--) {
    instructions[random.integer(0, instructions.length - 1)] ^= 2 ** random.integer(0, 31);
  }
  const stress = random.integer(0, 3) === 0 ? seed : 0;
  return { name: `bits of random program ${seed} flipped`, program: { ...program, instructions }, options: { stress, limit: 60_000 } };
}

/** Runs a fault and a right program behind it; returns what is wrong, nothing when all is as documented. */
export function runFault(
  model: string,
  fault: Fault,
  right = randomProgram({ seed: 3, machine: fault.program.machine, steps: 8 }),
): { readonly findings: readonly string[]; readonly result: RtlResult } {
  const { program, options, expected } = fault;
  const { words } = createDramImage(program);
  const windowBytes = options.windowBytes ?? Math.ceil((words.length * 2) / LINE_BYTES) * LINE_BYTES;
  const image = new Int16Array(Math.max(words.length, windowBytes / 2) + GUARD_WORDS);
  image.set(words);
  for (let i = words.length; i < image.length; i++) image[i] = Math.imul(i, 0x9e3779b1) >> 8;
  const rightRun = expectRun(right);
  const result = runRtl(model, program, image, {
    limit: 400_000,
    watchdog: WATCHDOG,
    ...options,
    windowBytes,
    recovery: { program: right, image: rightRun.image },
  });
  const findings: string[] = [];
  if (result.breach !== '') findings.push(result.breach);
  for (let i = windowBytes / 2; i < image.length; i++) {
    if (image[i] !== result.dram[i]) {
      findings.push(`DRAM word ${i}, outside the window, was written`);
      break;
    }
  }
  if (expected !== undefined) {
    const { cause, unit, detail, pc } = expected;
    const found = `cause '${result.cause}', unit ${result.causeUnit}, detail ${result.detail}, instruction ${result.pc}`;
    const wrong =
      result.cause !== cause ||
      (unit !== undefined && result.causeUnit !== unit) ||
      (detail !== undefined && result.detail !== detail) ||
      (pc !== undefined && result.pc !== pc) ||
      (cause === 'none' && !result.finished);
    if (wrong) findings.push(`${found}; expected ${JSON.stringify(expected)}`);
  }
  if (result.unanswered !== 0) findings.push(`${result.unanswered} bursts were never answered`);
  const { afterReset, recovered } = result;
  if (afterReset === undefined || recovered === undefined) findings.push('no reset was tried');
  else {
    const { status, cause, interrupts, unanswered } = afterReset;
    if (status !== 0 || cause !== 0 || interrupts !== 0 || unanswered !== 0) {
      findings.push(`after the reset: status ${status}, cause ${cause}, interrupts ${interrupts}, ${unanswered} bursts unanswered`);
    }
    findings.push(...compareRun(rightRun, recovered).map(({ text }) => `after the reset: ${text}`));
  }
  return { findings, result };
}
