/**
 * What the emitters of stages share: the task list, the cursors of the weights ring and of the maps buffer, DRAM accesses, and the loads and
 * stores of runs of pixels. Specification: docs/compiler.md, "Emission".
 */

import { UNIT_ID } from '../../../isa/fields.ts';
import { type Machine, weightsLines } from '../../../machine/machine.ts';
import type { DramAccesses, DramLayout } from '../layout/dram-layout.ts';
import type { Ring } from '../mac/source-walk.ts';
import type { StageGraph } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { type Piece, SPACE, type TaskList } from '../tasks/task.ts';

export interface Source {
  readonly layer: number;
  readonly tile: string;
}

/** A group in the weights buffers: its first line, and what its readers wait for. */
export interface WeightsGroup {
  readonly line: number;
  readonly pieces: readonly Piece[];
}

export class EmitContext {
  readonly machine: Machine;
  readonly stages: StageGraph;
  readonly layout: DramLayout;
  readonly list: TaskList;
  readonly dram: DramAccesses;
  private weightHead = 0;
  /** Lines of the weights ring that were taken so far. */
  private weightLines = 0;
  private readonly groups = new Map<string, { readonly group: WeightsGroup; readonly at: number }>();
  /** The activation tables of the CUs. */
  private readonly tables = new Map<number, { readonly address: number; readonly piece: Piece }>();
  private readonly residents = new Map<number, { frame: number; rows: Piece[][] }>();
  private homeCount = 0;

  constructor(machine: Machine, stages: StageGraph, layout: DramLayout, list: TaskList, dram: DramAccesses) {
    this.machine = machine;
    this.stages = stages;
    this.layout = layout;
    this.list = list;
    this.dram = dram;
  }

  get cus(): number {
    return this.machine.computeUnits;
  }

  /** Bit mask of all CUs. */
  get allCus(): number {
    return (1 << this.cus) - 1;
  }

  /** CUs take turns as home of gathered results. */
  nextHome(): number {
    return this.homeCount++ % this.cus;
  }

  /** Row pieces of a tensor on chip, by row and CU, made anew when its first maker (in this frame) begins. */
  residentRows(root: number, base: number, rowWords: number, rows: number, isMaker: boolean, frame: number): Piece[][] {
    const known = this.residents.get(root);
    if (known && (known.frame === frame || !isMaker)) return known.rows;
    const pieces = Array.from({ length: rows }, (_, r) =>
      Array.from({ length: this.cus }, (__, cu) => this.list.newPiece(SPACE.maps(cu), base + r * rowWords, base + (r + 1) * rowWords)),
    );
    this.residents.set(root, { frame, rows: pieces });
    return pieces;
  }

  /** Next lines of the weights ring: the first line, and the pieces of a stretch of it. */
  allocateWeights(lines: number): number {
    const first = this.weightHead;
    this.weightHead = (this.weightHead + lines) % weightsLines(this.machine);
    this.weightLines += lines;
    return first;
  }

  /**
   * The group of constant weights that `load` loads, or the one that is still in the ring: nothing has taken the place of any of its lines, nor will the
   * `held` lines that are taken while it is in use.
   */
  keepGroup(key: string, held: number, load: () => WeightsGroup): WeightsGroup {
    const known = this.groups.get(key);
    if (known && this.weightLines + held - known.at <= weightsLines(this.machine)) return known.group;
    const at = this.weightLines;
    const group = load();
    this.groups.set(key, { group, at });
    return group;
  }

  /** The activation table of some CUs that `load` loads, or the one that they all have already. */
  keepTable(address: number, cus: readonly number[], load: () => readonly Piece[]): readonly Piece[] {
    const own = cus.map((cu) => this.tables.get(cu));
    if (own.every((table) => table?.address === address)) return own.map((table) => table!.piece);
    const pieces = load();
    pieces.forEach((piece, i) => {
      this.tables.set(cus[i]!, { address, piece });
    });
    return pieces;
  }

  /** Pieces of `lines` weights lines from `first` (all CUs' buffers move together). */
  weightPieces(first: number, lines: number): Piece[] {
    const total = weightsLines(this.machine);
    const start = first % total;
    const pieces = [this.list.newPiece(SPACE.weights(0), start, Math.min(total, start + lines))];
    if (start + lines > total) pieces.push(this.list.newPiece(SPACE.weights(0), 0, start + lines - total));
    return pieces;
  }

  /** DRAM access to words [first, end) of a view's memory: whose memory it is, and in which pass over it (intermediates are rewritten every frame). */
  dramAccess(view: View, frame: number, first: number, end: number): { key: number; epoch: number; first: number; end: number } {
    const home = this.layout.homes.get(view.tensor)!;
    // A batched stage has no frame: with one frame in all it is in that one's pass.
    return { key: home.root, epoch: home.frames > 1 ? 0 : Math.max(0, frame), first, end };
  }

  /**
   * Load rows [first, end) of a view into the maps buffers of `cus`: row r at ring position (r − origin) modulo the ring, `pixelPitch` words per pixel.
   * Returns a piece per row, by CU: new ones, if none are known. The stretch must not straddle the ring's end: the caller cuts there. Pieces are single rows because windows
   * reach over tiles: the last rows of a tile are still in use when the others may be overwritten.
   */
  loadRows(
    view: View,
    rows: { first: number; end: number; origin: number },
    ring: Ring,
    pixelPitch: number,
    cus: number,
    frame: number,
    source: Source,
    known?: ReadonlyMap<number, Piece[]>,
  ): Map<number, Piece[]> {
    const rowWords = view.width * pixelPitch;
    const position = ((rows.first - rows.origin) * rowWords) % ring.words;
    const count = rows.end - rows.first;
    const pieces = new Map<number, Piece[]>(known);
    for (let cu = 0; cu < this.cus; cu++) {
      if (known || !(cus & (1 << cu))) continue;
      const start = ring.base + position;
      const rowPieces = Array.from({ length: count }, (_, r) =>
        this.list.newPiece(SPACE.maps(cu), start + r * rowWords, start + (r + 1) * rowWords),
      );
      pieces.set(cu, rowPieces);
    }
    const written = [...pieces.values()].flat();
    const from = view.address + rows.first * view.rowPitch;
    const lastRow = view.address + (rows.end - 1) * view.rowPitch;
    const access = this.dramAccess(view, frame, from, lastRow + (view.width - 1) * view.pixelPitch + view.channels);
    const more = this.dram.beforeLoad(access.key, access.first, access.end);
    const add = (run: { address: number; dramStep: number; offset: number; step: number; rows: number; words: number }): void => {
      const task = this.list.add(
        UNIT_ID.LDM,
        'LDM',
        {
          dramAddress: run.address,
          dramStep: run.dramStep,
          base: ring.base,
          ring: ring.words,
          offset: run.offset,
          step: run.step,
          rows: run.rows,
          words: run.words,
          cus,
          space: 0,
        },
        source,
        [],
        written,
        more,
      );
      this.dram.noteLoad(access.key, task);
    };
    const dense = view.pixelPitch === view.channels && pixelPitch === view.channels;
    if (dense && view.rowPitch === rowWords) {
      add({ address: from, dramStep: 0, offset: position, step: 0, rows: 1, words: count * rowWords });
    } else if (dense) {
      add({ address: from, dramStep: view.rowPitch, offset: position, step: rowWords, rows: count, words: rowWords });
    } else if (view.rowPitch === view.width * view.pixelPitch) {
      add({ address: from, dramStep: view.pixelPitch, offset: position, step: pixelPitch, rows: count * view.width, words: view.channels });
    } else {
      for (let r = 0; r < count; r++) {
        add({
          address: from + r * view.rowPitch,
          dramStep: view.pixelPitch,
          offset: position + r * rowWords,
          step: pixelPitch,
          rows: view.width,
          words: view.channels,
        });
      }
    }
    return pieces;
  }

  /** Load runs of words of a view into the maps buffers of `cus` (default: all CUs): `writes` are all their pieces. */
  loadRuns(
    view: View,
    run: { dramAddress: number; dramStep: number; base: number; ring: number; offset: number; step: number; rows: number; words: number },
    writes: readonly Piece[],
    frame: number,
    source: Source,
    cus = this.allCus,
  ): void {
    const end = run.dramAddress + (run.rows - 1) * run.dramStep + run.words;
    const access = this.dramAccess(view, frame, run.dramAddress, end);
    const before = this.dram.beforeLoad(access.key, access.first, access.end);
    this.dram.noteLoad(access.key, this.list.add(UNIT_ID.LDM, 'LDM', { ...run, cus, space: 0 }, source, [], writes, before));
  }

  /**
   * Load raster pixels [first, end), `words` channels from `channel`, into a CU's maps: pixel i at base + (i − first)·pitch. Returns their piece: a new one, if
   * none is given.
   */
  loadPixels(view: View, frame: number, run: PixelRun, source: Source, known?: Piece): Piece {
    const piece = known ?? this.list.newPiece(SPACE.maps(run.cu), run.base, run.base + (run.end - run.first) * run.pitch);
    for (const segment of segmentsOf(view, run)) {
      const access = this.dramAccess(view, frame, segment.address, segment.last);
      const { address: dramAddress, dramStep, base, step, rows, words } = segment;
      const descriptor = { dramAddress, dramStep, base, ring: 0, offset: 0, step, rows, words, cus: 1 << run.cu, space: 0 };
      const before = this.dram.beforeLoad(access.key, access.first, access.end);
      this.dram.noteLoad(access.key, this.list.add(UNIT_ID.LDM, 'LDM', descriptor, source, [], [piece], before));
    }
    return piece;
  }

  /** Store raster pixels [first, end), `words` channels from `channel`, from a CU's maps: pixel i at base + (i − first)·pitch; wherever the view says. */
  storePixels(view: View, frame: number, run: PixelRun, source: Source, reads: readonly Piece[]): void {
    if (!view.isVirtual) this.storeRun(view, frame, run, source, reads);
    for (const { channel, view: target } of view.scatters ?? []) {
      const low = Math.max(run.channel, channel);
      const words = Math.min(run.channel + run.words, channel + target.channels) - low;
      if (words <= 0) continue;
      this.storeRun(target, frame, { ...run, channel: low - channel, words, base: run.base + low - run.channel }, source, reads);
    }
  }

  private storeRun(view: View, frame: number, run: PixelRun, source: Source, reads: readonly Piece[]): void {
    for (const segment of segmentsOf(view, run)) {
      const access = this.dramAccess(view, frame, segment.address, segment.last);
      const { address: dramAddress, dramStep, base, step, rows, words } = segment;
      const descriptor = { dramAddress, dramStep, base, ring: 0, offset: 0, step, rows, words, cu: run.cu };
      const before = this.dram.beforeStore(access.key, access.epoch);
      const task = this.list.add(UNIT_ID.ST, 'ST', descriptor, source, reads, [], before);
      this.dram.noteStore(access.key, access.epoch, access.first, access.end, task);
    }
  }
}

/** Pixels of an image in DRAM and in a CU's maps. */
export interface PixelRun {
  readonly first: number;
  readonly end: number;
  readonly channel: number;
  readonly words: number;
  readonly cu: number;
  readonly base: number;
  readonly pitch: number;
}

interface Segment {
  readonly address: number;
  /** First DRAM word behind the segment. */
  readonly last: number;
  readonly dramStep: number;
  readonly base: number;
  readonly step: number;
  readonly rows: number;
  readonly words: number;
}

/** The runs of a transfer: one descriptor where the image is dense, one per row of a stripe of an image. */
function segmentsOf(view: View, run: PixelRun): Segment[] {
  const isDense = view.rowPitch === view.width * view.pixelPitch;
  const segments: Segment[] = [];
  for (let first = run.first; first < run.end; ) {
    const row = Math.floor(first / view.width);
    const end = isDense ? run.end : Math.min(run.end, (row + 1) * view.width);
    const count = end - first;
    const address = view.address + row * view.rowPitch + (first - row * view.width) * view.pixelPitch + run.channel;
    const base = run.base + (first - run.first) * run.pitch;
    const last = address + (count - 1) * view.pixelPitch + run.words;
    const isWhole = run.words === view.pixelPitch && run.pitch === run.words;
    if (isWhole) segments.push({ address, last, dramStep: 0, base, step: 0, rows: 1, words: count * run.words });
    else segments.push({ address, last, dramStep: view.pixelPitch, base, step: run.pitch, rows: count, words: run.words });
    first = end;
  }
  return segments;
}
