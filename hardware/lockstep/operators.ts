/**
 * Operators in lockstep: random small graphs of every operator that the accelerator runs, calibrated and compiled; bits of the reference against the
 * simulator's, then the simulator against the RTL. Documentation: hardware/README.md.
 */
import type { Machine } from '../../src/machine/machine.ts';
import type { Program } from '../../src/program/program.ts';
import { type CompiledModel, compileModel } from '../../src/runtime/compile-model.ts';
import type { Device, WordInputs } from '../../src/runtime/device.ts';
import { createReader, packInputs } from '../../src/runtime/machine-device.ts';
import { randomInputs } from '../../src/runtime/random-input.ts';
import { createReferenceDevice } from '../../src/runtime/reference-device.ts';
import { runModel } from '../../src/runtime/run-model.ts';
import { compareModelBits, describeDifference } from '../../src/runtime/verify-model.ts';
import { InputError, JobError } from '../../src/util/errors.ts';
import type { OperatorGroup } from '../../test/random-operators.ts';
import { expectRun, type LockstepOptions, type LockstepResult, runLockstep } from './lockstep.ts';

export interface OperatorOptions {
  readonly machine: Machine;
  /** Graphs to run. */
  readonly count: number;
  /** Of the first draw; each draw takes the next one. */
  readonly seed: number;
  /** Graphs that need several tiles. Default: small ones. */
  readonly isLarge?: boolean;
  /** Frames that a program computes together. Default 1. */
  readonly frames?: number;
  /** Program made by buildModel for the machine; without it only the bits of reference and simulator are compared. */
  readonly model?: string;
  readonly lockstep?: LockstepOptions;
  /** Hears why a draw was refused. */
  readonly onRefusal?: (seed: number, reason: string) => void;
}

/** A difference between reference and simulator, a program that the simulator refuses, or between simulator and RTL (`result` has them all). */
export interface OperatorDifference {
  readonly seed: number;
  readonly text: string;
  readonly program?: Program;
  readonly result?: LockstepResult;
}

/** What a group's graphs came to. */
export interface OperatorTally {
  graphs: number;
  layers: number;
  /** Words compared between reference and simulator. */
  words: number;
  cycles: number;
  /** Draws that the front end refuses, that need the host, or that are folded away. */
  refused: number;
  lastSeed: number;
  readonly differences: OperatorDifference[];
}

/** Distance of the seeds of a graph's frames. */
const FRAME_SEEDS = 100_000;

/** Draws for each graph wanted, before a group is given up. */
const MOST_DRAWS = 10;

/**
 * Runs graphs of one group. A draw that is refused or that the accelerator can't run alone is drawn again.
 */
export async function runOperator(group: OperatorGroup, options: OperatorOptions): Promise<OperatorTally> {
  const tally: OperatorTally = { graphs: 0, layers: 0, words: 0, cycles: 0, refused: 0, lastSeed: options.seed, differences: [] };
  const end = options.seed + MOST_DRAWS * options.count;
  for (let seed = options.seed; tally.graphs < options.count && seed < end; seed++) {
    tally.lastSeed = seed;
    const compiled = await compileDraw(group, seed, options);
    if (typeof compiled === 'string') {
      tally.refused++;
      options.onRefusal?.(seed, compiled);
      continue;
    }
    try {
      await runGraph(compiled, seed, tally, options);
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      tally.differences.push({ seed, text: `the simulator refuses the program: ${error.message}` });
    }
  }
  if (tally.graphs < options.count) {
    const text = `only ${tally.graphs} of ${options.count} graphs: ${tally.refused} draws were refused`;
    tally.differences.push({ seed: tally.lastSeed, text });
  }
  return tally;
}

/** The compiled graph, or why it does not count. */
async function compileDraw(
  { draw, operators }: OperatorGroup,
  seed: number,
  { machine, isLarge, frames }: OperatorOptions,
): Promise<CompiledModel | string> {
  const graph = draw(seed, isLarge);
  if (!graph.nodes.some(({ op }) => operators.includes(op))) return 'the draw has no such operator';
  try {
    const model = await compileModel(graph, { machine, name: `operator-${seed}`, frames, allowHost: false });
    return model.programs.length > 0 ? model : 'nothing of it runs on the accelerator';
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

async function runGraph(
  compiled: CompiledModel,
  seed: number,
  tally: OperatorTally,
  { model, lockstep, frames = 1 }: OperatorOptions,
): Promise<void> {
  const { programs, integerGraphs } = compiled;
  const device: Device = {
    name: 'lockstep',
    frames,
    run: async (words: readonly WordInputs[], part = 0) => {
      const program = programs[part];
      const inputs = packInputs(program, words);
      const expected = model === undefined ? expectRun(program, { inputs }) : compareWithRtl(model, program, { ...lockstep, inputs });
      tally.cycles += expected.timing.cycles;
      return { read: createReader(program, expected.dram), timing: expected.timing };
    },
  };
  const compareWithRtl = (rtl: string, program: Program, run: LockstepOptions): LockstepResult['expected'] => {
    const result = runLockstep(rtl, program, run);
    if (result.differences.length > 0) tally.differences.push({ seed, text: result.differences[0], program, result });
    return result.expected;
  };
  const inputs = Array.from({ length: frames }, (_, frame) => randomInputs(compiled.graph, seed + FRAME_SEEDS * frame));
  const run = await runModel(compiled, device, inputs);
  const reference = createReferenceDevice(integerGraphs, { frames });
  const { difference, words } = await compareModelBits(integerGraphs, reference, run, frames);
  if (difference) tally.differences.push({ seed, text: `reference and simulator: ${describeDifference(difference)}` });
  tally.graphs++;
  tally.words += words;
  for (const { layers } of integerGraphs) tally.layers += layers.length;
}
