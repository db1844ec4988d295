/** What a relay's members store for others: runs of channels. Specification: docs/compiler.md, "Relays". */
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
