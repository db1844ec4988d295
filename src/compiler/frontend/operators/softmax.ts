/**
 * Softmax over channels, in layers that exist: e^(x − max), the sum, and its reciprocal in three tables, since one would be too coarse over 1 … channels.
 *   m = the greatest channel, by halves (maximum layers); e = e^(x − m), a table; s = Σ e
 *   1/s = 1/clip(s, 1, 4) + (1/clip(s, 4, 16) − 1/4) + (1/clip(s, 16, ∞) − 1/16); y = e · 1/s
 * ONNX operator Softmax over one dimension. Specification: docs/numbers.md section 5.
 */
import type { Graph, GraphNode } from '../../../graph/graph.ts';
import { getNumber } from '../attributes.ts';
import { addTensor, type Draft } from '../draft.ts';
import { type Expression, line, X } from '../expression.ts';
import { type FloatClamp, type LayerTensor, NO_CLAMP } from '../layer-graph.ts';
import { inputDims, needChannelsLast } from '../relayout.ts';
import { Unsupported } from '../unsupported.ts';
import { makeView } from '../view.ts';
import { innerName, innerTensor, POINTWISE, partOf } from './push.ts';

/** Where the tables of the reciprocal meet. */
const BOUNDS = [1, 4, 16] as const;

export function buildSoftmax(draft: Draft, node: GraphNode): void {
  const dims = inputDims(draft, node, 0);
  const axis = getNumber(node, 'axis', draft.graph.opset < 13 ? 1 : -1);
  const at = axis < 0 ? axis + dims.length : axis;
  // Old operator sets take all dimensions from the axis on.
  const isLast = at === dims.length - 1 || (draft.graph.opset < 13 && dims.slice(at, -1).every((size) => size === 1));
  if (!isLast) throw new Unsupported('it is not over the last dimension');
  if (!leadsToProduct(draft.graph, node)) throw new Unsupported('no multiplication follows: the host does it faster than a dozen stages');
  const view = needChannelsLast(draft, node, 0);
  const { tensor } = view;
  const single = { ...tensor, channels: 1 };
  const peak = pushPeak(draft, node, tensor);
  const minus = pushMatrix(draft, node, 'negativePeak', peak, tensor, new Float32Array(tensor.channels).fill(-1), 1, NO_CLAMP, HALF);
  const low = innerTensor(draft, node, 'shifted', tensor);
  const names = (suffix: string) => partOf(node, suffix);
  draft.layers.push({
    kind: 'add',
    ...names('shifted'),
    inputs: [minus.id, tensor.id],
    output: low.id,
    clamp: { low: -HALF, high: HALF },
  });
  const powers = innerTensor(draft, node, 'powers', tensor);
  draft.layers.push({
    kind: 'table',
    ...names('powers'),
    inputs: [low.id],
    output: powers.id,
    function: POWER,
    clamp: UNIT,
  });
  const parts = BOUNDS.filter((bound) => bound === 1 || bound < tensor.channels).map((bound, i) => {
    const next = BOUNDS[i + 1] ?? Infinity;
    const ones = new Float32Array(tensor.channels).fill(1);
    const sum = pushMatrix(draft, node, `sum${i}`, powers, single, ones, tensor.channels, {
      low: bound,
      high: Math.min(next, tensor.channels),
    });
    const inverse: Expression = line({ op: 'Reciprocal', of: X }, 1, i === 0 ? 0 : -1 / bound);
    const output = innerTensor(draft, node, `inverse${i}`, single);
    draft.layers.push({ kind: 'table', ...names(`inverse${i}`), inputs: [sum.id], output: output.id, function: inverse, clamp: NO_CLAMP });
    return output;
  });
  const joined = parts.length === 1 ? parts[0] : innerTensor(draft, node, 'inverses', { ...tensor, channels: parts.length });
  if (parts.length > 1) {
    draft.layers.push({ kind: 'concat', ...names('inverses'), inputs: parts.map(({ id }) => id), output: joined.id });
  }
  const spread = new Float32Array(tensor.channels * parts.length).fill(1);
  const factors = pushMatrix(draft, node, 'factors', joined, tensor, spread, parts.length, UNIT);
  const output = addTensor(draft, node.outputs[0], tensor);
  draft.layers.push({
    kind: 'mul',
    name: node.name,
    nodes: [node.name],
    inputs: [factors.id, powers.id],
    output: output.id,
    clamp: NO_CLAMP,
  });
  draft.views.set(node.outputs[0], makeView(output, view.axes));
}

/** Does anything with multiplications depend on the node? */
function leadsToProduct(graph: Graph, node: GraphNode): boolean {
  const reached = new Set(node.outputs);
  const from = graph.nodes.indexOf(node);
  return graph.nodes.some((other, at) => {
    if (at <= from || !other.inputs.some((name) => reached.has(name))) return false;
    for (const name of other.outputs) reached.add(name);
    return PRODUCTS.has(other.op);
  });
}

const PRODUCTS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN']);

/** Exponents from −2 · HALF to 0 count; they are moved to ±HALF, so that the table has both signs for them. */
const HALF = 5.5;
/** What does not count is 0. */
const POWER: Expression = line({ op: 'Exp', of: line(X, 1, -HALF) }, 1, -Math.exp(-2 * HALF));
const UNIT: FloatClamp = { low: 0, high: 1 };

/** The greatest channel of every pixel: halves, and the halves of what is left. They may overlap. */
function pushPeak(draft: Draft, node: GraphNode, tensor: LayerTensor): LayerTensor {
  let current = tensor;
  for (let step = 0; current.channels > 1; step++) {
    const { height, width, channels } = current;
    const half = Math.ceil(channels / 2);
    const extents = { height, width, channels: half };
    const halves = [0, channels - half].map((first, side) => {
      const slice = addTensor(draft, innerName(node, `half${step}${side}`), extents, node.inputs[0]);
      const grid = (offset: number, words: number) => ({ offset, rowStep: width * words, columnStep: words });
      draft.layers.push({
        kind: 'rearrange',
        ...partOf(node, `half${step}${side}`),
        inputs: [current.id],
        output: slice.id,
        parts: [{ input: 0, rows: height, columns: width, words: half, from: grid(first, channels), to: grid(0, half) }],
        fill: 0,
      });
      return slice.id;
    });
    const output = addTensor(draft, innerName(node, `peak${step}`), extents, node.inputs[0]);
    draft.layers.push({ kind: 'maximum', ...partOf(node, `peak${step}`), inputs: halves, output: output.id, clamp: NO_CLAMP });
    current = output;
  }
  return current;
}

/** A 1×1 convolution with weights [out channel][in channel]. */
function pushMatrix(
  draft: Draft,
  node: GraphNode,
  suffix: string,
  input: LayerTensor,
  extents: Pick<LayerTensor, 'height' | 'width' | 'channels'>,
  data: Float32Array,
  columns: number,
  clamp: FloatClamp = NO_CLAMP,
  bias = 0,
): LayerTensor {
  const output = innerTensor(draft, node, suffix, extents);
  draft.layers.push({
    kind: 'conv',
    ...partOf(node, suffix),
    inputs: [input.id],
    output: output.id,
    window: POINTWISE,
    groups: 1,
    weights: { data, offset: 0, strides: { output: columns, row: 0, column: 0, input: 1 } },
    bias: new Float64Array(extents.channels).fill(bias),
    clamp,
  });
  return output;
}
