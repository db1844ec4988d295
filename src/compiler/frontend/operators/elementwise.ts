/**
 * Elementwise nodes. With a constant: an affine layer (scale and bias per channel) or a clamp; with two activations: an add layer.
 * ONNX operators Add, Sum, Sub, Mul, Div, Neg, BatchNormalization, Relu, Clip, Max, Min, LeakyRelu, PRelu, Sigmoid, Tanh, HardSigmoid.
 */
import type { GraphNode } from '../../../graph/graph.ts';
import { findConstant, getNumber, getScalar, needFloats } from '../attributes.ts';
import { addTensor, type Draft, needView, refuseExtraOutputs } from '../draft.ts';
import { type FloatClamp, NO_CLAMP, type TableFunction } from '../layer-graph.ts';
import { Unsupported } from '../unsupported.ts';
import { isChannels, sameAxes, type View, viewDims, viewLike } from '../view.ts';

type Extents = View['tensor'];

/** A new tensor of the input's shape for the node's result. */
function outputLike(draft: Draft, node: GraphNode, view: View): Extents {
  const output = addTensor(draft, node.outputs[0], view.tensor);
  draft.views.set(node.outputs[0], viewLike(view, output));
  return output;
}

function pushAffine(draft: Draft, node: GraphNode, view: View, scale: Float64Array, bias: Float64Array): void {
  const output = outputLike(draft, node, view);
  draft.layers.push({
    kind: 'affine',
    name: node.name,
    nodes: [node.name],
    inputs: [view.tensor.id],
    output: output.id,
    scale,
    bias,
  });
}

function pushClamp(draft: Draft, node: GraphNode, view: View, clamp: FloatClamp): void {
  const output = outputLike(draft, node, view);
  draft.layers.push({ kind: 'clamp', name: node.name, nodes: [node.name], inputs: [view.tensor.id], output: output.id, clamp });
}

/** A constant broadcast against the view, as one value per channel. */
function perChannel(view: View, constant: { data: Float32Array; dims: readonly number[] }): Float64Array {
  const { channels } = view.tensor;
  if (constant.data.length === 1 && constant.dims.length <= view.axes.length) return new Float64Array(channels).fill(constant.data[0]);
  const lead = view.axes.length - constant.dims.length;
  const varying = constant.dims.flatMap((size, d) => (size > 1 ? [d + lead] : []));
  if (lead < 0 || varying.length !== 1 || !isChannels(view, varying[0]) || constant.data.length !== channels) {
    throw new Unsupported(
      `its constant of shape [${constant.dims.join(', ')}] is not one value or one per channel of a [${viewDims(view).join(', ')}] tensor`,
    );
  }
  return Float64Array.from(constant.data);
}

interface WithConstant {
  readonly view: View;
  readonly values: Float64Array;
  /** True for constant ∘ activation. */
  readonly constantFirst: boolean;
}

/** The activation and the constant of a node with two inputs; undefined if both are activations. */
function splitConstant(draft: Draft, node: GraphNode): WithConstant | undefined {
  for (const index of [1, 0]) {
    if (findConstant(draft.graph, node, index) === undefined) continue;
    const view = needView(draft, node, 1 - index);
    return { view, values: perChannel(view, needFloats(draft.graph, node, index, 'the constant')), constantFirst: index === 0 };
  }
  return undefined;
}

const fill = (view: View, value: number): Float64Array => new Float64Array(view.tensor.channels).fill(value);

/** Chain of add layers over all inputs, left to right. */
function pushSum(draft: Draft, node: GraphNode): void {
  const views = node.inputs.map((_, index) => needView(draft, node, index));
  const [first, ...others] = views;
  for (const view of others) {
    const { height, width, channels } = view.tensor;
    const same = height === first.tensor.height && width === first.tensor.width && channels === first.tensor.channels;
    if (!same || view.axes.length !== first.axes.length || !view.axes.every((axes, dim) => sameAxes(axes, first.axes[dim]))) {
      throw new Unsupported(
        `it adds tensors of shape [${viewDims(first).join(', ')}] and [${viewDims(view).join(', ')}]; activations are added only with equal shape and layout`,
      );
    }
  }
  let sum = first.tensor;
  others.forEach((view, at) => {
    const isLast = at === others.length - 1;
    const output = addTensor(draft, isLast ? node.outputs[0] : `${node.outputs[0]}#sum${at + 1}`, first.tensor, isLast);
    draft.layers.push({
      kind: 'add',
      name: isLast ? node.name : `${node.name}#${at + 1}`,
      nodes: [node.name],
      inputs: [sum.id, view.tensor.id],
      output: output.id,
      clamp: NO_CLAMP,
    });
    sum = output;
  });
  draft.views.set(node.outputs[0], viewLike(first, sum));
}

export function buildAdd(draft: Draft, node: GraphNode): void {
  const mixed = splitConstant(draft, node);
  if (mixed) pushAffine(draft, node, mixed.view, fill(mixed.view, 1), mixed.values);
  else pushSum(draft, node);
}

export function buildSum(draft: Draft, node: GraphNode): void {
  if (node.inputs.length === 2) buildAdd(draft, node);
  else pushSum(draft, node);
}

export function buildSub(draft: Draft, node: GraphNode): void {
  const mixed = splitConstant(draft, node);
  if (!mixed) throw new Unsupported('it subtracts two activations; only a constant operand is supported');
  const { view, values, constantFirst } = mixed;
  if (constantFirst) pushAffine(draft, node, view, fill(view, -1), values);
  else
    pushAffine(
      draft,
      node,
      view,
      fill(view, 1),
      values.map((v) => -v),
    );
}

export function buildMul(draft: Draft, node: GraphNode): void {
  const mixed = splitConstant(draft, node);
  if (!mixed) throw new Unsupported('it multiplies two activations; only a constant operand is supported');
  pushAffine(draft, node, mixed.view, mixed.values, fill(mixed.view, 0));
}

export function buildDiv(draft: Draft, node: GraphNode): void {
  const mixed = splitConstant(draft, node);
  if (!mixed || mixed.constantFirst) throw new Unsupported('it divides by an activation; only division by a constant is supported');
  if (mixed.values.some((v) => v === 0)) throw new Unsupported('it divides by a constant that is 0');
  pushAffine(
    draft,
    node,
    mixed.view,
    mixed.values.map((v) => 1 / v),
    fill(mixed.view, 0),
  );
}

export function buildNeg(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  pushAffine(draft, node, view, fill(view, -1), fill(view, 0));
}

export function buildBatchNormalization(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  refuseExtraOutputs(draft, node);
  if (getNumber(node, 'training_mode', 0) === 1) throw new Unsupported('training_mode = 1: export the model for inference');
  if (getNumber(node, 'spatial', 1) !== 1) throw new Unsupported('spatial = 0: only statistics per channel are supported');
  if (view.axes.length < 2 || !isChannels(view, 1)) throw new Unsupported('dimension 1 of its input is not the channels of a map');
  const names = ['the scale', 'the bias', 'the mean', 'the variance'];
  const [gamma, beta, mean, variance] = names.map((what, i) => needFloats(draft.graph, node, i + 1, what).data);
  if ([gamma, beta, mean, variance].some((list) => list.length !== view.tensor.channels)) {
    throw new Unsupported(`its parameters do not have one value for each of ${view.tensor.channels} channels`);
  }
  const epsilon = getNumber(node, 'epsilon', 1e-5);
  const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c] + epsilon));
  const bias = Float64Array.from(beta, (b, c) => b - mean[c] * scale[c]);
  if (!scale.every(Number.isFinite)) throw new Unsupported('its variance plus epsilon is not positive in every channel');
  pushAffine(draft, node, view, scale, bias);
}

export function buildRelu(draft: Draft, node: GraphNode): void {
  pushClamp(draft, node, needView(draft, node, 0), { low: 0, high: Infinity });
}

export function buildClip(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const low = getScalar(draft.graph, node, 'min', 1, -Infinity);
  const high = getScalar(draft.graph, node, 'max', 2, Infinity);
  // ONNX: with min above max, everything becomes max.
  pushClamp(draft, node, view, { low: Math.min(low, high), high });
}

/** Max or Min of an activation and one number. */
function buildBound(draft: Draft, node: GraphNode, clampOf: (bound: number) => FloatClamp): void {
  const mixed = node.inputs.length === 2 ? splitConstant(draft, node) : undefined;
  if (!mixed?.values.every((v) => v === mixed.values[0]))
    throw new Unsupported('only one activation and one constant number are supported');
  pushClamp(draft, node, mixed.view, clampOf(mixed.values[0]));
}

export const buildMax = (draft: Draft, node: GraphNode): void => buildBound(draft, node, (low) => ({ low, high: Infinity }));
export const buildMin = (draft: Draft, node: GraphNode): void => buildBound(draft, node, (high) => ({ low: -Infinity, high }));

function pushTable(draft: Draft, node: GraphNode, view: View, table: TableFunction): void {
  const output = outputLike(draft, node, view);
  draft.layers.push({
    kind: 'table',
    name: node.name,
    nodes: [node.name],
    inputs: [view.tensor.id],
    output: output.id,
    function: table,
    clamp: NO_CLAMP,
  });
}

export function buildLeakyRelu(draft: Draft, node: GraphNode): void {
  pushTable(draft, node, needView(draft, node, 0), { op: 'LeakyRelu', alpha: getNumber(node, 'alpha', 0.01) });
}

export function buildPRelu(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const { data } = needFloats(draft.graph, node, 1, 'the slope');
  if (!data.every((v) => v === data[0])) throw new Unsupported('it has several slopes; one slope for all channels is supported');
  pushTable(draft, node, view, { op: 'LeakyRelu', alpha: data[0] });
}

export function buildSigmoid(draft: Draft, node: GraphNode): void {
  pushTable(draft, node, needView(draft, node, 0), { op: 'Sigmoid' });
}

export function buildTanh(draft: Draft, node: GraphNode): void {
  pushTable(draft, node, needView(draft, node, 0), { op: 'Tanh' });
}

export function buildHardSigmoid(draft: Draft, node: GraphNode): void {
  const [alpha, beta] = [getNumber(node, 'alpha', 0.2), getNumber(node, 'beta', 0.5)];
  pushTable(draft, node, needView(draft, node, 0), { op: 'HardSigmoid', alpha, beta });
}
