/**
 * Refuses NaN and infinite weights. Only constants that a layer multiplies or adds per channel count as weights: an attention mask or a Clip
 * bound may well hold −∞.
 */
import { InputError } from '../util/errors.ts';
import type { Graph } from './graph.ts';
import { isFinite32 } from './tensor.ts';

const WEIGHTED: ReadonlySet<string> = new Set([
  ...['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'BatchNormalization', 'InstanceNormalization', 'LayerNormalization', 'GroupNormalization'],
  ...['PRelu', 'LSTM', 'GRU', 'RNN', 'Mul', 'Gather'],
]);

/** @throws InputError naming the first initializer with a NaN or an infinity and the node that uses it. */
export function checkWeights(graph: Graph, where: string): void {
  const checked = new Set<string>();
  for (const node of graph.nodes) {
    if (!WEIGHTED.has(node.op)) continue;
    for (const name of node.inputs) {
      const tensor = graph.initializers.get(name);
      if (tensor === undefined || checked.has(name)) continue;
      checked.add(name);
      const { data } = tensor;
      const finite = data instanceof Float32Array ? isFinite32(data) : data instanceof Float64Array ? data.every(Number.isFinite) : true;
      if (!finite) {
        const index = (data as Float32Array).findIndex((value) => !Number.isFinite(value));
        throw new InputError(
          `${where}: initializer "${name}" of node "${node.name}" (${node.op}) holds ${data[index]} at index ${index}; weights must be finite`,
        );
      }
    }
  }
}
