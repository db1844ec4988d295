/** Constants that are neither one number nor one per channel: maps of their own. */
import type { GraphNode } from '../../../graph/graph.ts';
import { needFloats } from '../attributes.ts';
import type { Draft } from '../draft.ts';
import type { LayerTensor } from '../layer-graph.ts';
import { Unsupported } from '../unsupported.ts';
import { type Axis, makeView, type View, viewDims } from '../view.ts';
import { innerTensor, partOf } from './push.ts';

export interface Constant {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** A constant of another shape as a map of the view's shape. @param change of every value. */
export function addConstantMap(
  draft: Draft,
  node: GraphNode,
  view: View,
  constant: Constant,
  change: (v: number) => number = (v) => v,
  suffix = 'constant',
): View {
  const dims = viewDims(view);
  const lead = dims.length - constant.dims.length;
  if (lead < 0 || constant.dims.some((size, d) => size !== 1 && size !== dims[d + lead])) {
    throw new Unsupported(`its constant of shape [${constant.dims.join(', ')}] is larger than its input [${dims.join(', ')}]`);
  }
  const { height, width, channels } = view.tensor;
  // Distance in the constant from one row, column, channel of the map to the next.
  const steps: Record<Axis, number> = { height: 0, width: 0, channels: 0 };
  let step = 1;
  for (let d = constant.dims.length - 1; d >= 0; d--) {
    if (constant.dims[d] === 1) continue;
    let inner = step;
    for (const axis of [...view.axes[d + lead]].reverse()) {
      steps[axis] = inner;
      inner *= view.tensor[axis];
    }
    step *= constant.dims[d];
  }
  const values = new Float32Array(height * width * channels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++, at++) {
        values[at] = change(constant.data[y * steps.height + x * steps.width + c * steps.channels]);
      }
    }
  }
  const output = innerTensor(draft, node, suffix, view.tensor);
  draft.layers.push({ kind: 'constant', ...partOf(node, suffix), inputs: [], output: output.id, values });
  return makeView(output, view.axes);
}

/** A constant input as a map whose dimensions run over the axes that those of `like` run over, one each; its sizes are its own. */
export function needConstantMap(draft: Draft, node: GraphNode, index: number, like: View): View {
  const constant = needFloats(draft.graph, node, index, 'the constant');
  if (constant.dims.length !== like.axes.length || like.axes.some((axes) => axes.length > 1)) {
    throw new Unsupported(`its constant of shape [${constant.dims.join(', ')}] does not lie as its other inputs`);
  }
  const sizeOf = (axis: Axis): number => {
    const dim = like.axes.findIndex(([own]) => own === axis);
    return dim < 0 ? 1 : constant.dims[dim];
  };
  const extents = { height: sizeOf('height'), width: sizeOf('width'), channels: sizeOf('channels') };
  if (extents.height * extents.width * extents.channels !== constant.data.length) {
    throw new Unsupported(`its constant of shape [${constant.dims.join(', ')}] has a dimension that its other inputs do not have`);
  }
  const tensor: LayerTensor = { ...like.tensor, ...extents };
  return addConstantMap(draft, node, makeView(tensor, like.axes), constant, (v) => v, `constant${index}`);
}
