/**
 * The result FIFO of a MAC or VEC unit with its credits, and the write signals of the descriptors whose results pass through it.
 * Specification: docs/microarchitecture.md, sections 4 and 9 (T8 to T11). Twin: sf_result_fifo.sv.
 *
 * The owner may push granules ahead of time: each entry carries the cycle at which it is in the FIFO.
 */
import type { Clock } from './clock.ts';
import type { Context } from './context.ts';
import type { PortB, PortClient } from './port-b.ts';
import type { UnitQueue } from './queue.ts';
import type { ResultBus } from './result-bus.ts';
import type { Tokens } from './tokens.ts';

export class ResultFifo implements PortClient {
  readonly #clock: Clock;
  readonly #ownerClock: number;
  readonly #tokens: Tokens;
  readonly #port: PortB;
  readonly #requester: number;
  readonly #bus: ResultBus;
  readonly #busSource: number;
  readonly #ownMask: number;
  readonly #creditLatency: number;
  readonly #busLatency: number;
  readonly #entries: number;

  // --- entries ---
  readonly #readyAt: Float64Array;
  readonly #mask: Int32Array;
  /** Descriptor whose last granule the entry is, else −1. */
  readonly #last: Int32Array;
  #head = 0;
  #held = 0;

  // --- credits: the cycles from which they can be taken ---
  readonly #creditAt: Float64Array;
  #creditHead = 0;
  #creditsKnown: number;
  /** The owner sleeps until this many credits are known. */
  #wanted = 0;

  // --- write signals, in the order of the descriptors ---
  readonly #order: Int32Array;
  #signalNext = 0;
  #lastSignal = 0;
  /** By descriptor: cycle at which its last granule is known to be written everywhere, NaN before. */
  readonly #writtenAt: Float64Array;
  /** By descriptor: targets whose last granule is not granted yet. */
  readonly #targetsLeft: Int8Array;

  constructor(context: Context, queue: UnitQueue, cu: number, entries: number, port: PortB, requester: number, bus: ResultBus) {
    const { clock, table, tokens, machine } = context;
    this.#clock = clock;
    this.#ownerClock = queue.clockNumber;
    this.#tokens = tokens;
    this.#port = port;
    this.#requester = requester;
    this.#bus = bus;
    this.#ownMask = 1 << cu;
    this.#creditLatency = machine.latency.creditLatency;
    this.#busLatency = machine.latency.busLatency;
    this.#entries = entries;
    this.#readyAt = new Float64Array(entries);
    this.#mask = new Int32Array(entries);
    this.#last = new Int32Array(entries);
    this.#creditAt = new Float64Array(entries);
    this.#creditsKnown = entries;
    this.#order = table.order[queue.unitId];
    this.#writtenAt = new Float64Array(table.count).fill(Number.NaN);
    this.#targetsLeft = new Int8Array(table.count);
    port.connect(requester, this);
    this.#busSource = bus.connect(this);
  }

  /** Takes `count` credits: returns the first cycle at which all of them are back, or −1 when that is not known yet (the owner is woken then). */
  takeCredits(count: number): number {
    if (this.#creditsKnown < count) {
      this.#wanted = count;
      return -1;
    }
    const slot = (this.#creditHead + count - 1) % this.#entries;
    this.#creditHead = (slot + 1) % this.#entries;
    this.#creditsKnown -= count;
    return this.#creditAt[slot];
  }

  /** A granule for the CUs in `mask` is in the FIFO at `readyAt`; `last`: the descriptor that it completes, else −1. */
  push(readyAt: number, mask: number, last: number): void {
    const slot = (this.#head + this.#held) % this.#entries;
    this.#readyAt[slot] = readyAt;
    this.#mask[slot] = mask;
    this.#last[slot] = last;
    if (this.#held++ === 0) this.#raise(readyAt);
  }

  get headLast(): number {
    return this.#last[this.#head];
  }

  /** Port B of the own CU has taken the head granule: it is in the buffer a cycle later. */
  granted(now: number): void {
    const last = this.#last[this.#head];
    this.#pop(now, now);
    if (last >= 0) this.#written(last, now + 1);
  }

  /** The result bus has taken the head granule. */
  grantedByBus(now: number): void {
    const last = this.#last[this.#head];
    if (last >= 0) this.#targetsLeft[last] = countBits(this.#mask[this.#head]);
    this.#pop(now, now + 1);
  }

  /** Port B of one target has taken the last granule of a descriptor, which came by the bus; its acknowledge goes the same way back. */
  writtenFromBus(descriptor: number, now: number): void {
    if (--this.#targetsLeft[descriptor] === 0) this.#written(descriptor, now + 1 + this.#busLatency);
  }

  /** The head granule was granted at `now`; the next one may raise its request at `raise`. */
  #pop(now: number, raise: number): void {
    this.#creditAt[(this.#creditHead + this.#creditsKnown) % this.#entries] = now + this.#creditLatency;
    this.#creditsKnown++;
    this.#head = (this.#head + 1) % this.#entries;
    this.#held--;
    if (this.#held > 0) this.#raise(Math.max(raise, this.#readyAt[this.#head]));
    if (this.#wanted > 0 && this.#creditsKnown >= this.#wanted) {
      this.#wanted = 0;
      this.#clock.wake(this.#ownerClock, now);
    }
  }

  /** The head granule raises its request at `cycle`: granted in the next cycle at the earliest. */
  #raise(cycle: number): void {
    const mask = this.#mask[this.#head];
    if (mask === this.#ownMask) this.#port.request(this.#requester, cycle + 1);
    else this.#bus.request(this.#busSource, cycle + 1, mask);
  }

  /** Signals in the order of the descriptors, at most one a cycle. */
  #written(descriptor: number, cycle: number): void {
    this.#writtenAt[descriptor] = cycle;
    while (this.#signalNext < this.#order.length) {
      const next = this.#order[this.#signalNext];
      const at = this.#writtenAt[next];
      if (Number.isNaN(at)) return;
      this.#lastSignal = Math.max(at, this.#lastSignal + 1);
      this.#tokens.signalWrite(next, this.#lastSignal);
      this.#signalNext++;
    }
  }
}

function countBits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
