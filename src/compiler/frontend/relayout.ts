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
    parts: channels === extents.channels ? parts : parts.flatMap((part) => widenPixels(part, extents.channels, channels)),
    fill: 0,
  });
  const result: View = { tensor, axes };
  draft.views.set(key, result);
  return result;
}

/** Words that follow each other in both places when the value is brought into a layout. */
export function layoutRun(draft: Draft, node: GraphNode, index: number, layout: Layout): number {
  const name = node.inputs[index];
  const factored = draft.factored.get(name) ?? factorView(needView(draft, node, index));
  const { parts } = arrange(factored, layout, factoredDims(factored));
  return Math.min(...parts.map(({ words }) => words));
}

/** The part in a tensor with `to` channels per pixel instead of `from`: runs and loops that go on from pixel to pixel are cut there. */
function widenPixels(part: RearrangePart, from: number, to: number): RearrangePart[] {
  const widen = (step: number): number => Math.floor(step / from) * to + (step % from);
  const cut = (current: RearrangePart, count: number, fromStep: number, toStep: number, inner: (count: number) => RearrangePart) => {
    const perPixel = Math.max(1, Math.floor(from / toStep));
    if (toStep === 0 || toStep >= from || count <= perPixel) return [current];
    return Array.from({ length: Math.ceil(count / perPixel) }, (_, at): RearrangePart => {
      const first = at * perPixel;
      const piece = inner(Math.min(perPixel, count - first));
      return {
        ...piece,
        from: { ...piece.from, offset: piece.from.offset + first * fromStep },
        to: { ...piece.to, offset: piece.to.offset + first * toStep },
      };
    });
  };
  return cut(part, part.words, 1, 1, (words) => ({ ...part, words }))
    .flatMap((p) => cut(p, p.columns, p.from.columnStep, p.to.columnStep, (columns) => ({ ...p, columns })))
    .flatMap((p) => cut(p, p.rows, p.from.rowStep, p.to.rowStep, (rows) => ({ ...p, rows })))
    .map((p) => {
      const grid: WordGrid = { offset: widen(p.to.offset), rowStep: widen(p.to.rowStep), columnStep: widen(p.to.columnStep) };
      return { ...p, to: grid };
    });
}
