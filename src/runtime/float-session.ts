/**
 * Float32 execution by ONNX Runtime: the reference for accuracy, the source of calibration ranges, and the host's share of a network.
 * `#onnxruntime` (package.json, imports) is ONNX Runtime for Node, in a browser the one for the web; it is loaded when the first session wants it.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { DataType, Tensor, TensorData } from '../graph/graph.ts';
import { narrowFloat16, widenFloat16 } from '../graph/tensor.ts';
import { InputError } from '../util/errors.ts';

/** Tensors by value name. */
export type NamedTensors = ReadonlyMap<string, Tensor>;

/** A loaded model. Release it when done: its memory is outside the JavaScript heap. */
export interface FloatSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Values of all outputs. @throws InputError when an input does not fit the model. */
  run(inputs: NamedTensors): Promise<Map<string, Tensor>>;
  release(): Promise<void>;
}

/** Types that ONNX Runtime takes and gives as the same arrays as a Tensor holds; float16 it takes as bit patterns, bfloat16 not at all. */
const SHARED_TYPES: ReadonlySet<DataType> = new Set<DataType>([
  'float32',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'string',
]);

/**
 * Loads a model.
 * @param bytes an ONNX file
 * @param what its name, for messages
 * @throws InputError when ONNX Runtime refuses it
 */
export async function createFloatSession(bytes: Uint8Array, what: string): Promise<FloatSession> {
  const ort = await import('#onnxruntime');
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  } catch (error) {
    throw new InputError(`${what}: ONNX Runtime can not load it: ${(error as Error).message}`);
  }
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (inputs) => {
      const feeds: Record<string, OrtTensor> = {};
      for (const name of session.inputNames) {
        const tensor = inputs.get(name);
        if (!tensor) throw new InputError(`${what}: input '${name}' is missing`);
        feeds[name] = new ort.Tensor(sharedType(name, tensor), sharedData(tensor), tensor.dims);
      }
      try {
        const results = await session.run(feeds);
        return new Map(session.outputNames.map((name) => [name, fromOrtTensor(results[name] as OrtTensor)]));
      } catch (error) {
        throw new InputError(`${what}: ONNX Runtime can not run it: ${(error as Error).message}`);
      }
    },
    release: () => session.release(),
  };
}

function sharedType(name: string, { dtype }: Tensor): 'float32' {
  if (dtype !== 'float16' && !SHARED_TYPES.has(dtype)) throw new InputError(`value '${name}': ONNX Runtime takes no ${dtype} here`);
  return dtype as 'float32';
}

function sharedData({ dtype, data }: Tensor): Float32Array {
  return (dtype === 'float16' ? narrowFloat16(data as Float32Array, dtype) : data) as Float32Array;
}

function fromOrtTensor(tensor: OrtTensor): Tensor {
  if (tensor.type === 'float16') {
    // An array of bit patterns; where JavaScript has one, of 16-bit floats.
    const data = tensor.data instanceof Uint16Array ? widenFloat16(tensor.data, 'float16') : Float32Array.from(tensor.data as Float32Array);
    return { dtype: 'float16', dims: tensor.dims, data };
  }
  return { dtype: tensor.type as DataType, dims: tensor.dims, data: tensor.data as TensorData };
}
