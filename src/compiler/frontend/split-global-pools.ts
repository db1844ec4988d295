/**
 * Pass: the mean over a whole map becomes the mean over its columns and then over its rows, where the map's words for one block of channels fill the maps buffer, or
 * where others read the map too (a squeeze-excite gate): it is made by all compute units, each of which can average the rows that it has; a mean in one step would
 * have all of it sent to one place. The constant weights are height + width lines then, not height · width. One rounding more (docs/numbers.md, section 11).
 *
 *     averagepool 32×32  →  averagepool 1×32, averagepool 32×1
 */
import { type FinalLayer, type FloatAveragePool, type LayerGraph, type LayerTensor, NO_CLAMP } from './layer-graph.ts';

/** Channels that a compute unit takes at least. */
const BLOCK_CHANNELS = 64;

/** @param maxWords Words of a map's block of channels that are held at a time. */
export function splitGlobalPools(graph: LayerGraph, maxWords: number): LayerGraph {
  const tensors: LayerTensor[] = [...graph.tensors];
  const readers = new Map<number, number>();
  for (const { inputs } of graph.layers) for (const id of new Set(inputs)) readers.set(id, (readers.get(id) ?? 0) + 1);
  const layers = graph.layers.flatMap((layer): readonly FinalLayer[] => {
    if (layer.kind !== 'averagepool') return [layer];
    const { height, width } = tensors[layer.inputs[0]];
    const isShared = readers.get(layer.inputs[0])! > 1;
    const isSplit = isGlobal(layer, height, width) && (isShared || height * width * BLOCK_CHANNELS > maxWords);
    return isSplit ? splitLayer(tensors, layer) : [layer];
  });
  return { ...graph, tensors, layers };
}

function isGlobal({ window: { kernel, pads, dilation } }: FloatAveragePool, height: number, width: number): boolean {
  const isWhole = kernel[0] === height && kernel[1] === width && height > 1 && width > 1;
  return isWhole && pads.every((pad) => pad === 0) && dilation.every((step) => step === 1);
}

function splitLayer(tensors: LayerTensor[], layer: FloatAveragePool): FinalLayer[] {
  const { height, width, channels } = tensors[layer.inputs[0]];
  const id = tensors.length;
  const name = `${tensors[layer.output].name}#columns`;
  tensors.push({ id, name, height, width: 1, channels, measurable: false });
  const { window } = layer;
  return [
    { ...layer, name: `${layer.name}#columns`, output: id, window: { ...window, kernel: [1, width], stride: [1, 1] }, clamp: NO_CLAMP },
    {
      ...layer,
      ...(layer.definedMacs === undefined ? {} : { definedMacs: 0 }),
      inputs: [id],
      window: { ...window, kernel: [height, 1], stride: [1, 1] },
    },
  ];
}
