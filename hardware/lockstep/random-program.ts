/**
 * Random legal programs for every unit, free of races: the same bits in every timing, so that simulator and RTL can be compared to the last word.
 * Specification: docs/isa.md, section 5 (what is legal), docs/microarchitecture.md, sections 3 to 6.
 *
 * All buffers in use are filled first. Every step works on words inside them; what a step must wait for follows from the hull of the words that it and earlier
 * steps touch; the compiler's token pass makes token masks of that. At the end the maps of every CU are stored, so that all results count.
 */
import { assignTokens } from '../../src/compiler/backend/sync.ts';
import { type Dependence, SPACE, type Task } from '../../src/compiler/backend/task.ts';
import { zeroDescriptor } from '../../src/isa/field-codes.ts';
import { type Descriptor, hasSource2, UNIT_ID, UNIT_ID_COUNT, type UnitKind, unitOf, VEC_OPS } from '../../src/isa/fields.ts';
import { InstructionWriter } from '../../src/isa/instruction-writer.ts';
import { LINE_WORDS, type Machine, mapsWords, weightsLines } from '../../src/machine/machine.ts';
import type { Program, Segment, SourceSpan } from '../../src/program/program.ts';
import { outputFootprint, source2Footprint, sourceFootprint } from '../../src/simulator/data/footprint.ts';
import type { IntervalList } from '../../src/simulator/data/intervals.ts';
import { groupLines, type MacShape, paramLines, type Walk } from '../../src/simulator/walker.ts';
import { createRandom, type Random } from '../../src/util/random.ts';
import { scrambleControl } from './scramble-control.ts';

export interface RandomProgramOptions {
  readonly seed: number;
  readonly machine: Machine;
  /** Steps besides filling and storing; default 3 to 24 by seed. */
  readonly steps?: number;
  /** Kinds of units that take part; default all. */
  readonly kinds?: readonly UnitKind[];
  /** Without random control code: one GO after the other. */
  readonly straight?: boolean;
  /** Numbers of tasks that are left out, to make a failing program small. What reads their results may become wrong. */
  readonly without?: ReadonlySet<number>;
}

/** Maps words in use in each CU, two halves: one to read, one to write. */
const HALF_WORDS = 2560;
const TABLE_WORDS = 1024;
const DRAM_DATA_WORDS = 8192;

interface Access {
  readonly space: number;
  readonly start: number;
  readonly end: number;
  readonly writes: boolean;
}

type Fields = Record<string, number>;

class Builder {
  readonly random: Random;
  readonly machine: Machine;
  readonly cus: number;
  /** First word in use of every maps buffer, and the words of each half. */
  readonly mapsBase: number;
  readonly half: number;
  readonly tasks: Task[] = [];
  readonly segments: Segment[] = [];
  readonly accesses: (readonly Access[])[] = [];
  dramWords = 0;

  constructor({ seed, machine }: RandomProgramOptions) {
    this.random = createRandom(seed);
    this.machine = machine;
    this.cus = machine.computeUnits;
    this.half = Math.min(HALF_WORDS, mapsWords(machine) / 2);
    this.mapsBase = this.draw(0, mapsWords(machine) - 2 * this.half);
  }

  draw(low: number, high: number): number {
    return this.random.integer(low, high);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.draw(0, 99) < percent;
  }

  pick<T>(...values: readonly T[]): T {
    return values[this.draw(0, values.length - 1)];
  }

  /** Words of DRAM from a line on, or from any word after it. */
  allocate(words: number, aligned = true): number {
    const start = Math.ceil(this.dramWords / LINE_WORDS) * LINE_WORDS + (aligned ? 0 : this.draw(0, 40));
    this.dramWords = start + words;
    return start;
  }

  constants(name: string, words: Int16Array): number {
    const address = this.allocate(words.length);
    this.segments.push({ name: `${name} ${this.segments.length}`, address, words });
    return address;
  }

  randomWords(count: number): Int16Array {
    // Extremes more often than a uniform draw has them.
    return Int16Array.from({ length: count }, () => (this.chance(5) ? this.pick(-32768, 32767, -1, 0) : this.draw(-32768, 32767)));
  }

  add(unit: number, fields: Fields, accesses: readonly Access[]): void {
    const kind = unitOf(unit)!.kind;
    const after: Dependence[] = [];
    const task = {
      unit,
      kind,
      descriptor: { ...zeroDescriptor(kind), ...fields } as Task['descriptor'],
      layer: 0,
      tile: '',
      index: this.tasks.length,
      after,
    };
    for (const [i, earlier] of this.accesses.entries()) {
      const overlaps = (b: Access): boolean => accesses.some((a) => a.space === b.space && a.start < b.end && b.start < a.end);
      const writes = (b: Access): boolean => accesses.some((a) => a.writes && a.space === b.space && a.start < b.end && b.start < a.end);
      if (earlier.some((b) => b.writes && overlaps(b))) after.push({ task: this.tasks[i], event: 'write' });
      else if (earlier.some((b) => !b.writes && writes(b))) after.push({ task: this.tasks[i], event: 'read' });
    }
    this.tasks.push(task);
    this.accesses.push(accesses);
  }

  cuMask(): number {
    return this.chance(30) ? 2 ** this.cus - 1 : this.draw(1, 2 ** this.cus - 1);
  }

  /** Base word of one of the halves. */
  halfBase(which: number): number {
    return this.mapsBase + which * this.half;
  }
}

function hull(space: number, list: IntervalList, writes: boolean): Access[] {
  if (list.count === 0) return [];
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let i = 0; i < list.count; i++) {
    start = Math.min(start, list.start(i));
    end = Math.max(end, list.end(i));
  }
  return [{ space, start, end, writes }];
}

function cusOf(mask: number): number[] {
  return Array.from({ length: 8 }, (_, cu) => cu).filter((cu) => (mask >> cu) & 1);
}

function fill(b: Builder, useTables: boolean): void {
  const words = 2 * b.half;
  const all = 2 ** b.cus - 1;
  const image = b.constants('maps', b.randomWords(words));
  // A run longer than a field or in several rows, with and without a ring: the same words in the end.
  const rows = b.pick(1, 2, 4);
  const run = words / rows;
  b.add(
    UNIT_ID.LDM,
    { dramAddress: image, dramStep: run, base: b.mapsBase, step: run, ring: b.chance(50) ? words : 0, rows, words: run, cus: all },
    [
      { space: SPACE.dram, start: image, end: image + words, writes: false },
      ...cusOf(all).map((cu) => ({ space: SPACE.maps(cu), start: b.mapsBase, end: b.mapsBase + words, writes: true })),
    ],
  );
  if (!useTables) return;
  for (const mask of b.chance(50) ? [all] : cusOf(all).map((cu) => 1 << cu)) {
    const table = b.constants('table', b.randomWords(TABLE_WORDS));
    b.add(UNIT_ID.LDM, { dramAddress: table, rows: 1, words: TABLE_WORDS, cus: mask, space: 1 }, [
      { space: SPACE.dram, start: table, end: table + TABLE_WORDS, writes: false },
      ...cusOf(mask).map((cu) => ({ space: SPACE.table(cu), start: 0, end: TABLE_WORDS, writes: true })),
    ]);
  }
}

/** Runs of a load or store inside one half; the DRAM words are apart from each other or the same. */
function drawRuns(b: Builder): { fields: Fields; start: number; end: number; dramWords: number } {
  const words = b.draw(1, b.chance(30) ? 400 : 70);
  const gap = b.draw(0, 20);
  const pitch = words + gap;
  const rows = b.draw(1, Math.max(1, Math.min(6, Math.floor(b.half / pitch))));
  // Runs of a load must be apart.
  const ringRows = b.draw(rows, Math.max(rows, Math.floor(b.half / pitch)));
  const useRing = b.chance(40);
  const extent = useRing ? ringRows * pitch : (rows - 1) * pitch + words;
  const base = b.halfBase(b.draw(0, 1)) + b.draw(0, b.half - extent);
  const offset = useRing ? b.draw(0, ringRows - 1) * pitch : 0;
  const dramStep = words + b.pick(0, 0, b.draw(1, 60), b.chance(20) ? 2048 : 3);
  const fields = { base, ring: useRing ? ringRows * pitch : 0, offset, step: pitch, rows, words, dramStep };
  return { fields, start: base, end: base + extent, dramWords: (rows - 1) * dramStep + words };
}

function addLoad(b: Builder, data: number): void {
  const { fields, start, end, dramWords } = drawRuns(b);
  const cus = b.cuMask();
  // Constants, or what was stored before.
  const dramAddress = data + b.draw(0, Math.max(0, DRAM_DATA_WORDS - dramWords));
  const rows = dramWords > DRAM_DATA_WORDS ? 1 : fields.rows;
  b.add(UNIT_ID.LDM, { ...fields, rows, cus, dramAddress }, [
    { space: SPACE.dram, start: dramAddress, end: dramAddress + dramWords, writes: false },
    ...cusOf(cus).map((cu) => ({ space: SPACE.maps(cu), start, end, writes: true })),
  ]);
}

function addStore(b: Builder, stored: number): void {
  const { fields, start, end, dramWords } = drawRuns(b);
  const cu = b.draw(0, b.cus - 1);
  const dramAddress = stored + b.draw(0, Math.max(0, DRAM_DATA_WORDS - dramWords));
  const rows = dramWords > DRAM_DATA_WORDS ? 1 : fields.rows;
  b.add(UNIT_ID.ST, { ...fields, rows, cu, dramAddress }, [
    { space: SPACE.maps(cu), start, end, writes: false },
    { space: SPACE.dram, start: dramAddress, end: dramAddress + dramWords, writes: true },
  ]);
}

interface WalkOptions {
  /** Words written per pixel; default the words read. */
  readonly outWords?: number;
  /** Kernel 1 x 1. */
  readonly pointwise?: boolean;
  /** Taps are adjacent words. */
  readonly adjacent?: boolean;
  /** No tap is outside the input. */
  readonly inside?: boolean;
  /** Reads start at multiples of so many words; default 1. */
  readonly grid?: number;
}

/** A raster of windows from one half to the other. */
function drawWalk(b: Builder, words: number, options: WalkOptions): Walk | undefined {
  const { outWords = words, pointwise = false, adjacent = false, inside = false, grid = 1 } = options;
  const from = b.draw(0, 1);
  const onGrid = (value: number): number => Math.ceil(value / grid) * grid;
  const pitch = onGrid(words + (adjacent ? 0 : b.draw(0, 12)));
  const [kernelH, kernelW] = pointwise ? [1, 1] : [b.draw(1, 4), b.draw(1, 4)];
  const [strideH, strideW] = [b.draw(1, 3), b.draw(1, 3)];
  const [dilationH, dilationW] = adjacent ? [b.draw(1, 3), 1] : [b.draw(1, 3), b.draw(1, 3)];
  const outWidth = b.draw(1, 7);
  const x0 = b.draw(0, outWidth - 1);
  const count = b.draw(1, Math.min(20, 4 * outWidth - x0));
  const outRows = Math.ceil((x0 + count) / outWidth);
  const least = inside ? 0 : -5;
  const [iy0, ix0] = b.chance(30) ? [0, 0] : [b.draw(least, 3), b.draw(least, 3)];
  const lastRow = iy0 + (outRows - 1) * strideH;
  const lastColumn = ix0 + (Math.min(outWidth, x0 + count) - 1) * strideW;
  const inHeight = inside ? lastRow + b.draw(1, 3) : b.draw(1, 8);
  const inWidth = inside ? lastColumn + b.draw(1, 3) : b.draw(1, 8);
  const rowPitch = onGrid(inWidth * pitch + b.draw(0, 9));
  const room = b.half;
  const drawnRows = b.draw(1, inHeight + 2);
  // Rule: the kernel rows lie in one turn of the ring.
  const ringRows = (kernelH - 1) * (dilationH % drawnRows) <= drawnRows ? drawnRows : (kernelH - 1) * dilationH;
  const useRing = b.chance(50);
  const rows = useRing ? ringRows : inHeight;
  if (rows * rowPitch + grid > room) return undefined;
  const srcBase = onGrid(b.halfBase(from) + b.draw(0, room - rows * rowPitch - grid + 1));
  const ring = useRing ? rows * rowPitch : 0;
  const rowStep = strideH * rowPitch;
  const kRowStep = dilationH * rowPitch;
  const modulo = (value: number, size: number): number => ((value % size) + size) % size;
  const offset = iy0 * rowPitch;

  const outPitch = outWords + b.draw(0, 8);
  const outRowPitch = outWidth * outPitch + b.draw(0, 9);
  const outRingRows = b.draw(1, outRows + 1);
  const useOutRing = b.chance(40);
  const outExtent = (useOutRing ? outRingRows : outRows) * outRowPitch;
  if (outExtent > room) return undefined;
  const outBase = b.halfBase(1 - from) + b.draw(0, room - outExtent);
  const outRing = useOutRing ? outRingRows * outRowPitch : 0;
  const [clampLow, clampHigh] = b.chance(60) ? [-32768, 32767] : b.pick([0, 32767], [-1000, 1000], [-32768, -5], [7, 7]);
  const walk = {
    srcBase,
    srcRing: ring,
    srcOffset: modulo(offset, ring === 0 ? 2 ** 20 : ring),
    srcColumn: ix0 * pitch,
    // Steps that are taken must not be longer than the ring.
    rowStep: ring === 0 ? rowStep : modulo(rowStep, ring),
    kRowStep: ring === 0 ? kRowStep : modulo(kRowStep, ring),
    colStep: strideW * pitch,
    tapStep: dilationW * pitch,
    words,
    kernelH,
    kernelW,
    strideH,
    strideW,
    dilationH,
    dilationW,
    iy0,
    ix0,
    inHeight,
    inWidth,
    outBase,
    outRing,
    outOffset: outRing === 0 ? 0 : b.draw(0, outRingRows - 1) * outRowPitch,
    outRowStep: outRing === 0 ? outRowPitch : modulo(outRowPitch, outRing),
    outColStep: outPitch,
    outWidth,
    x0,
    count,
    clampLow,
    clampHigh,
  };
  return walk;
}

function mapsBuffer(b: Builder): { name: string; words: number } {
  return { name: 'maps', words: mapsWords(b.machine) };
}

/** Loads images of `lines` lines to the vMACs of one CU or of all; returns the access to them. */
function addWeights(
  b: Builder,
  cu: number,
  lines: number,
  weightsLine: number,
  draw: () => Int16Array,
): (target: number, writes: boolean) => Access {
  const room = weightsLines(b.machine);
  // The group of every CU, or of this one: images of four vMACs each.
  const everywhere = lines < 8 && b.chance(50);
  const shared = everywhere && b.chance(50);
  const slots = everywhere ? (shared ? 1 : b.cus) : 1;
  const images = 4 * slots;
  const imageWords = lines * LINE_WORDS;
  const data = new Int16Array(images * imageWords);
  for (let image = 0; image < images; image++) data.set(draw(), image * imageWords);
  const address = b.constants('weights', data);
  const targets = everywhere ? cusOf(2 ** b.cus - 1) : [cu];
  const wraps = weightsLine + lines > room;
  const weights = (target: number, writes: boolean): Access => ({
    space: SPACE.weights(target),
    start: wraps ? 0 : weightsLine,
    end: wraps ? room : weightsLine + lines,
    writes,
  });
  // In one descriptor or two, cut between images.
  const cut = b.chance(50) ? images : b.draw(1, images - 1);
  for (const [first, end] of [
    [0, cut],
    [cut, images],
  ]) {
    if (first === end) continue;
    const fields = {
      dramAddress: address + first * imageWords,
      line: weightsLine,
      lines,
      images: end - first,
      firstImage: (everywhere ? 0 : 4 * cu) + first,
      cusPerSlot: shared ? b.cus : 1,
    };
    b.add(UNIT_ID.LDW, fields, [
      { space: SPACE.dram, start: address, end: address + data.length, writes: false },
      ...targets.map((target) => weights(target, true)),
    ]);
  }
  return weights;
}

/** Weights that nobody reads, in images of any length. */
function addIdleWeights(b: Builder): void {
  const lines = b.draw(1, b.pick(3, 6, 40));
  addWeights(b, b.draw(0, b.cus - 1), lines, b.draw(0, weightsLines(b.machine) - 1), () => b.randomWords(lines * LINE_WORDS));
}

function addMac(b: Builder): void {
  const cu = b.draw(0, b.cus - 1);
  const depthwise = b.chance(20) ? 1 : 0;
  const lanes = depthwise ? 1 : b.pick(1, 2, 4, 8, 16);
  const words = depthwise ? b.draw(1, 64) : b.draw(1, b.pick(4, 20, 80));
  const outWords = depthwise ? words : b.draw(1, 64 / lanes);
  const walk = drawWalk(b, words, {
    outWords,
    pointwise: b.chance(20),
    adjacent: depthwise === 0 && b.chance(60),
    grid: depthwise ? LINE_WORDS : 1,
  });
  if (walk === undefined) return;
  const shape: MacShape = { ...walk, lanes, depthwise, outWords };
  const lines = groupLines(shape);
  const room = weightsLines(b.machine);
  if (lines > room || lines > 200) return;
  const weightsLine = b.draw(0, room - 1);

  const weights = addWeights(b, cu, lines, weightsLine, () => drawGroup(b, lanes, lines));
  const outCus = b.chance(50) ? 1 << cu : b.cuMask();
  b.add(UNIT_ID.mac(cu), { ...walk, outCus, weightsLine, lanes, depthwise, outWords }, [
    weights(cu, false),
    ...hull(SPACE.maps(cu), sourceFootprint(walk, mapsBuffer(b)), false),
    ...cusOf(outCus).flatMap((target) => hull(SPACE.maps(target), outputFootprint(walk, outWords, mapsBuffer(b)), true)),
  ]);
}

/** One vMAC's group: biases that keep the sum in 48 bits, any shift, any weights. */
function drawGroup(b: Builder, lanes: number, lines: number): Int16Array {
  const group = b.randomWords(lines * LINE_WORDS);
  const parameters = paramLines(lanes) * LINE_WORDS;
  for (let i = 0; i < parameters; i += 4) {
    const bits = b.draw(1, 44);
    const bias = Math.floor((b.random.uniform() * 2 - 1) * 2 ** bits);
    group[i] = bias;
    group[i + 1] = Math.floor(bias / 2 ** 16);
    group[i + 2] = Math.floor(bias / 2 ** 32);
    // Bits above the shift mean nothing.
    group[i + 3] = (b.draw(0, 1023) << 6) | (b.chance(70) ? b.draw(8, 26) : b.draw(0, 46));
  }
  return group;
}

function addVec(b: Builder): void {
  const cu = b.draw(0, b.cus - 1);
  const op = b.draw(0, 3);
  const words = b.draw(1, b.pick(16, 40, 100));
  const walk = drawWalk(b, words, { pointwise: op !== VEC_OPS.max || b.chance(20), inside: op !== VEC_OPS.max });
  if (walk === undefined) return;
  const outCus = b.chance(50) ? 1 << cu : b.cuMask();
  const fields: Fields = { ...walk, outCus, op };
  if (op !== VEC_OPS.max) fields.shiftOut = b.draw(0, 40);
  else if (b.chance(30)) [fields.shiftA, fields.shiftOut] = [b.draw(0, 23), b.draw(0, 30)];
  if (hasSource2(op)) {
    const pitch = words + b.draw(0, 9);
    const rowPitch = walk.outWidth * pitch + b.draw(0, 5);
    const rows = Math.ceil((walk.x0 + walk.count) / walk.outWidth);
    if (rows * rowPitch > b.half) return;
    const ringRows = b.draw(1, rows);
    const useRing = b.chance(40);
    const src = walk.srcBase < b.halfBase(1) ? 0 : 1;
    Object.assign(fields, {
      src2Base: b.halfBase(src) + b.draw(0, b.half - rows * rowPitch),
      src2Ring: useRing ? ringRows * rowPitch : 0,
      src2Offset: useRing ? b.draw(0, ringRows - 1) * rowPitch : 0,
      src2RowStep: useRing ? rowPitch % (ringRows * rowPitch) : rowPitch,
      src2ColStep: pitch,
      shiftA: b.draw(0, 23),
      shiftB: 0,
    });
    // Only one operand of an addition is shifted.
    if (b.chance(50)) [fields.shiftA, fields.shiftB] = [fields.shiftB, fields.shiftA];
  }
  const d = fields as unknown as Descriptor<'VEC'>;
  b.add(UNIT_ID.vec(cu), fields, [
    ...hull(SPACE.maps(cu), sourceFootprint(walk, mapsBuffer(b)), false),
    ...(hasSource2(op) ? hull(SPACE.maps(cu), source2Footprint(d, mapsBuffer(b)), false) : []),
    ...(op === VEC_OPS.table ? [{ space: SPACE.table(cu), start: 0, end: TABLE_WORDS, writes: false }] : []),
    ...cusOf(outCus).flatMap((target) => hull(SPACE.maps(target), outputFootprint(walk, words, mapsBuffer(b)), true)),
  ]);
}

/** A random program; the same seed and machine give the same one. */
export function randomProgram(options: RandomProgramOptions): Program {
  const b = new Builder(options);
  const kinds = options.kinds ?? ['LDM', 'LDW', 'ST', 'MAC', 'MAC', 'VEC', 'VEC'];
  fill(b, kinds.includes('VEC'));
  const data = b.constants('data', b.randomWords(DRAM_DATA_WORDS));
  const stored = b.allocate(DRAM_DATA_WORDS, false);
  const steps = options.steps ?? b.draw(3, 24);
  for (let i = 0; i < steps; i++) {
    const kind = kinds[b.draw(0, kinds.length - 1)];
    if (kind === 'LDM') addLoad(b, data);
    else if (kind === 'ST') addStore(b, stored);
    else if (kind === 'LDW') addIdleWeights(b);
    else if (kind === 'VEC') addVec(b);
    else addMac(b);
  }
  for (let cu = 0; cu < b.cus; cu++) {
    const words = 2 * b.half;
    const dramAddress = b.allocate(words, false);
    b.add(UNIT_ID.ST, { dramAddress, base: b.mapsBase, rows: 1, words, cu }, [
      { space: SPACE.maps(cu), start: b.mapsBase, end: b.mapsBase + words, writes: false },
      { space: SPACE.dram, start: dramAddress, end: dramAddress + words, writes: true },
    ]);
  }
  return emit(b, options);
}

function emit(b: Builder, { seed, machine, straight, without }: RandomProgramOptions): Program {
  const isKept = (task: Task): boolean => without?.has(task.index) !== true;
  const tasks = b.tasks.filter(isKept);
  for (const task of tasks) task.after.splice(0, task.after.length, ...task.after.filter(({ task: earlier }) => isKept(earlier)));
  const tokens = assignTokens(tasks);
  const writer = new InstructionWriter();
  const ends: number[] = [];
  for (const [i, task] of tasks.entries()) {
    writer.go(task.unit, { ...task.descriptor, ...tokens[i] } as Descriptor<UnitKind>);
    ends.push(writer.length);
  }
  writer.end();
  const plain = writer.instructions();
  const code = straight === true || b.chance(30) ? undefined : scrambleControl(plain, b.random);
  const instructions = code?.instructions ?? plain;
  const indexOf = (index: number): number => (code === undefined ? index : code.indexOf[index - 1] + 1);
  const sourceMap: SourceSpan[] = ends.map((end, i) => ({
    first: i === 0 ? 0 : indexOf(ends[i - 1]),
    end: indexOf(end),
    layer: 0,
    tile: `${i}`,
  }));
  const codeAddress = Math.ceil(b.dramWords / LINE_WORDS + b.draw(0, 7)) * LINE_WORDS;
  const layer = { name: 'random', op: '', nodes: [], lanesPerOutput: 16, macs: 0, weightBytes: 0, schedule: '', predictedCycles: 0 };
  return {
    name: `random ${seed}`,
    machine,
    frames: 1,
    codeAddress,
    instructions,
    segments: b.segments,
    tensors: [],
    layers: [layer],
    sourceMap,
    dramWords: codeAddress + instructions.length * 2,
  };
}

/** All unit ids that a machine has. */
export function unitsOf(machine: Machine): number[] {
  return Array.from({ length: UNIT_ID_COUNT }, (_, id) => id).filter((id) => {
    const unit = unitOf(id);
    return unit !== undefined && unit.cu < machine.computeUnits;
  });
}
