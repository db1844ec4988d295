/** What `run` and `verify` share: a network compiled for one frame, and the frame. */
import {
  type CompiledModel,
  compileModel,
  type ImageOptions,
  loadMachine,
  type Machine,
  type NamedTensors,
  type NumberMode,
} from '../index.ts';
import { loadInputs, loadSamples } from './inputs.ts';
import { openNetwork } from './network.ts';
import { imageOptionsOf, type Shapes } from './options.ts';
import type { Progress } from './progress.ts';

export interface FrameOptions extends ImageOptions {
  readonly input?: string[];
  readonly machine: string;
  readonly shape?: Shapes;
  readonly numbers: NumberMode;
  readonly calibrate?: string[];
  readonly seed?: number;
  readonly host: boolean;
}

export interface CompiledFrame {
  readonly name: string;
  readonly machine: Machine;
  readonly model: CompiledModel;
  readonly inputs: NamedTensors;
}

/**
 * Opens the network that an argument names, loads its inputs, and compiles it for one frame. Without calibration files, the given input itself says how
 * large its values are.
 * @throws InputError when machine, network, inputs or samples are not usable
 */
export async function compileFrame(argument: string, options: FrameOptions, progress: Progress): Promise<CompiledFrame> {
  const machine = loadMachine(options.machine);
  const { name, graph } = openNetwork(argument, options);
  const image = imageOptionsOf(options);
  const inputs = await loadInputs(graph, options.input ?? [], { seed: options.seed, image });
  const given = options.input === undefined ? undefined : [inputs];
  const samples = (await loadSamples(graph, options.calibrate, image)) ?? given;
  const { numbers, host: allowHost } = options;
  const model = await compileModel(graph, { name, machine, numbers, samples, allowHost, progress: progress.update });
  return { name, machine, model, inputs };
}
