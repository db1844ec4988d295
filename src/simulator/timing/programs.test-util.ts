/** Small programs for the timing tests and the profile: lists of descriptors given by the fields that matter. Not part of the simulator. */
import { type CoreTrace, traceCore } from '../../isa/core.ts';
import { zeroDescriptor } from '../../isa/field-codes.ts';
import { type Descriptor, UNIT_ID_COUNT, type UnitKind, unitOf } from '../../isa/fields.ts';
import { InstructionWriter } from '../../isa/instruction-writer.ts';
import { type Machine, XC7Z045 } from '../../machine/machine.ts';
import type { LayerInfo, Program, SourceSpan } from '../../program/program.ts';
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

/** A descriptor to dispatch: unit id, layer, and the fields that differ from the kind's defaults. */
export interface Step {
  readonly unit: number;
  readonly layer?: number;
  readonly fields: Readonly<Record<string, number>>;
}

const DEFAULTS: Readonly<Record<UnitKind, Readonly<Record<string, number>>>> = {
  LDM: { rows: 1, words: 16, cus: 1 },
  LDW: { lines: 1, images: 1, cusPerSlot: 1 },
  ST: { rows: 1, words: 16 },
  MAC: window(),
  VEC: window(),
};

/** One pixel, 1×1 kernel, 16 words in and out, results to CU 0. */
function window(): Record<string, number> {
  return {
    words: 16,
    tapStep: 16,
    kernelH: 1,
    kernelW: 1,
    strideH: 1,
    strideW: 1,
    dilationH: 1,
    dilationW: 1,
    inHeight: 1 << 15,
    inWidth: 1 << 15,
    outWidth: 1,
    count: 1,
    outCus: 1,
    clampHigh: 32767,
    clampLow: -32768,
  };
}

export function bits(...units: number[]): number {
  return units.reduce((mask, unit) => mask | (1 << unit), 0);
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
    const kind = unitOf(step.unit)!.kind;
    const extra: Record<string, number> = kind === 'MAC' ? { lanes: 16, outWords: 4, outCus: 1 << unitOf(step.unit)!.cu } : {};
    const fields = { ...zeroDescriptor(kind), ...DEFAULTS[kind], ...extra, ...step.fields } as Descriptor<UnitKind>;
    const first = writer.length;
    writer.go(step.unit, fields);
    const layer = step.layer ?? 0;
    layers = Math.max(layers, layer + 1);
    sourceMap.push({ first, end: writer.length, layer, tile: '' });
  }
  writer.end();
  return programOf(writer.instructions(), machine, layers, sourceMap);
}

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
export function makeTrace(steps: readonly Step[], machine: Machine = BOOK): { program: Program; trace: CoreTrace } {
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
