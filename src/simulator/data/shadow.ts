/**
 * Shadow of a buffer: per word the last write and, per unit, the last read. Long runs are filled and scanned as typed arrays.
 * Repeated reads of one area (output groups over one tile) cost almost nothing: cells hold a *record*, and a repeated read moves the record's
 * serial on, as long as no page of the area was touched by others in between.
 */
import type { BufferSpan } from './footprint.ts';
import type { IntervalList } from './intervals.ts';
import { type AccessEvent, NEVER } from './order.ts';

const PAGE_BITS = 10;

/** A remembered area that a unit reads. */
export interface ReadArea {
  readonly intervals: IntervalList;
  readonly pages: Int32Array;
  /** Shadow time of the last full check, 0 = never. */
  checkedAt: number;
  record: number;
}

/** Serials of the latest read by record. */
class RecordTable {
  private serials = new Int32Array(1024);
  private length = 0;

  add(serial: number): number {
    if (this.length === this.serials.length) {
      const larger = new Int32Array(2 * this.length);
      larger.set(this.serials);
      this.serials = larger;
    }
    this.serials[this.length] = serial;
    return this.length++;
  }

  set(record: number, serial: number): void {
    this.serials[record] = serial;
  }

  get(record: number): number {
    return this.serials[record];
  }
}

interface Reader {
  readonly unit: number;
  readonly cells: Int32Array;
  readonly pageTimes: Int32Array;
  readonly records: RecordTable;
}

/** Judges one earlier access to words from `start` on; throws when it is not ordered. */
export type JudgeWrite = (event: AccessEvent, start: number) => void;
export type JudgeRead = (unit: number, serial: number, start: number) => void;

export class Shadow implements BufferSpan {
  readonly name: string;
  readonly words: number;
  readonly writers: Int32Array;
  private readonly pageTimes: Int32Array;
  private readonly readers: Reader[] = [];
  private time = 0;

  constructor(name: string, words: number) {
    this.name = name;
    this.words = words;
    this.writers = new Int32Array(words).fill(NEVER);
    this.pageTimes = new Int32Array((words >> PAGE_BITS) + 1);
  }

  /** Prepares an area that may be read again. */
  makeArea(intervals: IntervalList): ReadArea {
    const pages = new Set<number>();
    for (let i = 0; i < intervals.count; i++) {
      for (let page = intervals.start(i) >> PAGE_BITS; page <= (intervals.end(i) - 1) >> PAGE_BITS; page++) pages.add(page);
    }
    return { intervals, pages: Int32Array.from(pages), checkedAt: 0, record: -1 };
  }

  /** Descriptor `serial` of `unit` reads an area; `judge` sees each earlier write (or NEVER) that has not passed for this area before. */
  read(area: ReadArea, unit: number, serial: number, judge: JudgeWrite): void {
    const reader = this.readerOf(unit);
    if (area.checkedAt > 0 && this.isUntouched(area, reader)) {
      reader.records.set(area.record, serial);
      return;
    }
    area.record = reader.records.add(serial);
    area.checkedAt = ++this.time;
    for (const page of area.pages) reader.pageTimes[page] = this.time;
    for (let i = 0; i < area.intervals.count; i++) {
      const start = area.intervals.start(i);
      const end = area.intervals.end(i);
      this.judgeWrites(start, end, judge);
      reader.cells.fill(area.record, start, end);
    }
  }

  /** Words [start, end) are written; `judgeWrite` and `judgeRead` see the earlier accesses. */
  write(start: number, end: number, event: AccessEvent, judgeWrite: JudgeWrite, judgeRead: JudgeRead): void {
    this.judgeWrites(start, end, judgeWrite);
    for (const { unit, cells, records } of this.readers) {
      let last = -1;
      for (let i = start; i < end; i++) {
        const record = cells[i];
        if (record === last) continue;
        last = record;
        if (record >= 0) judgeRead(unit, records.get(record), i);
      }
    }
    this.mark(start, end, event);
  }

  /** Words [start, end) count as written by `event`, without questions. */
  mark(start: number, end: number, event: AccessEvent): void {
    this.writers.fill(event, start, end);
    const time = ++this.time;
    for (let page = start >> PAGE_BITS; page <= (end - 1) >> PAGE_BITS; page++) this.pageTimes[page] = time;
  }

  private judgeWrites(start: number, end: number, judge: JudgeWrite): void {
    const { writers } = this;
    let last = -2;
    for (let i = start; i < end; i++) {
      const event = writers[i];
      if (event === last) continue;
      last = event;
      judge(event, i);
    }
  }

  private isUntouched(area: ReadArea, reader: Reader): boolean {
    for (const page of area.pages) {
      if (this.pageTimes[page] > area.checkedAt || reader.pageTimes[page] > area.checkedAt) return false;
    }
    return true;
  }

  private readerOf(unit: number): Reader {
    let reader = this.readers.find((r) => r.unit === unit);
    if (reader === undefined) {
      reader = {
        unit,
        cells: new Int32Array(this.words).fill(-1),
        pageTimes: new Int32Array(this.pageTimes.length),
        records: new RecordTable(),
      };
      this.readers.push(reader);
    }
    return reader;
  }
}
