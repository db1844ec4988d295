/** Small programs whose lives, queues and accesses can be counted by hand. */
import { describe, expect, it } from 'vitest';
import { traceCore } from '../../isa/core.ts';
import { UNIT_ID } from '../../isa/fields.ts';
import { bits } from '../descriptors.test-util.ts';
import { BOOK, makeProgram, type Step } from '../timing/programs.test-util.ts';
import { countBufferAccesses } from './buffer-accesses.ts';
import type { Residency } from './residency.ts';
import { simulateProfile } from './simulate-profile.ts';

const MAC0 = UNIT_ID.mac(0);
const { LDM, LDW, ST } = UNIT_ID;

/** A tile: 128 words of maps at 0 and two weights lines at 0; a MAC over both into word 4096; a store of its granule. */
function tile(layer: number, first: boolean): Step[] {
  const again = first ? 0 : bits(MAC0);
  return [
    { unit: LDM, layer, fields: { waitRead: again, words: 128, signalWrite: bits(MAC0) } },
    { unit: LDW, layer, fields: { waitRead: again, lines: 2, images: 4, signalWrite: bits(MAC0) } },
    {
      unit: MAC0,
      layer,
      fields: {
        waitRead: first ? 0 : bits(ST),
        waitWrite: bits(LDM, LDW),
        signalRead: layer === 0 ? bits(LDM, LDW) : 0,
        signalWrite: bits(ST),
        count: 8,
        outWidth: 8,
        colStep: 16,
        outBase: 4096,
        outColStep: 4,
      },
    },
    { unit: ST, layer, fields: { waitWrite: bits(MAC0), signalRead: layer === 0 ? bits(MAC0) : 0, base: 4096, words: 32 } },
  ];
}

const program = makeProgram([...tile(0, true), ...tile(1, false)]);
const trace = traceCore(program.instructions);
const timing = simulateProfile(program, trace, 64);
const records = Array.from({ length: timing.log.count }, (_, i) => timing.log.record(i));

function livesOf(lives: Residency): object[] {
  return Array.from({ length: lives.count }, (_, i) => ({
    cu: lives.cu[i],
    granule: lives.granule[i],
    granules: lives.granules[i],
    from: lives.from[i],
    to: lives.to[i],
    layer: lives.layer[i],
  }));
}

describe('simulateProfile', () => {
  it('lets words live from their first write to their last read', () => {
    const [load, , mac, store, load1, , mac1, store1] = records;
    expect(livesOf(timing.residency.maps)).toEqual([
      { cu: 0, granule: 0, granules: 2, from: load.start, to: mac.readSignal, layer: 0 },
      { cu: 0, granule: 64, granules: 1, from: mac.start, to: store.readSignal, layer: 0 },
      { cu: 0, granule: 0, granules: 2, from: load1.start, to: mac1.readSignal, layer: 1 },
      { cu: 0, granule: 64, granules: 1, from: mac1.start, to: store1.readSignal, layer: 1 },
    ]);
  });

  it('keeps weights lines alive for the MAC that reads them', () => {
    const [, weights, mac, , , weights1, mac1] = records;
    // lanes 16: a parameter line and a tap line.
    expect(livesOf(timing.residency.weights)).toEqual([
      { cu: 0, granule: 0, granules: 2, from: weights.start, to: mac.readSignal, layer: 0 },
      { cu: 0, granule: 0, granules: 2, from: weights1.start, to: mac1.readSignal, layer: 1 },
    ]);
  });

  it('fills its series with areas under those lives', () => {
    const { binCycles, mapsBytes, queues } = timing.activity;
    const area = livesOf(timing.residency.maps).reduce((sum, life) => {
      const { granules, from, to } = life as { granules: number; from: number; to: number };
      return sum + 128 * granules * (to - from);
    }, 0);
    const width = (bin: number): number => Math.min(binCycles, timing.cycles - bin * binCycles);
    expect(mapsBytes[0].reduce((sum, value, bin) => sum + value * width(bin), 0)).toBeCloseTo(area, 6);
    expect(Math.max(...mapsBytes[1])).toBe(0);
    const mac = queues.find(({ unit }) => unit === 'MAC0')!;
    const waited = records.filter(({ unit }) => unit === 'MAC0').reduce((sum, { arrival, start }) => sum + start - arrival, 0);
    expect(mac.fill.reduce((sum, value, bin) => sum + value * width(bin), 0)).toBeCloseTo(waited, 6);
    expect(mac.most).toBe(2);
  });

  it('counts buffer accesses', () => {
    const [load, weights, mac, store] = trace.dispatches.map(countBufferAccesses);
    expect([load, weights, store]).toEqual([8, 8, 2]);
    // Eight windows of one step: four weights lines and a maps line each; four parameter lines; eight granules.
    expect(mac).toBe(8 * 5 + 4 + 8);
    expect([...timing.bufferLines]).toEqual([load + weights + mac + store, load + weights + mac + store]);
  });

  it('names the instruction of an address that the machine does not have', () => {
    const wrong = makeProgram([{ unit: LDM, fields: { base: BOOK.mapsBytes / 2 - 16, words: 64, rows: 1 } }]);
    expect(() => simulateProfile(wrong, traceCore(wrong.instructions))).toThrow(/^instruction \d+ \(LDM\): .*outside the maps buffer/);
  });
});
