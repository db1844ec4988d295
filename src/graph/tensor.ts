/**
 * Constants: sizes, number formats, and conversions between an ONNX data type's bytes and a Tensor.
 * 16-bit floats follow IEEE 754 binary16 and bfloat16 (the upper half of binary32), narrowed by round-to-nearest-even.
 */
import type { DataType, Tensor, TensorData } from './graph.ts';

/** The arrays a tensor can hold, without strings. */
export type NumericData = Exclude<TensorData, string[]>;

interface NumericType {
  /** Bytes of one element in raw_data. */
  readonly sizeBytes: number;
  readonly make: (length: number) => NumericData;
}

const TYPES: Readonly<Record<Exclude<DataType, 'string'>, NumericType>> = {
  float32: { sizeBytes: 4, make: (n) => new Float32Array(n) },
  float64: { sizeBytes: 8, make: (n) => new Float64Array(n) },
  float16: { sizeBytes: 2, make: (n) => new Float32Array(n) },
  bfloat16: { sizeBytes: 2, make: (n) => new Float32Array(n) },
  int8: { sizeBytes: 1, make: (n) => new Int8Array(n) },
  uint8: { sizeBytes: 1, make: (n) => new Uint8Array(n) },
  int16: { sizeBytes: 2, make: (n) => new Int16Array(n) },
  uint16: { sizeBytes: 2, make: (n) => new Uint16Array(n) },
  int32: { sizeBytes: 4, make: (n) => new Int32Array(n) },
  uint32: { sizeBytes: 4, make: (n) => new Uint32Array(n) },
  int64: { sizeBytes: 8, make: (n) => new BigInt64Array(n) },
  uint64: { sizeBytes: 8, make: (n) => new BigUint64Array(n) },
  bool: { sizeBytes: 1, make: (n) => new Uint8Array(n) },
};

/** Product of the dimensions: 1 for a scalar. */
export function countElements(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/** Bytes of one element as stored in raw_data (strings have no raw form: 0). */
export function elementBytes(dtype: DataType): number {
  return dtype === 'string' ? 0 : TYPES[dtype].sizeBytes;
}

/** A zeroed array of the kind that a Tensor of this type holds (float16 and bfloat16: Float32Array). */
export function allocateData(dtype: DataType, length: number): TensorData {
  return dtype === 'string' ? new Array<string>(length).fill('') : TYPES[dtype].make(length);
}

/** Types whose elements are held as floats: float16 and bfloat16 widened to 32 bits. */
export function isFloat(dtype: DataType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}

/** Widens 16-bit floats given as their bit patterns. */
export function widenFloat16(bits: ArrayLike<number>, dtype: 'float16' | 'bfloat16'): Float32Array {
  const out = new Float32Array(bits.length);
  const words = new Uint32Array(out.buffer);
  if (dtype === 'bfloat16') {
    for (let i = 0; i < bits.length; i++) words[i] = (bits[i] & 0xffff) << 16;
    return out;
  }
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i];
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const sign = (half & 0x8000) << 16;
    if (exponent === 31) words[i] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent !== 0) words[i] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else out[i] = (sign ? -1 : 1) * fraction * 2 ** -24;
  }
  return out;
}

function narrowToHalf(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From 65520 on, rounding to even reaches infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: units of 2^-24. The shift drops 126 − exponent bits of the 24-bit significand.
    const exponent = magnitude >>> 23;
    const drop = 126 - exponent;
    if (drop > 24) return sign;
    const significand = (magnitude & 0x7fffff) | 0x800000;
    const kept = significand >>> drop;
    const rest = significand & ((1 << drop) - 1);
    const half = 1 << (drop - 1);
    return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
  }
  const rebased = magnitude - 0x38000000;
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

/** Bit patterns of floats rounded to a 16-bit type. */
export function narrowFloat16(values: Float32Array, dtype: 'float16' | 'bfloat16'): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const word = words[i];
    if (dtype === 'float16') out[i] = narrowToHalf(word);
    else out[i] = (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** A view of bytes as the type's array: shared where the start is aligned, else copied once. `bytes.length` must be a multiple of the element size. */
export function dataFromBytes(bytes: Uint8Array, dtype: Exclude<DataType, 'string'>): NumericData {
  const { sizeBytes } = TYPES[dtype];
  // A new array, not slice(): a Node Buffer's slice shares its bytes.
  const aligned = bytes.byteOffset % sizeBytes === 0 ? bytes : new Uint8Array(bytes);
  if (dtype === 'float16' || dtype === 'bfloat16') {
    return widenFloat16(new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2), dtype);
  }
  const ArrayType = TYPES[dtype].make(0).constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => NumericData;
  return new ArrayType(aligned.buffer, aligned.byteOffset, aligned.byteLength / sizeBytes);
}

/** The bytes of a numeric tensor as ONNX stores them in raw_data (shared with the tensor unless it must be narrowed). */
export function bytesFromData(tensor: Tensor): Uint8Array {
  const { data, dtype } = tensor;
  if (Array.isArray(data)) throw new TypeError('string tensors have no raw bytes');
  const stored = dtype === 'float16' || dtype === 'bfloat16' ? narrowFloat16(data as Float32Array, dtype) : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

/** Elements as numbers. 64-bit integers beyond 2^53 become the nearest double; strings are refused. */
export function toNumbers(tensor: Tensor): number[] {
  const { data } = tensor;
  if (Array.isArray(data)) throw new TypeError('a string tensor where numbers were expected');
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

/** True when no element is NaN or infinite. Sums in double, which no float32 data can overflow: about half a nanosecond an element. */
export function isFinite32(values: Float32Array): boolean {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const end = values.length & ~3;
  for (let i = 0; i < end; i += 4) {
    a += values[i];
    b += values[i + 1];
    c += values[i + 2];
    d += values[i + 3];
  }
  for (let i = end; i < values.length; i++) a += values[i];
  return Number.isFinite(a + b + c + d);
}
