/** Small programs for the timing tests and the profile: lists of descriptors given by the fields that matter. Not part of the simulator. */
import { type CoreTrace, traceCore } from '../../isa/core.ts';
import { UNIT_ID_COUNT, type UnitKind, unitOf } from '../../isa/fields.ts';
import { InstructionWriter } from '../../isa/instruction-writer.ts';
import { type Machine, XC7Z045 } from '../../machine/machine.ts';
import type { LayerInfo, Program, SourceSpan } from '../../program/program.ts';
import { makeDescriptor } from '../descriptors.test-util.ts';
import { simulateTiming, type TimingOptions } from './engine.ts';
import type { TimingResult } from './result.ts';

/** The machine for which the cycles of the tests were typed: short latencies, no preparation. The table's rules do not depend on them. */
export const BOOK: Machine = {
  ...XC7Z045,
  vecFifoGranules: 8,
  latency: {
    ...XC7Z045.latency,
    branchRestart: 2,
    queueLatency: 2,
    prepare: 0,
    prepareDilated: 0,
    rowPeriod: 0,
    vecPixelPeriod: 1,
    macPipeline: 14,
    vecSetup: 4,
    vecPipeline: 8,
    readLatencyMaps: 3,
  },
};

/** A descriptor to dispatch: unit id, layer, and the fields that differ from the defaults; results of MAC units go to their own CU, of VEC units to CU 0. */
export interface Step {
  readonly unit: number;
  readonly layer?: number;
  readonly fields: Readonly<Record<string, number>>;
}

function layerInfo(name: string): LayerInfo {
  return { name, op: '', nodes: [], lanesPerOutput: 16, macs: 0, weightBytes: 0, schedule: '', predictedCycles: 0 };
}

/** Straight-line program of the steps, code at DRAM word 0. */
export function makeProgram(steps: readonly Step[], machine: Machine = BOOK): Program {
  const writer = new InstructionWriter();
  const sourceMap: SourceSpan[] = [];
  let layers = 0;
  for (const step of steps) {
    const { kind, cu } = unitOf(step.unit)!;
    const outCus = kind === 'MAC' ? { outCus: 1 << cu } : kind === 'VEC' ? { outCus: 1 } : {};
    const first = writer.length;
    writer.go(step.unit, makeDescriptor<UnitKind>(kind, { ...outCus, ...step.fields }));
    const layer = step.layer ?? 0;
    layers = Math.max(layers, layer + 1);
    sourceMap.push({ first, end: writer.length, layer, tile: '' });
  }
  writer.end();
  return programOf(writer.instructions(), machine, layers, sourceMap);
}

/** A program of these instructions, code at DRAM word 0, without data. */
export function programOf(instructions: Uint32Array, machine: Machine, layers = 1, sourceMap: readonly SourceSpan[] = []): Program {
  return {
    name: 'test',
    machine,
    frames: 1,
    codeAddress: 0,
    instructions,
    segments: [],
    tensors: [],
    layers: Array.from({ length: layers }, (_, i) => layerInfo(`layer ${i}`)),
    sourceMap,
    dramWords: 1 << 20,
  };
}

/**
 * Dispatches without a program of their own: every GO is one instruction in a row, so that the units get their descriptors as fast as
 * the core can send them. Instruction i is the GO of step i, instruction n is END.
 */
function makeTrace(steps: readonly Step[], machine: Machine = BOOK): { program: Program; trace: CoreTrace } {
  const full = makeProgram(steps, machine);
  const dispatches = traceCore(full.instructions).dispatches.map((dispatch, i) => ({
    ...dispatch,
    instructionIndex: i,
    runs: [{ startIndex: i, length: 1 }],
  }));
  const trace = { dispatches, tail: [{ startIndex: steps.length, length: 1 }], steps: steps.length + 1 };
  const sourceMap = steps.map((step, i) => ({ first: i, end: i + 1, layer: step.layer ?? 0, tile: '' }));
  return { program: programOf(new Uint32Array(steps.length + 1), machine, full.layers.length, sourceMap), trace };
}

/** Times the steps with one GO a cycle. */
export function timeSteps(steps: readonly Step[], machine: Machine = BOOK, options: TimingOptions = { log: true }): TimingResult {
  const { program, trace } = makeTrace(steps, machine);
  return simulateTiming(program, trace, options);
}

export const UNIT_IDS = Array.from({ length: UNIT_ID_COUNT }, (_, id) => id).filter((id) => unitOf(id) !== undefined);
