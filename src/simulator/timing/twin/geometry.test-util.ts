/** What the naive twin computes of programs and descriptors, by enumeration instead of arithmetic. */
import type { CoreTrace, Dispatch } from '../../../isa/core.ts';
import type { Machine } from '../../../machine/machine.ts';

/** Consecutive DRAM lines. */
export interface Burst {
  readonly line: number;
  readonly lines: number;
}

/** The executed instructions one by one. */
export function executedInstructions(trace: CoreTrace): { pc: number; go: number; taken: boolean; end: boolean }[] {
  const list: { pc: number; go: number; taken: boolean; end: boolean }[] = [];
  const groups = [...trace.dispatches.map((d) => d.runs), trace.tail];
  for (const [g, runs] of groups.entries()) {
    for (const [r, run] of runs.entries()) {
      for (let i = 0; i < run.length; i++) {
        const lastOfRun = i === run.length - 1;
        const lastOfGroup = lastOfRun && r === runs.length - 1;
        const isTail = g === trace.dispatches.length;
        list.push({
          pc: run.startIndex + i,
          go: lastOfGroup && !isTail ? g : -1,
          taken: lastOfRun && !lastOfGroup,
          end: lastOfGroup && isTail,
        });
      }
    }
  }
  return list;
}

/** Bursts of a DMA dispatch in the order of its runs, line by line (microarchitecture.md, section 6). */
export function burstsOf(dispatch: Dispatch, m: Machine): Burst[] {
  const bursts: Burst[] = [];
  const d = dispatch.descriptor as Readonly<Record<string, number>>;
  const rows = dispatch.kind === 'LDW' ? 1 : d.rows;
  const words = dispatch.kind === 'LDW' ? d.images * d.lines * 16 : d.words;
  for (let r = 0; r < rows; r++) {
    const first = (d.dramAddress + (dispatch.kind === 'LDW' ? 0 : r * d.dramStep)) % 2 ** 32;
    const lines = new Set(Array.from({ length: words }, (_, w) => Math.floor((first + w) / 16)));
    let burst: number[] = [];
    const flush = (): void => {
      if (burst.length > 0) bursts.push({ line: burst[0], lines: burst.length });
      burst = [];
    };
    for (const line of lines) {
      if (line % m.axi.burstLines === 0) flush();
      burst.push(line);
    }
    flush();
  }
  return bursts;
}

/** Valid kernel rows and columns of every pixel of the raster, by trying them all. */
export function validTaps(d: Readonly<Record<string, number>>): [number[], number[]][] {
  const pixels: [number[], number[]][] = [];
  for (let i = 0; i < d.count; i++) {
    const y = Math.floor((d.x0 + i) / d.outWidth);
    const x = (d.x0 + i) % d.outWidth;
    const inside = (start: number, extent: number): boolean => start >= 0 && start < extent;
    const rows = Array.from({ length: d.kernelH }, (_, k) => k).filter((k) => inside(d.iy0 + y * d.strideH + k * d.dilationH, d.inHeight));
    const columns = Array.from({ length: d.kernelW }, (_, k) => k).filter((k) =>
      inside(d.ix0 + x * d.strideW + k * d.dilationW, d.inWidth),
    );
    pixels.push([rows, columns]);
  }
  return pixels;
}

/** Indices of the pixels that begin an output row, the first pixel included. */
export function rowStarts(d: Readonly<Record<string, number>>): number[] {
  return Array.from({ length: d.count }, (_, i) => i).filter((i) => i === 0 || (d.x0 + i) % d.outWidth === 0);
}

/** Steps of every window, counted as the different g-word groups that its words lie in. */
export function windowSteps(d: Readonly<Record<string, number>>): number[] {
  return validTaps(d).map(([rows, columns]) => {
    let perRow = 0;
    if (d.depthwise === 1) perRow = columns.length;
    else if (d.tapStep === d.words) {
      perRow = new Set(columns.flatMap((kx) => Array.from({ length: d.words }, (_, w) => Math.floor((kx * d.words + w) / d.lanes)))).size;
    } else for (const _ of columns) perRow += new Set(Array.from({ length: d.words }, (_, w) => Math.floor(w / d.lanes))).size;
    return Math.max(1, rows.length * perRow);
  });
}
