/** Work of the layers of an integer graph as the network defines it, whatever a schedule does: MACs with padding taps skipped, weight bytes. */
import type { IntegerGraph, IntegerLayer, IntegerTensor, Window } from '../graph/integer-graph.ts';
import { validTaps } from '../reference/valid-taps.ts';
import { EqualWords } from '../util/equal-words.ts';

/** Work of one layer and frame. */
export interface LayerWork {
  readonly name: string;
  /** ONNX nodes covered, main node first. */
  readonly nodes: readonly string[];
  /** MACs of one frame. */
  readonly macs: number;
  /** Two bytes a weight; biases are not counted. */
  readonly weightBytes: number;
  /** Layers with the same weights (a recurrent layer's positions) have the same number. */
  readonly weightSet?: number;
}

/** Layers that multiply (convolutions, matrix products, average pools), in execution order. */
export function measureLayerWork(graph: IntegerGraph): LayerWork[] {
  const sets = new EqualWords<number>();
  let count = 0;
  return graph.layers.flatMap((layer) => {
    const macs = layer.definedMacs ?? countMacs(layer, graph.tensors[layer.inputs[0]], graph.tensors[layer.output]);
    const weightBytes = layer.kind === 'conv' ? 2 * layer.weights.length : 0;
    const set = layer.kind === 'conv' ? { weightSet: sets.valueOf(layer.weights, () => count++) } : {};
    return macs > 0 ? [{ name: layer.name, nodes: layer.nodes, macs, weightBytes, ...set }] : [];
  });
}

function countMacs(layer: IntegerLayer, input: IntegerTensor, output: IntegerTensor): number {
  if (layer.kind === 'matmul') return output.height * output.width * output.channels * input.channels;
  if (layer.kind !== 'conv' && layer.kind !== 'averagepool') return 0;
  const inputsPerOutput = layer.kind === 'conv' ? (layer.inputChannels ?? input.channels) / layer.groups : 1;
  const rowTaps = countTaps(layer.window, 0, input.height, output.height);
  const columnTaps = countTaps(layer.window, 1, input.width, output.width);
  return rowTaps * columnTaps * inputsPerOutput * output.channels;
}

function countTaps(window: Window, axis: 0 | 1, size: number, positions: number): number {
  return validTaps(window, axis, size, positions).reduce((sum, { first, end }) => sum + end - first, 0);
}
