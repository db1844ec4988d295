/**
 * Softmax over channels, in layers that exist: e^(x − max), the sum, and its reciprocal piece by piece, since one table would be too coarse over 1 … channels.
 *   m = the greatest channel: max pools over the words of a pixel; e = e^(x − m), a table; s = Σ e
 *   u_j = s in the j-th of the pieces [1, r], [r, r²], …, moved to ±U and cut there; v = T(u_j), the reciprocal of the first piece, serves all: s = r^j · s'
 *   1/s = v_0 + Σ_j (v_j − 1) / r^j; y = e · 1/s
 * ONNX operator Softmax over one dimension. Specification: docs/numbers.md section 5.
 */

import type { Graph, GraphNode } from '../../../graph/graph.ts';
import { LINE_WORDS } from '../../../machine/machine.ts';
import { getNumber } from '../attributes.ts';
import { addTensor, type Draft, type Quotient } from '../draft.ts';
import { type Expression, line, X } from '../expression.ts';
import { type FloatClamp, type LayerTensor, NO_CLAMP } from '../layer-graph.ts';
import { inputDims, needChannelsLast } from '../relayout.ts';
import { Unsupported } from '../unsupported.ts';
import { makeView } from '../view.ts';
import { innerName, innerTensor, POINTWISE, partOf } from './push.ts';

/** The sum lies in 1 … channels: pieces of it are at most so many times longer at their ends than at their beginnings (numbers.md, section 5). */
const MAX_RATIO = 16;
/** Bounds of a piece on the table's side: all segments of a table with 14 fraction bits. */
const PIECE_END = 32766 / 2 ** 14;

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
  const pieces = Math.max(1, Math.ceil(Math.log(tensor.channels) / Math.log(MAX_RATIO)));
  const ratio = Math.max(2, tensor.channels) ** (1 / pieces);
  // Piece j is [r^j, r^(j+1)]: its middle and half its length, in units of the table's side.
  const starts = Array.from({ length: pieces }, (_, j) => ratio ** j);
  const middle = (ratio + 1) / 2;
  const slope = PIECE_END / ((ratio - 1) / 2);
  const perPiece = { ...tensor, channels: pieces };
  const slopes = Float32Array.from({ length: pieces * tensor.channels }, (_, i) => slope / starts[Math.floor(i / tensor.channels)]);
  const limits = { low: -PIECE_END, high: PIECE_END };
  const sums = pushMatrix(draft, node, 'sums', powers, perPiece, slopes, tensor.channels, limits, -middle * slope);
  const inverses = innerTensor(draft, node, 'inverses', perPiece);
  const reciprocal: Expression = { op: 'Reciprocal', of: line(X, 1 / slope, middle) };
  draft.layers.push({
    kind: 'table',
    ...names('inverses'),
    inputs: [sums.id],
    output: inverses.id,
    function: reciprocal,
    clamp: UNIT,
  });
  const weights = starts.map((start) => 1 / start);
  const bias = -starts.slice(1).reduce((sum, start) => sum + 1 / start, 0);
  const quotient = { numerator: powers, source: node.inputs[0], reciprocals: inverses, weights, bias };
  if (isDividedLater(draft, node)) {
    draft.quotients.set(node.outputs[0], quotient);
    draft.views.set(node.outputs[0], makeView(powers, view.axes));
    return;
  }
  const factors = pushReciprocal(draft, node, 'factors', quotient, inverses, tensor.channels);
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

/** The reciprocal of a quotient's divisor for all channels; `reciprocals`: those of the pixels that are wanted. */
export function pushReciprocal(
  draft: Draft,
  node: GraphNode,
  suffix: string,
  { weights, bias }: Pick<Quotient, 'weights' | 'bias'>,
  reciprocals: LayerTensor,
  channels: number,
): LayerTensor {
  const data = Float32Array.from({ length: weights.length * channels }, (_, i) => weights[i % weights.length]);
  return pushMatrix(draft, node, suffix, reciprocals, { ...reciprocals, channels }, data, weights.length, UNIT, bias);
}

/** Is the result only the left operand of a product of activations? (softmax(x) · v = (e^x · v) / Σ e^x: fewer words to divide.) */
function isDividedLater({ graph }: Draft, node: GraphNode): boolean {
  const [name] = node.outputs;
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(name));
  if (readers.length !== 1 || graph.outputs.some((output) => output.name === name)) return false;
  const [{ op, inputs }] = readers;
  return op === 'MatMul' && inputs[0] === name && inputs[1] !== name && !graph.initializers.has(inputs[1]);
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

/**
 * The greatest channel of every pixel. Its words are seen as pixels of `words` channels, `step` words apart, which a max pool joins; those that are left are
 * seen as pixels of one word. No word is moved.
 */
function pushPeak(draft: Draft, node: GraphNode, tensor: LayerTensor): LayerTensor {
  const { height, width, channels } = tensor;
  const rows = height * width;
  const view = (suffix: string, from: LayerTensor, pitch: number, columns: number, words: number, step: number): LayerTensor => {
    const extents = { height: rows, width: columns, channels: words };
    const output = addTensor(draft, innerName(node, suffix), extents, node.inputs[0]);
    const part = { input: 0, rows, columns, words, from: { offset: 0, rowStep: pitch, columnStep: step } };
    const to = { offset: 0, rowStep: columns * words, columnStep: words };
    draft.layers.push({
      kind: 'rearrange',
      ...partOf(node, suffix),
      inputs: [from.id],
      output: output.id,
      parts: [{ ...part, to }],
      fill: 0,
    });
    return output;
  };
  const pool = (suffix: string, from: LayerTensor): LayerTensor => {
    const output = addTensor(draft, innerName(node, suffix), { ...from, width: 1 }, node.inputs[0]);
    const window = { ...POINTWISE, kernel: [1, from.width], stride: [1, from.width] } as const;
    draft.layers.push({ kind: 'maxpool', ...partOf(node, suffix), inputs: [from.id], output: output.id, window, clamp: NO_CLAMP });
    return output;
  };
  const { words, step } = cutPixel(channels);
  const columns = (channels - words) / step + 1;
  const joined = columns > 1 ? pool('peaks', view('lines', tensor, channels, columns, words, step)) : tensor;
  const peak = words > 1 ? pool('peak', view('words', joined, words, words, 1, 1)) : joined;
  const output = addTensor(draft, innerName(node, 'peakMap'), { height, width, channels: 1 }, node.inputs[0]);
  const natural = { offset: 0, rowStep: width, columnStep: 1 };
  const parts = [{ input: 0, rows: height, columns: width, words: 1, from: natural, to: natural }];
  draft.layers.push({ kind: 'rearrange', ...partOf(node, 'peakMap'), inputs: [peak.id], output: output.id, parts, fill: 0 });
  return output;
}

/** Pixels of equal width, at most a line, that cover all channels: fewest words read, over both pools. They may overlap. */
function cutPixel(channels: number): { words: number; step: number } {
  let best = { words: 1, step: 1, reads: channels };
  for (let words = 2; words <= Math.min(LINE_WORDS, channels); words++) {
    for (let step = words; step >= 1; step--) {
      if ((channels - words) % step > 0) continue;
      const reads = (channels - words) / step + 1 + words;
      if (reads < best.reads) best = { words, step, reads };
      break;
    }
  }
  return best;
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
