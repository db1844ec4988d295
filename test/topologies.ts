/** The ONNX project's full-size topologies (../shared/data/light) on the simulated machine: every weight of a net is one constant, so they prove shapes and bits, not numbers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTensorPb } from '../src/graph/onnx/read-onnx.ts';
import { compileModel } from '../src/runtime/compile-model.ts';
import { loadModel } from '../src/runtime/load-model.ts';
import { createReferenceDevice } from '../src/runtime/reference-device.ts';
import { runModel, timingsOf } from '../src/runtime/run-model.ts';
import { createSimulatorDevice } from '../src/runtime/simulator-device.ts';
import { compareModelBits, compareOutputs, describeDifference } from '../src/runtime/verify-model.ts';
import { SHARED_DATA } from './run-cli.ts';

const FOLDER = join(SHARED_DATA, 'light');

export interface TopologyResult {
  readonly cycles: number;
  /** Of the accelerator's nodes, as the model has them. */
  readonly macs: number;
  readonly words: number;
  /** Undefined when all words are the reference's. */
  readonly difference: string | undefined;
  /** Infinity: equal to the golden output. */
  readonly sqnrDb: number;
  /** Share of the MACs, 0 to 1. */
  readonly acceleratedShare: number;
  readonly seconds: number;
}

/** Names of the topologies; none where the data is absent. */
export function listTopologies(): string[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER)
    .filter((file) => file.startsWith('light_') && file.endsWith('.onnx'))
    .map((file) => file.replace('.onnx', ''));
}

/** Compiles and runs one; bits against the reference, output against the golden one. */
export async function runTopology(name: string): Promise<TopologyResult> {
  const started = performance.now();
  const graph = loadModel(join(FOLDER, `${name}.onnx`));
  const read = (what: string) => readTensorPb(readFileSync(join(FOLDER, `${name}_${what}_0.pb`)), `${name}_${what}`);
  const inputs = new Map([[graph.inputs[0].name, read('input')]]);
  const expected = new Map([[graph.outputs[0].name, read('output')]]);
  const model = await compileModel(graph, { samples: [inputs] });
  const run = await runModel(model, createSimulatorDevice(model.programs, { timing: true }), [inputs]);
  const bits = await compareModelBits(model.integerGraphs, createReferenceDevice(model.integerGraphs), run, 1);
  const macs = (nodes: typeof model.lowered.placement): number => nodes.reduce((sum, node) => sum + node.macs, 0);
  const { placement } = model.lowered;
  const onHost = macs(placement.filter(({ where }) => where === 'host'));
  return {
    cycles: timingsOf(run).reduce((sum, { cycles }) => sum + cycles, 0),
    macs: macs(placement) - onHost,
    words: bits.words,
    difference: bits.difference && describeDifference(bits.difference),
    sqnrDb: Math.min(...compareOutputs([expected], run.outputs).map(({ sqnrDb }) => sqnrDb)),
    acceleratedShare: 1 - onHost / macs(placement),
    seconds: (performance.now() - started) / 1000,
  };
}
