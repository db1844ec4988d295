/**
 * Gemm and MatMul by a constant → conv layer. Over a flattened map the kernel covers the whole map, the weights read in the order in which
 * the map was flattened; over the channels alone it is a 1×1 convolution at every position. ONNX operators Gemm, MatMul.
 */
import type { GraphNode } from '../../../graph/graph.ts';
import { findConstant, getNumber, needFloats } from '../attributes.ts';
import { addTensor, type Draft, needView } from '../draft.ts';
import { type FloatConv, NO_CLAMP } from '../layer-graph.ts';
import { needChannelsLast } from '../relayout.ts';
import { Unsupported } from '../unsupported.ts';
import { type Axis, isChannels, makeView, type View, viewDims } from '../view.ts';
import { buildActivationProduct } from './activation-product.ts';

interface Matrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Distance in `data` from one reduction index (one output) to the next. */
  readonly reductionStride: number;
  readonly outputStride: number;
}

/** A flattened map as it lies; everything else with its last dimension as channels. */
function needRows(draft: Draft, node: GraphNode): View {
  const known = draft.views.get(node.inputs[0]);
  return known?.axes.slice(0, -1).every((axes) => axes.length === 0) ? known : needChannelsLast(draft, node, 0);
}

/** y[…, n] = outputScale · Σ_k x[…, k] · matrix[k, n] + bias[n], over the last dimension of `view`. */
function buildProduct(draft: Draft, node: GraphNode, view: View, matrix: Matrix, alpha: number, bias: Float64Array): void {
  const { tensor } = view;
  const last = view.axes.length - 1;
  const wholeMap = view.axes.slice(0, last).every((axes) => axes.length === 0);
  if (!wholeMap && !isChannels(view, last)) {
    throw new Unsupported('its input is multiplied along a dimension that is not the channels');
  }
  if (viewDims(view)[last] !== matrix.rows) {
    throw new Unsupported(`its matrix has ${matrix.rows} rows, its input ${viewDims(view)[last]} columns`);
  }
  // Reduction index k enumerates the axes of the last dimension, the last one fastest.
  const strides: Record<Axis, number> = { height: 0, width: 0, channels: 0 };
  let stride = matrix.reductionStride;
  for (const axis of [...view.axes[last]].reverse()) {
    strides[axis] = stride;
    stride *= tensor[axis];
  }
  const kernel: [number, number] = wholeMap ? [tensor.height, tensor.width] : [1, 1];
  const extents = wholeMap ? { height: 1, width: 1 } : { height: tensor.height, width: tensor.width };
  const output = addTensor(draft, node.outputs[0], { ...extents, channels: matrix.columns });
  const layer: FloatConv = {
    kind: 'conv',
    name: node.name,
    nodes: [node.name],
    inputs: [tensor.id],
    output: output.id,
    window: { kernel, stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] },
    groups: 1,
    weights: {
      data: matrix.data,
      offset: 0,
      strides: { output: matrix.outputStride, row: strides.height, column: strides.width, input: strides.channels },
    },
    ...(alpha === 1 ? {} : { outputScale: new Float64Array(matrix.columns).fill(alpha) }),
    bias,
    clamp: NO_CLAMP,
  };
  draft.layers.push(layer);
  draft.views.set(node.outputs[0], makeView(output, [...view.axes.slice(0, last), ['channels']]));
}

export function buildGemm(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  if (view.axes.length !== 2) throw new Unsupported(`its input has rank ${view.axes.length}, expected 2`);
  if (getNumber(node, 'transA', 0) === 1) throw new Unsupported('transA = 1: the activation would have to be transposed');
  const { data, dims } = needFloats(draft.graph, node, 1, 'matrix B');
  const transposed = getNumber(node, 'transB', 0) === 1;
  const matrix: Matrix = transposed
    ? { data, rows: dims[1], columns: dims[0], reductionStride: 1, outputStride: dims[1] }
    : { data, rows: dims[0], columns: dims[1], reductionStride: dims[1], outputStride: 1 };
  const bias = new Float64Array(matrix.columns);
  if (node.inputs[2]) {
    const c = needFloats(draft.graph, node, 2, 'matrix C');
    if (c.data.length !== 1 && c.data.length !== matrix.columns) {
      throw new Unsupported(`its matrix C has shape [${c.dims.join(', ')}]; one value or one per column (${matrix.columns}) is supported`);
    }
    const beta = getNumber(node, 'beta', 1);
    for (let n = 0; n < bias.length; n++) bias[n] = beta * c.data[c.data.length === 1 ? 0 : n];
  }
  buildProduct(draft, node, view, matrix, getNumber(node, 'alpha', 1), bias);
}

export function buildMatMul(draft: Draft, node: GraphNode): void {
  if (!findConstant(draft.graph, node, 1)) {
    if (findConstant(draft.graph, node, 0)) throw new Unsupported('its left matrix is constant; the right one may be');
    buildActivationProduct(draft, node);
    return;
  }
  const view = needRows(draft, node);
  const { data, dims } = needFloats(draft.graph, node, 1, 'the right matrix');
  if (dims.length < 2 || dims.slice(0, -2).some((dim) => dim !== 1)) {
    throw new Unsupported(`its right matrix has shape [${dims.join(', ')}]; one matrix is supported`);
  }
  const [rows, columns] = dims.slice(-2);
  const matrix: Matrix = { data, rows, columns, reductionStride: columns, outputStride: 1 };
  // Leading ones of the right matrix may raise the rank of the result.
  const raised: View = {
    tensor: view.tensor,
    axes: [...new Array<Axis[]>(Math.max(0, dims.length - view.axes.length)).fill([]), ...view.axes],
  };
  buildProduct(draft, node, raised, matrix, 1, new Float64Array(columns));
}
