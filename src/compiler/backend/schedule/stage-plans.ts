/**
 * Stages one by one: how each sees its tensors, its plan, and what it costs with the machine to itself. Specification: docs/compiler.md, "Schedule of a MAC
 * stage".
 */
import { type Machine, mapsWords } from '../../../machine/machine.ts';
import { type DramLayout, rootOfTensor, viewTensor } from '../layout/dram-layout.ts';
import { costOf } from '../mac/cost.ts';
import { freePlacement, type Placement } from '../mac/evaluate.ts';
import { type MacPlan, planMacStage } from '../mac/plan.ts';
import { stripesOf } from '../mac/split-wide-stages.ts';
import { isPairWork, type MacWork, type Stage, type StageGraph, tensorsRead } from '../stages/stage.ts';
import { isOneRun, isPixelwise, onNarrowRows, simplifyGeometry, type View, withNarrowRows } from '../stages/view.ts';
import { planVecStage, type VecPlan } from '../vec/vec-plan.ts';

/** Rows of a map that works pixel by pixel should take no more than such a part of the maps buffer. */
const LONG_ROW = 5;
/** Part of the maps buffer that companions may use. */
const COMPANION_SHARE = 1 / 4;
/** A lone vector stage's first load and last store. */
const VEC_CYCLES = 600;
export class StagePlans {
  readonly stages: StageGraph;
  readonly layout: DramLayout;
  readonly machine: Machine;
  readonly frames: number;
  private readonly plans = new Map<string, MacPlan | undefined>();

  constructor(stages: StageGraph, layout: DramLayout, machine: Machine, frames: number) {
    this.stages = stages;
    this.layout = layout;
    this.machine = machine;
    this.frames = frames;
  }

  rootOf(tensor: number): number {
    return rootOfTensor(this.layout, tensor);
  }

  wordsOf(root: number): number {
    const { height, width, channels } = this.stages.tensors[root]!;
    return height * width * channels;
  }

  /** The plan of a MAC stage; undefined where it does not fit. */
  planOf(index: number, placement: Placement): MacPlan | undefined {
    const key = `${index}:${placement.input}:${placement.output}:${placement.other}:${placement.budgetWords}`;
    if (!this.plans.has(key)) {
      const { stage, work, inputView } = this.describe(index, placement.input);
      this.plans.set(key, planMacStage(stage, work!, inputView(0), this.machine, placement));
    }
    return this.plans.get(key);
  }

  /** The plan of a stage of vector work, alone or beside a MAC stage. */
  vecPlanOf(index: number, isCompanion: boolean): VecPlan {
    const { stage, inputView, outputView } = this.describe(index, false);
    const share = isCompanion ? COMPANION_SHARE : 1;
    return planVecStage(stage, inputView(0), outputView(0), this.machine, mapsWords(this.machine) * share);
  }

  /** Geometry and views of a stage. */
  describe(index: number, isResidentInput: boolean) {
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

  /** Cost of a stage with the machine to itself, in stripes where it must be cut. */
  costAlone(index: number): number {
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

  /** A stage of vector work alone moves words. */
  private costOfVec(stage: Stage): number {
    const tensors = [...tensorsRead(stage), stage.output];
    const bytes = 2 * tensors.reduce((sum, tensor) => sum + this.wordsOf(tensor), 0);
    const { machine } = this;
    const cycles = (bytes * machine.clockHz) / machine.dram.bytesPerSecond + VEC_CYCLES;
    return costOf({ cycles, bytes }, machine);
  }

  /** Words of an input row as a plan lays it out. */
  rowWords(index: number, plan: MacPlan, isResident: boolean): number {
    return this.describe(index, isResident).work!.geometry.inWidth * plan.pixelPitch;
  }
}
