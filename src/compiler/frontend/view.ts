/**
 * How an ONNX value lies in a height × width × channels tensor. ONNX reshapes and transposes freely; the accelerator's tensors stay where they are
 * (channels last), and a view says which of its axes each ONNX dimension runs over. Reshape, Flatten, Squeeze, Unsqueeze and Transpose are then
 * changes of view that cost nothing, as long as no axis is split.
 */
import type { BorderValue } from '../../graph/integer-graph.ts';
import type { LayerTensor } from './layer-graph.ts';

export type Axis = 'height' | 'width' | 'channels';

/** Per ONNX dimension the tensor axes it enumerates, slowest first; axes of size 1 are left out, so a dimension of size 1 has none. */
export interface View {
  readonly tensor: LayerTensor;
  readonly axes: readonly (readonly Axis[])[];
}

const CHANNELS_FIRST: readonly Axis[] = ['channels', 'height', 'width'];
const CHANNELS_LAST: readonly Axis[] = ['height', 'width', 'channels'];

/** ONNX dimensions of the value. */
export function viewDims(view: View): number[] {
  return view.axes.map((axes) => axes.reduce((n, axis) => n * view.tensor[axis], 1));
}

export function makeView(tensor: LayerTensor, axes: readonly (readonly Axis[])[]): View {
  return { tensor, axes: axes.map((list) => list.filter((axis) => tensor[axis] > 1)) };
}

/** The same axes on another tensor whose height, width and channels play the same parts. */
export function viewLike(view: View, tensor: LayerTensor): View {
  return makeView(tensor, view.axes);
}

export function sameAxes(a: readonly Axis[], b: readonly Axis[]): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i]);
}

/** True if the dimension runs over exactly the tensor's channels (or is 1 and so are the channels). */
export function isChannels(view: View, dim: number): boolean {
  return sameAxes(view.axes[dim], view.tensor.channels > 1 ? ['channels'] : []);
}

/** How the value looks at the border, or undefined when its element order is neither channels first nor channels last. */
export function borderOf(view: View, name: string): BorderValue | undefined {
  const { tensor } = view;
  const dims = viewDims(view);
  const order = view.axes.flat();
  const matches = (wanted: readonly Axis[]) =>
    sameAxes(
      order,
      wanted.filter((axis) => tensor[axis] > 1),
    );
  if (dims.length === 2 && tensor.height === 1 && tensor.width === 1) return { name, tensor: tensor.id, dims, order: 'nc' };
  if (matches(CHANNELS_FIRST)) return { name, tensor: tensor.id, dims, order: 'nchw' };
  if (matches(CHANNELS_LAST)) return { name, tensor: tensor.id, dims, order: 'nwc' };
  return undefined;
}

/** Tensor extents and axes of a border input with these ONNX dimensions; undefined for ranks the accelerator has no layout for. */
export function layoutOfInput(
  dims: readonly number[],
  channelsLast: boolean,
): { height: number; width: number; channels: number; axes: Axis[][] } | undefined {
  if (dims.some((dim) => dim < 1) || (dims.length > 1 && dims[0] !== 1)) return undefined;
  const ranks: Readonly<Record<number, Axis[][]>> = channelsLast
    ? { 3: [[], ['width'], ['channels']], 4: [[], ['height'], ['width'], ['channels']] }
    : { 1: [['channels']], 2: [[], ['channels']], 3: [[], ['channels'], ['width']], 4: [[], ['channels'], ['height'], ['width']] };
  const axes = ranks[dims.length];
  if (axes === undefined) return undefined;
  const size = (axis: Axis): number => {
    const at = axes.findIndex((list) => list.includes(axis));
    return at < 0 ? 1 : dims[at];
  };
  return { height: size('height'), width: size('width'), channels: size('channels'), axes };
}
