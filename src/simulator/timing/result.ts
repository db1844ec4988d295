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
}
