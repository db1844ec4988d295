/**
 * Operators of two operands: two maps (an add, mul or maximum layer; what is broadcast is a single pixel or is spread by a convolution with weights 1), or a
 * map and a constant (an affine layer, a clamp, or the constant as a map). ONNX operators Add, Sum, Sub, Mul, Div, Max, Min.
 */
import type { GraphNode } from '../../../graph/graph.ts';
import { findConstant, needFloats } from '../attributes.ts';
import { addTensor, type Draft, needView } from '../draft.ts';
import { type Expression, X } from '../expression.ts';
import { type FloatClamp, type LayerTensor, NO_CLAMP } from '../layer-graph.ts';
import { type Layout, needLayout } from '../relayout.ts';
import { Unsupported } from '../unsupported.ts';
import { type Axis, isChannels, makeView, sameAxes, type View, viewDims } from '../view.ts';
import { addConstantMap, type Constant } from './constant-map.ts';
import { type Extents, fill, innerTensor, negate, POINTWISE, partOf, pushAffine, pushClamp } from './push.ts';

type PairKind = 'add' | 'mul' | 'maximum';

/** A constant broadcast against the view, as one value per channel; undefined if it is not one. */
function findPerChannel(view: View, constant: Constant): Float64Array | undefined {
  const { channels } = view.tensor;
  if (constant.data.length === 1 && constant.dims.length <= view.axes.length) return new Float64Array(channels).fill(constant.data[0]);
  const lead = view.axes.length - constant.dims.length;
  const varying = constant.dims.flatMap((size, d) => (size > 1 ? [d + lead] : []));
  if (lead < 0 || varying.length !== 1 || !isChannels(view, varying[0]) || constant.data.length !== channels) return undefined;
  return Float64Array.from(constant.data);
}

/**
 * One value per channel. @param fromTheFront PRelu's older exports: a list [channels] means dimension 1, not the last.
 * @throws Unsupported for constants of other shapes
 */
export function perChannel(view: View, constant: Constant, fromTheFront = false): Float64Array {
  const known = findPerChannel(view, constant);
  if (known) return known;
  const isList = fromTheFront && constant.dims.length === 1 && constant.data.length === view.tensor.channels;
  if (isList && view.axes.length > 1 && isChannels(view, 1)) return Float64Array.from(constant.data);
  throw new Unsupported(
    `its constant of shape [${constant.dims.join(', ')}] is not one value or one per channel of a [${viewDims(view).join(', ')}] tensor`,
  );
}

interface WithConstant {
  readonly view: View;
  readonly constant: Constant;
  /** One value per channel, if the constant is that. */
  readonly values: Float64Array | undefined;
  /** True for constant ∘ activation. */
  readonly constantFirst: boolean;
}

/** The activation and the constant of a node with two inputs; undefined if both are activations. */
function splitConstant(draft: Draft, node: GraphNode): WithConstant | undefined {
  for (const index of [1, 0]) {
    if (findConstant(draft.graph, node, index) === undefined) continue;
    const view = needView(draft, node, 1 - index);
    const constant = needFloats(draft.graph, node, index, 'the constant');
    return { view, constant, values: findPerChannel(view, constant), constantFirst: index === 0 };
  }
  return undefined;
}

/** Axes and extents of the two views' common broadcast. */
function broadcastOf(a: View, b: View): { axes: (readonly Axis[])[]; extents: Extents } {
  const rank = Math.max(a.axes.length, b.axes.length);
  const raise = (view: View): (readonly Axis[])[] => [...new Array<Axis[]>(rank - view.axes.length).fill([]), ...view.axes];
  const [left, right] = [raise(a), raise(b)];
  const fits = left.every((axes, dim) => axes.length === 0 || right[dim].length === 0 || sameAxes(axes, right[dim]));
  const axes = left.map((list, dim) => (list.length > 0 ? list : right[dim]));
  const all = axes.flat();
  const sizes = (axis: Axis): number => Math.max(a.tensor[axis], b.tensor[axis]);
  const isOne = (['height', 'width', 'channels'] as const).every((axis) =>
    [a, b].every(({ tensor }) => tensor[axis] === 1 || tensor[axis] === sizes(axis)),
  );
  if (!fits || !isOne || new Set(all).size < all.length) {
    throw new Unsupported(
      `it combines tensors of shape [${viewDims(a).join(', ')}] and [${viewDims(b).join(', ')}] that lie differently (rows, columns, channels)`,
    );
  }
  return { axes, extents: { height: sizes('height'), width: sizes('width'), channels: sizes('channels') } };
}

/**
 * A tensor with these extents from one that has 1 in place of some of them: channels by a 1×1 convolution, rows and columns by a depthwise one whose padded
 * kernel sees exactly one pixel everywhere; all weights are 1.
 */
function spread(draft: Draft, node: GraphNode, suffix: string, from: LayerTensor, extents: Extents): LayerTensor {
  let tensor = from;
  const convolve = (to: Extents, name: string, groups: number, kernel: readonly [number, number]): void => {
    const output = innerTensor(draft, node, `${suffix}${name}`, to);
    draft.layers.push({
      kind: 'conv',
      ...partOf(node, `${suffix}${name}`),
      inputs: [tensor.id],
      output: output.id,
      window: { ...POINTWISE, kernel, pads: [kernel[0] - 1, kernel[1] - 1, kernel[0] - 1, kernel[1] - 1] },
      groups,
      weights: { data: Float32Array.of(1), offset: 0, strides: { output: 0, row: 0, column: 0, input: 0 } },
      bias: new Float64Array(to.channels),
      clamp: NO_CLAMP,
    });
    tensor = output;
  };
  if (tensor.channels < extents.channels) convolve({ ...tensor, channels: extents.channels }, 'Channels', 1, [1, 1]);
  const kernel = [tensor.height < extents.height ? extents.height : 1, tensor.width < extents.width ? extents.width : 1] as const;
  if (kernel[0] > 1 || kernel[1] > 1) convolve(extents, 'Pixels', extents.channels, kernel);
  return tensor;
}

/** A layer of two maps. A pixel of all channels serves all pixels of the other map (not for maximum); everything else is spread first. */
export function pushPair(draft: Draft, node: GraphNode, kind: PairKind, a: View, b: View, name?: { output: string; inner: boolean }): View {
  const { axes, extents } = broadcastOf(a, b);
  const isFull = ({ tensor }: View): boolean =>
    tensor.height === extents.height && tensor.width === extents.width && tensor.channels === extents.channels;
  const [first, second] = isFull(a) || !isFull(b) ? [a, b] : [b, a];
  const whole = spread(draft, node, 'spread', first.tensor, extents);
  const isPixel = kind !== 'maximum' && second.tensor.height === 1 && second.tensor.width === 1;
  const other = spread(draft, node, 'spread2', second.tensor, isPixel ? { ...second.tensor, channels: extents.channels } : extents);
  const output = addTensor(draft, name?.output ?? node.outputs[0], extents, !name?.inner);
  draft.layers.push({
    kind,
    ...(name?.inner ? partOf(node, name.output.slice(name.output.lastIndexOf('#') + 1)) : { name: node.name, nodes: [node.name] }),
    inputs: [whole.id, other.id],
    output: output.id,
    clamp: NO_CLAMP,
  });
  const view = makeView(output, axes);
  draft.views.set(name?.output ?? node.outputs[0], view);
  return view;
}

/** Two inputs; where the same dimensions run over other axes, one is rearranged: the one whose last dimension is not channels. */
function needPair(draft: Draft, node: GraphNode, first: number, second: number): [View, View] {
  const [a, b] = [needView(draft, node, first), needView(draft, node, second)];
  const isAlike = a.axes.length === b.axes.length && viewDims(a).join() === viewDims(b).join();
  if (!isAlike || a.axes.every((axes, dim) => sameAxes(axes, b.axes[dim]))) return [a, b];
  const last = a.axes.length - 1;
  const layoutOf = (view: View): Layout | undefined =>
    view.axes.every((axes) => axes.length <= 1) ? view.axes.map(([axis]) => axis) : undefined;
  const [layoutA, layoutB] = [layoutOf(a), layoutOf(b)];
  if (layoutA && (isChannels(a, last) || !isChannels(b, last))) return [a, needLayout(draft, node, second, layoutA)];
  return layoutB ? [needLayout(draft, node, first, layoutB), b] : [a, b];
}

/** Chain of layers over all inputs, left to right. */
function pushChain(draft: Draft, node: GraphNode, kind: PairKind): void {
  if (node.inputs.length === 2) {
    pushPair(draft, node, kind, ...needPair(draft, node, 0, 1));
    return;
  }
  let result = needView(draft, node, 0);
  if (node.inputs.length === 1) draft.views.set(node.outputs[0], result);
  for (let i = 1; i < node.inputs.length; i++) {
    const isLast = i === node.inputs.length - 1;
    const output = isLast ? node.outputs[0] : `${node.outputs[0]}#${kind}${i}`;
    result = pushPair(draft, node, kind, result, needView(draft, node, i), { output, inner: !isLast });
  }
}

export function buildAdd(draft: Draft, node: GraphNode): void {
  const mixed = splitConstant(draft, node);
  if (!mixed) pushChain(draft, node, 'add');
  else if (mixed.values) pushAffine(draft, node, mixed.view, fill(mixed.view, 1), mixed.values);
  else pushPair(draft, node, 'add', mixed.view, addConstantMap(draft, node, mixed.view, mixed.constant));
}

export function buildSum(draft: Draft, node: GraphNode): void {
  if (node.inputs.length === 2) buildAdd(draft, node);
  else pushChain(draft, node, 'add');
}

/** a − b is a + (−b). */
export function buildSub(draft: Draft, node: GraphNode): void {
  const mixed = splitConstant(draft, node);
  if (!mixed) {
    const [a, b] = needPair(draft, node, 0, 1);
    pushPair(draft, node, 'add', a, negate(draft, node, b, 'negative'));
    return;
  }
  const { view, values, constant, constantFirst } = mixed;
  if (values) {
    const bias = constantFirst ? values : values.map((v) => -v);
    pushAffine(draft, node, view, fill(view, constantFirst ? -1 : 1), bias);
  } else if (constantFirst) {
    pushPair(draft, node, 'add', negate(draft, node, view, 'negative'), addConstantMap(draft, node, view, constant));
  } else {
    pushPair(
      draft,
      node,
      'add',
      view,
      addConstantMap(draft, node, view, constant, (v) => -v),
    );
  }
}

export function buildMul(draft: Draft, node: GraphNode): void {
  const mixed = splitConstant(draft, node);
  if (!mixed) pushPair(draft, node, 'mul', ...needPair(draft, node, 0, 1));
  else if (mixed.values) pushAffine(draft, node, mixed.view, mixed.values, fill(mixed.view, 0));
  else pushPair(draft, node, 'mul', mixed.view, addConstantMap(draft, node, mixed.view, mixed.constant));
}

/** Division by a map is multiplication by its reciprocal, a table; by a constant, by the constant's reciprocal. */
export function buildDiv(draft: Draft, node: GraphNode): void {
  const mixed = splitConstant(draft, node);
  if (!mixed) {
    const [a, b] = needPair(draft, node, 0, 1);
    pushPair(draft, node, 'mul', a, reciprocal(draft, node, b));
    return;
  }
  if (mixed.constantFirst) {
    const inverse = reciprocal(draft, node, mixed.view);
    if (mixed.values) pushAffine(draft, node, inverse, mixed.values, fill(inverse, 0));
    else pushPair(draft, node, 'mul', inverse, addConstantMap(draft, node, inverse, mixed.constant));
    return;
  }
  const { view, values, constant } = mixed;
  if (constant.data.some((v) => v === 0)) throw new Unsupported('it divides by a constant that is 0');
  if (values) {
    const scale = values.map((v) => 1 / v);
    pushAffine(draft, node, view, scale, fill(view, 0));
    return;
  }
  pushPair(
    draft,
    node,
    'mul',
    view,
    addConstantMap(draft, node, view, constant, (v) => 1 / v),
  );
}

function reciprocal(draft: Draft, node: GraphNode, view: View): View {
  const output = innerTensor(draft, node, 'reciprocal', view.tensor);
  const table: Expression = { op: 'Reciprocal', of: X };
  draft.layers.push({
    kind: 'table',
    ...partOf(node, 'reciprocal'),
    inputs: [view.tensor.id],
    output: output.id,
    function: table,
    clamp: NO_CLAMP,
  });
  return makeView(output, view.axes);
}

/** Max or Min with one number: a clamp. With another constant or a map: maximum layers, min(a, b) = −max(−a, −b). */
function buildExtremum(draft: Draft, node: GraphNode, sign: 1 | -1, clampOf: (bound: number) => FloatClamp): void {
  const mixed = node.inputs.length === 2 ? splitConstant(draft, node) : undefined;
  if (mixed?.values?.every((v) => v === mixed.values![0])) {
    pushClamp(draft, node, mixed.view, clampOf(mixed.values[0]));
    return;
  }
  const views = mixed
    ? [mixed.view, addConstantMap(draft, node, mixed.view, mixed.constant, (v) => sign * v)]
    : node.inputs.map((_, index) => needView(draft, node, index));
  const operands = views.map((view, i) => (sign === 1 || (mixed && i === 1) ? view : negate(draft, node, view, `negative${i}`)));
  let result = operands[0];
  for (let i = 1; i < operands.length; i++) {
    const isLast = i === operands.length - 1 && sign === 1;
    const output = isLast ? node.outputs[0] : `${node.outputs[0]}#maximum${i}`;
    result = pushPair(draft, node, 'maximum', result, operands[i], { output, inner: !isLast });
  }
  if (sign === -1) pushAffine(draft, node, result, fill(result, -1), fill(result, 0));
  else if (operands.length === 1) draft.views.set(node.outputs[0], result);
}

export const buildMax = (draft: Draft, node: GraphNode): void => buildExtremum(draft, node, 1, (low) => ({ low, high: Infinity }));
export const buildMin = (draft: Draft, node: GraphNode): void => buildExtremum(draft, node, -1, (high) => ({ low: -Infinity, high }));
