/**
 * The timing engine with everything recorded: commit log, account by tile, bandwidth, fill of queues and buffers over time.
 * Cycles, bytes and causes are those of the plain run: recorders only watch. Documentation: docs/profile.md.
 */
import type { CoreTrace } from '../../isa/core.ts';
import { unitName } from '../../isa/field-codes.ts';
import { LINE_BYTES } from '../../machine/machine.ts';
import type { Program } from '../../program/program.ts';
import type { CommitLog } from '../timing/commit-log.ts';
import { simulateTiming } from '../timing/engine.ts';
import { FETCH_ENGINE, LDM_ENGINE, LDW_ENGINE, ST_ENGINE } from '../timing/memory.ts';
import type { DramBytes, TileTiming, TimingResult } from '../timing/result.ts';
import { tilesAsCells } from '../timing/tiles.ts';
import { macTotals } from '../walker.ts';
import { countBufferAccesses } from './buffer-accesses.ts';
import { GRANULE_BYTES, type Residency, traceResidency } from './residency.ts';
import { chooseBinCycles, TimeSeries, toMeans } from './time-series.ts';

/** Bins of the series over time, at most. */
const DEFAULT_BINS = 2048;

/** Levels over time in bins of equal width; the last bin may be partial. */
export interface Activity {
  readonly binCycles: number;
  /** DRAM bytes transferred in each bin, by kind. */
  readonly dramBytes: Readonly<Record<keyof DramBytes, Float64Array>>;
  /** DRAM bytes transferred in each bin through each AXI port. */
  readonly portBytes: readonly Float64Array[];
  /** Useful MACs in each bin: those of a descriptor spread evenly over its run. */
  readonly usefulMacs: Float64Array;
  /** Descriptors waiting in the queue of each unit, mean over the bin. */
  readonly queues: readonly { readonly unit: string; readonly fill: Float64Array; readonly most: number }[];
  /** Live bytes of the maps buffer of each CU, mean over the bin. */
  readonly mapsBytes: readonly Float64Array[];
  /** Live bytes of the weights buffers of each CU. */
  readonly weightsBytes: readonly Float64Array[];
}

/** A timing run with its recordings. */
export interface ProfiledTiming extends TimingResult {
  readonly log: CommitLog;
  readonly tiles: readonly TileTiming[];
  /** Tile of each record of the log. */
  readonly tileOf: Int32Array;
  /** Field values of the descriptor of each record of the log. */
  readonly operands: readonly Readonly<Record<string, number>>[];
  /** Lines read and written in on-chip buffers, by tile. */
  readonly bufferLines: Float64Array;
  readonly activity: Activity;
  readonly residency: { readonly maps: Residency; readonly weights: Residency };
}

/**
 * Exact timing of one run of a program with recordings.
 * @param trace `traceCore(program.instructions)`.
 * @param maxBins of the series over time
 * @throws JobError as simulateTiming
 */
export function simulateProfile(program: Program, trace: CoreTrace, maxBins = DEFAULT_BINS): ProfiledTiming {
  const traffic = Array.from({ length: 4 }, () => new TimeSeries(maxBins));
  const ports = Array.from({ length: program.machine.axi.ports }, () => new TimeSeries(maxBins));
  const timing = simulateTiming(program, trace, {
    log: true,
    tiles: true,
    onBurst: (_, engine, lines, from, to, port) => {
      traffic[engine].add(from, to, lines * LINE_BYTES);
      ports[port].add(from, to, lines * LINE_BYTES);
    },
  });
  const { cycles } = timing;
  const log = timing.log!;
  const tiles = timing.tiles!;
  const cells = tilesAsCells(program);
  const tileOf = log.columns.instruction.map((instruction) => cells.of[instruction]);
  const bufferLines = new Float64Array(tiles.length);
  for (const [i, dispatch] of trace.dispatches.entries()) bufferLines[tileOf[i]] += countBufferAccesses(dispatch);
  const residency = traceResidency(program.machine, trace.dispatches, log);
  const fillOf = (lives: Residency): Float64Array[] => measureFill(lives, program.machine.computeUnits, cycles, maxBins);
  return {
    ...timing,
    log,
    tiles,
    tileOf,
    operands: trace.dispatches.map(({ descriptor }) => descriptor),
    bufferLines,
    residency,
    activity: {
      binCycles: chooseBinCycles(cycles, maxBins),
      dramBytes: {
        weights: traffic[LDW_ENGINE].finish(cycles),
        mapsIn: traffic[LDM_ENGINE].finish(cycles),
        mapsOut: traffic[ST_ENGINE].finish(cycles),
        instructions: traffic[FETCH_ENGINE].finish(cycles),
      },
      portBytes: ports.map((port) => port.finish(cycles)),
      usefulMacs: measureMacs(trace, log, cycles, maxBins),
      queues: measureQueues(log, cycles, maxBins),
      mapsBytes: fillOf(residency.maps),
      weightsBytes: fillOf(residency.weights),
    },
  };
}

function measureMacs({ dispatches }: CoreTrace, log: CommitLog, cycles: number, maxBins: number): Float64Array {
  const { startAt, readSignalAt } = log.columns;
  const series = new TimeSeries(maxBins);
  for (const [i, { kind, descriptor }] of dispatches.entries()) {
    if (kind === 'MAC') series.add(startAt[i], readSignalAt[i], macTotals(descriptor).usefulMacs);
  }
  return series.finish(cycles);
}

/** Descriptors between their arrival at the queue and their start, by unit. */
function measureQueues(log: CommitLog, cycles: number, maxBins: number): Activity['queues'] {
  const { unitId, arrivalAt, startAt } = log.columns;
  const byUnit = new Map<number, number[]>();
  for (let i = 0; i < log.count; i++) {
    const list = byUnit.get(unitId[i]);
    if (list) list.push(i);
    else byUnit.set(unitId[i], [i]);
  }
  const binCycles = chooseBinCycles(cycles, maxBins);
  return [...byUnit]
    .sort(([a], [b]) => a - b)
    .map(([unit, records]) => {
      const series = new TimeSeries(maxBins);
      let most = 0;
      // Both times ascend along a queue: `first` is the oldest record that has not started when record i arrives.
      let first = 0;
      for (const [i, record] of records.entries()) {
        series.add(arrivalAt[record], startAt[record], startAt[record] - arrivalAt[record]);
        while (startAt[records[first]] <= arrivalAt[record] && first < i) first++;
        most = Math.max(most, i - first + 1);
      }
      return { unit: unitName(unit)!, fill: toMeans(series.finish(cycles), binCycles, cycles), most };
    });
}

function measureFill(lives: Residency, cus: number, cycles: number, maxBins: number): Float64Array[] {
  const series = Array.from({ length: cus }, () => new TimeSeries(maxBins));
  for (let i = 0; i < lives.count; i++) {
    const bytes = lives.granules[i] * GRANULE_BYTES;
    series[lives.cu[i]].add(lives.from[i], lives.to[i], (lives.to[i] - lives.from[i]) * bytes);
  }
  const binCycles = chooseBinCycles(cycles, maxBins);
  return series.map((s) => toMeans(s.finish(cycles), binCycles, cycles));
}
