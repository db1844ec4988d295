/**
 * ONNX messages as protobufjs reads and writes them (generated/ from onnx.proto), with what the library leaves open on damaged or hostile files:
 * every failure is an InputError with its position, and memory stays in proportion to the file. Nesting is bounded by the library (100 levels).
 */
import protobuf from 'protobufjs/minimal.js';
import { InputError } from '../../util/errors.ts';
import { onnx } from './generated/onnx.js';

export type ModelProto = onnx.ModelProto.$Properties;
export type GraphProto = onnx.GraphProto.$Properties;
export type NodeProto = onnx.NodeProto.$Properties;
export type AttributeProto = onnx.AttributeProto.$Properties;
export type TensorProto = onnx.TensorProto.$Properties;
export type ValueInfoProto = onnx.ValueInfoProto.$Properties;
/** A 64-bit integer: an object of the `long` package when read, a number (below 2^53) when written. */
export type Int64 = NonNullable<AttributeProto['i']>;
export const { AttributeType } = onnx.AttributeProto;
export const { DataLocation } = onnx.TensorProto;

/** Exactly, or the nearest double beyond 2^53. */
export function numberOf(value: Int64): number {
  return typeof value === 'number' ? value : value.toNumber();
}

/**
 * Fields and listed numbers in one file. Two bytes can make an object of a few hundred: 2^22 of the worst are a gigabyte, and the largest graphs in
 * use have a tenth as many. Weights do not count: they are byte fields.
 */
const MAX_ITEMS = 2 ** 22;

class BoundedReader extends protobuf.Reader {
  #items = 0;

  constructor(bytes: Uint8Array) {
    super(bytes);
    // Elements of lists that are not packed are kept there; see tensor-proto.ts.
    this.discardUnknown = false;
  }

  #count(items: number): void {
    this.#items += items;
    if (this.#items > MAX_ITEMS) throw new Error(`more than ${MAX_ITEMS} fields and numbers`);
  }

  override tag(): number {
    this.#count(1);
    return super.tag();
  }

  override int64(): ReturnType<protobuf.Reader['int64']> {
    this.#count(1);
    return super.int64();
  }

  override floats(array?: number[]): number[] {
    const { pos } = this;
    this.#count(this.size() / 4);
    this.pos = pos;
    return super.floats(array);
  }
}

function describeFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('index out of range')) return 'truncated, or a field that is longer than what holds it';
  return message.startsWith('max depth')
    ? `messages nested more than ${protobuf.Reader.recursionLimit} deep`
    : message.replace(/ at offset \d+$/, '');
}

/** A kind of file: its message's generated class, and what messages to the user say of it. */
export interface FileType<T> {
  readonly name: string;
  /** What to give instead of a file that is none. */
  readonly wanted: string;
  readonly message: { decode(reader: protobuf.Reader): T };
}

export const MODEL_FILE: FileType<ModelProto> = {
  name: 'an ONNX model',
  wanted: 'the .onnx file that a framework exports',
  message: onnx.ModelProto,
};
export const TENSOR_FILE: FileType<TensorProto> = {
  name: 'an ONNX tensor',
  wanted: 'a .pb file of one TensorProto',
  message: onnx.TensorProto,
};

/**
 * Reads the message in a file. Byte fields share `bytes`; fields that do not occur are null (repeated ones: empty); those that onnx.proto does not list
 * are in `$unknowns`.
 * @throws InputError for anything that is not this format, with the byte position.
 */
export function decodeFile<T>(bytes: Uint8Array, { name, wanted, message }: FileType<T>, source: string): T {
  const reader = new BoundedReader(bytes);
  try {
    return message.decode(reader);
  } catch (error) {
    throw new InputError(`${source}: not ${name}, or damaged: ${describeFailure(error)} at byte ${reader.pos}; give ${wanted}`);
  }
}

/** Numbers of a packed list as 64-bit integers in two's complement. @throws InputError when the list ends inside one. */
export function readVarints(bytes: Uint8Array, where: string): BigInt64Array {
  let count = 0;
  for (const byte of bytes) if (byte < 128) count++;
  const numbers = new BigInt64Array(count);
  const halves = new Int32Array(numbers.buffer);
  const reader = new protobuf.Reader(bytes);
  try {
    for (let at = 0; reader.pos < bytes.length; at += 2) {
      const { low, high } = reader.int64();
      halves[at] = low;
      halves[at + 1] = high;
    }
  } catch (error) {
    throw new InputError(`${where}: damaged list of numbers: ${describeFailure(error)}`);
  }
  return numbers;
}
