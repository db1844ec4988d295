/**
 * A compiled program: what the compiler emits, every device executes, and a program file stores.
 * Specification: docs/isa.md (program file). All DRAM addresses are word (16-bit) addresses.
 */
import type { Machine } from '../machine/machine.ts';

/** A tensor in DRAM, height × width × channels, channels last. Word of (y,x,c) of frame n: address + n·frameStep + y·rowPitch + x·pixelPitch + c. */
export interface TensorPlacement {
  readonly name: string;
  readonly role: 'input' | 'output' | 'intermediate';
  readonly address: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixelPitch: number;
  readonly rowPitch: number;
  readonly frames: number;
  readonly frameStep: number;
  readonly fraction: number;
  /** ONNX shape of one frame and element order, for inputs and outputs. */
  readonly dims?: readonly number[];
  readonly order?: 'nchw' | 'nc' | 'nwc';
}

/** Constant DRAM contents (weights images, activation tables). */
export interface Segment {
  readonly name: string;
  readonly address: number;
  readonly words: Int16Array;
}

/** What a layer of the schedule is, for accounts and listings. */
export interface LayerInfo {
  readonly name: string;
  /** e.g. "conv 3x3/1 192→384", "maxpool 3x3/2", "gemm 9216→4096". */
  readonly op: string;
  /** ONNX nodes covered, main node first. */
  readonly nodes: readonly string[];
  readonly lanesPerOutput: number;
  /** Useful MACs of one frame, padding taps skipped. */
  readonly macs: number;
  /** DRAM bytes of its weights image. */
  readonly weightBytes: number;
  /** The schedule chosen, for people: "1×4, 3 tiles of 9 rows, maps stay". */
  readonly schedule: string;
  /** Cycles that the cost model predicted for all frames. */
  readonly predictedCycles: number;
}

/** Instructions [first, end) belong to a layer and a tile. Spans are sorted and cover the program from 0; layer −1 is prologue or epilogue. */
export interface SourceSpan {
  readonly first: number;
  readonly end: number;
  readonly layer: number;
  readonly tile: string;
}

/** Instructions, constants and the memory plan of a compiled network, for one machine. */
export interface Program {
  readonly name: string;
  readonly machine: Machine;
  /** Frames computed by one run of the program. */
  readonly frames: number;
  /** DRAM word address of instruction 0 (a multiple of 64). */
  readonly codeAddress: number;
  readonly instructions: Uint32Array;
  readonly segments: readonly Segment[];
  readonly tensors: readonly TensorPlacement[];
  readonly layers: readonly LayerInfo[];
  readonly sourceMap: readonly SourceSpan[];
  /** DRAM words used in all: the image size a device must provide. */
  readonly dramWords: number;
}
