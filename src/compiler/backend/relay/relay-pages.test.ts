/** Pages: channels that live at a time do not meet, and what is not there yet takes no room. */
import { describe, expect, it } from 'vitest';
import type { RelayBuffer, RelayGraph, RelayMember } from './relay.ts';
import { choosePages, type Lives, runsOf } from './relay-pages.ts';

/** Every member reads a map and makes half of the channels that are missing of each map behind it, as the units of a ShuffleNet v2 do. */
function buildSteps(maps: number, channels: number): { graph: RelayGraph; lives: Lives[] } {
  const filled = Array.from({ length: maps }, () => 0);
  const members: Pick<RelayMember, 'index' | 'stage' | 'work' | 'input' | 'other' | 'destinations'>[] = [];
  for (let m = 0; m < maps; m++) {
    const destinations = filled.flatMap((from, b) => {
      if (b <= m) return [];
      const left = channels - from;
      const count = b === m + 1 ? left : Math.ceil(left / 2 ** (b - m));
      filled[b] = from + count;
      return count > 0 ? [{ buffer: b, from: 0, to: count, channel: from }] : [];
    });
    members.push({
      index: m,
      stage: {} as RelayMember['stage'],
      work: undefined,
      input: { buffer: m, channel: 0 },
      other: undefined,
      destinations,
    });
  }
  const buffer = (tensor: number): RelayBuffer => ({
    tensor,
    first: 0,
    height: 14,
    width: 14,
    channels,
    pitch: channels,
    loaded: tensor === 0 ? [{ first: 0, end: channels }] : [],
    isStored: false,
    isEnd: false,
    isPlain: true,
    dramPitch: channels,
    gatherer: undefined,
  });
  const lives = Array.from({ length: maps }, (_, b): Lives => {
    const makers = new Map(members.flatMap(({ destinations }, m) => (destinations.some((to) => to.buffer === b) ? [[m, m] as const] : [])));
    return { makers, first: Math.min(b, ...makers.values()), last: b };
  });
  return { graph: { members: members as RelayMember[], buffers: Array.from({ length: maps }, (_, b) => buffer(b)), inPlace: [] }, lives };
}

describe('choosePages', () => {
  it.each([
    [5, 116],
    [8, 116],
    [9, 58],
  ])('%i maps of %i channels', (maps, channels) => {
    const { graph, lives } = buildSteps(maps, channels);
    const pages = choosePages(graph, lives, [], 'all', Number.POSITIVE_INFINITY, () => 4);
    expect(pages).toHaveLength(1);
    const { pitch, channels: places } = pages[0]!;
    // The first is transferred whole.
    expect([...places.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: maps - 1 }, (_, b) => b + 1));
    expect(pitch).toBeLessThan(((maps - 1) * channels * 3) / 4);
    const runs = [...places].flatMap(([b, first]) =>
      runsOf(graph, b, lives[b]!).map((run) => ({ ...run, from: run.from + first, to: run.to + first, b })),
    );
    runs.forEach((x, i) => {
      expect(x.to).toBeLessThanOrEqual(pitch);
      for (const y of runs.slice(i + 1)) {
        const meet = x.from < y.to && y.from < x.to && x.first <= y.last && y.first <= x.last;
        expect(meet, `${x.b} and ${y.b}`).toBe(false);
      }
    });
  });

  it("leaves maps alone that take each other's place", () => {
    const { graph, lives } = buildSteps(6, 116);
    expect(choosePages(graph, lives, [0, 1, 2, 3, 4], 'parts', Number.POSITIVE_INFINITY, () => 4)).toEqual([]);
  });
});
