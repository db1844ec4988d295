/** Which runs of a network's stages may become bands, and their plans. Specification: docs/compiler.md, "Bands". */
import type { Machine } from '../../../machine/machine.ts';
import type { DramLayout } from '../layout/dram-layout.ts';
import type { StageGraph } from '../stages/stage.ts';
import { BandFacts } from './band.ts';
import type { BandCache } from './band-cost.ts';
import { type BandPlan, planBand } from './band-plan.ts';

/** Stages of the longest band. */
const MAX_MEMBERS = 24;
/** A run grows on while no more than so many of its beginnings in a row lie otherwise than as rows of maps. */
const PATIENCE = 3;

export interface BandCandidate {
  readonly kind: 'bands';
  readonly members: readonly number[];
  readonly plan: BandPlan;
}

/** All runs of consecutive stages that have a plan; `isFree`: may a stage be a member as far as its step is concerned? */
export function* findBands(
  graph: StageGraph,
  layout: DramLayout,
  machine: Machine,
  frames: number,
  isFree: (stage: number) => boolean,
): Generator<BandCandidate> {
  const facts = new BandFacts(graph, layout, frames);
  const cache: BandCache = new Map();
  const isMember = graph.stages.map((_, index) => facts.isEligible(index) && isFree(index));
  for (let first = 0; first < isMember.length; first++) {
    let failed = 0;
    for (let end = first + 1; end < isMember.length && isMember[first] && isMember[end]; end++) {
      if (end - first >= MAX_MEMBERS || failed > PATIENCE) break;
      const members = Array.from({ length: end - first + 1 }, (_, i) => first + i);
      const band = facts.graphOf(members);
      const plan = band && planBand(band, machine, cache);
      // What does not fit does not fit with more members either.
      if (band && !plan) break;
      failed = plan ? 0 : failed + 1;
      if (plan) yield { kind: 'bands', members, plan };
    }
  }
}
