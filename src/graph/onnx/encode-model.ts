/**
 * Lays out the bytes of a model. Messages are encoded by protobufjs; large weights are placed here, one copy each (a generic encoder moves them once
 * per enclosing message and again while its buffer grows), and on multiples of eight bytes, so that a reader can share them instead of copying.
 *
 *     model fields · padding · graph { nodes, inputs, … · initializer { dims, type, name · padding · raw_data } · initializer … }
 *
 * Padding is a doc_string of spaces: fields may stand in any order, and every reader of ONNX knows it.
 */
import protobuf from 'protobufjs/minimal.js';
import { InputError } from '../../util/errors.ts';
import { onnx } from './generated/onnx.js';
import type { GraphProto, ModelProto, TensorProto } from './proto.ts';

const ALIGNMENT = 8;
/** What a message of protobuf can hold, by its standard. */
const MAX_BYTES = 2 ** 31 - 1;

/** Tags: field number and wire type (2, a length and as many bytes). */
const MODEL_DOC = (6 << 3) | 2;
const MODEL_GRAPH = (7 << 3) | 2;
const GRAPH_INITIALIZER = (5 << 3) | 2;
const TENSOR_RAW = (9 << 3) | 2;
const TENSOR_DOC = (12 << 3) | 2;

/** What stands before a field's bytes. */
function fieldHead(tag: number, sizeBytes: number): Uint8Array {
  return new protobuf.Writer().uint32(tag).uint32(sizeBytes).finish();
}

/** A field of exactly this size; a field of one byte does not exist. */
function padding(tag: number, sizeBytes: number): Uint8Array {
  if (sizeBytes === 0) return new Uint8Array(0);
  const field = new Uint8Array(sizeBytes).fill(0x20);
  field.set([tag, sizeBytes - 2]);
  return field;
}

function sumBytes(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The pieces made for the smallest padding that puts what follows them on a multiple of ALIGNMENT, `start` bytes from one. */
function align(start: number, make: (paddingBytes: number) => readonly Uint8Array[]): readonly Uint8Array[] {
  for (let size = 0; ; size = Math.max(2, size + 1)) {
    const pieces = make(size);
    if ((start + sumBytes(pieces)) % ALIGNMENT === 0) return pieces;
  }
}

/** An initializer that begins `start` bytes behind a multiple of ALIGNMENT. */
function layOutTensor({ rawData, ...tensor }: TensorProto, start: number): readonly Uint8Array[] {
  const head = onnx.TensorProto.encode(tensor).finish();
  if (!rawData) return [fieldHead(GRAPH_INITIALIZER, head.length), head];
  const rawHead = fieldHead(TENSOR_RAW, rawData.length);
  const before = align(start, (size) => {
    const inner = head.length + size + rawHead.length + rawData.length;
    return [fieldHead(GRAPH_INITIALIZER, inner), head, padding(TENSOR_DOC, size), rawHead];
  });
  return [...before, rawData];
}

/** The file of a model. @throws InputError when it is larger than protobuf allows. */
export function encodeModel({ graph, ...model }: ModelProto): Uint8Array {
  const { initializer = [], ...rest }: GraphProto = graph ?? {};
  const body: Uint8Array[] = [onnx.GraphProto.encode(rest).finish()];
  let size = body[0].length;
  for (const tensor of initializer) {
    const pieces = layOutTensor(tensor, size);
    body.push(...pieces);
    size += sumBytes(pieces);
    if (size > MAX_BYTES) throw new InputError('the model is larger than the 2 GiB that an ONNX file can hold');
  }
  const head = onnx.ModelProto.encode(model).finish();
  const before = align(0, (paddingBytes) => [head, padding(MODEL_DOC, paddingBytes), fieldHead(MODEL_GRAPH, size)]);
  const file = new Uint8Array(sumBytes(before) + size);
  let at = 0;
  for (const piece of [...before, ...body]) {
    file.set(piece, at);
    at += piece.length;
  }
  return file;
}
