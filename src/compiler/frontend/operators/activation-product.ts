/**
 * Products of two activations → matmul layers, one for each row of a batch (the heads of attention). ONNX operators MatMul, Gemm.
 * Specification: docs/compiler.md ("Products of activations").
 */

import type { GraphNode } from '../../../graph/graph.ts';
import { LINE_WORDS } from '../../../machine/machine.ts';
import { addTensor, type Draft, type Quotient } from '../draft.ts';
import { type LayerTensor, NO_CLAMP } from '../layer-graph.ts';
import { ProbeBuilder } from '../probe.ts';
import { channelsLast, inputDims, type Layout, layoutRun, needChannelsLast, needLayout } from '../relayout.ts';
import { Unsupported } from '../unsupported.ts';
import { type Axis, makeView, type View } from '../view.ts';
import { innerName, innerTensor, partOf } from './push.ts';
import { pushReciprocal } from './softmax.ts';

/** y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]; with `transposed`, b is […, n, k]. */
export function buildActivationProduct(draft: Draft, node: GraphNode, transposed = false): void {
  const [dimsA, dimsB] = [inputDims(draft, node, 0), inputDims(draft, node, 1)];
  if (dimsA.length < 2 || dimsB.length < 2) throw new Unsupported('it multiplies a list of values; matrices are supported');
  const [batchA, batchB] = [dimsA, dimsB].map((dims) => dims.slice(0, -2).filter((size) => size > 1));
  if (batchA.length > 1 || batchB.length > 1)
    throw new Unsupported(`its batch has the dimensions [${dimsA.slice(0, -2).join(', ')}]; one is supported`);
  const rowsA = batchA[0] ?? 1;
  const rowsB = batchB[0] ?? 1;
  const [depthA, depthB] = [dimsA.at(-1)!, dimsB.at(transposed ? -1 : -2)!];
  const outputs = dimsB.at(transposed ? -2 : -1)!;
  if (depthA !== depthB) throw new Unsupported(`its matrices have ${depthA} columns and ${depthB} rows`);
  if (rowsA > 1 && rowsB > 1 && rowsA !== rowsB) throw new Unsupported(`its batches have ${rowsA} and ${rowsB} matrices`);

  const a =
    batchA.length === 0 ? needChannelsLast(draft, node, 0) : needLayout(draft, node, 0, batchedLayout(dimsA, ['width', 'channels']));
  const b = needWeights(draft, node, dimsB, transposed);
  const quotient = draft.quotients.get(node.inputs[0]);
  if (quotient && a.tensor !== quotient.numerator) throw new Error(`the operand of ${node.name} was moved before it was divided`);
  const rank = Math.max(dimsA.length, dimsB.length);
  const axesOf = (rows: number): (readonly Axis[])[] => {
    const axes: (readonly Axis[])[] = Array.from(
      { length: rank },
      (_, dim) => channelsLast(dimsA.length === rank ? dimsA : dimsB)[dim],
    ).map((axis) => (axis ? [axis] : []));
    return rows > 1 ? axes : [...new Array<Axis[]>(rank - 2).fill([]), ...(a.axes.slice(-2, -1) as Axis[][]), ['channels']];
  };
  const rows = Math.max(rowsA, rowsB);
  if (rows === 1 || rowsB === 1) {
    // One second operand: all pixels of the first are multiplied with it.
    const output = addTensor(draft, node.outputs[0], { height: a.tensor.height, width: a.tensor.width, channels: outputs });
    if (quotient) pushQuotient(draft, node, quotient, quotient.reciprocals, [a.tensor, b.tensor], output, '');
    else pushProduct(draft, node, node.name, a.tensor, b.tensor, output);
    draft.views.set(node.outputs[0], makeView(output, rowsA > 1 ? batchAxes(dimsA) : axesOf(1)));
    return;
  }
  if (dimsA.length !== rank && rowsA > 1) throw new Unsupported('its operands have batches in different dimensions');
  const width = rowsA > 1 ? a.tensor.width : a.tensor.height * a.tensor.width;
  const products = Array.from({ length: rows }, (_, row) => {
    const first = rowsA > 1 ? pushRow(draft, node, a, row, 'a', node.inputs[0]) : a.tensor;
    const second = pushRow(draft, node, b, row, 'b', node.inputs[1]);
    const output = addTensor(draft, `${node.outputs[0]}#${row}`, { height: 1, width, channels: outputs }, node.outputs[0]);
    if (quotient) {
      const view = { ...a, tensor: quotient.reciprocals };
      const reciprocals = rowsA > 1 ? pushRow(draft, node, view, row, 'reciprocals', false) : quotient.reciprocals;
      pushQuotient(draft, node, quotient, reciprocals, [first, second], output, `${row}`);
    } else pushProduct(draft, node, `${node.name}#${row}`, first, second, output);
    return output;
  });
  const output = addTensor(draft, node.outputs[0], { height: rows, width, channels: outputs });
  const words = width * outputs;
  draft.layers.push({
    kind: 'rearrange',
    name: node.name,
    nodes: [node.name],
    inputs: products.map(({ id }) => id),
    output: output.id,
    parts: products.map((_, row) => ({
      input: row,
      rows: 1,
      columns: width,
      words: outputs,
      from: { offset: 0, rowStep: words, columnStep: outputs },
      to: { offset: row * words, rowStep: words, columnStep: outputs },
    })),
    fill: 0,
  });
  draft.views.set(node.outputs[0], makeView(output, batchAxes(rowsA > 1 ? dimsA : dimsB)));
}

/** The second operand as [rows, outputs, depth], pixels of whole lines. */
function needWeights(draft: Draft, node: GraphNode, dims: readonly number[], transposed: boolean): View {
  const layout = batchedLayout(dims, transposed ? ['width', 'channels'] : ['channels', 'width']);
  if (transposed || layoutRun(draft, node, 1, layout) > 1) return needLayout(draft, node, 1, layout, LINE_WORDS);
  return transposeByProduct(draft, node, dims, layout);
}

/**
 * Rows and columns of matrices exchanged by multiplying with the identity, which takes the pixels of the operand as its weights: far faster than moving words one
 * by one, and exact.
 */
function transposeByProduct(draft: Draft, node: GraphNode, dims: readonly number[], layout: Layout): View {
  const from = needLayout(draft, node, 1, batchedLayout(dims, ['width', 'channels']), LINE_WORDS);
  const [depth, outputs] = dims.slice(-2);
  const values = new Float32Array(outputs * outputs);
  for (let n = 0; n < outputs; n++) values[n * outputs + n] = 1;
  const identity = innerTensor(draft, node, 'identity', { height: 1, width: outputs, channels: outputs });
  draft.layers.push({ kind: 'constant', ...partOf(node, 'identity'), inputs: [], output: identity.id, values });
  const { height } = from.tensor;
  const rows = Array.from({ length: height }, (_, row) => {
    const weights = height > 1 ? pushRow(draft, node, from, row, 'v', node.inputs[1]) : from.tensor;
    const extents = { height: 1, width: outputs, channels: depth };
    const output = addTensor(draft, `${node.outputs[0]}#transposed${row}`, extents, node.inputs[1]);
    pushProduct(draft, node, `${node.name}#transposed${row}`, identity, weights, output);
    return output;
  });
  const pitch = Math.ceil(depth / LINE_WORDS) * LINE_WORDS;
  const result = addTensor(draft, innerName(node, 'weights'), { height, width: outputs, channels: pitch }, node.inputs[1]);
  draft.layers.push({
    kind: 'rearrange',
    ...partOf(node, 'weights'),
    inputs: rows.map(({ id }) => id),
    output: result.id,
    parts: rows.map((_, row) => ({
      input: row,
      rows: 1,
      columns: outputs,
      words: depth,
      from: { offset: 0, rowStep: outputs * depth, columnStep: depth },
      to: { offset: row * outputs * pitch, rowStep: outputs * pitch, columnStep: pitch },
    })),
    fill: 0,
  });
  return makeView(
    result,
    layout.map((axis) => (axis ? [axis] : [])),
  );
}

/** The batch dimension as rows, wherever it stands in front of the matrix. */
function batchedLayout(dims: readonly number[], matrix: readonly [Axis, Axis]): Layout {
  return [...dims.slice(0, -2).map((size): Axis | undefined => (size > 1 ? 'height' : undefined)), ...matrix];
}

function batchAxes(dims: readonly number[]): (readonly Axis[])[] {
  return batchedLayout(dims, ['width', 'channels']).map((axis) => (axis ? [axis] : []));
}

/** Row `row` of a map as a map of its own: read where it lies. */
function pushRow(draft: Draft, node: GraphNode, view: View, row: number, suffix: string, source: string | false): LayerTensor {
  const { width, channels } = view.tensor;
  const words = width * channels;
  const output = addTensor(draft, `${node.outputs[0]}#${suffix}${row}`, { height: 1, width, channels }, source);
  const grid = (offset: number) => ({ offset, rowStep: words, columnStep: channels });
  draft.layers.push({
    kind: 'rearrange',
    ...partOf(node, `${suffix}${row}`),
    inputs: [view.tensor.id],
    output: output.id,
    parts: [{ input: 0, rows: 1, columns: width, words: channels, from: grid(row * words), to: grid(0) }],
    fill: 0,
  });
  return output;
}

/**
 * (numerator · b) / divisor, pixel by pixel. The range of the product in front of the division is that of the result times the sum of powers that Softmax
 * divides by.
 */
function pushQuotient(
  draft: Draft,
  node: GraphNode,
  quotient: Quotient,
  reciprocals: LayerTensor,
  [a, b]: readonly [LayerTensor, LayerTensor],
  output: LayerTensor,
  row: string,
): void {
  const probes = new ProbeBuilder(draft.graph.opset);
  const last = inputDims(draft, node, 0).length - 1;
  const name = (what: string): string => innerName(node, `${what}${row}`);
  const shifted = probes.add('Sub', [quotient.source, probes.reduce('ReduceMax', quotient.source, [last], name('max'))], name('shifted'));
  const sum = probes.reduce('ReduceSum', probes.add('Exp', [shifted], name('powers')), [last], name('sum'));
  probes.add('Mul', [node.outputs[0], sum], name('undivided'));
  const undivided = innerTensor(draft, node, `undivided${row}`, output, probes.probe());
  pushProduct(draft, node, `${node.name}#${row}`, a, b, undivided);
  const factors = pushReciprocal(draft, node, `factors${row}`, quotient, reciprocals, output.channels);
  draft.layers.push({
    kind: 'mul',
    ...partOf(node, `divided${row}`),
    inputs: [factors.id, undivided.id],
    output: output.id,
    clamp: NO_CLAMP,
  });
}

function pushProduct(draft: Draft, node: GraphNode, name: string, a: LayerTensor, b: LayerTensor, output: LayerTensor): void {
  draft.layers.push({ kind: 'matmul', name, nodes: [node.name], inputs: [a.id, b.id], output: output.id, scaleBits: 0, clamp: NO_CLAMP });
}
