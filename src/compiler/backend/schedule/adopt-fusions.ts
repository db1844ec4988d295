/** Which stages become chains, relays and bands: those that are cheaper together than one by one. Specification: docs/compiler.md, "Chains", "Relays", "Bands". */
import { macCount } from '../../../machine/machine.ts';
import { findBands } from '../chain/band-choice.ts';
import { LinkCache } from '../chain/chain.ts';
import { chooseFusions, type Fusion, findFusions, planFusion } from '../chain/fusion.ts';
import { costOf } from '../mac/cost.ts';
import { RelayFacts } from '../relay/relay.ts';
import { storeBehind } from '../relay/relay-behind.ts';
import { findRelays, type RelayCandidate, type RelaySearch } from '../relay/relay-choice.ts';
import { gatherStores } from '../relay/relay-gather.ts';
import { dealtCycles } from '../relay/relay-traffic.ts';
import { countMacs, type Stage } from '../stages/stage.ts';
import { joinNeighbours } from './join-neighbours.ts';
import { Residency } from './residency.ts';
import type { StagePlans } from './stage-plans.ts';
import { type StepDrafts, stagesOf } from './step-drafts.ts';

/** Share of its MACs' time that a relay may take longer than planned: ragged rows and late weights, which its plan does not see (ResNet-18 and SqueezeNet lost 1 to 5 %). */
const RELAY_CAUTION = 0.075;
/** The same for bands, whose rows all CUs share. */
const BAND_CAUTION = 0.005;

/** What could become one step, and the cycles that this saves. */
interface Option {
  readonly fusion: Fusion | RelayCandidate;
  readonly saved: number;
}

/** Stages that are cheaper together than one by one become a step. `hasRelays`, `hasBands`: as such, too. */
export function adoptFusions(plans: StagePlans, drafts: StepDrafts, hasRelays: boolean, hasBands: boolean): void {
  const options = findChainOptions(plans, drafts);
  const apart = hasRelays || hasBands ? costsBesideResidents(plans, drafts) : [];
  const { stages, layout, machine, frames } = plans;
  const search: RelaySearch = { facts: new RelayFacts(stages, layout, frames), machine, cache: new Map() };
  if (hasRelays) options.push(...findRelayOptions(plans, drafts, apart, search));
  if (hasBands) options.push(...findBandOptions(plans, drafts, apart));
  const chosen = chooseFusions(options, stages.stages.length).map((fusion) =>
    'kind' in fusion ? fusion : { ...fusion, plan: gatherStores(search, fusion.plan) },
  );
  const cautious = (relay: RelayCandidate): number => costWithCaution(plans, relay);
  const joined = hasRelays ? joinNeighbours(search, chosen, apart, cautious, (index) => !isTaken(drafts, index)) : chosen;
  for (const fusion of joined) {
    drafts.adopt({
      main: fusion.members.at(-1)!,
      companions: [],
      ...('kind' in fusion ? { fusion } : { relay: storeBehind(fusion.plan, machine, search.cache) }),
    });
  }
}

/** Cost of stages one by one, each with the machine to itself. */
function costApart(plans: StagePlans, members: readonly number[]): number {
  return members.reduce((sum, index) => sum + plans.costAlone(index), 0);
}

function findChainOptions(plans: StagePlans, drafts: StepDrafts): Option[] {
  const { stages, layout, machine } = plans;
  const options: Option[] = [];
  const cache = new LinkCache();
  // First stages from which chains of some length no longer fit: longer ones come later.
  const full = new Set<number>();
  for (const candidate of findFusions(stages, (tensor) => layout.homes.get(tensor)?.isBorder !== false)) {
    const { members } = candidate;
    const canGrow = candidate.kind === 'rows' && !candidate.storesHead;
    if ((canGrow && full.has(members[0]!)) || members.some((index) => isTaken(drafts, index))) continue;
    const fusion = planFusion(candidate, stages, plans.describe(members[0]!, true).inputView(0), machine, cache);
    if (!fusion) {
      if (canGrow && members.length > 3) full.add(members[0]!);
      continue;
    }
    const saved = costApart(plans, members) - costOf(fusion.plan, machine);
    if (saved > 0) options.push({ fusion, saved });
  }
  return options;
}

/** `apart`: costs of stages one by one, with what would stay on chip then. */
function findRelayOptions(plans: StagePlans, drafts: StepDrafts, apart: readonly number[], search: RelaySearch): Option[] {
  const { stages, machine } = plans;
  const options: Option[] = [];
  for (const relay of findRelays(search, (index) => mayRelay(drafts, index))) {
    const { members } = relay;
    if (!takesWholeCells(drafts, members)) continue;
    const cost = costWithCaution(plans, relay);
    // What passes on chip is not dealt out in short runs.
    const dealt = members.reduce((sum, index) => sum + dealtCycles(stages, stages.stages[index]!, machine), 0);
    if (cost >= members.reduce((sum, index) => sum + apart[index]!, dealt)) continue;
    const saved = costApart(plans, members) + dealt - cost;
    if (saved > 0) options.push({ fusion: relay, saved });
  }
  return options;
}

/** Where channels come bit by bit (pages), cutting apart costs short runs, which no plan sees either. */
function costWithCaution(plans: StagePlans, { members, plan }: RelayCandidate): number {
  const caution = plan.rings.some(({ page }) => page !== undefined) ? 0 : RELAY_CAUTION * macCycles(plans, members);
  return costOf(plan, plans.machine) + caution;
}

/** `apart` as for relays. Bands take over cells never, flows and stages with companions whole. */
function findBandOptions(plans: StagePlans, drafts: StepDrafts, apart: readonly number[]): Option[] {
  const { stages, layout, machine, frames } = plans;
  const options: Option[] = [];
  const isFree = (index: number): boolean => drafts.withStage(index).cell === undefined;
  for (const band of findBands(stages, layout, machine, frames, isFree)) {
    const { members } = band;
    const without = costWithout(drafts, members, apart);
    if (without === undefined) continue;
    const cost = costOf(band.plan, machine) + BAND_CAUTION * macCycles(plans, members);
    const saved = costApart(plans, members) - cost;
    if (cost < without && saved > 0) options.push({ fusion: band, saved });
  }
  return options;
}

/** What members cost without each other, flows as such. Undefined where a step has other stages too, or the last member is none's last. */
function costWithout(drafts: StepDrafts, members: readonly number[], apart: readonly number[]): number | undefined {
  const inside = new Set(members);
  const steps = new Set(members.map((index) => drafts.withStage(index)));
  if (drafts.withStage(members.at(-1)!).main !== members.at(-1)) return undefined;
  let cost = 0;
  for (const step of steps) {
    const own = [...stagesOf(step), ...step.companions];
    if (!own.every((index) => inside.has(index))) return undefined;
    cost += step.flow ? step.flow.cycles : own.reduce((sum, index) => sum + apart[index]!, 0);
  }
  return cost;
}

/** Costs of stages one by one, with the tensors on chip that would stay there then. */
function costsBesideResidents(plans: StagePlans, drafts: StepDrafts): number[] {
  const { stages, machine } = plans;
  const residency = new Residency(plans, drafts);
  residency.keepWhatPays();
  return stages.stages.map(({ mac }, index) => {
    const plan = mac && plans.planOf(index, residency.placementOf(index));
    return Math.min(plans.costAlone(index), plan ? costOf(plan, machine) : Number.POSITIVE_INFINITY);
  });
}

/** Is a stage in no flow and in no step with companions? A cell's may change over to a relay, all of them. */
function mayRelay(drafts: StepDrafts, index: number): boolean {
  const { companions, flow } = drafts.withStage(index);
  return companions.length === 0 && flow === undefined;
}

function takesWholeCells(drafts: StepDrafts, members: readonly number[]): boolean {
  const inside = new Set(members);
  const cells = new Set(members.map((index) => drafts.withStage(index)).filter(({ cell }) => cell !== undefined));
  return [...cells].every((step) => stagesOf(step).every((index) => inside.has(index)));
}

/** Is a stage in a flow, in a cell, or in a step with companions? */
function isTaken(drafts: StepDrafts, index: number): boolean {
  const { companions, flow, cell } = drafts.withStage(index);
  return companions.length > 0 || flow !== undefined || cell !== undefined;
}

/** Cycles that the stages' MACs take at least. */
function macCycles({ stages, machine }: StagePlans, members: readonly number[]): number {
  return members.reduce((sum, index) => sum + macsOf(stages.stages[index]!), 0) / macCount(machine);
}

function macsOf({ mac }: Stage): number {
  return mac ? countMacs(mac) : 0;
}
