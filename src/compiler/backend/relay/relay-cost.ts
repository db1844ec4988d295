/** What a relay costs: cycles and bytes of a plan. Specification: docs/compiler.md, "Relays". */

import { LINE_BYTES, LINE_WORDS, type Machine, weightsLines } from '../../../machine/machine.ts';
import { TABLE_BYTES } from '../layout/table-image.ts';
import { MAC_INSTRUCTIONS } from '../mac/evaluate.ts';
import { inputRows } from '../mac/tile-rows.ts';
import { isLookUp, type Stage, type VecWork, vecWorks } from '../stages/stage.ts';
import type { RelayBuffer, RelayGraph, RelayMember } from './relay.ts';
import { wholeGap } from './relay-gaps.ts';
import { type HeldColumns, sentColumns } from './relay-halo.ts';
import type { LinkCost } from './relay-link.ts';
import type { RelayRing } from './relay-rings.ts';
import { FIRST_PARTS, LAST_PARTS, type RelayStep, type Span, windowOf } from './relay-steps.ts';
import { runsBehind, storesOf } from './relay-stores.ts';
import { runOf, storeCycles } from './relay-traffic.ts';

/** What the cost depends on. */
export interface RelayWork {
  readonly graph: RelayGraph;
  readonly steps: readonly RelayStep[];
  readonly held: readonly (readonly (readonly Span[])[])[];
  /** Members that make their rows tile by tile. */
  readonly tiled: ReadonlySet<number>;
  /** Of every buffer, columns that the CUs hold, where every CU has columns of its own. */
  readonly columns: HeldColumns | undefined;
  readonly rings: readonly RelayRing[];
}

/** From one step's last result to the start of the next that needs it. */
const HANDOVER_CYCLES = 110;
/** What begins and ends a relay with nothing beside it. */
const FIRST_CYCLES = 700;
/** The time in which nobody looks up while an activation table is replaced. */
const TABLE_CYCLES = 700;
/** A table that takes the place of another one between tiles waits for the CU that looks up last, and the tiles behind it wait for the table. */
const EXCHANGE_CYCLES = 2000;
/** A run of a pixel's channels, stored and loaded. */
const STORE_RUN_CYCLES = 12;
const LOAD_RUN_CYCLES = 3;
/** Bytes of a descriptor's instructions: those fields that are not as they were. */
const TASK_BYTES = 30;
/** Between descriptors of a tile's parts. */
const TILE_GAP_CYCLES = 30;
/** Setup and preparation of a copy, of which the rows are short. */
const COPY_CYCLES = 50;
/** Setup and parameters of a descriptor. */
const SETUP_CYCLES = 10;

/** Cycles and bytes of a relay. */
export function costOfWork(
  { graph, steps, held, tiled, columns, rings }: RelayWork,
  links: readonly (LinkCost | undefined)[],
  machine: Machine,
): { cycles: number; bytes: number } {
  const { members, buffers } = graph;
  const cus = machine.computeUnits;
  const hasColumns = columns !== undefined;
  const { burstLines } = machine.axi;
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  let bytes = 0;
  const wholes: WholeMember[] = [];
  const spent: Spent[] = [];
  let tasks = 0;
  const tables = new Set<string>();
  const stepsOf = members.map((_, m) => steps.filter(({ member }) => member === m).length);
  members.forEach(({ stage, height, width, channels }, m) => {
    const link = links[m];
    const isTiled = tiled.has(m);
    const stores = storesOfMember(graph, m, machine);
    const chunks = height * width * Math.ceil(channels / LINE_WORDS);
    const works = vecWorks(stage);
    const isStrip = columns?.[members[m]!.input.buffer] !== undefined;
    const share = isStrip ? Math.ceil(width / cus) / width : 1 / cus;
    const vecCycles = chunks * share * works.reduce((sum, work) => sum + chunkCycles(work), 0);
    const count = stepsOf[m]!;
    const blocks = link?.plan.blocks.length ?? 0;
    const whole = link && !isTiled ? wholeGap({ member: m, first: 0, end: height, slot: 0 }, members[m]!, link, held, machine) : undefined;
    const gapOf = (cost: LinkCost): number => {
      if (isStrip) return columnGap(cost, height, height / count, machine);
      return whole ? whole.cycles : TILE_GAP_CYCLES;
    };
    const gap = link ? gapOf(link) : 0;
    const macCycles = link ? Math.max(link.cycles + count * blocks * gap, link.bus) : 0;
    const copies = isStrip ? copiesOf(members[m]!, graph, columns, rings, machine) : { count: 0, most: 0, row: 0 };
    if (isStrip) tasks += count * (cus * (blocks + works.length) + copies.count);
    else tasks += count * (link ? blocks * (whole?.tasks ?? cus * 1.5) : cus) * (1 + works.length);
    if (!isTiled) {
      const loadCycles = (link?.bytes ?? 0) / bandwidth;
      const isEnd = link !== undefined && m === members.length - 1;
      const runs = isEnd ? runsBehind(graph, m, link.plan.blocks).filter((run) => run).length : 1;
      // Of the last map, what is made first is stored while the rest is made.
      const early = runs > 1 ? macCycles * (1 - 1 / runs) : (macCycles / blocks) * (1 - 1 / LAST_PARTS);
      wholes.push({
        macCycles,
        vecCycles,
        early: isEnd ? early : 0,
        late: isEnd ? 1 / (runs * LAST_PARTS) : 1,
        lines: link ? blocks * link.plan.groupLines : 0,
        loadCycles,
        storeCycles: stores.cycles,
      });
    }
    bytes += (link?.bytes ?? 0) + stores.bytes;
    const table = keyOfTable(stage);
    if (table !== undefined) tables.add(table);
    spent.push({
      macRow: link ? Math.max(link.cycles, link.bus) / height : 0,
      macStep: blocks * gap,
      vecRow: vecCycles / height,
      vecFrom: blocks > 0 && !isStrip ? 1 / blocks : 1,
      copyRow: copies.row,
      copyStep: copies.most * COPY_CYCLES,
      table,
    });
  });
  const loads = buffers.map((buffer, b) => loadBytes(buffer, held[b]!, burstLines));
  bytes += loads.reduce((sum, load) => sum + load, 0);
  const looks = steps.flatMap(({ member }) => (tiled.has(member) ? (spent[member]!.table ?? []) : []));
  const wholeTables = new Set(spent.flatMap(({ table }, m) => (tiled.has(m) ? [] : (table ?? []))));
  const inTurn = hasColumns ? countChanges(looks) : looks.length;
  const changes = (new Set(looks).size > 1 ? inTurn : Math.min(looks.length, 1)) + wholeTables.size;
  bytes += changes * TABLE_BYTES + tasks * TASK_BYTES;
  const dispatch = tasks * MAC_INSTRUCTIONS;
  const runs = hasColumns ? buffers.reduce((sum, _, b) => sum + (columns[b] ? shortRunCycles(graph, b) : 0), 0) : 0;
  const waits = tables.size <= 1 ? 0 : changes * TABLE_CYCLES;
  const exchanges = hasColumns ? (changes - tables.size) * EXCHANGE_CYCLES : 0;
  const inTiles = steps.filter(({ member }) => tiled.has(member));
  const sum = (cycles: (part: Spent, rows: number) => number): number =>
    inTiles.reduce((total, step) => total + cycles(spent[step.member]!, rowsOf(step)), 0);
  const side = Math.max(
    sum(({ macRow, macStep }, rows) => rows * macRow + macStep),
    sum(({ vecRow, copyRow, copyStep }, rows) => rows * (vecRow + copyRow) + copyStep),
  );
  const isTiled = tiled.size === members.length;
  const play = tiled.size > 0 ? playSteps(graph, inTiles, spent, bandwidth, hasColumns) : 0;
  const inParts = hasColumns ? play + exchanges + runs : Math.max(side + inTiles.length * 20 + (isTiled ? waits : 0), play);
  const busy = isTiled
    ? inParts
    : inParts + playWhole(wholes, weightsLines(machine), tiled.size > 0 ? 0 : loads[members[0]!.input.buffer]! / bandwidth) + waits;
  return { cycles: Math.max(busy, bytes / bandwidth, dispatch) + FIRST_CYCLES, bytes };
}

/** Bytes of a buffer that come from DRAM. */
function loadBytes(buffer: RelayBuffer, held: readonly (readonly Span[])[], burstLines: number): number {
  const rows = Math.max(0, ...held.flat().map(({ to }) => Math.ceil(to / buffer.width)));
  const lines = buffer.loaded.reduce((sum, { first, end }) => sum + runOf(buffer, first, end, burstLines).lines, 0);
  return rows * buffer.width * lines * LINE_BYTES;
}

/** What a member stores: bytes, and cycles of the lines, or of bursts whose responses limit them. */
function storesOfMember(graph: RelayGraph, m: number, machine: Machine): { bytes: number; cycles: number } {
  const { height, width } = graph.members[m]!;
  const pixels = height * width;
  const stores = { bytes: 0, cycles: 0 };
  for (const { buffer, channel, end } of storesOf(graph, m)) {
    const run = runOf(graph.buffers[buffer]!, channel, end, machine.axi.burstLines);
    stores.bytes += pixels * run.lines * LINE_BYTES;
    stores.cycles += pixels * storeCycles(run, machine);
  }
  return stores;
}

/**
 * Cycles of transfers on a CU's columns whose runs are single pixels: a descriptor for every row, more than the queues hold, so that all units wait for them.
 */
function shortRunCycles({ members, buffers }: RelayGraph, b: number): number {
  const { isStored, height, width, first, channels, loaded, pitch, isPlain } = buffers[b]!;
  const parts = isStored ? members.flatMap(({ destinations }) => destinations.filter(({ buffer }) => buffer === b)) : [];
  const isWhole = isPlain && parts.length === 1 && first === 0 && pitch === channels && parts[0]!.to - parts[0]!.from === channels;
  const isDense = pitch === channels && loaded.length === 1 && loaded[0]!.end - loaded[0]!.first === channels;
  return height * width * ((isWhole ? 0 : parts.length * STORE_RUN_CYCLES) + (isDense ? 0 : loaded.length * LOAD_RUN_CYCLES));
}

/** Cycles between descriptors on a CU's columns: the next one is prepared from the last row of the one before on. */
function columnGap({ plan, cycles, isOneRow }: LinkCost, height: number, rows: number, machine: Machine): number {
  const row = cycles / (plan.blocks.length * height);
  return SETUP_CYCLES + Math.max(0, machine.latency.prepare - (isOneRow ? rows * row : row));
}

/** Copies of a member's results for other CUs: descriptors of all CUs, the most of one CU, and what a row takes its VEC unit. */
function copiesOf(
  { width, destinations }: RelayMember,
  { buffers }: RelayGraph,
  columns: HeldColumns,
  rings: readonly RelayRing[],
  machine: Machine,
): { count: number; most: number; row: number } {
  const totals = Array.from({ length: machine.computeUnits }, () => ({ count: 0, row: 0 }));
  for (const buffer of new Set(destinations.map((destination) => destination.buffer))) {
    if (!rings[buffer]!.isCopied) continue;
    const chunks = Math.ceil(buffers[buffer]!.channels / LINE_WORDS);
    totals.forEach((total, cu) => {
      for (const { left, right } of sentColumns(columns[buffer]!, width, cu)) {
        total.count++;
        total.row += Math.max(machine.latency.rowPeriod, (right - left) * chunks * 4.2);
      }
    });
  }
  const most = (key: 'count' | 'row'): number => Math.max(...totals.map((total) => total[key]));
  return { count: totals.reduce((sum, { count }) => sum + count, 0), most: most('count'), row: most('row') };
}

/** Cycles of a VEC unit for a line of channels: its lanes take four or eight, a pool reads every tap of its window. */
function chunkCycles(vec: VecWork): number {
  if (isLookUp(vec)) return 8;
  return vec.op === 'max' ? Math.max(4.2, 1.05 * vec.geometry.kernelH * vec.geometry.kernelW) : 4.2;
}

const tableKeys = new WeakMap<object, string>();

/** What tells tables apart. */
function keyOfTable({ vec, table }: Stage): string | undefined {
  const work = vec?.op === 'table' ? vec : table;
  if (!work) return undefined;
  const known = tableKeys.get(work.table) ?? `${work.table.base.join()} ${work.table.slope.join()}`;
  tableKeys.set(work.table, known);
  return known;
}

function countChanges(keys: readonly string[]): number {
  return keys.filter((key, i) => key !== keys[i - 1]).length;
}

/** What a member's whole map takes: cycles of the MAC and VEC units, lines of weights and the time that the memory reads them. */
interface WholeMember {
  readonly macCycles: number;
  readonly vecCycles: number;
  readonly lines: number;
  readonly loadCycles: number;
  /** Transfers of results that others read. */
  readonly storeCycles: number;
  /** MAC cycles before the end in which results are stored already, and the part of them that is stored behind it. */
  readonly early: number;
  readonly late: number;
}

/**
 * Cycles of whole maps, one behind the other. Their weights come meanwhile, as soon as the members before have left room in the buffers; what is made at once is stored
 * when it is all there, and those who read it wait for what is not stored at the end.
 */
function playWhole(members: readonly WholeMember[], capacity: number, inputCycles: number): number {
  // The first begins with the first part of what comes from DRAM, and ends behind the last.
  let at = inputCycles / FIRST_PARTS;
  let loaded = 0;
  let stored = 0;
  const stores: number[] = [];
  /** When every member was done, and lines up to it. */
  const done: number[] = [];
  let first = 0;
  let lines = 0;
  members.forEach(({ macCycles, vecCycles, lines: own, loadCycles, storeCycles, early, late }, m) => {
    lines += own;
    // Long weights pass in groups while they are in use.
    for (; lines > capacity && first < m; first++) lines -= members[first]!.lines;
    loaded = Math.max(loaded, done[first - 1] ?? 0) + loadCycles;
    const mac = Math.max(macCycles, loaded - at, m === 0 ? inputCycles - at : 0);
    at += Math.max(mac, vecCycles) + Math.min(macCycles, vecCycles) * 0.25 + HANDOVER_CYCLES;
    // What waits to be stored is in the way of those that come two members later.
    at = Math.max(at, stores[m - 2] ?? 0);
    stored = Math.max(Math.max(stored, at - early) + storeCycles, at + storeCycles * late);
    stores.push(stored);
    done.push(at);
  });
  return Math.max(at, stored);
}

/** What a member's steps take of the MAC and VEC units of a CU: cycles of a row, and of every step; the part of its MACs behind which vector work begins. */
interface Spent {
  readonly macRow: number;
  readonly macStep: number;
  readonly vecRow: number;
  readonly vecFrom: number;
  /** Of its copies for other CUs. */
  readonly copyRow: number;
  readonly copyStep: number;
  readonly table: string | undefined;
}

/** Rows that all CUs together make in the time of a step: of their own as many as the one that makes most. */
function rowsOf({ first, end, byCu }: RelayStep): number {
  return byCu ? Math.max(...byCu.map((own) => own.end - own.first)) * byCu.length : end - first;
}

/** Cycles of tiles: steps in their order, each when its unit is free and the rows that it reads are there; rows from DRAM come one behind the other. */
function playSteps(
  { members, buffers }: RelayGraph,
  steps: readonly RelayStep[],
  spent: readonly Spent[],
  bandwidth: number,
  hasColumns: boolean,
): number {
  /** Of every buffer's makers: when they had made rows up to an end. */
  const made = buffers.map(() => new Map<number, { end: number; at: number }[]>());
  const readyAt = (buffer: number, reader: number, rows: number): number => {
    const { loaded, width } = buffers[buffer]!;
    let at = (loaded.reduce((words, { first, end }) => words + end - first, 0) * width * rows * 2) / bandwidth;
    for (const [maker, list] of made[buffer]!) {
      if (maker < reader) at = Math.max(at, list.find(({ end }) => end >= rows)?.at ?? list.at(-1)!.at);
    }
    return at;
  };
  let macFree = 0;
  let vecFree = 0;
  let table: string | undefined;
  let end = 0;
  for (const step of steps) {
    const { work, input, other, stage, destinations } = members[step.member]!;
    const window = windowOf(members[step.member]!);
    const { macRow, macStep, vecRow, vecFrom, copyRow, copyStep, table: needed } = spent[step.member]!;
    const rows = rowsOf(step);
    const wanted = window ? inputRows(window, 0, step.end).end : step.end;
    const input0 = readyAt(input.buffer, step.member, wanted);
    // What comes from DRAM comes in parts.
    const input1 = step.slot === 0 && !hasColumns ? readyAt(input.buffer, step.member, Math.ceil(wanted / FIRST_PARTS)) : input0;
    let at = input0;
    let begun = input0;
    if (work) {
      const start = Math.max(macFree, input1);
      macFree = Math.max(start + rows * macRow + macStep, input0);
      begun = start + (macFree - start) * vecFrom;
      at = macFree;
    }
    if (stage.vec || stage.table) {
      const second = other ? readyAt(other.buffer, step.member, other.isPixel ? 1 : step.end) : 0;
      const start =
        Math.max(vecFree, begun + (work ? HANDOVER_CYCLES / 2 : 0), second) + (needed !== undefined && table !== needed ? TABLE_CYCLES : 0);
      if (needed !== undefined) table = needed;
      vecFree = Math.max(start + rows * vecRow, at + HANDOVER_CYCLES / 2);
      at = vecFree;
    }
    if (copyStep > 0) {
      vecFree = Math.max(vecFree, at + HANDOVER_CYCLES / 2) + rows * copyRow + copyStep;
      at = vecFree;
    }
    end = Math.max(end, at);
    for (const { buffer } of destinations) {
      const list = made[buffer]!.get(step.member) ?? [];
      list.push({ end: step.end, at: at + HANDOVER_CYCLES / 2 });
      made[buffer]!.set(step.member, list);
    }
  }
  return end;
}
