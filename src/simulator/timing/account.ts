/**
 * The account of lost cycles: every MAC slot (one MAC in one cycle) of every CU is useful or lost to one cause of one layer.
 * Specification: docs/microarchitecture.md, section 10.
 *
 * Slots are whole numbers, so sums are exact; they are divided by the machine's MACs at the end.
 */
import { UNIT_ID, unitOf } from '../../isa/fields.ts';
import { LINE_BYTES, type Machine, macCount } from '../../machine/machine.ts';
import type { CommitLog } from './commit-log.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { type LayerTiming, LOST_CAUSES, type LostCause, type TileTiming } from './result.ts';
import type { Cells } from './tiles.ts';
import type { Tokens } from './tokens.ts';

const CAUSES = LOST_CAUSES.length;
const MAPS = LOST_CAUSES.indexOf('maps');
const WEIGHTS = LOST_CAUSES.indexOf('weights');
const STORE = LOST_CAUSES.indexOf('store');
const DEPENDENCY = LOST_CAUSES.indexOf('dependency');
const DISPATCH = LOST_CAUSES.indexOf('dispatch');
const PARTIAL_LANES = LOST_CAUSES.indexOf('partialLanes');
const IMBALANCE = LOST_CAUSES.indexOf('imbalance');
const DRAIN = LOST_CAUSES.indexOf('drain');
/** Kinds of DRAM traffic: the ids of LDM, LDW and ST, and the reserved one for instructions. */
const KINDS = 4;
const FETCH = 3;

/** Intervals of time in which a unit waited, in order; filled without growing. */
class Waits {
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** What was waited for: meaning by owner. */
  readonly of: Int32Array;
  count = 0;

  constructor(capacity: number) {
    this.from = new Float64Array(capacity);
    this.to = new Float64Array(capacity);
    this.of = new Int32Array(capacity);
  }

  add(from: number, to: number, of: number): void {
    if (to <= from) return;
    this.from[this.count] = from;
    this.to[this.count] = to;
    this.of[this.count++] = of;
  }

  /** Index of the first interval that ends after `cycle`. */
  firstEndingAfter(cycle: number): number {
    let i = this.count;
    while (i > 0 && this.to[i - 1] > cycle) i--;
    return i;
  }
}

/** Ends of the work of layers without MACs on one CU, in order of time. */
class Boundaries {
  readonly at: Float64Array;
  readonly cell: Int32Array;
  count = 0;
  head = 0;

  constructor(capacity: number) {
    this.at = new Float64Array(capacity);
    this.cell = new Int32Array(capacity);
  }

  add(at: number, cell: number): void {
    this.at[this.count] = at;
    this.cell[this.count++] = cell;
  }
}

export class Account {
  readonly #table: DescriptorTable;
  readonly #log: CommitLog | undefined;
  readonly #cells: Cells;
  /** Cell of each descriptor. */
  readonly #cell: Int32Array;
  /** Cell of what follows the last MAC step. */
  readonly #lastCell: number;
  readonly #cus: number;
  readonly #macsPerCu: number;
  readonly #machineMacs: number;

  // --- by cell: a layer, or a tile of one ---
  readonly #useful: Float64Array;
  readonly #lost: Float64Array;
  /** Lines moved by cell and kind. */
  readonly #lines: Float64Array;

  /** By CU: the time before this cycle is charged. */
  readonly #chargedTo: Float64Array;
  readonly #boundaries: Boundaries[] = [];
  /** By layer: bit 0: it has MAC descriptors, bit 1: it has VEC descriptors. */
  readonly #work: Uint8Array;
  /** LDM waiting for a write token of ST; of = the descriptor that waited. */
  readonly #loadDependency: Waits;
  /** The core waiting at a full queue; of = unit id. */
  readonly #coreStalls: Waits;

  // --- gap being charged ---
  #gapCu = -1;
  #gapEnd = 0;
  #gapDescriptor = 0;

  /** @param layers of the program; one without layers is accounted as one, which nobody sees */
  constructor(table: DescriptorTable, cells: Cells, layers: number, machine: Machine, log?: CommitLog) {
    this.#table = table;
    this.#log = log;
    this.#cells = cells;
    this.#cell = table.instruction.map((instruction) => cells.of[instruction]);
    this.#cus = machine.computeUnits;
    this.#machineMacs = macCount(machine);
    this.#macsPerCu = this.#machineMacs / machine.computeUnits;
    this.#useful = new Float64Array(cells.layer.length);
    this.#lost = new Float64Array(cells.layer.length * CAUSES);
    this.#lines = new Float64Array(cells.layer.length * KINDS);
    this.#chargedTo = new Float64Array(this.#cus);
    this.#work = new Uint8Array(Math.max(1, layers));
    let lastLayer = 0;
    let lastCell = 0;
    for (let i = 0; i < table.count; i++) {
      const kind = table.dispatches[i].kind;
      this.#work[table.layer[i]] |= kind === 'MAC' ? 1 : kind === 'VEC' ? 2 : 0;
      if (table.layer[i] >= lastLayer) {
        lastLayer = table.layer[i];
        lastCell = this.#cell[i];
      }
    }
    this.#lastCell = lastCell;
    for (let cu = 0; cu < this.#cus; cu++) {
      this.#boundaries.push(new Boundaries(table.order[UNIT_ID.vec(cu)].length + table.order[UNIT_ID.ST].length));
    }
    this.#loadDependency = new Waits(table.order[UNIT_ID.LDM].length);
    this.#coreStalls = new Waits(table.count);
  }

  // --- traffic ---

  /** Lines of a load that the memory accepted. */
  read(descriptor: number, lines: number): void {
    this.#lines[this.#cell[descriptor] * KINDS + this.#table.unitId[descriptor]] += lines;
  }

  wrote(descriptor: number, lines: number): void {
    this.#lines[this.#cell[descriptor] * KINDS + UNIT_ID.ST] += lines;
  }

  /** A line of instructions was fetched: it belongs to the layer of its first instruction. */
  fetched(instruction: number): void {
    this.#lines[this.#cells.of[instruction] * KINDS + FETCH]++;
  }

  // --- time ---

  /** GO could have executed at `from` but found the queue of `unitId` full until `to`. */
  coreStalled(from: number, to: number, unitId: number): void {
    this.#coreStalls.add(from, to, unitId);
  }

  /** A descriptor starts at `now` on a unit that was free from `freeAt`, having taken its tokens, the last of which was there at `tokensAt`. */
  started(descriptor: number, freeAt: number, tokensAt: number, now: number, tokens: Tokens): void {
    const unitId = this.#table.unitId[descriptor];
    const waitFrom = Math.max(freeAt, this.#table.arrivalAt[descriptor]);
    if (unitId === UNIT_ID.LDM && tokens.criticalProducer === UNIT_ID.ST && tokens.criticalKind === 'write') {
      this.#loadDependency.add(waitFrom, now, descriptor);
    }
    const isMac = unitId >= UNIT_ID.mac(0) && unitId % 2 === 0;
    if (!isMac && this.#log === undefined) return;
    this.#gapCu = isMac ? (unitId - UNIT_ID.mac(0)) / 2 : -1;
    this.#gapEnd = now;
    this.#gapDescriptor = descriptor;
    this.#chargeEmptyQueue(freeAt, Math.min(waitFrom, now));
    if (tokensAt > waitFrom) this.#chargeTokenWait(unitId, waitFrom, tokensAt, tokens);
    // The tokens were there, the descriptor was still being prepared.
    this.#charge(Math.max(waitFrom, tokensAt), now, DISPATCH);
  }

  /** A MAC descriptor's last window ends: [start, setupEnd) was setup, the rest windows of `steps` steps in all, up to `end`. */
  macRan(cu: number, descriptor: number, setupEnd: number, end: number, steps: number, usefulMacs: number): void {
    const cell = this.#cell[descriptor];
    const setup = setupEnd - this.#table.startAt[descriptor];
    const resultPath = end - setupEnd - steps;
    this.#useful[cell] += usefulMacs;
    this.#lose(cell, DISPATCH, setup * this.#macsPerCu);
    this.#lose(cell, STORE, resultPath * this.#macsPerCu);
    this.#lose(cell, PARTIAL_LANES, steps * this.#macsPerCu - usefulMacs);
    this.#log?.addWait(descriptor, STORE, resultPath);
    this.#chargedTo[cu] = end;
  }

  /** A VEC descriptor has read its last operand before cycle `end`. */
  vecRan(cu: number, descriptor: number, end: number): void {
    const layer = this.#table.layer[descriptor];
    if ((this.#work[layer] & 1) === 0) this.#boundaries[cu].add(end, this.#cell[descriptor]);
  }

  /** An ST descriptor has read its last line before cycle `end`. */
  storeRead(descriptor: number, end: number): void {
    const layer = this.#table.layer[descriptor];
    if (this.#work[layer] === 0) for (const boundaries of this.#boundaries) boundaries.add(end, this.#cell[descriptor]);
  }

  /** The program ended after `cycles` cycles: charges the rest and returns the layers. */
  finish(cycles: number): LayerTiming[] {
    const lastMacEnd = Math.max(...this.#chargedTo);
    for (let cu = 0; cu < this.#cus; cu++) {
      const boundaries = this.#boundaries[cu];
      let from = this.#chargedTo[cu];
      for (; boundaries.head < boundaries.count; boundaries.head++) {
        const at = boundaries.at[boundaries.head];
        if (at <= from) continue;
        this.#lose(boundaries.cell[boundaries.head], STORE, (at - from) * this.#macsPerCu);
        from = at;
      }
      const balanced = Math.max(from, lastMacEnd);
      this.#lose(this.#lastCell, IMBALANCE, (balanced - from) * this.#macsPerCu);
      this.#lose(this.#lastCell, DRAIN, (cycles - balanced) * this.#macsPerCu);
    }
    return Array.from(this.#work, (_, layer) => this.#layerTiming(layer));
  }

  /** The account by cell, after `finish`. */
  tiles(): TileTiming[] {
    return this.#cells.names.map((name, cell) => ({
      layer: this.#cells.layer[cell],
      name,
      usefulMacs: this.#useful[cell],
      lostSlots: Object.fromEntries(LOST_CAUSES.map((cause, i) => [cause, this.#lost[cell * CAUSES + i]])) as Record<LostCause, number>,
      dramBytes: {
        weights: this.#lines[cell * KINDS + UNIT_ID.LDW] * LINE_BYTES,
        mapsIn: this.#lines[cell * KINDS + UNIT_ID.LDM] * LINE_BYTES,
        mapsOut: this.#lines[cell * KINDS + UNIT_ID.ST] * LINE_BYTES,
        instructions: this.#lines[cell * KINDS + FETCH] * LINE_BYTES,
      },
    }));
  }

  get readBytes(): number {
    return this.#bytesOf(UNIT_ID.LDM) + this.#bytesOf(UNIT_ID.LDW) + this.#bytesOf(FETCH);
  }

  get writeBytes(): number {
    return this.#bytesOf(UNIT_ID.ST);
  }

  get fetchBytes(): number {
    return this.#bytesOf(FETCH);
  }

  #bytesOf(kind: number): number {
    let lines = 0;
    for (let i = kind; i < this.#lines.length; i += KINDS) lines += this.#lines[i];
    return lines * LINE_BYTES;
  }

  #layerTiming(layer: number): LayerTiming {
    let usefulMacs = 0;
    let readLines = 0;
    let writeLines = 0;
    const lostSlots = new Float64Array(CAUSES);
    for (const [cell, owner] of this.#cells.layer.entries()) {
      if (owner !== layer) continue;
      usefulMacs += this.#useful[cell];
      for (let i = 0; i < CAUSES; i++) lostSlots[i] += this.#lost[cell * CAUSES + i];
      for (let kind = 0; kind < KINDS; kind++) {
        if (kind === UNIT_ID.ST) writeLines += this.#lines[cell * KINDS + kind];
        else readLines += this.#lines[cell * KINDS + kind];
      }
    }
    const slots = lostSlots.reduce((sum, lost) => sum + lost, usefulMacs);
    return {
      cycles: slots / this.#machineMacs,
      usefulMacs,
      lost: Object.fromEntries(LOST_CAUSES.map((cause, i) => [cause, lostSlots[i] / this.#machineMacs])) as Record<LostCause, number>,
      dramReadBytes: readLines * LINE_BYTES,
      dramWriteBytes: writeLines * LINE_BYTES,
    };
  }

  /** The queue was empty: the core's fault, or that of the unit whose full queue held the core up. */
  #chargeEmptyQueue(from: number, to: number): void {
    const stalls = this.#coreStalls;
    let at = from;
    for (let i = stalls.firstEndingAfter(from); i < stalls.count && at < to; i++) {
      const stallFrom = Math.max(at, stalls.from[i]);
      const stallTo = Math.min(to, stalls.to[i]);
      if (stallTo <= stallFrom) continue;
      this.#charge(at, stallFrom, DISPATCH);
      this.#charge(stallFrom, stallTo, causeOfUnit(stalls.of[i]));
      at = stallTo;
    }
    this.#charge(at, to, DISPATCH);
  }

  /** The head waited for tokens: the cause is the producer of the token that came last. */
  #chargeTokenWait(unitId: number, from: number, to: number, tokens: Tokens): void {
    const producer = tokens.criticalProducer;
    if (producer !== UNIT_ID.LDM) {
      this.#charge(from, to, producer === unitId ? DEPENDENCY : causeOfUnit(producer));
      return;
    }
    // Maps: while LDM, up to the start of the load in question, itself waited for an earlier result in DRAM, that was the cause.
    const loadStart = this.#table.startAt[tokens.criticalSignaller];
    const waits = this.#loadDependency;
    let at = from;
    for (let i = waits.firstEndingAfter(from); i < waits.count && at < to && waits.to[i] <= loadStart; i++) {
      const waitFrom = Math.max(at, waits.from[i]);
      const waitTo = Math.min(to, waits.to[i]);
      if (waitTo <= waitFrom) continue;
      this.#charge(at, waitFrom, MAPS);
      this.#charge(waitFrom, waitTo, DEPENDENCY);
      at = waitTo;
    }
    this.#charge(at, to, MAPS);
  }

  /** Charges part of the gap: the part before the end of a layer without MACs belongs to that layer. */
  #charge(from: number, to: number, cause: number): void {
    if (to <= from) return;
    this.#log?.addWait(this.#gapDescriptor, cause, to - from);
    if (this.#gapCu < 0) return;
    const boundaries = this.#boundaries[this.#gapCu];
    let at = from;
    while (at < to) {
      while (boundaries.head < boundaries.count && boundaries.at[boundaries.head] <= at) boundaries.head++;
      const inside = boundaries.head < boundaries.count && boundaries.at[boundaries.head] <= this.#gapEnd;
      const end = inside ? Math.min(to, boundaries.at[boundaries.head]) : to;
      const cell = inside ? boundaries.cell[boundaries.head] : this.#cell[this.#gapDescriptor];
      this.#lose(cell, cause, (end - at) * this.#macsPerCu);
      at = end;
    }
  }

  #lose(cell: number, cause: number, slots: number): void {
    this.#lost[cell * CAUSES + cause] += slots;
  }
}

/** Cause of waiting for a unit. */
function causeOfUnit(unitId: number): number {
  switch (unitOf(unitId)?.kind) {
    case 'LDM':
      return MAPS;
    case 'LDW':
      return WEIGHTS;
    case 'MAC':
      return IMBALANCE;
    default:
      return STORE;
  }
}
