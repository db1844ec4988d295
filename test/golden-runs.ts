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
import { compareModelBits, compareOutputs, describeDifference } from '../src/runtime/verify-model.ts';
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
  readonly inputs: Values;
  readonly outputs: Values;
  /** Outputs of ONNX Runtime. */
  readonly golden: Values;
  /** Of all parts on the accelerator together. */
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
  /** Of each output, dB. */
  readonly sqnrDb: ReadonlyMap<string, number>;
}

/** Compiles a network with its golden input as the calibration and runs it; bits against the reference, outputs against the golden ones. */
export async function runGolden(name: GoldenName): Promise<GoldenRun> {
  const [file, goldenFolder] = GOLDEN[name];
  const folder = join(FOLDER, 'golden', goldenFolder);
  const io = JSON.parse(readFileSync(join(folder, 'io.json'), 'utf8')) as { inputs: Described[]; outputs: Described[] };
  const read = (list: readonly Described[]): Map<string, Tensor> =>
    new Map(list.map(({ name: value, file: npy }) => [value, readNpy(readFileSync(join(folder, npy)), npy)]));
  const [inputs, golden] = [read(io.inputs), read(io.outputs)];
  const shapes = Object.fromEntries(io.inputs.map(({ name: value, dims }) => [value, dims]));
  const model = await compileModel(loadModel(join(FOLDER, file), shapes), { samples: [inputs] });
  const run = await runModel(model, createSimulatorDevice(model.programs, { timing: true }), [inputs]);
  const bits = await compareModelBits(model.integerGraphs, createReferenceDevice(model.integerGraphs), run, 1);
  const timings = timingsOf(run);
  const { placement } = model.lowered;
  const macs = (nodes: typeof placement): number => nodes.reduce((sum, node) => sum + node.macs, 0);
  return {
    graph: model.graph,
    inputs,
    outputs: run.outputs[0],
    golden,
    cycles: timings.reduce((sum, { cycles }) => sum + cycles, 0),
    dramBytes: timings.reduce((sum, { dramReadBytes, dramWriteBytes }) => sum + dramReadBytes + dramWriteBytes, 0),
    clockHz: XC7Z045.clockHz,
    parts: model.programs.length,
    acceleratedShare: 1 - macs(placement.filter(({ where }) => where === 'host')) / macs(placement),
    difference: bits.difference && describeDifference(bits.difference),
    words: bits.words,
    saturatedInputs: run.saturatedInputs,
    sqnrDb: new Map(compareOutputs([golden], run.outputs).map(({ output, sqnrDb }) => [output, sqnrDb])),
  };
}

/** Values of a float32 output. */
export const floatsOf = (values: Values, name: string): Float32Array => values.get(name)!.data as Float32Array;
