/**
 * The control core: executes the traced instructions one a cycle as they arrive, pushes descriptors, waits at full queues.
 * Specification: docs/microarchitecture.md, sections 8 and 9 (T1, T2, T19). Twin: sf_core.sv.
 *
 * The core runs ahead of simulated time as far as the arrival of its instructions and the room in the queues are known.
 */
import type { CoreTrace, Run } from '../../isa/core.ts';
import type { Account } from './account.ts';
import { type Clock, type Clocked, CONTROL } from './clock.ts';
import type { Context } from './context.ts';
import { type Fetch, LINE_INSTRUCTIONS } from './fetch.ts';
import type { QueueObserver, UnitQueue } from './queue.ts';

const NOTHING = -1;

export class Control implements Clocked, QueueObserver {
  readonly #clock: Clock;
  readonly #fetch: Fetch;
  readonly #queues: readonly (UnitQueue | undefined)[];
  readonly #account: Account;
  readonly #trace: CoreTrace;
  readonly #queueDepth: number;
  readonly #queueLatency: number;
  /** Dispatch that the current runs lead to; = number of dispatches: the tail. */
  #dispatch = 0;
  #runs: readonly Run[];
  #run = 0;
  /** Next instruction, and the end of its run. */
  #pc: number;
  #runEnd: number;
  /** Stream line of #pc. */
  #line = 0;
  /** Earliest cycle of the next instruction. */
  #next = 0;
  /** Unit id whose full queue stops the core, else −1. */
  #stalledOn = NOTHING;
  /** Cycle of the taken branch (−1: none) whose restart is due in the following cycle. */
  #branchAt = 0;
  /** Cycle of END; NaN before. */
  endAt = Number.NaN;

  constructor(context: Context, fetch: Fetch, queues: readonly (UnitQueue | undefined)[], trace: CoreTrace) {
    const { clock, account, machine } = context;
    this.#clock = clock;
    this.#fetch = fetch;
    this.#queues = queues;
    this.#account = account;
    this.#trace = trace;
    this.#queueDepth = machine.queueDepth;
    this.#queueLatency = machine.latency.queueLatency;
    this.#runs = trace.dispatches.length > 0 ? trace.dispatches[0].runs : trace.tail;
    this.#pc = this.#runs[0].startIndex;
    this.#runEnd = this.#pc + this.#runs[0].length;
    clock.attach(CONTROL, this);
    // The start signal acts as a branch to instruction 0 executed in cycle 0.
    clock.wake(CONTROL, 1);
  }

  /** Instruction at which the core waits for room in a queue; −1 when it does not. */
  get stalledInstruction(): number {
    return this.#stalledOn === NOTHING ? NOTHING : this.#trace.dispatches[this.#dispatch].instructionIndex;
  }

  get stalledOn(): number {
    return this.#stalledOn;
  }

  started(unitId: number, now: number): void {
    if (unitId === this.#stalledOn) this.#clock.wake(CONTROL, now);
  }

  step(now: number): void {
    if (!Number.isNaN(this.endAt)) {
      if (now > this.endAt) this.#fetch.stop();
      else this.#clock.wake(CONTROL, this.endAt + 1);
      return;
    }
    if (this.#branchAt !== NOTHING) {
      if (now <= this.#branchAt) {
        this.#clock.wake(CONTROL, this.#branchAt + 1);
        return;
      }
      this.#fetch.restart(this.#branchAt, this.#pc);
      this.#line = 0;
      this.#next = 0;
      this.#branchAt = NOTHING;
    }
    while (this.#executeLine());
  }

  /** Executes the instructions up to the end of their line or run; false when the core must wait for something not known yet. */
  #executeLine(): boolean {
    const available = this.#fetch.availableAt(this.#line);
    if (available === Number.POSITIVE_INFINITY) return false;
    const lineEnd = (Math.floor(this.#pc / LINE_INSTRUCTIONS) + 1) * LINE_INSTRUCTIONS;
    const end = Math.min(lineEnd, this.#runEnd);
    // Cycle of the last instruction of this stretch.
    let last = Math.max(this.#next, available) + (end - this.#pc) - 1;
    const completes = end === this.#runEnd && this.#run === this.#runs.length - 1;
    const isGo = completes && this.#dispatch < this.#trace.dispatches.length;
    if (isGo) {
      const unitId = this.#trace.dispatches[this.#dispatch].unitId;
      const queue = this.#queues[unitId]!;
      const room = queue.roomAt(queue.pushed, this.#queueDepth);
      if (room === Number.POSITIVE_INFINITY) {
        this.#stalledOn = unitId;
        return false;
      }
      if (room > last) {
        this.#account.coreStalled(last, room, unitId);
        last = room;
      }
      this.#stalledOn = NOTHING;
      queue.push(last + this.#queueLatency);
    }
    if (end === lineEnd) {
      this.#fetch.free(last);
      this.#line++;
    }
    this.#next = last + 1;
    this.#pc = end;
    if (end !== this.#runEnd) return true;
    if (!completes) return this.#branch(last);
    return isGo ? this.#nextDispatch() : this.#end(last);
  }

  /** The taken branch that ends a run: the stream restarts at the next one. */
  #branch(cycle: number): false {
    this.#run++;
    this.#enterRun();
    this.#branchAt = cycle;
    this.#clock.wake(CONTROL, cycle + 1);
    return false;
  }

  #nextDispatch(): true {
    const { dispatches, tail } = this.#trace;
    this.#dispatch++;
    this.#runs = this.#dispatch < dispatches.length ? dispatches[this.#dispatch].runs : tail;
    this.#run = 0;
    this.#enterRun();
    return true;
  }

  #enterRun(): void {
    this.#pc = this.#runs[this.#run].startIndex;
    this.#runEnd = this.#pc + this.#runs[this.#run].length;
  }

  #end(cycle: number): false {
    this.endAt = cycle;
    this.#clock.touch(cycle);
    this.#clock.wake(CONTROL, cycle + 1);
    return false;
  }
}
