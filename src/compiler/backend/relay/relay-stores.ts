/** What a relay's members store for others: runs of channels; the last member as soon as they are made. Specification: docs/compiler.md, "Relays". */
import { LINE_WORDS } from '../../../machine/machine.ts';
import type { Block } from '../mac/blocks.ts';
import type { Destination, RelayGraph } from './relay.ts';

/** Channels [channel, end) of a buffer. */
export interface ChannelRun {
  readonly buffer: number;
  readonly channel: number;
  readonly end: number;
}

/** Where a member's results lie, runs that follow each other as one. */
export function joinChannels(destinations: readonly Destination[]): ChannelRun[] {
  const runs: { buffer: number; channel: number; end: number }[] = [];
  for (const { buffer, from, to, channel } of [...destinations].sort((a, b) => a.channel - b.channel)) {
    const last = runs.findLast((run) => run.buffer === buffer);
    if (last?.end === channel) last.end = channel + to - from;
    else runs.push({ buffer, channel, end: channel + to - from });
  }
  return runs;
}

/** Channels that a member stores when it has made its own: its own, or all where it is the last of those that make them. */
export function storesOf({ members, buffers }: RelayGraph, m: number): ChannelRun[] {
  const stores = new Map<number, ChannelRun[]>();
  const own = members[m]!.destinations.filter(({ buffer }) => buffers[buffer]!.isStored && (buffers[buffer]!.gatherer ?? m) === m);
  const gathered = new Set(own.filter(({ buffer }) => buffers[buffer]!.gatherer === m).map(({ buffer }) => buffer));
  const others = members.flatMap(({ destinations }, maker) =>
    maker === m ? [] : destinations.filter(({ buffer }) => gathered.has(buffer)),
  );
  for (const run of joinChannels([...own, ...others])) stores.set(run.buffer, [...(stores.get(run.buffer) ?? []), run]);
  return [...stores.values()].flat();
}

/** Channels [from, to) of a member's result. */
export interface ResultRun {
  readonly from: number;
  readonly to: number;
}

/** Channels of a run: a burst of DRAM for every pixel. */
const RUN_CHANNELS = 64;

/** For each block of a member: what is stored behind it, if anything. A network's result, behind which nothing else is done, as soon as it is made. */
export function runsBehind(graph: RelayGraph, m: number, blocks: readonly Block[]): (ResultRun | undefined)[] {
  const { destinations, channels } = graph.members[m]!;
  const stores = storesOf(graph, m);
  // Dealt out, blocks are as short as their destinations; pixels of which others make parts are stored whole; and what others read passes while they load their weights.
  const isOwn = destinations.length === 1 && stores.length === 1 && stores[0]!.end - stores[0]!.channel === channels;
  const isWhole = !isOwn || !graph.buffers[destinations[0]!.buffer]!.isEnd;
  let from = 0;
  return blocks.map((block, b) => {
    const isLast = b === blocks.length - 1;
    const to = isLast ? channels : block.channel + block.channels;
    // A line that is cut is stored twice.
    if (!isLast && (isWhole || to - from < RUN_CHANNELS || to % LINE_WORDS > 0)) return undefined;
    const run = { from, to };
    from = to;
    return run;
  });
}
