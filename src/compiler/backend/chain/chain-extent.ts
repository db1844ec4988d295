/**
 * Which rows and columns of its tensors a chain has on chip: strips of columns, rows that a tile adds, rows of rings. Specification: docs/compiler.md, "Chains".
 *
 * Tensor 0 is the chain's input, tensor k + 1 what pass k makes of tensor k. Passes are links: a body, and a tail if there is one. In step t of the program
 * link p works at tile t − p·lag.
 */

import { leastRingRows } from '../mac/source-walk.ts';
import { inputRows } from '../mac/tile-rows.ts';
import type { MacWork } from '../stages/stage.ts';
import type { PassWork } from './chain.ts';

export interface Range {
  readonly first: number;
  readonly end: number;
}

/** Columns [left, end) of a tensor in its ring; those before `from` were made in the strip before. */
export interface RingColumns {
  readonly left: number;
  readonly from: number;
  readonly end: number;
}

/** A chain on a strip of its image. */
export interface Strip {
  /** Of tensors 0, 1, … */
  readonly rings: readonly RingColumns[];
  /** Columns of the chain's results. */
  readonly output: Range;
  readonly passes: readonly PassWork[];
}

/** Columns from a window's first to its last. */
function spanOf({ geometry: g }: MacWork): number {
  return (g.kernelW - 1) * g.dilationW + 1;
}

/** All convolutions that read a pass's input. */
function readersOf(pass: PassWork): MacWork[] {
  return pass.branches.map(({ work }) => work);
}

/**
 * Strips of nearly equal width. No column is made twice: each strip continues its tensors where the one before ended, farther right the earlier the tensor, and
 * keeps or loads the columns on its left that its windows still need. Undefined where that takes more than the columns of one strip.
 */
export function cutStrips(passes: readonly PassWork[], count: number): Strip[] | undefined {
  const width = passes.at(-1)!.body.geometry.outWidth;
  if (count > width) return undefined;
  // starts[k][s]: first column of tensor k that strip s makes.
  const starts: number[][] = [];
  starts[passes.length] = Array.from({ length: count + 1 }, (_, s) => Math.floor((s * width) / count));
  for (let k = passes.length - 1; k >= 0; k--) {
    const g = passes[k]!.body.geometry;
    const reach = (end: number): number =>
      Math.max(...readersOf(passes[k]!).map((work) => (end - 1) * g.strideW - work.geometry.padLeft + spanOf(work)));
    starts[k] = starts[k + 1]!.map((end, s) => (s === 0 ? 0 : s === count ? g.inWidth : Math.min(g.inWidth, reach(end))));
    for (const m of residualsOf(passes, k)) starts[k] = starts[k]!.map((start, s) => Math.max(start, starts[m + 1]![s]!));
  }
  const strips: Strip[] = [];
  for (let s = 0; s < count; s++) {
    const rings: RingColumns[] = [];
    for (let k = 0; k < passes.length; k++) {
      const lefts = readersOf(passes[k]!).map(({ geometry: g }) => starts[k + 1]![s]! * g.strideW - g.padLeft);
      const left = Math.max(0, Math.min(...lefts, ...residualsOf(passes, k).map((m) => starts[m + 1]![s]!)));
      const [from, end] = [starts[k]![s]!, starts[k]![s + 1]!];
      // Columns that nobody reads, or that come from two strips back.
      if (from >= end || (k > 0 && (left > from || (s > 0 && left < starts[k]![s - 1]!)))) return undefined;
      rings.push({ left: Math.min(left, end - 1), from, end });
    }
    const narrow = (work: MacWork, k: number): MacWork => {
      const [first, end] = [starts[k + 1]![s]!, starts[k + 1]![s + 1]!];
      const g = work.geometry;
      const { left } = rings[k]!;
      const geometry = { ...g, inWidth: rings[k]!.end - left, outWidth: end - first, padLeft: g.padLeft - first * g.strideW + left };
      return { ...work, geometry };
    };
    const works = passes.map((pass, k): PassWork => {
      const branches = pass.branches.map(({ work, channel }) => ({ work: narrow(work, k), channel }));
      const outWidth = starts[k + 1]![s + 1]! - starts[k + 1]![s]!;
      const tail = pass.tail && { ...pass.tail, geometry: { ...pass.tail.geometry, inWidth: outWidth, outWidth } };
      return { ...pass, branches, tail, body: branches[pass.branches.findIndex(({ work }) => work === pass.body)]!.work };
    });
    strips.push({ rings, output: { first: starts[passes.length]![s]!, end: starts[passes.length]![s + 1]! }, passes: works });
  }
  return strips;
}

/** Passes whose results tensor k is added to. */
function residualsOf(passes: readonly PassWork[], k: number): readonly number[] {
  let list: number[] = NONE;
  for (let m = k; m < passes.length; m++) if (passes[m]!.residual?.tensor === k) list = [...list, m];
  return list;
}

const NONE: number[] = [];

/** What each tile adds: needed[k][t], rows of tensor k; the last are those of the results. */
export function tileRanges(passes: readonly PassWork[], tileRows: number): Range[][] {
  const { outHeight } = passes.at(-1)!.body.geometry;
  const needed: Range[][] = [];
  needed[passes.length] = Array.from({ length: Math.ceil(outHeight / tileRows) }, (_, t) => ({
    first: t * tileRows,
    end: Math.min(outHeight, (t + 1) * tileRows),
  }));
  for (let k = passes.length - 1; k >= 0; k--) {
    const others = residualsOf(passes, k);
    let done = 0;
    needed[k] = needed[k + 1]!.map((made, t) => {
      if (made.end === made.first && others.length === 0) return { first: done, end: done };
      const reach = inputRows(passes[k]!.body, made.first, made.end);
      // Rows of the chain's input that nobody reads stay where they are.
      const first = k === 0 && others.length === 0 ? Math.max(done, reach.first) : done;
      done = Math.max(done, reach.end, ...others.map((m) => needed[m + 1]![t]!.end));
      return { first, end: done };
    });
  }
  return needed;
}

/** Rows of the ring of tensor k: from the first that a link reads to the last that is made, or loaded a tile ahead, by then. */
export function ringRows(passes: readonly PassWork[], needed: readonly Range[][], k: number, lag: number): number {
  const bodies: number[] = [];
  const lasts: number[] = [];
  let next = 0;
  for (const { tail } of passes) {
    bodies.push(next * lag);
    next += tail ? 2 : 1;
    lasts.push((next - 1) * lag);
  }
  const maker = k === 0 ? -1 : lasts[k - 1]!;
  const rows = needed[k]!;
  const others = residualsOf(passes, k);
  const { body } = passes[k]!;
  let most = leastRingRows(body.geometry);
  const read = (t: number, first: number, link: number): void => {
    most = Math.max(most, rows[Math.min(rows.length - 1, t + link - maker)]!.end - first);
  };
  rows.forEach((_, t) => {
    const made = needed[k + 1]![t]!;
    if (made.end > made.first) read(t, inputRows(body, made.first, made.end).first, bodies[k]!);
    // The vector unit adds after the link, while the next rows come.
    for (const m of others) read(t, needed[m + 1]![t]!.first, lasts[m]! + lag);
  });
  return Math.min(body.geometry.inHeight, most);
}
