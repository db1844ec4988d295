/**
 * Shadow of DRAM: pages made on demand for what a program may write; constant ranges (weights, tables, code) need none, because reading them is
 * always right and storing to them always wrong.
 */
import type { ConstantRange } from './dram-image.ts';
import { IntervalList } from './intervals.ts';
import { type AccessEvent, HOST } from './order.ts';
import { type JudgeRead, type JudgeWrite, Shadow } from './shadow.ts';

const PAGE_WORDS = 4096;

export class DramShadow {
  private readonly constants: readonly ConstantRange[];
  private readonly pages = new Map<number, Shadow>();

  constructor(constants: readonly ConstantRange[]) {
    this.constants = constants;
  }

  /** The constant range that [start, end) touches, if any. */
  findConstant(start: number, end: number): ConstantRange | undefined {
    const next = this.constants[this.firstEndingAfter(start)];
    return next !== undefined && next.start < end ? next : undefined;
  }

  /** Words [start, end) hold what the host put there. */
  markHost(start: number, end: number): void {
    this.forEachPage(start, end, (page, from, to) => page.mark(from, to, HOST));
  }

  /** A read of words [start, end); `judge` gets DRAM addresses. */
  read(start: number, end: number, unit: number, serial: number, judge: JudgeWrite): void {
    let at = start;
    for (let i = this.firstEndingAfter(start); at < end; i++) {
      const constant = this.constants[i];
      const stop = constant === undefined ? end : Math.min(end, constant.start);
      if (stop > at) {
        this.forEachPage(at, stop, (page, from, to, base) => {
          const list = new IntervalList();
          list.add(from, to);
          page.read(page.makeArea(list), unit, serial, (event, word) => judge(event, base + word));
        });
      }
      at = constant === undefined ? end : Math.max(at, constant.end);
    }
  }

  /** A write of words [start, end), none of them constant. */
  write(start: number, end: number, event: AccessEvent, judgeWrite: JudgeWrite, judgeRead: JudgeRead): void {
    this.forEachPage(start, end, (page, from, to, base) => {
      page.write(
        from,
        to,
        event,
        (earlier, word) => judgeWrite(earlier, base + word),
        (unit, serial, word) => judgeRead(unit, serial, base + word),
      );
    });
  }

  private forEachPage(start: number, end: number, visit: (page: Shadow, from: number, to: number, base: number) => void): void {
    for (let index = Math.floor(start / PAGE_WORDS); index * PAGE_WORDS < end; index++) {
      const base = index * PAGE_WORDS;
      let page = this.pages.get(index);
      if (page === undefined) {
        page = new Shadow('DRAM', PAGE_WORDS);
        this.pages.set(index, page);
      }
      visit(page, Math.max(0, start - base), Math.min(PAGE_WORDS, end - base), base);
    }
  }

  private firstEndingAfter(word: number): number {
    let [low, high] = [0, this.constants.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.constants[middle].end <= word) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
