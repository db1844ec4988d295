/** The rows of the timeline: slices by unit as sorted columns, made once for a log. */
import { unitName, unitOf } from '../../src/browser.ts';
import type { LogView } from '../worker/protocol.ts';

/** Slices of one row, ascending and apart from each other. */
export interface Row {
  readonly title: string;
  readonly kind: 'layers' | 'core' | 'unit';
  readonly unitId: number;
  /** Descriptor of each slice; of row `layers`: its first. */
  readonly descriptor: Int32Array;
  readonly layer: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Where the results are written: beyond `to` while the next one already runs. */
  readonly end: Float64Array;
  /** Since when the unit waited for it. */
  readonly waitFrom: Float64Array;
  /** The row from afar, for rows of many slices. */
  overview?: Overview;
}

/** A row in bins of equal length: how much of each is covered, and by which layer most. */
export interface Overview {
  readonly binCycles: number;
  readonly covered: Float32Array;
  readonly layer: Int32Array;
}

const OVERVIEW_BINS = 8192;
/** Rows with fewer slices need none. */
const MANY_SLICES = 4096;

/** @param cycles of the whole run */
function buildOverview({ from, to, layer }: Row, cycles: number): Overview | undefined {
  if (from.length < MANY_SLICES) return undefined;
  const binCycles = cycles / OVERVIEW_BINS;
  const covered = new Float32Array(OVERVIEW_BINS);
  const most = new Float32Array(OVERVIEW_BINS);
  const owner = new Int32Array(OVERVIEW_BINS);
  for (let i = 0; i < from.length; i++) {
    const last = Math.min(OVERVIEW_BINS - 1, Math.floor(to[i] / binCycles));
    for (let bin = Math.floor(from[i] / binCycles); bin <= last; bin++) {
      const part = (Math.min(to[i], (bin + 1) * binCycles) - Math.max(from[i], bin * binCycles)) / binCycles;
      covered[bin] += part;
      most[bin] = owner[bin] === layer[i] ? most[bin] + part : Math.max(most[bin], part);
      if (most[bin] === part) owner[bin] = layer[i];
    }
  }
  return { binCycles, covered, layer: owner };
}

/** Order of the rows: control, DMA engines, then MAC and VEC of each CU. */
function unitOrder(units: Iterable<number>): number[] {
  const rank = (id: number): number => {
    const { kind, cu } = unitOf(id)!;
    return kind === 'MAC' || kind === 'VEC' ? 10 + cu * 2 + (kind === 'VEC' ? 1 : 0) : ['LDM', 'LDW', 'ST'].indexOf(kind);
  };
  return [...units].sort((a, b) => rank(a) - rank(b));
}

export function buildRows(log: LogView): Row[] {
  const byUnit = new Map<number, number[]>();
  for (let i = 0; i < log.count; i++) {
    const list = byUnit.get(log.unitId[i]);
    if (list) list.push(i);
    else byUnit.set(log.unitId[i], [i]);
  }
  const rows: Row[] = [layerRow(log), coreRow(log)];
  for (const unitId of unitOrder(byUnit.keys())) rows.push(unitRow(log, unitId, byUnit.get(unitId)!));
  let cycles = 1;
  for (const { end } of rows) if (end.length > 0) cycles = Math.max(cycles, end[end.length - 1]);
  for (const row of rows) row.overview = buildOverview(row, cycles);
  return rows;
}

function columns(title: string, kind: Row['kind'], unitId: number, count: number): Row {
  return {
    title,
    kind,
    unitId,
    descriptor: new Int32Array(count),
    layer: new Int32Array(count),
    from: new Float64Array(count),
    to: new Float64Array(count),
    end: new Float64Array(count),
    waitFrom: new Float64Array(count),
  };
}

function unitRow(log: LogView, unitId: number, records: readonly number[]): Row {
  const row = columns(unitName(unitId)!, 'unit', unitId, records.length);
  let free = 0;
  for (const [i, record] of records.entries()) {
    const next = i + 1 < records.length ? log.start[records[i + 1]] : Number.POSITIVE_INFINITY;
    row.descriptor[i] = record;
    row.layer[i] = log.layer[record];
    row.from[i] = log.start[record];
    row.to[i] = Math.min(log.end[record], next);
    row.end[i] = log.end[record];
    row.waitFrom[i] = Math.min(log.start[record], Math.max(free, log.arrival[record]));
    free = Math.min(log.readSignal[record], next);
  }
  return row;
}

/** The core: from the GO before to this one; what it waited for room in the queue is part of it. */
function coreRow(log: LogView): Row {
  const row = columns('core', 'core', -1, log.count);
  let before = 0;
  for (let i = 0; i < log.count; i++) {
    row.descriptor[i] = i;
    row.layer[i] = log.layer[i];
    row.from[i] = row.waitFrom[i] = before;
    row.to[i] = row.end[i] = log.go[i] + 1;
    before = log.go[i] + 1;
  }
  return row;
}

/** Which layer the compute units work on: the span of each layer's MAC and VEC work, cut where the next one begins. */
function layerRow(log: LogView): Row {
  const layers = new Map<number, { from: number; to: number; first: number }>();
  for (let i = 0; i < log.count; i++) {
    const kind = unitOf(log.unitId[i])?.kind;
    if (kind === 'LDM' || kind === 'LDW') continue;
    const span = layers.get(log.layer[i]);
    if (!span) layers.set(log.layer[i], { from: log.start[i], to: log.end[i], first: i });
    else {
      span.from = Math.min(span.from, log.start[i]);
      span.to = Math.max(span.to, log.end[i]);
    }
  }
  const sorted = [...layers].sort(([, a], [, b]) => a.from - b.from);
  const row = columns('layers', 'layers', -1, sorted.length);
  for (const [i, [layer, { from, to, first }]] of sorted.entries()) {
    row.descriptor[i] = first;
    row.layer[i] = layer;
    row.from[i] = row.waitFrom[i] = from;
    row.to[i] = row.end[i] = Math.min(to, sorted[i + 1]?.[1].from ?? to);
  }
  return row;
}

/** Index of the first slice that ends after `cycle`. */
export function firstAfter(row: Row, cycle: number): number {
  let [low, high] = [0, row.to.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row.to[middle] <= cycle) low = middle + 1;
    else high = middle;
  }
  return low;
}
