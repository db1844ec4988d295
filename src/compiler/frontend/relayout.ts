/**
 * Values in the layout that a layer needs: as they lie where that fits, otherwise rearranged into a tensor of their own, once for all readers.
 * Specification: docs/compiler.md ("Products of activations").
 */
import type { GraphNode } from '../../graph/graph.ts';
import type { RearrangePart, WordGrid } from '../../graph/integer-graph.ts';
import { addTensor, type Draft, needView } from './draft.ts';
import { arrange, factoredDims, factorView } from './factored-view.ts';
import { Unsupported } from './unsupported.ts';
import { type Axis, isChannels, sameAxes, type View, viewDims } from './view.ts';

/** Which tensor axis each dimension of a value runs over; undefined for dimensions of size 1. */
export type Layout = readonly (Axis | undefined)[];

/** ONNX dimensions of an input, without bringing it into a tensor. */
export function inputDims(draft: Draft, node: GraphNode, index: number): number[] {
  const name = node.inputs[index];
  const factored = draft.factored.get(name);
  return factored && !draft.views.has(name) ? factoredDims(factored) : viewDims(needView(draft, node, index));
}

/** The last dimension as channels, the others as rows and columns. */
export function needChannelsLast(draft: Draft, node: GraphNode, index: number): View {
  const dims = inputDims(draft, node, index);
  const last = dims.length - 1;
  const view = draft.views.get(node.inputs[index]);
  if (view && isChannels(view, last)) return view;
  return needLayout(draft, node, index, channelsLast(dims));
}

/** Rows, columns and channels are the last three dimensions. */
export function channelsLast(dims: readonly number[]): Layout {
  const axes: readonly Axis[] = ['height', 'width', 'channels'];
  return dims.map((_, dim) => axes[dim - dims.length + 3]);
}

/** @param lineWords channels per pixel are a multiple of this; those beyond the value's are 0 */
export function needLayout(draft: Draft, node: GraphNode, index: number, layout: Layout, lineWords = 1): View {
  const name = node.inputs[index];
  const view = draft.views.get(name);
  const fits = (v: View): boolean => v.axes.every((axes, dim) => sameAxes(axes, v.tensor[layout[dim]!] > 1 ? [layout[dim]!] : []));
  const isKnown = view !== undefined && layout.every((axis, dim) => axis !== undefined || view.axes[dim].length === 0);
  if (view && isKnown && fits(view) && view.tensor.channels % lineWords === 0) return view;
  const key = `${name}#${layout.map((axis) => axis?.[0] ?? '1').join('')}${lineWords}`;
  const known = draft.views.get(key);
  if (known) return known;

  const factored = draft.factored.get(name) ?? factorView(needView(draft, node, index));
  const sizes = factoredDims(factored);
  if (layout.some((axis, dim) => axis === undefined && sizes[dim] > 1)) {
    throw new Unsupported(`its input ${index} has shape [${sizes.join(', ')}], which is no map of one frame`);
  }
  const { extents, parts, axes } = arrange(factored, layout, sizes);
  const channels = Math.ceil(extents.channels / lineWords) * lineWords;
  const tensor = addTensor(draft, key, { ...extents, channels }, name);
  draft.layers.push({
    kind: 'rearrange',
    name: `${node.name}#${index}`,
    nodes: [...factored.nodes].reverse().concat(node.name),
    inputs: [factored.tensor.id],
    output: tensor.id,
    parts: channels === extents.channels ? parts : parts.map((part) => widenPixels(part, extents.channels, channels)),
    fill: 0,
  });
  const result: View = { tensor, axes };
  draft.views.set(key, result);
  return result;
}

/** The part in a tensor with more channels per pixel. */
function widenPixels(part: RearrangePart, from: number, to: number): RearrangePart {
  if (part.words > from) throw new Unsupported('its pixels would have to be moved apart one by one');
  const widen = (step: number): number => Math.floor(step / from) * to + (step % from);
  const grid: WordGrid = { offset: widen(part.to.offset), rowStep: widen(part.to.rowStep), columnStep: widen(part.to.columnStep) };
  return { ...part, to: grid };
}
