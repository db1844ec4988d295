/**
 * The control core without time: registers, field registers, program counter. The simulators take their descriptors from here;
 * the timing simulator adds the cycles from the runs of executed instructions. Specification: docs/isa.md, sections 2, 4 and 7.
 */
import { JobError } from '../util/errors.ts';
import { formatWord } from './disassemble.ts';
import { decode } from './encode.ts';
import { fieldInfo, truncateToField, unitName } from './field-codes.ts';
import { type Descriptor, MAX_CUS, UNIT_FIELDS, UNIT_KINDS, type UnitKind, unitOf } from './fields.ts';
import type { Instruction, InstructionOf, Mnemonic } from './instructions.ts';

/** What the machine and the caller allow. */
export interface CoreLimits {
  /** Compute units of the machine: GO to the units of others is an error. */
  readonly computeUnits: number;
  /** A program that executes so many instructions more than it has counts as endless: only a loop can. */
  readonly maxSteps: number;
}

export const DEFAULT_CORE_LIMITS: CoreLimits = { computeUnits: MAX_CUS, maxSteps: 4_000_000 };

/** Instructions executed in sequence: [startIndex, startIndex + length). */
export interface Run {
  readonly startIndex: number;
  readonly length: number;
}

interface DispatchOf<K extends UnitKind> {
  readonly unitId: number;
  readonly kind: K;
  /** Compute unit of a MAC or VEC unit, else −1. */
  readonly cu: number;
  readonly descriptor: Readonly<Descriptor<K>>;
  /** Index of the GO. */
  readonly instructionIndex: number;
  /**
   * Instructions executed since the previous GO (exclusive) up to this one (inclusive). Between two runs lies a taken branch,
   * the last instruction of the former run; the first run follows the previous GO directly.
   */
  readonly runs: readonly Run[];
}

/** One executed GO. */
export type Dispatch = { [K in UnitKind]: DispatchOf<K> }[UnitKind];

/** What the control core does in one run of a program. */
export interface CoreTrace {
  /** In the order of execution. */
  readonly dispatches: readonly Dispatch[];
  /** Instructions after the last GO up to END (inclusive). */
  readonly tail: readonly Run[];
  /** Executed instructions, END included. */
  readonly steps: number;
}

interface CoreState {
  readonly registers: Int32Array;
  /** Values of the field registers by kind, in the order of the field table. */
  readonly fields: Readonly<Record<UnitKind, number[]>>;
  readonly dispatch: (unitId: number) => void;
  ended: boolean;
}

/** Effect of an instruction; the result is the offset of a taken branch, else undefined. */
type Execute<M extends Mnemonic> = (core: CoreState, instruction: InstructionOf<M>) => number | undefined;

const LOW_FIELD_MASK = 2 ** 17 - 1;

function writeRegister(core: CoreState, rd: number, value: number): undefined {
  if (rd !== 0) core.registers[rd] = value;
}

function writeField(core: CoreState, reference: InstructionOf<'SETI'>['field'], next: (old: number) => number): undefined {
  const { kind, index, spec } = fieldInfo(reference);
  core.fields[kind][index] = truncateToField(spec, next(core.fields[kind][index]));
}

const EXECUTE: { readonly [M in Mnemonic]: Execute<M> } = {
  ADD: (core, i) => writeRegister(core, i.rd, core.registers[i.rs1] + core.registers[i.rs2]),
  SUB: (core, i) => writeRegister(core, i.rd, core.registers[i.rs1] - core.registers[i.rs2]),
  AND: (core, i) => writeRegister(core, i.rd, core.registers[i.rs1] & core.registers[i.rs2]),
  OR: (core, i) => writeRegister(core, i.rd, core.registers[i.rs1] | core.registers[i.rs2]),
  SLL: (core, i) => writeRegister(core, i.rd, core.registers[i.rs1] << (core.registers[i.rs2] & 31)),
  SRL: (core, i) => writeRegister(core, i.rd, core.registers[i.rs1] >>> (core.registers[i.rs2] & 31)),
  ADDI: (core, i) => writeRegister(core, i.rd, core.registers[i.rs1] + i.imm),
  ORI: (core, i) => writeRegister(core, i.rd, core.registers[i.rs1] | i.imm),
  LUI: (core, i) => writeRegister(core, i.rd, i.imm << 16),
  BEQ: (core, i) => (core.registers[i.rs1] === core.registers[i.rs2] ? i.imm : undefined),
  BNE: (core, i) => (core.registers[i.rs1] !== core.registers[i.rs2] ? i.imm : undefined),
  BLT: (core, i) => (core.registers[i.rs1] < core.registers[i.rs2] ? i.imm : undefined),
  BGE: (core, i) => (core.registers[i.rs1] >= core.registers[i.rs2] ? i.imm : undefined),
  JMP: (_core, i) => i.imm,
  SETI: (core, i) => writeField(core, i.field, () => i.imm),
  SETH: (core, i) => writeField(core, i.field, (old) => (old & LOW_FIELD_MASK) | (i.imm << 17)),
  SET: (core, i) => writeField(core, i.field, () => core.registers[i.rs1]),
  GO: (core, i) => {
    core.dispatch(i.unit);
    return undefined;
  },
  END: (core) => {
    core.ended = true;
    return undefined;
  },
};

/** Effect by mnemonic: the table guarantees that an instruction meets its own function. */
function execute(core: CoreState, instruction: Instruction): number | undefined {
  const effect = EXECUTE[instruction.mnemonic] as Execute<Mnemonic>;
  return effect(core, instruction);
}

/** Sees the core before an instruction executes, after `steps` others; true stops it there. */
export type InspectCore = (core: Pick<CoreState, 'registers' | 'fields'>, pc: number, steps: number) => boolean;

/**
 * Executes a program to its END and reports each GO.
 * @param onGo called for each dispatch in the order of execution.
 * @param inspect for debuggers: called before every instruction.
 * @returns the runs after the last GO, and the number of executed instructions.
 * @throws JobError naming the instruction: illegal word, program counter outside, a unit that the machine lacks, no END in time.
 */
export function runCore(
  instructions: Uint32Array,
  onGo: (dispatch: Dispatch) => void,
  limits: CoreLimits = DEFAULT_CORE_LIMITS,
  inspect?: InspectCore,
): { readonly tail: readonly Run[]; readonly steps: number } {
  const decoded: (Instruction | undefined)[] = new Array(instructions.length);
  let pc = 0;
  let runs: Run[] = [];
  let runStart = 0;
  let steps = 0;
  const mostSteps = instructions.length + limits.maxSteps;
  const fail = (index: number, problem: string): JobError =>
    new JobError(`instruction ${index} (${formatWord(instructions[index])}): ${problem}`);
  const core: CoreState = {
    registers: new Int32Array(32),
    fields: Object.fromEntries(UNIT_KINDS.map((kind) => [kind, UNIT_FIELDS[kind].map(() => 0)])) as unknown as CoreState['fields'],
    dispatch: (unitId) => {
      const unit = unitOf(unitId);
      if (unit === undefined || unit.cu >= limits.computeUnits) {
        throw fail(pc, `the machine has ${limits.computeUnits} compute units and no unit ${unitName(unitId) ?? unitId}`);
      }
      runs.push({ startIndex: runStart, length: pc + 1 - runStart });
      onGo({ unitId, ...unit, descriptor: takeDescriptor(core, unit.kind), instructionIndex: pc, runs } as Dispatch);
      runs = [];
      runStart = pc + 1;
    },
    ended: false,
  };
  if (instructions.length === 0) throw new JobError('the program is empty: it needs an END at least');
  while (!core.ended) {
    if (inspect?.(core, pc, steps)) break;
    if (steps === mostSteps) throw fail(pc, `no END after ${steps} instructions: an endless loop?`);
    const instruction = decoded[pc] ?? decode(instructions[pc]);
    decoded[pc] = instruction;
    if (instruction === undefined) throw fail(pc, 'illegal instruction');
    const offset = execute(core, instruction);
    steps++;
    const next = pc + 1 + (offset ?? 0);
    if (offset !== undefined || core.ended) {
      runs.push({ startIndex: runStart, length: pc + 1 - runStart });
      runStart = next;
    }
    if (!core.ended && (next < 0 || next >= instructions.length)) {
      throw fail(pc, `the program counter leaves the program: ${next}, expected 0 to ${instructions.length - 1}; is an END missing?`);
    }
    pc = next;
  }
  return { tail: runs, steps };
}

/** Snapshot of a kind's fields; clears the transient ones. */
function takeDescriptor(core: CoreState, kind: UnitKind): Descriptor<UnitKind> {
  const values = core.fields[kind];
  const descriptor: Record<string, number> = {};
  for (const [index, spec] of UNIT_FIELDS[kind].entries()) {
    descriptor[spec.name] = values[index];
    if ('transient' in spec) values[index] = 0;
  }
  return descriptor as Descriptor<UnitKind>;
}

/**
 * All dispatches of a program, with the instructions executed between them.
 * @throws JobError as runCore.
 */
export function traceCore(instructions: Uint32Array, limits: CoreLimits = DEFAULT_CORE_LIMITS): CoreTrace {
  const dispatches: Dispatch[] = [];
  const { tail, steps } = runCore(instructions, (dispatch) => dispatches.push(dispatch), limits);
  return { dispatches, tail, steps };
}
