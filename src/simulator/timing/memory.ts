/**
 * DRAM behind the AXI ports: acceptance of bursts, service, read data at the ports, slots of the load bus, write responses.
 * Specification: docs/microarchitecture.md, section 6. Twin: the test memory of the RTL.
 *
 * Everything about a burst follows from the cycle of its acceptance, so one evaluation per burst is enough.
 */
import { bytesPerCycle, LINE_BYTES, type Machine } from '../../machine/machine.ts';
import { type Clock, MEMORY } from './clock.ts';

/** Engines in the order of their priority. */
export const FETCH_ENGINE = 0;
export const ST_ENGINE = 1;
export const LDM_ENGINE = 2;
export const LDW_ENGINE = 3;
const ENGINES = 4;

/** Slots of the load bus: port p owns the cycles congruent to p modulo 4, a line's beats at a port. */
export const LOAD_BUS_SLOTS = 4;
/** An engine knows of an acceptance at t in the cycle after it, in a register, and can offer its next burst at t + 2. */
export const NEXT_OFFER = 2;
/** Lines of an aligned block of 128 bytes; a block belongs to one port. */
const BLOCK_LINES = 4;

/** An engine that offers bursts to the memory. */
export interface MemoryClient {
  /**
   * The pending offer was accepted at `now`.
   * @param cycle reads: load bus cycle of the first line, further lines follow every 4 cycles; writes: cycle of the response.
   */
  accepted(now: number, cycle: number): void;
}

/** Called for every accepted burst: for bandwidth over time. The memory transfers it from `from` to `to`, in cycles with fractions. */
export type BurstObserver = (cycle: number, engine: number, lines: number, from: number, to: number, port: number) => void;

const NEVER = Number.POSITIVE_INFINITY;

export class Memory {
  readonly #clock: Clock;
  readonly #observe: BurstObserver | undefined;
  readonly #clients: MemoryClient[] = [];
  readonly #ports: number;
  readonly #readLatency: number;
  readonly #writeLatency: number;
  /** Time is counted in 1/#unit cycles; a line takes #lineTime of them. */
  readonly #unit: number;
  readonly #lineTime: number;
  /** End of the last burst's service, in 1/#unit cycles. */
  #serviceEnd = 0;

  readonly #offerAt = new Float64Array(ENGINES).fill(NEVER);
  readonly #offerPort = new Int32Array(ENGINES);
  readonly #offerLines = new Int32Array(ENGINES);

  /** Cycle from which each burst slot of an engine (reads: also of a port) can be taken again. */
  readonly #engineSlots: Float64Array[] = [];
  /** Index of the slot of the engine that is free first. */
  readonly #firstSlot = new Int32Array(ENGINES);
  readonly #portSlots: Float64Array[] = [];
  readonly #nextPortSlot: Int32Array;
  /** First cycle at which the read data path of a port is free. */
  readonly #portFreeAt: Float64Array;
  /** First cycle at which the write data path of a port is free. */
  readonly #portWriteFreeAt: Float64Array;
  #lastStep = -1;

  constructor(clock: Clock, machine: Machine, observe?: BurstObserver) {
    const { axi, dram } = machine;
    const { numerator, denominator } = bytesPerCycle(machine);
    this.#clock = clock;
    this.#observe = observe;
    this.#ports = axi.ports;
    this.#readLatency = dram.readLatency;
    this.#writeLatency = dram.writeLatency;
    this.#unit = numerator;
    this.#lineTime = LINE_BYTES * denominator;
    for (let e = 0; e < ENGINES; e++) {
      this.#engineSlots.push(new Float64Array(e === ST_ENGINE ? axi.writesOutstanding : axi.readsPerEngine));
    }
    for (let p = 0; p < axi.ports; p++) this.#portSlots.push(new Float64Array(axi.readsPerPort));
    this.#nextPortSlot = new Int32Array(axi.ports);
    this.#portFreeAt = new Float64Array(axi.ports);
    this.#portWriteFreeAt = new Float64Array(axi.ports);
    clock.attach(MEMORY, this);
  }

  connect(engine: number, client: MemoryClient): void {
    this.#clients[engine] = client;
  }

  /** Port of a DRAM line. */
  portOf(line: number): number {
    return Math.floor(line / BLOCK_LINES) % this.#ports;
  }

  /** Offers the burst of `lines` lines at DRAM line `line` from cycle `at` on. An engine has one offer at a time. */
  offer(engine: number, at: number, line: number, lines: number): void {
    this.#offerAt[engine] = at;
    this.#offerPort[engine] = this.portOf(line);
    this.#offerLines[engine] = lines;
    this.#clock.wake(MEMORY, this.#earliest(engine));
  }

  /** Takes back an offer that has not been accepted. */
  withdraw(engine: number): void {
    this.#offerAt[engine] = NEVER;
  }

  /** Accepts the offer of highest priority that has room; at most one burst a cycle. */
  step(now: number): void {
    if (now === this.#lastStep) {
      this.#clock.wake(MEMORY, now + 1);
      return;
    }
    this.#lastStep = now;
    for (let engine = 0; engine < ENGINES; engine++) {
      if (this.#offerAt[engine] <= now && this.#earliest(engine) <= now) {
        this.#accept(engine, now);
        break;
      }
    }
    let next = NEVER;
    for (let engine = 0; engine < ENGINES; engine++) {
      if (this.#offerAt[engine] === NEVER) continue;
      const at = this.#earliest(engine);
      if (at < next) next = at;
    }
    if (next !== NEVER) this.#clock.wake(MEMORY, next > now ? next : now + 1);
  }

  /** First cycle at which the offer has room, as far as it is known; other acceptances only delay it. */
  #earliest(engine: number): number {
    let at = this.#offerAt[engine];
    const engineAt = this.#engineSlots[engine][this.#firstSlot[engine]];
    if (engineAt > at) at = engineAt;
    if (engine !== ST_ENGINE) {
      const port = this.#offerPort[engine];
      const portAt = this.#portSlots[port][this.#nextPortSlot[port]];
      if (portAt > at) at = portAt;
    }
    return at;
  }

  #accept(engine: number, now: number): void {
    const lines = this.#offerLines[engine];
    this.#offerAt[engine] = NEVER;
    const service = Math.max(now * this.#unit, this.#serviceEnd);
    this.#serviceEnd = service + lines * this.#lineTime;
    const port = this.#offerPort[engine];
    this.#observe?.(now, engine, lines, service / this.#unit, this.#serviceEnd / this.#unit, port);
    if (engine === ST_ENGINE) {
      // The port takes a beat a cycle: data wait for those of its earlier bursts.
      const dataFrom = Math.max(now, this.#portWriteFreeAt[port]);
      this.#portWriteFreeAt[port] = dataFrom + LOAD_BUS_SLOTS * lines;
      const response = Math.max(Math.ceil(this.#serviceEnd / this.#unit), dataFrom) + this.#writeLatency;
      this.#occupy(engine, response + 1);
      this.#clients[engine].accepted(now, response);
      return;
    }
    const firstBeat = Math.max(Math.ceil(service / this.#unit) + this.#readLatency, this.#portFreeAt[port]);
    const free = firstBeat + LOAD_BUS_SLOTS * lines;
    this.#portFreeAt[port] = free;
    // The last beat is at free − 1: its cycle still counts as outstanding.
    this.#occupy(engine, free);
    const slots = this.#portSlots[port];
    slots[this.#nextPortSlot[port]] = free;
    this.#nextPortSlot[port] = (this.#nextPortSlot[port] + 1) % slots.length;
    // First line: last beat at firstBeat + 3, on the load bus in the first cycle of the port's slot after it.
    const ready = firstBeat + LOAD_BUS_SLOTS;
    this.#clients[engine].accepted(now, ready + ((port - (ready % LOAD_BUS_SLOTS) + LOAD_BUS_SLOTS) % LOAD_BUS_SLOTS));
  }

  #occupy(engine: number, until: number): void {
    const slots = this.#engineSlots[engine];
    slots[this.#firstSlot[engine]] = until;
    let first = 0;
    for (let i = 1; i < slots.length; i++) if (slots[i] < slots[first]) first = i;
    this.#firstSlot[engine] = first;
  }
}

/** Splits runs of DRAM words into bursts: at most `burstLines` lines, inside an aligned block of that many lines. */
export class BurstStream {
  readonly #burstLines: number;
  #rowsLeft = 0;
  #rowAddress = 0;
  #rowStep = 0;
  #words = 0;
  #lineEnd = 0;
  /** First DRAM line of the current burst. */
  line = 0;
  /** Lines of the current burst; 0 after the last one. */
  lines = 0;

  constructor(burstLines: number) {
    this.#burstLines = burstLines;
  }

  /** `rows` runs of `words` words from word address `address`, `step` words apart (modulo 2^32). */
  start(address: number, words: number, rows: number, step: number): void {
    this.#rowAddress = address;
    this.#rowStep = step;
    this.#words = words;
    this.#rowsLeft = rows;
    this.#nextRow();
  }

  /** Advances to the next burst. */
  next(): void {
    this.line += this.lines;
    if (this.line === this.#lineEnd) {
      this.#rowAddress = (this.#rowAddress + this.#rowStep) % 2 ** 32;
      this.#nextRow();
    } else this.#cut();
  }

  #nextRow(): void {
    if (this.#rowsLeft === 0) {
      this.lines = 0;
      return;
    }
    this.#rowsLeft--;
    this.line = Math.floor(this.#rowAddress / 16);
    this.#lineEnd = Math.floor((this.#rowAddress + this.#words - 1) / 16) + 1;
    this.#cut();
  }

  #cut(): void {
    this.lines = Math.min(this.#burstLines - (this.line % this.#burstLines), this.#lineEnd - this.line);
  }
}

/** Cycles in which the load bus writes maps, by slot: port B of a CU is taken then. Entries of a slot come in order of time. */
export class LoadBus {
  readonly #cycles: Float64Array[] = [];
  readonly #masks: Uint8Array[] = [];
  readonly #head = new Int32Array(LOAD_BUS_SLOTS);
  readonly #tail = new Int32Array(LOAD_BUS_SLOTS);
  readonly #mask: number;

  constructor(machine: Machine) {
    // Lines of all bursts outstanding at a port, and of one more whose last line may still wait for its slot.
    const size = 2 ** Math.ceil(Math.log2((machine.axi.readsPerPort + 2) * machine.axi.burstLines));
    this.#mask = size - 1;
    for (let slot = 0; slot < LOAD_BUS_SLOTS; slot++) {
      this.#cycles.push(new Float64Array(size).fill(NEVER));
      this.#masks.push(new Uint8Array(size));
    }
  }

  /** The line on the load bus at `cycle` is written to the maps of the CUs in `cus`; known from `now` on. */
  reserve(now: number, cycle: number, cus: number): void {
    const slot = cycle % LOAD_BUS_SLOTS;
    this.#skipTo(now, slot);
    const at = this.#tail[slot] & this.#mask;
    this.#cycles[slot][at] = cycle;
    this.#masks[slot][at] = cus;
    this.#tail[slot]++;
  }

  /** CUs whose port B the load bus takes at `now`; asked in order of time. */
  cusAt(now: number): number {
    const slot = now % LOAD_BUS_SLOTS;
    const head = this.#skipTo(now, slot);
    return head !== this.#tail[slot] && this.#cycles[slot][head & this.#mask] === now ? this.#masks[slot][head & this.#mask] : 0;
  }

  /** Forgets what is before `now`; returns the first entry left. */
  #skipTo(now: number, slot: number): number {
    const cycles = this.#cycles[slot];
    let head = this.#head[slot];
    while (head !== this.#tail[slot] && cycles[head & this.#mask] < now) head++;
    this.#head[slot] = head;
    return head;
  }
}
