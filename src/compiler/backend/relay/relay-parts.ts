/** Parts of a relay, one behind the other: which members make their maps tile by tile, which at once. Specification: docs/compiler.md, "Relays". */
import type { RelayGraph } from './relay.ts';
import type { Split } from './relay-link.ts';
import { orderOwnRows } from './relay-own-rows.ts';
import { orderSteps, type RelayStep } from './relay-steps.ts';

/** Members whose steps come before those of the part behind it: tile by tile, or whole maps. */
export interface RelayPart {
  readonly members: readonly number[];
  /** Undefined: every member makes its whole map at once. */
  readonly tiling: Tiling | undefined;
  /** How their links are chosen. */
  readonly split: Split;
}

/** Rows of the last member's result that are made at a time (where every CU has rows of its own: of each), and members that share a slot. */
export interface Tiling {
  readonly rows: number;
  readonly lag: number;
}

/** The steps of all parts, one behind the other. */
export function orderParts(graph: RelayGraph, parts: readonly RelayPart[], cus: number): RelayStep[] {
  const steps: RelayStep[] = [];
  let slots = 0;
  for (const { members: own, tiling, split } of parts) {
    const members = own.map((m) => graph.members[m]!);
    const rows = tiling?.rows ?? members.at(-1)!.height;
    const lag = tiling?.lag ?? 1;
    const part = split === 'rows' ? orderOwnRows({ ...graph, members }, rows, lag, cus) : orderSteps({ ...graph, members }, rows, lag);
    for (const step of part) steps.push({ ...step, member: own[step.member]!, slot: slots + step.slot });
    slots = Math.max(...steps.map(({ slot }) => slot)) + 1;
  }
  return steps;
}
