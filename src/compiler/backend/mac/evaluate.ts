/**
 * What a choice of schedule needs (does it fit?) and costs (cycles, bytes), as separate steps. Specification: docs/compiler.md, "Cost model".
 */
import { LINE_BYTES, type Machine, mapsWords, weightsLines } from '../../../machine/machine.ts';
import { isPairWork, type MacWork, type Stage } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { type Block, imagesOf } from './blocks.ts';
import type { MacPlan } from './plan.ts';
import { copiesOfRow, pooledRowsOfTile, poolRingRows, rotatesHomes } from './pool-rows.ts';
import { leastRingRows } from './source-walk.ts';
import { inputRows, resultPixels } from './tile-rows.ts';
import { type PixelCosts, parameterLines } from './window-cost.ts';

/** Result slots in rotation, so that storing one overlaps computing the next. */
const SLOTS = 2;
/** Channels that a store should have at least: four lines. */
const STORE_CHANNELS = 64;
/** Regions begin at multiples of 64 words; a stage has at most this many. */
const REGION_SLACK = 64 * 9;
/** Words of a burst, and cycles between its last word and its place being free beyond the memory's latency. */
const BURST_WORDS = 64;
const BURST_OVERHEAD = 8;
/** How sharply `busiest` falls off: of two units equally busy each waits 9 % of the time. */
const CROWDING = 8;
/** Instructions of an item besides those of its MAC descriptors, and of one MAC descriptor. */
const ITEM_INSTRUCTIONS = 24;
export const MAC_INSTRUCTIONS = 14;

/** Which tensors of a stage are on chip (in the maps buffers of all CUs), and the words of a maps buffer that the stage may use. */
export interface Placement {
  readonly input: boolean;
  readonly output: boolean;
  readonly other: boolean;
  /** Words from pixel to pixel of a second operand on chip. */
  readonly otherPitch?: number;
  readonly budgetWords: number;
}

export interface Choice {
  readonly lanes: number;
  readonly parts: number;
  readonly slots: number;
  readonly bands: boolean;
  readonly chunkBlocks: number;
  readonly tileRows: number;
  readonly adjacent: boolean;
  readonly sliced: boolean;
  readonly pixelPitch: number;
  readonly groupLines: number;
  readonly blocks: readonly Block[];
}

export interface Problem {
  readonly stage: Stage;
  readonly work: MacWork;
  readonly view: View;
  readonly machine: Machine;
  readonly placement: Placement;
}

/** Buffer sizes of a choice. */
type Sizes = Omit<MacPlan, keyof Choice | 'cycles' | 'bytes'> & { readonly loadedRows: number; readonly slotPixels: number };

/** A choice that fits, with its predicted cost: most are compared and forgotten, so that only the best becomes a plan. */
export interface Candidate {
  readonly choice: Choice;
  readonly sizes: Sizes;
  readonly cycles: number;
  readonly bytes: number;
}

/** Sizes and predicted cost of one choice; undefined when it does not fit. */
export function evaluate(problem: Problem, choice: Choice, costs: PixelCosts): Candidate | undefined {
  const sizes = sizeBuffers(problem, choice, costs);
  if (!sizes) return undefined;
  const { cycles, bytes } = predict(problem, choice, sizes, costs);
  return { choice, sizes, cycles, bytes };
}

/** The plan of a candidate. */
export function planOfCandidate({ choice, sizes, cycles, bytes }: Candidate): MacPlan {
  const { loadedRows: _rows, slotPixels: _pixels, ...kept } = sizes;
  return { ...choice, ...kept, cycles, bytes };
}

function sizeBuffers(problem: Problem, choice: Choice, costs: PixelCosts): Sizes | undefined {
  const { stage, work, machine, placement } = problem;
  const { parts, bands, chunkBlocks, tileRows, groupLines, blocks, pixelPitch } = choice;
  const g = work.geometry;
  const cuChannels = 64 / choice.lanes;
  const blockChannels = Math.min(cuChannels * choice.slots, Math.max(...blocks.map((block) => block.channels)));
  const pool = stage.vec?.op === 'max' ? stage.vec.geometry : undefined;
  const tiles = Math.ceil(g.outHeight / tileRows);
  const rowWords = g.inWidth * pixelPitch;
  const gather = !work.depthwise;
  // Results go straight to the next stage's buffers when nothing is left to do with them.
  const direct = placement.output && !stage.vec;

  const ring = ringOf(problem, choice, costs);
  // Short runs of channels cost whole lines in DRAM: gather several blocks before a store.
  const mayShare = gather && !pool && !placement.output && blocks.every((block) => block.region.y1 - block.region.y0 === g.outHeight);
  const storeBlocks = mayShare ? Math.min(chunkBlocks, Math.ceil(STORE_CHANNELS / blockChannels)) : 1;
  const slotPitch = gather ? blockChannels * storeBlocks : Math.min(cuChannels, blockChannels);
  // A maximum tells its operands apart by one distance: both lie at one pitch.
  if (stage.vec?.op === 'maximum' && placement.other && placement.otherPitch !== slotPitch) return undefined;
  const slotPixels = resultPixels(costs, tileRows, parts, gather, bands);
  const slotCount = direct ? 0 : Math.min(SLOTS, tiles * Math.ceil(blocks.length / storeBlocks));
  let slotWords = slotPixels * slotPitch;
  let vecSlotWords = 0;
  let poolRows = 0;
  let poolRings = 0;
  if (pool) {
    let pooled = 0;
    for (let t = 0; t < tiles; t++) {
      const { first, end } = pooledRowsOfTile(pool, tileRows, t);
      pooled = Math.max(pooled, end - first);
    }
    poolRows = poolRingRows(pool, choice, machine.computeUnits);
    poolRings = tiles === 1 ? Math.min(SLOTS, blocks.length) : chunkBlocks;
    slotWords = poolRows * g.outWidth * slotPitch;
    vecSlotWords = placement.output ? 0 : pooled * pool.outWidth * slotPitch;
  }
  const otherSlots = isPairWork(stage.vec) && !placement.other ? slotCount : 0;
  const results = pool ? slotWords * poolRings + slotCount * vecSlotWords : (slotCount + otherSlots) * slotWords;
  let words = REGION_SLACK + results;
  let { ringRows } = ring;
  if (!placement.input) {
    const free = placement.budgetWords - words;
    if (free < ringRows * rowWords) return undefined;
    // Whole input on chip when it fits beside the rest.
    if (!bands && ring.loadedRows * rowWords <= free) ringRows = Math.max(1, ring.loadedRows);
    words += ringRows * rowWords;
  }
  if (words > placement.budgetWords || slotPixels >= 1 << 20 || rowWords >= 1 << 20) return undefined;
  return {
    gather,
    ringRows,
    cuChannels,
    blockChannels,
    slotPitch,
    storeBlocks,
    weightsResident: chunkBlocks * groupLines <= weightsLines(machine),
    mapsResident: placement.input || (!choice.sliced && (bands || ringRows >= ring.loadedRows)),
    slotWords,
    slotCount,
    otherSlots,
    vecSlotWords,
    poolRingRows: poolRows,
    poolRings,
    words,
    loadedRows: ring.loadedRows,
    slotPixels,
  };
}

/** Rows of the input ring that tiles need, and rows loaded in one pass over the image. */
function ringOf(problem: Problem, choice: Choice, costs: PixelCosts): { ringRows: number; loadedRows: number } {
  const { work, placement } = problem;
  const g = work.geometry;
  if (placement.input) return { ringRows: g.inHeight, loadedRows: 0 };
  if (choice.bands) {
    let ringRows = leastRingRows(g);
    let loadedRows = 0;
    const bounds = costs.partition(0, g.outHeight * g.outWidth, choice.parts);
    for (let p = 0; p < choice.parts; p++) {
      if (bounds[p] === bounds[p + 1]) continue;
      const span = inputRows(work, Math.floor(bounds[p]! / g.outWidth), Math.floor((bounds[p + 1]! - 1) / g.outWidth) + 1);
      ringRows = Math.max(ringRows, span.end - span.first);
      loadedRows += span.end - span.first;
    }
    return { ringRows, loadedRows };
  }
  const { tileRows } = choice;
  const all = inputRows(work, 0, g.outHeight);
  let need = leastRingRows(g);
  for (let y = 0; y < g.outHeight; y += tileRows) {
    const now = inputRows(work, y, Math.min(g.outHeight, y + tileRows));
    const next = inputRows(work, y, Math.min(g.outHeight, y + 2 * tileRows));
    need = Math.max(need, next.end - now.first);
  }
  return { ringRows: need, loadedRows: all.end - all.first };
}

/** The largest of what the units need, plus what cannot overlap. */
function predict(problem: Problem, choice: Choice, sizes: Sizes, costs: PixelCosts): { cycles: number; bytes: number } {
  const { stage, work, view, machine, placement } = problem;
  const { lanes, parts, slots, bands, chunkBlocks, tileRows, groupLines, blocks, pixelPitch } = choice;
  const { gather, blockChannels, cuChannels, slotPitch, storeBlocks, weightsResident, mapsResident, loadedRows, slotWords } = sizes;
  const g = work.geometry;
  const cus = machine.computeUnits;
  const pool = stage.vec?.op === 'max' ? stage.vec.geometry : undefined;
  const other = isPairWork(stage.vec) ? stage.vec : undefined;
  const tiles = Math.ceil(g.outHeight / tileRows);
  const chunks = Math.ceil(blocks.length / chunkBlocks);
  const items = tiles * blocks.length;
  const pixels = g.outHeight * g.outWidth;
  // Blocks over regions share the pixels of the image.
  const regions = blocks.length / new Set(blocks.map((block) => block.channel)).size;

  const perBlock = costs.total / parts + (parts > 1 ? (tiles * 0.5 * costs.total) / pixels : 0);
  const mac = (blocks.length * perBlock) / regions + items * (machine.latency.macSetup + parameterLines(lanes) + 8);
  const granules = Math.ceil(Math.min(cuChannels, blockChannels) / 16);
  const usesBus = cus > 1 && (gather || placement.output);
  const bus = usesBus ? ((pixels * slots * granules * blocks.length) / regions) * 1.02 : 0;
  const lines = Math.ceil(slotPitch / 16) * Math.ceil(blocks.length / storeBlocks);
  // Pools: homes that work at the same time, and all that passes through their port B.
  const homes = pool && !rotatesHomes(choice, g.outHeight, cus) ? Math.min(cus, tiles === 1 ? blocks.length : chunkBlocks) : cus;
  const vecReads = pool
    ? pool.outHeight * pool.outWidth * pool.kernelH * pool.kernelW
    : pixels * ((other && other.op !== 'mul' ? 2.2 : 8) + (stage.table ? 8 : 0));
  const poolWrites = pool ? pixels * copiesOfRow(pool, choice, cus) + pool.outHeight * pool.outWidth * 2 : 0;
  const vec = stage.vec ? ((vecReads + poolWrites) * lines) / homes : 0;
  const dispatch = items * (MAC_INSTRUCTIONS * cus + ITEM_INSTRUCTIONS);

  const images = imagesOf(blockChannels, lanes);
  const weightBytes = (blocks.length * groupLines * images + chunks) * LINE_BYTES * (weightsResident ? 1 : tiles);
  const pixelLines = view.pixelPitch === view.channels ? view.channels / 16 : Math.ceil(view.channels / 16 + 0.5);
  // Slices of channels add up to one pass (for every region).
  const passes = choice.sliced ? regions : mapsResident ? 1 : chunks;
  const inBytes = loadedRows * g.inWidth * pixelLines * LINE_BYTES * passes;
  const outPixels = pool ? pool.outHeight * pool.outWidth : pixels;
  const storeLines = slotPitch / 16;
  const resultBytes = (outPixels * work.outChannels * 2 * Math.max(1, Math.ceil(storeLines))) / Math.max(storeLines, 1 / 16);
  const bytes =
    weightBytes + inBytes + (placement.output ? 0 : resultBytes) + (other && !other.isPixel && !placement.other ? resultBytes : 0);

  // Short bursts: only so many are under way at a time.
  const run = gather ? slotPitch : Math.min(cuChannels, blockChannels);
  const bursts = placement.output ? 0 : outPixels * Math.ceil(work.outChannels / run) * Math.ceil(run / BURST_WORDS);
  const store = (bursts * (machine.dram.writeLatency + BURST_OVERHEAD)) / machine.axi.writesOutstanding;
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  const latency = machine.dram.readLatency;
  // Weights groups that do not fit beside their predecessor arrive late.
  const spare = weightsLines(machine) - (weightsResident ? chunkBlocks : 1) * groupLines;
  const late = Math.max(0, groupLines - spare) / groupLines;
  const refills = weightsResident ? chunks - 1 : items - 1;
  const weightStall = late > 0 ? refills * ((late * groupLines * images * LINE_BYTES) / bandwidth + latency + 40) : 0;
  // The first rows of the input; the last results' way to DRAM.
  const firstRows = inputRows(work, 0, Math.max(1, Math.ceil(tileRows / (bands ? parts * 4 : 4))));
  const firstBytes = placement.input ? 0 : (firstRows.end - firstRows.first) * g.inWidth * pixelPitch * 2 * (bands ? parts : 1);
  const first = firstBytes / bandwidth + 3 * latency;
  const last = placement.output ? 0 : slotWords / 32;
  const compute = busiest([mac, bus, vec, dispatch, store]);
  return { cycles: Math.max(compute + weightStall, bytes / bandwidth) + first + last, bytes };
}

/** Time of units that work at the same time: that of the busiest, and a little more where others are nearly as busy, as they sometimes wait for one another. */
function busiest(cycles: readonly number[]): number {
  const most = Math.max(...cycles);
  return most * cycles.reduce((sum, own) => sum + (own / most) ** CROWDING, 0) ** (1 / CROWDING);
}

/** Maps words of a machine that one stage may use when nothing else is on chip. */
export function freePlacement(machine: Machine): Placement {
  return { input: false, output: false, other: false, budgetWords: mapsWords(machine) };
}
