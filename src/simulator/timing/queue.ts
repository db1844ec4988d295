/**
 * The head of a unit's descriptor queue and the rule by which a descriptor starts: unit free, all tokens there.
 * Specification: docs/microarchitecture.md, section 9 (T2, T3). Twins: sf_queue.sv, sf_start.sv.
 */
import { UNIT_ID } from '../../isa/fields.ts';
import { isDilatedWalk } from '../walker.ts';
import type { Account } from './account.ts';
import { type Clock, clockOfUnit } from './clock.ts';
import type { Context } from './context.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import type { Tokens } from './tokens.ts';

/** What is told of a start: the core may wait for the room. */
export interface QueueObserver {
  started(unitId: number, now: number): void;
}

/** A descriptor that starts at t makes room for a GO at t + 2: the core counts the room in a register of its own. */
const ROOM_LATENCY = 2;

export class UnitQueue {
  readonly unitId: number;
  readonly clockNumber: number;
  readonly #clock: Clock;
  readonly #table: DescriptorTable;
  readonly #tokens: Tokens;
  readonly #account: Account;
  readonly #observer: QueueObserver;
  readonly #order: Int32Array;
  /** Cycles for which the unit prepares the head descriptor without and with dilation (T3): MAC and VEC only. */
  readonly #prepare: number;
  readonly #prepareDilated: number;
  /** First cycle at which the unit may prepare the next descriptor. */
  #prepareFrom = 0;
  #pushed = 0;
  #next = 0;
  /** First cycle at which the unit can start a descriptor; Infinity while that is not known. */
  freeAt = 0;

  constructor(context: Context, unitId: number, observer: QueueObserver) {
    const { machine, clock, table, tokens, account } = context;
    this.unitId = unitId;
    this.clockNumber = clockOfUnit(unitId);
    this.#clock = clock;
    this.#table = table;
    this.#tokens = tokens;
    this.#account = account;
    this.#observer = observer;
    this.#order = table.order[unitId];
    this.#prepare = unitId >= UNIT_ID.mac(0) ? machine.latency.prepare : 0;
    this.#prepareDilated = unitId >= UNIT_ID.mac(0) ? machine.latency.prepareDilated : 0;
  }

  /** The next descriptor of the unit reaches its queue at `arrival`. */
  push(arrival: number): void {
    this.#table.arrivalAt[this.#order[this.#pushed++]] = arrival;
    if (this.#pushed === this.#next + 1) this.#clock.wake(this.clockNumber, arrival);
  }

  /** First cycle at which GO may push descriptor number `index` of the unit: the one `depth` before it has left the queue. Infinity: not known yet. */
  roomAt(index: number, depth: number): number {
    if (index < depth) return 0;
    return index - depth < this.#next ? this.#table.startAt[this.#order[index - depth]] + ROOM_LATENCY : Number.POSITIVE_INFINITY;
  }

  get pushed(): number {
    return this.#pushed;
  }

  /** The waiting head descriptor, −1 when the queue is empty. */
  get head(): number {
    return this.#next < this.#pushed ? this.#order[this.#next] : -1;
  }

  /** The unit works until `freeAt`, the first cycle at which it may start again. */
  setFree(freeAt: number): void {
    this.freeAt = freeAt;
    if (this.#next < this.#pushed) this.#clock.wake(this.clockNumber, freeAt);
  }

  /** The unit's last output row has begun at `now`: from the next cycle on it prepares the next descriptor. */
  lastRowBegan(now: number): void {
    this.#prepareFrom = now + 1;
  }

  /** Starts the head descriptor if it can start at `now`: takes its tokens and returns it, else −1 and the unit sleeps until it may. */
  tryStart(now: number): number {
    if (this.#next === this.#pushed) return -1;
    const descriptor = this.#order[this.#next];
    const tokensAt = this.#tokens.readyAt(descriptor);
    const ready = Math.max(this.freeAt, this.#preparedAt(descriptor), tokensAt);
    if (ready !== now) {
      if (ready < now) throw new Error(`defect: unit ${this.unitId} starts at ${now}, not at ${ready}`);
      if (ready !== Number.POSITIVE_INFINITY) this.#clock.wake(this.clockNumber, ready);
      return -1;
    }
    this.#tokens.take(descriptor);
    this.#table.startAt[descriptor] = now;
    this.#account.started(descriptor, this.freeAt, tokensAt, now, this.#tokens);
    this.#next++;
    this.freeAt = Number.POSITIVE_INFINITY;
    this.#observer.started(this.unitId, now);
    return descriptor;
  }

  /** First cycle at which the head descriptor is there and prepared. */
  #preparedAt(descriptor: number): number {
    const arrival = this.#table.arrivalAt[descriptor];
    const dispatch = this.#table.dispatches[descriptor];
    const isDilated = (dispatch.kind === 'MAC' || dispatch.kind === 'VEC') && isDilatedWalk(dispatch.descriptor);
    return Math.max(arrival, this.#prepareFrom) + (isDilated ? this.#prepareDilated : this.#prepare);
  }
}
