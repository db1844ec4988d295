/**
 * The load engines LDM (maps, activation table) and LDW (weights): bursts in order, a signal when the last line is written.
 * Specification: docs/microarchitecture.md, sections 6 and 9 (T15, T16). Twins: sf_ldm.sv, sf_ldw.sv.
 */
import { LDM_SPACES, UNIT_ID } from '../../isa/fields.ts';
import { LINE_WORDS } from '../../machine/machine.ts';
import type { Account } from './account.ts';
import type { Clocked } from './clock.ts';
import type { Context } from './context.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { BurstStream, LDM_ENGINE, LDW_ENGINE, LOAD_BUS_SLOTS, type LoadBus, type Memory, type MemoryClient, NEXT_OFFER } from './memory.ts';
import type { UnitQueue } from './queue.ts';
import type { Tokens } from './tokens.ts';

const NOTHING = -1;

export class LoadEngine implements Clocked, MemoryClient {
  readonly #queue: UnitQueue;
  readonly #memory: Memory;
  readonly #loadBus: LoadBus;
  readonly #tokens: Tokens;
  readonly #table: DescriptorTable;
  readonly #account: Account;
  readonly #engine: number;
  readonly #dmaSetup: number;
  readonly #bursts: BurstStream;
  #current = NOTHING;
  /** CUs whose maps the current descriptor writes; 0: no port B is involved. */
  #maps = 0;
  /** Latest load bus cycle of the current descriptor's lines so far. */
  #lastLine = 0;
  #lastSignal = 0;

  constructor(context: Context, queue: UnitQueue, memory: Memory, loadBus: LoadBus) {
    const { machine, clock, table, tokens, account } = context;
    this.#queue = queue;
    this.#memory = memory;
    this.#loadBus = loadBus;
    this.#tokens = tokens;
    this.#table = table;
    this.#account = account;
    this.#engine = queue.unitId === UNIT_ID.LDM ? LDM_ENGINE : LDW_ENGINE;
    this.#dmaSetup = machine.latency.dmaSetup;
    this.#bursts = new BurstStream(machine.axi.burstLines);
    memory.connect(this.#engine, this);
    clock.attach(queue.clockNumber, this);
  }

  step(now: number): void {
    if (this.#current !== NOTHING) return;
    const started = this.#queue.tryStart(now);
    if (started === NOTHING) return;
    this.#current = started;
    this.#lastLine = 0;
    const { kind, descriptor: d } = this.#table.dispatches[started];
    if (kind === 'LDM') {
      this.#maps = d.space === LDM_SPACES.maps ? d.cus : 0;
      this.#bursts.start(d.dramAddress, d.words, d.rows, d.dramStep);
    } else if (kind === 'LDW') {
      // The images follow each other in DRAM: one run, whose bursts may span images.
      this.#maps = 0;
      this.#bursts.start(d.dramAddress, d.images * d.lines * LINE_WORDS, 1, 0);
    }
    this.#memory.offer(this.#engine, now + this.#dmaSetup, this.#bursts.line, this.#bursts.lines);
  }

  accepted(now: number, loadBus: number): void {
    const lines = this.#bursts.lines;
    this.#account.read(this.#current, lines);
    if (this.#maps !== 0) for (let i = 0; i < lines; i++) this.#loadBus.reserve(now, loadBus + LOAD_BUS_SLOTS * i, this.#maps);
    // Ports differ in their backlog: the last burst's lines need not be the last to come.
    const last = loadBus + LOAD_BUS_SLOTS * (lines - 1);
    if (last > this.#lastLine) this.#lastLine = last;
    this.#bursts.next();
    if (this.#bursts.lines > 0) {
      this.#memory.offer(this.#engine, now + NEXT_OFFER, this.#bursts.line, this.#bursts.lines);
      return;
    }
    this.#lastSignal = Math.max(this.#lastLine, this.#lastSignal) + 1;
    this.#tokens.signalRead(this.#current, this.#lastSignal);
    this.#tokens.signalWrite(this.#current, this.#lastSignal);
    this.#current = NOTHING;
    this.#queue.setFree(now + NEXT_OFFER);
  }
}
