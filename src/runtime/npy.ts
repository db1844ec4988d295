/**
 * NumPy `.npy` files (format versions 1 to 3) to and from tensors.
 * Read: bool, integers, float16 (widened to float32), float32, float64, either byte order, C or Fortran element order.
 * Written: little-endian, C order, version 1.
 */
import type { DataType, Tensor } from '../graph/graph.ts';
import { bytesFromData, countElements, dataFromBytes, elementBytes, type NumericData } from '../graph/tensor.ts';
import { InputError } from '../util/errors.ts';

const MAGIC = '\x93NUMPY';

/** By NumPy type code without its byte-order character. */
const TYPE_OF_CODE: Readonly<Record<string, Exclude<DataType, 'string'>>> = {
  b1: 'bool',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

/** Whether a file begins as a `.npy` file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return latin1(bytes, 0, MAGIC.length) === MAGIC;
}

/**
 * Tensor of a `.npy` file's bytes.
 * @param what name of the file, for messages
 * @throws InputError when the bytes are not a complete array of a supported type
 */
export function readNpy(bytes: Uint8Array, what: string): Tensor {
  const fail = (problem: string): never => {
    throw new InputError(`${what}: not a readable .npy file: ${problem}`);
  };
  if (bytes.length < 10 || !isNpy(bytes)) fail('it does not begin with the NumPy signature');
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
  const dtype = TYPE_OF_CODE[descr[2]];
  if (!dtype) return fail(`element type '${descr[1]}${descr[2]}', expected one of ${Object.keys(TYPE_OF_CODE).join(' ')}`);
  const dims = shape[1]
    .split(',')
    .map((s) => s.trim())
    .filter((s) => s !== '')
    .map((s) => (/^\d+$/.test(s) ? Number(s) : fail(`dimension '${s}'`)));
  const need = countElements(dims) * elementBytes(dtype);
  if (!Number.isSafeInteger(need) || bytes.length - dataStart < need) {
    fail(`shape ${dims.join('×') || 'scalar'} of ${dtype} needs ${need} bytes of data, it has ${bytes.length - dataStart}`);
  }

  const raw = new Uint8Array(bytes.subarray(dataStart, dataStart + need)); // a copy: aligned, and free to be swapped
  if (descr[1] === '>') swapBytes(raw, elementBytes(dtype));
  const data = dataFromBytes(raw, dtype);
  return { dtype, dims, data: order[1] === 'True' ? fromFortranOrder(data, dims) : data };
}

/**
 * Bytes of a `.npy` file with this tensor.
 * @throws InputError for types that the format does not know: strings, bfloat16
 */
export function writeNpy(tensor: Tensor): Uint8Array {
  const { dims, dtype } = tensor;
  const code = Object.keys(TYPE_OF_CODE).find((key) => TYPE_OF_CODE[key] === dtype);
  if (code === undefined) throw new InputError(`a tensor of ${dtype} can not be written as .npy`);
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
  const fields = `{'descr': '${elementBytes(dtype) === 1 ? '|' : '<'}${code}', 'fortran_order': False, 'shape': ${shape}, }`;
  // The data begins at a multiple of 64 bytes, as NumPy writes it.
  const header = `${fields.padEnd(Math.ceil((fields.length + 11) / 64) * 64 - 11)}\n`;
  const prefix = `${MAGIC}\x01\x00${String.fromCharCode(header.length & 255, header.length >> 8)}${header}`;
  const data = bytesFromData(tensor);
  const bytes = new Uint8Array(prefix.length + data.length);
  for (let i = 0; i < prefix.length; i++) bytes[i] = prefix.charCodeAt(i);
  bytes.set(data, prefix.length);
  return bytes;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  // Not TextDecoder: its 'latin1' is windows-1252, and a header may be long.
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

function swapBytes(raw: Uint8Array, size: number): void {
  for (let i = 0; i < raw.length; i += size) raw.subarray(i, i + size).reverse();
}

/** Elements in row-major order, from first-index-fastest order. */
function fromFortranOrder(data: NumericData, dims: readonly number[]): NumericData {
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
