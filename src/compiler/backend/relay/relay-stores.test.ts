/** Runs of channels that are stored together. */
import { describe, expect, it } from 'vitest';
import type { Block } from '../mac/blocks.ts';
import type { Destination, RelayGraph } from './relay.ts';
import { runsBehind } from './relay-stores.ts';

function runs(channels: number, size: number, cuts: readonly number[] = [], isGathered = false, isEnd = true) {
  const bounds = [0, ...cuts, channels];
  const destinations = bounds.slice(1).map((to, i): Destination => ({ buffer: i, from: bounds[i]!, to, channel: 0 }));
  const blocks = Array.from({ length: Math.ceil(channels / size) }, (_, i) => ({
    channel: i * size,
    channels: Math.min(size, channels - i * size),
  })) as Block[];
  const other = { destinations: isGathered ? [{ buffer: 0, from: 0, to: 64, channel: channels }] : [] };
  const buffers = destinations.map(() => ({ isStored: true, isEnd, gatherer: isGathered ? 0 : undefined }));
  const graph = { members: [{ destinations, channels }, other], buffers } as unknown as RelayGraph;
  return runsBehind(graph, 0, blocks).map((run) => run && [run.from, run.to]);
}

describe('runsBehind', () => {
  it('is every 64 channels, and what is left', () => {
    expect(runs(150, 16)).toEqual([
      undefined,
      undefined,
      undefined,
      [0, 64],
      undefined,
      undefined,
      undefined,
      [64, 128],
      undefined,
      [128, 150],
    ]);
    expect(runs(136, 128)).toEqual([
      [0, 128],
      [128, 136],
    ]);
  });

  it('is all at the end where other stages read it', () => {
    expect(runs(128, 64, [], false, false)).toEqual([undefined, [0, 128]]);
  });

  it('cuts no line of DRAM', () => {
    expect(runs(160, 24)).toEqual([undefined, undefined, undefined, [0, 96], undefined, undefined, [96, 160]]);
  });

  it('is all at the end where channels are dealt out', () => {
    expect(runs(150, 64, [75])).toEqual([undefined, undefined, [0, 150]]);
  });

  it('is all at the end where others make parts of the same pixels', () => {
    expect(runs(128, 64, [], true)).toEqual([undefined, [0, 128]]);
  });
});
