/** The naive twin's queues, tokens, starts and signals. Docs: microarchitecture.md, section 9, T2, T3, T11, T16, T18. */
import type { CoreTrace } from '../../../isa/core.ts';
import { UNIT_ID_COUNT } from '../../../isa/fields.ts';
import type { Machine } from '../../../machine/machine.ts';
import type { TwinClock } from './clock.test-util.ts';

/** Cycles of one dispatch; −1: not yet. */
export interface TwinRecord {
  arrival: number;
  start: number;
  readSignal: number;
  end: number;
}

export interface TwinControl {
  readonly records: readonly TwinRecord[];
  /** Puts a dispatch into its unit's queue (T2); false where that is full. */
  readonly enqueue: (index: number) => boolean;
  /** Takes the head of the unit's queue if it starts in this cycle; −1: none. */
  readonly tryStart: (unit: number) => number;
  /** The unit may prepare its next head from this cycle on: the last row of the descriptor before has begun. */
  readonly prepareFrom: (unit: number, cycle: number) => void;
  readonly signal: (kind: 'read' | 'write', index: number, cycle: number) => void;
  /** Signals of one kind of one unit are at least a cycle apart, in the order of the calls. */
  readonly signalInOrder: (kind: 'read' | 'write', index: number, cycle: number) => void;
}

/** Numbers of the bits that are set, of those that units have. */
export function bitsOf(mask: number): number[] {
  return Array.from({ length: UNIT_ID_COUNT }, (_, id) => id).filter((id) => (mask >> id) & 1);
}

/** Queues and token counters of all units, empty. */
export function makeControl(m: Machine, { dispatches }: CoreTrace, { now, at, event }: TwinClock): TwinControl {
  const lat = m.latency;
  const records: TwinRecord[] = dispatches.map(() => ({ arrival: -1, start: -1, readSignal: -1, end: -1 }));
  const tokens = new Map<string, number>();
  const key = (kind: string, p: number, c: number): string => `${kind} ${p} ${c}`;
  const lastSignals = new Map<string, number>();
  const queues: number[][] = Array.from({ length: UNIT_ID_COUNT }, () => []);
  const places = new Array<number>(UNIT_ID_COUNT).fill(m.queueDepth);
  const prepareFrom = new Array<number>(UNIT_ID_COUNT).fill(0);

  const signal: TwinControl['signal'] = (kind, index, cycle) => {
    const { unitId, descriptor: d } = dispatches[index];
    if (kind === 'read') records[index].readSignal = cycle;
    else records[index].end = cycle;
    event(cycle);
    for (const c of bitsOf(kind === 'read' ? d.signalRead : d.signalWrite)) {
      at(cycle + lat.tokenLatency, () => tokens.set(key(kind, unitId, c), (tokens.get(key(kind, unitId, c)) ?? 0) + 1));
    }
  };

  return {
    records,
    signal,
    signalInOrder: (kind, index, cycle) => {
      const of = `${kind} ${dispatches[index].unitId}`;
      const when = Math.max(cycle, (lastSignals.get(of) ?? -1) + 1);
      lastSignals.set(of, when);
      signal(kind, index, when);
    },
    enqueue: (index) => {
      const unit = dispatches[index].unitId;
      if (places[unit] === 0) return false;
      places[unit]--;
      records[index].arrival = now() + lat.queueLatency;
      at(now() + lat.queueLatency, () => {
        queues[unit].push(index);
      });
      return true;
    },
    prepareFrom: (unit, cycle) => {
      prepareFrom[unit] = cycle;
    },
    tryStart: (unit) => {
      const t = now();
      const head = queues[unit][0];
      if (head === undefined) return -1;
      const { kind, descriptor: d } = dispatches[head];
      if (kind === 'MAC' || kind === 'VEC') {
        const prepare = d.dilationH * d.dilationW > 1 ? lat.prepareDilated : lat.prepare;
        if (t < Math.max(records[head].arrival, prepareFrom[unit]) + prepare) return -1;
      }
      const needed = [...bitsOf(d.waitRead).map((p) => key('read', p, unit)), ...bitsOf(d.waitWrite).map((p) => key('write', p, unit))];
      if (needed.some((k) => (tokens.get(k) ?? 0) === 0)) return -1;
      for (const k of needed) tokens.set(k, tokens.get(k)! - 1);
      queues[unit].shift();
      at(t + 2, () => places[unit]++);
      records[head].start = t;
      prepareFrom[unit] = Number.POSITIVE_INFINITY;
      return head;
    },
  };
}
