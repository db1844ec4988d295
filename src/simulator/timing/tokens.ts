/**
 * Token counters between units: a token signalled at t can be taken from t + tokenLatency.
 * Specification: docs/microarchitecture.md, sections 1 and 9 (T3).
 */
import { unitName } from '../../isa/field-codes.ts';
import { MAX_TOKENS, UNIT_ID_COUNT } from '../../isa/fields.ts';
import { JobError } from '../../util/errors.ts';
import { type Clock, clockOfUnit } from './clock.ts';
import type { DescriptorTable } from './descriptor-table.ts';

const COUNTERS_PER_KIND = UNIT_ID_COUNT * UNIT_ID_COUNT;
/** A counter holds this many tokens; as many entries of a ring. */
const RING = MAX_TOKENS;

export type TokenKind = 'read' | 'write';

/** Every counter as a ring of the cycles from which its tokens can be taken, with the descriptor that signalled each. */
export class Tokens {
  readonly #clock: Clock;
  readonly #table: DescriptorTable;
  readonly #latency: number;
  readonly #availableAt = new Float64Array(2 * COUNTERS_PER_KIND * RING);
  readonly #signaller = new Int32Array(2 * COUNTERS_PER_KIND * RING);
  readonly #head = new Uint8Array(2 * COUNTERS_PER_KIND);
  readonly #held = new Uint16Array(2 * COUNTERS_PER_KIND);
  /** The token of the last take that came last: the producing unit and descriptor; −1 without tokens. Ties: reads first, then by unit id. */
  criticalProducer = -1;
  criticalSignaller = -1;
  criticalKind: TokenKind = 'read';

  constructor(clock: Clock, table: DescriptorTable, tokenLatency: number) {
    this.#clock = clock;
    this.#table = table;
    this.#latency = tokenLatency;
  }

  signalRead(descriptor: number, cycle: number): void {
    this.#table.readSignalAt[descriptor] = cycle;
    this.#clock.touch(cycle);
    this.#signal(0, descriptor, this.#table.signalRead[descriptor], cycle);
  }

  signalWrite(descriptor: number, cycle: number): void {
    this.#table.writeSignalAt[descriptor] = cycle;
    this.#clock.touch(cycle);
    this.#signal(COUNTERS_PER_KIND, descriptor, this.#table.signalWrite[descriptor], cycle);
  }

  /** First cycle at which every token that the descriptor waits for is there; Infinity while one has not been signalled. */
  readyAt(descriptor: number): number {
    const consumer = this.#table.unitId[descriptor];
    const reads = this.#latest(0, consumer, this.#table.waitRead[descriptor]);
    return Math.max(reads, this.#latest(COUNTERS_PER_KIND, consumer, this.#table.waitWrite[descriptor]));
  }

  /** Takes the tokens of a descriptor that starts, and notes the one that came last. */
  take(descriptor: number): void {
    const consumer = this.#table.unitId[descriptor];
    this.criticalProducer = -1;
    this.criticalSignaller = -1;
    const last = this.#take(0, consumer, this.#table.waitRead[descriptor], Number.NEGATIVE_INFINITY);
    this.#take(COUNTERS_PER_KIND, consumer, this.#table.waitWrite[descriptor], last);
  }

  /** The tokens that a descriptor lacks, for people: "a write token of LDM". */
  describeMissing(descriptor: number): string {
    const consumer = this.#table.unitId[descriptor];
    const missing: string[] = [];
    for (const [kind, base, mask] of [
      ['read', 0, this.#table.waitRead[descriptor]],
      ['write', COUNTERS_PER_KIND, this.#table.waitWrite[descriptor]],
    ] as const) {
      for (let producer = 0; producer < UNIT_ID_COUNT; producer++) {
        if ((mask & (1 << producer)) !== 0 && this.#held[base + producer * UNIT_ID_COUNT + consumer] === 0) {
          missing.push(`a ${kind} token of ${unitName(producer) ?? `unit ${producer}`}`);
        }
      }
    }
    return missing.join(' and ');
  }

  #signal(base: number, descriptor: number, mask: number, cycle: number): void {
    if (mask === 0) return;
    const producer = this.#table.unitId[descriptor];
    for (let consumer = 0, rest = mask; rest !== 0; consumer++, rest >>= 1) {
      if ((rest & 1) === 0) continue;
      const counter = base + producer * UNIT_ID_COUNT + consumer;
      if (this.#held[counter] === MAX_TOKENS) {
        const names = `${unitName(producer)} → ${unitName(consumer) ?? consumer}`;
        throw new JobError(
          `token overflow: instruction ${this.#table.instruction[descriptor]} (${unitName(producer)}) signals the ${base === 0 ? 'read' : 'write'} token ` +
            `${names} at cycle ${cycle} when ${MAX_TOKENS} are untaken; a consumer's wait is missing`,
        );
      }
      const slot = counter * RING + ((this.#head[counter] + this.#held[counter]) & (RING - 1));
      this.#availableAt[slot] = cycle + this.#latency;
      this.#signaller[slot] = descriptor;
      this.#held[counter]++;
      if (this.#held[counter] === 1) this.#clock.wake(clockOfUnit(consumer), cycle + this.#latency);
    }
  }

  #latest(base: number, consumer: number, mask: number): number {
    let latest = 0;
    for (let producer = 0, rest = mask; rest !== 0; producer++, rest >>= 1) {
      if ((rest & 1) === 0) continue;
      const counter = base + producer * UNIT_ID_COUNT + consumer;
      if (this.#held[counter] === 0) return Number.POSITIVE_INFINITY;
      const at = this.#availableAt[counter * RING + this.#head[counter]];
      if (at > latest) latest = at;
    }
    return latest;
  }

  #take(base: number, consumer: number, mask: number, after: number): number {
    let latest = after;
    for (let producer = 0, rest = mask; rest !== 0; producer++, rest >>= 1) {
      if ((rest & 1) === 0) continue;
      const counter = base + producer * UNIT_ID_COUNT + consumer;
      const slot = counter * RING + this.#head[counter];
      if (this.#availableAt[slot] > latest) {
        latest = this.#availableAt[slot];
        this.criticalProducer = producer;
        this.criticalSignaller = this.#signaller[slot];
        this.criticalKind = base === 0 ? 'read' : 'write';
      }
      this.#head[counter] = (this.#head[counter] + 1) & (RING - 1);
      this.#held[counter]--;
    }
    return latest;
  }
}
