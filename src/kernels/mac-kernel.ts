/**
 * Loads the MAC kernel and gives typed access to its memory. Specification: docs/microarchitecture.md, section 4; twin of the parameter block in
 * src/kernels/assembly/mac.ts. The caller keeps the machine's buffers in the kernel's memory, so that nothing is copied.
 */
import { MAC_WASM } from './generated/mac-wasm.ts';

/** Indices into `MacKernel.parameters` (32-bit). Twin: the offsets in assembly/mac.ts. */
export const PARAMETERS = {
  segmentCount: 0,
  pixels: 1,
  /** Bytes from one pixel's map words to the next one's. */
  mapStep: 2,
  /** Byte offset of the first result in every target. */
  outAddress: 3,
  /** Bytes from one pixel's results to the next one's. */
  outStep: 4,
  outWords: 5,
  lanes: 6,
  depthwise: 7,
  clampLow: 9,
  clampHigh: 10,
  targets: 11,
  paramLines: 12,
  groupLines: 13,
  /** Byte addresses of the group in the four vMACs. */
  weights: 16,
  /** Byte addresses of the targets' maps buffers (at most 8). */
  targetBases: 20,
} as const;

/** Byte offsets of the mask patterns within the parameter block: 32 bytes for lanes 0–15, 128 bytes for the depthwise words. */
export const MASKS = { full: 1536, head: 1568, tail: 1600, both: 1632, depthwise: 1664 } as const;

/** 32-bit words of one entry of the segment list: map byte address of pixel 0, weights byte offset in the group, steps, mask address. */
export const SEGMENT_FIELDS = 4;

const BLOCK_ADDRESS = 1024;
const SEGMENTS_OFFSET = 2048;
const PAGE_BYTES = 65536;
/** Masked steps may touch words beside a buffer: this much lies around the data. */
const GUARD_BYTES = 256;

export interface MacKernel {
  readonly buffer: ArrayBuffer;
  /** First byte of the caller's data, a multiple of 64. */
  readonly dataAddress: number;
  readonly parameters: Int32Array;
  readonly segments: Int32Array;
  /** Byte address of a mask pattern of `MASKS`. */
  readonly maskAddress: (offset: number) => number;
  /** 16-bit lanes of the mask pattern at an offset of `MASKS`; −1 keeps a word, 0 clears it. */
  readonly mask: (offset: number, lanes: number) => Int16Array;
  /** Reads biases, shifts and the precision of the group; `scanWeights` pays from a few pixels on. */
  readonly prepareGroup: (scanWeights: boolean) => void;
  /** Computes and writes all pixels of a run. */
  readonly runPixels: () => void;
}

let compiled: WebAssembly.Module | undefined;

function compileModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(MAC_WASM), (c) => c.charCodeAt(0)));
  return compiled;
}

/**
 * A kernel instance with memory of its own, zeroed.
 * @param dataBytes bytes for the caller's buffers. @param segmentCapacity longest segment list.
 */
export function createMacKernel(dataBytes: number, segmentCapacity: number): MacKernel {
  const segmentBytes = segmentCapacity * SEGMENT_FIELDS * 4;
  const dataAddress = Math.ceil((BLOCK_ADDRESS + SEGMENTS_OFFSET + segmentBytes + GUARD_BYTES) / 64) * 64;
  const pages = Math.ceil((dataAddress + dataBytes + GUARD_BYTES) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(compileModule(), { env: { memory } });
  const prepareGroup = exports.prepareGroup as (block: number, scan: number) => void;
  const runPixels = exports.runPixels as (block: number) => void;
  const buffer = memory.buffer;
  return {
    buffer,
    dataAddress,
    parameters: new Int32Array(buffer, BLOCK_ADDRESS, SEGMENTS_OFFSET / 4),
    segments: new Int32Array(buffer, BLOCK_ADDRESS + SEGMENTS_OFFSET, segmentCapacity * SEGMENT_FIELDS),
    maskAddress: (offset) => BLOCK_ADDRESS + offset,
    mask: (offset, lanes) => new Int16Array(buffer, BLOCK_ADDRESS + offset, lanes),
    prepareGroup: (scanWeights) => prepareGroup(BLOCK_ADDRESS, scanWeights ? 1 : 0),
    runPixels: () => runPixels(BLOCK_ADDRESS),
  };
}
