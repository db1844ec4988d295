/** Runs a model once in float32 (ONNX Runtime) and once through lowering, quantization and the integer reference, for tests of accuracy. */
import type { Graph, Tensor } from '../../graph/graph.ts';
import type { IntegerGraph } from '../../graph/integer-graph.ts';
import { writeOnnx } from '../../graph/onnx/write-onnx.ts';
import { fromWords, toWords } from '../../reference/border.ts';
import { runReference } from '../../reference/run-reference.ts';
import { measureAccuracy } from '../../runtime/accuracy.ts';
import { calibrate } from '../../runtime/calibrate.ts';
import { createFloatSession } from '../../runtime/float-session.ts';
import { createRandom } from '../../util/random.ts';
import { fixFrameDimension } from '../frontend/fix-frame-dimension.ts';
import type { HostPart } from '../frontend/host-part.ts';
import type { LayerGraph } from '../frontend/layer-graph.ts';
import { acceleratorParts, type LoweredModel, lowerGraph } from '../frontend/lower-graph.ts';
import { addProbes } from '../frontend/probe.ts';
import { type QuantizeOptions, quantize } from './quantize.ts';
import { collectRangeNames } from './ranges.ts';
import { verifyIntegerGraph } from './verify-integer-graph.ts';

export interface ModelRun {
  readonly lowered: LoweredModel;
  /** Of the first part on the accelerator. */
  readonly integer: IntegerGraph;
  /** Outputs of the model: float32 and through the accelerator. */
  readonly expected: ReadonlyMap<string, Float32Array>;
  readonly actual: ReadonlyMap<string, Float32Array>;
  /** Least SQNR over the outputs, in dB. */
  readonly sqnrDb: number;
}

type Values = Map<string, Tensor>;

async function runFloat(graph: Graph, inputs: Values): Promise<Values> {
  const session = await createFloatSession(writeOnnx(graph), graph.name);
  const outputs = await session.run(inputs);
  await session.release();
  return outputs;
}

async function runPart(part: HostPart, values: Values): Promise<void> {
  for (const [name, tensor] of await runFloat(part.graph, values)) values.set(name, tensor);
}

function runAccelerator(integer: IntegerGraph, values: Values): void {
  verifyIntegerGraph(integer);
  const words = new Map(
    integer.inputs.map((border) => {
      return [border.name, toWords(border, integer.tensors[border.tensor], values.get(border.name)!.data as Float32Array).words];
    }),
  );
  const results = runReference(integer, words);
  for (const border of integer.outputs) {
    const data = fromWords(border, integer.tensors[border.tensor], results.get(border.tensor)!);
    values.set(border.name, { dtype: 'float32', dims: border.dims, data });
  }
}

/** Standard normal values for every input of the graph. */
export function randomInputs(graph: Graph, seed: number): Values {
  const random = createRandom(seed);
  return new Map(
    fixFrameDimension(graph).inputs.map(({ name, dims }) => {
      const numbers = dims as number[];
      const data = Float32Array.from({ length: numbers.reduce((n, dim) => n * dim, 1) }, () => random.normal());
      return [name, { dtype: 'float32', dims: numbers, data }];
    }),
  );
}

/** Calibrates on the inputs themselves. `rewrite` may change the layer graph before quantization. */
export async function runModel(
  graph: Graph,
  inputs: Values,
  options: QuantizeOptions = { mode: 'calibrated' },
  rewrite: (layers: LayerGraph) => LayerGraph = (layers) => layers,
): Promise<ModelRun> {
  const lowered = lowerGraph(graph);
  const layers = acceleratorParts(lowered).map(rewrite);
  const ranges = await calibrate(addProbes(graph, layers), layers.flatMap(collectRangeNames), [inputs]);
  const integers = layers.map((part) => quantize(part, ranges, options));
  const values: Values = new Map([...inputs, ...lowered.constants]);
  let next = 0;
  for (const part of lowered.parts) {
    if (part.where === 'host') await runPart(part.host, values);
    else runAccelerator(integers[next++], values);
  }

  const float = await runFloat(graph, inputs);
  const expected = new Map([...float].map(([name, tensor]) => [name, tensor.data as Float32Array]));
  const actual = new Map([...float.keys()].map((name) => [name, values.get(name)!.data as Float32Array]));
  for (const [name, tensor] of float) {
    const dims = values.get(name)!.dims;
    if (dims.join() !== tensor.dims.join()) throw new Error(`output "${name}" has shape [${dims}], expected [${tensor.dims}]`);
  }
  const sqnrs = [...expected].map(([name, reference]) => measureAccuracy(reference, actual.get(name)!).sqnrDb);
  return { lowered, integer: integers[0], expected, actual, sqnrDb: Math.min(...sqnrs) };
}
