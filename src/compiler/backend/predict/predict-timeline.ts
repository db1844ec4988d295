/**
 * The cost model of a finished schedule: the tasks of a program on units that work at rates, not in cycles. Descriptors are the grain, as transfers,
 * windows and chunks are in the timing table; what several units share (memory, result bus, port B) is divided among those at work.
 * Specification: docs/compiler.md, "Predicted cycles"; the rates come from docs/microarchitecture.md, sections 4 to 9.
 *
 * It knows what a layer's own cost (evaluate.ts) can not: which loads run under which computation, and who waits for whom.
 */
import { UNIT_ID, UNIT_ID_COUNT, unitOf } from '../../../isa/fields.ts';
import { bytesPerCycle, LINE_BYTES, type Machine } from '../../../machine/machine.ts';
import type { BareDescriptor, Task } from '../tasks/task.ts';
import { type TaskCost, TaskCosts } from './task-cost.ts';

/** When things happen to each task of a program, in its order; cycles from the start. */
export interface TaskTimes {
  readonly start: Float64Array;
  /** MAC, VEC: end of the last step or read; transfers: end of the last burst's service. */
  readonly end: Float64Array;
  /** End of the program. */
  readonly cycles: number;
}

/** An event that a task waits for. */
interface Need {
  readonly place: number;
  readonly isWrite: boolean;
}

/** A task at work. */
interface Job {
  readonly place: number;
  readonly cu: number;
  readonly cost: TaskCost;
  /** Cycle from which the work proper runs. */
  readonly from: number;
  /** Work left, in cycles at full rate; transfers: in bytes. */
  left: number;
  rate: number;
}

const UNKNOWN = Number.NaN;
/** Cycles from a line's last beat to its signal: port, load bus, buffer. */
const LOAD_TAIL_CYCLES = 8;
/** Cycles between a store's burst and its place being free beyond the memory's latency. */
const STORE_TAIL_CYCLES = 4;
/** Share of the bandwidth for weights that find their ports taken. */
const BLOCKED_SHARE = 0.02;
/** First instructions: fetch of a burst. */
const FIRST_FETCH_CYCLES = 12;
/** Share of port B that is always left for a requester: results and loads come in bursts. */
const LEAST_PORT_SHARE = 0.05;
const LEFT_OVER = 1e-6;

/**
 * Times of all tasks.
 * @param order tasks in program order
 * @param instructions executed up to and including each task's GO, in that order
 */
export function predictTimeline(order: readonly Task[], instructions: Int32Array, machine: Machine): TaskTimes {
  return new Prediction(order, instructions, machine).run();
}

class Prediction {
  readonly #order: readonly Task[];
  readonly #machine: Machine;
  readonly #bandwidth: number;
  readonly #costs: readonly TaskCost[];
  readonly #needs: readonly (readonly Need[])[];
  /** Places of each unit's tasks. */
  readonly #queues: number[][] = Array.from({ length: UNIT_ID_COUNT }, () => []);
  readonly #next = new Int32Array(UNIT_ID_COUNT);
  readonly #serial: Int32Array;
  readonly #instructions: Int32Array;

  readonly #arrival: Float64Array;
  readonly #start: Float64Array;
  readonly #end: Float64Array;
  readonly #read: Float64Array;
  readonly #write: Float64Array;
  /** Jobs of each unit: transfers may have several behind one another. */
  readonly #jobs: Job[][] = Array.from({ length: UNIT_ID_COUNT }, () => []);
  readonly #freeAt = new Float64Array(UNIT_ID_COUNT);
  #dispatched = 0;
  #coreAt: number;
  #now = 0;
  #last = 0;

  constructor(order: readonly Task[], instructions: Int32Array, machine: Machine) {
    this.#order = order;
    this.#machine = machine;
    this.#instructions = instructions;
    const { numerator, denominator } = bytesPerCycle(machine);
    this.#bandwidth = numerator / denominator;
    const costs = new TaskCosts(machine);
    this.#costs = order.map((task) => costs.of(task));
    this.#serial = Int32Array.from(order, (task, place) => this.#queues[task.unit]!.push(place) - 1);
    this.#needs = collectNeeds(order);
    const unknown = (): Float64Array => new Float64Array(order.length).fill(UNKNOWN);
    [this.#arrival, this.#start, this.#end, this.#read, this.#write] = [unknown(), unknown(), unknown(), unknown(), unknown()];
    this.#coreAt = machine.dram.readLatency + machine.latency.branchRestart + machine.latency.instructionLatency + FIRST_FETCH_CYCLES;
  }

  run(): TaskTimes {
    for (;;) {
      this.#dispatch();
      while (this.#startReady()) this.#dispatch();
      const next = this.#nextEvent();
      if (next === Number.POSITIVE_INFINITY) break;
      this.#advance(next);
    }
    return { start: this.#start, end: this.#end, cycles: this.#last };
  }

  /** The core pushes descriptors as far as the room in the queues is known. */
  #dispatch(): void {
    const { queueDepth, latency } = this.#machine;
    for (; this.#dispatched < this.#order.length; this.#dispatched++) {
      const place = this.#dispatched;
      const queue = this.#queues[this.#order[place]!.unit]!;
      const before = queue[this.#serial[place]! - queueDepth];
      const room = before === undefined ? 0 : this.#start[before]! + 2;
      if (Number.isNaN(room)) return;
      const executed = place === 0 ? this.#instructions[0]! : this.#instructions[place]! - this.#instructions[place - 1]!;
      this.#coreAt = Math.max(this.#coreAt + executed, room);
      this.#arrival[place] = this.#coreAt + latency.queueLatency;
    }
  }

  /** First cycle at which the head of a unit can start; NaN while that is not known. */
  #readyAt(unit: number): number {
    const place = this.#queues[unit]![this.#next[unit]!];
    if (place === undefined) return UNKNOWN;
    let ready = this.#arrival[place]!;
    if (Number.isNaN(ready) || !this.#isFree(unit)) return UNKNOWN;
    const { latency } = this.#machine;
    if (unit >= UNIT_ID.mac(0)) {
      const previous = this.#queues[unit]![this.#next[unit]! - 1];
      const { dilationH, dilationW } = this.#order[place]!.descriptor as BareDescriptor<'MAC' | 'VEC'>;
      const prepare = dilationH * dilationW > 1 ? latency.prepareDilated : latency.prepare;
      ready = Math.max(ready, previous === undefined ? 0 : this.#lastRowOf(previous) + 1) + prepare;
    }
    ready = Math.max(ready, this.#freeAt[unit]!);
    for (const { place: needed, isWrite } of this.#needs[place]!) {
      const at = (isWrite ? this.#write : this.#read)[needed]!;
      if (Number.isNaN(at)) return UNKNOWN;
      ready = Math.max(ready, at + latency.tokenLatency);
    }
    return ready;
  }

  /** When the last output row of a finished descriptor began, rows taken as equal. */
  #lastRowOf(place: number): number {
    const [start, end] = [this.#start[place]!, this.#end[place]!];
    return end - (end - start) / this.#rowsOf(place);
  }

  #rowsOf(place: number): number {
    const { x0, count, outWidth } = this.#order[place]!.descriptor as BareDescriptor<'MAC' | 'VEC'>;
    return Math.max(1, Math.ceil((x0 + count) / outWidth));
  }

  /** A transfer engine takes its next task when all bursts of the others are under way. */
  #isFree(unit: number): boolean {
    const jobs = this.#jobs[unit]!;
    if (jobs.length === 0) return true;
    if (unit >= UNIT_ID.mac(0)) return false;
    const backlog = jobs.reduce((sum, job) => sum + job.left, 0);
    return backlog <= this.#window(unit, jobs.at(-1)!) + LEFT_OVER;
  }

  /** Bytes that an engine may have outstanding. */
  #window(unit: number, job: Job): number {
    const { axi } = this.#machine;
    const bursts = unit === UNIT_ID.ST ? axi.writesOutstanding : Math.min(axi.readsPerEngine, job.cost.ports * axi.readsPerPort);
    return bursts * job.cost.burstBytes;
  }

  #startReady(): boolean {
    let started = false;
    for (let unit = 0; unit < UNIT_ID_COUNT; unit++) {
      const ready = this.#readyAt(unit);
      if (!(ready <= this.#now)) continue;
      const place = this.#queues[unit]![this.#next[unit]!]!;
      const cost = this.#costs[place]!;
      const { kind, cu } = unitOf(unit)!;
      const transfers = kind === 'LDM' || kind === 'LDW' || kind === 'ST';
      const storeCu = kind === 'ST' ? (this.#order[place]!.descriptor as { cu: number }).cu : cu;
      this.#start[place] = this.#now;
      this.#next[unit]!++;
      const from = this.#now + cost.setupCycles;
      const workCycles = transfers ? 0 : Math.max(cost.workCycles, (this.#rowsOf(place) - 1) * this.#machine.latency.rowPeriod);
      this.#jobs[unit]!.push({ place, cu: storeCu, cost, from, left: transfers ? cost.bytes : workCycles, rate: 0 });
      started = true;
    }
    return started;
  }

  /** Sets the rates of all jobs and returns the next cycle at which something changes. */
  #nextEvent(): number {
    this.#setRates();
    let next = Number.POSITIVE_INFINITY;
    for (let unit = 0; unit < UNIT_ID_COUNT; unit++) {
      const ready = this.#readyAt(unit);
      if (ready > this.#now) next = Math.min(next, ready);
      const jobs = this.#jobs[unit]!;
      const [job] = jobs;
      if (job === undefined) continue;
      if (job.from > this.#now) {
        next = Math.min(next, job.from);
        continue;
      }
      if (job.rate <= 0) continue;
      next = Math.min(next, this.#now + job.left / job.rate);
      if (unit < UNIT_ID.mac(0)) {
        const excess = jobs.reduce((sum, { left }) => sum + left, 0) - this.#window(unit, jobs.at(-1)!);
        if (excess > LEFT_OVER) next = Math.min(next, this.#now + excess / job.rate);
      }
    }
    return next;
  }

  #advance(to: number): void {
    const elapsed = to - this.#now;
    this.#now = to;
    for (let unit = 0; unit < UNIT_ID_COUNT; unit++) {
      const jobs = this.#jobs[unit]!;
      const [job] = jobs;
      if (job === undefined) continue;
      job.left -= job.rate * elapsed;
      if (job.left > LEFT_OVER || job.from > to) continue;
      jobs.shift();
      this.#finish(unit, job);
    }
  }

  #finish(unit: number, { place, cost }: Job): void {
    const { latency, dram } = this.#machine;
    const now = this.#now;
    this.#end[place] = now;
    if (unit === UNIT_ID.LDM || unit === UNIT_ID.LDW) {
      this.#read[place] = this.#write[place] = now + dram.readLatency + LOAD_TAIL_CYCLES;
    } else if (unit === UNIT_ID.ST) {
      this.#read[place] = now;
      this.#write[place] = now + dram.writeLatency;
    } else {
      const isMac = unit % 2 === 0;
      const byBus = cost.targets !== 1 << unitOf(unit)!.cu;
      this.#freeAt[unit] = now;
      this.#read[place] = isMac ? now + latency.readDone - 1 : now;
      const pipeline = isMac ? latency.macPipeline + OUTPUT_PATH_CYCLES : latency.vecPipeline;
      this.#write[place] = now + pipeline + 2 + (byBus ? 2 * latency.busLatency + 1 : 0);
    }
    this.#last = Math.max(this.#last, this.#write[place]!);
  }

  #setRates(): void {
    const { computeUnits } = this.#machine;
    const running = (unit: number): Job | undefined => {
      const job = this.#jobs[unit]![0];
      return job !== undefined && job.from <= this.#now ? job : undefined;
    };
    for (const jobs of this.#jobs) for (const job of jobs) job.rate = 0;
    this.#shareMemory(running);
    const load = running(UNIT_ID.LDM);
    const loadCus = load === undefined ? 0 : (this.#order[load.place]!.descriptor as { cus: number }).cus;
    const loadLines = load === undefined ? 0 : load.rate / LINE_BYTES;

    // The result bus carries a granule a cycle: MACs that ask for more share it.
    const macs: (Job | undefined)[] = [];
    let busDemand = 0;
    for (let cu = 0; cu < computeUnits; cu++) {
      const job = running(UNIT_ID.mac(cu));
      macs.push(job);
      if (job && job.cost.targets !== 1 << cu) busDemand += job.cost.granules / job.cost.workCycles;
    }
    const arriving = new Float64Array(computeUnits);
    for (const [cu, job] of macs.entries()) {
      if (job === undefined) continue;
      const density = job.cost.granules / job.cost.workCycles;
      const isOwn = job.cost.targets === 1 << cu;
      job.rate = isOwn ? Math.min(1, 1 / density) : Math.min(1, 1 / busDemand);
      for (let target = 0; target < computeUnits; target++) {
        if ((job.cost.targets & (1 << target)) !== 0) arriving[target]! += density * job.rate;
      }
    }
    for (let cu = 0; cu < computeUnits; cu++) {
      const job = running(UNIT_ID.vec(cu));
      const free = Math.max(LEAST_PORT_SHARE, 1 - arriving[cu]! - ((loadCus & (1 << cu)) !== 0 ? loadLines : 0));
      let used = 0;
      if (job) {
        // Its results come before its reads.
        const own = (job.cost.targets & (1 << cu)) !== 0 ? job.cost.granules : 0;
        const portCycles = (job.cost.portAccesses + own) / free;
        job.rate = Math.min(1, job.cost.workCycles / portCycles);
        used = (job.rate * (job.cost.portAccesses + own)) / job.cost.workCycles;
      }
      const store = running(UNIT_ID.ST);
      if (store?.cu === cu) store.rate = Math.min(store.rate, Math.max(LEAST_PORT_SHARE, free - used) * LINE_BYTES);
    }
  }

  /** Engines at work share the bandwidth by the bytes that each may have outstanding; none exceeds what its latency allows. */
  #shareMemory(running: (unit: number) => Job | undefined): void {
    const { dram, latency, axi } = this.#machine;
    // Maps that come by few ports take all places there, and weights, which need every port in turn, wait behind them.
    const maps = running(UNIT_ID.LDM);
    const blocks = maps !== undefined && maps.cost.ports < axi.ports && maps.cost.ports * axi.readsPerPort <= axi.readsPerEngine;
    const active: { job: Job; weight: number; limit: number }[] = [];
    for (const unit of [UNIT_ID.LDM, UNIT_ID.LDW, UNIT_ID.ST]) {
      const job = running(unit);
      if (job === undefined) continue;
      const weight = this.#window(unit, job);
      const lines = job.cost.burstBytes / LINE_BYTES;
      const loop = unit === UNIT_ID.ST ? dram.writeLatency + STORE_TAIL_CYCLES : dram.readLatency + LOAD_TAIL_CYCLES;
      let limit = Math.min(weight / loop, job.cost.ports * axi.bytesPerBeat);
      if (unit === UNIT_ID.LDW && blocks) limit = BLOCKED_SHARE * this.#bandwidth;
      if (unit === UNIT_ID.ST) {
        // Two burst buffers: while one waits for its last line and the memory, the other is filled.
        limit = Math.min(limit, (2 * job.cost.burstBytes) / Math.max(2 * lines, lines + latency.readLatencyMaps + 1));
      }
      active.push({ job, weight, limit });
    }
    let bandwidth = this.#bandwidth;
    let open = active;
    while (open.length > 0) {
      const weights = open.reduce((sum, { weight }) => sum + weight, 0);
      const capped = open.filter(({ weight, limit }) => limit < (bandwidth * weight) / weights);
      if (capped.length === 0) {
        for (const { job, weight } of open) job.rate = (bandwidth * weight) / weights;
        return;
      }
      for (const { job, limit } of capped) {
        job.rate = limit;
        bandwidth -= limit;
      }
      open = open.filter((entry) => !capped.includes(entry));
    }
  }
}

/** The output path after the last window (T6), on average over the lanes. */
const OUTPUT_PATH_CYCLES = 4;

/** The latest event that each task needs of every other unit: units read, and write, in order. */
function collectNeeds(order: readonly Task[]): Need[][] {
  const placeOf = new Map(order.map((task, place) => [task, place]));
  return order.map((task) => {
    const latest = new Map<number, number>();
    for (const { task: earlier, event } of task.after) {
      if (earlier.unit === task.unit && event === 'read') continue;
      const key = 2 * earlier.unit + (event === 'write' ? 1 : 0);
      const place = placeOf.get(earlier)!;
      if (place > (latest.get(key) ?? -1)) latest.set(key, place);
    }
    return [...latest].map(([key, place]) => ({ place, isWrite: key % 2 === 1 }));
  });
}
