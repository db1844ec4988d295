/**
 * The schedule of a whole network: which stages run beside each other, which tensors stay on chip, the plan of every MAC stage, and where everything lies in
 * the maps buffers. Specification: docs/compiler.md, "Residency", "Companions".
 */
import { type Machine, macCount, mapsWords } from '../../../machine/machine.ts';
import type { InputError } from '../../../util/errors.ts';
import { LayerRefusal } from '../../layer-refusal.ts';
import { type CellPlan, chooseCells } from '../cell/cell-plan.ts';
import { LinkCache, type LinkPlan } from '../chain/chain.ts';
import { chooseFusions, costOfFusion, type Fusion, findFusions, fusionRegions, linksOf, planFusion } from '../chain/fusion.ts';
import { chooseFlows, type FlowPlan } from '../flow/flow-plan.ts';
import { type DramLayout, rootOfTensor, viewTensor } from '../layout/dram-layout.ts';
import { MapsMemory, roundUp } from '../layout/maps-memory.ts';
import { freePlacement, type Placement } from '../mac/evaluate.ts';
import { costOf, type MacPlan, planMacStage, trafficCycles } from '../mac/plan.ts';
import { stripesOf } from '../mac/split-wide-stages.ts';
import { findRelays, type RelayCandidate } from '../relay/relay-choice.ts';
import { costOfRelay, type RelayPlan } from '../relay/relay-plan.ts';
import { countMacs, isPairWork, type MacWork, type Stage, type StageGraph, tensorsRead, tensorsWritten } from '../stages/stage.ts';
import { isOneRun, isPixelwise, onNarrowRows, simplifyGeometry, type View, withNarrowRows } from '../stages/view.ts';
import { planVecStage, type VecPlan, vecRegions } from '../vec/vec-plan.ts';
import { pairCompanions, type StepDraft, stagesOf } from './companions.ts';

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

/** Rows of a map that works pixel by pixel should take no more than such a part of the maps buffer. */
const LONG_ROW = 5;
/** Part of the maps buffer that companions may use. */
const COMPANION_SHARE = 1 / 4;
/** A lone vector stage's first load and last store. */
const VEC_CYCLES = 600;
/** Share of its MACs' time that a relay may take longer than planned: ragged rows and late weights, which its plan does not see (ResNet-18 and SqueezeNet lost 1 to 5 %). */
const RELAY_CAUTION = 0.08;

/** `hasRelays`: may stages become relays? Without them the choice among chains can be seen by itself. */
export function scheduleStages(stages: StageGraph, layout: DramLayout, machine: Machine, frames: number, hasRelays = true): Step[] {
  return new Scheduler(stages, layout, machine, frames, hasRelays).run();
}

/** Stages that would be part of fusions. */
export function findFused(stages: StageGraph, layout: DramLayout, machine: Machine, frames: number): Set<number> {
  return new Scheduler(stages, layout, machine, frames).fusedStages;
}

/** First and last step that touch a root tensor, and the stages that make and read it. */
interface Life {
  readonly first: number;
  readonly last: number;
  readonly makers: readonly number[];
  readonly readers: readonly number[];
}

class Scheduler {
  private readonly stages: StageGraph;
  private readonly layout: DramLayout;
  private readonly machine: Machine;
  private readonly frames: number;
  private readonly plans = new Map<string, MacPlan | undefined>();
  private steps: StepDraft[] = [];
  /** Step in which a stage runs. */
  private readonly stepOf = new Map<number, number>();
  private readonly resident = new Set<number>();
  /** Of root tensors, as long as the steps stay. */
  private readonly lives = new Map<number, Life>();

  constructor(stages: StageGraph, layout: DramLayout, machine: Machine, frames: number, hasRelays = true) {
    this.stages = stages;
    this.layout = layout;
    this.machine = machine;
    this.frames = frames;
    // Frames of a batch share the weights that a cell would fetch for each of them.
    const cells = frames === 1 ? chooseCells(stages, layout, machine) : [];
    const taken = new Set(cells.flatMap(({ members }) => members.map(({ index }) => index)));
    this.setSteps(pairCompanions(stages, (tensor) => this.rootOf(tensor), chooseFlows(stages, layout, machine, taken), cells));
    // A stage that does not fit beside its companions runs alone.
    for (const { main, companions } of this.steps) {
      if (companions.length > 0 && !this.planOf(main, this.placementOf(main))) this.separate(main);
    }
    this.adoptFusions(hasRelays);
  }

  private setSteps(steps: StepDraft[]): void {
    this.steps = steps;
    this.lives.clear();
    this.stepOf.clear();
    steps.forEach((step, at) => {
      for (const index of [...stagesOf(step), ...step.companions]) this.stepOf.set(index, at);
    });
  }

  /** Stages that are cheaper together than one by one become a step. */
  private adoptFusions(hasRelays: boolean): void {
    const { stages, machine } = this;
    const options: { fusion: Fusion | RelayCandidate; saved: number }[] = [];
    const cache = new LinkCache();
    // First stages from which chains of some length no longer fit: longer ones come later.
    const full = new Set<number>();
    for (const candidate of findFusions(stages, (tensor) => this.layout.homes.get(tensor)?.isBorder !== false)) {
      const { members } = candidate;
      const canGrow = candidate.kind === 'rows' && !candidate.storesHead;
      if ((canGrow && full.has(members[0]!)) || members.some((index) => this.isTaken(index))) continue;
      const fusion = planFusion(candidate, stages, this.describe(members[0]!, true).inputView(0), machine, cache);
      if (!fusion) {
        if (canGrow && members.length > 3) full.add(members[0]!);
        continue;
      }
      const apart = members.reduce((sum, index) => sum + this.costAlone(index), 0);
      const saved = apart - costOfFusion(fusion, machine);
      if (saved > 0) options.push({ fusion, saved });
    }
    const apart = hasRelays ? this.costsApart() : [];
    for (const relay of hasRelays ? findRelays(stages, this.layout, machine, this.frames, (index) => this.mayRelay(index)) : []) {
      if (!this.takesWholeCells(relay.members)) continue;
      const cost =
        costOfRelay(relay.plan, machine) +
        RELAY_CAUTION * relay.members.reduce((sum, index) => sum + macCycles(stages.stages[index]!, machine), 0);
      if (cost >= relay.members.reduce((sum, index) => sum + apart[index]!, 0)) continue;
      const saved = relay.members.reduce((sum, index) => sum + this.costAlone(index), 0) - cost;
      if (saved > 0) options.push({ fusion: relay, saved });
    }
    for (const fusion of chooseFusions(options, stages.stages.length)) {
      const main = fusion.members.at(-1)!;
      const draft: StepDraft = { main, companions: [], ...('kind' in fusion ? { fusion } : { relay: fusion.plan }) };
      this.setSteps(this.steps.flatMap((step) => (step.main === main ? [draft] : fusion.members.includes(step.main) ? [] : [step])));
    }
  }

  /** Cost of a stage with the machine to itself, in stripes where it must be cut. */
  private costAlone(index: number): number {
    const { stages, machine } = this;
    const stage = stages.stages[index]!;
    if (!stage.mac) return this.costOfVec(stage);
    const plan = this.planOf(index, freePlacement(machine));
    if (plan) return costOf(plan, machine);
    return stripesOf(stages, stage, machine).reduce((sum, stripe) => {
      const work = stripe.mac!;
      const { input } = stripe;
      const view = viewTensor(stages, this.layout, input, 0, {
        channels: work.inChannels,
        ...(stripe.columns ? { columns: stripe.columns.input } : {}),
      });
      const part = planMacStage(stripe, work, view, machine, freePlacement(machine));
      return sum + (part ? costOf(part, machine) : Number.POSITIVE_INFINITY);
    }, 0);
  }

  /** Stages that are part of fusions and relays. */
  get fusedStages(): Set<number> {
    return new Set(this.steps.flatMap((step) => (step.fusion || step.relay ? stagesOf(step) : [])));
  }

  /** Costs of stages one by one, with the tensors on chip that would stay there then. */
  private costsApart(): number[] {
    const { machine } = this;
    for (const candidate of this.residencyCandidates()) this.tryResident(candidate);
    const costs = this.stages.stages.map(({ mac }, index) => {
      const plan = mac && this.planOf(index, this.placementOf(index));
      return Math.min(this.costAlone(index), plan ? costOf(plan, machine) : Number.POSITIVE_INFINITY);
    });
    this.resident.clear();
    return costs;
  }

  /** A stage of vector work alone moves words. */
  private costOfVec(stage: Stage): number {
    const tensors = [...tensorsRead(stage), stage.output];
    const bytes = 2 * tensors.reduce((sum, tensor) => sum + this.wordsOf(tensor), 0);
    const { machine } = this;
    return (bytes * machine.clockHz) / machine.dram.bytesPerSecond + trafficCycles(bytes, machine) + VEC_CYCLES;
  }

  /** Is a stage in no flow and in no step with companions? A cell's may change over to a relay, all of them. */
  private mayRelay(index: number): boolean {
    const { companions, flow } = this.steps[this.stepOf.get(index)!]!;
    return companions.length === 0 && flow === undefined;
  }

  private takesWholeCells(members: readonly number[]): boolean {
    const inside = new Set(members);
    const cells = new Set(members.map((index) => this.steps[this.stepOf.get(index)!]!).filter(({ cell }) => cell !== undefined));
    return [...cells].every((step) => stagesOf(step).every((index) => inside.has(index)));
  }

  /** Is a stage in a flow, in a cell, or in a step with companions? */
  private isTaken(index: number): boolean {
    const { companions, flow, cell } = this.steps[this.stepOf.get(index)!]!;
    return companions.length > 0 || flow !== undefined || cell !== undefined;
  }

  /** Companions of a stage become steps of their own, before it. */
  private separate(main: number): void {
    this.setSteps(
      this.steps.flatMap((step) =>
        step.main === main ? [...step.companions.map((index) => ({ main: index, companions: [] })), { main, companions: [] }] : [step],
      ),
    );
  }

  /** The stages of a fusion become steps of their own. */
  private dissolve(fused: StepDraft): void {
    this.setSteps(this.steps.flatMap((step) => (step === fused ? stagesOf(step).map((main) => ({ main, companions: [] })) : [step])));
  }

  run(): Step[] {
    for (const candidate of this.residencyCandidates()) this.tryResident(candidate);
    for (;;) {
      const placed = this.placeAll();
      if (placed.steps) return placed.steps;
      // Fragmentation: the tensors on chip leave no gap for a stage. Give up one of them.
      const { victim, stage } = placed;
      const step = this.steps.find(({ main }) => this.stages.stages[main] === stage);
      if (victim !== undefined) this.resident.delete(victim);
      else if (step && step.companions.length > 0) this.separate(step.main);
      else if (step?.fusion || step?.flow || step?.cell || step?.relay) this.dissolve(step);
      else throw this.noFit(stage);
    }
  }

  private rootOf(tensor: number): number {
    return rootOfTensor(this.layout, tensor);
  }

  private wordsOf(root: number): number {
    const { height, width, channels } = this.stages.tensors[root]!;
    return height * width * channels;
  }

  /** First and last step that touch a root tensor. */
  private life(root: number): Life {
    const known = this.lives.get(root);
    if (known) return known;
    const makers: number[] = [];
    const readers: number[] = [];
    this.stages.stages.forEach((stage, index) => {
      if (tensorsWritten(this.stages, stage).some((tensor) => this.rootOf(tensor) === root)) makers.push(index);
      if (tensorsRead(stage).some((tensor) => this.rootOf(tensor) === root)) readers.push(index);
    });
    const at = [...makers, ...readers].map((index) => this.stepOf.get(index)!);
    const life = { first: Math.min(...at), last: Math.max(...at), makers, readers };
    this.lives.set(root, life);
    return life;
  }

  /** Tensors that may stay on chip, small ones first: made and read by MAC stages only, seen as plain maps, in one frame's pass. */
  private residencyCandidates(): number[] {
    const roots = new Set(this.stages.stages.map((stage) => this.rootOf(stage.output)));
    return [...roots]
      .filter((root) => {
        const home = this.layout.homes.get(root)!;
        if (home.isBorder || this.wordsOf(root) > mapsWords(this.machine)) return false;
        const { makers, readers, first, last } = this.life(root);
        // A fusion takes the whole buffer.
        if (this.steps.slice(first, last + 1).some((step) => step.fusion || step.flow || step.cell || step.relay)) return false;
        const isMaker = (i: number): boolean => {
          const { mac, batched, columns } = this.stages.stages[i]!;
          return mac !== undefined && !columns && !mac.depthwise && !batched && this.machine.computeUnits > 1;
        };
        const isReader = (i: number): boolean => {
          const { mac, batched, input, columns, weights } = this.stages.stages[i]!;
          // Weights come from DRAM.
          if (weights !== undefined && this.rootOf(weights) === root) return false;
          if (!mac || batched || columns) return false;
          const isAligned = home.pixelPitch % 16 === 0 && this.layout.homes.get(input)!.channelOffset % 16 === 0;
          return !(mac.depthwise && this.rootOf(input) === root) || isAligned;
        };
        return readers.length > 0 && makers.every(isMaker) && readers.every(isReader);
      })
      .sort((a, b) => this.wordsOf(a) - this.wordsOf(b) || a - b);
  }

  /** Keep a tensor on chip if the stages that live with it get cheaper in sum. */
  private tryResident(root: number): void {
    const { first, last } = this.life(root);
    const before = this.costOfSteps(first, last);
    this.resident.add(root);
    const after = this.costOfSteps(first, last);
    if (!(after < before)) this.resident.delete(root);
  }

  private costOfSteps(first: number, last: number): number {
    let cost = 0;
    for (let at = first; at <= last; at++) {
      const { main } = this.steps[at]!;
      if (!this.stages.stages[main]!.mac) continue;
      const plan = this.planOf(main, this.placementOf(main));
      cost += plan ? costOf(plan, this.machine) : Number.POSITIVE_INFINITY;
    }
    return cost;
  }

  /** What is on chip when a stage runs, and what is left of the buffer. */
  private placementOf(index: number, largestGap = Number.POSITIVE_INFINITY): Placement {
    const stage = this.stages.stages[index]!;
    const at = this.stepOf.get(index)!;
    let live = 0;
    for (const root of this.resident) {
      const { first, last } = this.life(root);
      if (first <= at && at <= last) live += roundUp(this.wordsOf(root));
    }
    const has = (tensor: number | undefined): boolean => tensor !== undefined && this.resident.has(this.rootOf(tensor));
    const other = isPairWork(stage.vec) ? stage.vec.other : undefined;
    const step = this.steps[at]!;
    const companions = step.main === index ? step.companions.reduce((sum, c) => sum + this.vecPlanOf(c, true).words, 0) : 0;
    return {
      input: has(stage.input),
      output: has(stage.output),
      other: has(other),
      ...(other === undefined ? {} : { otherPitch: this.layout.homes.get(other)!.pixelPitch }),
      budgetWords: Math.min(largestGap, mapsWords(this.machine) - live) - companions,
    };
  }

  private planOf(index: number, placement: Placement): MacPlan | undefined {
    const key = `${index}:${placement.input}:${placement.output}:${placement.other}:${placement.budgetWords}`;
    if (!this.plans.has(key)) {
      const { stage, work, inputView } = this.describe(index, placement.input);
      this.plans.set(key, planMacStage(stage, work!, inputView(0), this.machine, placement));
    }
    return this.plans.get(key);
  }

  private vecPlanOf(index: number, isCompanion: boolean): VecPlan {
    const { stage, inputView, outputView } = this.describe(index, false);
    const share = isCompanion ? COMPANION_SHARE : 1;
    return planVecStage(stage, inputView(0), outputView(0), this.machine, mapsWords(this.machine) * share);
  }

  /** Geometry and views of a stage. */
  private describe(index: number, isResidentInput: boolean) {
    const { stages, layout, frames } = this;
    const stage = stages.stages[index]!;
    const input = stages.tensors[stage.input]!;
    const { mac } = stage;
    const isDense = layout.homes.get(stage.input)!.pixelPitch === input.channels && mac?.inChannels === input.channels && !stage.columns;
    // A tensor on chip is read where it lies, strides and all.
    const simple = mac && !isResidentInput ? simplifyGeometry(mac, isDense, stage.batched) : undefined;
    const batch = stage.batched ? frames : undefined;
    const batchOption = batch === undefined ? {} : { batch };
    const inputView = (frame: number): View =>
      viewTensor(stages, layout, stage.input, frame, {
        ...batchOption,
        shape: simple?.shape ?? 'map',
        rowScale: simple?.rowScale ?? 1,
        columnScale: simple?.columnScale ?? 1,
        channelOffset: stage.inputChannelOffset,
        ...(mac ? { channels: mac.inChannels } : {}),
        ...(stage.columns ? { columns: stage.columns.input } : {}),
      });
    const outputOption = { ...batchOption, ...(stage.columns ? { columns: stage.columns.output } : {}) };
    const outputView = (frame: number): View => viewTensor(stages, layout, stage.output, frame, outputOption);
    const pair = isPairWork(stage.vec) ? stage.vec : undefined;
    const otherView = (frame: number): View | undefined =>
      pair && viewTensor(stages, layout, pair.other, frame, pair.isPixel ? batchOption : outputOption);
    let work = simple?.work ?? mac;
    if (work && batch !== undefined) work = { ...work, geometry: { ...work.geometry, inHeight: batch, outHeight: batch } };
    const count = work && !isResidentInput ? this.narrowRows(stage, work, [inputView(0), outputView(0), otherView(0)]) : 1;
    if (!work || count === 1) return { stage, batch, work, inputView, outputView, otherView };
    return {
      stage,
      batch,
      work: onNarrowRows(work, count),
      inputView: (frame: number) => withNarrowRows(inputView(frame), count),
      outputView: (frame: number) => withNarrowRows(outputView(frame), count),
      otherView: (frame: number) => {
        const other = otherView(frame);
        return other && withNarrowRows(other, count);
      },
    };
  }

  /** A stage that works pixel by pixel on large maps with long rows sees them in shorter ones: in how many for each. */
  private narrowRows(stage: Stage, work: MacWork, views: readonly (View | undefined)[]): number {
    const { vec, batched, columns, weights } = stage;
    if (batched || columns || weights !== undefined || !isPixelwise(work) || (vec && vec.op !== 'table' && vec.op !== 'add')) return 1;
    const words = mapsWords(this.machine);
    const isLarge = (view: View): boolean => isOneRun(view) && view.height * view.width * view.channels > words;
    if ((isPairWork(vec) && vec.isPixel) || !views.every((view) => !view || isLarge(view))) return 1;
    const { inWidth } = work.geometry;
    let count = 1;
    while ((inWidth / count) * work.inChannels > words / LONG_ROW && inWidth % (2 * count) === 0) count *= 2;
    return count;
  }

  /** Addresses for everything, step by step as it will run; or the tensor whose stay makes that impossible. */
  private placeAll(): { steps?: Step[]; victim?: number; stage: Stage } {
    const memory = new MapsMemory(mapsWords(this.machine));
    const bases = new Map<number, number>();
    const steps: Step[] = [];
    const lives = new Map([...this.resident].map((root) => [root, this.life(root)]));
    const alive = (at: number): number[] => [...lives].filter(([, life]) => life.first <= at && at <= life.last).map(([root]) => root);
    for (let at = 0; at < this.steps.length; at++) {
      const { main, companions } = this.steps[at]!;
      const stage = this.stages.stages[main]!;
      for (const [root, life] of lives) {
        if (life.last === at - 1) memory.release(root);
        if (life.first !== at) continue;
        const base = memory.keep(root, this.wordsOf(root));
        if (base === undefined) return { victim: root, stage };
        bases.set(root, base);
      }
      const { fusion, flow, cell, relay } = this.steps[at]!;
      if (cell) {
        const starts = memory.place([cell.words]);
        if (!starts) return { ...this.victimAmong(alive(at)), stage };
        steps.push(this.finishCell(cell, starts[0]!));
        continue;
      }
      if (relay) {
        const starts = memory.place([relay.words]);
        if (!starts) return { ...this.victimAmong(alive(at)), stage };
        steps.push(this.finishRelay(relay, starts[0]!));
        continue;
      }
      if (flow) {
        const starts = memory.place([flow.words]);
        if (!starts) return { ...this.victimAmong(alive(at)), stage };
        steps.push(this.finishFlow(flow, starts[0]!));
        continue;
      }
      if (fusion) {
        const starts = memory.place(fusionRegions(fusion, this.machine));
        if (!starts) return { ...this.victimAmong(alive(at)), stage };
        steps.push(this.finishFusion(fusion, starts));
        continue;
      }
      const vecPlans = companions.map((index) => this.vecPlanOf(index, true));
      const placement = this.placementOf(main, memory.largestGap);
      const plan = stage.mac ? this.planOf(main, placement) : undefined;
      const vecPlan = stage.mac ? undefined : this.vecPlanOf(main, false);
      if (stage.mac && !plan) return { ...this.victimAmong(alive(at)), stage };
      const sizes = [
        plan ? macRegions(plan, placement, this.rowWords(main, plan, placement.input)) : vecRegions(vecPlan!),
        ...vecPlans.map(vecRegions),
      ];
      const starts = memory.place(sizes.flat());
      if (!starts) return { ...this.victimAmong(alive(at)), stage };
      const rest = [...starts];
      const own = sizes.map((list) => rest.splice(0, list.length));
      steps.push({
        main: this.finish(main, plan, vecPlan, own[0]!, placement, bases),
        chain: undefined,
        companions: companions.map((index, i) =>
          this.finish(index, undefined, vecPlans[i], own[i + 1]!, freePlacement(this.machine), bases),
        ),
      });
    }
    return { steps, stage: this.stages.stages[0]! };
  }

  private finishCell(plan: CellPlan, base: number): Step {
    const links = plan.members.map(({ index, link }): ScheduledStage => {
      const stage = this.finish(index, undefined, undefined, [base], freePlacement(this.machine), new Map());
      return { ...stage, ...this.describe(index, true), link };
    });
    return { main: links.at(-1)!, companions: [], chain: undefined, cell: { plan, base, links } };
  }

  private finishRelay(plan: RelayPlan, base: number): Step {
    const links = plan.graph.members.map(({ index, work }, i): ScheduledStage => {
      const stage = this.finish(index, undefined, undefined, [base], freePlacement(this.machine), new Map());
      return { ...stage, work, link: plan.links[i] };
    });
    return { main: links.at(-1)!, companions: [], chain: undefined, relay: { plan, base, links } };
  }

  private finishFlow(plan: FlowPlan, base: number): Step {
    const links = plan.members.map(({ index }, i): ScheduledStage => {
      const stage = this.finish(index, undefined, undefined, [base], freePlacement(this.machine), new Map());
      return { ...stage, ...this.describe(index, true), link: plan.links[i] };
    });
    return { main: links.at(-1)!, companions: [], chain: undefined, flow: { plan, base, links } };
  }

  private finishFusion(fusion: Fusion, bases: readonly number[]): Step {
    const plans = linksOf(fusion);
    const links = fusion.members.map((index, i): ScheduledStage => {
      const stage = this.finish(index, undefined, undefined, bases, freePlacement(this.machine), new Map());
      return { ...stage, ...this.describe(index, true), link: plans[i] };
    });
    return { main: links.at(-1)!, companions: [], chain: { fusion, links } };
  }

  /** The largest of the tensors on chip. */
  private victimAmong(roots: readonly number[]): { victim?: number } {
    const [victim] = [...roots].sort((a, b) => this.wordsOf(b) - this.wordsOf(a) || a - b);
    return victim === undefined ? {} : { victim };
  }

  private rowWords(index: number, plan: MacPlan, isResident: boolean): number {
    return this.describe(index, isResident).work!.geometry.inWidth * plan.pixelPitch;
  }

  private finish(
    index: number,
    plan: MacPlan | undefined,
    vecPlan: VecPlan | undefined,
    bases: readonly number[],
    placement: Placement,
    residents: ReadonlyMap<number, number>,
  ): ScheduledStage {
    const described = this.describe(index, placement.input);
    const residentOf = (tensor: number | undefined): Resident | undefined => {
      if (tensor === undefined) return undefined;
      const home = this.layout.homes.get(tensor)!;
      const base = this.resident.has(home.root) ? residents.get(home.root) : undefined;
      if (base === undefined) return undefined;
      return { root: home.root, base, pitch: home.pixelPitch, channelOffset: home.channelOffset };
    };
    const { vec, input, output } = described.stage;
    return {
      index,
      ...described,
      plan,
      vecPlan,
      link: undefined,
      bases,
      residentInput: placement.input ? residentOf(input) : undefined,
      residentOutput: placement.output ? residentOf(output) : undefined,
      residentOther: placement.other && isPairWork(vec) ? residentOf(vec.other) : undefined,
    };
  }

  private noFit(stage: Stage): InputError {
    const { name, mapsBytes, weightsBytes } = this.machine;
    return new LayerRefusal(
      `layer ${stage.name} (${stage.op}): no schedule fits machine ${name} (maps ${mapsBytes} bytes per CU, weights ${weightsBytes} bytes per vMAC); use larger buffers`,
      stage.nodes,
    );
  }
}

/** Sizes of a MAC stage's regions: input ring, result slots (or pool rings), vector slots, residual slots. */
export function macRegions(plan: MacPlan, placement: Placement, rowWords: number): number[] {
  const times = (count: number, words: number): number[] => Array.from({ length: count }, () => words);
  const isPool = plan.poolRings > 0;
  return [
    ...(placement.input ? [] : [plan.ringRows * rowWords]),
    ...times(isPool ? plan.poolRings : plan.slotCount, plan.slotWords),
    ...times(isPool && !placement.output ? plan.slotCount : 0, plan.vecSlotWords),
    ...times(plan.otherSlots, plan.slotWords),
  ];
}

/** Cycles that a stage's MACs take at least. */
function macCycles({ mac }: Stage, machine: Machine): number {
  return mac ? countMacs(mac) / macCount(machine) : 0;
}
