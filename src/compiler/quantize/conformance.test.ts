/** The ONNX project's own vectors of convolutions and pools through front end, quantizer and reference: expected outputs are theirs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../graph/graph.ts';
import { readOnnx, readTensorPb } from '../../graph/onnx/read-onnx.ts';
import { measureAccuracy } from '../../runtime/accuracy.ts';
import { lowerGraph } from '../frontend/lower-graph.ts';
import { runModel } from './run-model.test-util.ts';

const FOLDER = '../shared/data/node/v1.15.0';
const CASES = /^test_(averagepool_[12]d|maxpool_[12]d|globalaveragepool|globalmaxpool|basic_conv|conv_with)/;
const cases = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => CASES.test(name)) : [];
if (cases.length === 0) console.warn(`skipped: ONNX operator vectors (no ${FOLDER})`);

const MIN_SQNR_DB = 50;

describe.skipIf(cases.length === 0)('ONNX operator vectors', () => {
  it.each(cases.map((name) => [name]))('%s', async (name) => {
    const graph = readOnnx(readFileSync(`${FOLDER}/${name}/model.onnx`), { source: name });
    const tensorOf = (file: string) => readTensorPb(readFileSync(`${FOLDER}/${name}/test_data_set_0/${file}`), file);
    const given = graph.inputs.map((_, at) => tensorOf(`input_${at}.pb`));
    // The vectors pass weights as inputs; a network has them as constants.
    const [activation, ...weights] = graph.inputs;
    const initializers = new Map([...graph.initializers, ...weights.map((info, at) => [info.name, given[at + 1]] as const)]);
    const constant: Graph = { ...graph, inputs: [activation], initializers };
    if (activation.dtype !== 'float32') {
      expect(lowerGraph(constant).placement[0]).toMatchObject({ where: 'host', how: expect.stringContaining('expected float32') });
      return;
    }
    const run = await runModel(constant, new Map([[activation.name, given[0]]]));
    const output = tensorOf('output_0.pb').data as Float32Array;
    expect(measureAccuracy(output, run.actual.get(graph.outputs[0].name)!).sqnrDb).toBeGreaterThan(MIN_SQNR_DB);
  });
});
