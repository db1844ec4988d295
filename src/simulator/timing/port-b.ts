/**
 * Port B of one CU's maps buffer: one access a cycle, fixed priority; and the CU's FIFO of results that come by the result bus.
 * Specification: docs/microarchitecture.md, sections 7 and 9 (T9, T10). Twin: sf_port_b.sv.
 */
import type { Machine } from '../../machine/machine.ts';
import { type Clock, type Clocked, RESULT_BUS } from './clock.ts';
import type { LoadBus } from './memory.ts';
import type { ResultFifo } from './result-fifo.ts';

/** Requesters below the load bus, in the order of their priority. */
const FROM_BUS = 0;
export const MAC_RESULT = 1;
export const VEC_RESULT = 2;
export const VEC_READ = 3;
export const ST_READ = 4;
const REQUESTERS = 5;
const NEVER = Number.POSITIVE_INFINITY;

/** A unit that requests port B accesses and is told of the grant. */
export interface PortClient {
  granted(now: number): void;
}

export class PortB implements Clocked {
  readonly #clock: Clock;
  readonly #clockNumber: number;
  readonly #loadBus: LoadBus;
  readonly #cuBit: number;
  /** First cycle at which each requester may be granted; Infinity without a request. */
  readonly #grantAt = new Float64Array(REQUESTERS).fill(NEVER);
  readonly #clients: PortClient[] = [];
  #lastStep = -1;

  // --- bus-in FIFO ---
  /** Entries that the result bus counts on, and one more: it sees a grant two cycles later. */
  readonly #busRoom: number;
  readonly #busDepth: number;
  readonly #busReadyAt: Float64Array;
  readonly #busSource: ResultFifo[];
  /** Descriptor whose last granule the entry is, else −1. */
  readonly #busLast: Int32Array;
  #busHead = 0;
  #busHeld = 0;
  /** Cycle of the bus grant of the newest entry. */
  #busGrantedAt = -NEVER;

  constructor(cu: number, clock: Clock, clockNumber: number, loadBus: LoadBus, machine: Machine) {
    this.#clock = clock;
    this.#clockNumber = clockNumber;
    this.#loadBus = loadBus;
    this.#cuBit = 1 << cu;
    this.#busRoom = machine.busFifoEntries;
    this.#busDepth = machine.busFifoEntries + 1;
    this.#busReadyAt = new Float64Array(this.#busDepth);
    this.#busSource = new Array(this.#busDepth);
    this.#busLast = new Int32Array(this.#busDepth);
    clock.attach(clockNumber, this);
  }

  connect(requester: number, client: PortClient): void {
    this.#clients[requester] = client;
  }

  /** Raises a request that may be granted from `cycle` on. A requester has one request at a time. */
  request(requester: number, cycle: number): void {
    this.#grantAt[requester] = cycle;
    this.#clock.wake(this.#clockNumber, cycle);
  }

  /** Has the bus-in FIFO room for a bus grant at `cycle`? The grant of the cycle before does not count yet. */
  busHasRoom(cycle: number): boolean {
    return this.#busHeld - (this.#busGrantedAt >= cycle - 1 ? 1 : 0) < this.#busRoom;
  }

  /** A granule from the result bus, granted at `now`, which requests the port from `requestAt` on. */
  pushFromBus(now: number, requestAt: number, source: ResultFifo, last: number): void {
    this.#busGrantedAt = now;
    const slot = (this.#busHead + this.#busHeld) % this.#busDepth;
    this.#busReadyAt[slot] = requestAt + 1;
    this.#busSource[slot] = source;
    this.#busLast[slot] = last;
    if (this.#busHeld++ === 0) this.request(FROM_BUS, requestAt + 1);
  }

  step(now: number): void {
    const grantAt = this.#grantAt;
    if (now !== this.#lastStep && (this.#loadBus.cusAt(now) & this.#cuBit) === 0) {
      for (let requester = 0; requester < REQUESTERS; requester++) {
        if (grantAt[requester] <= now) {
          grantAt[requester] = NEVER;
          if (requester === FROM_BUS) this.#grantFromBus(now);
          else this.#clients[requester].granted(now);
          break;
        }
      }
    }
    this.#lastStep = now;
    let next = NEVER;
    for (let requester = 0; requester < REQUESTERS; requester++) if (grantAt[requester] < next) next = grantAt[requester];
    if (next !== NEVER) this.#clock.wake(this.#clockNumber, next > now ? next : now + 1);
  }

  #grantFromBus(now: number): void {
    const slot = this.#busHead;
    this.#busHead = (slot + 1) % this.#busDepth;
    this.#busHeld--;
    if (this.#busHeld > 0) {
      const ready = this.#busReadyAt[this.#busHead];
      this.request(FROM_BUS, ready > now ? ready : now + 1);
    }
    this.#clock.wake(RESULT_BUS, now + 1);
    if (this.#busLast[slot] >= 0) this.#busSource[slot].writtenFromBus(this.#busLast[slot], now);
  }
}
