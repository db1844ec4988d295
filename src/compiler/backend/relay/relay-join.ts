/** Relays that follow each other as one: what the first one makes stays on chip for the second. Specification: docs/compiler.md, "Relays". */
import type { Machine } from '../../../machine/machine.ts';
import { type RelayFacts, stageMembers } from './relay.ts';
import { FIRST_CYCLES, mapBytes } from './relay-cost.ts';
import type { LinkCache } from './relay-link.ts';
import { planParts, type RelayPlan } from './relay-plan.ts';

/** The parts of both, one behind the other, with maps placed anew; undefined where they do not fit. */
export function joinRelays(
  facts: RelayFacts,
  first: RelayPlan,
  second: RelayPlan,
  machine: Machine,
  cache: LinkCache,
): RelayPlan | undefined {
  const both = [first, second];
  const whole = facts.graphOf(both.flatMap(({ graph }) => stageMembers(graph).map((m) => graph.members[m]!.index)));
  if (!whole) return undefined;
  const known = both.flatMap(({ graph }) => graph.members);
  const graph = { ...whole, members: whole.members.map((member, m) => ({ ...member, isCutAtRows: known[m]!.isCutAtRows })) };
  const shift = first.graph.members.length;
  const behind = second.parts.map((part) => ({ ...part, members: part.members.map((m) => m + shift) }));
  const plan = planParts(graph, machine, [...first.parts, ...behind], cache);
  if (!plan) return undefined;
  // What they do is what they did, but for the maps that stay.
  const sum = (of: (one: RelayPlan) => number): number => of(first) + of(second);
  const bytes = sum((one) => one.bytes - mapBytes(one.graph, one.held)) + mapBytes(graph, plan.held);
  return { ...plan, cycles: sum(({ cycles }) => cycles) - FIRST_CYCLES, bytes };
}
