/** Whether two devices give the same words, and how far the network is from float32. */
import type { Tensor } from '../graph/graph.ts';
import type { IntegerGraph } from '../graph/integer-graph.ts';
import { writeOnnx } from '../graph/onnx/write-onnx.ts';
import { type Accuracy, measureAccuracy } from './accuracy.ts';
import type { CompiledModel } from './compile-model.ts';
import { type Device, type DeviceResult, tensorNames } from './device.ts';
import { createFloatSession, type NamedTensors } from './float-session.ts';
import type { ModelRun } from './run-model.ts';

/** The first word, in the order of execution, in which a device differs from the reference. */
export interface Difference {
  readonly layer: string;
  readonly tensor: string;
  readonly frame: number;
  readonly y: number;
  readonly x: number;
  readonly channel: number;
  readonly expected: number;
  readonly found: number;
}

/** Result of comparing two devices. */
export interface BitComparison {
  readonly difference?: Difference;
  /** What was compared: tensors that the device keeps, and their words. */
  readonly tensors: number;
  readonly words: number;
}

/** Compares every tensor that both devices keep, layer by layer, until the first difference. */
export function compareBits(graph: IntegerGraph, reference: DeviceResult, device: DeviceResult, frames: number): BitComparison {
  const names = tensorNames(graph);
  let tensors = 0;
  let words = 0;
  for (const layer of graph.layers) {
    const tensor = graph.tensors[layer.output];
    const name = names[layer.output];
    for (let frame = 0; frame < frames; frame++) {
      const expected = reference.read(name, frame);
      const found = device.read(name, frame);
      if (!expected || !found) continue;
      tensors++;
      words += expected.length;
      for (let i = 0; i < expected.length; i++) {
        if (expected[i] === found[i]) continue;
        const pixel = Math.floor(i / tensor.channels);
        const [y, x, channel] = [Math.floor(pixel / tensor.width), pixel % tensor.width, i % tensor.channels];
        const difference = { layer: layer.name, tensor: name, frame, y, x, channel, expected: expected[i], found: found[i] };
        return { difference, tensors, words };
      }
    }
  }
  return { tensors, words };
}

/** Compares the accelerator's parts one by one, each with what the reference makes of the same words; ends at the first difference. */
export async function compareModelBits(
  graphs: readonly IntegerGraph[],
  reference: Device,
  run: ModelRun,
  frames: number,
): Promise<BitComparison & { readonly expected: readonly DeviceResult[] }> {
  const total = { tensors: 0, words: 0 };
  const expected: DeviceResult[] = [];
  for (const [part, graph] of graphs.entries()) {
    const { inputWords, result } = run.device[part];
    expected.push(await reference.run(inputWords, part));
    const { difference, tensors, words } = compareBits(graph, expected[part], result, frames);
    total.tensors += tensors;
    total.words += words;
    if (difference) return { ...total, difference, expected };
  }
  return { ...total, expected };
}

/** A difference as a sentence. */
export function describeDifference(d: Difference): string {
  const where = `row ${d.y}, column ${d.x}, channel ${d.channel}${d.frame > 0 ? `, frame ${d.frame}` : ''}`;
  return `layer '${d.layer}', value '${d.tensor}': ${where}: expected ${d.expected}, found ${d.found}`;
}

/** Words at the ends of the 16-bit range, where a result may have been cut off, in the reference's tensors; by layer, layers with none left out. */
export function countSaturated(
  graph: IntegerGraph,
  reference: DeviceResult,
  frames: number,
): { layer: string; saturated: number; words: number }[] {
  const names = tensorNames(graph);
  return graph.layers.flatMap((layer) => {
    let saturated = 0;
    let total = 0;
    for (let frame = 0; frame < frames; frame++) {
      const words = reference.read(names[layer.output], frame) ?? new Int16Array(0);
      total += words.length;
      for (const word of words) if (word === 32767 || word === -32768) saturated++;
    }
    return saturated > 0 ? [{ layer: layer.name, saturated, words: total }] : [];
  });
}

/** Float32 outputs of the model by ONNX Runtime, one map a frame. */
export async function runFloat(
  model: Pick<CompiledModel, 'graph' | 'name'>,
  frames: readonly NamedTensors[],
): Promise<Map<string, Tensor>[]> {
  const session = await createFloatSession(writeOnnx(model.graph), model.name);
  try {
    const outputs: Map<string, Tensor>[] = [];
    for (const inputs of frames) outputs.push(await session.run(inputs));
    return outputs;
  } finally {
    await session.release();
  }
}

/** Accuracy of one output and frame. */
export interface OutputAccuracy extends Accuracy {
  readonly output: string;
  readonly frame: number;
}

/** Accuracy of each float output and frame. Outputs of other types have none. */
export function compareOutputs(expected: readonly NamedTensors[], found: readonly NamedTensors[]): OutputAccuracy[] {
  return expected.flatMap((outputs, frame) =>
    [...outputs].flatMap(([output, tensor]) => {
      const other = found[frame].get(output);
      if (!(tensor.data instanceof Float32Array) || !(other?.data instanceof Float32Array)) return [];
      return [{ output, frame, ...measureAccuracy(tensor.data, other.data) }];
    }),
  );
}
