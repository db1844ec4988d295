/** Copies and element-wise loops over row-major tensors with arbitrary strides: what transposing, slicing, broadcasting and joining have in common. */
import type { DataType, Tensor, TensorData } from '../graph.ts';
import { allocateData, countElements, narrowFloat16, widenFloat16 } from '../tensor.ts';

/** Row-major strides in elements. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= dims[axis];
  }
  return strides;
}

/** Strides for reading a tensor of shape `dims` as if it had the broadcast shape `out`. */
export function broadcastStrides(dims: readonly number[], out: readonly number[]): number[] {
  const own = stridesOf(dims);
  const offset = out.length - dims.length;
  return out.map((_, axis) => (axis < offset || dims[axis - offset] === 1 ? 0 : own[axis - offset]));
}

/** Calls `visit` with the two positions of every element of a block, in row-major order of `dims`. */
function forEachPair(
  dims: readonly number[],
  a: { offset: number; strides: readonly number[] },
  b: { offset: number; strides: readonly number[] },
  visit: (a: number, b: number) => void,
): void {
  const rank = dims.length;
  if (dims.includes(0)) return;
  const index = new Array<number>(rank).fill(0);
  let atA = a.offset;
  let atB = b.offset;
  for (;;) {
    visit(atA, atB);
    let axis = rank - 1;
    for (; axis >= 0; axis--) {
      atA += a.strides[axis];
      atB += b.strides[axis];
      if (++index[axis] < dims[axis]) break;
      atA -= a.strides[axis] * dims[axis];
      atB -= b.strides[axis] * dims[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

export interface Place {
  readonly data: TensorData;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Copies a block of shape `dims`; both arrays hold the same kind of elements. */
export function copyBlock(dims: readonly number[], from: Place, to: Place): void {
  // One element type on both sides, by contract; the union of arrays has no common index signature.
  const source = from.data as Float64Array;
  const target = to.data as Float64Array;
  forEachPair(dims, from, to, (a, b) => {
    target[b] = source[a];
  });
}

/** A tensor made by reading `source` through offset and strides. */
export function readStrided(source: Tensor, dims: readonly number[], offset: number, strides: readonly number[]): Tensor {
  const data = allocateData(source.dtype, countElements(dims));
  copyBlock(dims, { data: source.data, offset, strides }, { data, offset: 0, strides: stridesOf(dims) });
  return { dtype: source.dtype, dims, data };
}

/** Numbers stored as a data type: integers wrap, floats are rounded. Undefined when an int64 would not be exact. */
export function storeNumbers(values: Float64Array, dtype: DataType, dims: readonly number[]): Tensor | undefined {
  if (dtype === 'string') return undefined;
  if (dtype === 'int64' || dtype === 'uint64') {
    if (!values.every(Number.isSafeInteger)) return undefined;
    const make = dtype === 'int64' ? BigInt64Array : BigUint64Array;
    return { dtype, dims, data: make.from(Array.from(values, BigInt)) };
  }
  if (dtype === 'float16' || dtype === 'bfloat16') {
    return { dtype, dims, data: widenFloat16(narrowFloat16(Float32Array.from(values), dtype), dtype) };
  }
  const data = allocateData(dtype, values.length) as Float64Array;
  data.set(dtype === 'bool' ? values.map((value) => (value === 0 ? 0 : 1)) : values);
  return { dtype, dims, data };
}

/** Elements as doubles; undefined for strings and for 64-bit integers beyond 2^53. */
export function loadNumbers(tensor: Tensor): Float64Array | undefined {
  if (Array.isArray(tensor.data)) return undefined;
  const values = Float64Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  return (tensor.dtype === 'int64' || tensor.dtype === 'uint64') && !values.every(Number.isSafeInteger) ? undefined : values;
}

/** Applies a function of two numbers to two broadcast tensors. */
export function combine(a: Tensor, b: Tensor, dims: readonly number[], apply: (x: number, y: number) => number): Float64Array | undefined {
  const left = loadNumbers(a);
  const right = loadNumbers(b);
  if (left === undefined || right === undefined) return undefined;
  const out = new Float64Array(countElements(dims));
  let at = 0;
  forEachPair(
    dims,
    { offset: 0, strides: broadcastStrides(a.dims, dims) },
    { offset: 0, strides: broadcastStrides(b.dims, dims) },
    (i, j) => {
      out[at++] = apply(left[i], right[j]);
    },
  );
  return out;
}
