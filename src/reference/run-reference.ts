/**
 * Executes an integer graph layer by layer: the arbiter of bits. No timing, no tiles, no buffers.
 * Specification: docs/numbers.md.
 */
import type { IntegerGraph, IntegerLayer } from '../graph/integer-graph.ts';
import { InputError } from '../util/errors.ts';
import { executeAdd } from './add.ts';
import { executeAveragePool } from './average-pool.ts';
import { executeConcat } from './concat.ts';
import { executeConvolution } from './convolution.ts';
import { executeMatMul } from './matmul.ts';
import { executeMaxPool } from './max-pool.ts';
import { executeMaximum, executeMul } from './mul.ts';
import { executeRearrange } from './rearrange.ts';
import { executeTable } from './table.ts';

/** Options of a reference run. */
export interface ReferenceOptions {
  /** Called after each layer with its result, e.g. for progress or to compare layer by layer. */
  readonly onLayer?: (layer: IntegerLayer, index: number, words: Int16Array) => void;
}

/**
 * Words of every tensor (by tensor id, height × width × channels, channels last) of one frame.
 * `inputs` holds the words of each input by its border name, in the same layout.
 * Throws InputError when an input is missing or has the wrong number of words.
 */
export function runReference(
  graph: IntegerGraph,
  inputs: ReadonlyMap<string, Int16Array>,
  options: ReferenceOptions = {},
): Map<number, Int16Array> {
  const words = new Map<number, Int16Array>();
  for (const { name, tensor } of graph.inputs) {
    const { height, width, channels } = graph.tensors[tensor];
    const given = inputs.get(name);
    if (!given) throw new InputError(`Input "${name}" is missing: give ${height}×${width}×${channels} words.`);
    if (given.length !== height * width * channels) {
      throw new InputError(`Input "${name}" has ${given.length} words, expected ${height}×${width}×${channels}.`);
    }
    words.set(tensor, given);
  }
  graph.layers.forEach((layer, index) => {
    const result = executeLayer(
      graph,
      layer,
      layer.inputs.map((id) => words.get(id)!),
    );
    words.set(layer.output, result);
    options.onLayer?.(layer, index, result);
  });
  return words;
}

/** One layer on the words of its inputs. */
export function executeLayer(graph: IntegerGraph, layer: IntegerLayer, inputs: readonly Int16Array[]): Int16Array {
  const tensors = layer.inputs.map((id) => graph.tensors[id]);
  const output = graph.tensors[layer.output];
  switch (layer.kind) {
    case 'conv':
      return executeConvolution(layer, tensors[0], output, inputs[0]);
    case 'maxpool':
      return executeMaxPool(layer, tensors[0], output, inputs[0]);
    case 'averagepool':
      return executeAveragePool(layer, tensors[0], output, inputs[0]);
    case 'add':
      return executeAdd(layer, inputs[0], inputs[1]);
    case 'matmul':
      return executeMatMul(layer, tensors, inputs);
    case 'mul':
      return executeMul(layer, inputs[0], inputs[1]);
    case 'maximum':
      return executeMaximum(layer, inputs[0], inputs[1]);
    case 'constant':
      return layer.words;
    case 'table':
      return executeTable(layer, inputs[0]);
    case 'concat':
      return executeConcat(output, tensors, inputs);
    case 'rearrange':
      return executeRearrange(layer, output, inputs);
  }
}
