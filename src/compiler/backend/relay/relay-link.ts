/** How a relay's member uses the MACs: lanes, and pixels or channels split over the CUs. Specification: docs/compiler.md, "Relays". */
import { LINE_BYTES, LINE_WORDS, type Machine, weightsLines } from '../../../machine/machine.ts';
import type { LinkPlan } from '../chain/chain.ts';
import { type Block, blocksOf, imagesOf, regionsOf } from '../mac/blocks.ts';
import { hasAdjacentTaps, PixelCosts, parameterLines, tapLines } from '../mac/window-cost.ts';
import type { RelayMember } from './relay.ts';
import type { Halo } from './relay-halo.ts';

export interface LinkCost {
  readonly plan: LinkPlan;
  /** Cycles of the MAC units, of the result bus if every result passes it, and bytes of weights. */
  readonly cycles: number;
  readonly bus: number;
  readonly bytes: number;
  /** Are a CU's columns one row, in the maps buffers? */
  readonly isOneRow: boolean;
}

/**
 * What is split over the CUs: pixels of tiles, rows of every CU's own, columns of tiles (results to all that read them, or copies of columns); of whole maps pixels (but for single ones, or for a
 * few), or pixels or channels.
 */
export type Split = 'tiles' | 'rows' | Halo | 'apart' | 'pixels' | 'any';

/** Choices made before, by stage, pitch and kind. */
export type LinkCache = Map<string, LinkCost | undefined>;

/** Fewer pixels than these are not worth splitting. */
const FEW_PIXELS = 16;
/** Cycles of a descriptor beside its windows. */
const DESCRIPTOR_CYCLES = 30;
/** Weights whose group takes more than this part of the buffers are not there when they are needed. */
const GROUP_SHARE = 2;
/** Part of the results that pass the bus where every CU has rows of its own. */
const HALO_SHARE = 0.5;

/** The fastest way that fits; undefined: there is none. `isOneRow`: are a CU's columns one row, in the maps buffers (splits into columns)? */
export function chooseLink(
  member: RelayMember,
  pixelPitch: number,
  machine: Machine,
  split: Split,
  isOneRow: boolean,
  cache: LinkCache,
): LinkCost | undefined {
  const key = `${member.index} ${pixelPitch} ${split} ${isOneRow} ${member.isCutAtRows} ${member.destinations.map(({ from }) => from).join()}`;
  if (!cache.has(key)) cache.set(key, search(member, pixelPitch, machine, split, isOneRow));
  return cache.get(key);
}

function search(member: RelayMember, pixelPitch: number, machine: Machine, split: Split, isOneRow: boolean): LinkCost | undefined {
  const work = member.work!;
  const cus = machine.computeUnits;
  const bandwidth = machine.dram.bytesPerSecond / machine.clockHz;
  const regions = regionsOf(work, work.geometry);
  const pixels = member.height * member.width;
  const grain = member.isCutAtRows || split === 'rows' ? member.width : 1;
  const hasColumns = split === 'results' || split === 'copies';
  const isTiled = split === 'tiles' || split === 'rows' || hasColumns;
  const columns = Math.ceil(member.width / cus);
  const mayCut = split === 'any' || (split === 'pixels' && pixels < FEW_PIXELS) || (split === 'apart' && pixels < cus);
  let best: { cost: LinkCost; score: number } | undefined;
  for (const lanes of work.depthwise ? [1] : [1, 2, 4, 8, LINE_WORDS]) {
    const adjacent = hasAdjacentTaps(work, pixelPitch);
    const groupLines = parameterLines(lanes) + tapLines(work, lanes, adjacent);
    if (groupLines > weightsLines(machine) / (isTiled ? 1 : GROUP_SHARE)) continue;
    const { total } = new PixelCosts(work, lanes, adjacent);
    for (const slots of mayCut && cus > 1 ? [1, cus] : [1]) {
      const cuChannels = 64 / lanes;
      const blocks = cutBlocks(member, blocksOf(work, lanes, slots, regions), cuChannels * slots);
      if (!blocks) continue;
      const parts = cus / slots;
      const plan: LinkPlan = { lanes, parts, slots, adjacent, pixelPitch, groupLines, cuChannels, blocks };
      const uneven = hasColumns ? (columns * cus) / member.width : (Math.ceil(pixels / grain / parts) * parts * grain) / pixels;
      // Rows of few pixels take their time.
      const slow = hasColumns && !isOneRow ? Math.max(1, machine.latency.rowPeriod / ((total / pixels) * columns)) : 1;
      const cycles = blocks.length * (total / parts) * uneven * slow;
      const granules = blocks.reduce((sum, { channels }) => sum + granulesOf(channels, cuChannels), 0);
      const bus = pixels * granules * 1.05 * (slots > 1 || split === 'tiles' ? 1 : split === 'copies' ? 0 : HALO_SHARE);
      const bytes = blocks.reduce((sum, { channels }) => sum + groupLines * imagesOf(channels, lanes) * LINE_BYTES, 0);
      const score = Math.max(cycles + blocks.length * (DESCRIPTOR_CYCLES + parameterLines(lanes)), bus, bytes / bandwidth) + blocks.length;
      if (!best || score < best.score) best = { cost: { plan, cycles, bus, bytes, isOneRow }, score };
    }
  }
  return best?.cost;
}

/** Granules of a pixel's results. */
function granulesOf(channels: number, cuChannels: number): number {
  const whole = Math.floor(channels / cuChannels);
  return whole * Math.ceil(cuChannels / LINE_WORDS) + Math.ceil((channels - whole * cuChannels) / LINE_WORDS);
}

/** Blocks cut where their results go to different places; undefined where depthwise ones would begin inside a line. */
function cutBlocks({ work, destinations }: RelayMember, blocks: readonly Block[], blockChannels: number): Block[] | undefined {
  const { depthwise } = work!;
  const parts: Block[] = [];
  if (destinations.length === 1) return [...blocks];
  // Groups are cut first, then destinations, then what one block holds.
  const groups = new Map<number, { from: number; to: number; block: Block }>();
  for (const block of blocks) {
    const group = groups.get(depthwise ? 0 : block.inputChannel);
    if (group) group.to = block.channel + block.channels;
    else groups.set(depthwise ? 0 : block.inputChannel, { from: block.channel, to: block.channel + block.channels, block });
  }
  for (const { from, to, block } of groups.values()) {
    for (const destination of destinations) {
      const high = Math.min(to, destination.to);
      for (let channel = Math.max(from, destination.from); channel < high; channel += blockChannels) {
        if (depthwise && channel % LINE_WORDS !== 0) return undefined;
        const channels = Math.min(blockChannels, high - channel);
        parts.push({ ...block, channel, channels, inputChannel: depthwise ? channel : block.inputChannel });
      }
    }
  }
  return parts;
}
