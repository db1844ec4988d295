/**
 * The schedule of a graph whose stages may be too large: which are cut into stripes, and which stay whole inside a chain. Specification: docs/compiler.md,
 * "Stripes", "Chains".
 */
import type { Machine } from '../../../machine/machine.ts';
import { LayerRefusal } from '../../layer-refusal.ts';
import type { DramLayout } from '../layout/dram-layout.ts';
import { findWideStages, splitWideStages } from '../mac/split-wide-stages.ts';
import type { StageGraph } from '../stages/stage.ts';
import { findFused, scheduleStages } from './schedule.ts';
import type { Step } from './step.ts';

/** The schedule, and the stages as they are scheduled. */
export interface Schedule {
  readonly stages: StageGraph;
  readonly layout: DramLayout;
  readonly steps: readonly Step[];
}

/** Stages that are too large for any schedule, alone, are cut into stripes, unless they are cheaper as part of a chain. */
export function scheduleGraph(whole: StageGraph, machine: Machine, frames: number, layOut: (stages: StageGraph) => DramLayout): Schedule {
  const attempt = (kept: ReadonlySet<number>): Schedule => {
    const stages = splitWideStages(whole, machine, kept);
    const layout = layOut(stages);
    return { stages, layout, steps: scheduleStages(stages, layout, machine, frames) };
  };
  const wide = findWideStages(whole, machine);
  if (wide.size === 0) return attempt(wide);
  const fused = findFused(whole, layOut(whole), machine, frames);
  const kept = new Set([...wide].filter((index) => fused.has(index)));
  try {
    return attempt(kept);
  } catch (error) {
    // Other stages being cut, or no room beside what stays on chip: the chain isn't what it was.
    if (!(error instanceof LayerRefusal) || kept.size === 0) throw error;
    return attempt(new Set());
  }
}
