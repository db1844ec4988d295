/**
 * The MAC unit of one CU: setup, windows one after the other, results to the FIFO.
 * Specification: docs/microarchitecture.md, sections 3, 4 and 9 (T4 to T7). Twins: sf_walker.sv, sf_mac.sv.
 *
 * A window depends on nothing but the credits, so windows are computed ahead of simulated time as long as credits are known.
 */
import type { MacDescriptor } from '../../isa/fields.ts';
import { paramLines } from '../../isa/weights-group.ts';
import { countValidTaps, endValidTap, firstValidTap, outputCycles, rowCount, windowSteps } from '../walker.ts';
import type { Account } from './account.ts';
import type { Clocked } from './clock.ts';
import type { Context } from './context.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import type { UnitQueue } from './queue.ts';
import type { ResultFifo } from './result-fifo.ts';
import type { Tokens } from './tokens.ts';

const NOTHING = -1;
const GRANULE_WORDS = 16;

export class MacUnit implements Clocked {
  readonly #queue: UnitQueue;
  readonly #fifo: ResultFifo;
  readonly #tokens: Tokens;
  readonly #table: DescriptorTable;
  readonly #account: Account;
  readonly #cu: number;
  readonly #macSetup: number;
  readonly #macPipeline: number;
  readonly #readDone: number;
  readonly #rowPeriod: number;

  // --- current descriptor ---
  #current = NOTHING;
  #d: MacDescriptor | undefined;
  #granules = 0;
  #macsPerTap = 0;
  /** Cycles for which a window holds the output path. */
  #outputCycles = 0;
  #setupEnd = 0;

  // --- walker: next window ---
  #x = 0;
  #y = 0;
  #left = 0;
  #kernelRows = 0;
  #rowsLeft = 0;
  /** Next window is the first of its row. */
  #isRowStart = false;

  // --- sequencer ---
  /** First cycle after the last window. */
  #windowEnd = 0;
  /** First cycle at which a window of another descriptor may start: the output path is empty then. */
  #pathFreeAt = 0;
  /** First cycle at which the next row may begin. */
  #rowFrom = 0;
  #steps = 0;
  #usefulTaps = 0;

  constructor(context: Context, cu: number, queue: UnitQueue, fifo: ResultFifo) {
    const { machine, clock, table, tokens, account } = context;
    this.#cu = cu;
    this.#queue = queue;
    this.#fifo = fifo;
    this.#tokens = tokens;
    this.#table = table;
    this.#account = account;
    this.#macSetup = machine.latency.macSetup;
    this.#macPipeline = machine.latency.macPipeline;
    this.#readDone = machine.latency.readDone;
    this.#rowPeriod = machine.latency.rowPeriod;
    clock.attach(queue.clockNumber, this);
  }

  step(now: number): void {
    if (this.#current === NOTHING) {
      const started = this.#queue.tryStart(now);
      if (started === NOTHING) return;
      this.#begin(started, now);
    }
    this.#runWindows();
  }

  #begin(descriptor: number, now: number): void {
    const { kind, descriptor: d } = this.#table.dispatches[descriptor];
    if (kind !== 'MAC') throw new Error('defect: a MAC unit takes the descriptor of another unit');
    this.#current = descriptor;
    this.#d = d;
    this.#granules = Math.ceil(d.outWords / GRANULE_WORDS);
    this.#macsPerTap = d.depthwise === 1 ? Math.min(d.words, d.outWords) : d.words * d.outWords;
    this.#outputCycles = outputCycles(d.lanes);
    this.#setupEnd = now + this.#macSetup + paramLines(d.lanes);
    this.#windowEnd = Math.max(this.#setupEnd, this.#pathFreeAt);
    this.#x = d.x0;
    this.#y = 0;
    this.#rowsLeft = rowCount(d);
    this.#rowFrom = 0;
    this.#left = d.count;
    this.#steps = 0;
    this.#usefulTaps = 0;
    this.#enterRow(d);
  }

  #enterRow(d: MacDescriptor): void {
    this.#kernelRows = countValidTaps(d.iy0 + this.#y * d.strideH, d.dilationH, d.kernelH, d.inHeight);
    this.#rowsLeft--;
    this.#isRowStart = true;
  }

  #runWindows(): void {
    const d = this.#d!;
    while (this.#left > 0) {
      const credit = this.#fifo.takeCredits(this.#granules);
      if (credit < 0) return;
      let start = Math.max(this.#windowEnd, credit);
      if (this.#isRowStart) {
        start = Math.max(start, this.#rowFrom);
        this.#rowFrom = start + this.#rowPeriod;
        if (this.#rowsLeft === 0) this.#queue.lastRowBegan(start);
        this.#isRowStart = false;
      }
      const column = d.ix0 + this.#x * d.strideW;
      const kx0 = firstValidTap(column, d.dilationW, d.kernelW);
      const kx1 = endValidTap(column, d.dilationW, d.kernelW, d.inWidth, kx0);
      const steps = windowSteps(d, this.#kernelRows, kx0, kx1);
      this.#steps += steps;
      this.#usefulTaps += this.#kernelRows * (kx1 - kx0);
      this.#windowEnd = start + Math.max(steps, this.#outputCycles);
      this.#left--;
      const inFifo = this.#windowEnd - 1 + this.#macPipeline + this.#outputCycles;
      for (let j = 0; j < this.#granules; j++) {
        this.#fifo.push(inFifo + j, d.outCus, this.#left === 0 && j === this.#granules - 1 ? this.#current : NOTHING);
      }
      if (++this.#x === d.outWidth) {
        this.#x = 0;
        this.#y++;
        this.#enterRow(d);
      }
    }
    this.#finish();
  }

  #finish(): void {
    const descriptor = this.#current;
    this.#pathFreeAt = this.#windowEnd + this.#outputCycles;
    this.#account.macRan(this.#cu, descriptor, this.#setupEnd, this.#windowEnd, this.#steps, this.#usefulTaps * this.#macsPerTap);
    this.#tokens.signalRead(descriptor, this.#windowEnd - 1 + this.#readDone);
    this.#current = NOTHING;
    this.#queue.setFree(this.#windowEnd);
  }
}
