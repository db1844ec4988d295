/**
 * The plan of a cell: when every operation runs and on which CU, found by playing through it with the machine's latencies, which CUs hold which vectors, and
 * where these lie in the maps buffers. Specification: docs/compiler.md, "Cells".
 */
import {
  LINE_BYTES,
  LINE_WORDS,
  type Machine,
  mapsWords,
  VEC_CHUNK_CYCLES,
  VEC_SUM_CYCLES,
  VEC_TABLE_CHUNK_CYCLES,
  weightsLines,
} from '../../../machine/machine.ts';
import { EqualWords } from '../../../util/equal-words.ts';
import { placeNext } from '../flow/flow-plan.ts';
import { type DramLayout, rootOfTensor } from '../layout/dram-layout.ts';
import { roundUp } from '../layout/maps-memory.ts';
import { packTable } from '../layout/table-image.ts';
import { outputCycles, parameterLines, tapLines } from '../mac/window-cost.ts';
import { countMacs, isLookUp, type StageGraph } from '../stages/stage.ts';
import { type Cell, type CellMember, type CellOp, findCells, type SequenceCut } from './cell.ts';

export interface CellPlan extends Cell {
  /** Operations in the order of emission. */
  readonly order: readonly CellOp[];
  /** The CUs that share every vector operation, by its id; none: all CUs' MAC units. */
  readonly homes: readonly (readonly number[])[];
  /** CUs that hold a vector, by its id: a bit mask. */
  readonly holders: readonly number[];
  /** Where a vector lies, by its id. */
  readonly bases: readonly number[];
  readonly words: number;
  readonly cycles: number;
  /** Members with equal weights have the same number. */
  readonly weightSets: readonly number[];
}

/** Of a stage by itself: its loads, stores and waits, which stages that don't depend on each other share. */
const APART_CYCLES = 150;
/** Vectors are overwritten as late as this share of the maps buffers allows: whoever writes shall not wait for readers. */
const SHARE = 1 / 4;
/** Loads of weights take so much longer than the memory alone would: instructions and other loads come between. */
const LOAD_SHARE = 1.1;
/** What can wait for less than this is urgent: tried one after the other. */
const URGENT_CYCLES = [0, 15, 30, 60] as const;
/** Many vectors at a time need the fewest instructions, few let a recurrence go on in between: tried one after the other. */
const SEQUENCE_CUTS: readonly SequenceCut[] = [
  { made: Number.POSITIVE_INFINITY, read: 4 },
  { made: 8, read: 4 },
  { made: 4, read: 4 },
  { made: 4, read: 1 },
];
/** From a table's last look-up to the first one in another table. */
const TABLE_LOAD_CYCLES = 260;
/** Instructions of a descriptor: the first of an operation, and further ones of the same. */
const FIRST_INSTRUCTIONS = 10;
const FURTHER_INSTRUCTIONS = 5;

/** The cells of a network: runs that are estimated to take less time than their stages one by one. */
export function chooseCells(graph: StageGraph, layout: DramLayout, machine: Machine): CellPlan[] {
  const tries = SEQUENCE_CUTS.map((cut) => findCells(graph, layout, machine, cut).map((cell) => planCell(cell, machine)));
  // The runs are the same, however sequences are cut.
  return tries[0]!
    .map((_, i) => tries.map((plans) => plans[i]).reduce((x, y) => (x && (!y || x.cycles <= y.cycles) ? x : y)))
    .filter((plan) => plan !== undefined)
    .filter((plan) => plan.cycles < apartCycles(plan, machine));
}

/** Tensors of a cell that are never stored. */
export function cellInside({ values, members }: CellPlan, layout: DramLayout): number[] {
  const stored = values.filter(({ isStored }) => isStored).map(({ tensor }) => tensor);
  const roots = new Set(stored.map((tensor) => rootOfTensor(layout, tensor)));
  const inside = members.map(({ stage }) => stage.output).filter((tensor) => !stored.includes(tensor));
  return [...inside, ...inside.map((tensor) => rootOfTensor(layout, tensor)).filter((root) => !roots.has(root))];
}

/** Estimated cycles of a cell's stages one by one, their weights fetched once where they stay in the buffers. */
function apartCycles({ members, weightSets }: CellPlan, machine: Machine): number {
  const linesOf = ({ link }: CellMember): number => (link ? link.groupLines * link.blocks.length : 0);
  const distinct = new Map(members.map((member, i) => [weightSets[i]!, linesOf(member)]));
  const once = [...distinct.values()].reduce((sum, lines) => sum + lines, 0);
  const lines = once <= weightsLines(machine) ? once : members.reduce((sum, member) => sum + linesOf(member), 0);
  const work = members.reduce(
    (sum, { stage: { mac } }) => sum + APART_CYCLES + (mac ? countMacs(mac) / (machine.computeUnits * 64) : 0),
    0,
  );
  return work + loadCycles(lines, machine);
}

export function planCell(cell: Cell, machine: Machine): CellPlan | undefined {
  const equals = findEquals(cell, machine);
  const tries = [false, true].flatMap((isShared) =>
    URGENT_CYCLES.map((urgentCycles) => new Player(cell, machine, equals, { isShared, urgentCycles }).play()),
  );
  const { order, homes, cycles } = tries.reduce((x, y) => (y.cycles < x.cycles ? y : x));
  const all = (1 << machine.computeUnits) - 1;
  const holders = cell.values.map(({ makers: [maker], isStored }) => (isStored && maker !== undefined ? 1 << (homes[maker]![0] ?? 0) : 0));
  for (const { id, input, other, parts } of cell.ops) {
    const own = homes[id]!;
    const cus = own.length === 0 ? all : own.reduce((mask, cu) => mask | (1 << cu), 0);
    holders[input.value]! |= cus;
    for (const value of parts) holders[value]! |= cus;
    if (other) holders[other.value]! |= cus;
  }
  const lives = livesOf(cell, order);
  const placed = [SHARE, 1].map((share) => placeNext(lives, share * mapsWords(machine))).find((result) => !('full' in result));
  if (!placed || 'full' in placed) return undefined;
  const bases = cell.values.map(({ id, inside }) =>
    inside ? placed.bases.get(`${inside.value}`)! + inside.offset : (placed.bases.get(`${id}`) ?? 0),
  );
  return { ...cell, order, homes, holders, bases, words: placed.words, cycles, weightSets: equals.weightSets };
}

function livesOf({ values }: Cell, order: readonly CellOp[]): { key: string; first: number; last: number; words: number }[] {
  const lives = new Map<number, { key: string; first: number; last: number; words: number }>();
  order.forEach(({ input, other, output }, at) => {
    for (const used of [output, input.value, ...(other ? [other.value] : [])]) {
      const value = values[used]!.inside?.value ?? used;
      const known = lives.get(value);
      if (known) known.last = at;
      else lives.set(value, { key: `${value}`, first: at, last: at, words: roundUp(values[value]!.words) });
    }
  });
  return [...lives.values()];
}

/** A place in time for an operation. */
interface Slot {
  readonly op: CellOp;
  /** None: the MAC units. */
  readonly cus: readonly number[];
  readonly start: number;
  /** The unit is free for the next descriptor, the results can be used. */
  readonly free: number;
  readonly done: number;
}

/** Cycles in which so many lines of all weights buffers are loaded. */
function loadCycles(lines: number, { computeUnits, vmacsPerCu, clockHz, dram }: Machine): number {
  return (LOAD_SHARE * (lines * LINE_BYTES * computeUnits * vmacsPerCu * clockHz)) / dram.bytesPerSecond;
}

/** Operations with equal tables (−1: none) and members with equal weights have the same number. */
interface Equals {
  readonly tables: readonly number[];
  readonly weightSets: readonly number[];
}

function findEquals({ ops, members }: Cell, machine: Machine): Equals {
  let next = 0;
  const known = new EqualWords<number>();
  const weights = new EqualWords<number>();
  const capacity = weightsLines(machine) * LINE_WORDS * machine.computeUnits * machine.vmacsPerCu;
  const weightSets = members.map(({ stage: { mac } }) => {
    const source = mac?.source;
    // What no buffer holds is fetched every time.
    if (source?.kind !== 'conv' || source.weights.length > capacity) return next++;
    const { shift, bias, weights: words } = source;
    const all = new Int16Array(shift.length + bias.length + words.length);
    all.set(shift);
    all.set(
      [...bias].map((value) => value % 65536),
      shift.length,
    );
    all.set(words, shift.length + bias.length);
    return weights.valueOf(all, () => next++);
  });
  return { tables: ops.map(({ vec }) => (isLookUp(vec) ? known.valueOf(packTable(vec), () => next++) : -1)), weightSets };
}

/** What is tried. */
interface Choice {
  /** Several CUs share work that is urgent. */
  readonly isShared: boolean;
  /** What can wait for less than this is urgent. */
  readonly urgentCycles: number;
}

/** Words [low, high) of a vector that the i-th of some CUs works on. */
export function partOf(words: number, cus: number, i: number): [low: number, high: number] {
  const chunks = Math.ceil(words / LINE_WORDS);
  const bound = (part: number): number => Math.min(words, Math.round((chunks * part) / cus) * LINE_WORDS);
  return [bound(i), bound(i + 1)];
}

/** Do two operations need the same unit? */
function meet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === 0 ? b.length === 0 : a.some((cu) => b.includes(cu));
}

/** List scheduling: of what is ready what can begin first, but not where that would delay what the end waits for longer. */
class Player {
  private readonly cell: Cell;
  private readonly machine: Machine;
  private readonly urgentCycles: number;
  private readonly macFree = { at: 0 };
  private readonly vecFree: number[];
  private readonly tables: { table: number; lastUse: number }[];
  private readonly tableOf: readonly number[];
  /** Look-ups that are still to come, by table. */
  private readonly uses = new Map<number, number>();
  private readonly weightSet: readonly number[];
  private readonly held = new Map<string, { readonly at: number; readonly end: number }>();
  /** When weights are there, if all fit the buffers: loads in the order of `findLoads`. */
  private readonly loads: ReadonlyMap<string, number> | undefined;
  private weightsTaken = 0;
  private weightsFree = 0;
  private dispatched = 0;
  private readonly done: Float64Array;
  private readonly homes: (readonly number[])[];
  /** CUs that may share an operation, and a look-up in a table: every table that is used again and again has CUs of its own. */
  private readonly most: number;
  private readonly mostTable: number;
  private readonly tail: Float64Array;
  /** Nothing can be done earlier than this: what waits longest begins at once. */
  private end = 0;

  constructor(cell: Cell, machine: Machine, { tables, weightSets }: Equals, { isShared, urgentCycles }: Choice) {
    this.urgentCycles = urgentCycles;
    this.tableOf = tables;
    this.weightSet = weightSets;
    this.cell = cell;
    this.machine = machine;
    const cus = Array.from({ length: machine.computeUnits });
    this.vecFree = cus.map(() => 0);
    this.tables = cus.map(() => ({ table: -1, lastUse: -TABLE_LOAD_CYCLES }));
    this.done = new Float64Array(cell.ops.length);
    this.homes = cell.ops.map(() => []);
    const { uses } = this;
    for (const table of this.tableOf) if (table >= 0) uses.set(table, (uses.get(table) ?? 0) + 1);
    this.most = Math.max(1, machine.computeUnits >> (isShared ? 1 : 2));
    const lasting = [...uses.values()].filter((count) => count > 2).length;
    this.mostTable = Math.max(1, Math.min(machine.computeUnits >> 1, Math.floor(machine.computeUnits / Math.max(1, lasting))));
    this.tail = this.findTails();
    this.loads = this.findLoads();
    for (const op of cell.ops) if (!op.vec) this.end = Math.max(this.end, (this.loads?.get(this.setOf(op)) ?? 0) + this.tail[op.id]!);
  }

  /**
   * Ends of the loads of all weights, if they fit the buffers together: those of operations that depend on each other (a direction of a recurrent layer) before
   * those of others, so that the first can begin while the weights of the second come.
   */
  private findLoads(): Map<string, number> | undefined {
    const { ops } = this.cell;
    const parents = ops.map((_, id) => id);
    const rootOf = (id: number): number => {
      while (parents[id] !== id) id = parents[id] = parents[parents[id]!]!;
      return id;
    };
    for (const { id, needs, parts } of ops) {
      // What reads results of several waits for all of them: it comes last.
      if (parts.length > 0) continue;
      for (const need of needs) {
        const [a, b] = [rootOf(id), rootOf(need)];
        parents[Math.max(a, b)] = Math.min(a, b);
      }
    }
    const loads = new Map<string, number>();
    let lines = 0;
    for (const op of ops.filter(({ vec }) => !vec).sort((a, b) => rootOf(a.id) - rootOf(b.id) || a.id - b.id)) {
      if (loads.has(this.setOf(op))) continue;
      lines += this.linesOf(op);
      loads.set(this.setOf(op), loadCycles(lines, this.machine));
    }
    return lines <= weightsLines(this.machine) ? loads : undefined;
  }

  private linesOf({ member, blocks }: CellOp): number {
    return this.cell.members[member]!.link!.groupLines * (blocks[1] - blocks[0]);
  }

  play(): { order: CellOp[]; homes: (readonly number[])[]; cycles: number } {
    const { ops } = this.cell;
    const waiting = ops.map(({ needs }) => needs.length);
    const users = ops.map((): number[] => []);
    for (const { id, needs } of ops) for (const need of needs) users[need]!.push(id);
    const open = new Set(ops.filter(({ id }) => waiting[id] === 0));
    const slots: Slot[] = [];
    while (open.size > 0) {
      const candidates = [...open].map((op) => this.slotOf(op));
      let best = candidates.reduce((x, y) => (y.start < x.start || (y.start === x.start && this.isBefore(y.op, x.op)) ? y : x));
      for (const other of candidates) {
        const isLate = meet(other.cus, best.cus) && other.start < best.free && best.free + this.tail[other.op.id]! > this.end;
        if (isLate && this.isBefore(other.op, best.op)) best = other;
      }
      this.take(best);
      slots.push(best);
      open.delete(best.op);
      for (const user of users[best.op.id]!) if (--waiting[user]! === 0) open.add(ops[user]!);
    }
    const cycles = Math.max(...slots.map(({ done }) => done));
    const order = slots.sort((x, y) => x.start - y.start || x.op.id - y.op.id).map(({ op }) => op);
    if (order.length < ops.length) throw new Error('operations that wait for each other');
    return { order, homes: this.homes, cycles };
  }

  private isBefore(a: CellOp, b: CellOp): boolean {
    return this.tail[a.id]! - this.tail[b.id]! > 0 || (this.tail[a.id] === this.tail[b.id] && a.id < b.id);
  }

  /** CUs that may share an operation. */
  private mostOf({ vec, words }: CellOp): number {
    return Math.min(Math.ceil(words / LINE_WORDS), isLookUp(vec) ? this.mostTable : this.most);
  }

  /** Cycles from each operation's start to the end of all that needs it. */
  private findTails(): Float64Array {
    const tail = new Float64Array(this.cell.ops.length);
    for (const op of [...this.cell.ops].reverse()) {
      const { done } = this.span(op, 0, this.mostOf(op));
      tail[op.id]! += done;
      for (const need of op.needs) tail[need] = Math.max(tail[need]!, tail[op.id]!);
    }
    return tail;
  }

  /** The operation at its earliest; shared by several CUs where the end waits for it. */
  private slotOf(op: CellOp): Slot {
    const ready = Math.max(this.dispatched, ...op.needs.map((need) => this.done[need]!));
    if (!op.vec) return { op, cus: [], ...this.span(op, Math.max(ready, this.macFree.at, this.weightsReady(op).end)) };
    // The CUs in the order in which they could begin; its operand's first where several could.
    const home = this.homes[this.cell.values[op.input.value]!.makers[0] ?? -1]?.[0] ?? 0;
    const units = this.vecFree.map((_, i) => {
      const cu = (home + i) % this.machine.computeUnits;
      const { table, lastUse } = this.tables[cu]!;
      const isOther = isLookUp(op.vec) && table !== this.tableOf[op.id];
      const start = Math.max(ready, this.vecFree[cu]!, isOther ? lastUse + TABLE_LOAD_CYCLES : 0);
      // Another table is loaded at no cost where nobody will need the one that is there.
      const isNeeded = isOther && (this.uses.get(table) ?? 0) > 0;
      return { cu, start, cost: start + (isNeeded ? TABLE_LOAD_CYCLES : 0) };
    });
    units.sort((a, b) => a.cost - b.cost);
    const isUrgent = units[0]!.start + this.tail[op.id]! + this.urgentCycles > this.end;
    const most = isUrgent ? this.mostOf(op) : 1;
    let best: Slot | undefined;
    let leastCost = Number.POSITIVE_INFINITY;
    for (let count = 1; count <= most; count *= 2) {
      const used = units.slice(0, count);
      const slot = { op, cus: used.map(({ cu }) => cu), ...this.span(op, Math.max(...used.map(({ start }) => start)), count) };
      const cost = slot.done + Math.max(...used.map((unit) => unit.cost - unit.start));
      if (cost < leastCost) [best, leastCost] = [slot, cost];
    }
    return best!;
  }

  private take({ op, cus, start, free, done }: Slot): void {
    this.end = Math.max(this.end, start + this.tail[op.id]!);
    this.done[op.id] = done;
    this.homes[op.id] = cus;
    const descriptors = cus.length === 0 ? (op.blocks[1] - op.blocks[0]) * this.machine.computeUnits : cus.length;
    this.dispatched += FIRST_INSTRUCTIONS + (descriptors - 1) * FURTHER_INSTRUCTIONS;
    for (const cu of cus) {
      this.vecFree[cu] = free;
      if (isLookUp(op.vec)) this.tables[cu] = { table: this.tableOf[op.id]!, lastUse: free };
    }
    const table = this.tableOf[op.id]!;
    if (table >= 0) this.uses.set(table, this.uses.get(table)! - 1);
    if (cus.length > 0) return;
    this.macFree.at = free;
    const { end, isNew } = this.weightsReady(op);
    if (!isNew) return;
    this.weightsFree = end;
    this.held.set(this.setOf(op), { at: this.weightsTaken, end });
    this.weightsTaken += this.linesOf(op);
  }

  private setOf({ member, blocks }: CellOp): string {
    return `${this.weightSet[member]} ${blocks[0]}`;
  }

  /** When the weights of an operation are there: already, unless others took their place. */
  private weightsReady(op: CellOp): { end: number; isNew: boolean } {
    const known = this.loads?.get(this.setOf(op));
    if (known !== undefined) return { end: known, isNew: false };
    const held = this.held.get(this.setOf(op));
    if (held && this.weightsTaken - held.at <= weightsLines(this.machine)) return { end: held.end, isNew: false };
    return { end: this.weightsFree + loadCycles(this.linesOf(op), this.machine), isNew: true };
  }

  /** An operation that starts at some cycle, by the timing table (microarchitecture.md, T3 to T14). */
  private span(op: CellOp, start: number, cus = 1): { start: number; free: number; done: number } {
    const { latency, computeUnits } = this.machine;
    const { macSetup, macPipeline, vecSetup, vecPipeline, busLatency, tokenLatency, prepare } = latency;
    const chunks = Math.ceil(op.words / LINE_WORDS);
    // To the bus and port B of the CUs that need it, and the token.
    const write = 2 * busLatency + 3 + tokenLatency;
    if (op.vec) {
      const work = Math.ceil(chunks / cus) * (isLookUp(op.vec) ? VEC_TABLE_CHUNK_CYCLES : VEC_CHUNK_CYCLES);
      const first = vecSetup + 3 + (op.vec.op === 'addTable' ? VEC_SUM_CYCLES : 0);
      return { start, free: start + Math.max(prepare + vecSetup + 1, first + work), done: start + first + work + vecPipeline + write };
    }
    const { link, stage } = this.cell.members[op.member]!;
    const { lanes } = link!;
    const blocks = op.blocks[1] - op.blocks[0];
    const window = op.pixels * Math.max(outputCycles(lanes), tapLines(stage.mac!, lanes, false));
    const first = macSetup + parameterLines(lanes);
    const each = Math.max(first + window, prepare + first + 1);
    const before = start + (blocks - 1) * each;
    const granules = Math.ceil(chunks / blocks);
    const free = before + each;
    return {
      start,
      free,
      done: before + first + window + macPipeline + outputCycles(lanes) + Math.min(granules, 4 * computeUnits) + write,
    };
  }
}
