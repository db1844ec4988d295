/**
 * The simulated machine as a device, wherever JavaScript runs: the data engine gives the bits; whoever makes the device says how the timing engine is
 * run beside it (a thread, a web worker, or not at all).
 */
import { DEFAULT_CORE_LIMITS, traceCore } from '../isa/core.ts';
import type { Program, TensorPlacement } from '../program/program.ts';
import { tensorSpanWords } from '../program/verify-program.ts';
import type { CheckLevel, DramInput } from '../simulator/data/engine.ts';
import { executeData } from '../simulator/data/execute-data.ts';
import type { TimingResult } from '../simulator/timing/result.ts';
import { InputError } from '../util/errors.ts';
import type { Device, DeviceResult, WordInputs } from './device.ts';
import { placeWords, readWords } from './tensor-words.ts';

/** Options of a simulated machine. */
export interface MachineDeviceOptions {
  /** Measures cycles and bytes, meanwhile. Default: nobody does. */
  readonly time?: (program: Program) => Promise<TimingResult>;
  /** What the data engine checks about the program. Default `races`: everything. */
  readonly checks?: CheckLevel;
}

/** A device that executes a program, or those of all parts of a network, on the simulated machine that it was compiled for. */
export function createMachineDevice(parts: Program | readonly Program[], options: MachineDeviceOptions = {}): Device {
  return createProgramDevice('simulator', parts, async (program, inputs) => {
    const timing = options.time?.(program);
    // An error on this thread comes first; the other's must not go unhandled meanwhile.
    timing?.catch(() => {});
    const trace = traceCore(program.instructions, { ...DEFAULT_CORE_LIMITS, computeUnits: program.machine.computeUnits });
    const { dram } = executeData(program, trace.dispatches, { inputs: packInputs(program, inputs), checks: options.checks ?? 'races' });
    return { read: createReader(program, dram), timing: await timing };
  });
}

/**
 * A device of compiled programs, one for each part of a network.
 * @param execute runs a program on as many frames as it computes
 */
export function createProgramDevice(
  name: string,
  parts: Program | readonly Program[],
  execute: (program: Program, inputs: readonly WordInputs[]) => Promise<DeviceResult>,
): Device {
  const programs = [parts].flat() as Program[];
  return {
    name,
    frames: programs.length > 0 ? programs[0].frames : 1,
    run: async (inputs, part = 0) => {
      const program = programs[part];
      if (inputs.length !== program.frames) throw new InputError(`${inputs.length} frames given, the program computes ${program.frames}`);
      return execute(program, inputs);
    },
  };
}

/** Finds a program's tensors in the DRAM image after its run. */
export function createReader(program: Program, dram: Int16Array): DeviceResult['read'] {
  const placements = new Map(program.tensors.map((tensor) => [tensor.name, tensor]));
  return (name, frame) => {
    const placement = placements.get(name);
    // Intermediate values may have room for the last frames only.
    if (!placement || frame < program.frames - placement.frames) return undefined;
    return readWords(dram, placement, frame % placement.frames);
  };
}

/** The words of all inputs and frames where the memory plan wants them: one block for each tensor, gaps between frames as zeros. */
export function packInputs(program: Program, frames: readonly WordInputs[]): DramInput[] {
  return program.tensors
    .filter((tensor) => tensor.role === 'input')
    .map((placement) => {
      const origin: TensorPlacement = { ...placement, address: 0 };
      const block = new Int16Array(tensorSpanWords(placement));
      for (const [frame, inputs] of frames.entries()) placeWords(block, origin, frame, inputWords(inputs, placement));
      return { address: placement.address, words: block };
    });
}

function inputWords(inputs: WordInputs, { name, height, width, channels }: TensorPlacement): Int16Array {
  const words = inputs.get(name);
  if (!words) throw new InputError(`input '${name}' is missing: ${height}×${width}×${channels} words`);
  if (words.length !== height * width * channels) {
    throw new InputError(`input '${name}' has ${words.length} words, expected ${height}×${width}×${channels}`);
  }
  return words;
}
