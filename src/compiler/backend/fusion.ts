/**
 * Fusions: consecutive MAC stages that run as one step, without going through DRAM between them: row chains (chain.ts) and slice chains
 * (slice-chain.ts). Which the graph allows, what they cost, and the choice among those that overlap. Specification: docs/compiler.md, "Chains".
 */
import { type Machine, mapsWords } from '../../machine/machine.ts';
import { regionsOf } from './blocks.ts';
import { type Branch, type ChainPlan, type ChainWork, chainRegions, type LinkPlan, planChain } from './chain.ts';
import { trafficCycles } from './plan.ts';
import { isSliceable, planSliceChain, type SlicePlan, type SliceWork, sliceRegions } from './slice-chain.ts';
import { isPairWork, type MacWork, type Stage, type StageGraph, tensorsRead } from './stage.ts';
import { inputRows, readsAllRows } from './tile-rows.ts';
import type { View } from './view.ts';

/** Consecutive stages that the graph lets run as one step. */
export interface FusionCandidate {
  readonly kind: 'rows' | 'slices';
  /** Stage indices, first to last. */
  readonly members: readonly number[];
  /** Rows: does the last stage work on its own CU's pixels? */
  readonly hasTail: boolean;
  /** Rows: branches of the body whose concatenation the tail reads; undefined: one. */
  readonly branches?: number;
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
  // A stage that reads a tensor twice (x + convolution of x) needs it twice: its rows on chip are of its input alone.
  const reads = new Map<number, number>();
  for (const tensor of stages.flatMap(tensorsRead)) reads.set(tensor, (reads.get(tensor) ?? 0) + 1);
  const readers = (tensor: number): number => reads.get(tensor) ?? 0;
  // Slices are read where they lie, under names of their own.
  const sliced = new Set([...graph.aliases.values()].map(({ parent }) => parent));
  /** Is a tensor a map of its own, inside the program, that n stages read? */
  const isInner = (tensor: number, n: number): boolean =>
    readers(tensor) === n && !isBorder(tensor) && !graph.aliases.has(tensor) && !sliced.has(tensor) && !graph.scatters.has(tensor);
  const feeds = (i: number): boolean => {
    const [from, to] = [stages[i], stages[i + 1]];
    if (!isPlain(from) || !isPlain(to) || from.vec || to.input !== from.output) return false;
    // Rows that nobody reads would never be made, and the layer's MACs are counted whole.
    return readsAllRows(to.mac) && isInner(from.output, 1) && to.mac.inChannels === from.mac.outChannels;
  };
  /** May stage i feed stage i + 1 from rows on chip that are stored as well? */
  const feedsAndStores = (i: number): boolean => {
    const [from, to] = [stages[i], stages[i + 1]];
    if (!isPlain(from) || !isPlain(to) || from.table || to.vec || to.mac.depthwise || to.input !== from.output) return false;
    if (from.vec && (from.vec.op !== 'add' || from.vec.isPixel)) return false;
    return readsAllRows(to.mac) && !graph.scatters.has(from.output) && to.mac.inChannels === from.mac.outChannels;
  };
  /** How many branches of a body begin with stage i: their concatenation is all that the stage behind them reads, and nobody else. */
  const branchesFrom = (i: number): number => {
    const alias = graph.aliases.get(stages[i]!.output);
    if (!alias) return 0;
    const root = alias.parent;
    let count = 0;
    let channels = 0;
    for (let stage = stages[i]; isPlain(stage); stage = stages[i + count]) {
      const place = graph.aliases.get(stage.output);
      if (place?.parent !== root || place.grid || stage.vec || stage.mac.depthwise || stage.mac.groups > 1) break;
      if (stage.input !== stages[i]!.input || readers(stage.output) > 0 || isBorder(stage.output) || graph.scatters.has(stage.output))
        break;
      count++;
      channels += stage.mac.outChannels;
    }
    const tail = stages[i + count];
    const isRead = isPlain(tail) && tail.input === root && isTail(tail) && tail.mac.inChannels === channels && readers(root) === 1;
    const isWhole =
      graph.tensors[root]!.channels === channels && [...graph.aliases.values()].filter(({ parent }) => parent === root).length === count;
    const isElsewhere = isBorder(root) || graph.aliases.has(root) || graph.scatters.has(root);
    return count > 1 && isRead && isWhole && !isElsewhere && widestOf(stages.slice(i, i + count).map((stage) => stage.mac!)) ? count : 0;
  };
  /** May stage i be the head of n branches behind it? */
  const feedsAll = (i: number, n: number): boolean => {
    const [from, to] = [stages[i], stages[i + 1]];
    if (!isPlain(from) || !to?.mac || from.vec || from.mac.depthwise || to.input !== from.output) return false;
    return isInner(from.output, n) && to.mac.inChannels === from.mac.outChannels;
  };
  const candidates: FusionCandidate[] = [];
  for (let i = 0; i + 1 < stages.length; i++) {
    const branches = branchesFrom(i);
    if (branches > 0) {
      const members = Array.from({ length: branches + 1 }, (_, k) => i + k);
      candidates.push({ kind: 'rows', members, hasTail: true, branches });
      if (i > 0 && feedsAll(i - 1, branches)) candidates.push({ kind: 'rows', members: [i - 1, ...members], hasTail: true, branches });
    }
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
  // Weights of an average pool are those of its divisor: the same in all windows.
  const { kind } = stage.mac.source;
  const isUniform = kind === 'conv' || (kind === 'averagepool' && regionsOf(stage.mac, stage.mac.geometry).length === 1);
  return isUniform && stage.inputChannelOffset === 0;
}

/** Of stages that read the same map and make maps of one size, the one that reads all rows that any of them reads for the same results. */
function widestOf(works: readonly MacWork[]): MacWork | undefined {
  const { outHeight, outWidth } = works[0]!.geometry;
  if (works.some(({ geometry: g }) => g.outHeight !== outHeight || g.outWidth !== outWidth)) return undefined;
  const rows = Array.from({ length: outHeight }, (_, y) => y);
  return works.find((work) => {
    const covers = (other: MacWork, y: number): boolean => {
      const [own, others] = [inputRows(work, y, y + 1), inputRows(other, y, y + 1)];
      return own.first <= others.first && own.end >= others.end;
    };
    return readsAllRows(work) && works.every((other) => rows.every((y) => covers(other, y)));
  });
}

/** Pointwise, alone or with a residual add. */
function isTail({ mac, vec, table }: MacStage): boolean {
  const g = mac.geometry;
  const isPointwise = g.kernelH === 1 && g.kernelW === 1 && g.strideH === 1 && g.strideW === 1 && g.padTop === 0 && g.padLeft === 0;
  return isPointwise && mac.groups === 1 && !mac.depthwise && !table && (!vec || (vec.op === 'add' && !vec.isPixel));
}

/** A candidate's plan, with the whole buffer to itself; undefined when it does not fit. `input`: the first member's input as a plain map. */
export function planFusion(
  { kind, members, hasTail, branches = 1, storesHead }: FusionCandidate,
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
  const bodies = works.splice(-branches);
  const first = members.length - branches - (hasTail ? 1 : 0);
  const body = branches > 1 ? widestOf(bodies)! : bodies[0]!;
  const { vec } = graph.stages[members[0]!]!;
  const stored = storesHead ? { vec: isPairWork(vec) ? vec : undefined } : undefined;
  const withChannels = bodies.map((work, i): Branch => {
    const alias = graph.aliases.get(graph.stages[members[first + i]!]!.output);
    return { work, channel: branches > 1 ? alias!.channelOffset : 0 };
  });
  const work: ChainWork = { head: works.pop(), body, branches: withChannels, tail, stage: graph.stages[members.at(-1)!]!, input, stored };
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
  const { head, branches, tail } = fusion.plan;
  return [head, ...branches, tail].filter((link) => link !== undefined);
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
