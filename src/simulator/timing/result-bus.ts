/**
 * The result bus of a cluster: one granule a cycle from any MAC or VEC unit to the maps buffers of a set of CUs.
 * Specification: docs/microarchitecture.md, sections 4 and 9 (T10). Twin: sf_result_bus.sv.
 */
import type { Machine } from '../../machine/machine.ts';
import { type Clock, type Clocked, RESULT_BUS } from './clock.ts';
import type { PortB } from './port-b.ts';
import type { ResultFifo } from './result-fifo.ts';

const NEVER = Number.POSITIVE_INFINITY;

export class ResultBus implements Clocked {
  readonly #clock: Clock;
  readonly #ports: readonly PortB[];
  readonly #busLatency: number;
  /** Sources in the order of rotation: MAC0, VEC0, MAC1, VEC1, … */
  readonly #sources: ResultFifo[] = [];
  readonly #grantAt: Float64Array;
  readonly #mask: Int32Array;
  #lastGranted: number;
  #lastStep = -1;

  constructor(clock: Clock, ports: readonly PortB[], machine: Machine) {
    this.#clock = clock;
    this.#ports = ports;
    this.#busLatency = machine.latency.busLatency;
    this.#grantAt = new Float64Array(2 * ports.length).fill(NEVER);
    this.#mask = new Int32Array(2 * ports.length);
    // After reset MAC0 comes first.
    this.#lastGranted = 2 * ports.length - 1;
    clock.attach(RESULT_BUS, this);
  }

  /** Sources are connected in the order of rotation; returns the source's number. */
  connect(source: ResultFifo): number {
    return this.#sources.push(source) - 1;
  }

  /** Source asks for its head granule to be sent to the CUs in `mask`, from `cycle` on. */
  request(source: number, cycle: number, mask: number): void {
    this.#grantAt[source] = cycle;
    this.#mask[source] = mask;
    this.#clock.wake(RESULT_BUS, cycle);
  }

  /** Grants the first source after the last granted one whose targets all have room. Evaluated before the ports B of the same cycle. */
  step(now: number): void {
    if (now === this.#lastStep) {
      this.#clock.wake(RESULT_BUS, now + 1);
      return;
    }
    this.#lastStep = now;
    const count = this.#sources.length;
    for (let i = 1; i <= count; i++) {
      const source = (this.#lastGranted + i) % count;
      if (this.#grantAt[source] <= now && this.#haveRoom(this.#mask[source], now)) {
        this.#lastGranted = source;
        this.#grantAt[source] = NEVER;
        this.#send(this.#sources[source], this.#mask[source], now);
        break;
      }
    }
    let next = NEVER;
    for (let source = 0; source < count; source++) {
      const at = this.#grantAt[source];
      // A ready request without room waits for a grant of port B, which wakes the bus.
      if (at < next && (at > now || this.#haveRoom(this.#mask[source], now + 1))) next = at > now ? at : now + 1;
    }
    if (next !== NEVER) this.#clock.wake(RESULT_BUS, next);
  }

  #haveRoom(mask: number, cycle: number): boolean {
    for (let cu = 0; cu < this.#ports.length; cu++) if ((mask & (1 << cu)) !== 0 && !this.#ports[cu].busHasRoom(cycle)) return false;
    return true;
  }

  #send(source: ResultFifo, mask: number, now: number): void {
    const last = source.headLast;
    for (let cu = 0; cu < this.#ports.length; cu++) {
      if ((mask & (1 << cu)) !== 0) this.#ports[cu].pushFromBus(now, now + this.#busLatency, source, last);
    }
    source.grantedByBus(now);
  }
}
