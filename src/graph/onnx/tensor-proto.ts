/** TensorProto ↔ Tensor: every way ONNX stores a constant (raw bytes, typed lists, an external file), checked against its dimensions. */
import { InputError } from '../../util/errors.ts';
import type { DataType, Tensor, TensorData } from '../graph.ts';
import { allocateData, bytesFromData, countElements, dataFromBytes, elementBytes, type NumericData, widenFloat16 } from '../tensor.ts';
import { DATA_TYPE_BY_NUMBER, NUMBER_BY_DATA_TYPE } from './data-types.ts';
import { DataLocation, numberOf, readVarints, type TensorProto } from './proto.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Where external data comes from: the whole file at a location named by the model. */
export type ReadExternal = (location: string) => Uint8Array;

/** What is being read, for messages; and the way to its external data. */
export interface TensorContext {
  /** E.g. `model.onnx: initializer "conv1.weight"`. */
  readonly where: string;
  readonly readExternal?: ReadExternal | undefined;
}

/** Name of an ONNX data type number. @throws InputError for types this project does not hold. */
export function dataTypeOf(number: number | null | undefined, where: string): DataType {
  const dtype = DATA_TYPE_BY_NUMBER[number ?? 0];
  if (dtype === undefined)
    throw new InputError(`${where}: ONNX data type ${number ?? 0} is not supported (float8, 4-bit and complex types are not)`);
  return dtype;
}

function checkDims(proto: TensorProto, where: string): number[] {
  const dims = (proto.dims ?? []).map(numberOf);
  if (dims.some((dim) => dim < 0)) throw new InputError(`${where}: negative dimension in [${dims}]`);
  if (countElements(dims) > 2 ** 40) throw new InputError(`${where}: absurd size [${dims}]`);
  return dims;
}

function readExternalBytes(proto: TensorProto, sizeBytes: number, { where, readExternal }: TensorContext): Uint8Array {
  const entries = new Map((proto.externalData ?? []).map(({ key, value }) => [key ?? '', value ?? '']));
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

/** Tags of the typed lists' single elements: field number and wire type. */
const SINGLE = { floatData: 0x25, int32Data: 0x28, int64Data: 0x38, doubleData: 0x51, uint64Data: 0x58 } as const;

/** The bytes of a typed list: its packed runs (one, in any file of the last years), and elements that are not packed (behind them). */
function listBytes(proto: TensorProto, list: keyof typeof SINGLE): Uint8Array {
  const singles = (proto.$unknowns ?? []).filter(([tag]) => tag === SINGLE[list]).map((field) => field.subarray(1));
  const runs = [...(proto[list] ?? []), ...singles];
  if (runs.length === 1) return runs[0];
  const joined = new Uint8Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    joined.set(run, at);
    at += run.length;
  }
  return joined;
}

function floatList(proto: TensorProto, list: 'floatData' | 'doubleData', { where }: TensorContext): NumericData {
  const bytes = listBytes(proto, list);
  const dtype = list === 'floatData' ? 'float32' : 'float64';
  if (bytes.length % elementBytes(dtype) !== 0) throw new InputError(`${where}: its ${dtype} list ends inside an element`);
  return dataFromBytes(bytes, dtype);
}

/** Elements given in one of the typed lists, converted to the array that the data type calls for. */
function convertList(proto: TensorProto, dtype: Exclude<DataType, 'string'>, context: TensorContext): NumericData {
  if (dtype === 'float32') return floatList(proto, 'floatData', context);
  if (dtype === 'float64') return floatList(proto, 'doubleData', context);
  const list = dtype === 'int64' ? 'int64Data' : dtype === 'uint64' || dtype === 'uint32' ? 'uint64Data' : 'int32Data';
  const words = readVarints(listBytes(proto, list), context.where);
  if (dtype === 'int64') return words;
  if (dtype === 'uint64') return new BigUint64Array(words.buffer);
  // The lower halves: the elements' own 32 bits.
  const low = new Int32Array(words.length);
  const halves = new Int32Array(words.buffer);
  for (let i = 0; i < low.length; i++) low[i] = halves[2 * i];
  if (dtype === 'int32') return low;
  if (dtype === 'uint32') return new Uint32Array(low.buffer);
  if (dtype === 'float16' || dtype === 'bfloat16') return widenFloat16(low, dtype);
  const out = allocateData(dtype, low.length) as Int8Array;
  out.set(low);
  return out;
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
  if (dtype === 'string') data = (proto.stringData ?? []).map((bytes) => decoder.decode(bytes));
  else if (proto.dataLocation === DataLocation.EXTERNAL)
    data = dataFromBytes(readExternalBytes(proto, count * elementBytes(dtype), context), dtype);
  else if (proto.rawData != null && (proto.rawData.length > 0 || count === 0)) {
    const expected = count * elementBytes(dtype);
    if (proto.rawData.length !== expected) {
      throw new InputError(`${where}: dims [${dims}] of ${dtype} need ${expected} bytes, the file has ${proto.rawData.length}`);
    }
    data = dataFromBytes(proto.rawData, dtype);
  } else data = convertList(proto, dtype, context);
  if (data.length !== count) throw new InputError(`${where}: dims [${dims}] need ${count} elements, the file has ${data.length}`);
  return { dtype, dims, data };
}

/** The message of a constant: raw bytes for numbers (shared with the tensor), string_data for strings. */
export function tensorToProto(tensor: Tensor, name: string | undefined): TensorProto {
  const { dims, dtype, data } = tensor;
  return {
    dims: [...dims],
    dataType: NUMBER_BY_DATA_TYPE[dtype],
    ...(name === undefined ? {} : { name }),
    ...(Array.isArray(data) ? { stringData: data.map((text) => encoder.encode(text)) } : { rawData: bytesFromData(tensor) }),
  };
}
