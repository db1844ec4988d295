/**
 * Splits the reductions that a machine cannot hold: windows spread over more rows than a maps buffer, kernels longer than a weights buffer, and flat layers whose frames do not fit the maps buffers together
 * (streaming the weights twice would cost more). Runs before quantization, because a split is another integer graph (docs/numbers.md, section 11).
 */
import { fieldInfo, fieldRange } from '../../../isa/field-codes.ts';
import { LINE_WORDS, type Machine, mapsWords, weightsLines } from '../../../machine/machine.ts';
import { channelsRead, type FloatConv, type LayerGraph } from '../../frontend/layer-graph.ts';
import { splitGlobalPools } from '../../frontend/split-global-pools.ts';
import { splitKernelRows } from '../../frontend/split-kernel-rows.ts';
import { splitReduction } from '../../frontend/split-reduction.ts';

/** Words of one tap, which is a whole frame of a flat layer: what the descriptor's field holds. */
const MAX_TAP_WORDS = fieldRange(fieldInfo('MAC.words').spec).high;
/** Words of the maps buffer left to results. */
const RESULT_WORDS_SHARE = 1 / 8;

export function limitReductions(source: LayerGraph, machine: Machine, frames: number): LayerGraph {
  const pooled = splitGlobalPools(source, mapsWords(machine) * (1 - RESULT_WORDS_SHARE));
  const graph = splitKernelRows(pooled, (layer) => isSpread(pooled, layer, machine));
  // One parameter line.
  const kernelWords = (weightsLines(machine) - 1) * LINE_WORDS;
  // Two groups side by side, so that one is loaded while the other is in use.
  const doubleWords = (Math.floor(weightsLines(machine) / 2) - 1) * LINE_WORDS;
  const framesPerCu = Math.ceil(frames / machine.computeUnits);
  const flatWords = Math.min(MAX_TAP_WORDS, Math.floor((mapsWords(machine) * (1 - RESULT_WORDS_SHARE)) / framesPerCu));
  const flat = graph.layers.filter((layer): layer is FloatConv => layer.kind === 'conv' && isFlat(graph, layer));
  const long = graph.layers.filter((layer): layer is FloatConv => layer.kind === 'conv' && !flat.includes(layer));
  const first = splitReduction(graph, { maxWords: Math.min(kernelWords, flatWords), layers: flat.map((layer) => layer.name) });
  // A line more for every tap: its last partial step.
  const limitOf = ({ window: { kernel } }: FloatConv): number => doubleWords - kernel[0] * kernel[1] * LINE_WORDS;
  return long.reduce((current, layer) => splitReduction(current, { maxWords: limitOf(layer), layers: [layer.name] }), first);
}

/** Do the rows of one window not fit the maps buffer, dilated as they are, and would stripes of columns need as much again, or twice as much as they have, for their edges? */
function isSpread(graph: LayerGraph, layer: FloatConv, machine: Machine): boolean {
  const input = graph.tensors[layer.inputs[0]!]!;
  const output = graph.tensors[layer.output]!;
  const [rows, columns] = layer.window.kernel.map((size, axis) => (size - 1) * layer.window.dilation[axis]!);
  const columnWords = (rows! + 1) * channelsRead(layer, input);
  const limit = mapsWords(machine) * (1 - RESULT_WORDS_SHARE);
  const stripe = limit / columnWords - columns!;
  return (
    layer.groups === 1 &&
    layer.window.dilation[0] > 1 &&
    columnWords * input.width > limit &&
    (2 * columns! >= output.width || 2 * stripe < columns!)
  );
}

/** Does the kernel cover the input map, once? Then all frames are computed together. */
function isFlat(graph: LayerGraph, layer: FloatConv): boolean {
  const input = graph.tensors[layer.inputs[0]!]!;
  const output = graph.tensors[layer.output]!;
  const covers = layer.window.kernel[0] === input.height && layer.window.kernel[1] === input.width;
  return covers && output.height === 1 && output.width === 1 && channelsRead(layer, input) > 0;
}
