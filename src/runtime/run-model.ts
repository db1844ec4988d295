/** One run of a compiled network on a device: host part before, words in, words out, host part after. */
import type { HostPart } from '../compiler/frontend/host-part.ts';
import type { LoweredModel } from '../compiler/frontend/lower-graph.ts';
import type { Graph, Tensor } from '../graph/graph.ts';
import type { IntegerGraph } from '../graph/integer-graph.ts';
import { InputError } from '../util/errors.ts';
import { checkTensor } from './check-tensor.ts';
import { type Device, type DeviceResult, tensorNames, type WordInputs } from './device.ts';
import type { NamedTensors } from './float-session.ts';
import { createHostRunner, dequantizeOutput, quantizeInputs } from './host.ts';

/** What a run needs to know of a network: a CompiledModel is one, a program alone makes one (program-model.ts). */
export interface RunnableModel {
  readonly name: string;
  readonly graph: Pick<Graph, 'inputs' | 'outputs'>;
  readonly lowered: Pick<LoweredModel, 'head' | 'tail'>;
  readonly integerGraph: IntegerGraph;
}

/** Result of a run: values, words and times. */
export interface ModelRun {
  /** Values of the model's outputs, one map a frame. */
  readonly outputs: readonly Map<string, Tensor>[];
  /** Words that entered the device, one map a frame. */
  readonly inputWords: readonly WordInputs[];
  readonly device: DeviceResult;
  /** Input values beyond the range of the input's binary point. */
  readonly saturatedInputs: number;
  /** Time of the float parts on the host. */
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
  const { integerGraph, lowered } = model;
  let started = performance.now();
  const values = frames.map((inputs) => new Map(inputs));
  await runPart(lowered.head, values);
  const quantized = values.map((frame) => quantizeInputs(integerGraph, frame));
  let hostMs = performance.now() - started;

  started = performance.now();
  const inputWords = quantized.map((q) => q.words);
  const result = await device.run(inputWords);
  const deviceMs = performance.now() - started;

  started = performance.now();
  const names = tensorNames(integerGraph);
  for (const [frame, known] of values.entries()) {
    for (const border of integerGraph.outputs) {
      const words = result.read(names[border.tensor], frame);
      if (!words) throw new Error(`device ${device.name} does not hold output '${border.name}'`);
      known.set(border.name, dequantizeOutput(integerGraph, border, words));
    }
  }
  await runPart(lowered.tail, values);
  hostMs += performance.now() - started;
  const outputs = values.map((known) => new Map(model.graph.outputs.map(({ name }) => [name, known.get(name)!])));
  const saturatedInputs = quantized.reduce((sum, q) => sum + q.saturated, 0);
  return { outputs, inputWords, device: result, saturatedInputs, hostSeconds: hostMs / 1000, deviceSeconds: deviceMs / 1000 };
}

async function runPart(part: HostPart | undefined, frames: readonly Map<string, Tensor>[]): Promise<void> {
  const runner = await createHostRunner(part);
  try {
    for (const values of frames) await runner.run(values);
  } finally {
    await runner.release();
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
