/**
 * Steps before they are placed: every stage a step of its own, vector stages beside a MAC stage where one has time for them.
 * Specification: docs/compiler.md, "Companions".
 */
import type { CellPlan } from '../cell/cell-plan.ts';
import type { FlowPlan } from '../flow/flow-plan.ts';
import { passesOf } from '../layout/dram-layout.ts';
import { type Stage, type StageGraph, tensorsRead, tensorsWritten } from '../stages/stage.ts';
import type { StepDraft } from './step-drafts.ts';

/**
 * Vector stages move beside the longest MAC stage that runs after their inputs are made and before their result is read: they share no unit with it.
 * Members of flows and cells take no part. Of several frames none moves to an earlier pass over them: what it makes is kept from its place on.
 */
export function pairCompanions(
  stages: StageGraph,
  rootOf: (tensor: number) => number,
  flows: readonly FlowPlan[] = [],
  cells: readonly CellPlan[] = [],
  frames = 1,
): StepDraft[] {
  const flowOf = new Map(flows.flatMap((flow) => flow.members.map(({ index }) => [index, flow] as const)));
  const cellOf = new Map(cells.flatMap((cell) => cell.members.map(({ index }) => [index, cell] as const)));
  const list = stages.stages;
  const hosts = new Map<number, number>();
  const passes = passesOf(stages);
  list.forEach((stage, index) => {
    // The activation table holds one function at a time.
    if (stage.mac || stage.vec?.op === 'table' || stage.table || flowOf.has(index) || cellOf.has(index)) return;
    const sources = tensorsRead(stage).map(rootOf);
    const targets = tensorsWritten(stages, stage).map(rootOf);
    let made = -1;
    let read = list.length;
    list.forEach((other, i) => {
      if (other === stage) return;
      if (tensorsWritten(stages, other).some((tensor) => sources.includes(rootOf(tensor)))) made = Math.max(made, hosts.get(i) ?? i);
      const inputs = tensorsRead(other).map(rootOf);
      if (inputs.some((input) => targets.includes(input))) read = Math.min(read, i);
    });
    let host = -1;
    for (let i = made + 1; i < read; i++) {
      const candidate = list[i]!;
      if (frames > 1 && passes[i]! < passes[index]!) continue;
      if (!candidate.mac || candidate.batched !== stage.batched || flowOf.has(i) || cellOf.has(i)) continue;
      if (host < 0 || macsOf(candidate) > macsOf(list[host]!)) host = i;
    }
    if (host >= 0) hosts.set(index, host);
  });
  return list.flatMap((_, index): StepDraft[] => {
    if (hosts.has(index)) return [];
    const flow = flowOf.get(index);
    if (flow) return index === flow.members.at(-1)!.index ? [{ main: index, companions: [], flow }] : [];
    const cell = cellOf.get(index);
    if (cell) return index === cell.members.at(-1)!.index ? [{ main: index, companions: [], cell }] : [];
    return [{ main: index, companions: [...hosts].filter(([, host]) => host === index).map(([companion]) => companion) }];
  });
}

function macsOf(stage: Stage): number {
  const { geometry: g, tapWords, outChannels } = stage.mac!;
  return g.outHeight * g.outWidth * g.kernelH * g.kernelW * tapWords * outChannels;
}
