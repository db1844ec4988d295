/**
 * Tasks and buffer pieces: descriptors before they have tokens, and the data dependences between them.
 * Specification: docs/compiler.md, "Dependences". A *piece* is a stretch of a buffer while it holds one thing: its writers fill it together, its
 * readers use it, and a later piece on the same words waits for all of them. Dependences follow from pieces alone.
 */
import type { Descriptor, UnitKind } from '../../../isa/fields.ts';

/** Fields of a descriptor without the token masks (those are the sync pass's). */
export type BareDescriptor<K extends UnitKind> = Omit<Descriptor<K>, 'waitRead' | 'waitWrite' | 'signalRead' | 'signalWrite'>;

/** What must have happened: `task` has read its last operand, or written its last result. */
export interface Dependence {
  readonly task: Task;
  readonly event: 'read' | 'write';
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

/**
 * The last task of every unit that read, and that wrote. Units read in order and write in order, so the last one stands for all before it.
 */
class Accesses {
  private readonly readers: (Task | undefined)[] = [];
  private readonly writers: (Task | undefined)[] = [];

  get isEmpty(): boolean {
    return this.readers.length === 0 && this.writers.length === 0;
  }

  noteRead(task: Task): void {
    this.readers[task.unit] = later(this.readers[task.unit], task);
  }

  noteWrite(task: Task): void {
    this.writers[task.unit] = later(this.writers[task.unit], task);
  }

  merge(other: Accesses): void {
    for (const task of other.readers) if (task) this.noteRead(task);
    for (const task of other.writers) if (task) this.noteWrite(task);
  }

  pushWriters(after: Dependence[]): void {
    for (const task of this.writers) if (task) after.push({ task, event: 'write' });
  }

  pushReaders(after: Dependence[]): void {
    for (const task of this.readers) if (task) after.push({ task, event: 'read' });
  }
}

function later(a: Task | undefined, b: Task): Task {
  return a && a.index > b.index ? a : b;
}

export class Piece {
  /** What every writer of this piece must wait for. */
  readonly before = new Accesses();
  readonly accesses = new Accesses();
  readonly space: number;

  constructor(space: number) {
    this.space = space;
  }
}

/** Words [start, end) of a space that still belong to a piece. */
interface Extent {
  readonly start: number;
  readonly end: number;
  readonly piece: Piece;
}

/** Collects tasks in natural order and derives their dependences from the pieces they touch. */
export class TaskList {
  readonly tasks: Task[] = [];
  private readonly extents = new Map<number, Extent[]>();

  /** A new piece on words (or lines) [start, end) of a space; older pieces lose those words, and the new one's writers wait for their users. */
  newPiece(space: number, start: number, end: number): Piece {
    return this.newPieces(space, start, end, 1)[0]!;
  }

  /** Several pieces on the same words, each of which holds some of them: interleaved channels of pixels. */
  newPieces(space: number, start: number, end: number, count: number): Piece[] {
    const pieces = Array.from({ length: count }, () => new Piece(space));
    const kept: Extent[] = pieces.map((piece) => ({ start, end, piece }));
    for (const old of this.extents.get(space) ?? []) {
      if (old.end <= start || end <= old.start) {
        kept.push(old);
        continue;
      }
      // A piece that nobody used passes on what it had to wait for.
      for (const piece of pieces) piece.before.merge(old.piece.accesses.isEmpty ? old.piece.before : old.piece.accesses);
      if (old.start < start) kept.push({ ...old, end: start });
      if (end < old.end) kept.push({ ...old, start: end });
    }
    this.extents.set(space, kept);
    return pieces;
  }

  /** Append a task that reads and writes pieces; `more` are dependences through DRAM. */
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
    for (const piece of reads) piece.accesses.pushWriters(after);
    for (const piece of writes) {
      piece.before.pushReaders(after);
      piece.before.pushWriters(after);
    }
    const task: Task = {
      unit,
      kind,
      descriptor: descriptor as BareDescriptor<UnitKind>,
      layer: source.layer,
      tile: source.tile,
      index: this.tasks.length,
      after,
    };
    for (const piece of reads) piece.accesses.noteRead(task);
    for (const piece of writes) piece.accesses.noteWrite(task);
    this.tasks.push(task);
    return task;
  }
}
