/** Whether a tensor is what a network's input takes: type and shape, with messages that name both. */
import type { Tensor, ValueInfo } from '../graph/graph.ts';
import { InputError } from '../util/errors.ts';

/** Dims of an input, all known. @throws InputError naming the dimension that is not. */
export function concreteDims(input: ValueInfo): readonly number[] {
  if (!input.dims) throw new InputError(`input '${input.name}' has no shape in the model; give it with --shape ${input.name}=…`);
  return input.dims.map((dim) => {
    if (typeof dim === 'number') return dim;
    const shape = input.dims!.map((d) => d ?? '?').join(',');
    throw new InputError(
      `input '${input.name}' has the dynamic shape ${shape}: give it with --shape ${input.name}=${shape.replace(/[^\d,]+/g, '1')}`,
    );
  });
}

/** @throws InputError when the tensor is not of the input's type and shape, naming both. */
export function checkTensor(tensor: Tensor, input: ValueInfo, what: string): void {
  const dims = concreteDims(input);
  const shape = (d: readonly number[]): string => (d.length === 0 ? 'a scalar' : d.join('×'));
  if (tensor.dtype !== input.dtype) {
    throw new InputError(`${what}: holds ${tensor.dtype}, but input '${input.name}' takes ${input.dtype}`);
  }
  if (tensor.dims.length !== dims.length || tensor.dims.some((d, i) => d !== dims[i])) {
    throw new InputError(`${what}: has shape ${shape(tensor.dims)}, but input '${input.name}' takes ${shape(dims)}`);
  }
}
