/**
 * Normalizations with statistics of the activations themselves, made of products, sums and a table of v^−exponent.
 * ONNX operators LRN, InstanceNormalization, LayerNormalization.
 */
import type { GraphNode } from '../../../graph/graph.ts';
import { getNumber, needFloats } from '../attributes.ts';
import { addTensor, type Draft, needView, refuseExtraOutputs } from '../draft.ts';
import { type Expression, line, X } from '../expression.ts';
import { type FloatClamp, type FloatLayer, type LayerTensor, NO_CLAMP } from '../layer-graph.ts';
import { type Probe, ProbeBuilder } from '../probe.ts';
import { needChannelsLast } from '../relayout.ts';
import { Unsupported } from '../unsupported.ts';
import { isChannels, viewLike } from '../view.ts';
import { type Extents, innerName, innerTensor, outputLike, POINTWISE, partOf } from './push.ts';

type Inner<L extends FloatLayer> = L extends unknown ? Omit<L, 'name' | 'nodes' | 'inputs' | 'output'> : never;

/** Adds a layer with a tensor that the model has no value for. */
function push(
  draft: Draft,
  node: GraphNode,
  suffix: string,
  inputs: readonly LayerTensor[],
  extents: Extents,
  layer: Inner<FloatLayer>,
  probe?: Probe,
) {
  const output = innerTensor(draft, node, suffix, extents, probe);
  draft.layers.push({ ...layer, ...partOf(node, suffix), inputs: inputs.map(({ id }) => id), output: output.id } as FloatLayer);
  return output;
}

/** Sums and squares cannot be negative: the binary point need not assume it. */
const NOT_NEGATIVE: FloatClamp = { low: 0, high: Infinity };

/** A 1×1 convolution: weights [out channel][in channel]. */
function matrix(data: Float32Array, columns: number, clamp: FloatClamp = NO_CLAMP): Inner<FloatLayer> {
  const weights = { data, offset: 0, strides: { output: columns, row: 0, column: 0, input: 1 } };
  return { kind: 'conv', window: POINTWISE, groups: 1, weights, bias: new Float64Array(data.length / columns), clamp };
}

/** (scale · v + bias)^−exponent */
function powerTable(scale: number, bias: number, exponent: number): Inner<FloatLayer> {
  const of: Expression = line(X, scale, bias);
  return { kind: 'table', function: { op: 'Pow', exponent: -exponent, of }, clamp: NO_CLAMP };
}

/** Ranges of what is centred and of its variance: factors would have none without the least variance. */
function probeVariance(draft: Draft, node: GraphNode, axes: readonly number[]): { mean: Probe; centred: Probe; variance: Probe } {
  const probes = new ProbeBuilder(draft.graph.opset);
  const mean = probes.reduce('ReduceMean', node.inputs[0], axes, innerName(node, 'probedMean'));
  const only = probes.probe();
  const centred = probes.add('Sub', [node.inputs[0], mean], innerName(node, 'centred'));
  const first = probes.probe();
  const squares = probes.add('Mul', [centred, centred], innerName(node, 'probedSquares'));
  probes.reduce('ReduceMean', squares, axes, innerName(node, 'variance'));
  return { mean: only, centred: first, variance: probes.probe() };
}

const SQUARE: Inner<FloatLayer> = { kind: 'mul', clamp: NO_CLAMP };

/** y = x · (bias + alpha/size · Σ x²)^−beta, the sum over `size` neighbouring channels: a convolution with a band of ones. */
export function buildLrn(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  if (view.axes.length < 2 || !isChannels(view, 1)) throw new Unsupported('dimension 1 of its input is not the channels of a map');
  const { tensor } = view;
  const { channels } = tensor;
  const size = getNumber(node, 'size', 1);
  const band = new Float32Array(channels * channels);
  for (let c = 0; c < channels; c++) {
    const first = Math.max(0, c - Math.floor((size - 1) / 2));
    const last = Math.min(channels - 1, c + Math.ceil((size - 1) / 2));
    band.fill(1, c * channels + first, c * channels + last + 1);
  }
  const squares = push(draft, node, 'squares', [tensor, tensor], tensor, SQUARE);
  const sums = push(draft, node, 'sums', [squares], tensor, matrix(band, channels, NOT_NEGATIVE));
  const table = powerTable(getNumber(node, 'alpha', 1e-4) / size, getNumber(node, 'bias', 1), getNumber(node, 'beta', 0.75));
  const factors = push(draft, node, 'factors', [sums], tensor, table);
  const output = outputLike(draft, node, view);
  const inputs = [tensor.id, factors.id];
  draft.layers.push({ kind: 'mul', name: node.name, nodes: [node.name], inputs, output: output.id, clamp: NO_CLAMP });
}

/** Per channel over all pixels: y = (x − mean) / sqrt(variance + epsilon) · scale + bias. */
export function buildInstanceNormalization(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  if (view.axes.length < 3 || !isChannels(view, 1)) throw new Unsupported('dimension 1 of its input is not the channels of a map');
  const { tensor } = view;
  if (draft.graph.opset < 7) throw new Unsupported('operator sets before 7 lack what measures its variance');
  const [scale, bias] = ['the scale', 'the bias'].map((what, i) => Float64Array.from(needFloats(draft.graph, node, i + 1, what).data));
  if (scale.length !== tensor.channels || bias.length !== tensor.channels) throw new Unsupported('its parameters are not one per channel');
  const pixel = { height: 1, width: 1, channels: tensor.channels };
  const window = { ...POINTWISE, kernel: [tensor.height, tensor.width] } as const;
  const mean: Inner<FloatLayer> = { kind: 'averagepool', window, countIncludePad: false, clamp: NO_CLAMP };
  const minus = new Float64Array(tensor.channels).fill(-1);
  const means = push(draft, node, 'mean', [tensor], pixel, mean);
  const negative = push(draft, node, 'negativeMean', [means], pixel, {
    kind: 'affine',
    scale: minus,
    bias: new Float64Array(minus.length),
  });
  const spatial = view.axes.map((_, dim) => dim).slice(2);
  const probes = probeVariance(draft, node, spatial);
  const centred = push(draft, node, 'centred', [tensor, negative], tensor, { kind: 'add', clamp: NO_CLAMP }, probes.centred);
  const squares = push(draft, node, 'squares', [centred, centred], tensor, SQUARE);
  const variance = push(draft, node, 'variance', [squares], pixel, mean, probes.variance);
  const factors = push(draft, node, 'factors', [variance], pixel, powerTable(1, getNumber(node, 'epsilon', 1e-5), 0.5));
  const normal = push(draft, node, 'normal', [centred, factors], tensor, { kind: 'mul', clamp: NO_CLAMP });
  const output = outputLike(draft, node, view);
  draft.layers.push({ kind: 'affine', name: node.name, nodes: [node.name], inputs: [normal.id], output: output.id, scale, bias });
}

/** Over the channels of every pixel: mean and variance are convolutions to one channel, which one from one channel to all spreads again. */
export function buildLayerNormalization(draft: Draft, node: GraphNode): void {
  const view = needChannelsLast(draft, node, 0);
  refuseExtraOutputs(draft, node);
  const axis = getNumber(node, 'axis', -1);
  const last = view.axes.length - 1;
  if ((axis < 0 ? axis + view.axes.length : axis) !== last || !isChannels(view, last)) {
    throw new Unsupported('it normalizes over other dimensions than the channels alone');
  }
  const { tensor } = view;
  const { channels } = tensor;
  const gamma = Float64Array.from(needFloats(draft.graph, node, 1, 'the scale').data);
  const beta = node.inputs[2] ? Float64Array.from(needFloats(draft.graph, node, 2, 'the bias').data) : new Float64Array(channels);
  if (gamma.length !== channels || beta.length !== channels) throw new Unsupported('its parameters are not one per channel');
  const single = { height: tensor.height, width: tensor.width, channels: 1 };
  const probes = probeVariance(draft, node, [last]);
  const average = new Float32Array(channels).fill(1 / channels);
  const mean = push(draft, node, 'probedMean', [tensor], single, matrix(average, channels), probes.mean);
  const minus = push(draft, node, 'negativeMean', [mean], tensor, matrix(new Float32Array(channels).fill(-1), 1));
  const centred = push(draft, node, 'centred', [minus, tensor], tensor, { kind: 'add', clamp: NO_CLAMP }, probes.centred);
  const squares = push(draft, node, 'squares', [centred, centred], tensor, SQUARE);
  const variance = push(draft, node, 'variance', [squares], single, matrix(average, channels, NOT_NEGATIVE), probes.variance);
  const deviation = push(draft, node, 'deviation', [variance], single, powerTable(1, getNumber(node, 'epsilon', 1e-5), 0.5));
  const factors = push(draft, node, 'factors', [deviation], tensor, matrix(Float32Array.from(gamma), 1));
  const isShifted = beta.some((b) => b !== 0);
  const scaled = isShifted ? innerTensor(draft, node, 'scaled', tensor) : addTensor(draft, node.outputs[0], tensor);
  const names = isShifted ? partOf(node, 'scaled') : { name: node.name, nodes: [node.name] };
  draft.layers.push({ kind: 'mul', ...names, inputs: [centred.id, factors.id], output: scaled.id, clamp: NO_CLAMP });
  if (!isShifted) {
    draft.views.set(node.outputs[0], viewLike(view, scaled));
    return;
  }
  const output = outputLike(draft, node, view);
  const scale = new Float64Array(channels).fill(1);
  draft.layers.push({ kind: 'affine', name: node.name, nodes: [node.name], inputs: [scaled.id], output: output.id, scale, bias: beta });
}
