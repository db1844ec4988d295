/**
 * Networks in lockstep: every part of a compiled network that the accelerator runs, on the simulator and on the RTL, with the words that reach it.
 * Documentation: hardware/README.md.
 */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { MODELS } from '../../models/index.ts';
import { fixFrameDimension } from '../../src/compiler/frontend/fix-frame-dimension.ts';
import type { Graph } from '../../src/graph/graph.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { compileModel, type Scope } from '../../src/runtime/compile-model.ts';
import type { Device } from '../../src/runtime/device.ts';
import { loadModel } from '../../src/runtime/load-model.ts';
import { createReader, packInputs } from '../../src/runtime/machine-device.ts';
import { randomInputs } from '../../src/runtime/random-input.ts';
import { runModel } from '../../src/runtime/run-model.ts';
import { InputError } from '../../src/util/errors.ts';
import { type LockstepOptions, type LockstepResult, runLockstep } from './lockstep.ts';

export interface NetworkOptions {
  readonly machine: Machine;
  /** Default `network`. */
  readonly scope?: Scope;
  readonly seed?: number;
  readonly lockstep?: LockstepOptions;
}

/**
 * A built-in model by name, or an ONNX file.
 * @param size Rows and columns of the input image, for models that can be built for any
 */
export function openNetwork(name: string, scope: Scope = 'network', size?: number): Graph {
  const model = Object.hasOwn(MODELS, name) ? MODELS[name] : undefined;
  if (size !== undefined && !model?.sized) {
    const sized = Object.keys(MODELS).filter((key) => MODELS[key].sized);
    throw new InputError(`${name}: its input has one size; others have ${sized.join(', ')}`);
  }
  if (model) return model.build({ scope, size });
  if (!existsSync(name)) throw new InputError(`${name}: neither a built-in model (${Object.keys(MODELS).join(', ')}) nor a file`);
  return fixFrameDimension({ ...loadModel(name), name: basename(name).replace(/\.onnx$/i, '') });
}

/**
 * Runs one frame of random input through a network in lockstep; one result for each part of it on the accelerator.
 * @param model program made by buildModel for the machine.
 */
export async function runNetwork(
  model: string,
  graph: Graph,
  { machine, scope, seed = 7, lockstep }: NetworkOptions,
): Promise<LockstepResult[]> {
  const compiled = await compileModel(graph, { machine, scope });
  const results: LockstepResult[] = [];
  const device: Device = {
    name: 'lockstep',
    frames: 1,
    run: async (inputs, part = 0) => {
      const program = compiled.programs[part];
      const result = runLockstep(model, program, { ...lockstep, inputs: packInputs(program, inputs) });
      results.push(result);
      return { read: createReader(program, result.expected.dram), timing: result.expected.timing };
    },
  };
  await runModel(compiled, device, [randomInputs(compiled.graph, seed)]);
  return results;
}
