/** Which tensors stay in the maps buffers between steps. Specification: docs/compiler.md, "Residency". */
import { mapsWords } from '../../../machine/machine.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { costOf } from '../mac/cost.ts';
import type { Placement } from '../mac/evaluate.ts';

import { isPairWork } from '../stages/stage.ts';
import type { StagePlans } from './stage-plans.ts';
import type { StepDrafts } from './step-drafts.ts';

export class Residency {
  private readonly plans: StagePlans;
  private readonly drafts: StepDrafts;
  /** Root tensors on chip. */
  readonly roots = new Set<number>();

  constructor(plans: StagePlans, drafts: StepDrafts) {
    this.plans = plans;
    this.drafts = drafts;
  }

  /** Keeps what makes the steps cheaper, small tensors first. */
  keepWhatPays(): void {
    for (const root of this.candidates()) this.try(root);
  }

  /** Tensors that may stay on chip, small ones first: made and read by MAC stages only, seen as plain maps, in one frame's pass. */
  private candidates(): number[] {
    const roots = new Set(this.plans.stages.stages.map((stage) => this.plans.rootOf(stage.output)));
    return [...roots]
      .filter((root) => {
        const home = this.plans.layout.homes.get(root)!;
        if (home.isBorder || this.plans.wordsOf(root) > mapsWords(this.plans.machine)) return false;
        const { makers, readers, first, last } = this.drafts.life(root);
        // A fusion takes the whole buffer.
        if (this.drafts.steps.slice(first, last + 1).some((step) => step.fusion || step.flow || step.cell || step.relay)) return false;
        const isMaker = (i: number): boolean => {
          const { mac, batched, columns } = this.plans.stages.stages[i]!;
          return mac !== undefined && !columns && !mac.depthwise && !batched && this.plans.machine.computeUnits > 1;
        };
        const isReader = (i: number): boolean => {
          const { mac, batched, input, columns, weights } = this.plans.stages.stages[i]!;
          // Weights come from DRAM.
          if (weights !== undefined && this.plans.rootOf(weights) === root) return false;
          if (!mac || batched || columns) return false;
          const isAligned = home.pixelPitch % 16 === 0 && this.plans.layout.homes.get(input)!.channelOffset % 16 === 0;
          return !(mac.depthwise && this.plans.rootOf(input) === root) || isAligned;
        };
        return readers.length > 0 && makers.every(isMaker) && readers.every(isReader);
      })
      .sort((a, b) => this.plans.wordsOf(a) - this.plans.wordsOf(b) || a - b);
  }

  /** Keep a tensor on chip if the stages that live with it get cheaper in sum. */
  private try(root: number): void {
    const { first, last } = this.drafts.life(root);
    const before = this.costOfSteps(first, last);
    this.roots.add(root);
    const after = this.costOfSteps(first, last);
    if (!(after < before)) this.roots.delete(root);
  }

  private costOfSteps(first: number, last: number): number {
    let cost = 0;
    for (let at = first; at <= last; at++) {
      const { main } = this.drafts.steps[at]!;
      if (!this.plans.stages.stages[main]!.mac) continue;
      const plan = this.plans.planOf(main, this.placementOf(main));
      cost += plan ? costOf(plan, this.plans.machine) : Number.POSITIVE_INFINITY;
    }
    return cost;
  }

  /** What is on chip when a stage runs, and what is left of the buffer. */
  placementOf(index: number, largestGap = Number.POSITIVE_INFINITY): Placement {
    const stage = this.plans.stages.stages[index]!;
    const at = this.drafts.placeOf(index);
    let live = 0;
    for (const root of this.roots) {
      const { first, last } = this.drafts.life(root);
      if (first <= at && at <= last) live += roundUp(this.plans.wordsOf(root));
    }
    const has = (tensor: number | undefined): boolean => tensor !== undefined && this.roots.has(this.plans.rootOf(tensor));
    const other = isPairWork(stage.vec) ? stage.vec.other : undefined;
    const step = this.drafts.steps[at]!;
    const companions = step.main === index ? step.companions.reduce((sum, c) => sum + this.plans.vecPlanOf(c, true).words, 0) : 0;
    return {
      input: has(stage.input),
      output: has(stage.output),
      other: has(other),
      ...(other === undefined ? {} : { otherPitch: this.plans.layout.homes.get(other)!.pixelPitch }),
      budgetWords: Math.min(largestGap, mapsWords(this.plans.machine) - live) - companions,
    };
  }
}
