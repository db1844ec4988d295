/** The steps of a schedule before they are placed: which stages run together, and when a tensor is alive. Specification: docs/compiler.md, "Residency". */
import type { CellPlan } from '../cell/cell-plan.ts';
import type { Fusion } from '../chain/fusion.ts';
import type { FlowPlan } from '../flow/flow-plan.ts';
import { stagesOfRelay } from '../relay/relay.ts';
import type { RelayPlan } from '../relay/relay-plan.ts';
import { tensorsRead, tensorsWritten } from '../stages/stage.ts';
import type { StagePlans } from './stage-plans.ts';

/** Stage indices of a step. */
export interface StepDraft {
  readonly main: number;
  readonly companions: number[];
  readonly fusion?: Fusion;
  readonly flow?: FlowPlan;
  readonly cell?: CellPlan;
  readonly relay?: RelayPlan;
}

/** Stages of a step, in order. */
export function stagesOf({ main, fusion, flow, cell, relay }: StepDraft): readonly number[] {
  if (relay) return stagesOfRelay(relay.graph);
  return (flow ?? cell)?.members.map(({ index }) => index) ?? fusion?.members ?? [main];
}

/** First and last step that touch a root tensor, and the stages that make and read it. */
export interface Life {
  readonly first: number;
  readonly last: number;
  readonly makers: readonly number[];
  readonly readers: readonly number[];
}

export class StepDrafts {
  private readonly plans: StagePlans;
  private list: StepDraft[] = [];
  /** Step in which a stage runs. */
  private readonly stepOf = new Map<number, number>();
  /** Of root tensors, as long as the steps stay. */
  private readonly lives = new Map<number, Life>();

  constructor(plans: StagePlans, steps: StepDraft[]) {
    this.plans = plans;
    this.set(steps);
  }

  private set(steps: StepDraft[]): void {
    this.list = steps;
    this.lives.clear();
    this.stepOf.clear();
    steps.forEach((step, at) => {
      for (const index of [...stagesOf(step), ...step.companions]) this.stepOf.set(index, at);
    });
  }

  get steps(): readonly StepDraft[] {
    return this.list;
  }

  /** Place of the step in which a stage runs. */
  placeOf(stage: number): number {
    return this.stepOf.get(stage)!;
  }

  /** The step in which a stage runs. */
  withStage(stage: number): StepDraft {
    return this.list[this.placeOf(stage)]!;
  }

  /** A step takes the place of its last stage's, and its other stages' steps end. */
  adopt(draft: StepDraft): void {
    const members = stagesOf(draft);
    this.set(this.list.flatMap((step) => (step.main === draft.main ? [draft] : members.includes(step.main) ? [] : [step])));
  }

  /** Companions of a stage become steps of their own, before it. */
  separate(main: number): void {
    this.set(
      this.list.flatMap((step) =>
        step.main === main ? [...step.companions.map((index) => ({ main: index, companions: [] })), { main, companions: [] }] : [step],
      ),
    );
  }

  /** The stages of a step that run together become steps of their own. */
  dissolve(group: StepDraft): void {
    this.set(this.list.flatMap((step) => (step === group ? stagesOf(step).map((main) => ({ main, companions: [] })) : [step])));
  }

  /** First and last step that touch a root tensor. */
  life(root: number): Life {
    const known = this.lives.get(root);
    if (known) return known;
    const { stages } = this.plans;
    const makers: number[] = [];
    const readers: number[] = [];
    stages.stages.forEach((stage, index) => {
      if (tensorsWritten(stages, stage).some((tensor) => this.plans.rootOf(tensor) === root)) makers.push(index);
      if (tensorsRead(stage).some((tensor) => this.plans.rootOf(tensor) === root)) readers.push(index);
    });
    const at = [...makers, ...readers].map((index) => this.placeOf(index));
    const life = { first: Math.min(...at), last: Math.max(...at), makers, readers };
    this.lives.set(root, life);
    return life;
  }
}
