/**
 * Which CUs hold a member's results, and what the descriptors that this takes cost beside their windows. Specification: docs/compiler.md, "Relays".
 */
import type { Machine } from '../../../machine/machine.ts';
import { parameterLines } from '../mac/window-cost.ts';
import type { RelayMember } from './relay.ts';
import type { LinkCost } from './relay-link.ts';
import { type RelayStep, type Span, spanOf } from './relay-steps.ts';

/** Pixels with the CUs (a mask) that hold them. */
export interface HeldSpan extends Span {
  readonly cus: number;
}

/** A descriptor's first window comes so many cycles behind its first parameter line, the next one's lines so many behind its last window. */
const START_CYCLES = 10;

/** Pixels cut where other CUs hold them; `byCu`: what every CU holds, in ascending order. */
export function cutHeld(byCu: readonly (readonly Span[])[], { from, to }: Span): HeldSpan[] {
  const cuts = new Set([from, to]);
  for (const spans of byCu) {
    for (const span of spans) {
      if (span.from > from && span.from < to) cuts.add(span.from);
      if (span.to > from && span.to < to) cuts.add(span.to);
    }
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  const result: { from: number; to: number; cus: number }[] = [];
  for (let i = 1; i < sorted.length; i++) {
    const [low, high] = [sorted[i - 1]!, sorted[i]!];
    const cus = byCu.reduce((mask, spans, cu) => (spans.some((span) => span.from <= low && high <= span.to) ? mask | (1 << cu) : mask), 0);
    const last = result.at(-1);
    if (last && last.cus === cus) last.to = high;
    else result.push({ from: low, to: high, cus });
  }
  return result;
}

/**
 * Cycles of a block beside its windows where a member is made at once, of the CU that loses most: every descriptor reads parameters, and is prepared while the last row of
 * the one before is made. And how many descriptors of all CUs these are.
 */
export function wholeGap(
  step: RelayStep,
  member: RelayMember,
  { plan, cycles }: LinkCost,
  held: readonly (readonly (readonly Span[])[])[],
  machine: Machine,
): { readonly cycles: number; readonly tasks: number } {
  const { width, stage, destinations } = member;
  const cus = machine.computeUnits;
  const spans = Array.from({ length: cus }, (_, cu) => spanOf(step, member, plan, cu, cus, false));
  const pixels = Math.max(1, ...spans.map(({ from, to }) => to - from));
  const pixelCycles = cycles / (plan.blocks.length * pixels);
  let tasks = 0;
  const gaps = spans.map((span) => {
    if (span.to === span.from) return 0;
    const parts = stage.vec ? [span] : cutHeld(held[destinations[0]!.buffer]!, span);
    tasks += parts.length;
    return parts.reduce((sum, { from, to }) => {
      const lastRow = Math.min(to - from, ((to - 1) % width) + 1) * pixelCycles;
      return sum + START_CYCLES + parameterLines(plan.lanes) + Math.max(0, machine.latency.prepare - lastRow);
    }, 0);
  });
  return { cycles: Math.max(...gaps), tasks };
}
