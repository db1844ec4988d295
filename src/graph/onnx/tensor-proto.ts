/** TensorProto ↔ Tensor: every way ONNX stores a constant (raw bytes, typed lists, an external file), checked against its dimensions. */
import { InputError } from '../../util/errors.ts';
import type { DataType, Tensor, TensorData } from '../graph.ts';
import { allocateData, bytesFromData, countElements, dataFromBytes, elementBytes, type NumericData, widenFloat16 } from '../tensor.ts';
import { DATA_TYPE_BY_NUMBER, NUMBER_BY_DATA_TYPE, type TensorProto } from './schema.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const EXTERNAL = 1;

/** Where external data comes from: the whole file at a location named by the model. */
export type ReadExternal = (location: string) => Uint8Array;

/** What is being read, for messages; and the way to its external data. */
export interface TensorContext {
  /** E.g. `model.onnx: initializer "conv1.weight"`. */
  readonly where: string;
  readonly readExternal?: ReadExternal | undefined;
}

/** Name of an ONNX data type number. @throws InputError for types this project does not hold. */
export function dataTypeOf(number: number | undefined, where: string): DataType {
  const dtype = DATA_TYPE_BY_NUMBER[number ?? 0];
  if (dtype === undefined)
    throw new InputError(`${where}: ONNX data type ${number ?? 0} is not supported (float8, 4-bit and complex types are not)`);
  return dtype;
}

function checkDims(proto: TensorProto, where: string): number[] {
  const dims = Array.from(proto.dims ?? [], Number);
  if (dims.some((dim) => dim < 0)) throw new InputError(`${where}: negative dimension in [${dims}]`);
  if (countElements(dims) > 2 ** 40) throw new InputError(`${where}: absurd size [${dims}]`);
  return dims;
}

function readExternalBytes(proto: TensorProto, sizeBytes: number, { where, readExternal }: TensorContext): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key ?? '', value ?? '']));
  const location = entries.get('location');
  if (!location) throw new InputError(`${where}: external data without a location`);
  if (/^([/\\]|[a-zA-Z]:)/.test(location) || location.split(/[/\\]/).includes('..')) {
    throw new InputError(`${where}: external data at "${location}": only paths below the model's folder are read`);
  }
  if (readExternal === undefined) throw new InputError(`${where}: its data is in another file, "${location}", which was not given`);
  const file = readExternal(location);
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? file.length - offset);
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > file.length) {
    throw new InputError(
      `${where}: external data "${location}" has ${file.length} bytes, bytes ${offset} to ${offset + length} were expected`,
    );
  }
  if (length < sizeBytes) throw new InputError(`${where}: external data of ${length} bytes where ${sizeBytes} were expected`);
  return file.subarray(offset, offset + sizeBytes);
}

/** Elements given in one of the typed lists, converted to the array that the data type calls for. */
function convertList(proto: TensorProto, dtype: Exclude<DataType, 'string'>): NumericData {
  switch (dtype) {
    case 'float32':
      return proto.floatData ?? new Float32Array(0);
    case 'float64':
      return proto.doubleData ?? new Float64Array(0);
    case 'int64':
      return proto.int64Data ?? new BigInt64Array(0);
    case 'uint64':
      return proto.uint64Data ?? new BigUint64Array(0);
    case 'uint32':
      return Uint32Array.from(proto.uint64Data ?? [], Number);
    case 'float16':
    case 'bfloat16':
      return widenFloat16(proto.int32Data ?? [], dtype);
    case 'int32':
      return proto.int32Data ?? new Int32Array(0);
    default: {
      const list = proto.int32Data ?? new Int32Array(0);
      const out = allocateData(dtype, list.length) as Int8Array;
      out.set(list);
      return out;
    }
  }
}

/**
 * A constant from its protobuf message. Shares bytes with the file where it can.
 * @throws InputError when dims and data disagree, the type is unknown, or external data is missing.
 */
export function tensorFromProto(proto: TensorProto, context: TensorContext): Tensor {
  const { where } = context;
  const dtype = dataTypeOf(proto.dataType, where);
  const dims = checkDims(proto, where);
  const count = countElements(dims);
  let data: TensorData;
  if (dtype === 'string') data = proto.stringData.map((bytes) => decoder.decode(bytes));
  else if (proto.dataLocation === EXTERNAL) data = dataFromBytes(readExternalBytes(proto, count * elementBytes(dtype), context), dtype);
  else if (proto.rawData !== undefined && (proto.rawData.length > 0 || count === 0)) {
    const expected = count * elementBytes(dtype);
    if (proto.rawData.length !== expected) {
      throw new InputError(`${where}: dims [${dims}] of ${dtype} need ${expected} bytes, the file has ${proto.rawData.length}`);
    }
    data = dataFromBytes(proto.rawData, dtype);
  } else data = convertList(proto, dtype);
  if (data.length !== count) throw new InputError(`${where}: dims [${dims}] need ${count} elements, the file has ${data.length}`);
  return { dtype, dims, data };
}

/** The message of a constant: raw bytes for numbers (shared with the tensor), string_data for strings. */
export function tensorToProto(tensor: Tensor, name: string | undefined): TensorProto {
  const proto: TensorProto = {
    dims: BigInt64Array.from(tensor.dims, BigInt),
    dataType: NUMBER_BY_DATA_TYPE[tensor.dtype],
    stringData: [],
    externalData: [],
  };
  if (name !== undefined) proto.name = name;
  if (Array.isArray(tensor.data)) proto.stringData = tensor.data.map((text) => encoder.encode(text));
  else proto.rawData = bytesFromData(tensor);
  return proto;
}
