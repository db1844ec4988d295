/** What builders of nodes that only move words share: pushing a rearrangement and the view of its result. */
import type { GraphNode } from '../../../graph/graph.ts';
import type { RearrangePart } from '../../../graph/integer-graph.ts';
import { addTensor, type Draft } from '../draft.ts';
import type { LayerTensor } from '../layer-graph.ts';
import { findRuns, makeParts } from '../rearrange-parts.ts';
import { Unsupported } from '../unsupported.ts';
import { type Axis, makeView, type View } from '../view.ts';

type Extents = Pick<LayerTensor, 'height' | 'width' | 'channels'>;

/** More parts than this would cost more in descriptors than the host takes for the whole. */
const MAX_PARTS = 4096;

export const AXES: readonly Axis[] = ['height', 'width', 'channels'];

/** What the dimensions of a value of each rank usually are. */
const USUAL_AXES: Readonly<Record<number, readonly (Axis | undefined)[]>> = {
  2: [undefined, 'channels'],
  3: [undefined, 'channels', 'width'],
  4: [undefined, 'channels', 'height', 'width'],
};

/** A rearrangement of `inputs` into the node's output (`at`: which one). */
export function pushRearrange(
  draft: Draft,
  node: GraphNode,
  inputs: readonly LayerTensor[],
  extents: Extents,
  parts: readonly RearrangePart[],
  options: { readonly fill?: number; readonly at?: number } = {},
): LayerTensor {
  const { fill = 0, at = 0 } = options;
  if (parts.length > MAX_PARTS) throw new Unsupported(`it moves ${parts.length} pieces; ${MAX_PARTS} at most are moved on the accelerator`);
  const output = addTensor(draft, node.outputs[at], extents);
  draft.layers.push({
    kind: 'rearrange',
    name: at === 0 ? node.name : `${node.name}#${at}`,
    nodes: [node.name],
    inputs: inputs.map((tensor) => tensor.id),
    output: output.id,
    parts,
    fill,
  });
  return output;
}

/** Which tensor axis every dimension runs over; undefined for dimensions of size 1. Unsupported where a dimension runs over several. */
export function singleAxes(view: View): (Axis | undefined)[] {
  return view.axes.map((axes) => {
    if (axes.length > 1)
      throw new Unsupported('its input was reshaped so that a dimension runs over several of channels, rows and columns');
    return axes[0];
  });
}

/**
 * The node's result where each dimension is an index map of its own: `sources[d][i]` is the index of input dimension d that result index i takes,
 * −1 for the fill value; undefined where the dimension stays as it is.
 */
export function pushIndexMaps(
  draft: Draft,
  node: GraphNode,
  view: View,
  sources: readonly (readonly number[] | undefined)[],
  options: { readonly fill?: number; readonly at?: number } = {},
): void {
  const axes = singleAxes(view);
  const { tensor } = view;
  const maps: Record<Axis, readonly number[]> = {
    height: Array.from({ length: tensor.height }, (_, i) => i),
    width: Array.from({ length: tensor.width }, (_, i) => i),
    channels: Array.from({ length: tensor.channels }, (_, i) => i),
  };
  // A dimension of size 1 that grows takes the axis that is usual for it, or one that no dimension has.
  const free = new Set(AXES.filter((axis) => !axes.includes(axis)));
  const resultAxes = sources.map((map, dim): Axis | undefined => {
    const usual = USUAL_AXES[view.axes.length]?.[dim];
    const axis = axes[dim] ?? (map && map.length > 1 ? (usual && free.has(usual) ? usual : [...free][0]) : undefined);
    if (axis) free.delete(axis);
    if (map && axis) maps[axis] = map;
    else if (map && (map.length !== 1 || map[0] !== 0)) throw new Unsupported('it changes a dimension that no axis of a map stands for');
    return axis;
  });
  const extents = { height: maps.height.length, width: maps.width.length, channels: maps.channels.length };
  if (extents.height * extents.width * extents.channels === 0) throw new Unsupported('its result is empty');
  const parts = makeParts(0, tensor, extents, findRuns(maps.height), findRuns(maps.width), findRuns(maps.channels));
  const output = pushRearrange(draft, node, [tensor], extents, parts, options);
  draft.views.set(
    node.outputs[options.at ?? 0],
    makeView(
      output,
      resultAxes.map((axis) => (axis ? [axis] : [])),
    ),
  );
}
