/**
 * Fusions: consecutive MAC stages that run as one step, without going through DRAM between them: row chains (chain.ts) and slice chains
 * (slice-chain.ts). Which the graph allows, what they cost, and the choice among those that overlap. Specification: docs/compiler.md, "Chains".
 */
import { type Machine, mapsWords } from '../../../machine/machine.ts';
import { regionsOf } from '../mac/blocks.ts';
import { costOf } from '../mac/cost.ts';
import { inputRows, readsAllRows } from '../mac/tile-rows.ts';
import { isPairWork, isPoint, type MacWork, type Stage, type StageGraph, tensorsRead } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import type { BandCandidate } from './band-choice.ts';
import {
  type Branch,
  type ChainPlan,
  type ChainWork,
  chainRegions,
  type LinkCache,
  type LinkPlan,
  linksOfChain,
  type PassWork,
  planChain,
  type Residual,
} from './chain.ts';
import { isSliceable, planSliceChain, type SlicePlan, type SliceWork, sliceRegions } from './slice-chain.ts';

/** Consecutive stages that the graph lets run as one step. */
export type FusionCandidate = { readonly members: readonly number[] } & (
  | {
      readonly kind: 'rows';
      /** Stages of every pass: its branches, and whether a tail follows. Alternatives, of which the best is taken. */
      readonly passes: readonly (readonly PassDraft[])[];
      /** Is the first stage's result stored as well, because others read it? */
      readonly storesHead?: boolean;
    }
  | { readonly kind: 'slices' }
);

/** How a pass takes part of a chain's stages. */
interface PassDraft {
  readonly branches: number;
  readonly hasTail: boolean;
}

/** Stages of the longest row chain. */
const MAX_LINKS = 14;

/** A candidate with its plan. */
export type Fusion =
  | BandCandidate
  | ({ readonly members: readonly number[] } & (
      | { readonly kind: 'rows'; readonly plan: ChainPlan; readonly work: ChainWork }
      | { readonly kind: 'slices'; readonly plan: SlicePlan; readonly work: SliceWork }
    ));

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
  /** Is a tensor a map of its own, inside the program? */
  const isInner = (tensor: number): boolean =>
    !isBorder(tensor) && !graph.aliases.has(tensor) && !sliced.has(tensor) && !graph.scatters.has(tensor);
  /** May what stage i makes stay on chip for the stage behind it (and others)? */
  const feeds = (i: number): boolean => {
    const [from, to] = [stages[i], stages[i + 1]];
    if (!isPlain(from) || !isPlain(to) || !isRowWork(from) || to.input !== from.output) return false;
    // Rows that nobody reads would never be made, and the layer's MACs are counted whole.
    return readsAllRows(to.mac) && isInner(from.output) && to.mac.inChannels === from.mac.outChannels;
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
  /** May what stage i makes stay on chip for branches behind it? */
  const feedsBranches = (i: number): boolean => {
    const [from, to] = [stages[i], stages[i + 1]];
    if (!isPlain(from) || !to?.mac || from.vec || from.mac.depthwise || to.input !== from.output) return false;
    return isInner(from.output) && to.mac.inChannels === from.mac.outChannels;
  };
  const branchCounts = stages.map((stage, i) => (stage.mac ? branchesFrom(i) : 0));
  /** Stages [i, end) as a row chain: undefined where something inside has other readers, or adds what is neither inside nor at hand. */
  const rowChain = (i: number, end: number): FusionCandidate | undefined => {
    const reading = new Map<number, number>();
    for (const tensor of stages.slice(i, end).flatMap(tensorsRead)) reading.set(tensor, (reading.get(tensor) ?? 0) + 1);
    for (let at = i; at < end - 1; at++) {
      const { output } = stages[at]!;
      // A branch is read in its concatenation.
      if (!graph.aliases.has(output) && reading.get(output) !== readers(output)) return undefined;
    }
    const passes = passesOf(stages.slice(i, end) as MacStage[], branchCounts.slice(i, end));
    return passes.length > 0 ? { kind: 'rows', members: Array.from({ length: end - i }, (_, at) => i + at), passes } : undefined;
  };
  const candidates: FusionCandidate[] = [];
  for (let i = 0; i + 1 < stages.length; i++) {
    const first = stages[i];
    if (!isPlain(first)) continue;
    const longest = Math.min(stages.length, i + MAX_LINKS);
    for (let end = i; end < longest; ) {
      const branches = branchCounts[end]!;
      // Branches and their tail come together, behind the first's maker.
      if (branches > 0) {
        if (end > i && !feedsBranches(end - 1)) break;
        end += branches + 1;
      } else {
        if (end > i && !feeds(end - 1)) break;
        end++;
      }
      const candidate = end - i > 1 && isRowEnd(stages[end - 1]!) && end <= longest ? rowChain(i, end) : undefined;
      if (candidate) candidates.push(candidate);
    }
    const second = stages[i + 1];
    if (!isPlain(second)) continue;
    const isOnlyRead = feeds(i) && readers(first.output) === 1;
    if (!isOnlyRead && feedsAndStores(i)) {
      const pass = { branches: 1, hasTail: false };
      candidates.push({ kind: 'rows', members: [i, i + 1], passes: [[pass, pass]], storesHead: true });
    }
    if (!isOnlyRead || first.vec || second.vec) continue;
    const isWhole = first.mac.groups === 1 && !first.mac.depthwise;
    if (!isWhole || !isSliceable(second.mac)) continue;
    candidates.push({ kind: 'slices', members: [i, i + 1] });
    const third = stages[i + 2];
    if (isPlain(third) && isTail(third) && feeds(i + 1) && readers(second.output) === 1)
      candidates.push({ kind: 'slices', members: [i, i + 1, i + 2] });
  }
  return candidates;
}

/** A stage's work can be a link: a convolution, behind it a residual add at most. */
function isRowWork({ mac, vec, table }: MacStage): boolean {
  return !table && (!vec || (vec.op === 'add' && !vec.isPixel && !mac.depthwise));
}

function isRowEnd(stage: Stage): boolean {
  return isPlain(stage) && isRowWork(stage);
}

/**
 * How stages can be passes: every pointwise stage the tail of what is in front of it, only those behind wider kernels, none; and those between, where the
 * weights of a pair, which all CUs hold, leave no room for others.
 */
function passesOf(stages: readonly MacStage[], branchCounts: readonly number[]): PassDraft[][] {
  const weightsOf = ({ mac }: MacStage): number => mac.outChannels * mac.tapWords * mac.geometry.kernelH * mac.geometry.kernelW;
  const draft = (isPair: (first: MacStage, second: MacStage) => boolean): PassDraft[] => {
    const passes: PassDraft[] = [];
    for (let at = 0; at < stages.length; ) {
      const branches = Math.max(1, branchCounts[at]!);
      const first = stages[at]!;
      const second = branchCounts[at + branches] ? undefined : stages[at + branches];
      const hasTail = second !== undefined && !first.vec && isTail(second) && (branches > 1 || isPair(first, second));
      passes.push({ branches, hasTail });
      at += branches + (hasTail ? 1 : 0);
    }
    return passes;
  };
  const isWide = (stage: MacStage): boolean => !isTail(stage);
  const pairs = stages.filter((stage, at) => at > 0 && isTail(stage) && isWide(stages[at - 1]!)).map(weightsOf);
  const limits = [...new Set(pairs)].sort((a, b) => b - a);
  const drafts = [draft(() => true), draft((first) => isWide(first))];
  for (const limit of limits) drafts.push(draft((first, second) => isWide(first) && weightsOf(second) < limit));
  // One pass alone that makes what it reads stay nowhere is no chain.
  const isChain = (passes: readonly PassDraft[]): boolean => passes.length > 1 || passes[0]!.hasTail;
  const known = new Set<string>();
  return drafts.filter((passes) => {
    const key = JSON.stringify(passes);
    if (known.has(key) || !isChain(passes)) return false;
    known.add(key);
    return true;
  });
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
  return isPoint(mac.geometry) && mac.groups === 1 && !mac.depthwise && !table && (!vec || (vec.op === 'add' && !vec.isPixel));
}

/** A candidate's plan, with the whole buffer to itself; undefined when it does not fit. `input`: the first member's input as a plain map. */
export function planFusion(
  candidate: FusionCandidate,
  graph: StageGraph,
  input: View,
  machine: Machine,
  cache: LinkCache,
): Fusion | undefined {
  const { kind, members } = candidate;
  const stages = members.map((index) => graph.stages[index]!);
  if (kind === 'slices') {
    const last = stages[2];
    const residual = isPairWork(last?.vec) ? last.vec : undefined;
    const work: SliceWork = { head: stages[0]!.mac!, body: stages[1]!.mac!, tail: last?.mac, residual, input };
    const plan = planSliceChain(work, machine, mapsWords(machine));
    return plan && { kind, members, plan, work };
  }
  let best: Fusion | undefined;
  for (const passes of candidate.passes) {
    const work = chainWork(stages, passes, graph, input, candidate.storesHead === true);
    const plan = work && planChain(work, machine, mapsWords(machine), cache);
    const fusion: Fusion | undefined = plan && { kind, members, plan, work };
    if (fusion && (!best || costOf(fusion.plan, machine) < costOf(best.plan, machine))) best = fusion;
  }
  return best;
}

/** Passes of a row chain; undefined where one adds what it can't have. */
function chainWork(
  stages: readonly Stage[],
  drafts: readonly PassDraft[],
  graph: StageGraph,
  input: View,
  storesHead: boolean,
): ChainWork | undefined {
  /** Tensors of the chain. */
  const tensors = [stages[0]!.input];
  const passes: PassWork[] = [];
  let next = 0;
  for (const { branches: count, hasTail } of drafts) {
    const own = stages.slice(next, next + count);
    next += count + (hasTail ? 1 : 0);
    const bodies = own.map((stage) => stage.mac!);
    const branches = own.map(
      ({ output }, i): Branch => ({ work: bodies[i]!, channel: count > 1 ? graph.aliases.get(output)!.channelOffset : 0 }),
    );
    const last = stages[next - 1]!;
    const isStored = storesHead && passes.length === 0;
    const vec = isPairWork(last.vec) && !isStored ? last.vec : undefined;
    const at = vec ? tensors.indexOf(vec.other) : -1;
    const residual: Residual | undefined = vec && { vec, tensor: at < 0 ? undefined : at };
    // Only the last pass adds what comes from DRAM; what is inside a pass is no tensor to add.
    const isInside = (tensor: number): boolean => stages.some(({ output }) => output === tensor);
    if (residual?.tensor === undefined && vec && (passes.length < drafts.length - 1 || isInside(vec.other))) return undefined;
    passes.push({ body: count > 1 ? widestOf(bodies)! : bodies[0]!, branches, tail: hasTail ? last.mac! : undefined, residual });
    tensors.push(last.output);
  }
  const { vec } = stages[0]!;
  const stored = storesHead ? { vec: isPairWork(vec) ? vec : undefined } : undefined;
  const canCut = !graph.scatters.has(stages.at(-1)!.output) && !stored;
  return { passes, input, canCut, stored };
}

/** Plans of the members, in order. */
export function linksOf(fusion: Fusion): readonly (LinkPlan | undefined)[] {
  if (fusion.kind === 'bands') return fusion.plan.links;
  if (fusion.kind === 'slices') return [fusion.plan.head, fusion.plan.body, ...(fusion.plan.tail ? [fusion.plan.tail.link] : [])];
  return linksOfChain(fusion.plan);
}

/** Members whose results never leave the chip. */
export function insideOf(fusion: Fusion): readonly number[] {
  if (fusion.kind === 'bands') return fusion.plan.graph.members.filter(({ isStored }) => !isStored).map(({ index }) => index);
  return fusion.members.slice(fusion.kind === 'rows' && fusion.work.stored ? 1 : 0, -1);
}

/** Sizes of the regions in the maps buffers. */
export function fusionRegions(fusion: Fusion, machine: Machine): number[] {
  if (fusion.kind === 'bands') return [fusion.plan.words];
  return fusion.kind === 'slices' ? sliceRegions(fusion.plan, fusion.work) : chainRegions(fusion.plan, machine);
}

/** The fusions, no stage in two of them, that save the most in sum. */
export function chooseFusions<T extends { readonly members: readonly number[] }>(
  options: readonly { readonly fusion: T; readonly saved: number }[],
  stages: number,
): T[] {
  /** best[i]: what stages before i can save, and by what last fusion. */
  const best: { saved: number; fusion: T | undefined }[] = [{ saved: 0, fusion: undefined }];
  for (let end = 1; end <= stages; end++) {
    best[end] = { saved: best[end - 1]!.saved, fusion: undefined };
    for (const { fusion, saved } of options) {
      if (fusion.members.at(-1) !== end - 1) continue;
      const sum = best[fusion.members[0]!]!.saved + saved;
      if (sum > best[end]!.saved) best[end] = { saved: sum, fusion };
    }
  }
  const chosen: T[] = [];
  for (let end = stages; end > 0; ) {
    const { fusion } = best[end]!;
    if (fusion) chosen.unshift(fusion);
    end = fusion ? fusion.members[0]! : end - 1;
  }
  return chosen;
}
