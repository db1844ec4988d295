/** Sliding-window geometry of Conv and pool nodes in the axes of a tensor: kernel, stride, dilation, padding, output size. */
import type { GraphNode } from '../../graph/graph.ts';
import type { Window } from '../../graph/integer-graph.ts';
import { NodeContext, type ValueLookup } from '../../graph/shapes/node-context.ts';
import { resolveWindow } from '../../graph/window.ts';
import type { Draft } from './draft.ts';
import { Unsupported } from './unsupported.ts';
import type { View } from './view.ts';

type PlaneAxis = 'height' | 'width';

/** One spatial dimension of the node mapped to an axis of the tensor. */
export interface SpatialDim {
  readonly axis: PlaneAxis;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number;
  readonly output: number;
}

/** Tensor axes that the value's spatial dimensions (2 and up) run over; a dimension of size 1 takes an axis that is free. */
export function spatialAxes(view: View): PlaneAxis[] {
  const spatial = view.axes.slice(2);
  if (spatial.length < 1 || spatial.length > 2) {
    throw new Unsupported(`its input has rank ${view.axes.length}; one or two spatial dimensions are supported (rank 3 or 4)`);
  }
  const fixed = spatial.map((axes) => axes[0]);
  if (
    spatial.some((axes) => axes.length > 1) ||
    fixed.includes('channels') ||
    new Set(fixed.filter(Boolean)).size < fixed.filter(Boolean).length
  ) {
    throw new Unsupported('its input was transposed or reshaped so that its dimensions are not channels, rows and columns of a map');
  }
  const free = (spatial.length === 1 ? ['width', 'height'] : ['height', 'width']).filter((axis) => !fixed.includes(axis as PlaneAxis));
  return fixed.map((axis) => (axis as PlaneAxis | undefined) ?? (free.shift() as PlaneAxis));
}

/** Nothing but the node's attributes: the geometry needs no other values. */
export const NO_VALUES: ValueLookup = { type: () => undefined, constant: () => undefined };

/** Geometry of every spatial dimension. `kernel` is the attribute kernel_shape or, for Conv, the weights' shape. */
export function readSpatialDims(draft: Draft, node: GraphNode, view: View, kernel: readonly number[]): SpatialDim[] {
  const axes = spatialAxes(view);
  const sizes = axes.map((axis) => view.tensor[axis]);
  const { strides, dilations, pads, outSize } = resolveWindow(new NodeContext(node, draft.graph.opset, NO_VALUES), sizes, kernel);
  return axes.map((axis, d) => {
    const [padBegin, padEnd] = [pads[d], pads[axes.length + d]];
    return { axis, kernel: kernel[d], stride: strides[d], dilation: dilations[d], padBegin, padEnd, output: outSize[d] };
  });
}

/** The window in tensor axes; an axis without a spatial dimension has kernel 1. */
export function makeWindow(dims: readonly SpatialDim[]): Window {
  const at = (axis: PlaneAxis) => dims.find((dim) => dim.axis === axis);
  const row = at('height');
  const column = at('width');
  return {
    kernel: [row?.kernel ?? 1, column?.kernel ?? 1],
    stride: [row?.stride ?? 1, column?.stride ?? 1],
    dilation: [row?.dilation ?? 1, column?.dilation ?? 1],
    pads: [row?.padBegin ?? 0, column?.padBegin ?? 0, row?.padEnd ?? 0, column?.padEnd ?? 0],
  };
}

/** Output extents in tensor axes. */
export function outputPlane(dims: readonly SpatialDim[], view: View): { height: number; width: number } {
  const size = (axis: PlaneAxis) => dims.find((dim) => dim.axis === axis)?.output ?? view.tensor[axis];
  return { height: size('height'), width: size('width') };
}

/** Axes of the node's output value: frame, channels, spatial dimensions as they came in. */
export function windowAxes(dims: readonly SpatialDim[]): ('height' | 'width' | 'channels')[][] {
  return [[], ['channels'], ...dims.map((dim) => [dim.axis])];
}
