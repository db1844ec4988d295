/**
 * The back end from integer graph to program, as a list of steps. Specification: docs/compiler.md.
 * Same graph, machine and options give the same bytes.
 */
import type { BorderValue, IntegerGraph } from '../../graph/integer-graph.ts';
import type { Descriptor } from '../../isa/fields.ts';
import { InstructionWriter } from '../../isa/instruction-writer.ts';
import type { Machine } from '../../machine/machine.ts';
import type { LayerInfo, Program, Segment, SourceSpan, TensorPlacement } from '../../program/program.ts';
import { EqualWords } from '../../util/equal-words.ts';
import { InputError } from '../../util/errors.ts';
import { cellInside } from './cell/cell-plan.ts';
import { insideOf } from './chain/fusion.ts';
import { emitBand } from './emit/emit-band.ts';
import { emitCell } from './emit/emit-cell.ts';
import { emitChain } from './emit/emit-chain.ts';
import { EmitContext } from './emit/emit-context.ts';
import { emitFlow } from './emit/emit-flow.ts';
import { countMacItems, emitMacStage } from './emit/emit-mac.ts';
import { emitRelay } from './emit/emit-relay.ts';
import { emitSliceChain } from './emit/emit-slice-chain.ts';
import { emitVecStage } from './emit/emit-vec-stage.ts';
import type { LinkConstants } from './emit/link-task.ts';
import { checkActivationWeights } from './emit/load-activations.ts';
import { flowInside } from './flow/flow-plan.ts';
import { DramAccesses, type DramLayout, layOutTensors, viewTensor } from './layout/dram-layout.ts';
import { packTable } from './layout/table-image.ts';
import { describePlan } from './mac/plan.ts';
import { type PackedWeights, packWeights } from './mac/weights-image.ts';
import { predictLayers } from './predict/predict-layers.ts';
import { relayInside } from './relay/relay-plan.ts';
import { scheduleGraph } from './schedule/schedule-graph.ts';
import type { ScheduledCell, ScheduledChain, ScheduledFlow, ScheduledRelay, ScheduledStage, Step } from './schedule/step.ts';
import { arrangeStores } from './stages/arrange-stores.ts';
import { buildStages } from './stages/build-stages.ts';
import { composeMoves } from './stages/compose-moves.ts';
import { interleaveSequences } from './stages/interleave-sequences.ts';
import { poolBranches } from './stages/pool-branches.ts';
import { splitSlices } from './stages/split-slices.ts';
import { countMacs, type StageGraph } from './stages/stage.ts';
import { standSequences } from './stages/stand-sequences.ts';
import { orderTasks } from './tasks/order.ts';
import { assignTokens } from './tasks/sync.ts';
import { type Task, TaskList } from './tasks/task.ts';

export interface CompileOptions {
  /** Frames that one run computes (default 1). Layers on flat tensors run once for all frames. */
  readonly frames?: number;
  readonly name?: string;
  readonly progress?: (done: number, total: number, what: string) => void;
}

/** Loads of one unit that may be dispatched ahead of their first use: a little less than its queue. */
const PREFETCH_MARGIN = 4;
const ALIGN_WORDS = 64;

/** A scheduled stage with its constants in DRAM. */
interface LoadedStage {
  readonly scheduled: ScheduledStage;
  readonly weights: PackedWeights | undefined;
  readonly weightsAddress: number;
  readonly tableAddress: number;
}

/** Compile an integer graph for a machine. Throws InputError where the machine cannot hold a layer or the memory. */
export function compileGraph(source: IntegerGraph, machine: Machine, options: CompileOptions = {}): Program {
  const graph = arrangeStores(standSequences(splitSlices(composeMoves(poolBranches(interleaveSequences(source))))));
  const frames = options.frames ?? 1;
  options.progress?.(0, 3, 'schedule');
  const { stages, layout, steps } = scheduleGraph(buildStages(graph), machine, frames, (list) => layOutTensors(graph, list, frames));
  const segments: Segment[] = [];
  let next = layout.end;
  const addresses = new EqualWords<number>();
  // Equal constants are one (the weights of a recurrent layer, one for every position): what is on chip already need not be loaded again.
  const place = (name: string, words: Int16Array): number =>
    addresses.valueOf(words, () => {
      const address = next;
      segments.push({ name, address, words });
      next += Math.ceil(words.length / ALIGN_WORDS) * ALIGN_WORDS;
      return address;
    });
  checkActivationWeights(stages, layout);
  for (const [id, words] of stages.constants) {
    const home = layout.homes.get(id);
    if (!home) continue;
    const name = stages.tensors[id]!.name;
    for (let frame = 0; frame < home.frames; frame++) segments.push({ name, address: home.address + frame * home.frameStep, words });
  }
  for (const [id, { word, gaps }] of stages.fills) {
    const home = layout.homes.get(id);
    for (let frame = 0; home && frame < home.frames; frame++) {
      const address = home.address + frame * home.frameStep;
      const name = `${stages.tensors[id]!.name} fill`;
      for (const { first, end } of gaps) segments.push({ name, address: address + first, words: new Int16Array(end - first).fill(word) });
    }
  }
  const onChip = new Set(steps.flatMap((step) => tensorsOnChip(step, layout)));
  options.progress?.(1, 3, 'weights');
  const loaded = new Map<number, LoadedStage>();
  for (const scheduled of steps.flatMap(stagesOfStep)) loaded.set(scheduled.index, loadConstants(scheduled, place));
  const company = new Map(
    steps.flatMap(({ flow, chain, relay }) => {
      const [name, step] = flow ? ['flow', flow] : relay ? ['relay', relay] : [chain?.fusion.kind === 'bands' ? 'band' : 'chain', chain];
      return (step?.links ?? []).map(({ index }) => [index, name] as const);
    }),
  );
  options.progress?.(2, 3, 'code');
  const order = emitTasks(steps, loaded, new EmitContext(machine, stages, layout, new TaskList(), new DramAccesses()), frames);
  const tokens = assignTokens(order);

  const writer = new InstructionWriter();
  const sourceMap: SourceSpan[] = [];
  const written = new Int32Array(order.length);
  let first = 0;
  order.forEach((task, i) => {
    writer.go(task.unit, { ...task.descriptor, ...tokens[i]! } as Descriptor<'LDM'>);
    const end = writer.length;
    written[i] = end;
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
  const predicted = predictLayers(order, written, machine, stages.stages.length);
  return {
    name: options.name ?? graph.name,
    machine,
    frames,
    codeAddress,
    instructions,
    segments,
    tensors: placeTensors(graph, stages, layout, onChip),
    layers: stages.stages.map((_, index) => layerInfo(loaded.get(index)!, predicted[index]!, company.get(index))),
    sourceMap,
    dramWords,
  };
}

function loadConstants(scheduled: ScheduledStage, place: (name: string, words: Int16Array) => number): LoadedStage {
  const { stage, work, plan } = scheduled;
  const table = stage.vec?.op === 'table' ? stage.vec : stage.table;
  const tableAddress = table ? place(`${stage.name} table`, packTable(table)) : 0;
  const layout = plan ?? scheduled.link;
  const weights = work && layout ? packWeights(work, layout) : undefined;
  return { scheduled, weights, weightsAddress: weights ? place(`${stage.name} weights`, weights.words) : 0, tableAddress };
}

/** Tasks of all stages and frames in program order: stages of one frame run for every frame in turn, batched stages once. */
function emitTasks(steps: readonly Step[], loaded: ReadonlyMap<number, LoadedStage>, context: EmitContext, frames: number): Task[] {
  for (let from = 0; from < steps.length; ) {
    const { batched } = steps[from]!.main.stage;
    let to = from + 1;
    while (to < steps.length && steps[to]!.main.stage.batched === batched) to++;
    for (let frame = 0; frame < (batched ? 1 : frames); frame++) {
      for (let at = from; at < to; at++) emitStep(context, steps[at]!, loaded, batched ? -1 : frame);
    }
    from = to;
  }
  return orderTasks(context.list.tasks, Math.max(2, context.machine.queueDepth - PREFETCH_MARGIN));
}

/** All stages of a step, in order of computation. */
function stagesOfStep({ main, companions, chain, flow, cell, relay }: Step): ScheduledStage[] {
  const links = (relay ?? flow ?? cell ?? chain)?.links;
  return links ? [...links] : [main, ...companions];
}

/** Tensors (whole ones, not their slices) that a step makes and that never go to DRAM. */
function tensorsOnChip({ main, chain, flow, cell, relay }: Step, layout: DramLayout): number[] {
  if (cell) return cellInside(cell.plan, layout);
  if (relay) return relayInside(relay.plan);
  if (flow) return [...flowInside(flow.plan)];
  if (chain) {
    const inside = insideOf(chain.fusion);
    return chain.links.filter(({ index }) => inside.includes(index)).map(({ stage }) => layout.homes.get(stage.output)!.root);
  }
  return main.residentOutput ? [main.residentOutput.root] : [];
}

function emitChainStep(
  context: EmitContext,
  chain: ScheduledChain,
  loaded: ReadonlyMap<number, LoadedStage>,
  frame: number,
): Generator<void> {
  const constants = ({ index }: ScheduledStage): LinkConstants => {
    const { weights, weightsAddress } = loaded.get(index)!;
    return { layer: index, weights: weights!, address: weightsAddress };
  };
  const { fusion, links } = chain;
  if (fusion.kind === 'bands') {
    const loadedLinks = links.map(({ index }) => {
      const { weights, weightsAddress, tableAddress } = loaded.get(index)!;
      return { layer: index, ...(weights ? { weights } : {}), address: weightsAddress, tableAddress };
    });
    return emitBand(context, { plan: fusion.plan, base: links[0]!.bases[0]!, frame, constants: loadedLinks });
  }
  const [first, last] = [links[0]!, links.at(-1)!];
  const views = { frame, input: first.inputView(frame), output: last.outputView(frame), bases: last.bases };
  if (fusion.kind === 'slices') {
    const { plan, work } = fusion;
    const [head, body, tail] = links.map(constants);
    return emitSliceChain(context, { work, plan, head: head!, body: body!, tail, other: last.otherView(frame), ...views });
  }
  const { plan, work } = fusion;
  // The last stage of every pass but the last makes a tensor inside the chain.
  let next = 0;
  const inner = work.passes.slice(0, -1).map(({ branches, tail }) => {
    next += branches.length + (tail ? 1 : 0);
    return links[next - 1]!.outputView(frame);
  });
  const others = { other: last.otherView(frame), headOther: first.otherView(frame) };
  return emitChain(context, { work, plan, constants: links.map(constants), inner, ...others, ...views });
}

function emitFlowStep(
  context: EmitContext,
  { plan, base, links }: ScheduledFlow,
  loaded: ReadonlyMap<number, LoadedStage>,
  frame: number,
): Generator<void> {
  const constants = links.map(({ index, outputView }) => {
    const { weights, weightsAddress, tableAddress } = loaded.get(index)!;
    return { layer: index, ...(weights ? { weights } : {}), address: weightsAddress, tableAddress, output: outputView(frame) };
  });
  return emitFlow(context, { plan, base, frame, constants });
}

function emitCellStep(
  context: EmitContext,
  { plan, base, links }: ScheduledCell,
  loaded: ReadonlyMap<number, LoadedStage>,
): Generator<void> {
  const constants = links.map(({ index, outputView }) => {
    const { weights, weightsAddress, tableAddress } = loaded.get(index)!;
    return { layer: index, ...(weights ? { weights } : {}), address: weightsAddress, tableAddress, output: outputView(0) };
  });
  return emitCell(context, { plan, base, constants });
}

function emitRelayStep(
  context: EmitContext,
  { plan, base }: ScheduledRelay,
  loaded: ReadonlyMap<number, LoadedStage>,
  frame: number,
): Generator<void> {
  const constants = plan.graph.members.map(({ index }) => {
    const { weights, weightsAddress, tableAddress } = loaded.get(index)!;
    return { layer: index, ...(weights ? { weights } : {}), address: weightsAddress, tableAddress };
  });
  return emitRelay(context, { plan, base, frame, constants });
}

/** A stage with its companions' items spread evenly over its own. */
function emitStep(context: EmitContext, step: Step, loaded: ReadonlyMap<number, LoadedStage>, frame: number): void {
  const { main } = step;
  if (step.relay) {
    for (const _ of emitRelayStep(context, step.relay, loaded, frame));
    return;
  }
  if (step.flow) {
    for (const _ of emitFlowStep(context, step.flow, loaded, frame));
    return;
  }
  if (step.cell) {
    for (const _ of emitCellStep(context, step.cell, loaded));
    return;
  }
  if (step.chain) {
    for (const _ of emitChainStep(context, step.chain, loaded, frame));
    return;
  }
  const items = main.work && main.plan ? countMacItems(main.work, main.plan) : 1;
  const companions = step.companions.map((companion) => ({
    items: emitStage(context, loaded.get(companion.index)!, frame),
    share: companion.vecPlan!.items / items,
    due: 0,
  }));
  for (const _ of emitStage(context, loaded.get(main.index)!, frame)) {
    for (const companion of companions) {
      for (companion.due += companion.share; companion.due >= 1; companion.due--) companion.items.next();
    }
  }
  for (const companion of companions) for (const _ of companion.items);
}

function emitStage(context: EmitContext, loaded: LoadedStage, frame: number): Generator<void> {
  const { scheduled, weights, weightsAddress, tableAddress } = loaded;
  const at = Math.max(0, frame);
  const views = { input: scheduled.inputView(at), output: scheduled.outputView(at), other: scheduled.otherView(at) };
  const { work, plan, vecPlan } = scheduled;
  if (work && plan && weights) {
    const { weights: tensor } = scheduled.stage;
    const activations = tensor === undefined ? undefined : viewTensor(context.stages, context.layout, tensor, at);
    return emitMacStage(context, { scheduled, work, plan, weights, weightsAddress, tableAddress, frame, activations, ...views });
  }
  const { stage, index, bases } = scheduled;
  return emitVecStage(context, { stage, vec: stage.vec!, plan: vecPlan!, bases, tableAddress, layer: index, frame, ...views });
}

function layerInfo(loaded: LoadedStage, predictedCycles: number, company: string | undefined): LayerInfo {
  const { stage, plan, work, link, residentInput, residentOutput } = loaded.scheduled;
  const alone = company ? `vector units only, in a ${company}` : 'vector units only';
  const chip = [residentInput ? 'input on chip' : '', residentOutput ? 'output on chip' : ''].filter((text) => text !== '');
  return {
    name: stage.name,
    op: stage.op,
    nodes: stage.nodes,
    lanesPerOutput: (plan ?? link)?.lanes ?? 0,
    macs: stage.mac ? countMacs(stage.mac) : 0,
    weightBytes: loaded.weights ? loaded.weights.words.byteLength : 0,
    schedule: plan && work ? [describePlan(plan, work), ...chip].join(', ') : link ? `g ${link.lanes}, in a ${company}` : alone,
    predictedCycles: Math.round(predictedCycles),
  };
}

/** Tensors in DRAM: all but those that never leave the chip. */
function placeTensors(graph: IntegerGraph, stages: StageGraph, layout: DramLayout, onChip: ReadonlySet<number>): TensorPlacement[] {
  const borders = new Map<number, BorderValue & { role: 'input' | 'output' }>();
  for (const value of graph.inputs) borders.set(value.tensor, { ...value, role: 'input' });
  for (const value of graph.outputs) borders.set(value.tensor, { ...value, role: 'output' });
  const placements: TensorPlacement[] = [];
  for (const [id, home] of layout.homes) {
    if (onChip.has(home.root) || onChip.has(id) || stages.virtual.has(id)) continue;
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
      rowPitch: home.rowPitch,
      frames: home.frames,
      frameStep: home.frameStep,
      fraction: tensor.fraction,
      ...(border ? { dims: border.dims, order: border.order } : {}),
    });
  }
  return placements;
}
