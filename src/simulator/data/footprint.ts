/**
 * Which words a descriptor reads and writes, as intervals of buffer words: what the bounds and race checks work on. Words that a mask replaces by
 * 0 don't count. Specification: docs/microarchitecture.md, sections 2 (rings), 3, 5 and 6.
 */
import type { LdmDescriptor, StDescriptor, VecDescriptor } from '../../isa/fields.ts';
import { columnClasses, outputRowOffset, rowColumns, rowCount, sourceRowOffset, validRows, type Walk, wrapRing } from '../walker.ts';
import { describeRange } from './explain.ts';
import { IntervalList } from './intervals.ts';
import { runAddress } from './ldm.ts';

/** Word addresses are 20-bit registers; what does not fit the buffer after that is outside. */
const ADDRESS_SPACE = 2 ** 20;

/** A buffer as the checks see it. */
export interface BufferSpan {
  readonly name: string;
  readonly words: number;
}

/** Thrown by the footprint functions: the caller adds unit and instruction. */
export class AddressProblem extends Error {}

/** One row of accesses: `columns` relative to base + row offset. */
function addRow(
  list: IntervalList,
  buffer: BufferSpan,
  what: string,
  base: number,
  rowOffset: number,
  ring: number,
  columns: IntervalList,
): void {
  for (let i = 0; i < columns.count; i++) {
    const from = rowOffset + columns.start(i);
    const to = rowOffset + columns.end(i);
    if (ring > 0 && (from < 0 || to > ring)) {
      throw new AddressProblem(`${what} ${describeRange('word', from, to)} of the row straddle the end of the ring of ${ring} words`);
    }
    const start = (((base + from) % ADDRESS_SPACE) + ADDRESS_SPACE) % ADDRESS_SPACE;
    const end = start + to - from;
    if (end > buffer.words) {
      throw new AddressProblem(`${what} ${describeRange('word', start, end)} outside ${buffer.name} (${buffer.words} words)`);
    }
    list.add(start, end);
  }
}

/** Words that source 1 of a MAC or VEC descriptor reads. */
export function sourceFootprint(w: Walk, buffer: BufferSpan): IntervalList {
  const list = new IntervalList();
  const rows = rowCount(w);
  const seen = new Set<number>();
  let fullColumns: IntervalList | undefined;
  for (let y = 0; y < rows; y++) {
    const { first, end } = rowColumns(w, y);
    const full = first === 0 && end === w.outWidth;
    if (full) fullColumns ??= sourceColumns(w, 0, w.outWidth);
    const columns = full && fullColumns !== undefined ? fullColumns : sourceColumns(w, first, end);
    const valid = validRows(w, y);
    for (let ky = valid.first; ky < valid.end; ky++) {
      const offset = sourceRowOffset(w, y, ky);
      if (full && seen.has(offset)) continue;
      if (full) seen.add(offset);
      addRow(list, buffer, 'source', w.srcBase, offset, w.srcRing, columns);
    }
  }
  return list;
}

/** Words of an input row that the windows of columns [first, end) read, relative to base + row offset. */
function sourceColumns(w: Walk, first: number, end: number): IntervalList {
  const list = new IntervalList();
  for (const c of columnClasses(w)) {
    const from = Math.max(c.first, first);
    const to = Math.min(c.end, end);
    if (from >= to || c.kx0 === c.kx1) continue;
    const lead = w.srcColumn + c.kx0 * w.tapStep;
    const span = (c.kx1 - c.kx0 - 1) * w.tapStep + w.words;
    const gapless = w.tapStep <= w.words || c.kx1 - c.kx0 === 1;
    if (gapless && w.colStep <= span) {
      list.add(lead + from * w.colStep, lead + (to - 1) * w.colStep + span);
    } else {
      for (let x = from; x < to; x++) {
        for (let kx = c.kx0; kx < c.kx1; kx++) {
          const tap = w.srcColumn + x * w.colStep + kx * w.tapStep;
          list.add(tap, tap + w.words);
        }
      }
    }
  }
  return list.sorted();
}

/** Words that source 2 of an addition reads. */
export function source2Footprint(d: VecDescriptor, buffer: BufferSpan): IntervalList {
  const list = new IntervalList();
  for (let y = 0; y < rowCount(d); y++) {
    const { first, end } = rowColumns(d, y);
    const columns = pixelColumns(first, end, d.src2ColStep, d.words);
    addRow(list, buffer, 'source 2', d.src2Base, wrapRing(d.src2Offset + y * d.src2RowStep, d.src2Ring), d.src2Ring, columns);
  }
  return list;
}

/** Words that the results of a MAC or VEC descriptor take, `words` per pixel. */
export function outputFootprint(w: Walk, words: number, buffer: BufferSpan): IntervalList {
  const list = new IntervalList();
  for (let y = 0; y < rowCount(w); y++) {
    const { first, end } = rowColumns(w, y);
    addRow(list, buffer, 'output', w.outBase, outputRowOffset(w, y), w.outRing, pixelColumns(first, end, w.outColStep, words));
  }
  return list;
}

function pixelColumns(first: number, end: number, step: number, words: number): IntervalList {
  const list = new IntervalList();
  if (step <= words) list.add(first * step, (end - 1) * step + words);
  else for (let x = first; x < end; x++) list.add(x * step, x * step + words);
  return list;
}

/** Maps (or table) words of a load or store. */
export function runsFootprint(d: LdmDescriptor | StDescriptor, buffer: BufferSpan): IntervalList {
  const list = new IntervalList();
  const row = new IntervalList();
  row.add(0, d.words);
  for (let r = 0; r < d.rows; r++) {
    addRow(list, buffer, 'run', d.base, wrapRing(d.offset + r * d.step, d.ring), d.ring, row);
  }
  return list;
}

/** A run of a load whose words another run of it writes too; undefined when all are apart. */
export function findRunOverlap(d: LdmDescriptor): number | undefined {
  const starts = Array.from({ length: d.rows }, (_, r) => ({ r, at: wrapRing(d.offset + r * d.step, d.ring) })).sort((a, b) => a.at - b.at);
  const next = starts.findIndex(({ at }, i) => i > 0 && at < starts[i - 1].at + d.words);
  return next < 0 ? undefined : starts[next].r;
}

/** DRAM words of the runs of a load or store, as a list of [address, address + words); all runs are `words` long. */
export function forEachDramRun(d: LdmDescriptor | StDescriptor, visit: (start: number, end: number) => void): void {
  let start = runAddress(d, 0);
  let end = start + d.words;
  for (let r = 1; r < d.rows; r++) {
    const next = runAddress(d, r);
    if (next !== end) {
      visit(start, end);
      start = next;
    }
    end = next + d.words;
  }
  visit(start, end);
}
