/** Runs an integer graph's program on the simulated machine and compares every tensor that it keeps with the reference. */
import { compileGraph } from '../src/compiler/backend/compile-graph.ts';
import type { IntegerGraph } from '../src/graph/integer-graph.ts';
import type { Machine } from '../src/machine/machine.ts';
import type { Program } from '../src/program/program.ts';
import { createReferenceDevice } from '../src/runtime/reference-device.ts';
import { createSimulatorDevice } from '../src/runtime/simulator-device.ts';
import { compareBits, describeDifference } from '../src/runtime/verify-model.ts';
import { randomInputs } from './random-layers.ts';

export interface Conformance {
  readonly program: Program;
  /** Undefined when all words are equal. */
  readonly difference: string | undefined;
  readonly words: number;
}

/**
 * @param seed of the input words
 * @param change spoils the program, to prove that the comparison sees it
 */
export async function checkConformance(
  graph: IntegerGraph,
  machine: Machine,
  frames: number,
  seed: number,
  change: (program: Program) => Program = (program) => program,
): Promise<Conformance> {
  const program = change(compileGraph(graph, machine, { frames }));
  const inputs = Array.from({ length: frames }, (_, frame) => randomInputs(graph, seed + 1000 * frame));
  const simulated = await createSimulatorDevice(program).run(inputs);
  const expected = await createReferenceDevice(graph, { frames }).run(inputs);
  const { difference, words } = compareBits(graph, expected, simulated, frames);
  return { program, difference: difference && describeDifference(difference), words };
}
