/**
 * Simulated time: one wake time per unit instead of a loop over cycles. A unit is evaluated in the cycles in which it may act and
 * sleeps otherwise. Specification: docs/microarchitecture.md, section 9 (order of evaluation).
 *
 * Effects of a cycle are seen in later cycles, so the order of units inside a cycle does not matter, except where a unit reads
 * another one's state without a time stamp. Those pairs are ordered by unit number: control before memory (a branch withdraws the
 * fetch offer), result bus before port B (room in the bus-in FIFO returns a cycle later).
 */

/** Numbers of the clocked units, in the order of evaluation within a cycle. */
export const CONTROL = 0;
export const MEMORY = 1;
export const RESULT_BUS = 2;
const FIRST_UNIT = 3;

/** Clock number of the unit with an id of the instruction set (UNIT_ID). */
export function clockOfUnit(unitId: number): number {
  return FIRST_UNIT + unitId;
}

/** Clock number of port B of a CU; all of them come after the units. */
export function clockOfPortB(cu: number, unitIdCount: number): number {
  return FIRST_UNIT + unitIdCount + cu;
}

export interface Clocked {
  /** Evaluates cycle `now`. Evaluating a unit in a cycle in which it cannot act is harmless. */
  step(now: number): void;
}

const SLEEPING: Clocked = {
  step: () => {
    throw new Error('defect: a clock without a unit was woken');
  },
};

export class Clock {
  readonly #wakeAt: Float64Array;
  readonly #units: Clocked[];
  /** Last cycle in which anything happened, so far. */
  lastEvent = 0;

  constructor(count: number) {
    this.#wakeAt = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.#units = new Array<Clocked>(count).fill(SLEEPING);
  }

  attach(number: number, unit: Clocked): void {
    this.#units[number] = unit;
  }

  /** Evaluates the unit in `cycle` (or before: the earliest call wins). */
  wake(number: number, cycle: number): void {
    if (cycle < this.#wakeAt[number]) this.#wakeAt[number] = cycle;
  }

  /** Something happens at `cycle`, which may lie in the future: the program is not finished before. */
  touch(cycle: number): void {
    if (cycle > this.lastEvent) this.lastEvent = cycle;
  }

  /** Runs until nothing can happen any more; returns the last cycle evaluated. */
  run(): number {
    const wakeAt = this.#wakeAt;
    const units = this.#units;
    const count = wakeAt.length;
    let last = 0;
    for (;;) {
      let now = Number.POSITIVE_INFINITY;
      for (let i = 0; i < count; i++) if (wakeAt[i] < now) now = wakeAt[i];
      if (now === Number.POSITIVE_INFINITY) return last;
      if (now < last) throw new Error(`defect: a unit was woken for cycle ${now} at cycle ${last}`);
      last = now;
      for (let i = 0; i < count; i++) {
        if (wakeAt[i] === now) {
          wakeAt[i] = Number.POSITIVE_INFINITY;
          units[i].step(now);
        }
      }
    }
  }
}
