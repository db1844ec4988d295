/**
 * What a timing run returns: cycles, DRAM bytes, and per layer the cause of every MAC cycle that was not useful.
 * Specification: docs/microarchitecture.md, section 10.
 */
import type { CommitLog } from './commit-log.ts';

/** Causes of lost MAC cycles, in the order of reports (docs/microarchitecture.md, section 10). */
export const LOST_CAUSES = ['maps', 'weights', 'store', 'dependency', 'dispatch', 'partialLanes', 'imbalance', 'drain'] as const;
/** One of LOST_CAUSES. */
export type LostCause = (typeof LOST_CAUSES)[number];

/** One layer, all frames of the program together. usefulMacs / (MACs of the machine) + Σ lost = cycles, exactly. */
export interface LayerTiming {
  /** Mean over the CUs of the time that belongs to the layer; Σ over layers = cycles of the program. */
  readonly cycles: number;
  readonly usefulMacs: number;
  /** Lost time by cause, in cycles of the whole machine. */
  readonly lost: Readonly<Record<LostCause, number>>;
  /** Bytes of whole lines read by the layer's descriptors and for its instructions. */
  readonly dramReadBytes: number;
  readonly dramWriteBytes: number;
}

/** DRAM bytes (whole lines) by what they carry. */
export interface DramBytes {
  /** Weights images (LDW). */
  readonly weights: number;
  /** Maps and activation tables (LDM). */
  readonly mapsIn: number;
  /** Results (ST). */
  readonly mapsOut: number;
  readonly instructions: number;
}

/** One tile of a layer by the source map, all frames together, in MAC slots: whole numbers. Their sums over a layer are the layer's. */
export interface TileTiming {
  readonly layer: number;
  /** As the source map calls it; empty for a program without tiles. */
  readonly name: string;
  readonly usefulMacs: number;
  /** Slots (MACs × cycles) lost by cause. usefulMacs + Σ lostSlots = the tile's cycles × the MACs of the machine. */
  readonly lostSlots: Readonly<Record<LostCause, number>>;
  readonly dramBytes: DramBytes;
}

/** Cycles and bytes of one run of a program. */
export interface TimingResult {
  readonly cycles: number;
  readonly frames: number;
  /** Instruction fetch included. */
  readonly dramReadBytes: number;
  readonly dramWriteBytes: number;
  readonly fetchBytes: number;
  /** Indexed like program.layers. */
  readonly layers: readonly LayerTiming[];
  /** With the option `log`. */
  readonly log?: CommitLog;
  /** With the option `tiles`: in the order of the layers. */
  readonly tiles?: readonly TileTiming[];
}
