/**
 * A group of weights in a vMAC's buffer, as a MAC descriptor reads it: lines of parameters, then lines of taps.
 * Specification: docs/microarchitecture.md, section 4.
 */
import type { MacDescriptor } from './fields.ts';

/** The MAC fields that decide how a group lies in the buffer. */
export type WeightsGroup = Readonly<Pick<MacDescriptor, 'lanes' | 'depthwise' | 'tapStep' | 'words' | 'kernelH' | 'kernelW'>>;

/** True when a kernel row is one trace: its taps are adjacent words. Depthwise taps are always separate. */
export function hasAdjacentTaps(d: WeightsGroup): boolean {
  return d.depthwise === 0 && d.tapStep === d.words;
}

/** Parameter lines in front of a group's tap lines: 4 words per output of a vMAC. */
export function paramLines(lanes: number): number {
  return Math.max(1, 4 / lanes);
}

/** Weights lines of one trace: of a whole kernel row (adjacent taps) or of one tap. */
export function traceLines(d: WeightsGroup): number {
  if (d.depthwise === 1) return 1;
  return Math.ceil((hasAdjacentTaps(d) ? d.kernelW * d.words : d.words) / d.lanes);
}

/** Weights lines of a group in one vMAC: parameters, then taps. */
export function groupLines(d: WeightsGroup): number {
  const traces = d.kernelH * (hasAdjacentTaps(d) ? 1 : d.kernelW);
  return paramLines(d.lanes) + traces * traceLines(d);
}
