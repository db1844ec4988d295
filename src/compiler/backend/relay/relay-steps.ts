/**
 * The order of a relay: in which steps rows are made, which pixels of a step every CU makes, and what it reads for them.
 * Specification: docs/compiler.md, "Relays".
 */
import type { LinkPlan } from '../chain/chain.ts';
import { inputRows } from '../mac/tile-rows.ts';
import { type Geometry, isPoint } from '../stages/stage.ts';
import type { RelayGraph, RelayMember } from './relay.ts';

/** A step whose input comes from DRAM begins with so many parts of every CU's pixels, so that computation starts when the first are there. */
export const FIRST_PARTS = 4;
/** The last block of a relay ends with so many parts, so that what others read is stored while the rest is made. */
export const LAST_PARTS = 4;

/** Raster pixels [from, to). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Columns [left, right) of a map. */
export interface Columns {
  readonly left: number;
  readonly right: number;
}

/** Rows [first, end). */
export interface Rows {
  readonly first: number;
  readonly end: number;
}

/** Rows of a member's result, made at a time. Steps of one slot do not wait for each other, but for those of `lag` members in it. */
export interface RelayStep extends Rows {
  readonly member: number;
  readonly slot: number;
  /** Where every CU has rows of its own: these (then the step's are those of the first CU). */
  readonly byCu?: readonly Rows[];
}

/**
 * Members that make the largest maps, or read them, and those that make what these read. None where all others cannot follow behind them.
 */
export function findLarge({ members, buffers }: RelayGraph): Set<number> {
  const pixelsOf = (b: number): number => buffers[b]!.height * buffers[b]!.width;
  const touched = members.map(({ input, other, destinations }) => [
    input.buffer,
    ...(other ? [other.buffer] : []),
    ...destinations.map(({ buffer }) => buffer),
  ]);
  const most = Math.max(...touched.flat().map(pixelsOf));
  const large = new Set<number>();
  const wanted = new Set<number>();
  for (let m = members.length - 1; m >= 0; m--) {
    const { input, other, destinations } = members[m]!;
    if (!touched[m]!.some((b) => pixelsOf(b) === most) && !destinations.some(({ buffer }) => wanted.has(buffer))) continue;
    large.add(m);
    wanted.add(input.buffer);
    if (other) wanted.add(other.buffer);
  }
  return large;
}

/** How many members in a row hand on to every one of them at most. */
export function depthsOf({ members }: RelayGraph): number[] {
  const depths = new Map<number, number>();
  return members.map(({ input, other, destinations }) => {
    const depth = 1 + Math.max(depths.get(input.buffer) ?? -1, other ? (depths.get(other.buffer) ?? -1) : -1);
    for (const { buffer } of destinations) depths.set(buffer, Math.max(depths.get(buffer) ?? -1, depth));
    return depth;
  });
}

/** In the order in which they are made: slot by slot, those of a slot one behind the other. */
export function sortSteps(steps: readonly RelayStep[], depths: readonly number[], lag: number): RelayStep[] {
  const phase = ({ member }: RelayStep): number => depths[member]! % lag;
  return [...steps].sort((a, b) => a.slot - b.slot || phase(a) - phase(b) || a.member - b.member);
}

/**
 * Rows of every member's result tile by tile, as far as the tile needs them: a member's step is a slot behind those of its makers, or every `lag` members in a row
 * share one, which takes less room.
 */
export function orderSteps(graph: RelayGraph, tileRows: number, lag: number): RelayStep[] {
  const { members } = graph;
  const makers = new Map<number, number[]>();
  const depths = depthsOf(graph);
  members.forEach(({ destinations }, m) => {
    for (const { buffer } of destinations) makers.set(buffer, [...(makers.get(buffer) ?? []), m]);
  });
  const done = members.map(() => 0);
  const last = members.at(-1)!;
  const tiles = Math.ceil(last.height / tileRows);
  const steps: RelayStep[] = [];
  for (let t = 0; t < tiles; t++) {
    const need = members.map(({ height }) => Math.ceil((height * (t + 1)) / tiles));
    const isNeeded = members.map(() => false);
    need[members.length - 1] = Math.min(last.height, (t + 1) * tileRows);
    for (let m = members.length - 1; m >= 0; m--) {
      const { input, other } = members[m]!;
      const window = windowOf(members[m]!);
      const end = need[m]!;
      const ask = (buffer: number, rows: number): void => {
        for (const maker of makers.get(buffer) ?? []) {
          if (maker >= m) continue;
          need[maker] = isNeeded[maker] ? Math.max(need[maker]!, rows) : rows;
          isNeeded[maker] = true;
        }
      };
      ask(input.buffer, window ? inputRows(window, 0, end).end : end);
      if (other) ask(other.buffer, other.isPixel ? 1 : end);
    }
    members.forEach((member, m) => {
      // Rows that nobody needs are made with the last tile.
      const end = t === tiles - 1 ? member.height : Math.max(done[m]!, need[m]!);
      if (end > done[m]!) steps.push({ member: m, first: done[m]!, end, slot: tiles > 1 ? t + Math.floor(depths[m]! / lag) : m });
      done[m] = end;
    });
  }
  return tiles > 1 ? sortSteps(steps, depths, lag) : steps;
}

/** Are rows made by all others when a member stores what these have made? */
export function isInOrder({ members, buffers }: RelayGraph, steps: readonly RelayStep[]): boolean {
  if (buffers.every(({ gatherer }) => gatherer === undefined)) return true;
  const done = members.map(() => 0);
  return steps.every(({ member, end }) => {
    done[member] = end;
    return buffers.every(({ gatherer }, b) => {
      const isBehind = (maker: RelayMember, m: number): boolean => done[m]! < end && maker.destinations.some(({ buffer }) => buffer === b);
      return gatherer !== member || !members.some(isBehind);
    });
  });
}

/** Columns of a map that a CU makes, where every CU has columns of its own. */
export function ownColumns(width: number, cu: number, cus: number): Columns {
  return { left: beginOf(cu, width, cus), right: beginOf(cu + 1, width, cus) };
}

/** Where a CU's part of so many begins. */
function beginOf(cu: number, count: number, cus: number): number {
  return Math.round((count * cu) / cus);
}

/** Pixels of a step that a CU makes: its part of them, or all where the channels are split over the CUs. */
export function shareOf(
  { first, end, byCu }: RelayStep,
  { width, isCutAtRows }: RelayMember,
  cu: number,
  cus: number,
  hasColumns: boolean,
): Span {
  if (byCu) return { from: byCu[cu]!.first * width, to: byCu[cu]!.end * width };
  const grain = isCutAtRows ? width : 1;
  const units = ((end - first) * width) / grain;
  if (!hasColumns)
    return { from: first * width + beginOf(cu, units, cus) * grain, to: first * width + beginOf(cu + 1, units, cus) * grain };
  // Rows, of which the CU has its columns.
  const { left, right } = ownColumns(width, cu, cus);
  return { from: first * width, to: (left < right ? end : first) * width };
}

export function spanOf(
  step: RelayStep,
  member: RelayMember,
  link: LinkPlan | undefined,
  cu: number,
  cus: number,
  hasColumns: boolean,
): Span {
  return link && link.slots > 1
    ? { from: step.first * member.width, to: step.end * member.width }
    : shareOf(step, member, cu, cus, hasColumns);
}

/** Pixels cut between rows into so many parts, or as many as there are rows. */
export function cutRows({ from, to }: Span, width: number, count: number): Span[] {
  const rows = Math.ceil((to - from) / width);
  const parts = Math.min(rows, count);
  const cut = (i: number): number =>
    i === parts ? to : i === 0 ? from : (Math.floor(from / width) + Math.round((rows * i) / parts)) * width;
  return Array.from({ length: parts }, (_, i) => ({ from: cut(i), to: cut(i + 1) })).filter((part) => part.to > part.from);
}

/** Windows that a member looks through: of its MACs, or of a max pool. */
export function windowOf({ work, stage }: RelayMember): { readonly geometry: Geometry } | undefined {
  return work ?? (stage.vec?.op === 'max' ? stage.vec : undefined);
}

/** Pixels of its input that a member reads for some of its results. */
export function inputSpan(member: RelayMember, { from, to }: Span): Span {
  const window = windowOf(member);
  if (!window || isPixelwise(window)) return { from, to };
  const { inWidth, outWidth } = window.geometry;
  const rows = inputRows(window, Math.floor(from / outWidth), Math.floor((to - 1) / outWidth) + 1);
  return { from: rows.first * inWidth, to: rows.end * inWidth };
}

/** Columns of its input that a member reads for some of its results. */
export function inputColumns(member: RelayMember, { left, right }: Columns): Columns {
  const window = windowOf(member);
  if (!window || isPixelwise(window)) return { left, right };
  const { strideW, padLeft, kernelW, dilationW, inWidth } = window.geometry;
  const clip = (x: number): number => Math.min(Math.max(x, 0), inWidth);
  return { left: clip(left * strideW - padLeft), right: clip((right - 1) * strideW - padLeft + (kernelW - 1) * dilationW + 1) };
}

export function isPixelwise({ geometry: g }: { readonly geometry: Geometry }): boolean {
  return isPoint(g) && g.inWidth === g.outWidth && g.outHeight <= g.inHeight;
}
