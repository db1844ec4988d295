/** Ranges of float values over calibration inputs: what the quantizer chooses binary points from. Specification: docs/numbers.md, section 8. */
import type { ValueRange } from '../compiler/quantize/ranges.ts';
import type { Graph, Tensor } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx/write-onnx.ts';
import { InputError } from '../util/errors.ts';
import { createFloatSession, type NamedTensors } from './float-session.ts';
import { exposeValues } from './subgraph.ts';

/**
 * Runs the float model on every sample and watches the named values (inputs, outputs or anything between).
 * @param names values to watch; names of inputs take the ranges of the samples themselves
 * @throws InputError when a value becomes NaN or infinite
 */
export async function calibrate(
  graph: Graph,
  names: readonly string[],
  samples: readonly NamedTensors[],
): Promise<Map<string, ValueRange>> {
  const inputs = new Set(graph.inputs.map((input) => input.name));
  const computed = names.filter((name) => !inputs.has(name));
  const ranges = new Map<string, ValueRange>();
  const session = await createFloatSession(writeOnnx(exposeValues(graph, computed)), graph.name);
  try {
    for (const sample of samples) {
      const values = await session.run(sample);
      for (const name of names) widenRange(ranges, name, (inputs.has(name) ? sample : values).get(name));
    }
  } finally {
    await session.release();
  }
  return ranges;
}

function widenRange(ranges: Map<string, ValueRange>, name: string, tensor: Tensor | undefined): void {
  if (!tensor) throw new InputError(`calibration: the model has no value '${name}'`);
  if (Array.isArray(tensor.data)) throw new InputError(`calibration: value '${name}' holds strings`);
  const data = tensor.data as Float32Array;
  let { min, max } = ranges.get(name) ?? { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    const v = data[i];
    if (v < min) min = v;
    if (v > max) max = v;
    sum += v - v; // NaN for NaN and infinities
  }
  if (Number.isNaN(sum)) {
    throw new InputError(`calibration: value '${name}' becomes infinite or NaN in float32; check the inputs' scale and the model`);
  }
  ranges.set(name, { min, max, sample: takeSample(ranges.get(name)?.sample, data) });
}

/** Values kept of each tensor and calibration input. */
const SAMPLE_SIZE = 1024;

/** Appends values at even distances, prime to most row lengths. */
function takeSample(before: Float32Array | undefined, data: Float32Array): Float32Array {
  const step = data.length <= SAMPLE_SIZE ? 1 : Math.floor(data.length / SAMPLE_SIZE) | 1;
  const count = Math.ceil(data.length / step);
  const sample = new Float32Array((before?.length ?? 0) + count);
  if (before) sample.set(before);
  for (let i = 0; i < count; i++) sample[sample.length - count + i] = data[i * step];
  return sample;
}
