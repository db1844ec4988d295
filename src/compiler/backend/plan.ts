/**
 * Choosing a stage's schedule: lanes per output, split over CUs, loop order, tiles and buffer sizes, by enumeration against a cost model.
 * Legality (does it fit) and preference (cycles, bytes) are separate functions. Specification: docs/compiler.md, "Schedule of a MAC stage", "Cost model".
 */
import { averageDivisors } from '../../graph/average-pool.ts';
import { LINE_BYTES, type Machine, mapsWords, weightsLines } from '../../machine/machine.ts';
import { InputError } from '../../util/errors.ts';
import type { Geometry, MacWork, Region, Stage } from './stage.ts';
import type { View } from './view.ts';
import { hasAdjacentTaps, PixelCosts, parameterLines, tapLines } from './window-cost.ts';

/** One set of output channels computed together by the cluster, over one region of the image. */
export interface Block {
  /** First output channel and how many are valid. */
  readonly channel: number;
  readonly channels: number;
  /** First input channel of its convolution group. */
  readonly inputChannel: number;
  readonly region: Region;
  /** Divisor of an average pool in this region. */
  readonly divisor: number;
}

export interface MacPlan {
  readonly lanes: number;
  /** Parts the pixels of a tile are split into; parts × slots = CUs. CU = slot · parts + part. */
  readonly parts: number;
  readonly slots: number;
  /** Each part has a band of rows of its own in its CUs' buffers (one tile); otherwise all CUs hold all rows of the tile. */
  readonly bands: boolean;
  /** Blocks per pass over the tiles. */
  readonly chunkBlocks: number;
  readonly tileRows: number;
  /** Results of all CUs are gathered in one home CU per block; otherwise each CU keeps and stores its own. */
  readonly gather: boolean;
  readonly adjacent: boolean;
  /** Words per pixel in the maps buffer. */
  readonly pixelPitch: number;
  /** Rows of the input ring. */
  readonly ringRows: number;
  readonly blocks: readonly Block[];
  /** Output channels of one CU, of a full block, and the words per pixel of a result slot. */
  readonly cuChannels: number;
  readonly blockChannels: number;
  readonly slotPitch: number;
  /** Consecutive blocks that share a result slot and a store, so that runs of channels in DRAM are long. */
  readonly storeBlocks: number;
  /** Lines of one group: parameters and taps. */
  readonly groupLines: number;
  readonly weightsResident: boolean;
  readonly mapsResident: boolean;
  /** Words of one result slot, of one vector output slot; rows of the pool ring and how many rings. */
  readonly slotWords: number;
  readonly vecSlotWords: number;
  readonly poolRingRows: number;
  readonly poolRings: number;
  /** Words of the maps buffer in use. */
  readonly words: number;
  readonly cycles: number;
  readonly bytes: number;
}

/** Result slots in rotation, so that storing one overlaps computing the next. */
export const SLOTS = 2;

/** Channels that a store should have at least: four lines. */
const STORE_CHANNELS = 64;

/** Input rows [first, end) that output rows [y0, y1) read. */
export function inputRows(work: MacWork, y0: number, y1: number): { first: number; end: number } {
  const g = work.geometry;
  const first = y0 * g.strideH - g.padTop;
  const end = (y1 - 1) * g.strideH - g.padTop + (g.kernelH - 1) * g.dilationH + 1;
  const low = Math.min(Math.max(first, 0), g.inHeight);
  return { first: low, end: Math.max(low, Math.min(end, g.inHeight)) };
}

/** Pooled rows [first, end) that become computable when conv rows up to y1 exist and those up to y0 were there before. */
export function pooledRows(
  pool: { strideH: number; padTop: number; kernelH: number; dilationH: number; outHeight: number; inHeight: number },
  y: number,
): number {
  if (y <= 0) return 0;
  if (y >= pool.inHeight) return pool.outHeight;
  const reach = y + pool.padTop - (pool.kernelH - 1) * pool.dilationH - 1;
  return Math.max(0, Math.min(pool.outHeight, Math.floor(reach / pool.strideH) + 1));
}

export function planMacStage(stage: Stage, work: MacWork, view: View, machine: Machine): MacPlan {
  let best: MacPlan | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  const wordsPerCycle = machine.dram.bytesPerSecond / machine.clockHz;
  for (const plan of candidates(stage, work, view, machine)) {
    // A cycle weighs one; a cycle of memory traffic a quarter: bandwidth that another unit could use.
    const cost = plan.cycles + (0.25 * plan.bytes) / wordsPerCycle;
    if (cost < bestCost) {
      best = plan;
      bestCost = cost;
    }
  }
  if (!best) {
    throw new InputError(
      `layer ${stage.name} (${stage.op}): no schedule fits machine ${machine.name} (maps ${machine.mapsBytes} bytes, weights ${machine.weightsBytes} bytes per vMAC); use larger buffers`,
    );
  }
  return best;
}

function* candidates(stage: Stage, work: MacWork, view: View, machine: Machine): Generator<MacPlan> {
  const cus = machine.computeUnits;
  const regions = regionsOf(work, stage.mac!.geometry);
  for (const lanes of work.depthwise ? [1] : [1, 2, 4, 8, 16]) {
    const pixelPitch = work.depthwise ? Math.ceil(view.channels / 16) * 16 : view.channels;
    const adjacent = hasAdjacentTaps(work, pixelPitch);
    const costs = new PixelCosts(work, lanes, adjacent);
    const groupLines = parameterLines(lanes) + tapLines(work, lanes, adjacent);
    if (groupLines > weightsLines(machine)) continue;
    for (let parts = 1; parts <= cus; parts *= 2) {
      if (regions.length > 1 && parts > 1) continue;
      const slots = cus / parts;
      const blocks = blocksOf(work, lanes, slots, regions);
      const resident = Math.floor(weightsLines(machine) / groupLines);
      const chunks = new Set([blocks.length, Math.min(resident, blocks.length), Math.max(1, Math.min(resident >> 1, blocks.length)), 1]);
      for (const chunkBlocks of chunks) {
        for (const bands of parts > 1 ? [false, true] : [false]) {
          if (bands && stage.vec?.op === 'max') continue;
          const rows = bands || regions.length > 1 ? [work.geometry.outHeight] : tileHeights(work.geometry.outHeight);
          for (const tileRows of rows) {
            const plan = evaluate(
              stage,
              work,
              view,
              machine,
              { lanes, parts, slots, bands, chunkBlocks, tileRows, adjacent, pixelPitch, groupLines, blocks },
              costs,
            );
            if (plan) yield plan;
          }
        }
      }
    }
  }
}

function tileHeights(rows: number): number[] {
  const heights = new Set<number>();
  for (const tiles of [1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 16, 20, 26, 28, 32, 40, 52, 56, 75, 104, 112, 150, 208, 224, 448]) {
    if (tiles <= rows) heights.add(Math.ceil(rows / tiles));
  }
  heights.add(1);
  return [...heights];
}

/** Output regions that need weights of their own: one, except average pools whose divisor varies (over the layer's original extents). */
function regionsOf(work: MacWork, original: Geometry): { region: Region; divisor: number }[] {
  const g = work.geometry;
  const { source } = work;
  if (source.kind !== 'averagepool') return [{ region: { y0: 0, y1: g.outHeight, x0: 0, x1: g.outWidth }, divisor: 1 }];
  const runsOf = (taps: readonly number[]) => {
    const runs: { from: number; to: number; taps: number }[] = [];
    taps.forEach((count, i) => {
      const last = runs.at(-1);
      if (last && last.taps === count) last.to = i + 1;
      else runs.push({ from: i, to: i + 1, taps: count });
    });
    return runs;
  };
  const divisors = averageDivisors(
    source,
    { height: original.inHeight, width: original.inWidth },
    { height: g.outHeight, width: g.outWidth },
  );
  const rows = runsOf(divisors.rows);
  const columns = runsOf(divisors.columns);
  return rows.flatMap((row) =>
    columns.map((column) => ({
      region: { y0: row.from, y1: row.to, x0: column.from, x1: column.to },
      divisor: row.taps * column.taps,
    })),
  );
}

function blocksOf(work: MacWork, lanes: number, slots: number, regions: { region: Region; divisor: number }[]): Block[] {
  const blockChannels = (64 / lanes) * slots;
  const groupChannels = work.outChannels / work.groups;
  const blocks: Block[] = [];
  for (let group = 0; group < work.groups; group++) {
    for (let c = 0; c < groupChannels; c += blockChannels) {
      for (const { region, divisor } of regions) {
        blocks.push({
          channel: group * groupChannels + c,
          channels: Math.min(blockChannels, groupChannels - c),
          inputChannel: work.depthwise ? c : group * work.tapWords,
          region,
          divisor,
        });
      }
    }
  }
  return blocks;
}

interface Choice {
  readonly lanes: number;
  readonly parts: number;
  readonly slots: number;
  readonly bands: boolean;
  readonly chunkBlocks: number;
  readonly tileRows: number;
  readonly adjacent: boolean;
  readonly pixelPitch: number;
  readonly groupLines: number;
  readonly blocks: readonly Block[];
}

/** Sizes and predicted cost of one choice; undefined when it does not fit. */
function evaluate(stage: Stage, work: MacWork, view: View, machine: Machine, choice: Choice, costs: PixelCosts): MacPlan | undefined {
  const { lanes, parts, slots, bands, chunkBlocks, tileRows, groupLines, blocks, pixelPitch } = choice;
  const g = work.geometry;
  const cus = machine.computeUnits;
  const cuChannels = 64 / lanes;
  const blockChannels = Math.min(cuChannels * slots, Math.max(...blocks.map((block) => block.channels)));
  const pool = stage.vec?.op === 'max' ? stage.vec.geometry : undefined;
  const gather = !work.depthwise;
  const tiles = Math.ceil(g.outHeight / tileRows);
  const chunks = Math.ceil(blocks.length / chunkBlocks);
  const rowWords = g.inWidth * pixelPitch;

  // Input ring.
  let ringRows = 0;
  let loadedRows = 0;
  if (bands) {
    const bounds = costs.partition(0, g.outHeight * g.outWidth, parts);
    for (let p = 0; p < parts; p++) {
      if (bounds[p] === bounds[p + 1]) continue;
      const span = inputRows(work, Math.floor(bounds[p]! / g.outWidth), Math.floor((bounds[p + 1]! - 1) / g.outWidth) + 1);
      ringRows = Math.max(ringRows, span.end - span.first);
      loadedRows += span.end - span.first;
    }
  } else {
    const tallest = inputRows(work, 0, g.outHeight);
    const all = tallest.end - tallest.first;
    let need = 0;
    for (let y = 0; y < g.outHeight; y += tileRows) {
      const now = inputRows(work, y, Math.min(g.outHeight, y + tileRows));
      const next = inputRows(work, y, Math.min(g.outHeight, y + 2 * tileRows));
      need = Math.max(need, tiles > 1 ? next.end - now.first : now.end - now.first);
    }
    // Whole input on chip when it fits beside the rest: decided below by trying it first.
    ringRows = Math.min(all, need);
    loadedRows = all;
  }
  ringRows = Math.max(ringRows, 1);

  // Result slots, vector slots, pool rings.
  // Short runs of channels cost whole lines in DRAM: gather several blocks before a store.
  const mayShare = gather && !pool && blocks.every((block) => block.divisor === 1);
  const storeBlocks = mayShare ? Math.min(chunkBlocks, Math.ceil(STORE_CHANNELS / blockChannels)) : 1;
  const slotPitch = gather ? blockChannels * storeBlocks : Math.min(cuChannels, blockChannels);
  const slotPixels = resultPixels(costs, tileRows, parts, gather, bands);
  const items = tiles * blocks.length;
  const slotCount = Math.min(SLOTS, tiles * Math.ceil(blocks.length / storeBlocks));
  let slotWords = slotPixels * slotPitch;
  let vecSlotWords = 0;
  let poolRingRows = 0;
  let poolRings = 0;
  if (pool) {
    let rows = 0;
    let pooled = 0;
    for (let y = 0; y < g.outHeight; y += tileRows) {
      const y1 = Math.min(g.outHeight, y + tileRows);
      const y2 = Math.min(g.outHeight, y1 + tileRows);
      const q0 = pooledRows(pool, y);
      const q1 = pooledRows(pool, y1);
      const lowest = Math.max(0, Math.min(y, q0 * pool.strideH - pool.padTop));
      rows = Math.max(rows, y2 - lowest);
      pooled = Math.max(pooled, q1 - q0);
    }
    poolRingRows = Math.min(rows, g.outHeight);
    poolRings = tiles === 1 ? Math.min(SLOTS, blocks.length) : chunkBlocks;
    slotWords = poolRingRows * g.outWidth * slotPitch;
    vecSlotWords = pooled * pool.outWidth * slotPitch;
  }
  const residual = stage.vec?.op === 'add';
  // Regions begin at multiples of 64 words.
  let words = 64 * 7 + (pool ? slotWords * poolRings + slotCount * vecSlotWords : slotCount * slotWords * (residual ? 2 : 1));
  const free = mapsWords(machine) - words;
  if (free < ringRows * rowWords) return undefined;
  if (!bands && loadedRows * rowWords <= free) ringRows = Math.max(1, loadedRows);
  words += ringRows * rowWords;
  // Block address fields are 20 bits; counts too.
  if (slotPixels >= 1 << 20 || g.inWidth * pixelPitch >= 1 << 20) return undefined;

  const mapsResident = bands || ringRows >= loadedRows;
  const weightsResident = chunkBlocks * groupLines <= weightsLines(machine);

  // Cycles.
  const pixels = g.outHeight * g.outWidth;
  const perBlock = costs.total / parts + (parts > 1 ? (tiles * 0.5 * costs.total) / pixels : 0);
  const regionShare = blocks.length / new Set(blocks.map((block) => block.channel)).size;
  const itemOverhead = machine.latency.macSetup + parameterLines(lanes) + 8;
  const dispatch = 14 * cus + 24;
  const mac = (blocks.length * perBlock) / regionShare + items * itemOverhead;
  const granules = Math.ceil(Math.min(cuChannels, blockChannels) / 16);
  const bus = gather && cus > 1 ? ((pixels * slots * granules * blocks.length) / regionShare) * 1.02 : 0;
  const lines = Math.ceil(slotPitch / 16) * Math.ceil(blocks.length / storeBlocks);
  const homes = gather && pool ? Math.min(cus, blocks.length) : cus;
  const vec = !stage.vec
    ? 0
    : pool
      ? (pool.outHeight * pool.outWidth * pool.kernelH * pool.kernelW * lines) / homes
      : (pixels * lines * (residual ? 2.2 : 8)) / homes;
  const images = imagesOf(blockChannels, lanes);
  const weightBytes = (blocks.length * groupLines * images + chunks) * LINE_BYTES * (weightsResident ? 1 : tiles);
  const pixelLines = view.pixelPitch === view.channels ? view.channels / 16 : Math.ceil(view.channels / 16 + 0.5);
  const inBytes = loadedRows * g.inWidth * pixelLines * LINE_BYTES * (mapsResident ? 1 : chunks);
  const outPixels = pool ? pool.outHeight * pool.outWidth : pixels;
  const storeLines = slotPitch / 16;
  const outBytes = (outPixels * work.outChannels * 2 * Math.max(1, Math.ceil(storeLines))) / Math.max(storeLines, 1 / 16);
  const bytes = weightBytes + inBytes + outBytes * (residual ? 2 : 1);
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  const groupCycles = (groupLines * images * LINE_BYTES) / bandwidth;
  const spare = weightsLines(machine) - (weightsResident ? chunkBlocks : 1) * groupLines;
  const late = Math.max(0, groupLines - spare) / groupLines;
  const refills = weightsResident ? chunks - 1 : items - 1;
  const refillBlocks = weightsResident ? 1 : 1;
  const weightStall = refills * refillBlocks * (late > 0 ? late * groupCycles + machine.dram.readLatency + 40 : 0);
  const firstRows = inputRows(work, 0, Math.max(1, Math.ceil(tileRows / (bands ? parts * 4 : 4))));
  const first = ((firstRows.end - firstRows.first) * rowWords * 2 * (bands ? parts : 1)) / bandwidth + 3 * machine.dram.readLatency;
  const last = slotWords / 8;
  const compute = Math.max(mac, bus, vec, items * dispatch);
  const cycles = Math.max(compute + weightStall, bytes / bandwidth) + first + last / 4;

  return {
    lanes,
    parts,
    slots,
    bands,
    chunkBlocks,
    tileRows,
    gather,
    adjacent: choice.adjacent,
    pixelPitch,
    ringRows,
    blocks,
    cuChannels,
    blockChannels,
    slotPitch,
    storeBlocks,
    groupLines,
    weightsResident,
    mapsResident,
    slotWords,
    vecSlotWords,
    poolRingRows,
    poolRings,
    words,
    cycles,
    bytes,
  };
}

/**
 * Pixels of the largest result slot. Gathered: the tile, in bands each part from its own row start; local: the largest part, from its row start.
 * Parts are cut by cycles, not by rows: clipped windows make some of them longer.
 */
function resultPixels(costs: PixelCosts, tileRows: number, parts: number, gather: boolean, bands: boolean): number {
  const { width, height } = costs;
  if (gather && !bands) return tileRows * width;
  let most = 0;
  for (let y = 0; y < height; y += tileRows) {
    const bounds = costs.partition(y * width, Math.min(height, y + tileRows) * width, parts);
    const pixels = bounds.slice(1).map((end, p) => Math.ceil(end / width) * width - Math.floor(bounds[p]! / width) * width);
    most = Math.max(most, gather ? pixels.reduce((sum, n) => sum + n, 0) : Math.max(...pixels));
  }
  return most;
}

/** Weights images of a block with so many valid channels: one per vMAC with at least one valid output. */
export function imagesOf(channels: number, lanes: number): number {
  return Math.ceil(channels / (16 / lanes));
}

/** The shortest stretch of an output window, for listings. */
export function describePlan(plan: MacPlan, work: MacWork): string {
  const tiles = Math.ceil(work.geometry.outHeight / plan.tileRows);
  const split = `${plan.parts} × ${plan.slots}${plan.bands ? ' bands' : ''}`;
  const order =
    plan.chunkBlocks >= plan.blocks.length
      ? plan.blocks.length > 1
        ? 'maps stay'
        : 'one block'
      : `weights stay (${plan.chunkBlocks} of ${plan.blocks.length} blocks)`;
  return `g ${plan.lanes}, ${split}, ${tiles} tile${tiles > 1 ? 's' : ''} of ${plan.tileRows} rows, ${plan.blocks.length} block${plan.blocks.length > 1 ? 's' : ''} of ${plan.blockChannels} channels, ${order}`;
}
