/** Shape rules of matrix products, reductions and recurrent layers. */
import { broadcast, type Dim, type Dims, type NodeContext, type ShapeRule } from './node-context.ts';

function checkInner(node: NodeContext, a: Dim, b: Dim): void {
  if (typeof a === 'number' && typeof b === 'number' && a !== b) node.fail(`inner dimensions ${a} and ${b} differ`);
}

const gemm: ShapeRule = (node) => {
  const a = node.dims(0);
  const b = node.dims(1);
  const swap = (dims: Dims | undefined, flag: string): Dims => {
    if (dims === undefined) return [null, null];
    if (dims.length !== 2) node.fail(`inputs of rank 2 are expected, not [${dims}]`);
    return node.number(flag, 0) !== 0 ? [dims[1], dims[0]] : dims;
  };
  const [rows, innerA] = swap(a, 'transA');
  const [innerB, columns] = swap(b, 'transB');
  checkInner(node, innerA, innerB);
  return [{ dtype: node.dtype(0), dims: [rows, columns] }];
};

function matMulDims(node: NodeContext, rightIndex: number): Dims | undefined {
  const a = node.dims(0);
  const b = node.dims(rightIndex);
  if (a === undefined || b === undefined) return undefined;
  if (a.length === 0 || b.length === 0) node.fail('scalars have no matrix product');
  // A vector is a row on the left, a column on the right, and its added dimension disappears again.
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  checkInner(node, left[left.length - 1], right[right.length - 2]);
  const batch = broadcast(node, [left.slice(0, -2), right.slice(0, -2)]) ?? [];
  const rows = a.length === 1 ? [] : [left[left.length - 2]];
  const columns = b.length === 1 ? [] : [right[right.length - 1]];
  return [...batch, ...rows, ...columns];
}

const matMul: ShapeRule = (node) => [{ dtype: node.dtype(0), dims: matMulDims(node, 1) }];
const integerMatMul: ShapeRule = (node) => [{ dtype: 'int32', dims: matMulDims(node, 1) }];
/** Inputs a, its scale and zero point, b, …, the output's zero point is input 7. */
const quantizedMatMul: ShapeRule = (node) => [{ dtype: node.dtype(7, 'uint8'), dims: matMulDims(node, 3) }];

/** Axes are an attribute, an input since opset 13 (ReduceSum) or 18 (the others). */
const reduce: ShapeRule = (node) => {
  const dims = node.dims(0);
  const dtype = node.dtype(0);
  const keep = node.number('keepdims', 1) !== 0;
  if (dims === undefined) return [{ dtype, dims: undefined }];
  if (node.list('axes') === undefined && node.isUnknownInput(1)) return [{ dtype, dims: keep ? dims.map(() => null) : undefined }];
  const given = node.listOrInput('axes', 1) ?? [];
  if (given.length === 0 && node.number('noop_with_empty_axes', 0) !== 0) return [{ dtype, dims }];
  const axes = given.length === 0 ? new Set(dims.keys()) : node.axes(given, dims.length);
  return [{ dtype, dims: keep ? dims.map((dim, axis) => (axes.has(axis) ? 1 : dim)) : dims.filter((_, axis) => !axes.has(axis)) }];
};

const argMax: ShapeRule = (node) => {
  const dims = node.dims(0);
  if (dims === undefined) return [{ dtype: 'int64', dims: undefined }];
  const axis = node.axis(node.number('axis', 0), dims.length);
  const keep = node.number('keepdims', 1) !== 0;
  return [{ dtype: 'int64', dims: keep ? dims.map((dim, at) => (at === axis ? 1 : dim)) : dims.filter((_, at) => at !== axis) }];
};

/** LSTM, GRU, RNN: whole sequence, last hidden state, and for LSTM the last cell state. `layout` 1 puts the batch first. */
const recurrent: ShapeRule = (node) => {
  const dims = node.dims(0);
  const recurrence = node.dims(2);
  const dtype = node.dtype(0);
  if (dims === undefined) return [];
  const hidden = node.attribute('hidden_size') ?? recurrence?.[2] ?? null;
  const size: Dim = typeof hidden === 'number' || typeof hidden === 'string' ? hidden : null;
  const directions = node.text('direction', 'forward') === 'bidirectional' ? 2 : 1;
  const batchFirst = node.number('layout', 0) !== 0;
  const [steps, batch] = batchFirst ? [dims[1], dims[0]] : [dims[0], dims[1]];
  const sequence = batchFirst ? [batch, steps, directions, size] : [steps, directions, batch, size];
  const state = batchFirst ? [batch, directions, size] : [directions, batch, size];
  return [
    { dtype, dims: sequence },
    { dtype, dims: state },
    { dtype, dims: state },
  ];
};

const REDUCTIONS = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'];

export const PRODUCT_RULES: Readonly<Record<string, ShapeRule>> = {
  Gemm: gemm,
  MatMul: matMul,
  MatMulInteger: integerMatMul,
  QLinearMatMul: quantizedMatMul,
  ...Object.fromEntries(REDUCTIONS.map((name) => [`Reduce${name}`, reduce])),
  ArgMax: argMax,
  ArgMin: argMax,
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};
