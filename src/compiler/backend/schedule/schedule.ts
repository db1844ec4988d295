/**
 * The schedule of a whole network: which stages run beside each other, which tensors stay on chip, the plan of every MAC stage, and where everything lies in
 * the maps buffers. Specification: docs/compiler.md, "Residency", "Companions".
 */
import type { Machine } from '../../../machine/machine.ts';
import type { InputError } from '../../../util/errors.ts';
import { LayerRefusal } from '../../layer-refusal.ts';
import { chooseCells } from '../cell/cell-plan.ts';
import { chooseFlows } from '../flow/flow-plan.ts';
import type { DramLayout } from '../layout/dram-layout.ts';
import type { Stage, StageGraph } from '../stages/stage.ts';
import { adoptFusions } from './adopt-fusions.ts';
import { pairCompanions } from './companions.ts';
import { placeSteps } from './place-steps.ts';
import { Residency } from './residency.ts';
import { StagePlans } from './stage-plans.ts';
import type { Step } from './step.ts';
import { StepDrafts, stagesOf } from './step-drafts.ts';

/** `hasRelays`: may stages become relays or bands? Without them the choice among chains, and companions, can be seen by themselves. */
export function scheduleStages(stages: StageGraph, layout: DramLayout, machine: Machine, frames: number, hasRelays = true): Step[] {
  const plans = new StagePlans(stages, layout, machine, frames);
  const drafts = draftSteps(plans, hasRelays);
  const residency = new Residency(plans, drafts);
  residency.keepWhatPays();
  for (;;) {
    const placed = placeSteps(plans, drafts, residency);
    if (placed.steps) return placed.steps;
    // Fragmentation: the tensors on chip leave no gap for a stage. Give up one of them.
    const { victim, stage } = placed;
    const step = drafts.steps.find(({ main }) => stages.stages[main] === stage);
    if (victim !== undefined) residency.roots.delete(victim);
    else if (step && step.companions.length > 0) drafts.separate(step.main);
    else if (step?.fusion || step?.flow || step?.cell || step?.relay) drafts.dissolve(step);
    else throw noFit(stage, machine);
  }
}

/** Stages that would be part of fusions: relays, whose members hold whole rows, seldom have room for a stage too large by itself. */
export function findFused(stages: StageGraph, layout: DramLayout, machine: Machine, frames: number): Set<number> {
  const { steps } = draftSteps(new StagePlans(stages, layout, machine, frames), false, true);
  return new Set(steps.flatMap((step) => (step.fusion ? stagesOf(step) : [])));
}

/** Which stages run together: cells and flows first, companions, then what is cheaper as a chain or a relay. */
function draftSteps(plans: StagePlans, hasRelays: boolean, hasBands = hasRelays): StepDrafts {
  const { stages, layout, machine, frames } = plans;
  // Frames of a batch share the weights that a cell would fetch for each of them.
  const cells = frames === 1 ? chooseCells(stages, layout, machine) : [];
  const taken = new Set(cells.flatMap(({ members }) => members.map(({ index }) => index)));
  const flows = chooseFlows(stages, layout, machine, taken);
  const drafts = new StepDrafts(
    plans,
    pairCompanions(stages, (tensor) => plans.rootOf(tensor), flows, cells, frames),
  );
  // A stage that does not fit beside its companions runs alone.
  const beside = new Residency(plans, drafts);
  for (const { main, companions } of drafts.steps) {
    if (companions.length > 0 && !plans.planOf(main, beside.placementOf(main))) drafts.separate(main);
  }
  adoptFusions(plans, drafts, hasRelays, hasBands);
  return drafts;
}

function noFit(stage: Stage, machine: Machine): InputError {
  const { name, mapsBytes, weightsBytes } = machine;
  return new LayerRefusal(
    `layer ${stage.name} (${stage.op}): no schedule fits machine ${name} (maps ${mapsBytes} bytes per CU, weights ${weightsBytes} bytes per vMAC); use larger buffers`,
    stage.nodes,
  );
}
