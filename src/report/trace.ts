/**
 * A profile as a Chrome trace, which Perfetto (ui.perfetto.dev) opens: units as tracks, descriptors as slices, counters for bandwidth and fill.
 * Slices are the commit log: one for each record. Documentation: docs/profile.md.
 *
 * A unit starts its next descriptor while results of the last are still on their way to memory, and slices of a track may not overlap: a slice
 * ends with its descriptor or where the next one starts; its arguments hold all cycles of the record.
 */
import type { CommitRecord } from '../simulator/timing/commit-log.ts';
import type { LostCause } from '../simulator/timing/result.ts';
import type { NetworkProfile } from './network-profile.ts';
import type { Profile } from './profile.ts';

/** One event of the trace event format. Times in microseconds. */
export type TraceEvent =
  | {
      readonly ph: 'M';
      readonly name: string;
      readonly pid: number;
      readonly tid?: number;
      readonly args: Readonly<Record<string, unknown>>;
    }
  | {
      readonly ph: 'X';
      readonly name: string;
      readonly cat: string;
      readonly pid: number;
      readonly tid: number;
      readonly ts: number;
      readonly dur: number;
      readonly args: SliceArguments;
    }
  | { readonly ph: 'C'; readonly name: string; readonly pid: number; readonly ts: number; readonly args: Readonly<Record<string, number>> };

/** What a slice tells of its descriptor. Cycles count from the start of the part. */
export interface SliceArguments {
  readonly layer: string;
  readonly tile: string;
  /** Index of the GO. */
  readonly instruction: number;
  readonly arrival: number;
  readonly start: number;
  readonly readSignal: number;
  readonly end: number;
  /** Cycles that the unit waited for the descriptor or in it, by cause; causes without cycles left out. */
  readonly waits: Readonly<Partial<Record<LostCause, number>>>;
  /** Fields of the descriptor that are not 0. */
  readonly operands: Readonly<Record<string, number>>;
}

/** Process of the counters; those of the units follow. */
const COUNTERS = 1;
const MEMORY_UNITS = 2;
const FIRST_CU = 3;
const MEMORY_UNIT_NAMES = ['LDM', 'LDW', 'ST'];

/** Where a unit's track is: the memory engines together, MAC and VEC by compute unit. */
function trackOf(unit: string): { pid: number; tid: number } {
  const memory = MEMORY_UNIT_NAMES.indexOf(unit);
  if (memory >= 0) return { pid: MEMORY_UNITS, tid: memory + 1 };
  return { pid: FIRST_CU + Number(unit.slice(3)), tid: unit.startsWith('MAC') ? 1 : 2 };
}

/** All events of a network's trace: names of the tracks, slices in the order of dispatch, counters in the order of time. */
export function* traceEvents(network: NetworkProfile): Generator<TraceEvent> {
  const { machine } = network;
  const microseconds = 1e6 / machine.clockHz;
  yield* nameTracks(network);
  let offset = 0;
  for (const part of network.parts) {
    yield* slicesOf(part, offset, microseconds);
    yield* countersOf(part, offset, microseconds);
    offset += part.timing.cycles;
  }
}

/** The trace file as pieces of JSON text, one event a line. */
export function* renderTrace(network: NetworkProfile): Generator<string> {
  const { name, machine, cycles } = network;
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify({ network: name, machine: machine.name, clockHz: machine.clockHz, cycles })},"traceEvents":[\n`;
  let separator = '';
  for (const event of traceEvents(network)) {
    yield separator + JSON.stringify(event);
    separator = ',\n';
  }
  yield '\n]}\n';
}

function* nameTracks({ parts, machine }: NetworkProfile): Generator<TraceEvent> {
  const units = new Set(parts.flatMap((part) => part.activity.queues.map(({ unit }) => unit)));
  const processes = new Map([
    [COUNTERS, 'activity'],
    [MEMORY_UNITS, 'memory engines'],
  ]);
  for (let cu = 0; cu < machine.computeUnits; cu++) processes.set(FIRST_CU + cu, `compute unit ${cu}`);
  for (const [pid, name] of processes) {
    yield { ph: 'M', name: 'process_name', pid, args: { name } };
    yield { ph: 'M', name: 'process_sort_index', pid, args: { sort_index: pid } };
  }
  for (const unit of units) {
    const track = trackOf(unit);
    yield { ph: 'M', name: 'thread_name', ...track, args: { name: unit } };
    yield { ph: 'M', name: 'thread_sort_index', ...track, args: { sort_index: track.tid } };
  }
}

function* slicesOf({ timing, layers }: Profile, offset: number, microseconds: number): Generator<TraceEvent> {
  const { log, tileOf, tiles, operands } = timing;
  const nextStart = startsOfNext(timing);
  for (let i = 0; i < log.count; i++) {
    const record = log.record(i);
    const layer = layers[record.layer]?.name ?? '';
    const tile = tiles[tileOf[i]].name;
    const sliceEnd = Math.min(record.end, nextStart[i]);
    yield {
      ph: 'X',
      name: tile === '' ? layer : `${layer} · ${tile}`,
      cat: record.unit.replace(/\d+$/, ''),
      ...trackOf(record.unit),
      ts: (offset + record.start) * microseconds,
      dur: (sliceEnd - record.start) * microseconds,
      args: argumentsOf(record, layer, tile, operands[i]),
    };
  }
}

function argumentsOf(record: CommitRecord, layer: string, tile: string, operands: Readonly<Record<string, number>>): SliceArguments {
  const { instruction, arrival, start, readSignal, end, waits } = record;
  const nonZero = <T extends object>(values: T): Partial<T> =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0)) as Partial<T>;
  return {
    layer,
    tile,
    instruction,
    arrival,
    start,
    readSignal,
    end,
    waits: nonZero(waits),
    operands: nonZero(operands) as Record<string, number>,
  };
}

/** Start of the descriptor that follows each one on its unit; Infinity for the last. */
function startsOfNext({ log }: Profile['timing']): Float64Array {
  const { unitId, startAt } = log.columns;
  const next = new Float64Array(log.count);
  const startByUnit = new Map<number, number>();
  for (let i = log.count - 1; i >= 0; i--) {
    next[i] = startByUnit.get(unitId[i]) ?? Number.POSITIVE_INFINITY;
    startByUnit.set(unitId[i], startAt[i]);
  }
  return next;
}

function* countersOf({ activity, machine, timing }: Profile, offset: number, microseconds: number): Generator<TraceEvent> {
  const { binCycles, dramBytes, queues, mapsBytes, weightsBytes } = activity;
  const counter = (name: string, bin: number, args: Readonly<Record<string, number>>): TraceEvent => {
    return { ph: 'C', name, pid: COUNTERS, ts: (offset + bin * binCycles) * microseconds, args };
  };
  for (let bin = 0; bin < dramBytes.weights.length; bin++) {
    const seconds = Math.min(binCycles, timing.cycles - bin * binCycles) / machine.clockHz;
    const gigabytes = (bytes: Float64Array): number => round(bytes[bin] / seconds / 1e9, 4);
    yield counter('DRAM GB/s', bin, {
      weights: gigabytes(dramBytes.weights),
      'maps in': gigabytes(dramBytes.mapsIn),
      'maps out': gigabytes(dramBytes.mapsOut),
      instructions: gigabytes(dramBytes.instructions),
    });
    const byCu = (series: readonly Float64Array[]) => Object.fromEntries(series.map((s, cu) => [`CU ${cu}`, round(s[bin] / 1024, 2)]));
    yield counter('maps buffer KiB', bin, byCu(mapsBytes));
    yield counter('weights buffer KiB', bin, byCu(weightsBytes));
    yield counter('queued descriptors', bin, Object.fromEntries(queues.map(({ unit, fill }) => [unit, round(fill[bin], 2)])));
  }
  // Counters hold their last value: the part ends with nothing in flight.
  yield counter('DRAM GB/s', timing.cycles / binCycles, { weights: 0, 'maps in': 0, 'maps out': 0, instructions: 0 });
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
