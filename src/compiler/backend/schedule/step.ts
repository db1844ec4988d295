/** A schedule's steps: what runs beside what, by which plans, at which addresses of the maps buffers. Specification: docs/compiler.md, "Residency", "Companions". */
import type { CellPlan } from '../cell/cell-plan.ts';
import type { LinkPlan } from '../chain/chain.ts';
import type { Fusion } from '../chain/fusion.ts';
import type { FlowPlan } from '../flow/flow-plan.ts';
import type { MacPlan } from '../mac/plan.ts';
import type { RelayPlan } from '../relay/relay-plan.ts';
import type { MacWork, Stage } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import type { VecPlan } from '../vec/vec-plan.ts';

/** A tensor in the maps buffers of all CUs: word of pixel p, channel c at base + p·pitch + c. */
export interface Resident {
  readonly root: number;
  readonly base: number;
  readonly pitch: number;
  /** First channel of the tensor inside its root (a slice of a concatenation). */
  readonly channelOffset: number;
}

/** A stage ready to be emitted. */
export interface ScheduledStage {
  readonly index: number;
  readonly stage: Stage;
  readonly batch: number | undefined;
  readonly work: MacWork | undefined;
  readonly plan: MacPlan | undefined;
  readonly vecPlan: VecPlan | undefined;
  /** Share of a chain's plan. */
  readonly link: LinkPlan | undefined;
  /** Maps word addresses of the stage's regions, in the order of `macRegions` or `vecRegions`. */
  readonly bases: readonly number[];
  readonly inputView: (frame: number) => View;
  readonly outputView: (frame: number) => View;
  readonly otherView: (frame: number) => View | undefined;
  readonly residentInput: Resident | undefined;
  readonly residentOutput: Resident | undefined;
  readonly residentOther: Resident | undefined;
}

/** A fusion and its stages, first to last. */
export interface ScheduledChain {
  readonly fusion: Fusion;
  readonly links: readonly ScheduledStage[];
}

/** A flow, where it begins in the maps buffers, and its stages. */
export interface ScheduledFlow {
  readonly plan: FlowPlan;
  readonly base: number;
  readonly links: readonly ScheduledStage[];
}

/** A cell, where it begins in the maps buffers, and its stages. */
export interface ScheduledCell {
  readonly plan: CellPlan;
  readonly base: number;
  readonly links: readonly ScheduledStage[];
}

/** A relay, where it begins in the maps buffers, and its stages. */
export interface ScheduledRelay {
  readonly plan: RelayPlan;
  readonly base: number;
  readonly links: readonly ScheduledStage[];
}

/** A MAC stage (or a lone vector stage), and vector stages that run beside it on units it does not need. */
export interface Step {
  readonly main: ScheduledStage;
  /** The main stage is the last of a fusion. */
  readonly chain: ScheduledChain | undefined;
  readonly flow?: ScheduledFlow;
  readonly cell?: ScheduledCell;
  readonly relay?: ScheduledRelay;
  readonly companions: readonly ScheduledStage[];
}
