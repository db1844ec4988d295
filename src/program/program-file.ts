/**
 * Programs as bytes. Layout (all numbers little-endian; docs/isa.md, section 8): magic (8 bytes), format version (u32), header
 * length (u32), file length (u64), 8 zero bytes; header (JSON, UTF-8); instructions; segments in the header's order, each part
 * from a multiple of 16 bytes after zero bytes; CRC-32 of all bytes before it (u32). Same program, same bytes.
 */
import { z } from 'zod';
import { machineSchema } from '../machine/machine.ts';
import { crc32 } from '../util/crc32.ts';
import { InputError } from '../util/errors.ts';
import { describeIssues } from '../util/zod-message.ts';
import type { Program, Segment } from './program.ts';
import { findProgramFault } from './verify-program.ts';

/** Raised by one when an old reader would misread a new file. */
const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode('SNOWFLK\n');
const PREFIX_BYTES = 32;
const CRC_BYTES = 4;
const ALIGNMENT_BYTES = 16;

const count = z.int().min(0);
const positive = z.int().min(1);

const tensorSchema = z.strictObject({
  name: z.string(),
  role: z.enum(['input', 'output', 'intermediate']),
  address: count,
  height: positive,
  width: positive,
  channels: positive,
  pixelPitch: count,
  rowPitch: count,
  frames: positive,
  frameStep: count,
  fraction: z.int(),
  dims: z.array(count).optional(),
  order: z.enum(['nchw', 'nc', 'nwc']).optional(),
});

const layerSchema = z.strictObject({
  name: z.string(),
  op: z.string(),
  nodes: z.array(z.string()),
  lanesPerOutput: count,
  macs: count,
  weightBytes: count,
  schedule: z.string(),
  predictedCycles: z.number().min(0),
});

const headerSchema = z.strictObject({
  name: z.string(),
  machine: machineSchema,
  frames: positive,
  codeAddress: count,
  instructions: positive,
  segments: z.array(z.strictObject({ name: z.string(), address: count, words: count })),
  tensors: z.array(tensorSchema),
  layers: z.array(layerSchema),
  sourceMap: z.array(z.strictObject({ first: count, end: count, layer: z.int().min(-1), tile: z.string() })),
  dramWords: positive,
});

type Header = z.infer<typeof headerSchema>;

interface Layout {
  readonly instructions: number;
  readonly segments: readonly number[];
  readonly crc: number;
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** Byte offsets of the parts: a consequence of the header, never stored. */
function layOut(header: Header, headerBytes: number): Layout {
  const instructions = align(PREFIX_BYTES + headerBytes);
  let next = instructions + header.instructions * 4;
  const segments = header.segments.map(({ words }) => {
    const offset = align(next);
    next = offset + words * 2;
    return offset;
  });
  return { instructions, segments, crc: next };
}

/**
 * The bytes of a program file.
 * @throws Error when the program is not sound (a defect of its maker).
 */
export function writeProgram(program: Program): Uint8Array<ArrayBuffer> {
  const fault = findProgramFault(program);
  if (fault !== undefined) throw new Error(`program ${program.name}: ${fault}`);
  // Parsing gives the schema's key order, so that the bytes do not depend on how the program's objects were built.
  const header = headerSchema.parse({
    ...program,
    instructions: program.instructions.length,
    segments: program.segments.map(({ name, address, words }) => ({ name, address, words: words.length })),
  });
  const json = new TextEncoder().encode(JSON.stringify(header));
  const layout = layOut(header, json.length);
  const bytes = new Uint8Array(layout.crc + CRC_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, json.length, true);
  view.setBigUint64(16, BigInt(bytes.length), true);
  bytes.set(json, PREFIX_BYTES);
  bytes.set(bytesOf(program.instructions), layout.instructions);
  for (const [i, segment] of program.segments.entries()) bytes.set(bytesOf(segment.words), layout.segments[i]);
  view.setUint32(layout.crc, crc32(bytes.subarray(0, layout.crc)), true);
  return bytes;
}

/** The memory of an array as it lies: typed arrays are little-endian on every host that JavaScript runs on today. */
function bytesOf(array: Uint32Array | Int16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Whether bytes begin as a program file does; says nothing about the rest. */
export function isProgramFile(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * The program in the bytes of a program file. Instructions and segments may share memory with `bytes`: don't change them later.
 * @param source name for messages, e.g. the file name.
 * @throws InputError for a foreign, truncated, damaged, newer or inconsistent file. Uses memory in proportion to the bytes given.
 */
export function readProgram(bytes: Uint8Array, source: string): Program {
  const refuse = (problem: string): InputError => new InputError(`${source}: ${problem}`);
  if (!isProgramFile(bytes)) throw refuse('not a Snowflake program file');
  if (bytes.length < PREFIX_BYTES + CRC_BYTES) throw refuse(`truncated program file: ${bytes.length} bytes; compile it again`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) {
    throw refuse(`program format ${version}, this software reads up to ${FORMAT_VERSION}; update it or compile the network again`);
  }
  const length = view.getBigUint64(16, true);
  if (length !== BigInt(bytes.length)) {
    throw refuse(`truncated or damaged program file: ${bytes.length} bytes, expected ${length}; compile it again`);
  }
  const crcOffset = bytes.length - CRC_BYTES;
  if (crc32(bytes.subarray(0, crcOffset)) !== view.getUint32(crcOffset, true)) {
    throw refuse('damaged program file: the checksum does not match; compile it again');
  }
  if (version === 0) throw refuse('damaged program file: format 0');
  const headerBytes = view.getUint32(12, true);
  if (PREFIX_BYTES + headerBytes > crcOffset) throw refuse(`damaged program file: a header of ${headerBytes} bytes does not fit`);
  const header = parseHeader(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes), refuse);
  const layout = layOut(header, headerBytes);
  if (layout.crc !== crcOffset) throw refuse(`damaged program file: its parts end at byte ${layout.crc}, expected ${crcOffset}`);
  const { instructions, segments, ...rest } = header;
  const program: Program = {
    ...rest,
    instructions: viewOf(Uint32Array, bytes, layout.instructions, instructions),
    segments: segments.map(
      ({ name, address, words }, i): Segment => ({ name, address, words: viewOf(Int16Array, bytes, layout.segments[i], words) }),
    ),
  };
  const fault = findProgramFault(program);
  if (fault !== undefined) throw refuse(`inconsistent program: ${fault}`);
  return program;
}

function parseHeader(json: Uint8Array, refuse: (problem: string) => InputError): Header {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    throw refuse('damaged program file: the header is not JSON');
  }
  const result = headerSchema.safeParse(value);
  if (!result.success) throw refuse(`damaged program file: header: ${describeIssues(result.error, value)}`);
  return result.data;
}

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** Elements at a byte offset: the same memory where alignment allows, else a copy. The caller has checked the bounds. */
function viewOf<T>(type: ArrayType<T>, bytes: Uint8Array, offset: number, length: number): T {
  const start = bytes.byteOffset + offset;
  if (start % type.BYTES_PER_ELEMENT === 0) return new type(bytes.buffer, start, length);
  return new type(bytes.slice(offset, offset + length * type.BYTES_PER_ELEMENT).buffer, 0, length);
}
