/** Addresses in the maps buffers for everything that a schedule keeps there, step by step as it will run. Specification: docs/compiler.md, "Residency". */
import { mapsWords } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { fusionRegions, linksOf } from '../chain/fusion.ts';
import { MapsMemory } from '../layout/maps-memory.ts';
import { freePlacement, type Placement } from '../mac/evaluate.ts';
import type { MacPlan } from '../mac/plan.ts';
import { stageMembers } from '../relay/relay.ts';
import { isPairWork, type Stage } from '../stages/stage.ts';
import { type VecPlan, vecRegions } from '../vec/vec-plan.ts';
import type { Residency } from './residency.ts';
import type { StagePlans } from './stage-plans.ts';
import type { Resident, ScheduledStage, Step } from './step.ts';
import type { StepDraft, StepDrafts } from './step-drafts.ts';

/** The steps at their addresses; or the stage that finds no room, and the tensor on chip to give up for it, if there is one. */
export type Placed =
  | { readonly steps: Step[] }
  | { readonly steps?: undefined; readonly stage: Stage; readonly victim: number | undefined };

/** Addresses for everything, step by step as it will run; or the tensor whose stay makes that impossible. */
export function placeSteps(plans: StagePlans, drafts: StepDrafts, residency: Residency): Placed {
  const memory = new MapsMemory(mapsWords(plans.machine));
  const bases = new Map<number, number>();
  const steps: Step[] = [];
  const placer = new StepPlacer(plans, residency, memory, bases);
  const lives = new Map([...residency.roots].map((root) => [root, drafts.life(root)]));
  for (const [at, draft] of drafts.steps.entries()) {
    const stage = plans.stages.stages[draft.main]!;
    for (const [root, life] of lives) {
      if (life.last === at - 1) memory.release(root);
      if (life.first !== at) continue;
      const base = memory.keep(root, plans.wordsOf(root));
      if (base === undefined) return { victim: root, stage };
      bases.set(root, base);
    }
    const step = placer.place(draft);
    if (!step) {
      const alive = [...lives].filter(([, life]) => life.first <= at && at <= life.last).map(([root]) => root);
      return { victim: largestOf(plans, alive), stage };
    }
    steps.push(step);
  }
  return { steps };
}

/** The largest of some tensors. */
function largestOf(plans: StagePlans, roots: readonly number[]): number | undefined {
  return [...roots].sort((a, b) => plans.wordsOf(b) - plans.wordsOf(a) || a - b)[0];
}

class StepPlacer {
  private readonly plans: StagePlans;
  private readonly residency: Residency;
  private readonly memory: MapsMemory;
  /** Of root tensors on chip. */
  private readonly bases: ReadonlyMap<number, number>;

  constructor(plans: StagePlans, residency: Residency, memory: MapsMemory, bases: ReadonlyMap<number, number>) {
    this.plans = plans;
    this.residency = residency;
    this.memory = memory;
    this.bases = bases;
  }

  /** The step with its addresses; undefined where there is no room. */
  place(draft: StepDraft): Step | undefined {
    const { cell, relay, flow, fusion } = draft;
    const { memory } = this;
    if (fusion) {
      const bases = memory.place(fusionRegions(fusion, this.plans.machine));
      if (!bases) return undefined;
      const plans = linksOf(fusion);
      const links = fusion.members.map((index, i) => this.finishLink(index, plans[i], bases));
      return { main: links.at(-1)!, companions: [], chain: { fusion, links } };
    }
    const group = cell ?? relay ?? flow;
    if (!group) return this.placeStages(draft);
    const bases = memory.place([group.words]);
    if (!bases) return undefined;
    const base = bases[0]!;
    const finishAs = (links: readonly ScheduledStage[], as: Pick<Step, 'cell' | 'relay' | 'flow'>): Step => ({
      main: links.at(-1)!,
      companions: [],
      chain: undefined,
      ...as,
    });
    if (cell) {
      const links = cell.members.map(({ index, link }) => this.finishLink(index, link, bases));
      return finishAs(links, { cell: { plan: cell, base, links } });
    }
    if (relay) {
      const links = stageMembers(relay.graph).map((m) => {
        const { index, work } = relay.graph.members[m]!;
        return { ...this.finishAlone(index, bases), work, link: relay.links[m] };
      });
      return finishAs(links, { relay: { plan: relay, base, links } });
    }
    const links = flow!.members.map(({ index }, i) => this.finishLink(index, flow!.links[i], bases));
    return finishAs(links, { flow: { plan: flow!, base, links } });
  }

  /** A stage and its companions. */
  private placeStages({ main, companions }: StepDraft): Step | undefined {
    const { plans, memory } = this;
    const stage = plans.stages.stages[main]!;
    const vecPlans = companions.map((index) => plans.vecPlanOf(index, true));
    const placement = this.residency.placementOf(main, memory.largestGap);
    const plan = stage.mac ? plans.planOf(main, placement) : undefined;
    const vecPlan = stage.mac ? undefined : plans.vecPlanOf(main, false);
    if (stage.mac && !plan) return undefined;
    const sizes = [
      plan ? macRegions(plan, placement, plans.rowWords(main, plan, placement.input)) : vecRegions(vecPlan!),
      ...vecPlans.map(vecRegions),
    ];
    const starts = memory.place(sizes.flat());
    if (!starts) return undefined;
    const rest = [...starts];
    const own = sizes.map((list) => rest.splice(0, list.length));
    return {
      main: this.finish(main, plan, vecPlan, own[0]!, placement),
      chain: undefined,
      companions: companions.map((index, i) => this.finish(index, undefined, vecPlans[i], own[i + 1]!, freePlacement(plans.machine))),
    };
  }

  /** A stage as part of a group, which reads its input where it lies. */
  private finishLink(index: number, link: LinkPlan | undefined, bases: readonly number[]): ScheduledStage {
    return { ...this.finishAlone(index, bases), ...this.plans.describe(index, true), link };
  }

  private finishAlone(index: number, bases: readonly number[]): ScheduledStage {
    return this.finish(index, undefined, undefined, bases, freePlacement(this.plans.machine));
  }

  private finish(
    index: number,
    plan: MacPlan | undefined,
    vecPlan: VecPlan | undefined,
    bases: readonly number[],
    placement: Placement,
  ): ScheduledStage {
    const described = this.plans.describe(index, placement.input);
    const residentOf = (tensor: number | undefined): Resident | undefined => {
      if (tensor === undefined) return undefined;
      const home = this.plans.layout.homes.get(tensor)!;
      const base = this.bases.get(home.root);
      if (base === undefined) return undefined;
      return { root: home.root, base, pitch: home.pixelPitch, channelOffset: home.channelOffset };
    };
    const { vec, input, output } = described.stage;
    return {
      index,
      ...described,
      plan,
      vecPlan,
      link: undefined,
      bases,
      residentInput: placement.input ? residentOf(input) : undefined,
      residentOutput: placement.output ? residentOf(output) : undefined,
      residentOther: placement.other && isPairWork(vec) ? residentOf(vec.other) : undefined,
    };
  }
}

/** Sizes of a MAC stage's regions: input ring, result slots (or pool rings), vector slots, residual slots. */
export function macRegions(plan: MacPlan, placement: Placement, rowWords: number): number[] {
  const times = (count: number, words: number): number[] => Array.from({ length: count }, () => words);
  const isPool = plan.poolRings > 0;
  return [
    ...(placement.input ? [] : [plan.ringRows * rowWords]),
    ...times(isPool ? plan.poolRings : plan.slotCount, plan.slotWords),
    ...times(isPool && !placement.output ? plan.slotCount : 0, plan.vecSlotWords),
    ...times(plan.otherSlots, plan.slotWords),
  ];
}
