/** Which runs of a network's stages may become relays, and their plans. Specification: docs/compiler.md, "Relays". */
import type { Machine } from '../../../machine/machine.ts';
import type { StageGraph } from '../stages/stage.ts';
import type { RelayFacts } from './relay.ts';
import type { LinkCache } from './relay-link.ts';
import { PATIENCE, Patience } from './relay-patience.ts';
import { planRelay, type RelayPlan } from './relay-plan.ts';

/** Stages of the longest relay. */
const MAX_MEMBERS = 48;

/** How many members further on a result is read at most without going through DRAM, where not everything fits: first of maps that lie in lines alone. */
const REACHES = [
  { reach: 16, isRows: true },
  { reach: 7, isRows: false },
  { reach: 4, isRows: false },
] as const;

/** What all that looks for relays of a network knows, and what it has found of their links. */
export interface RelaySearch {
  readonly facts: RelayFacts;
  readonly machine: Machine;
  readonly cache: LinkCache;
}

export interface RelayCandidate {
  readonly members: readonly number[];
  readonly plan: RelayPlan;
}

/** All runs of consecutive stages that have a plan; `isFree`: may a stage be a member as far as its step is concerned? */
export function* findRelays({ facts, machine, cache }: RelaySearch, isFree: (stage: number) => boolean): Generator<RelayCandidate> {
  const { graph } = facts;
  const isMember = graph.stages.map((_, index) => facts.isEligible(index) && isFree(index));
  for (let first = 0; first < isMember.length; first++) {
    if (!isMember[first]) continue;
    let failed = 0;
    const patience = [undefined, ...REACHES].map(() => new Patience());
    for (let end = first + 1; end < isMember.length && isMember[end] && end - first < MAX_MEMBERS && failed <= PATIENCE; end++) {
      const members = Array.from({ length: end - first + 1 }, (_, i) => first + i);
      if (!graph.stages[end]!.mac && end + 1 < isMember.length) continue;
      // Vectors alone are a cell's.
      if (!members.some((index) => isMap(graph, index))) continue;
      const plan = bestPlan(facts, members, machine, cache, patience);
      failed = plan ? 0 : failed + 1;
      if (plan) yield { members, plan };
    }
  }
}

/** The plan that keeps everything on chip; if there is none, one in which what is read much later goes through DRAM (`patience`: with that, and with every reach). */
function bestPlan(
  facts: RelayFacts,
  members: readonly number[],
  machine: Machine,
  cache: LinkCache,
  patience: readonly Patience[],
): RelayPlan | undefined {
  const whole = facts.graphOf(members);
  const plan = whole && planRelay(whole, machine, cache, false, patience[0]!);
  if (plan || !whole) return plan;
  for (const [i, { reach, isRows }] of REACHES.entries()) {
    const passed = reach < members.length ? facts.graphOf(members, { reach, isRows }) : undefined;
    if (!passed || passed.buffers.length === whole.buffers.length) continue;
    const other = planRelay(passed, machine, cache, true, patience[i + 1]!);
    if (other) return other;
  }
  return undefined;
}

/** Does a stage make more than one pixel? */
function isMap({ tensors, stages }: StageGraph, index: number): boolean {
  const { height, width } = tensors[stages[index]!.output]!;
  return height * width > 1;
}
