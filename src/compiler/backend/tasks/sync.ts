/**
 * Dependences become tokens. Walks the tasks in program order and keeps, for every unit, what it already knows of the others' progress (a vector
 * clock of read and write events); only dependences that are not yet implied cost a token pair. Specification: docs/compiler.md, "Tokens".
 * Requires a program order in which every dependence points backwards. Guarantees: every dependence is implied by tokens and unit order;
 * each wait of a unit for another takes exactly one token, in the order in which they are signalled.
 */
import { UNIT_ID_COUNT } from '../../../isa/fields.ts';
import type { Task } from './task.ts';

/** Token masks of one task. */
export interface Tokens {
  waitRead: number;
  waitWrite: number;
  signalRead: number;
  signalWrite: number;
}

/** Knowledge of one moment: per unit, how many tasks are known to have finished reading (writing). */
interface Clock {
  readonly read: Int32Array;
  readonly write: Int32Array;
}

/** Where a task is: in program order, and in its unit's (from 1). */
interface Position {
  readonly place: number;
  readonly serial: number;
}

/** An event of another task that must have happened. */
interface Need extends Position {
  readonly unit: number;
  readonly event: 'read' | 'write';
}

/**
 * Tasks of a unit that may be dispatched and not finished, generously (queues have up to 64 places): what lies further back has happened when a task that
 * waits for it reaches its own queue.
 */
const RECENT_TASKS = 72;

/** Token masks of the tasks of a program, in its order. `recent`: see RECENT_TASKS; any value is correct. */
export function assignTokens(order: readonly Task[], recent = RECENT_TASKS): Tokens[] {
  const tokens: Tokens[] = order.map(() => ({ waitRead: 0, waitWrite: 0, signalRead: 0, signalWrite: 0 }));
  const position = new Map<Task, Position>();
  /** Places of each unit's tasks. */
  const issued: number[][] = Array.from({ length: UNIT_ID_COUNT }, () => []);
  const known: Clock[] = Array.from({ length: UNIT_ID_COUNT }, newClock);
  /** What the unit of every task knew when the task started: reads, then writes of all units. One array, as programs have many tasks. */
  const starts = new Int32Array(order.length * 2 * UNIT_ID_COUNT);
  order.forEach((task, place) => {
    const clock = known[task.unit]!;
    const isKnown = ({ unit, event, serial }: Need): boolean => serial <= (event === 'write' ? clock.write : clock.read)[unit]!;
    // Latest in program order first, a write before the read of the same task: what a later task knew when it started may include an earlier one, never
    // the other way round, so that no wait is taken that another one implies.
    const waits = latestNeeds(task, position)
      .filter((need) => !isKnown(need))
      .map((need) => ({ need, at: postpone(need) }))
      .sort((a, b) => b.at.place - a.at.place || (a.at.event === 'write' ? -1 : 1));
    for (const { need, at } of waits) if (!isKnown(need)) wait(at);
    position.set(task, { place, serial: issued[task.unit]!.push(place) });
    starts.set(clock.read, 2 * place * UNIT_ID_COUNT);
    starts.set(clock.write, (2 * place + 1) * UNIT_ID_COUNT);

    /**
     * An old event is as good as the latest one that has happened for certain: what needs those between has nothing to wait for then. Without this a unit that
     * runs far ahead of another (weights that stay for hundreds of windows) would signal more tokens than a counter holds.
     */
    function postpone(need: Need): Need {
      const places = issued[need.unit]!;
      const serial = Math.max(need.serial, places.length - recent);
      return { ...need, serial, place: places[serial - 1]! };
    }

    function wait({ unit, place: from, serial, event }: Need): void {
      const producer = tokens[from]!;
      const consumer = tokens[place]!;
      const bit = 1 << unit;
      const own = 1 << task.unit;
      if (event === 'read') {
        consumer.waitRead |= bit;
        producer.signalRead |= own;
        clock.read[unit] = serial;
      } else {
        // A write event implies the read event of the same task.
        consumer.waitWrite |= bit;
        producer.signalWrite |= own;
        clock.write[unit] = serial;
        clock.read[unit] = Math.max(clock.read[unit]!, serial);
      }
      // What the producer knew when it started, the consumer knows now.
      const past = 2 * from * UNIT_ID_COUNT;
      for (let u = 0; u < UNIT_ID_COUNT; u++) {
        clock.read[u] = Math.max(clock.read[u]!, starts[past + u]!);
        clock.write[u] = Math.max(clock.write[u]!, starts[past + UNIT_ID_COUNT + u]!);
      }
    }
  });
  return tokens;
}

/** The latest event that a task needs of every unit and kind. */
function latestNeeds(task: Task, position: ReadonlyMap<Task, Position>): Need[] {
  const latest = new Map<number, Need>();
  for (const { task: earlier, event } of task.after) {
    const at = position.get(earlier);
    if (!at) throw new Error(`task ${task.index} (${task.tile}) depends on a task behind it in program order`);
    const { unit } = earlier;
    if (unit === task.unit && isOrdered(task.kind, event)) continue;
    const key = 2 * unit + (event === 'read' ? 1 : 0);
    const known = latest.get(key);
    if (!known || at.serial > known.serial) latest.set(key, { ...at, unit, event });
  }
  return [...latest.values()];
}

/**
 * Events that a unit's own order guarantees: it reads in order, and stores keep their order of effect. The results of a MAC or VEC unit are written some
 * cycles after the next descriptor may start, and by two ways (own port, result bus); lines of loads come by several AXI ports, each at its own pace: what
 * depends on them needs a token from the unit to itself.
 */
function isOrdered(kind: Task['kind'], event: 'read' | 'write'): boolean {
  return event === 'read' || kind === 'ST';
}

function newClock(): Clock {
  return { read: new Int32Array(UNIT_ID_COUNT), write: new Int32Array(UNIT_ID_COUNT) };
}
