/** Networks with real weights on real inputs (../shared/data/pretrained), on the simulated machine and the host, beside what ONNX Runtime makes of them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Graph, Tensor } from '../src/graph/graph.ts';
import { XC7Z045 } from '../src/machine/machine.ts';
import { compileModel } from '../src/runtime/compile-model.ts';
import { loadModel } from '../src/runtime/load-model.ts';
import { readNpy } from '../src/runtime/npy.ts';
import { createReferenceDevice } from '../src/runtime/reference-device.ts';
import { runModel, timingsOf } from '../src/runtime/run-model.ts';
import { createSimulatorDevice } from '../src/runtime/simulator-device.ts';
import { compareModelBits, compareOutputs, describeDifference, type OutputAccuracy } from '../src/runtime/verify-model.ts';
import { SHARED_DATA } from './run-cli.ts';

const FOLDER = join(SHARED_DATA, 'pretrained');

export type Values = ReadonlyMap<string, Tensor>;

interface Described {
  readonly name: string;
  readonly dims: readonly number[];
  readonly file: string;
}

/** A network and its golden input: file of the model, folder of the input and the outputs. */
export const GOLDEN = {
  mnist: ['mnist-8/mnist-8.onnx', 'mnist-8_mnist-8'],
  superResolution: ['super-resolution-10/super-resolution-10.onnx', 'super-resolution-10_super-resolution-10'],
  ultraface: ['ultraface/version-RFB-320.onnx', 'ultraface_version-RFB-320'],
  yunet: ['yunet_n_320_320.onnx', 'yunet_n_320_320'],
  fastestDet: ['FastestDet.onnx', 'FastestDet'],
  yoloxNano: ['yolox_nano.onnx', 'yolox_nano'],
  background: ['onnxjs_teams_msra_190729.onnx', 'onnxjs_teams_msra_190729'],
  silero: ['silero/silero_vad_openvino_16k.onnx', 'silero_silero_vad_openvino_16k'],
  sentences: ['byte_sb_bidi_lstm/byte_sb_bidi_lstm.onnx', 'byte_sb_bidi_lstm_byte_sb_bidi_lstm'],
  tracker: ['vitTracker.onnx', 'vitTracker'],
} as const;

export type GoldenName = keyof typeof GOLDEN;

/** The data lies beside the project. */
export const hasGolden = existsSync(FOLDER);

export interface GoldenRun {
  readonly graph: Graph;
  readonly frames: number;
  /** Of the first frame. */
  readonly inputs: Values;
  readonly outputs: Values;
  /** Outputs of ONNX Runtime. */
  readonly golden: Values;
  /** Of all frames, and of all parts on the accelerator together. */
  readonly cycles: number;
  readonly dramBytes: number;
  readonly clockHz: number;
  /** Parts of the model on the accelerator; with more than one there are host parts between them. */
  readonly parts: number;
  /** Of the MACs, 0 to 1. */
  readonly acceleratedShare: number;
  /** Undefined when all words are the reference's. */
  readonly difference: string | undefined;
  readonly words: number;
  /** Input values that the binary points don't reach. */
  readonly saturatedInputs: number;
  /** Least of the frames for each output, dB. */
  readonly sqnrDb: ReadonlyMap<string, number>;
}

function leastByOutput(accuracy: readonly OutputAccuracy[]): Map<string, number> {
  const least = new Map<string, number>();
  for (const { output, sqnrDb } of accuracy) least.set(output, Math.min(least.get(output) ?? Infinity, sqnrDb));
  return least;
}

/** Sequences or pictures that golden values hold: their first dimension where all share one. */
function countFrames(values: readonly Described[]): number {
  const [first, ...others] = values.map(({ dims }) => dims[0] ?? 1);
  return others.every((count) => count === first) ? first : 1;
}

function splitFrames(values: Values, frames: number): Map<string, Tensor>[] {
  return Array.from(
    { length: frames },
    (_, frame) => new Map([...values].map(([name, tensor]) => [name, takeFrame(tensor, frame, frames)])),
  );
}

function takeFrame({ dtype, dims, data }: Tensor, frame: number, frames: number): Tensor {
  const size = data.length / frames;
  return { dtype, dims: [dims[0] / frames, ...dims.slice(1)], data: data.slice(frame * size, (frame + 1) * size) };
}

/** Compiles a network with its golden input as the calibration and runs it; bits against the reference, outputs against the golden ones. */
export async function runGolden(name: GoldenName): Promise<GoldenRun> {
  const [file, goldenFolder] = GOLDEN[name];
  const folder = join(FOLDER, 'golden', goldenFolder);
  const io = JSON.parse(readFileSync(join(folder, 'io.json'), 'utf8')) as { inputs: Described[]; outputs: Described[] };
  const read = (list: readonly Described[]): Map<string, Tensor> =>
    new Map(list.map(({ name: value, file: npy }) => [value, readNpy(readFileSync(join(folder, npy)), npy)]));
  const frames = countFrames([...io.inputs, ...io.outputs]);
  const [inputs, golden] = [splitFrames(read(io.inputs), frames), splitFrames(read(io.outputs), frames)];
  const shapes = Object.fromEntries([...inputs[0]].map(([value, { dims }]) => [value, dims]));
  const model = await compileModel(loadModel(join(FOLDER, file), shapes), { samples: inputs, frames });
  const run = await runModel(model, createSimulatorDevice(model.programs, { timing: true }), inputs);
  const bits = await compareModelBits(model.integerGraphs, createReferenceDevice(model.integerGraphs, { frames }), run, frames);
  const timings = timingsOf(run);
  const { placement } = model.lowered;
  const macs = (nodes: typeof placement): number => nodes.reduce((sum, node) => sum + node.macs, 0);
  return {
    graph: model.graph,
    frames,
    inputs: inputs[0],
    outputs: run.outputs[0],
    golden: golden[0],
    cycles: timings.reduce((sum, { cycles }) => sum + cycles, 0),
    dramBytes: timings.reduce((sum, { dramReadBytes, dramWriteBytes }) => sum + dramReadBytes + dramWriteBytes, 0),
    clockHz: XC7Z045.clockHz,
    parts: model.programs.length,
    acceleratedShare: 1 - macs(placement.filter(({ where }) => where === 'host')) / macs(placement),
    difference: bits.difference && describeDifference(bits.difference),
    words: bits.words,
    saturatedInputs: run.saturatedInputs,
    sqnrDb: leastByOutput(compareOutputs(golden, run.outputs)),
  };
}

/** Values of a float32 output. */
export const floatsOf = (values: Values, name: string): Float32Array => values.get(name)!.data as Float32Array;
