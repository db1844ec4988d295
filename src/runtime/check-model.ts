/**
 * What will run where, and how fast, without running it: every node of a network accelerated, folded, on the host or refused, each with how or why;
 * parts, transfers and predicted rates. Specification: docs/compiler.md (placement).
 */
import { type HostPart, makeHostPart } from '../compiler/frontend/host-part.ts';
import type { Placement } from '../compiler/frontend/lower-graph.ts';
import type { Graph } from '../graph/graph.ts';
import type { BorderValue } from '../graph/integer-graph.ts';
import { countElements } from '../graph/tensor.ts';
import { RECURRENT } from '../graph/time-first.ts';
import { XC7Z045 } from '../machine/machine.ts';
import type { LayerInfo } from '../program/program.ts';
import { InputError } from '../util/errors.ts';
import { type CompiledModel, type CompiledPart, type CompileModelOptions, compileModel } from './compile-model.ts';
import { createHostRunner } from './host.ts';
import { predictProgram } from './predict-program.ts';

/** One node of the model. */
export interface CheckedNode {
  readonly node: string;
  readonly op: string;
  /** `folded`: gone before anything runs, or part of another node's layer. */
  readonly where: 'accelerated' | 'folded' | 'host' | 'refused';
  /** What the accelerator makes of it, what it is folded or fused into, or why it is on the host or refused. */
  readonly how: string;
  /** The recurrent node that it was written out from, which is not listed itself. */
  readonly of?: string;
  /** Index of its part. */
  readonly part?: number;
  readonly macs: number;
  /** Lanes of a vMAC that work on one output, where it multiplies. */
  readonly lanes?: number;
  /** The schedule chosen, for people. */
  readonly schedule?: string;
  readonly predictedCycles?: number;
  /** Estimated seconds a frame on the host. */
  readonly hostSeconds?: number;
  /** What to do about a refusal. */
  readonly remedy?: string;
}

/** What runs on one side without a word from the other; figures a frame. */
export interface CheckedPart {
  readonly where: 'accelerator' | 'host';
  readonly nodes: number;
  readonly macs: number;
  /** Values that cross into or out of the accelerator here, and their elements; none for the host. */
  readonly transfers: number;
  readonly transferElements: number;
  /** Predicted on the accelerator, estimated on the host. */
  readonly seconds: number;
}

export interface ModelCheck {
  readonly name: string;
  readonly machine: string;
  readonly nodes: readonly CheckedNode[];
  readonly parts: readonly CheckedPart[];
  readonly totals: {
    readonly nodes: Readonly<Record<CheckedNode['where'], number>>;
    readonly macs: number;
    readonly acceleratedMacs: number;
    /** 0 to 1; 1 for a network without multiplications that the accelerator runs. */
    readonly acceleratedShare: number;
    /** Values between host and accelerator, inputs and outputs of the model included. */
    readonly transfers: number;
    readonly transferElements: number;
    /** Of the accelerator's parts: frames a second, 10⁹ bytes a second, and seconds a frame. */
    readonly predictedFps: number | null;
    readonly predictedGbps: number | null;
    readonly acceleratorSeconds: number;
    /** Estimate for the host's parts, a frame. */
    readonly hostSeconds: number;
  };
}

/** Options that matter without numbers. */
export type CheckOptions = Pick<CompileModelOptions, 'machine' | 'frames' | 'scope' | 'name' | 'allowHost' | 'samples'>;

interface Refusal {
  readonly why: string;
  readonly remedy: string;
}

/**
 * Places and schedules a network; nothing is simulated. Values are calibrated as for a run, because a table that would be too coarse for them goes to the
 * host; where that is not possible (random integers make no sense, a node is unknown) and no samples are given, ranges are assumed.
 * @throws InputError when the model is not usable; nodes that can run nowhere are listed in the result
 */
export async function checkModel(graph: Graph, { allowHost = true, ...options }: CheckOptions = {}): Promise<ModelCheck> {
  const model = await compileToCheck(graph, options);
  const refusals = new Map<string, Refusal>();
  for (const part of model.parts) if (part.where === 'host') await findRefusals(part.host, allowHost, refusals);
  const layers = new Map<string, LayerInfo>(
    model.programs.flatMap((program) => program.layers.flatMap((layer) => layer.nodes.map((node) => [node, layer] as const))).reverse(),
  );
  const listed = new Set(model.lowered.placement.map(({ node }) => node));
  const recurrent = model.graph.nodes.filter(({ op, name }) => RECURRENT.has(op) && !listed.has(name)).map(({ name }) => name);
  const nodes = model.lowered.placement.map((placement): CheckedNode => {
    const of = recurrent.find((name) => placement.node.startsWith(`${name}/`));
    return { ...checkNode(placement, layers, options.frames ?? 1, refusals), ...(of === undefined ? {} : { of }) };
  });
  const parts = model.parts.map((part, index) =>
    checkPart(
      part,
      nodes.filter((node) => node.part === index),
    ),
  );
  return {
    name: model.name,
    machine: (options.machine ?? XC7Z045).name,
    nodes,
    parts,
    totals: sumUp(model, nodes, parts),
  };
}

/** Calibrated, or, where ONNX Runtime can't run the model on random values, with assumed ranges. */
async function compileToCheck(graph: Graph, options: CheckOptions): Promise<CompiledModel> {
  try {
    return await compileModel(graph, options);
  } catch (error) {
    if (!(error instanceof InputError) || options.samples) throw error;
    return await compileModel(graph, { ...options, assumeRanges: true });
  }
}

/** Nodes of a host part that ONNX Runtime can not run either, or all where the host is ruled out. */
async function findRefusals(host: HostPart, allowHost: boolean, refusals: Map<string, Refusal>): Promise<void> {
  if (!allowHost) {
    const remedy = 'allow the host, or replace the operator (docs/compiler.md lists what the accelerator runs)';
    for (const node of host.nodes) refusals.set(node, { why: 'the host was ruled out', remedy });
    return;
  }
  if ((await failureOf(host)) === undefined) return;
  for (const { name } of host.graph.nodes) {
    const why = await failureOf(makeHostPart(host.graph, name, new Map([[name, '']])));
    if (why !== undefined) refusals.set(name, { why, remedy: 'replace the operator, or its type, in the model' });
  }
}

async function failureOf(host: HostPart): Promise<string | undefined> {
  try {
    await (await createHostRunner(host)).release();
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

function checkNode(
  { node, op, where, how, part, macs, hostSeconds, layer }: Placement,
  layers: ReadonlyMap<string, LayerInfo>,
  frames: number,
  refusals: ReadonlyMap<string, Refusal>,
): CheckedNode {
  const base = { node, op, macs, ...(part === undefined ? {} : { part }) };
  const refusal = refusals.get(node);
  if (refusal) return { ...base, where: 'refused', how: `${how}; ${refusal.why}`, remedy: refusal.remedy };
  if (where === 'host') return { ...base, where, how, hostSeconds };
  // A layer that was folded into another one's stage, or a node folded into a layer that was.
  const stage = layers.get(node) ?? (layer === undefined ? undefined : layers.get(layer));
  if (!stage) return { ...base, where: 'folded', how: layer === node ? `${how}: its operands are stored into their places` : how };
  if (stage.nodes[0] !== node) return { ...base, where: 'folded', how: `into "${stage.nodes[0]}"` };
  const fused = stage.nodes.slice(1);
  return {
    ...base,
    where: 'accelerated',
    how: fused.length > 0 ? `${stage.op}, with ${fused.map((name) => `"${name}"`).join(', ')}` : stage.op,
    ...(stage.lanesPerOutput > 0 ? { lanes: stage.lanesPerOutput } : {}),
    schedule: stage.schedule,
    predictedCycles: stage.predictedCycles / frames,
  };
}

function checkPart(part: CompiledPart, nodes: readonly CheckedNode[]): CheckedPart {
  const base = { nodes: nodes.length, macs: nodes.reduce((sum, node) => sum + node.macs, 0) };
  if (part.where === 'host') {
    return {
      ...base,
      where: 'host',
      transfers: 0,
      transferElements: 0,
      seconds: nodes.reduce((sum, node) => sum + (node.hostSeconds ?? 0), 0),
    };
  }
  const borders: BorderValue[] = [...part.integerGraph.inputs, ...part.integerGraph.outputs];
  const { program } = part;
  return {
    ...base,
    where: 'accelerator',
    transfers: borders.length,
    transferElements: borders.reduce((sum, border) => sum + countElements(border.dims), 0),
    seconds: predictProgram(program).cycles / program.frames / program.machine.clockHz,
  };
}

function sumUp(model: CompiledModel, nodes: readonly CheckedNode[], parts: readonly CheckedPart[]): ModelCheck['totals'] {
  const count = (where: CheckedNode['where']): number => nodes.filter((node) => node.where === where).length;
  const sum = (value: (part: CheckedPart) => number): number => parts.reduce((total, part) => total + value(part), 0);
  const macs = sum((part) => part.macs);
  const acceleratedMacs = sum((part) => (part.where === 'accelerator' ? part.macs : 0));
  const acceleratorSeconds = sum((part) => (part.where === 'accelerator' ? part.seconds : 0));
  const bytes = model.programs.reduce((total, program) => {
    const { dramReadBytes, dramWriteBytes } = predictProgram(program);
    return total + (dramReadBytes + dramWriteBytes) / program.frames;
  }, 0);
  return {
    nodes: { accelerated: count('accelerated'), folded: count('folded'), host: count('host'), refused: count('refused') },
    macs,
    acceleratedMacs,
    acceleratedShare: macs > 0 ? acceleratedMacs / macs : parts.some((part) => part.where === 'accelerator') ? 1 : 0,
    transfers: sum((part) => part.transfers),
    transferElements: sum((part) => part.transferElements),
    predictedFps: acceleratorSeconds > 0 ? 1 / acceleratorSeconds : null,
    predictedGbps: acceleratorSeconds > 0 ? bytes / acceleratorSeconds / 1e9 : null,
    acceleratorSeconds,
    hostSeconds: sum((part) => (part.where === 'host' ? part.seconds : 0)),
  };
}
