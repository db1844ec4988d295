/** The host's share of a run: float parts before, between and behind those of the accelerator, and the conversion of tensors at its borders. */
import type { HostPart } from '../compiler/frontend/host-part.ts';
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

/** A runner for a host part. */
export async function createHostRunner(part: HostPart): Promise<HostRunner> {
  const session: FloatSession = await createFloatSession(writeOnnx(part.graph), part.graph.name);
  return {
    run: async (values) => {
      for (const [name, tensor] of await session.run(values)) values.set(name, tensor);
    },
    release: () => session.release(),
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
