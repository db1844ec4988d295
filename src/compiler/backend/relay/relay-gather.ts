/** Pixels that several members make parts of, and others read: stored whole behind the last of these, where that is cheaper. Specification: docs/compiler.md, "Relays". */
import type { Machine } from '../../../machine/machine.ts';
import { costOf } from '../mac/cost.ts';
import { type RelayFacts, stageMembers } from './relay.ts';
import { planParts, type RelayPlan } from './relay-plan.ts';

/** The same relay, with parts of pixels that share lines stored together if that is cheaper. */
export function gatherStores(facts: RelayFacts, plan: RelayPlan, machine: Machine): RelayPlan {
  // Where CUs have columns or rows of their own, parts are made at different times.
  if (plan.columns || plan.own.size > 0) return plan;
  const known = plan.graph.members;
  const whole = facts.graphOf(
    stageMembers(plan.graph).map((m) => known[m]!.index),
    { gathers: true },
  );
  if (!whole) return plan;
  const members = whole.members.map((member, m) => ({ ...member, isCutAtRows: known[m]!.isCutAtRows }));
  const gathered = planParts({ ...whole, members }, machine, plan.parts, new Map());
  return gathered && costOf(gathered, machine) < costOf(plan, machine) ? gathered : plan;
}
