/**
 * Tasks and buffer pieces: descriptors before they have tokens, and the data dependences between them.
 * Specification: docs/compiler.md, "Dependences". A *piece* is a stretch of a buffer while it holds one thing: its writers fill it together, its
 * readers use it, and a later piece on the same words waits for all of them. Dependences follow from pieces alone.
 */
import type { Descriptor, UnitKind } from '../../isa/fields.ts';

/** Fields of a descriptor without the token masks (those are the sync pass's). */
export type BareDescriptor<K extends UnitKind> = Omit<Descriptor<K>, 'waitRead' | 'waitWrite' | 'signalRead' | 'signalWrite'>;

/** What must have happened: `task` has read its last operand, or written its last result. `raw`: its results are read (not overwritten). */
export interface Dependence {
  readonly task: Task;
  readonly event: 'read' | 'write';
  readonly raw?: boolean;
}

export interface Task {
  readonly unit: number;
  readonly kind: UnitKind;
  readonly descriptor: BareDescriptor<UnitKind>;
  readonly layer: number;
  readonly tile: string;
  /** Position in the natural order (the order in which tasks were made). */
  readonly index: number;
  readonly after: Dependence[];
}

/** Buffer spaces: maps of CU c, weights of CU c, activation table of CU c, DRAM. */
export const SPACE = {
  maps: (cu: number): number => cu,
  weights: (cu: number): number => 16 + cu,
  table: (cu: number): number => 32 + cu,
  dram: 48,
} as const;

export class Piece {
  readonly space: number;
  readonly start: number;
  readonly end: number;
  /** What every writer of this piece must wait for. */
  readonly before: Dependence[] = [];
  readonly writers: Task[] = [];
  readonly readers: Task[] = [];

  constructor(space: number, start: number, end: number) {
    this.space = space;
    this.start = start;
    this.end = end;
  }
}

/** Collects tasks in natural order and derives their dependences from the pieces they touch. */
export class TaskList {
  readonly tasks: Task[] = [];
  private readonly live = new Map<number, Piece[]>();

  /** A new piece on words (or lines) [start, end) of a space; pieces it overlaps end here. */
  newPiece(space: number, start: number, end: number): Piece {
    const piece = new Piece(space, start, end);
    const pieces = this.live.get(space) ?? [];
    const kept: Piece[] = [];
    for (const old of pieces) {
      const overlaps = old.start < end && start < old.end;
      if (overlaps) {
        for (const task of old.readers) piece.before.push({ task, event: 'read' });
        for (const task of old.writers) piece.before.push({ task, event: 'write' });
        // An old piece without accesses passes its own obligations on.
        if (old.readers.length === 0 && old.writers.length === 0) piece.before.push(...old.before);
      }
      const covered = start <= old.start && old.end <= end;
      if (!covered) kept.push(old);
    }
    kept.push(piece);
    this.live.set(space, kept);
    return piece;
  }

  /** Append a task that reads and writes whole pieces. */
  add<K extends UnitKind>(
    unit: number,
    kind: K,
    descriptor: BareDescriptor<K>,
    source: { layer: number; tile: string },
    reads: readonly Piece[],
    writes: readonly Piece[],
    more: readonly Dependence[] = [],
  ): Task {
    const after: Dependence[] = [...more];
    const task: Task = {
      unit,
      kind,
      descriptor: descriptor as BareDescriptor<UnitKind>,
      layer: source.layer,
      tile: source.tile,
      index: this.tasks.length,
      after,
    };
    for (const piece of reads) {
      for (const writer of piece.writers) after.push({ task: writer, event: 'write', raw: true });
    }
    for (const piece of writes) after.push(...piece.before);
    for (const piece of reads) piece.readers.push(task);
    for (const piece of writes) piece.writers.push(task);
    this.tasks.push(task);
    return task;
  }
}
