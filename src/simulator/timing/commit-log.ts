/**
 * The commit log: one record per descriptor, in the order of dispatch. Specification: docs/microarchitecture.md, section 10.
 */
import { unitName } from '../../isa/field-codes.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { LOST_CAUSES, type LostCause } from './result.ts';

/** One descriptor's life. Cycles count from the start of the program. */
export interface CommitRecord {
  readonly unit: string;
  /** Index of the GO. */
  readonly instruction: number;
  readonly layer: number;
  /** Cycle from which it was at its queue. */
  readonly arrival: number;
  readonly start: number;
  readonly readSignal: number;
  /** Cycle of the write signal: its end. */
  readonly end: number;
  /** Cycles that the unit waited for it or in it, by cause: between the unit's last descriptor and its start, MAC: and for the result path. */
  readonly waits: Readonly<Record<LostCause, number>>;
}

/** Columns of typed arrays; `record` reads one row. */
export class CommitLog {
  readonly count: number;
  readonly #table: DescriptorTable;
  readonly #waits: Float64Array;

  constructor(table: DescriptorTable) {
    this.count = table.count;
    this.#table = table;
    this.#waits = new Float64Array(table.count * LOST_CAUSES.length);
  }

  addWait(descriptor: number, cause: number, cycles: number): void {
    this.#waits[descriptor * LOST_CAUSES.length + cause] += cycles;
  }

  record(index: number): CommitRecord {
    const t = this.#table;
    const waits = Object.fromEntries(LOST_CAUSES.map((cause, i) => [cause, this.#waits[index * LOST_CAUSES.length + i]]));
    return {
      unit: unitName(t.unitId[index])!,
      instruction: t.instruction[index],
      layer: t.layer[index],
      arrival: t.arrivalAt[index],
      start: t.startAt[index],
      readSignal: t.readSignalAt[index],
      end: t.writeSignalAt[index],
      waits: waits as Record<LostCause, number>,
    };
  }

  /** Columns for bulk readers (timelines): unit ids, instruction indices, layers and cycles by descriptor. */
  get columns(): Pick<DescriptorTable, 'unitId' | 'instruction' | 'layer' | 'arrivalAt' | 'startAt' | 'readSignalAt' | 'writeSignalAt'> {
    return this.#table;
  }
}
