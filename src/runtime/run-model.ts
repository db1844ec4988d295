/** One run of a compiled network on a device: its parts in order, floats on the host, words on the accelerator, converted at the border. */
import type { HostPart } from '../compiler/frontend/host-part.ts';
import type { Graph, Tensor } from '../graph/graph.ts';
import type { IntegerGraph } from '../graph/integer-graph.ts';
import type { TimingResult } from '../simulator/timing/result.ts';
import { InputError } from '../util/errors.ts';
import { checkTensor } from './check-tensor.ts';
import { type Device, type DeviceResult, tensorNames, type WordInputs } from './device.ts';
import type { NamedTensors } from './float-session.ts';
import { createHostRunner, dequantizeOutput, quantizeInputs } from './host.ts';

/** A part as a run sees it. */
export type RunnablePart =
  | { readonly where: 'host'; readonly host: HostPart }
  | { readonly where: 'accelerator'; readonly integerGraph: IntegerGraph };

/** What a run needs to know of a network: a CompiledModel is one, a program alone makes one (program-model.ts). */
export interface RunnableModel {
  readonly name: string;
  readonly graph: Pick<Graph, 'inputs' | 'outputs'>;
  /** In the order of execution. */
  readonly parts: readonly RunnablePart[];
  /** Outputs that depend on no input. */
  readonly constants: NamedTensors;
}

/** One part of the accelerator after a run. */
export interface DevicePart {
  /** Words that entered it, one map a frame. */
  readonly inputWords: readonly WordInputs[];
  readonly result: DeviceResult;
}

/** Result of a run: values, words and times. */
export interface ModelRun {
  /** Values of the model's outputs, one map a frame. */
  readonly outputs: readonly Map<string, Tensor>[];
  /** The accelerator's parts, in the order of execution. */
  readonly device: readonly DevicePart[];
  /** Values beyond the range of the binary point with which they enter the accelerator. */
  readonly saturatedInputs: number;
  /** Time of the float parts on the host, and of the conversions. */
  readonly hostSeconds: number;
  /** Time of the device, as the machine that simulates it sees it. */
  readonly deviceSeconds: number;
}

/**
 * Runs a network.
 * @param frames the model's inputs by name, one map for each frame of the device
 * @throws InputError when an input is missing, unknown or does not fit
 */
export async function runModel(model: RunnableModel, device: Device, frames: readonly NamedTensors[]): Promise<ModelRun> {
  for (const inputs of frames) checkInputs(model, inputs);
  const started = performance.now();
  const values = frames.map((inputs) => new Map([...inputs, ...model.constants]));
  const results: DevicePart[] = [];
  let saturatedInputs = 0;
  let deviceMs = 0;
  for (const part of model.parts) {
    if (part.where === 'host') {
      await runHostPart(part.host, values);
      continue;
    }
    const quantized = values.map((frame) => quantizeInputs(part.integerGraph, frame));
    const inputWords = quantized.map((q) => q.words);
    for (const { saturated } of quantized) saturatedInputs += saturated;
    const entered = performance.now();
    const result = await device.run(inputWords, results.length);
    deviceMs += performance.now() - entered;
    for (const [frame, known] of values.entries()) addOutputs(part.integerGraph, device.name, result, frame, known);
    results.push({ inputWords, result });
  }
  const outputs = values.map((known) => new Map(model.graph.outputs.map(({ name }) => [name, known.get(name)!])));
  const hostMs = performance.now() - started - deviceMs;
  return { outputs, device: results, saturatedInputs, hostSeconds: hostMs / 1000, deviceSeconds: deviceMs / 1000 };
}

/** Cycles and bytes of each of the accelerator's parts, of a device that measures them. */
export function timingsOf(run: ModelRun): TimingResult[] {
  return run.device.flatMap(({ result }) => result.timing ?? []);
}

async function runHostPart(part: HostPart, frames: readonly Map<string, Tensor>[]): Promise<void> {
  const runner = await createHostRunner(part);
  try {
    for (const values of frames) await runner.run(values);
  } finally {
    await runner.release();
  }
}

function addOutputs(graph: IntegerGraph, device: string, result: DeviceResult, frame: number, known: Map<string, Tensor>): void {
  const names = tensorNames(graph);
  for (const border of graph.outputs) {
    const words = result.read(names[border.tensor], frame);
    if (!words) throw new Error(`device ${device} does not hold output '${border.name}'`);
    known.set(border.name, dequantizeOutput(graph, border, words));
  }
}

function checkInputs(model: RunnableModel, inputs: NamedTensors): void {
  const { graph } = model;
  const known = graph.inputs.map((input) => input.name);
  for (const name of inputs.keys()) {
    if (!known.includes(name))
      throw new InputError(`${model.name}: it has no input '${name}', only ${known.map((n) => `'${n}'`).join(', ')}`);
  }
  for (const input of graph.inputs) {
    const tensor = inputs.get(input.name);
    if (!tensor) throw new InputError(`${model.name}: input '${input.name}' is missing`);
    checkTensor(tensor, input, `input '${input.name}'`);
  }
}
