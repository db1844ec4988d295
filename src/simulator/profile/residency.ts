/**
 * What lives where, when, in the maps and weights buffers: from the addresses of the descriptors and the cycles of their commit log.
 * Specification: docs/microarchitecture.md, section 2 (buffers); `residency` in docs/profile.md.
 *
 * A granule (64 words of maps, a weights line of the four vMACs of a CU: both 128 bytes) lives from the start of the descriptor that writes it
 * first to the read signal of the last descriptor that reads it before it is written again. Writes without a read in between continue a life:
 * a granule filled by several descriptors lives once.
 */
import type { Dispatch } from '../../isa/core.ts';
import { unitName } from '../../isa/field-codes.ts';
import { hasSource2, LDM_SPACES } from '../../isa/fields.ts';
import { groupLines } from '../../isa/weights-group.ts';
import { type Machine, mapsWords, weightsLines } from '../../machine/machine.ts';
import { JobError } from '../../util/errors.ts';
import { AddressProblem, outputFootprint, runsFootprint, source2Footprint, sourceFootprint } from '../data/footprint.ts';
import type { IntervalList } from '../data/intervals.ts';
import type { CommitLog } from '../timing/commit-log.ts';

const GRANULE_WORDS = 64;
export const GRANULE_BYTES = 2 * GRANULE_WORDS;

/** Lives of granules as columns: [granule, granule + granules) of a CU's buffer hold data of `layer` in the cycles [from, to). */
export interface Residency {
  readonly count: number;
  readonly cu: Uint8Array;
  readonly granule: Int32Array;
  readonly granules: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Layer of the descriptor that wrote first. */
  readonly layer: Int32Array;
}

interface Life {
  readonly cu: number;
  readonly granule: number;
  readonly granules: number;
  readonly from: number;
  readonly to: number;
  readonly layer: number;
}

/** State of the granules of one kind of buffer in all CUs. */
class Tracker {
  readonly size: number;
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  readonly #layer: Int32Array;
  /** 1: read since it was written last. */
  readonly #isRead: Uint8Array;
  readonly #lives: Life[] = [];

  constructor(cus: number, size: number) {
    this.size = size;
    this.#from = new Float64Array(cus * size).fill(-1);
    this.#to = new Float64Array(cus * size);
    this.#layer = new Int32Array(cus * size);
    this.#isRead = new Uint8Array(cus * size);
  }

  /** The granule is written from cycle `from` on, completely at `to`. */
  write(cu: number, granule: number, from: number, to: number, layer: number): void {
    const i = cu * this.size + granule;
    if (this.#from[i] >= 0 && this.#isRead[i] === 0) {
      if (to > this.#to[i]) this.#to[i] = to;
      return;
    }
    this.#close(i);
    this.#from[i] = from;
    this.#to[i] = to;
    this.#layer[i] = layer;
    this.#isRead[i] = 0;
  }

  /** Reads of what was never written (a program's garbage words) don't make it live. */
  read(cu: number, granule: number, to: number): void {
    const i = cu * this.size + granule;
    if (this.#from[i] < 0) return;
    if (this.#isRead[i] === 0 || to > this.#to[i]) this.#to[i] = Math.max(to, this.#from[i]);
    this.#isRead[i] = 1;
  }

  finish(): Residency {
    for (let i = 0; i < this.#from.length; i++) this.#close(i);
    return toColumns(joinNeighbours(this.#lives));
  }

  #close(i: number): void {
    if (this.#from[i] < 0) return;
    const cu = Math.floor(i / this.size);
    this.#lives.push({ cu, granule: i - cu * this.size, granules: 1, from: this.#from[i], to: this.#to[i], layer: this.#layer[i] });
    this.#from[i] = -1;
  }
}

/** Joins the lives of neighbouring granules that begin and end together; sorted by time. */
function joinNeighbours(lives: Life[]): Life[] {
  lives.sort((a, b) => a.from - b.from || a.cu - b.cu || a.layer - b.layer || a.to - b.to || a.granule - b.granule);
  const joined: Life[] = [];
  for (const life of lives) {
    const last = joined.at(-1);
    const follows =
      last !== undefined &&
      last.from === life.from &&
      last.to === life.to &&
      last.cu === life.cu &&
      last.layer === life.layer &&
      last.granule + last.granules === life.granule;
    if (follows) joined[joined.length - 1] = { ...last, granules: last.granules + 1 };
    else joined.push(life);
  }
  return joined;
}

function toColumns(lives: readonly Life[]): Residency {
  return {
    count: lives.length,
    cu: Uint8Array.from(lives, (l) => l.cu),
    granule: Int32Array.from(lives, (l) => l.granule),
    granules: Int32Array.from(lives, (l) => l.granules),
    from: Float64Array.from(lives, (l) => l.from),
    to: Float64Array.from(lives, (l) => l.to),
    layer: Int32Array.from(lives, (l) => l.layer),
  };
}

/**
 * Lives of all granules of the maps and weights buffers of a run.
 * @param dispatches those of the log, in its order
 * @throws JobError naming the instruction whose addresses the machine does not have
 */
export function traceResidency(
  machine: Machine,
  dispatches: readonly Dispatch[],
  { columns }: CommitLog,
): { readonly maps: Residency; readonly weights: Residency } {
  const cus = machine.computeUnits;
  const maps = new Tracker(cus, Math.ceil(mapsWords(machine) / GRANULE_WORDS));
  const weights = new Tracker(cus, weightsLines(machine));
  const buffer = { name: 'the maps buffer', words: mapsWords(machine) };
  const forEachGranule = (list: IntervalList, mask: number, visit: (cu: number, granule: number) => void): void => {
    for (let i = 0; i < list.count; i++) {
      const end = Math.ceil(list.end(i) / GRANULE_WORDS);
      for (let granule = Math.floor(list.start(i) / GRANULE_WORDS); granule < end; granule++) {
        for (let cu = 0; cu < cus; cu++) if ((mask & (1 << cu)) !== 0) visit(cu, granule);
      }
    }
  };
  const readLists = (lists: readonly IntervalList[], cu: number, at: number): void => {
    for (const list of lists) forEachGranule(list, 1 << cu, (_, granule) => maps.read(cu, granule, at));
  };
  const write = (i: number): void => {
    const { kind, descriptor: d } = dispatches[i];
    const { startAt, writeSignalAt, layer } = columns;
    const into = (list: IntervalList, mask: number): void =>
      forEachGranule(list, mask, (cu, granule) => maps.write(cu, granule, startAt[i], writeSignalAt[i], layer[i]));
    if (kind === 'LDM' && d.space === LDM_SPACES.maps) into(runsFootprint(d, buffer), d.cus);
    else if (kind === 'MAC') into(outputFootprint(d, d.outWords, buffer), d.outCus);
    else if (kind === 'VEC') into(outputFootprint(d, d.words, buffer), d.outCus);
    else if (kind === 'LDW') {
      const firstCu = Math.floor(d.firstImage / machine.vmacsPerCu) * d.cusPerSlot;
      const endCu = Math.min(cus, Math.ceil((d.firstImage + d.images) / machine.vmacsPerCu) * d.cusPerSlot);
      for (let cu = firstCu; cu < endCu; cu++) {
        for (let line = 0; line < d.lines; line++)
          weights.write(cu, (d.line + line) % weights.size, startAt[i], writeSignalAt[i], layer[i]);
      }
    }
  };
  const read = (i: number): void => {
    const { kind, cu, descriptor: d } = dispatches[i];
    const at = columns.readSignalAt[i];
    if (kind === 'ST') readLists([runsFootprint(d, buffer)], d.cu, at);
    else if (kind === 'VEC') {
      readLists([sourceFootprint(d, buffer), ...(hasSource2(d.op) ? [source2Footprint(d, buffer)] : [])], cu, at);
    } else if (kind === 'MAC') {
      readLists([sourceFootprint(d, buffer)], cu, at);
      const lines = Math.min(weights.size, groupLines(d));
      for (let line = 0; line < lines; line++) weights.read(cu, (d.weightsLine + line) % weights.size, at);
    }
  };
  for (const event of sortEvents(columns.startAt, columns.readSignalAt)) {
    const i = event >> 1;
    try {
      if ((event & 1) === 0) write(i);
      else read(i);
    } catch (error) {
      if (!(error instanceof AddressProblem)) throw error;
      throw new JobError(`instruction ${columns.instruction[i]} (${unitName(columns.unitId[i])}): ${error.message}`);
    }
  }
  return { maps: maps.finish(), weights: weights.finish() };
}

/** Starts (2·i) and read signals (2·i + 1) of the descriptors in the order of time; what starts in the cycle of a signal comes after it. */
function sortEvents(startAt: Float64Array, readSignalAt: Float64Array): Int32Array {
  const timeOf = (event: number): number => ((event & 1) === 0 ? startAt : readSignalAt)[event >> 1];
  return Int32Array.from({ length: 2 * startAt.length }, (_, event) => event).sort(
    (a, b) => timeOf(a) - timeOf(b) || (b & 1) - (a & 1) || a - b,
  );
}
