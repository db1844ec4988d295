/**
 * Parts of a relay in which every CU has rows of its own, a quarter of each map, tile by tile: what it reads it made itself, the rows of a window at the seams too (of two CUs
 * both make them), so that nothing passes the result bus and maps lie as whole ones do. Specification: docs/compiler.md, "Relays".
 */
import { inputRows } from '../mac/tile-rows.ts';
import type { RelayGraph, RelayMember } from './relay.ts';
import type { RelayPart } from './relay-parts.ts';
import { depthsOf, type RelayStep, type Rows, sortSteps, windowOf } from './relay-steps.ts';

/** Rows of its input that a member reads for some of its results. */
function rowsRead(member: RelayMember, { first, end }: Rows): Rows {
  const window = windowOf(member);
  if (!window) return { first, end };
  return { first: inputRows(window, first, first + 1).first, end: inputRows(window, 0, end).end };
}

/** Rows of every member that a CU makes for rows of the last one; of those whose results are read elsewhere alone, `share` of their own. */
function rowsNeeded(members: readonly RelayMember[], rows: Rows, share: (height: number) => Rows): Rows[] {
  const needed: (Rows | undefined)[] = members.map(() => undefined);
  needed[members.length - 1] = rows;
  for (let m = members.length - 1; m >= 0; m--) {
    const { input, other, height } = members[m]!;
    const own = needed[m] ?? share(height);
    needed[m] = own;
    const ask = (buffer: number, { first, end }: Rows): void => {
      for (let maker = 0; maker < m; maker++) {
        if (!members[maker]!.destinations.some((to) => to.buffer === buffer)) continue;
        const known = needed[maker];
        needed[maker] = known ? { first: Math.min(known.first, first), end: Math.max(known.end, end) } : { first, end };
      }
    };
    ask(input.buffer, rowsRead(members[m]!, own));
    if (other) ask(other.buffer, other.isPixel ? { first: 0, end: 1 } : own);
  }
  return needed.map((own) => own!);
}

/** The steps of such a part: every CU makes `tileRows` of its rows of the last member's result at a time. */
export function orderOwnRows(graph: RelayGraph, tileRows: number, lag: number, cus: number): RelayStep[] {
  const { members } = graph;
  const { height } = members.at(-1)!;
  const cut = (extent: number, i: number): number => Math.round((extent * i) / cus);
  const tiles = Math.ceil(Math.ceil(height / cus) / tileRows);
  /** By CU: rows of every member up to the end of a tile. */
  const upTo = (cu: number, tile: number): Rows[] => {
    const part = (extent: number): Rows => {
      const [first, end] = [cut(extent, cu), cut(extent, cu + 1)];
      return { first, end: first + Math.ceil(((end - first) * tile) / tiles) };
    };
    const { first, end } = part(height);
    return rowsNeeded(members, { first, end: tile === tiles ? end : Math.min(end, first + tile * tileRows) }, part);
  };
  const all = Array.from({ length: cus }, (_, cu) => upTo(cu, tiles));
  // Rows that nobody needs belong to the CU in front of them.
  const bounds = all.map((own, cu) =>
    own.map(({ first, end }, m) => ({
      first: cu === 0 ? 0 : first,
      end: cu === cus - 1 ? members[m]!.height : Math.max(end, all[cu + 1]![m]!.first),
    })),
  );
  const depths = depthsOf(graph);
  const done = bounds.map((own) => own.map(({ first }) => first));
  const steps: RelayStep[] = [];
  for (let tile = 1; tile <= tiles; tile++) {
    const ends = bounds.map((own, cu) => {
      const needed = tile === tiles ? own : upTo(cu, tile);
      return own.map(({ end }, m) => Math.min(end, Math.max(done[cu]![m]!, needed[m]!.end)));
    });
    members.forEach((_, m) => {
      const byCu = ends.map((own, cu): Rows => ({ first: done[cu]![m]!, end: own[m]! }));
      const rows = Math.max(...byCu.map(({ first, end }) => end - first));
      if (rows === 0) return;
      const { first, end } = byCu[0]!;
      steps.push({ member: m, first, end, byCu, slot: tile - 1 + Math.floor(depths[m]! / lag) });
    });
    ends.forEach((own, cu) => {
      done[cu] = own;
    });
  }
  return sortSteps(steps, depths, lag);
}

/**
 * Buffers that such a part keeps to itself: every CU has what it made. Undefined where the part reads what others make of them too, or rows that others read are made
 * twice.
 */
export function findOwn(
  { members, buffers }: RelayGraph,
  parts: readonly RelayPart[],
  steps: readonly RelayStep[],
): Set<number> | undefined {
  const own = new Set<number>();
  for (const { members: inside, split } of parts) {
    if (split !== 'rows') continue;
    const reads = (m: number, b: number): boolean => members[m]!.input.buffer === b || members[m]!.other?.buffer === b;
    for (let b = 0; b < buffers.length; b++) {
      const makers = [...members.keys()].filter((m) => members[m]!.destinations.some(({ buffer }) => buffer === b));
      const isInner = inside.some((m) => reads(m, b));
      if (isInner && buffers[b]!.loaded.length > 0) return undefined;
      if (!makers.some((m) => inside.includes(m))) continue;
      const isOuter = buffers[b]!.isStored || [...members.keys()].some((m) => !inside.includes(m) && reads(m, b));
      if (isInner && (isOuter || makers.some((m) => !inside.includes(m)))) return undefined;
      if (isInner) own.add(b);
      else if (makers.some((m) => isMadeTwice(steps.filter(({ member }) => member === m)))) return undefined;
    }
  }
  return own;
}

/** Do several CUs make the same rows? */
function isMadeTwice(steps: readonly RelayStep[]): boolean {
  const rows = steps.flatMap(({ byCu }) => byCu ?? []).filter(({ first, end }) => end > first);
  rows.sort((a, b) => a.first - b.first);
  return rows.some(({ first }, i) => i > 0 && first < rows[i - 1]!.end);
}
