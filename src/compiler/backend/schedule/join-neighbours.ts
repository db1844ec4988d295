/**
 * Relays beside each other, and chains and lone stages beside relays, become one relay where that is cheaper: maps that pass between them need not go through DRAM.
 * Specification: docs/compiler.md, "Relays".
 */
import type { Fusion } from '../chain/fusion.ts';
import { costOf } from '../mac/cost.ts';
import type { RelayCandidate, RelaySearch } from '../relay/relay-choice.ts';
import { joinRelays } from '../relay/relay-join.ts';
import { planWhole, type RelayPlan } from '../relay/relay-plan.ts';

/** Part of the smaller one's cost that estimates err by: with as much more or less, fewer bytes decide. */
const JOIN_MARGIN = 0.1;
/** What begins by itself waits for its first rows from DRAM, where those before have just stored them. */
const BOUNDARY_CYCLES = 700;

/** Consecutive stages that are one step, and what they cost. */
interface Neighbour {
  readonly members: readonly number[];
  /** Undefined: one stage alone. */
  readonly fusion: Fusion | RelayCandidate | undefined;
  readonly cost: number;
}

/** The fusions that are left. `costOfRelay`: with what plans do not see; `apart`: costs of stages one by one; `isFree`: may a stage be part of a relay? */
export function joinNeighbours(
  { facts, machine, cache }: RelaySearch,
  chosen: readonly (Fusion | RelayCandidate)[],
  apart: readonly number[],
  costOfRelay: (relay: RelayCandidate) => number,
  isFree: (stage: number) => boolean,
): (Fusion | RelayCandidate)[] {
  const relayOf = ({ members, fusion }: Neighbour): RelayPlan | undefined => {
    if (fusion && !('kind' in fusion)) return fusion.plan;
    if (fusion?.kind === 'bands' || !members.every((index) => facts.isEligible(index) && isFree(index))) return undefined;
    const graph = facts.graphOf(members);
    return graph && planWhole(graph, machine, cache);
  };
  const join = (a: Neighbour, b: Neighbour): Neighbour | undefined => {
    if (!isRelay(a) && !isRelay(b)) return undefined;
    const [first, second] = [relayOf(a), relayOf(b)];
    const plan = first && second && joinRelays(facts, first, second, machine, cache);
    if (!plan) return undefined;
    const fusion = { members: [...a.members, ...b.members], plan };
    const cost = costOfRelay(fusion);
    return cost < a.cost + b.cost + BOUNDARY_CYCLES + JOIN_MARGIN * Math.min(a.cost, b.cost)
      ? { members: fusion.members, fusion, cost }
      : undefined;
  };
  const joined: Neighbour[] = [];
  for (const next of neighboursOf(chosen, facts.graph.stages.length)) {
    const { members, fusion } = next;
    const cost = fusion ? ('kind' in fusion ? costOf(fusion.plan, machine) : costOfRelay(fusion)) : apart[members[0]!]!;
    let last: Neighbour = { ...next, cost };
    for (let one = joined.at(-1) && join(joined.at(-1)!, last); one; one = joined.at(-1) && join(joined.at(-1)!, last)) {
      joined.pop();
      last = one;
    }
    joined.push(last);
  }
  return joined.flatMap(({ fusion }) => fusion ?? []);
}

function isRelay({ fusion }: Neighbour): boolean {
  return fusion !== undefined && !('kind' in fusion);
}

/** All stages, those of a fusion together. */
function neighboursOf(chosen: readonly (Fusion | RelayCandidate)[], stages: number): Omit<Neighbour, 'cost'>[] {
  const list: Omit<Neighbour, 'cost'>[] = [];
  for (let index = 0; index < stages; ) {
    const fusion = chosen.find(({ members }) => members[0] === index);
    const members = fusion?.members ?? [index];
    list.push({ members, fusion });
    index += members.length;
  }
  return list;
}
