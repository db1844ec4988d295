/**
 * The timing engine: builds the units of a machine, runs a program's descriptors through them, returns cycles, bytes and causes.
 * Specification: docs/microarchitecture.md, sections 4 to 10; every latency and rule is a line of the table in section 9.
 */
import type { CoreTrace } from '../../isa/core.ts';
import { findTraceFault } from '../../isa/descriptor-rules.ts';
import { UNIT_ID, UNIT_ID_COUNT, unitOf } from '../../isa/fields.ts';
import { mapsWords, weightsLines } from '../../machine/machine.ts';
import type { Program } from '../../program/program.ts';
import { JobError } from '../../util/errors.ts';
import { Account } from './account.ts';
import { Clock, clockOfPortB } from './clock.ts';
import { CommitLog } from './commit-log.ts';
import type { Context } from './context.ts';
import { Control } from './control.ts';
import { describeDeadlock } from './deadlock.ts';
import { DescriptorTable, mapInstructionsToLayers } from './descriptor-table.ts';
import { LoadEngine } from './dma.ts';
import { Fetch } from './fetch.ts';
import { MacUnit } from './mac.ts';
import { type BurstObserver, LoadBus, Memory } from './memory.ts';
import { MAC_RESULT, PortB, VEC_RESULT } from './port-b.ts';
import { type QueueObserver, UnitQueue } from './queue.ts';
import type { TimingResult } from './result.ts';
import { ResultBus } from './result-bus.ts';
import { ResultFifo } from './result-fifo.ts';
import { StoreEngine } from './store.ts';
import { layersAsCells, tilesAsCells } from './tiles.ts';
import { Tokens } from './tokens.ts';
import { VecUnit } from './vec.ts';

/** Options of the timing engine. */
export interface TimingOptions {
  /** Keep the commit log: a record per descriptor. */
  readonly log?: boolean;
  /** Told of every accepted burst, in order of time: for bandwidth over time. */
  readonly onBurst?: BurstObserver;
  /** Keep the account of every tile too. */
  readonly tiles?: boolean;
}

/**
 * Exact timing of one run of a program.
 * @param trace `traceCore(program.instructions)`.
 * @throws JobError: deadlock, token overflow, a descriptor that the machine cannot execute.
 */
export function simulateTiming(program: Program, trace: CoreTrace, options: TimingOptions = {}): TimingResult {
  const { machine } = program;
  const fault = findTraceFault(trace, program.instructions, {
    computeUnits: machine.computeUnits,
    mapsWords: mapsWords(machine),
    weightsLines: weightsLines(machine),
  });
  if (fault !== undefined) throw new JobError(fault);
  const layerOf = mapInstructionsToLayers(program);
  const table = new DescriptorTable(trace, layerOf);
  const log = options.log === true ? new CommitLog(table) : undefined;
  const layers = program.layers.length;
  const cells = options.tiles ? tilesAsCells(program) : layersAsCells(layerOf, Math.max(1, layers));
  const account = new Account(table, cells, layers, machine, log);

  const clock = new Clock(clockOfPortB(machine.computeUnits, UNIT_ID_COUNT));
  const tokens = new Tokens(clock, table, machine.latency.tokenLatency);
  const context: Context = { machine, clock, table, tokens, account };
  const memory = new Memory(clock, machine, options.onBurst);
  const loadBus = new LoadBus(machine);
  const fetch = new Fetch(context, memory, program);

  // Queues tell the core of room; the core is made last because it needs them.
  let control: Control | undefined;
  const observer: QueueObserver = { started: (unitId, now) => control!.started(unitId, now) };
  const queues: (UnitQueue | undefined)[] = [];
  for (let id = 0; id < UNIT_ID_COUNT; id++) {
    const unit = unitOf(id);
    const exists = unit !== undefined && unit.cu < machine.computeUnits;
    queues.push(exists ? new UnitQueue(context, id, observer) : undefined);
  }
  control = new Control(context, fetch, queues, trace);

  const ports: PortB[] = [];
  for (let cu = 0; cu < machine.computeUnits; cu++) ports.push(new PortB(cu, clock, clockOfPortB(cu, UNIT_ID_COUNT), loadBus, machine));
  const bus = new ResultBus(clock, ports, machine);
  for (const id of [UNIT_ID.LDM, UNIT_ID.LDW]) new LoadEngine(context, queues[id]!, memory, loadBus);
  new StoreEngine(context, queues[UNIT_ID.ST]!, memory, ports);
  for (const [cu, port] of ports.entries()) {
    const macQueue = queues[UNIT_ID.mac(cu)]!;
    const macFifo = new ResultFifo(context, macQueue, cu, machine.resultFifoGranules, port, MAC_RESULT, bus);
    new MacUnit(context, cu, macQueue, macFifo);
    const vecQueue = queues[UNIT_ID.vec(cu)]!;
    const vecFifo = new ResultFifo(context, vecQueue, cu, machine.vecFifoGranules, port, VEC_RESULT, bus);
    new VecUnit(context, cu, vecQueue, vecFifo, port);
  }

  const lastCycle = clock.run();
  if (Number.isNaN(control.endAt) || queues.some((queue) => queue !== undefined && queue.head >= 0)) {
    throw describeDeadlock(lastCycle, queues, control, table, tokens);
  }
  const cycles = clock.lastEvent + 1;
  const layerTimings = account.finish(cycles).slice(0, layers);
  return {
    cycles,
    frames: program.frames,
    dramReadBytes: account.readBytes,
    dramWriteBytes: account.writeBytes,
    fetchBytes: account.fetchBytes,
    layers: layerTimings,
    ...(log === undefined ? {} : { log }),
    ...(options.tiles ? { tiles: account.tiles() } : {}),
  };
}
