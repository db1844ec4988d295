/**
 * The model of sf_top compiled for what it does in the first cycles of two networks: a tenth faster, twice as long to build. For runs of tens of millions of
 * cycles. Documentation: hardware/README.md, "Speed of the model".
 */
import type { Machine } from '../../src/machine/machine.ts';
import type { Program } from '../../src/program/program.ts';
import { compileModel } from '../../src/runtime/compile-model.ts';
import { buildModel, findModel } from '../../src/runtime/rtl-model.ts';
import { runRtl } from '../../src/runtime/rtl-run.ts';
import { createDramImage } from '../../src/simulator/data/dram-image.ts';
import { openNetwork } from './network.ts';

/** Networks of different shapes: large windows, and depthwise with pointwise layers. */
export const TRAINING = ['alexnet', 'mobilenet-v2'];
const CYCLES = 20_000;

/** First program of a network's convolutions, numbers in q8.8 (which need no calibration). */
export async function compileConvolutions(network: string, machine: Machine): Promise<Program> {
  const graph = openNetwork(network, 'convolutions');
  const { programs } = await compileModel(graph, { scope: 'convolutions', numbers: 'q8.8', machine });
  return programs[0];
}

/** Path of the model; the networks are compiled only if it is not there yet. @throws as `buildModel` */
export async function buildTrainedModel(machine: Machine): Promise<string> {
  const programs: Program[] = [];
  const train = (model: string): void => {
    for (const program of programs) runRtl(model, program, createDramImage(program).words, { limit: CYCLES });
  };
  const ready = findModel(machine, { train });
  if (ready !== undefined) return ready;
  for (const network of TRAINING) programs.push(await compileConvolutions(network, machine));
  return buildModel(machine, { train });
}
