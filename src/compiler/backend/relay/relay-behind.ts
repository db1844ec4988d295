/** Tiles that are stored while the next ones are made, where there is room for both. Specification: docs/compiler.md, "Relays". */
import type { Machine } from '../../../machine/machine.ts';
import type { LinkCache } from './relay-link.ts';
import { planParts, type RelayPlan } from './relay-plan.ts';

/** The same relay with rows for a tile more in the rings of what is stored tile by tile, if they fit; in pages maps have their places. */
export function storeBehind(plan: RelayPlan, machine: Machine, cache: LinkCache): RelayPlan {
  const { graph, tiled, rings, parts } = plan;
  const isStored = [...tiled].some((m) => graph.members[m]!.destinations.some(({ buffer }) => graph.buffers[buffer]!.isStored));
  if (!isStored || rings.some(({ page }) => page !== undefined)) return plan;
  return planParts(graph, machine, parts, cache, true) ?? plan;
}
