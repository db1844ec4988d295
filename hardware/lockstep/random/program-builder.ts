/**
 * A random program in the making: draws of one seed, words of DRAM, and tasks whose dependences follow from the words that they touch.
 * Specification: docs/isa.md, section 5; tokens are made of the dependences by the compiler's pass (docs/compiler.md).
 */
import type { Dependence, Task } from '../../../src/compiler/backend/tasks/task.ts';
import { zeroDescriptor } from '../../../src/isa/field-codes.ts';
import { unitOf } from '../../../src/isa/fields.ts';
import { LINE_WORDS, type Machine, mapsWords } from '../../../src/machine/machine.ts';
import type { Segment } from '../../../src/program/program.ts';
import type { IntervalList } from '../../../src/simulator/data/intervals.ts';
import { createRandom, type Random } from '../../../src/util/random.ts';

/** Maps words in use in each CU, two halves: one to read, one to write. */
const HALF_WORDS = 2560;

/** Words of one memory (SPACE) that a task reads or writes. */
export interface Access {
  readonly space: number;
  readonly start: number;
  readonly end: number;
  readonly writes: boolean;
}

/** Values of descriptor fields by name; what is missing is 0. */
export type Fields = Record<string, number>;

/** Draws, DRAM and tasks of one random program. */
export class ProgramBuilder {
  readonly random: Random;
  readonly machine: Machine;
  readonly cus: number;
  /** First word in use of every maps buffer, and the words of each half. */
  readonly mapsBase: number;
  readonly half: number;
  readonly tasks: Task[] = [];
  readonly segments: Segment[] = [];
  readonly accesses: (readonly Access[])[] = [];
  dramWords = 0;

  constructor(seed: number, machine: Machine) {
    this.random = createRandom(seed);
    this.machine = machine;
    this.cus = machine.computeUnits;
    this.half = Math.min(HALF_WORDS, mapsWords(machine) / 2);
    this.mapsBase = this.draw(0, mapsWords(machine) - 2 * this.half);
  }

  draw(low: number, high: number): number {
    return this.random.integer(low, high);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.draw(0, 99) < percent;
  }

  pick<T>(...values: readonly T[]): T {
    return values[this.draw(0, values.length - 1)];
  }

  /** Words of DRAM from a line on, or from any word after it. */
  allocate(words: number, aligned = true): number {
    const start = Math.ceil(this.dramWords / LINE_WORDS) * LINE_WORDS + (aligned ? 0 : this.draw(0, 40));
    this.dramWords = start + words;
    return start;
  }

  /** A segment of the program's DRAM with these words; returns its address in words. */
  constants(name: string, words: Int16Array): number {
    const address = this.allocate(words.length);
    this.segments.push({ name: `${name} ${this.segments.length}`, address, words });
    return address;
  }

  randomWords(count: number): Int16Array {
    // Extremes more often than a uniform draw has them.
    return Int16Array.from({ length: count }, () => (this.chance(5) ? this.pick(-32768, 32767, -1, 0) : this.draw(-32768, 32767)));
  }

  /** The next task; it waits for all earlier ones whose accesses conflict with its own. */
  add(unit: number, fields: Fields, accesses: readonly Access[]): void {
    const kind = unitOf(unit)!.kind;
    const after: Dependence[] = [];
    const task = {
      unit,
      kind,
      descriptor: { ...zeroDescriptor(kind), ...fields } as Task['descriptor'],
      layer: 0,
      tile: '',
      index: this.tasks.length,
      after,
    };
    for (const [i, earlier] of this.accesses.entries()) {
      const overlaps = (b: Access): boolean => accesses.some((a) => a.space === b.space && a.start < b.end && b.start < a.end);
      const writes = (b: Access): boolean => accesses.some((a) => a.writes && a.space === b.space && a.start < b.end && b.start < a.end);
      if (earlier.some((b) => b.writes && overlaps(b))) after.push({ task: this.tasks[i], event: 'write' });
      else if (earlier.some((b) => !b.writes && writes(b))) after.push({ task: this.tasks[i], event: 'read' });
    }
    this.tasks.push(task);
    this.accesses.push(accesses);
  }

  /** At least one CU, often all. */
  cuMask(): number {
    return this.chance(30) ? 2 ** this.cus - 1 : this.draw(1, 2 ** this.cus - 1);
  }

  /** Base word of one of the halves. */
  halfBase(which: number): number {
    return this.mapsBase + which * this.half;
  }
}

/** One access to all words from the first to the last of the list. */
export function hull(space: number, list: IntervalList, writes: boolean): Access[] {
  if (list.count === 0) return [];
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let i = 0; i < list.count; i++) {
    start = Math.min(start, list.start(i));
    end = Math.max(end, list.end(i));
  }
  return [{ space, start, end, writes }];
}

/** CUs of a mask. */
export function cusOf(mask: number): number[] {
  return Array.from({ length: 8 }, (_, cu) => cu).filter((cu) => (mask >> cu) & 1);
}
