/** Pixels that several members make parts of, and others read: stored whole behind the last of these, where that is cheaper. Specification: docs/compiler.md, "Relays". */
import { costOf } from '../mac/cost.ts';
import { cutLike, stagesOfRelay } from './relay.ts';
import type { RelaySearch } from './relay-choice.ts';
import { planParts, type RelayPlan } from './relay-plan.ts';

/** The same relay, with parts of pixels that share lines stored together if that is cheaper. */
export function gatherStores({ facts, machine, cache }: RelaySearch, plan: RelayPlan): RelayPlan {
  // Where CUs have columns or rows of their own, parts are made at different times.
  if (plan.columns || plan.own.size > 0) return plan;
  const whole = facts.graphOf(stagesOfRelay(plan.graph), { gathers: true });
  const gathered = whole && planParts(cutLike(whole, plan.graph.members), machine, plan.parts, cache);
  return gathered && costOf(gathered, machine) < costOf(plan, machine) ? gathered : plan;
}
