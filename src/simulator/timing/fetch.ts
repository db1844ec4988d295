/**
 * Instruction fetch: streams lines ahead of the program counter into the instruction buffer.
 * Specification: docs/microarchitecture.md, sections 6, 8 and 9 (T1). Twin: sf_fetch.sv.
 *
 * The stream starts at the line of a branch target. Its lines are numbered from 0; a line is held from the offer of its burst until
 * its last instruction has executed. Lines of an abandoned stream that still arrive are dropped.
 */
import { LINE_BYTES, LINE_WORDS } from '../../machine/machine.ts';
import type { Program } from '../../program/program.ts';
import type { Account } from './account.ts';
import { type Clock, CONTROL } from './clock.ts';
import type { Context } from './context.ts';
import { FETCH_ENGINE, LOAD_BUS_SLOTS, type Memory, type MemoryClient, NEXT_OFFER } from './memory.ts';

export const LINE_INSTRUCTIONS = LINE_BYTES / 4;
/** A line whose last instruction executes at x makes room for an offer at x + 2: the count of free lines and the offer are registers. */
const FREE_LATENCY = 2;
const UNKNOWN = Number.POSITIVE_INFINITY;

export class Fetch implements MemoryClient {
  readonly #clock: Clock;
  readonly #memory: Memory;
  readonly #account: Account;
  readonly #bufferLines: number;
  readonly #burstLines: number;
  readonly #branchRestart: number;
  readonly #instructionLatency: number;
  readonly #codeLine: number;
  readonly #codeLines: number;
  /** Program line (8 instructions) of the stream's line 0. */
  #first = 0;
  /** Lines of the stream that are accepted. */
  #accepted = 0;
  /** Lines of the pending offer, 0 without one. */
  #offered = 0;
  #nextOfferAt = 0;
  #freed = 0;
  /** By stream line modulo the buffer: first cycle at which its instructions can execute; first cycle of an offer that takes its place. */
  readonly #availableAt: Float64Array;
  readonly #reusableAt: Float64Array;

  constructor(context: Context, memory: Memory, program: Program) {
    const { clock, account, machine } = context;
    this.#clock = clock;
    this.#memory = memory;
    this.#account = account;
    this.#bufferLines = machine.instructionBufferWords / LINE_INSTRUCTIONS;
    this.#burstLines = machine.axi.burstLines;
    this.#branchRestart = machine.latency.branchRestart;
    this.#instructionLatency = machine.latency.instructionLatency;
    this.#codeLine = program.codeAddress / LINE_WORDS;
    this.#codeLines = Math.ceil(program.instructions.length / LINE_INSTRUCTIONS);
    this.#availableAt = new Float64Array(this.#bufferLines);
    this.#reusableAt = new Float64Array(this.#bufferLines);
    memory.connect(FETCH_ENGINE, this);
  }

  /** A branch to `target` was executed at `branch` (program start: cycle 0): empties the buffer and begins a new stream. Called at branch + 1. */
  restart(branch: number, target: number): void {
    this.stop();
    this.#first = Math.floor(target / LINE_INSTRUCTIONS);
    this.#accepted = 0;
    this.#freed = 0;
    this.#nextOfferAt = branch + this.#branchRestart;
    this.#tryOffer();
  }

  /** END was executed: nothing more is offered. Called in the cycle after it. */
  stop(): void {
    this.#memory.withdraw(FETCH_ENGINE);
    this.#offered = 0;
  }

  /** First cycle at which the instructions of a stream line can execute; Infinity when its burst has not been accepted. */
  availableAt(line: number): number {
    return line < this.#accepted ? this.#availableAt[line % this.#bufferLines] : UNKNOWN;
  }

  /** The last instruction of the next stream line was (or will be) executed at `cycle`. */
  free(cycle: number): void {
    this.#reusableAt[this.#freed % this.#bufferLines] = cycle + FREE_LATENCY;
    this.#freed++;
    if (this.#offered === 0) this.#tryOffer();
  }

  accepted(now: number, loadBus: number): void {
    for (let i = 0; i < this.#offered; i++) {
      const line = this.#accepted + i;
      this.#availableAt[line % this.#bufferLines] = loadBus + LOAD_BUS_SLOTS * i + this.#instructionLatency;
      this.#account.fetched((this.#first + line) * LINE_INSTRUCTIONS);
    }
    this.#clock.touch(loadBus + LOAD_BUS_SLOTS * (this.#offered - 1));
    this.#accepted += this.#offered;
    this.#offered = 0;
    this.#nextOfferAt = now + NEXT_OFFER;
    this.#tryOffer();
    this.#clock.wake(CONTROL, now);
  }

  /** Offers the next burst if it is known when a burst's worth of lines is free. */
  #tryOffer(): void {
    const line = this.#first + this.#accepted;
    if (line >= this.#codeLines) return;
    // With `accepted` lines fetched, lines up to number accepted + burstLines − bufferLines − 1 must be free.
    const mustBeFree = this.#accepted + this.#burstLines - this.#bufferLines;
    if (mustBeFree > this.#freed) return;
    const reusable = mustBeFree > 0 ? this.#reusableAt[(mustBeFree - 1) % this.#bufferLines] : 0;
    const dramLine = this.#codeLine + line;
    this.#offered = Math.min(this.#burstLines - (dramLine % this.#burstLines), this.#codeLines - line);
    this.#memory.offer(FETCH_ENGINE, Math.max(this.#nextOfferAt, reusable), dramLine, this.#offered);
  }
}
