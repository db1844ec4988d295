/** Seeded random input tensors: standard normal values, as normalized pictures have. */
import type { Graph, Tensor, ValueInfo } from '../graph/graph.ts';
import { allocateData, countElements, isFloat } from '../graph/tensor.ts';
import { InputError } from '../util/errors.ts';
import { createRandom, type Random } from '../util/random.ts';
import { concreteDims } from './check-tensor.ts';

/** One random tensor for every input of the graph. The same seed gives the same values. */
export function randomInputs(graph: Pick<Graph, 'inputs'>, seed: number): Map<string, Tensor> {
  const random = createRandom(seed);
  return new Map(graph.inputs.map((input) => [input.name, randomTensor(input, random)]));
}

function randomTensor(input: ValueInfo, random: Random): Tensor {
  if (!isFloat(input.dtype) && input.dtype !== 'uint8') {
    throw new InputError(`input '${input.name}' takes ${input.dtype}: random values make no sense for it; give it with --input`);
  }
  const dims = concreteDims(input);
  const data = allocateData(input.dtype, countElements(dims)) as Float32Array;
  for (let i = 0; i < data.length; i++) data[i] = input.dtype === 'uint8' ? random.integer(0, 255) : random.normal();
  return { dtype: input.dtype, dims, data };
}
