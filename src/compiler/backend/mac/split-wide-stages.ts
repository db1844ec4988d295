/**
 * Pass on stages: what no schedule can hold is made smaller. A fused max pool whose windows overlap becomes a stage of its own; then the output is
 * cut into stripes of columns, each a stage on a narrower image. Stages that fit are untouched. Specification: docs/compiler.md, "Stripes".
 */
import { LINE_WORDS, type Machine, mapsWords } from '../../../machine/machine.ts';
import type { Columns, Geometry, MacWork, Stage, StageGraph, VecWork } from '../stages/stage.ts';
import { simplifyGeometry, type View } from '../stages/view.ts';
import { freePlacement } from './evaluate.ts';
import { canPlanMacStage } from './plan.ts';

const MAX_STRIPES = 64;

/** @param kept Stages that stay whole: they are part of a chain. */
export function splitWideStages(graph: StageGraph, machine: Machine, kept: ReadonlySet<number> = new Set()): StageGraph {
  return { ...graph, stages: graph.stages.flatMap((stage, index) => (kept.has(index) ? [stage] : splitStage(graph, stage, machine))) };
}

/** MAC stages that no schedule can hold whole. */
export function findWideStages({ stages }: StageGraph, machine: Machine): Set<number> {
  return new Set(stages.flatMap((stage, index) => (stage.mac && !stage.batched && !fits(stage, machine) ? [index] : [])));
}

/** The stripes of a stage. */
export function stripesOf(graph: StageGraph, stage: Stage, machine: Machine): Stage[] {
  return splitStage(graph, stage, machine).filter(({ mac }) => mac !== undefined);
}

function splitStage(graph: StageGraph, stage: Stage, machine: Machine): Stage[] {
  if (!stage.mac && stage.vec?.op === 'max') return splitPool(stage, stage.vec, machine);
  if (!stage.mac || stage.batched || fits(stage, machine)) return [stage];
  const pool = stage.vec?.op === 'max' ? stage.vec.geometry : undefined;
  if (pool && !isTiling(pool)) return separatePool(stage).flatMap((part) => splitStage(graph, part, machine));
  const most = Math.min(MAX_STRIPES, outputWidth(stage));
  for (let stripes = 2; stripes < 2 * most; stripes *= 2) {
    const parts = cutStripes(stage, Math.min(stripes, most));
    if (parts.every((part) => fits(part, machine))) return parts;
  }
  // Let the scheduler say that it does not fit.
  return pool ? separatePool(stage).flatMap((part) => splitStage(graph, part, machine)) : [stage];
}

/** A pool alone: tiles of a row and slices of a line of channels are the least that it can be cut to. */
function splitPool(stage: Stage, vec: VecWork & { op: 'max' }, machine: Machine): Stage[] {
  const { outWidth } = vec.geometry;
  const words = ({ inHeight, inWidth, kernelH, dilationH, outWidth: width }: Geometry): number =>
    (Math.min(inHeight, (kernelH - 1) * dilationH + 1) * inWidth + width) * LINE_WORDS;
  for (let stripes = 1; stripes < 2 * outWidth && stripes <= MAX_STRIPES; stripes *= 2) {
    const parts = stripes === 1 ? [stage] : cutPool(stage, vec, Math.min(stripes, outWidth));
    if (parts.every((part) => words((part.vec as VecWork & { op: 'max' }).geometry) <= mapsWords(machine))) return parts;
  }
  return [stage];
}

function cutPool(stage: Stage, vec: VecWork & { op: 'max' }, stripes: number): Stage[] {
  const g = vec.geometry;
  return Array.from({ length: stripes }, (_, i): Stage => {
    const output = { first: Math.floor((i * g.outWidth) / stripes), end: Math.floor(((i + 1) * g.outWidth) / stripes) };
    const { input, origin } = inputColumns(g, output);
    const geometry = { ...g, inWidth: input.end - input.first, outWidth: output.end - output.first, padLeft: input.first - origin };
    return { ...stage, name: `${stage.name}#columns${output.first}`, vec: { ...vec, geometry }, columns: { output, input } };
  });
}

/** Columns of the input that a stripe of results reads, and where its first window begins. */
function inputColumns(g: Geometry, results: Columns['output']): { input: Columns['input']; origin: number } {
  const origin = results.first * g.strideW - g.padLeft;
  const reach = (results.end - 1) * g.strideW - g.padLeft + (g.kernelW - 1) * g.dilationW + 1;
  const first = Math.min(Math.max(0, origin), g.inWidth - 1);
  return { input: { first, end: Math.max(first + 1, Math.min(g.inWidth, reach)) }, origin };
}

/** Could the stage be scheduled with the whole machine to itself? */
function fits(stage: Stage, machine: Machine): boolean {
  if (!stage.mac) return true;
  const { work } = simplifyGeometry(stage.mac, false, false);
  const { inHeight, inWidth } = work.geometry;
  const channels = work.inChannels;
  const view: View = {
    tensor: stage.input,
    address: 0,
    height: inHeight,
    width: inWidth,
    channels,
    rowPitch: inWidth * channels,
    pixelPitch: channels,
    rowScale: 1,
    columnScale: 1,
  };
  return canPlanMacStage(stage, work, view, machine, { ...freePlacement(machine), budgetWords: mapsWords(machine) });
}

/** Do the windows of a pool lie side by side, without padding? */
function isTiling(pool: Geometry): boolean {
  return pool.kernelW <= pool.strideW && pool.padLeft === 0 && pool.dilationW === 1;
}

/** The MAC layer alone, and its pool behind it. */
function separatePool(stage: Stage): Stage[] {
  const { vec, table } = stage;
  const first: Stage = { ...stage, output: stage.macOutput, vec: undefined, table: undefined };
  const rest: Stage = {
    ...stage,
    name: `${stage.name}_pool`,
    op: 'maxpool',
    input: stage.macOutput,
    mac: undefined,
    vec,
    table: undefined,
    inputChannelOffset: 0,
  };
  if (!table) return [first, rest];
  // The activation goes in front of the pool again only as a stage of its own behind it.
  return [first, rest, { ...rest, name: `${stage.name}_table`, op: table.table.title, input: stage.output, vec: table }];
}

function outputWidth(stage: Stage): number {
  return stage.vec?.op === 'max' ? stage.vec.geometry.outWidth : stage.mac!.geometry.outWidth;
}

/** Stripes of nearly equal width: a stage each, with the columns of the input that it reads. */
function cutStripes(stage: Stage, stripes: number): Stage[] {
  const width = outputWidth(stage);
  const mac = stage.mac!;
  const g = mac.geometry;
  const pool = stage.vec?.op === 'max' ? stage.vec : undefined;
  return Array.from({ length: stripes }, (_, i): Stage => {
    const output = { first: Math.floor((i * width) / stripes), end: Math.floor(((i + 1) * width) / stripes) };
    // Columns of the MAC result: under a pool, those that its windows cover (the last stripe takes what is left).
    const results = pool
      ? { first: output.first * pool.geometry.strideW, end: i === stripes - 1 ? g.outWidth : output.end * pool.geometry.strideW }
      : output;
    const { input, origin } = inputColumns(g, results);
    const columns: Columns = { output, input };
    const outWidth = results.end - results.first;
    const narrow: MacWork = {
      ...mac,
      geometry: { ...g, inWidth: input.end - input.first, outWidth, padLeft: input.first - origin },
      ...(mac.divisors ? { divisors: { rows: mac.divisors.rows, columns: mac.divisors.columns.slice(results.first, results.end) } } : {}),
    };
    const vec = pool ? { ...pool, geometry: { ...pool.geometry, inWidth: outWidth, outWidth: output.end - output.first } } : stage.vec;
    return { ...stage, name: `${stage.name}#columns${output.first}`, mac: narrow, vec, columns };
  });
}
