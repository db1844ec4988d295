/**
 * The back end from integer graph to program, as a list of steps. Specification: docs/compiler.md.
 * Same graph, machine and options give the same bytes.
 */
import type { BorderValue, IntegerGraph } from '../../graph/integer-graph.ts';
import type { Descriptor } from '../../isa/fields.ts';
import { InstructionWriter } from '../../isa/instruction-writer.ts';
import type { Machine } from '../../machine/machine.ts';
import type { LayerInfo, Program, Segment, SourceSpan, TensorPlacement } from '../../program/program.ts';
import { InputError } from '../../util/errors.ts';
import { buildStages } from './build-stages.ts';
import { DramAccesses, type DramLayout, layOutTensors, viewTensor } from './dram-layout.ts';
import { EmitContext } from './emit-context.ts';
import { emitMacStage } from './emit-mac.ts';
import { packTable } from './emit-vec.ts';
import { emitVecStage } from './emit-vec-stage.ts';
import { orderTasks } from './order.ts';
import { describePlan, type MacPlan, planMacStage } from './plan.ts';
import { poolBranches } from './pool-branches.ts';
import { countMacs, type MacWork, type Stage, type StageGraph } from './stage.ts';
import { assignTokens } from './sync.ts';
import { type Task, TaskList } from './task.ts';
import { simplifyGeometry, type View } from './view.ts';
import { type PackedWeights, packWeights } from './weights-image.ts';

export interface CompileOptions {
  /** Frames that one run computes (default 1). Layers on flat tensors run once for all frames. */
  readonly frames?: number;
  readonly name?: string;
  readonly progress?: (done: number, total: number, what: string) => void;
}

/** Loads of one unit that may be dispatched ahead of their first use: a little less than its queue. */
const PREFETCH_MARGIN = 4;
const ALIGN_WORDS = 64;

interface PlannedStage {
  readonly stage: Stage;
  readonly work: MacWork | undefined;
  readonly plan: MacPlan | undefined;
  readonly weights: PackedWeights | undefined;
  readonly weightsAddress: number;
  readonly tableAddress: number;
  readonly inputView: (frame: number) => View;
  readonly outputView: (frame: number) => View;
  readonly otherView: (frame: number) => View | undefined;
}

/** Compile an integer graph for a machine. Throws InputError where the machine cannot hold a layer or the memory. */
export function compileGraph(source: IntegerGraph, machine: Machine, options: CompileOptions = {}): Program {
  const graph = poolBranches(source);
  const frames = options.frames ?? 1;
  const stages = buildStages(graph);
  const layout = layOutTensors(graph, stages, frames);
  const segments: Segment[] = [];
  let next = layout.end;
  const place = (name: string, words: Int16Array): number => {
    const address = next;
    segments.push({ name, address, words });
    next += Math.ceil(words.length / ALIGN_WORDS) * ALIGN_WORDS;
    return address;
  };
  const planned = stages.stages.map((stage, index) => {
    options.progress?.(index, stages.stages.length, stage.name);
    return planStage(stage, stages, layout, machine, frames, place);
  });
  const order = emitTasks(planned, stages, layout, machine, frames);
  const tokens = assignTokens(order);

  const writer = new InstructionWriter();
  const sourceMap: SourceSpan[] = [];
  let first = 0;
  order.forEach((task, i) => {
    writer.go(task.unit, { ...task.descriptor, ...tokens[i]! } as Descriptor<'LDM'>);
    const end = writer.length;
    const last = sourceMap.at(-1);
    if (last && last.layer === task.layer && last.tile === task.tile) sourceMap[sourceMap.length - 1] = { ...last, end };
    else sourceMap.push({ first, end, layer: task.layer, tile: task.tile });
    first = end;
  });
  writer.end();
  sourceMap.push({ first, end: writer.length, layer: -1, tile: 'end' });
  const instructions = writer.instructions();
  const codeAddress = next;
  const dramWords = next + Math.ceil((instructions.length * 2) / ALIGN_WORDS) * ALIGN_WORDS;
  if (dramWords * 2 > machine.dram.bytes) {
    throw new InputError(
      `${options.name ?? graph.name}: needs ${Math.ceil((dramWords * 2) / 2 ** 20)} MiB of DRAM, machine ${machine.name} has ${machine.dram.bytes / 2 ** 20} MiB; use fewer frames (--batch)`,
    );
  }
  return {
    name: options.name ?? graph.name,
    machine,
    frames,
    codeAddress,
    instructions,
    segments,
    tensors: placeTensors(graph, stages, layout),
    layers: planned.map((p) => layerInfo(p)),
    sourceMap,
    dramWords,
  };
}

function planStage(
  stage: Stage,
  stages: StageGraph,
  layout: DramLayout,
  machine: Machine,
  frames: number,
  place: (name: string, words: Int16Array) => number,
): PlannedStage {
  const input = stages.tensors[stage.input]!;
  const isDense = layout.homes.get(stage.input)!.pixelPitch === input.channels && stage.mac?.inChannels === input.channels;
  const simple = stage.mac ? simplifyGeometry(stage.mac, isDense) : undefined;
  const batch = stage.batched ? frames : undefined;
  const inputView = (frame: number): View =>
    viewTensor(stages, layout, stage.input, frame, {
      ...(batch === undefined ? {} : { batch }),
      shape: simple?.shape ?? 'map',
      rowScale: simple?.rowScale ?? 1,
      columnScale: simple?.columnScale ?? 1,
      channelOffset: stage.inputChannelOffset,
      ...(stage.mac ? { channels: stage.mac.inChannels } : {}),
    });
  const sameShape = batch === undefined ? {} : { batch };
  const outputView = (frame: number): View => viewTensor(stages, layout, stage.output, frame, sameShape);
  const other = stage.vec?.op === 'add' ? stage.vec.other : undefined;
  const otherView = (frame: number): View | undefined =>
    other === undefined ? undefined : viewTensor(stages, layout, other, frame, sameShape);
  const table = stage.vec?.op === 'table' ? place(`${stage.name} table`, packTable(stage.vec)) : 0;
  if (!simple) {
    return {
      stage,
      work: undefined,
      plan: undefined,
      weights: undefined,
      weightsAddress: 0,
      tableAddress: table,
      inputView,
      outputView,
      otherView,
    };
  }
  const work =
    batch === undefined ? simple.work : { ...simple.work, geometry: { ...simple.work.geometry, inHeight: batch, outHeight: batch } };
  const plan = planMacStage(stage, work, inputView(0), machine);
  const weights = packWeights(work, plan);
  const weightsAddress = place(`${stage.name} weights`, weights.words);
  return { stage, work, plan, weights, weightsAddress, tableAddress: table, inputView, outputView, otherView };
}

/** Tasks of all stages and frames in program order: stages of one frame run for every frame in turn, batched stages once. */
function emitTasks(planned: readonly PlannedStage[], stages: StageGraph, layout: DramLayout, machine: Machine, frames: number): Task[] {
  const list = new TaskList();
  const context = new EmitContext(machine, stages, layout, list, new DramAccesses());
  for (let from = 0; from < planned.length; ) {
    let to = from + 1;
    const batched = planned[from]!.stage.batched;
    while (to < planned.length && planned[to]!.stage.batched === batched) to++;
    for (let frame = 0; frame < (batched ? 1 : frames); frame++) {
      for (let layer = from; layer < to; layer++) emitStage(context, planned[layer]!, layer, batched ? -1 : frame);
    }
    from = to;
  }
  return orderTasks(list.tasks, Math.max(2, machine.queueDepth - PREFETCH_MARGIN));
}

function emitStage(context: EmitContext, p: PlannedStage, layer: number, frame: number): void {
  const views = {
    input: p.inputView(Math.max(0, frame)),
    output: p.outputView(Math.max(0, frame)),
    other: p.otherView(Math.max(0, frame)),
  };
  const common = { stage: p.stage, tableAddress: p.tableAddress, layer, frame, ...views };
  if (p.work && p.plan && p.weights) {
    emitMacStage(context, { ...common, work: p.work, plan: p.plan, weights: p.weights, weightsAddress: p.weightsAddress });
  } else {
    emitVecStage(context, { ...common, vec: p.stage.vec! });
  }
}

function layerInfo(p: PlannedStage): LayerInfo {
  const { stage, plan, work } = p;
  return {
    name: stage.name,
    op: stage.op,
    nodes: stage.nodes,
    lanesPerOutput: plan?.lanes ?? 0,
    macs: stage.mac ? countMacs(stage.mac) : 0,
    weightBytes: p.weights ? p.weights.words.byteLength : 0,
    schedule: plan && work ? describePlan(plan, work) : 'vector units only',
    predictedCycles: plan ? Math.round(plan.cycles) : 0,
  };
}

function placeTensors(graph: IntegerGraph, stages: StageGraph, layout: DramLayout): TensorPlacement[] {
  const borders = new Map<number, BorderValue & { role: 'input' | 'output' }>();
  for (const value of graph.inputs) borders.set(value.tensor, { ...value, role: 'input' });
  for (const value of graph.outputs) borders.set(value.tensor, { ...value, role: 'output' });
  const placements: TensorPlacement[] = [];
  for (const [id, home] of layout.homes) {
    const tensor = stages.tensors[id]!;
    const border = borders.get(id);
    placements.push({
      name: border?.name ?? tensor.name,
      role: border?.role ?? 'intermediate',
      address: home.address,
      height: tensor.height,
      width: tensor.width,
      channels: tensor.channels,
      pixelPitch: home.pixelPitch,
      rowPitch: tensor.width * home.pixelPitch,
      frames: home.frames,
      frameStep: home.frameStep,
      fraction: tensor.fraction,
      ...(border ? { dims: border.dims, order: border.order } : {}),
    });
  }
  return placements;
}
