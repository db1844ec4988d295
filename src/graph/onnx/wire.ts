/**
 * The protobuf wire format, read and written by field tables (schema.ts): no generated code, no copies of byte fields, every length checked
 * against the bytes that are there, so that damaged input ends in an InputError and memory stays proportional to the input.
 * Public format: protobuf.dev/programming-guides/encoding. Typed arrays are little-endian, like the wire (and every JavaScript engine in use).
 */
import { InputError } from '../../util/errors.ts';

/** How a field's value looks in memory: 'int' is a number, 'int64' a bigint (all 64 bits). The plural kinds are repeated numbers, packed or not on the wire. */
export type FieldKind = 'string' | 'bytes' | 'int' | 'int64' | 'float' | 'floats' | 'doubles' | 'int32s' | 'int64s' | 'uint64s';

export interface FieldSpec {
  readonly number: number;
  /** A function where the field is a message: tables refer to each other in a circle. */
  readonly kind: FieldKind | (() => MessageSpec);
  /** True for repeated strings, bytes and messages: the value is an array. */
  readonly repeated?: boolean;
}

/** Fields of one message by property name. */
export type MessageSpec = Readonly<Record<string, FieldSpec>>;

/** A decoded message before its type is asserted. */
type Message = Record<string, unknown>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
/** ONNX nests sub-graphs in attributes; a hundred levels of messages are 25 nested If or Loop bodies. */
const MAX_DEPTH = 100;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A position in bytes; `varint` leaves its 64-bit result in lo and hi. */
interface Cursor {
  readonly bytes: Uint8Array;
  pos: number;
  lo: number;
  hi: number;
}

function fail(cursor: Cursor, what: string): never {
  throw new InputError(`${what} at byte ${cursor.pos}`);
}

function readVarint(cursor: Cursor, end: number): void {
  const { bytes } = cursor;
  let lo = 0;
  let hi = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (cursor.pos >= end) fail(cursor, 'truncated number');
    const byte = bytes[cursor.pos++];
    const bits = byte & 127;
    if (shift < 28) lo |= bits << shift;
    else if (shift === 28) {
      lo |= bits << 28;
      hi |= bits >> 4;
    } else if (shift < 63) hi |= bits << (shift - 32);
    else hi |= (bits & 1) << 31;
    if (byte < 128) {
      cursor.lo = lo;
      cursor.hi = hi;
      return;
    }
  }
  fail(cursor, 'a number longer than ten bytes');
}

/** A signed 64-bit varint as a number; beyond 2^53 the nearest double (fields that need all bits are 'int64s'). */
function readInt(cursor: Cursor, end: number): number {
  readVarint(cursor, end);
  return cursor.hi * 4294967296 + (cursor.lo >>> 0);
}

function readLength(cursor: Cursor, end: number): number {
  readVarint(cursor, end);
  const length = (cursor.hi >>> 0) * 4294967296 + (cursor.lo >>> 0);
  if (length > end - cursor.pos) fail(cursor, `truncated: a field of ${length} bytes where ${end - cursor.pos} are left`);
  return length;
}

function skipField(cursor: Cursor, wireType: number, end: number): void {
  if (wireType === VARINT) readVarint(cursor, end);
  else if (wireType === LENGTH) {
    const length = readLength(cursor, end);
    cursor.pos += length;
  } else {
    const size = wireType === FIXED64 ? 8 : wireType === FIXED32 ? 4 : fail(cursor, `unknown wire type ${wireType}`);
    if (end - cursor.pos < size) fail(cursor, 'truncated field');
    cursor.pos += size;
  }
}

/** One repeated numeric field: how to make its array, and its element's wire type. */
interface NumericKind {
  readonly wireType: number;
  readonly make: (length: number) => NumericArray;
}
type NumericArray = Float32Array | Float64Array | Int32Array | BigInt64Array | BigUint64Array;

const NUMERIC: Readonly<Partial<Record<FieldKind, NumericKind>>> = {
  floats: { wireType: FIXED32, make: (n) => new Float32Array(n) },
  doubles: { wireType: FIXED64, make: (n) => new Float64Array(n) },
  int32s: { wireType: VARINT, make: (n) => new Int32Array(n) },
  int64s: { wireType: VARINT, make: (n) => new BigInt64Array(n) },
  uint64s: { wireType: VARINT, make: (n) => new BigUint64Array(n) },
};

function countVarints(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if (bytes[i] < 128) count++;
  return count;
}

/** Elements in cursor.pos … end as one array: a run of packed elements, or a single unpacked one. */
function readNumbers(cursor: Cursor, kind: NumericKind, end: number): NumericArray {
  const { bytes, pos } = cursor;
  if (kind.wireType !== VARINT) {
    const array = kind.make(0);
    const size = array.BYTES_PER_ELEMENT;
    if ((end - pos) % size !== 0) fail(cursor, 'a packed field that ends inside an element');
    cursor.pos = end;
    const start = bytes.byteOffset + pos;
    const ArrayType = array.constructor as new (buffer: ArrayBufferLike, offset?: number, length?: number) => NumericArray;
    return start % size === 0
      ? new ArrayType(bytes.buffer, start, (end - pos) / size)
      : new ArrayType(new Uint8Array(bytes.subarray(pos, end)).buffer, 0, (end - pos) / size);
  }
  const array = kind.make(countVarints(bytes, pos, end));
  const words = new Int32Array(array.buffer);
  const step = array.BYTES_PER_ELEMENT / 4;
  let at = 0;
  while (cursor.pos < end) {
    readVarint(cursor, end);
    words[at] = cursor.lo;
    if (step === 2) words[at + 1] = cursor.hi;
    at += step;
  }
  return array;
}

function joinNumbers(chunks: readonly NumericArray[], kind: NumericKind): NumericArray {
  if (chunks.length === 1) return chunks[0];
  const joined = kind.make(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    // Chunks and result are of one type by construction; the union of array types has no common signature of `set`.
    (joined as Float64Array).set(chunk as Float64Array, at);
    at += chunk.length;
  }
  return joined;
}

interface ReadPlan {
  readonly names: readonly string[];
  readonly fields: ReadonlyMap<number, { readonly name: string; readonly spec: FieldSpec }>;
}
const plans = new WeakMap<MessageSpec, ReadPlan>();

function planOf(spec: MessageSpec): ReadPlan {
  let plan = plans.get(spec);
  if (plan === undefined) {
    const entries = Object.entries(spec);
    plan = { names: entries.map(([name]) => name), fields: new Map(entries.map(([name, field]) => [field.number, { name, spec: field }])) };
    plans.set(spec, plan);
  }
  return plan;
}

function expectWireType(cursor: Cursor, field: string, actual: number, expected: number): void {
  if (actual !== expected) fail(cursor, `field "${field}" has wire type ${actual}, expected ${expected},`);
}

function readValue(cursor: Cursor, name: string, kind: FieldSpec['kind'], wireType: number, end: number, depth: number): unknown {
  if (kind === 'int') {
    expectWireType(cursor, name, wireType, VARINT);
    return readInt(cursor, end);
  }
  if (kind === 'int64') {
    expectWireType(cursor, name, wireType, VARINT);
    readVarint(cursor, end);
    return (BigInt(cursor.hi) << 32n) | BigInt(cursor.lo >>> 0);
  }
  if (kind === 'float') {
    expectWireType(cursor, name, wireType, FIXED32);
    if (end - cursor.pos < 4) fail(cursor, 'truncated field');
    cursor.pos += 4;
    return new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + cursor.pos - 4, 4).getFloat32(0, true);
  }
  expectWireType(cursor, name, wireType, LENGTH);
  const length = readLength(cursor, end);
  const stop = cursor.pos + length;
  if (typeof kind === 'function') return readMessage(cursor, kind(), stop, depth + 1);
  const bytes = cursor.bytes.subarray(cursor.pos, stop);
  cursor.pos = stop;
  return kind === 'string' ? decoder.decode(bytes) : bytes;
}

function readMessage(cursor: Cursor, spec: MessageSpec, end: number, depth: number): Message {
  if (depth > MAX_DEPTH) fail(cursor, `messages nested more than ${MAX_DEPTH} deep`);
  const plan = planOf(spec);
  const message: Message = {};
  let chunks: Map<string, NumericArray[]> | undefined;
  for (const name of plan.names) if (spec[name].repeated) message[name] = [];
  while (cursor.pos < end) {
    readVarint(cursor, end);
    const number = cursor.lo >>> 3;
    const wireType = cursor.lo & 7;
    if (number === 0 || cursor.hi !== 0) fail(cursor, 'a field number that does not exist');
    const field = plan.fields.get(number);
    if (field === undefined) {
      skipField(cursor, wireType, end);
      continue;
    }
    const { name, spec: fieldSpec } = field;
    const numeric = typeof fieldSpec.kind === 'string' ? NUMERIC[fieldSpec.kind] : undefined;
    if (numeric !== undefined) {
      let stop: number;
      if (wireType === LENGTH) {
        const length = readLength(cursor, end);
        stop = cursor.pos + length;
      } else {
        expectWireType(cursor, name, wireType, numeric.wireType);
        const start = cursor.pos;
        skipField(cursor, wireType, end);
        stop = cursor.pos;
        cursor.pos = start;
      }
      chunks ??= new Map();
      const list = chunks.get(name);
      const numbers = readNumbers(cursor, numeric, stop);
      if (list === undefined) chunks.set(name, [numbers]);
      else list.push(numbers);
      continue;
    }
    const value = readValue(cursor, name, fieldSpec.kind, wireType, end, depth);
    if (fieldSpec.repeated) (message[name] as unknown[]).push(value);
    else message[name] = value;
  }
  for (const [name, list] of chunks ?? []) message[name] = joinNumbers(list, NUMERIC[spec[name].kind as FieldKind]!);
  return message;
}

/**
 * Reads one message. Unknown fields are skipped; repeated fields that do not occur are empty arrays; everything else that does not occur is absent.
 * Byte fields and aligned packed numbers share `bytes`.
 * @throws InputError for anything that is not this format (with the byte position).
 */
export function decodeMessage<T>(bytes: Uint8Array, spec: MessageSpec): T {
  return readMessage({ bytes, pos: 0, lo: 0, hi: 0 }, spec, bytes.length, 0) as T;
}

// ---- writing: one pass measures (and encodes strings), one pass fills a buffer of exactly that size ----

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** What the second pass writes, in order: numbers are varints, arrays are bytes. */
type Piece = number | Uint8Array;

/** A 64-bit integer as varint bytes, negative ones in two's complement (ten bytes), as the wire wants. */
function pushInt64(value: bigint, out: number[]): void {
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
}

/** The elements of a repeated numeric field as packed bytes. */
function packNumbers(values: NumericArray, kind: NumericKind): Uint8Array {
  if (kind.wireType !== VARINT) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const out: number[] = [];
  for (const value of values) pushInt64(BigInt(value), out);
  return Uint8Array.from(out);
}

function floatBytes(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer);
}

/** Appends a message's pieces; returns its size in bytes. */
function measureMessage(message: Message, spec: MessageSpec, pieces: Piece[]): number {
  let size = 0;
  const put = (piece: Piece): void => {
    pieces.push(piece);
    size += typeof piece === 'number' ? varintSize(piece) : piece.length;
  };
  for (const [name, field] of Object.entries(spec)) {
    const value = message[name];
    if (value === undefined) continue;
    const { number, kind } = field;
    for (const item of field.repeated ? (value as readonly unknown[]) : [value]) {
      if (kind === 'int' || kind === 'int64') {
        const bytes: number[] = [];
        pushInt64(BigInt(item as number | bigint), bytes);
        put(number * 8 + VARINT);
        put(Uint8Array.from(bytes));
      } else if (kind === 'float') {
        put(number * 8 + FIXED32);
        put(floatBytes(item as number));
      } else if (typeof kind === 'function') {
        put(number * 8 + LENGTH);
        const slot = pieces.push(0) - 1;
        const inner = measureMessage(item as Message, kind(), pieces);
        pieces[slot] = inner;
        size += varintSize(inner) + inner;
      } else {
        const numeric = NUMERIC[kind];
        const bytes = numeric
          ? packNumbers(item as NumericArray, numeric)
          : kind === 'string'
            ? encoder.encode(item as string)
            : (item as Uint8Array);
        if (numeric && bytes.length === 0) continue;
        put(number * 8 + LENGTH);
        put(bytes.length);
        put(bytes);
      }
    }
  }
  return size;
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  let pos = at;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[pos++] = (rest % 128) | 128;
  out[pos++] = rest;
  return pos;
}

/** Encodes one message: fields in table order, absent (undefined) fields left out, repeated numbers packed. */
export function encodeMessage<T extends object>(message: T, spec: MessageSpec): Uint8Array {
  const pieces: Piece[] = [];
  const size = measureMessage(message as Message, spec, pieces);
  const out = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'number') at = writeVarint(out, at, piece);
    else {
      out.set(piece, at);
      at += piece.length;
    }
  }
  return out;
}
