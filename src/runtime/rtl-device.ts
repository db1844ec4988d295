/**
 * The hardware description as a device: Verilated sf_top runs the program clock cycle by clock cycle; cycles and bytes are what its performance counters say.
 * Documentation: hardware/README.md.
 */
import { LINE_BYTES } from '../machine/machine.ts';
import type { Program } from '../program/program.ts';
import { createDramImage } from '../simulator/data/dram-image.ts';
import type { TimingResult } from '../simulator/timing/result.ts';
import { JobError } from '../util/errors.ts';
import type { Device } from './device.ts';
import { createProgramDevice, createReader, packInputs } from './machine-device.ts';
import { buildModel } from './rtl-model.ts';
import { machineFingerprint } from './rtl-package.ts';
import { type RtlResult, runRtl } from './rtl-run.ts';

/** A program that takes so many times the cycles that the compiler predicts hangs. */
const PATIENCE = 20;
const LEAST_LIMIT = 10_000_000;

/**
 * A device that executes a program, or those of all parts of a network, on the RTL of the machine that it was compiled for.
 * Building the model takes a minute, once per machine.
 */
export function createRtlDevice(parts: Program | readonly Program[]): Device {
  return createProgramDevice('rtl', parts, async (program, inputs) => {
    const model = buildModel(program.machine);
    const image = createDramImage(program).words;
    for (const { address, words } of packInputs(program, inputs)) image.set(words, address);
    const predicted = program.layers.reduce((sum, layer) => sum + layer.predictedCycles, 0);
    const result = runRtl(model, program, image, { limit: PATIENCE * predicted + LEAST_LIMIT });
    checkRun(program, result);
    return { read: createReader(program, result.dram), timing: timingOf(program, result) };
  });
}

function checkRun(program: Program, result: RtlResult): void {
  const { breach, cause, causeUnit, detail, finished, fingerprint, pc, ran } = result;
  if (fingerprint !== machineFingerprint(program.machine)) throw new JobError('the RTL was built for another machine than the program');
  if (breach !== '') throw new JobError(`the RTL broke a rule of its bus: ${breach}`);
  if (cause !== 'none')
    throw new JobError(`the RTL stopped: cause '${cause}', unit ${causeUnit}, detail ${detail}, at instruction ${pc} after ${ran} cycles`);
  if (!finished) throw new JobError(`the RTL has not finished after ${ran} cycles, at instruction ${pc}`);
}

/** Cycles and bytes by the counters; the account by layers and causes is the simulator's. */
function timingOf(program: Program, { counters }: RtlResult): TimingResult {
  const [cycles, , , fetchLines, storeLines, ldmLines, ldwLines] = counters;
  return {
    cycles,
    frames: program.frames,
    dramReadBytes: (fetchLines + ldmLines + ldwLines) * LINE_BYTES,
    dramWriteBytes: storeLines * LINE_BYTES,
    fetchBytes: fetchLines * LINE_BYTES,
    layers: [],
  };
}
