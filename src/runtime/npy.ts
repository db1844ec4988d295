/**
 * NumPy `.npy` files (format versions 1 to 3) to and from tensors.
 * Read: bool, integers, float16 (widened to float32), float32, float64, either byte order, C or Fortran element order.
 * Written: little-endian, C order, version 1.
 */
import type { DataType, Tensor, TensorData } from '../graph/graph.ts';
import { InputError } from '../util/errors.ts';

const MAGIC = '\x93NUMPY';

interface ElementType {
  readonly dtype: DataType;
  readonly bytes: number;
  /** View over an aligned little-endian buffer of `count` elements. */
  view(buffer: ArrayBuffer, count: number): TensorData;
}

/** By NumPy type code without its byte-order character. */
const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  b1: { dtype: 'bool', bytes: 1, view: (b, n) => new Uint8Array(b, 0, n) },
  i1: { dtype: 'int8', bytes: 1, view: (b, n) => new Int8Array(b, 0, n) },
  u1: { dtype: 'uint8', bytes: 1, view: (b, n) => new Uint8Array(b, 0, n) },
  i2: { dtype: 'int16', bytes: 2, view: (b, n) => new Int16Array(b, 0, n) },
  u2: { dtype: 'uint16', bytes: 2, view: (b, n) => new Uint16Array(b, 0, n) },
  i4: { dtype: 'int32', bytes: 4, view: (b, n) => new Int32Array(b, 0, n) },
  u4: { dtype: 'uint32', bytes: 4, view: (b, n) => new Uint32Array(b, 0, n) },
  i8: { dtype: 'int64', bytes: 8, view: (b, n) => new BigInt64Array(b, 0, n) },
  u8: { dtype: 'uint64', bytes: 8, view: (b, n) => new BigUint64Array(b, 0, n) },
  f2: { dtype: 'float16', bytes: 2, view: (b, n) => Float32Array.from(new Uint16Array(b, 0, n), halfToNumber) },
  f4: { dtype: 'float32', bytes: 4, view: (b, n) => new Float32Array(b, 0, n) },
  f8: { dtype: 'float64', bytes: 8, view: (b, n) => new Float64Array(b, 0, n) },
};

/**
 * Tensor of a `.npy` file's bytes.
 * @param what name of the file, for messages
 * @throws InputError when the bytes are not a complete array of a supported type
 */
export function readNpy(bytes: Uint8Array, what: string): Tensor {
  const fail = (problem: string): never => {
    throw new InputError(`${what}: not a readable .npy file: ${problem}`);
  };
  if (bytes.length < 10 || latin1(bytes, 0, 6) !== MAGIC) fail('it does not begin with the NumPy signature');
  const version = bytes[6];
  if (version < 1 || version > 3) fail(`format version ${version}, expected 1 to 3`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerStart = version === 1 ? 10 : 12;
  if (bytes.length < headerStart) fail('it ends inside the header');
  const dataStart = headerStart + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (dataStart > bytes.length) fail('it ends inside the header');

  const header = latin1(bytes, headerStart, dataStart);
  const descr = /'descr'\s*:\s*'([<>|=])([a-zA-Z]\d+)'/.exec(header);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header);
  const shape = /'shape'\s*:\s*\(([^)]*)\)/.exec(header);
  if (!descr || !order || !shape) return fail(`its header is not understood: ${header.trim().slice(0, 200)}`);
  const type = ELEMENT_TYPES[descr[2]];
  if (!type) return fail(`element type '${descr[1]}${descr[2]}', expected one of ${Object.keys(ELEMENT_TYPES).join(' ')}`);
  const dims = shape[1]
    .split(',')
    .map((s) => s.trim())
    .filter((s) => s !== '')
    .map((s) => (/^\d+$/.test(s) ? Number(s) : fail(`dimension '${s}'`)));
  const count = dims.reduce((product, d) => product * d, 1);
  const need = count * type.bytes;
  if (!Number.isSafeInteger(need) || bytes.length - dataStart < need) {
    fail(`shape ${dims.join('×') || 'scalar'} of ${type.dtype} needs ${need} bytes of data, it has ${bytes.length - dataStart}`);
  }

  // A copy, so that the elements are aligned (Buffer.slice would be a view).
  const raw = new Uint8Array(bytes.subarray(dataStart, dataStart + need));
  if (descr[1] === '>') swapBytes(raw, type.bytes);
  const data = type.view(raw.buffer as ArrayBuffer, count);
  return { dtype: type.dtype, dims, data: order[1] === 'True' ? fromFortranOrder(data, dims) : data };
}

/**
 * Bytes of a `.npy` file with this tensor.
 * @throws InputError for strings, which the format holds only as pickles
 */
export function writeNpy(tensor: Tensor): Uint8Array {
  const { data } = tensor;
  if (Array.isArray(data)) throw new InputError('a tensor of strings can not be written as .npy');
  // float16 and bfloat16 are widened in memory and stay so in the file.
  const dtype = tensor.dtype === 'float16' || tensor.dtype === 'bfloat16' ? 'float32' : tensor.dtype;
  const code = Object.keys(ELEMENT_TYPES).find((key) => ELEMENT_TYPES[key].dtype === dtype);
  if (code === undefined) throw new InputError(`a tensor of ${dtype} can not be written as .npy`);
  const { dims } = tensor;
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
  const fields = `{'descr': '${ELEMENT_TYPES[code].bytes === 1 ? '|' : '<'}${code}', 'fortran_order': False, 'shape': ${shape}, }`;
  const header = `${fields.padEnd(Math.ceil((fields.length + 11) / 64) * 64 - 11)}\n`;
  const out = new Uint8Array(10 + header.length + data.byteLength);
  out.set(Buffer.from(MAGIC, 'latin1'));
  out.set([1, 0, header.length & 255, header.length >> 8], 6);
  out.set(Buffer.from(header, 'latin1'), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return out;
}

/** Value of an IEEE half-precision bit pattern. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

function swapBytes(raw: Uint8Array, size: number): void {
  for (let i = 0; i < raw.length; i += size) raw.subarray(i, i + size).reverse();
}

/** Elements in row-major order, from first-index-fastest order. */
function fromFortranOrder(data: TensorData, dims: readonly number[]): TensorData {
  const source = data as Float64Array;
  const out = source.slice();
  const strides = dims.map((_, axis) => dims.slice(0, axis).reduce((product, d) => product * d, 1));
  const index = dims.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = source[index.reduce((sum, at, axis) => sum + at * strides[axis], 0)];
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis] === dims[axis]; axis--) index[axis] = 0;
  }
  return out;
}
