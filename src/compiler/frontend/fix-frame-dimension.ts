/**
 * Pass: the first dimension of every input, when free, becomes one frame. Requires nothing; guarantees that all input shapes are numbers.
 *   input ["batch", 3, 224, 224]   →   input [1, 3, 224, 224]
 */
import type { Graph } from '../../graph/graph.ts';
import { InputError } from '../../util/errors.ts';

/** @throws InputError for other free dimensions and for inputs of unknown rank. */
export function fixFrameDimension(graph: Graph): Graph {
  const inputs = graph.inputs.map((input) => {
    if (input.dims === undefined) {
      throw new InputError(`${graph.name}: input "${input.name}" has no shape; give it with --shape ${input.name}=1,…`);
    }
    const dims = input.dims.map((dim, at) => {
      if (typeof dim === 'number') return dim;
      if (at === 0 && input.dims!.length > 1) return 1;
      const label = dim ?? input.name;
      throw new InputError(
        `${graph.name}: dimension ${at} of input "${input.name}" (${dim === null ? 'unknown' : `"${dim}"`}) has no value; give it with --shape ${label}=…`,
      );
    });
    return { ...input, dims };
  });
  const changed = inputs.some((input, i) => input.dims.some((dim, at) => dim !== graph.inputs[i].dims![at]));
  // Types of intermediate values may still speak of the free dimension: they are inferred anew.
  return changed ? { ...graph, inputs, values: new Map() } : graph;
}
