/** The host's share of a run: float parts before, between and behind those of the accelerator, and the conversion of tensors at its borders. */
import type { HostPart } from '../compiler/frontend/host-part.ts';
import { canFold, foldConstants } from '../graph/fold-constants.ts';
import type { Tensor } from '../graph/graph.ts';
import type { BorderValue, IntegerGraph } from '../graph/integer-graph.ts';
import { writeOnnx } from '../graph/onnx/write-onnx.ts';
import { toNumbers } from '../graph/tensor.ts';
import { fromWords, toWords } from '../reference/border.ts';
import { InputError } from '../util/errors.ts';
import { createFloatSession, type FloatSession, type NamedTensors } from './float-session.ts';

/** Runs a host part on the values known so far and adds its outputs to them. */
export interface HostRunner {
  run(values: Map<string, Tensor>): Promise<void>;
  release(): Promise<void>;
}

/**
 * A runner for a host part: ONNX Runtime, or, for what it has no kernel for (some integer and 16-bit types), the evaluators of constant folding.
 * @throws InputError when neither can run it
 */
export async function createHostRunner(part: HostPart): Promise<HostRunner> {
  let session: FloatSession;
  try {
    session = await createFloatSession(writeOnnx(part.graph), part.graph.name);
  } catch (error) {
    if (error instanceof InputError && canFold(part.graph)) return createFoldingRunner(part, error);
    throw error;
  }
  return {
    run: async (values) => {
      for (const [name, tensor] of await session.run(values)) values.set(name, tensor);
    },
    release: () => session.release(),
  };
}

/** Folds the part with its inputs as constants. @param refusal What to throw where an operator can't be evaluated exactly. */
function createFoldingRunner(part: HostPart, refusal: InputError): HostRunner {
  return {
    run: async (values) => {
      const initializers = new Map(part.graph.initializers);
      for (const name of part.inputs) initializers.set(name, values.get(name)!);
      const folded = foldConstants({ ...part.graph, inputs: [], initializers });
      for (const name of part.outputs) {
        const tensor = folded.initializers.get(name);
        if (!tensor) throw refusal;
        values.set(name, tensor);
      }
    },
    release: async () => {},
  };
}

export interface QuantizedInputs {
  readonly words: Map<string, Int16Array>;
  /** Values beyond the range of their tensor's binary point. */
  readonly saturated: number;
}

/** Words of the accelerator's inputs. @throws InputError for missing, misshapen or non-finite values */
export function quantizeInputs(graph: IntegerGraph, values: NamedTensors): QuantizedInputs {
  const words = new Map<string, Int16Array>();
  let saturated = 0;
  for (const border of graph.inputs) {
    const tensor = values.get(border.name);
    if (!tensor) throw new InputError(`input '${border.name}' is missing`);
    const floats = tensor.data instanceof Float32Array ? tensor.data : Float32Array.from(toNumbers(tensor));
    const result = toWords(border, graph.tensors[border.tensor], floats);
    words.set(border.name, result.words);
    saturated += result.saturated;
  }
  return { words, saturated };
}

/** The float tensor that an output's words stand for. */
export function dequantizeOutput(graph: IntegerGraph, border: BorderValue, words: Int16Array): Tensor {
  return { dtype: 'float32', dims: border.dims, data: fromWords(border, graph.tensors[border.tensor], words) };
}
