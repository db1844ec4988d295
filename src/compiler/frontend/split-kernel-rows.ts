/**
 * Pass: a convolution becomes one for each row of its kernel, and their sum. A wide dilation spreads the rows of a window over more of the input than a maps buffer
 * holds; each row alone needs one row of it. The rows' windows are moved by their pads, which may be negative. Like every split sum it is another
 * integer graph, with one more rounding a part (docs/numbers.md, section 11).
 *
 *     conv 3×3 dilation 24  →  conv 1×3 of the first, second and third kernel row, add, add
 */
import { type FinalLayer, type FloatConv, type LayerGraph, type LayerTensor, NO_CLAMP } from './layer-graph.ts';

/** @param isSplit Which convolutions; those of one kernel row stay. */
export function splitKernelRows(graph: LayerGraph, isSplit: (layer: FloatConv) => boolean): LayerGraph {
  const tensors = [...graph.tensors];
  const layers = graph.layers.flatMap((layer): readonly FinalLayer[] =>
    layer.kind === 'conv' && layer.window.kernel[0] > 1 && isSplit(layer) ? splitLayer(tensors, layer) : [layer],
  );
  return { ...graph, tensors, layers };
}

function splitLayer(tensors: LayerTensor[], layer: FloatConv): FinalLayer[] {
  const output = tensors[layer.output];
  const addTensor = (suffix: string): number => {
    const id = tensors.length;
    tensors.push({ ...output, id, name: `${output.name}#${suffix}`, measurable: false, partOf: layer.sumName ?? output.name });
    return id;
  };
  const { window, weights, sumName: _, ...common } = layer;
  const [rows, columns] = window.kernel;
  const [top, left, bottom, right] = window.pads;
  const result: FinalLayer[] = [];
  let sum = -1;
  for (let row = 0; row < rows; row++) {
    const part = addTensor(`row${row}`);
    const moved = row * window.dilation[0];
    const below = (rows - 1) * window.dilation[0] - moved;
    result.push({
      ...common,
      name: `${layer.name}#row${row}`,
      output: part,
      window: { ...window, kernel: [1, columns], pads: [top - moved, left, bottom - below, right] },
      weights: { ...weights, offset: weights.offset + row * weights.strides.row },
      bias: row === 0 ? layer.bias : new Float64Array(layer.bias.length),
      clamp: NO_CLAMP,
    });
    if (row > 0) {
      const isLast = row === rows - 1;
      const total = isLast ? layer.output : addTensor(`rows${row}`);
      const name = isLast ? layer.name : `${layer.name}#rows${row}`;
      result.push({ kind: 'add', name, nodes: layer.nodes, inputs: [sum, part], output: total, clamp: isLast ? layer.clamp : NO_CLAMP });
      sum = total;
    } else sum = part;
  }
  return result;
}
