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
import { type LayerTiming, LOST_CAUSES, type LostCause } from './result.ts';
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
  readonly layer: Int32Array;
  count = 0;
  head = 0;

  constructor(capacity: number) {
    this.at = new Float64Array(capacity);
    this.layer = new Int32Array(capacity);
  }

  add(at: number, layer: number): void {
    this.at[this.count] = at;
    this.layer[this.count++] = layer;
  }
}

export class Account {
  readonly #table: DescriptorTable;
  readonly #log: CommitLog | undefined;
  readonly #layerOf: Int32Array;
  readonly #layers: number;
  readonly #lastLayer: number;
  readonly #cus: number;
  readonly #macsPerCu: number;
  readonly #machineMacs: number;

  readonly #useful: Float64Array;
  readonly #lost: Float64Array;
  readonly #readLines: Float64Array;
  readonly #writeLines: Float64Array;
  #fetchLines = 0;

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

  constructor(table: DescriptorTable, layerOf: Int32Array, layers: number, machine: Machine, log?: CommitLog) {
    this.#table = table;
    this.#log = log;
    this.#layerOf = layerOf;
    // A program without layers is accounted as one, which nobody sees.
    this.#layers = Math.max(1, layers);
    this.#cus = machine.computeUnits;
    this.#machineMacs = macCount(machine);
    this.#macsPerCu = this.#machineMacs / machine.computeUnits;
    this.#useful = new Float64Array(this.#layers);
    this.#lost = new Float64Array(this.#layers * CAUSES);
    this.#readLines = new Float64Array(this.#layers);
    this.#writeLines = new Float64Array(this.#layers);
    this.#chargedTo = new Float64Array(this.#cus);
    this.#work = new Uint8Array(this.#layers);
    let lastLayer = 0;
    for (let i = 0; i < table.count; i++) {
      const kind = table.dispatches[i].kind;
      this.#work[table.layer[i]] |= kind === 'MAC' ? 1 : kind === 'VEC' ? 2 : 0;
      lastLayer = Math.max(lastLayer, table.layer[i]);
    }
    this.#lastLayer = lastLayer;
    for (let cu = 0; cu < this.#cus; cu++) {
      this.#boundaries.push(new Boundaries(table.order[UNIT_ID.vec(cu)].length + table.order[UNIT_ID.ST].length));
    }
    this.#loadDependency = new Waits(table.order[UNIT_ID.LDM].length);
    this.#coreStalls = new Waits(table.count);
  }

  // --- traffic ---

  read(descriptor: number, lines: number): void {
    this.#readLines[this.#table.layer[descriptor]] += lines;
  }

  wrote(descriptor: number, lines: number): void {
    this.#writeLines[this.#table.layer[descriptor]] += lines;
  }

  /** A line of instructions was fetched: it belongs to the layer of its first instruction. */
  fetched(instruction: number): void {
    this.#fetchLines++;
    this.#readLines[this.#layerOf[instruction]]++;
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
    const layer = this.#table.layer[descriptor];
    const setup = setupEnd - this.#table.startAt[descriptor];
    const resultPath = end - setupEnd - steps;
    this.#useful[layer] += usefulMacs;
    this.#lose(layer, DISPATCH, setup * this.#macsPerCu);
    this.#lose(layer, STORE, resultPath * this.#macsPerCu);
    this.#lose(layer, PARTIAL_LANES, steps * this.#macsPerCu - usefulMacs);
    this.#log?.addWait(descriptor, STORE, resultPath);
    this.#chargedTo[cu] = end;
  }

  /** A VEC descriptor has read its last operand before cycle `end`. */
  vecRan(cu: number, descriptor: number, end: number): void {
    const layer = this.#table.layer[descriptor];
    if ((this.#work[layer] & 1) === 0) this.#boundaries[cu].add(end, layer);
  }

  /** An ST descriptor has read its last line before cycle `end`. */
  storeRead(descriptor: number, end: number): void {
    const layer = this.#table.layer[descriptor];
    if (this.#work[layer] === 0) for (const boundaries of this.#boundaries) boundaries.add(end, layer);
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
        this.#lose(boundaries.layer[boundaries.head], STORE, (at - from) * this.#macsPerCu);
        from = at;
      }
      const balanced = Math.max(from, lastMacEnd);
      this.#lose(this.#lastLayer, IMBALANCE, (balanced - from) * this.#macsPerCu);
      this.#lose(this.#lastLayer, DRAIN, (cycles - balanced) * this.#macsPerCu);
    }
    return Array.from({ length: this.#layers }, (_, layer) => this.#layerTiming(layer));
  }

  get readBytes(): number {
    return this.#readLines.reduce((sum, lines) => sum + lines, 0) * LINE_BYTES;
  }

  get writeBytes(): number {
    return this.#writeLines.reduce((sum, lines) => sum + lines, 0) * LINE_BYTES;
  }

  get fetchBytes(): number {
    return this.#fetchLines * LINE_BYTES;
  }

  #layerTiming(layer: number): LayerTiming {
    let slots = this.#useful[layer];
    const lost = {} as Record<LostCause, number>;
    for (const [i, cause] of LOST_CAUSES.entries()) {
      slots += this.#lost[layer * CAUSES + i];
      lost[cause] = this.#lost[layer * CAUSES + i] / this.#machineMacs;
    }
    return {
      cycles: slots / this.#machineMacs,
      usefulMacs: this.#useful[layer],
      lost,
      dramReadBytes: this.#readLines[layer] * LINE_BYTES,
      dramWriteBytes: this.#writeLines[layer] * LINE_BYTES,
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
      const layer = inside ? boundaries.layer[boundaries.head] : this.#table.layer[this.#gapDescriptor];
      this.#lose(layer, cause, (end - at) * this.#macsPerCu);
      at = end;
    }
  }

  #lose(layer: number, cause: number, slots: number): void {
    this.#lost[layer * CAUSES + cause] += slots;
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
