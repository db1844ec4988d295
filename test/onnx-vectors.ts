/**
 * The ONNX project's operator vectors (../shared/data/node) through the whole stack: import, placement, compiler, simulator, host. Every case runs as
 * it is; where its activation alone reaches the accelerator (weights as constants, as networks have them) it runs in that form too.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataType, Graph, Tensor } from '../src/graph/graph.ts';
import { readOnnx, readTensorPb } from '../src/graph/onnx/read-onnx.ts';
import { toNumbers, widenFloat16 } from '../src/graph/tensor.ts';
import { type CompiledModel, compileModel } from '../src/runtime/compile-model.ts';
import { createReferenceDevice } from '../src/runtime/reference-device.ts';
import { runModel } from '../src/runtime/run-model.ts';
import { createSimulatorDevice } from '../src/runtime/simulator-device.ts';
import { compareModelBits, describeDifference } from '../src/runtime/verify-model.ts';
import { InputError, JobError } from '../src/util/errors.ts';
import { SHARED_DATA } from './run-cli.ts';

const VECTORS = join(SHARED_DATA, 'node/v1.15.0');

/** Operators that issue 4 wants to pass, on the accelerator or the host; a vector of one of them must not be refused for it. */
const WANTED_OPERATORS: ReadonlySet<string> = new Set(
  (
    'Conv ConvTranspose Resize Upsample Pad LRN MaxPool AveragePool GlobalMaxPool GlobalAveragePool Add Sub Mul Div Neg Max Min Sum Reshape Transpose Concat ' +
    'Split Slice PRelu Elu Selu Sigmoid HardSigmoid Tanh HardSwish Mish Gelu Erf Exp Softplus Relu LeakyRelu Clip MatMul Gemm LSTM GRU RNN Softmax ' +
    'LayerNormalization InstanceNormalization BatchNormalization ReduceMean ReduceSum ReduceMax ArgMax DepthToSpace SpaceToDepth Shape Gather Cast ' +
    'ConstantOfShape Range Where If Loop Flatten Squeeze Unsqueeze Identity Dropout'
  ).split(' '),
);

export interface VectorResult {
  readonly name: string;
  readonly operators: readonly string[];
  /** `accelerated`: at least one node of one form ran on the accelerator. */
  readonly status: 'accelerated' | 'host' | 'refused' | 'differs' | 'failed';
  /** Why it was refused or what is wrong. */
  readonly detail: string;
}

/** Whether a case must pass: all its operators are wanted ones. */
export function isWanted({ operators }: VectorResult): boolean {
  return operators.length > 0 && operators.every((op) => WANTED_OPERATORS.has(op));
}

/** Cases on which ONNX Runtime differs from the vector, hence the host does, too; and one that rounds otherwise. */
const KNOWN_DIFFERENCES: ReadonlyMap<string, string> = new Map([
  ['test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True', 'ambiguous in the standard'],
  ['test_resize_downsample_scales_cubic_align_corners', 'ambiguous in the standard'],
  ['test_resize_downsample_scales_linear_align_corners', 'ambiguous in the standard'],
  ['test_cast_FLOAT_to_BFLOAT16', 'the vector cuts bits off, we round to the nearest even; ONNX Runtime for JavaScript has no bfloat16'],
  ['test_cast_FLOAT_to_STRING', 'ONNX Runtime prints other digits of the same numbers'],
]);

/** Names of the cases; none where the data is absent. */
export function listVectors(): string[] {
  return existsSync(VECTORS) ? readdirSync(VECTORS).filter((name) => existsSync(join(VECTORS, name, 'model.onnx'))) : [];
}

/** Relative and absolute tolerance of the ONNX project's own runner: for what the host computes. */
const HOST_TOLERANCE = { relative: 1e-3, absolute: 1e-7 } as const;

/**
 * Share of the largest value that an accelerated result may be off: 16 steps of a 16-bit format that just holds the largest input or output, which
 * leaves room for the roundings of inputs, weights, sums and table (docs/numbers.md).
 */
const ACCELERATOR_TOLERANCE = 16 * 2 ** -15;

type Feeds = ReadonlyMap<string, Tensor>;

/** Runs one case in all its forms. */
export async function runVector(name: string): Promise<VectorResult> {
  let operators: string[] = [];
  try {
    const graph = readOnnx(readFileSync(join(VECTORS, name, 'model.onnx')), { source: name });
    operators = [...new Set(graph.nodes.map(({ op }) => op))];
    const data = join(VECTORS, name, 'test_data_set_0');
    const read = (file: string, dtype: DataType) => withType(readTensorPb(readFileSync(join(data, file)), `${name}/${file}`), dtype);
    const feeds = new Map(graph.inputs.map((input, i) => [input.name, read(`input_${i}.pb`, input.dtype)]));
    const expected = new Map(graph.outputs.map((output, i) => [output.name, read(`output_${i}.pb`, output.dtype)]));
    let accelerated = false;
    for (const form of formsOf(graph, feeds)) {
      const model = await compileModel(form, { samples: [onlyInputs(form, feeds)] });
      // The second form is there for the accelerator alone.
      if (form !== graph && model.programs.length === 0) continue;
      const wrong = await checkForm(model, onlyInputs(form, feeds), expected);
      if (wrong !== undefined && KNOWN_DIFFERENCES.has(name))
        return { name, operators, status: 'differs', detail: KNOWN_DIFFERENCES.get(name)! };
      if (wrong !== undefined) return { name, operators, status: 'failed', detail: form === graph ? wrong : `with constants: ${wrong}` };
      accelerated ||= model.programs.length > 0;
      if (accelerated) break;
    }
    return { name, operators, status: accelerated ? 'accelerated' : 'host', detail: '' };
  } catch (error) {
    if (error instanceof InputError) return { name, operators, status: 'refused', detail: error.message };
    const detail = error instanceof JobError ? error.message : ((error as Error).stack ?? String(error));
    return { name, operators, status: 'failed', detail };
  }
}

/** The vectors store bfloat16 as bit patterns. */
function withType(tensor: Tensor, dtype: DataType): Tensor {
  if (dtype !== 'bfloat16' || tensor.dtype !== 'uint16') return tensor;
  return { dtype, dims: tensor.dims, data: widenFloat16(tensor.data as Uint16Array, dtype) };
}

/** The case as it is, and with everything but its first input as constants. */
function formsOf(graph: Graph, feeds: Feeds): Graph[] {
  const [activation, ...others] = graph.inputs;
  if (others.length === 0 || activation.dtype !== 'float32') return [graph];
  const initializers = new Map([...graph.initializers, ...others.map(({ name }) => [name, feeds.get(name)!] as const)]);
  return [graph, { ...graph, inputs: [activation], initializers }];
}

function onlyInputs(graph: Graph, feeds: Feeds): Map<string, Tensor> {
  return new Map(graph.inputs.map(({ name }) => [name, feeds.get(name)!]));
}

/** What is wrong with a run, if anything. */
async function checkForm(model: CompiledModel, feeds: Feeds, expected: Feeds): Promise<string | undefined> {
  const run = await runModel(model, createSimulatorDevice(model.programs), [feeds]);
  const bits = await compareModelBits(model.integerGraphs, createReferenceDevice(model.integerGraphs), run, 1);
  if (bits.difference) return `the simulator differs from the reference: ${describeDifference(bits.difference)}`;
  const scale = model.programs.length === 0 ? undefined : largest([...feeds.values(), ...expected.values()]);
  for (const [name, tensor] of expected) {
    const wrong = compareTensors(tensor, run.outputs[0].get(name), scale);
    if (wrong !== undefined) return `output '${name}': ${wrong}`;
  }
  return undefined;
}

/** Largest magnitude of float values. */
function largest(tensors: readonly Tensor[]): number {
  let most = 0;
  for (const { data } of tensors) if (data instanceof Float32Array) for (const v of data) if (Math.abs(v) > most) most = Math.abs(v);
  return most;
}

/** @param scale Largest magnitude of an accelerated case's values; undefined for a case of the host. */
function compareTensors(expected: Tensor, found: Tensor | undefined, scale: number | undefined): string | undefined {
  if (!found) return 'missing';
  if (found.dims.join() !== expected.dims.join()) return `shape [${found.dims}], expected [${expected.dims}]`;
  if (found.dtype !== expected.dtype) return `type ${found.dtype}, expected ${expected.dtype}`;
  if (Array.isArray(expected.data)) return expected.data.join('\0') === (found.data as string[]).join('\0') ? undefined : 'other strings';
  const [a, b] = [toNumbers(expected), toNumbers(found)];
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue;
    const allowed =
      scale === undefined ? HOST_TOLERANCE.absolute + HOST_TOLERANCE.relative * Math.abs(a[i]) : scale * ACCELERATOR_TOLERANCE;
    if (!(Math.abs(a[i] - b[i]) <= allowed)) return `element ${i} is ${b[i]}, expected ${a[i]} ± ${allowed.toPrecision(3)}`;
  }
  return undefined;
}
