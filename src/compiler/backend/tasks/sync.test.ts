import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNIT_ID } from '../../../isa/fields.ts';
import { orderTasks } from './order.ts';
import { assignTokens, type Tokens } from './sync.ts';
import { type BareDescriptor, type Piece, SPACE, type Task, TaskList } from './task.ts';

const UNITS = [UNIT_ID.LDM, UNIT_ID.LDW, UNIT_ID.ST, UNIT_ID.mac(0), UNIT_ID.mac(1), UNIT_ID.vec(0), UNIT_ID.vec(1)];
const KIND = new Map<number, Task['kind']>([
  [UNIT_ID.LDM, 'LDM'],
  [UNIT_ID.LDW, 'LDW'],
  [UNIT_ID.ST, 'ST'],
  [UNIT_ID.mac(0), 'MAC'],
  [UNIT_ID.mac(1), 'MAC'],
  [UNIT_ID.vec(0), 'VEC'],
  [UNIT_ID.vec(1), 'VEC'],
]);

/** A step of a random program: a unit reads some current pieces and starts a new one. */
interface Step {
  unit: number;
  reads: number[];
  start: number;
  length: number;
}

const steps = fc.array(
  fc.record({
    unit: fc.constantFrom(...UNITS),
    reads: fc.array(fc.nat(7), { maxLength: 3 }),
    start: fc.nat(15),
    length: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 1, maxLength: 60 },
);

/** Tasks behind which an event is old: the programs here are short. */
const recent = fc.constantFrom(0, 1, 3, 1000);

function buildTasks(program: readonly Step[]): Task[] {
  const list = new TaskList();
  const pieces: Piece[] = [];
  for (const step of program) {
    const reads = step.reads.filter((r) => r < pieces.length).map((r) => pieces[pieces.length - 1 - r]!);
    const write = list.newPiece(SPACE.maps(0), step.start, step.start + step.length);
    list.add(step.unit, KIND.get(step.unit)! as 'LDM', {} as BareDescriptor<'LDM'>, { layer: 0, tile: '' }, reads, [write]);
    pieces.push(write);
  }
  return list.tasks;
}

/** Run the queues with tokens in a random interleaving; returns what went wrong, if anything. */
function play(order: readonly Task[], tokens: readonly Tokens[], choose: (n: number) => number): string | undefined {
  const queues = new Map<number, number[]>(UNITS.map((unit) => [unit, []]));
  for (const [place, task] of order.entries()) queues.get(task.unit)!.push(place);
  const read = new Map<string, number>();
  const write = new Map<string, number>();
  const doneRead = new Set<Task>();
  const doneWrite = new Set<Task>();
  // Writes end later than reads; both in order within a unit.
  const pendingRead = new Map<number, number[]>(UNITS.map((unit) => [unit, []]));
  const pendingWrite = new Map<number, number[]>(UNITS.map((unit) => [unit, []]));
  const take = (counters: Map<string, number>, mask: number, unit: number): boolean =>
    UNITS.every((from) => !(mask & (1 << from)) || (counters.get(`${from}>${unit}`) ?? 0) > 0);
  const change = (counters: Map<string, number>, from: number, to: number, by: number): void => {
    counters.set(`${from}>${to}`, (counters.get(`${from}>${to}`) ?? 0) + by);
  };
  for (;;) {
    const moves: (() => string | undefined)[] = [];
    for (const unit of UNITS) {
      const place = queues.get(unit)![0];
      if (place !== undefined) {
        const need = tokens[place]!;
        if (take(read, need.waitRead, unit) && take(write, need.waitWrite, unit)) {
          moves.push(() => {
            for (const from of UNITS) {
              if (need.waitRead & (1 << from)) change(read, from, unit, -1);
              if (need.waitWrite & (1 << from)) change(write, from, unit, -1);
            }
            queues.get(unit)!.shift();
            pendingRead.get(unit)!.push(place);
            for (const { task, event } of order[place]!.after) {
              const isSameUnit = task.unit === unit && (event === 'read' || task.kind === 'ST');
              if (!isSameUnit && !(event === 'read' ? doneRead : doneWrite).has(task))
                return `${place} starts before ${event} of ${task.index}`;
            }
            return undefined;
          });
        }
      }
      const reading = pendingRead.get(unit)![0];
      if (reading !== undefined) {
        moves.push(() => {
          pendingRead.get(unit)!.shift();
          pendingWrite.get(unit)!.push(reading);
          doneRead.add(order[reading]!);
          for (const to of UNITS) if (tokens[reading]!.signalRead & (1 << to)) change(read, unit, to, 1);
          return undefined;
        });
      }
      const writing = pendingWrite.get(unit)![0];
      if (writing !== undefined) {
        moves.push(() => {
          pendingWrite.get(unit)!.shift();
          doneWrite.add(order[writing]!);
          for (const to of UNITS) if (tokens[writing]!.signalWrite & (1 << to)) change(write, unit, to, 1);
          return undefined;
        });
      }
    }
    if (moves.length === 0) break;
    const wrong = moves[choose(moves.length)]!();
    if (wrong) return wrong;
  }
  if (doneWrite.size !== order.length) return `deadlock after ${doneWrite.size} of ${order.length}`;
  const left = [...read.values(), ...write.values()].filter((n) => n !== 0).length;
  return left === 0 ? undefined : `${left} counters hold tokens that nobody took`;
}

describe('assignTokens', () => {
  it('orders every dependence in every interleaving, without deadlock and without tokens left over', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), recent, fc.infiniteStream(fc.nat(1000)), (program, prefetch, tasks, stream) => {
        const order = orderTasks(buildTasks(program), prefetch);
        const tokens = assignTokens(order, tasks);
        const choose = (n: number): number => (stream.next().value as number) % n;
        expect(play(order, tokens, choose)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('finds a dependence that is missing (the checker can fail)', () => {
    const list = new TaskList();
    const piece = list.newPiece(SPACE.maps(0), 0, 8);
    list.add(UNIT_ID.LDM, 'LDM', {} as BareDescriptor<'LDM'>, { layer: 0, tile: '' }, [], [piece]);
    list.add(UNIT_ID.mac(0), 'MAC', {} as BareDescriptor<'MAC'>, { layer: 0, tile: '' }, [piece], []);
    const tokens = assignTokens(list.tasks);
    expect(tokens[1]!.waitWrite).toBe(1 << UNIT_ID.LDM);
    tokens[1]!.waitWrite = 0;
    tokens[0]!.signalWrite = 0;
    expect(play(list.tasks, tokens, (n) => n - 1)).toMatch(/starts before write/);
  });
});

/**
 * Events as nodes (start, end of reading, end of writing of every task) and what orders them: a task itself, its unit, tokens. Tokens of a counter are
 * taken in the order in which they are given.
 */
function eventGraph(order: readonly Task[], tokens: readonly Tokens[]) {
  const node = (place: number, event: 'start' | 'read' | 'write'): number => 3 * place + ['start', 'read', 'write'].indexOf(event);
  const edges: number[][] = Array.from({ length: 3 * order.length }, () => []);
  const last = new Map<number, number>();
  order.forEach((task, place) => {
    edges[node(place, 'start')].push(node(place, 'read'));
    edges[node(place, 'read')].push(node(place, 'write'));
    const previous = last.get(task.unit);
    if (previous !== undefined) {
      for (const event of ['start', 'read', 'write'] as const) edges[node(previous, event)].push(node(place, event));
    }
    last.set(task.unit, place);
  });
  const taken: { from: number; to: number }[] = [];
  for (const event of ['read', 'write'] as const) {
    const [signal, wait] = event === 'read' ? (['signalRead', 'waitRead'] as const) : (['signalWrite', 'waitWrite'] as const);
    for (const producer of UNITS) {
      for (const consumer of UNITS) {
        const places = order.map((_, place) => place);
        const given = places.filter((place) => order[place].unit === producer && tokens[place][signal] & (1 << consumer));
        const takers = places.filter((place) => order[place].unit === consumer && tokens[place][wait] & (1 << producer));
        takers.forEach((taker, i) => {
          taken.push({ from: node(given[i], event), to: node(taker, 'start') });
        });
      }
    }
  }
  for (const { from, to } of taken) edges[from].push(to);
  /** Is `to` behind `from`, also without one of the tokens? */
  const follows = (from: number, to: number, without?: { from: number; to: number }): boolean => {
    const seen = new Set([from]);
    for (const at of seen) {
      if (at === to) return true;
      for (const next of edges[at]) if (!(without && at === without.from && next === without.to)) seen.add(next);
    }
    return false;
  };
  return { node, taken, follows };
}

describe('tokens', () => {
  it('are enough for every dependence, and none is implied by the others', () => {
    let count = 0;
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), recent, (program, prefetch, tasks) => {
        const order = orderTasks(buildTasks(program), prefetch);
        const tokens = assignTokens(order, tasks);
        const { node, taken, follows } = eventGraph(order, tokens);
        order.forEach((task, place) => {
          for (const { task: earlier, event } of task.after) {
            const isOrdered = earlier.unit === task.unit && (event === 'read' || task.kind === 'ST');
            if (!isOrdered) expect(follows(node(order.indexOf(earlier), event), node(place, 'start'))).toBe(true);
          }
        });
        // A unit reads in order: it never waits for its own reads.
        order.forEach(({ unit }, place) => {
          expect(tokens[place].waitRead & (1 << unit)).toBe(0);
        });
        for (const token of taken) expect(follows(token.from, token.to, token)).toBe(false);
        count += taken.length;
      }),
      { numRuns: 150 },
    );
    expect(count).toBeGreaterThan(500);
  });

  it('stay within their counters when loads come long after the reads that they wait for', () => {
    const list = new TaskList();
    const source = { layer: 0, tile: '' };
    const none = {} as BareDescriptor<'LDM'>;
    const groups = 400;
    const pieces: Piece[] = [];
    const load = (group: number): void => {
      pieces[group] = list.newPiece(SPACE.weights(0), group, group + 1);
      list.add(UNIT_ID.LDW, 'LDW', none as never, source, [], [pieces[group]]);
    };
    const use = (group: number): void => {
      list.add(UNIT_ID.mac(0), 'MAC', none as never, source, [pieces[group]], []);
    };
    for (let round = 0; round < 2; round++) {
      for (let group = 0; group < groups; group++) {
        load(group);
        use(group);
      }
    }
    const order = orderTasks(list.tasks, 12);
    const most = (tokens: readonly Tokens[]): number => {
      let held = 0;
      let most = 0;
      for (const [place, task] of order.entries()) {
        if (task.kind === 'LDW' && tokens[place].waitRead) held--;
        if (task.kind === 'MAC' && tokens[place].signalRead) most = Math.max(most, ++held);
      }
      return most;
    };
    expect(most(assignTokens(order))).toBeLessThan(100);
    // Else a token for every group waits for its load.
    expect(most(assignTokens(order, groups))).toBeGreaterThan(128);
  });

  it('takes one from the vector unit where that has waited for the load', () => {
    const list = new TaskList();
    const source = { layer: 0, tile: '' };
    const none = {} as BareDescriptor<'LDM'>;
    const [a, b] = [list.newPiece(SPACE.maps(0), 0, 8), list.newPiece(SPACE.maps(0), 8, 16)];
    list.add(UNIT_ID.LDM, 'LDM', none, source, [], [a]);
    list.add(UNIT_ID.vec(0), 'VEC', none as never, source, [a], [b]);
    list.add(UNIT_ID.mac(0), 'MAC', none as never, source, [a, b], []);
    const tokens = assignTokens(list.tasks);
    expect(tokens[2].waitWrite).toBe(1 << UNIT_ID.vec(0));
  });
});

describe('orderTasks', () => {
  it('moves a load up to the last task that used its words', () => {
    const list = new TaskList();
    const source = { layer: 0, tile: '' };
    const none = {} as BareDescriptor<'LDM'>;
    const first = list.newPiece(SPACE.maps(0), 0, 8);
    list.add(UNIT_ID.LDM, 'LDM', none, source, [], [first]);
    const user = list.add(UNIT_ID.mac(0), 'MAC', none as never, source, [first], []);
    const idle = list.add(UNIT_ID.mac(1), 'MAC', none as never, source, [], []);
    const second = list.newPiece(SPACE.maps(0), 0, 8);
    const load = list.add(UNIT_ID.LDM, 'LDM', none, source, [], [second]);
    const order = orderTasks(list.tasks, 8);
    expect(order.indexOf(load)).toBe(order.indexOf(user) + 1);
    expect(order.indexOf(idle)).toBe(3);
  });
});
