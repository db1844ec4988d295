/**
 * Fusions: consecutive MAC stages that run as one step, without going through DRAM between them: row chains (chain.ts) and slice chains
 * (slice-chain.ts). Which the graph allows, what they cost, and the choice among those that overlap. Specification: docs/compiler.md, "Chains".
 */
import { type Machine, mapsWords } from '../../machine/machine.ts';
import { type ChainPlan, type ChainWork, chainRegions, type LinkPlan, planChain } from './chain.ts';
import { trafficCycles } from './plan.ts';
import { isSliceable, planSliceChain, type SlicePlan, type SliceWork, sliceRegions } from './slice-chain.ts';
import { isPairWork, type MacWork, type Stage, type StageGraph, tensorsRead } from './stage.ts';
import { readsAllRows } from './tile-rows.ts';
import type { View } from './view.ts';

/** Consecutive stages that the graph lets run as one step. */
export interface FusionCandidate {
  readonly kind: 'rows' | 'slices';
  /** Stage indices, first to last. */
  readonly members: readonly number[];
  /** Rows: does the last stage work on its own CU's pixels? */
  readonly hasTail: boolean;
  /** Rows: is the first stage's result stored as well, because others read it? */
  readonly storesHead?: boolean;
}

/** A candidate with its plan. */
export type Fusion = { readonly members: readonly number[] } & (
  | { readonly kind: 'rows'; readonly plan: ChainPlan; readonly work: ChainWork }
  | { readonly kind: 'slices'; readonly plan: SlicePlan; readonly work: SliceWork }
);

type MacStage = Stage & { readonly mac: MacWork };

/** All candidates: every stage but the last is read by the next one only, and is no tensor of the program's border. */
export function findFusions(graph: StageGraph, isBorder: (tensor: number) => boolean): FusionCandidate[] {
  const { stages } = graph;
  const readers = (tensor: number): number => stages.filter((stage) => tensorsRead(stage).includes(tensor)).length;
  // Slices are read where they lie, under names of their own.
  const sliced = new Set([...graph.aliases.values()].map(({ parent }) => parent));
  const feeds = (i: number): boolean => {
    const [from, to] = [stages[i], stages[i + 1]];
    if (!isPlain(from) || !isPlain(to) || from.vec || to.input !== from.output) return false;
    const { output, mac } = from;
    // Rows that nobody reads would never be made, and the layer's MACs are counted whole.
    if (!readsAllRows(to.mac)) return false;
    const isElsewhere = isBorder(output) || graph.aliases.has(output) || sliced.has(output) || graph.scatters.has(output);
    return readers(output) === 1 && !isElsewhere && to.mac.inChannels === mac.outChannels;
  };
  /** May stage i feed stage i + 1 from rows on chip that are stored as well? */
  const feedsAndStores = (i: number): boolean => {
    const [from, to] = [stages[i], stages[i + 1]];
    if (!isPlain(from) || !isPlain(to) || from.table || to.vec || to.mac.depthwise || to.input !== from.output) return false;
    if (from.vec && (from.vec.op !== 'add' || from.vec.isPixel)) return false;
    return readsAllRows(to.mac) && !graph.scatters.has(from.output) && to.mac.inChannels === from.mac.outChannels;
  };
  const candidates: FusionCandidate[] = [];
  for (let i = 0; i + 1 < stages.length; i++) {
    if (!feeds(i)) {
      if (feedsAndStores(i)) candidates.push({ kind: 'rows', members: [i, i + 1], hasTail: false, storesHead: true });
      continue;
    }
    const [first, second] = [stages[i] as MacStage, stages[i + 1] as MacStage];
    if (isTail(second)) {
      candidates.push({ kind: 'rows', members: [i, i + 1], hasTail: true });
      if (i > 0 && feeds(i - 1) && !stages[i - 1]!.mac!.depthwise)
        candidates.push({ kind: 'rows', members: [i - 1, i, i + 1], hasTail: true });
    }
    // Between two depthwise stages every CU would wait for rows of all CUs, though it reads its own channels only.
    const isPerChannel = first.mac.depthwise && second.mac.depthwise;
    if (!second.vec && !isPerChannel) candidates.push({ kind: 'rows', members: [i, i + 1], hasTail: false });
    const isWhole = first.mac.groups === 1 && !first.mac.depthwise;
    if (isWhole && isSliceable(second.mac) && !second.vec) candidates.push({ kind: 'slices', members: [i, i + 1], hasTail: false });
  }
  return candidates;
}

function isPlain(stage: Stage | undefined): stage is MacStage {
  if (!stage?.mac || stage.batched || stage.columns || stage.weights !== undefined) return false;
  return stage.mac.source.kind === 'conv' && stage.inputChannelOffset === 0;
}

/** Pointwise, alone or with a residual add. */
function isTail({ mac, vec, table }: MacStage): boolean {
  const g = mac.geometry;
  const isPointwise = g.kernelH === 1 && g.kernelW === 1 && g.strideH === 1 && g.strideW === 1 && g.padTop === 0 && g.padLeft === 0;
  return isPointwise && mac.groups === 1 && !mac.depthwise && !table && (!vec || (vec.op === 'add' && !vec.isPixel));
}

/** A candidate's plan, with the whole buffer to itself; undefined when it does not fit. `input`: the first member's input as a plain map. */
export function planFusion(
  { kind, members, hasTail, storesHead }: FusionCandidate,
  graph: StageGraph,
  input: View,
  machine: Machine,
): Fusion | undefined {
  const works = members.map((index) => graph.stages[index]!.mac!);
  if (kind === 'slices') {
    const work: SliceWork = { head: works[0]!, body: works[1]!, input };
    const plan = planSliceChain(work, machine, mapsWords(machine));
    return plan && { kind, members, plan, work };
  }
  const tail = hasTail ? works.pop() : undefined;
  const body = works.pop()!;
  const { vec } = graph.stages[members[0]!]!;
  const stored = storesHead ? { vec: isPairWork(vec) ? vec : undefined } : undefined;
  const work: ChainWork = { head: works.pop(), body, tail, stage: graph.stages[members.at(-1)!]!, input, stored };
  const plan = planChain(work, machine, mapsWords(machine));
  return plan && { kind, members, plan, work };
}

/** What the search minimises, in cycles. */
export function costOfFusion({ plan }: Fusion, machine: Machine): number {
  return plan.cycles + trafficCycles(plan.bytes, machine);
}

/** Plans of the members, in order. */
export function linksOf(fusion: Fusion): LinkPlan[] {
  if (fusion.kind === 'slices') return [fusion.plan.head, fusion.plan.body];
  const { head, body, tail } = fusion.plan;
  return [head, body, tail].filter((link) => link !== undefined);
}

/** Members whose results never leave the chip. */
export function insideOf(fusion: Fusion): readonly number[] {
  return fusion.members.slice(fusion.kind === 'rows' && fusion.work.stored ? 1 : 0, -1);
}

/** Sizes of the regions in the maps buffers. */
export function fusionRegions(fusion: Fusion, machine: Machine): number[] {
  return fusion.kind === 'slices' ? sliceRegions(fusion.plan, fusion.work) : chainRegions(fusion.plan, fusion.work, machine);
}

/** The fusions, no stage in two of them, that save the most in sum. */
export function chooseFusions(options: readonly { readonly fusion: Fusion; readonly saved: number }[], stages: number): Fusion[] {
  /** best[i]: what stages before i can save, and by what last fusion. */
  const best: { saved: number; fusion: Fusion | undefined }[] = [{ saved: 0, fusion: undefined }];
  for (let end = 1; end <= stages; end++) {
    best[end] = { saved: best[end - 1]!.saved, fusion: undefined };
    for (const { fusion, saved } of options) {
      if (fusion.members.at(-1) !== end - 1) continue;
      const sum = best[fusion.members[0]!]!.saved + saved;
      if (sum > best[end]!.saved) best[end] = { saved: sum, fusion };
    }
  }
  const chosen: Fusion[] = [];
  for (let end = stages; end > 0; ) {
    const { fusion } = best[end]!;
    if (fusion) chosen.unshift(fusion);
    end = fusion ? fusion.members[0]! : end - 1;
  }
  return chosen;
}
