/** The profile's sums, its report and its trace on a small compiled network, and the energy calibration on AlexNet. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MODELS } from '../../models/index.ts';
import { buildTinyNetwork } from '../../test/tiny-network.ts';
import { InstructionWriter } from '../isa/instruction-writer.ts';
import { macCount } from '../machine/machine.ts';
import type { Program } from '../program/program.ts';
import { compileModel } from '../runtime/compile-model.ts';
import { measureLayerWork } from '../runtime/layer-work.ts';
import { measureProfile } from '../runtime/measure-profile.ts';
import { measureTiming } from '../runtime/measure-timing.ts';
import { advise } from './advice.ts';
import { CAUSES } from './causes.ts';
import { PUBLISHED_ALEXNET_WATTS } from './energy.ts';
import { renderReport } from './html/report.ts';
import { joinProfiles, type NetworkProfile } from './network-profile.ts';
import { reportNetwork } from './network-report.ts';
import { buildProfile, sharesOfHundred, totalBytes } from './profile.ts';
import { renderProfileCsv } from './profile-csv.ts';
import { profileToJson } from './profile-json.ts';
import { measurePredictionErrors, renderProfile } from './profile-text.ts';
import { renderTrace, type SliceArguments } from './trace.ts';

interface Profiled {
  readonly program: Program;
  readonly network: NetworkProfile;
  readonly work: ReturnType<typeof measureLayerWork>;
}

async function profileModel(
  graph: ReturnType<typeof buildTinyNetwork>,
  name: string,
  scope: 'network' | 'convolutions',
): Promise<Profiled> {
  const model = await compileModel(graph, { name, scope, numbers: 'q8.8' });
  const work = measureLayerWork(model.integerGraph);
  return { program: model.program, work, network: joinProfiles(name, [buildProfile(model.program, measureProfile(model.program), work)]) };
}

let tiny: Profiled;
let alexnet: Profiled;
beforeAll(async () => {
  tiny = await profileModel(buildTinyNetwork(), 'tiny', 'network');
  alexnet = await profileModel(MODELS.alexnet.build({ scope: 'convolutions' }), 'alexnet', 'convolutions');
});

describe.each([['tiny'], ['alexnet']])('profile of %s', (name) => {
  const get = (): Profiled => (name === 'tiny' ? tiny : alexnet);

  it('has the cycles, bytes and figures of the plain run', () => {
    const { program, network, work } = get();
    const plain = measureTiming(program);
    const { timing } = network.parts[0];
    expect(timing.cycles).toBe(plain.cycles);
    expect(timing.layers).toEqual(plain.layers);
    expect([timing.dramReadBytes, timing.dramWriteBytes, timing.fetchBytes]).toEqual([
      plain.dramReadBytes,
      plain.dramWriteBytes,
      plain.fetchBytes,
    ]);
    expect(network.figures).toEqual(reportNetwork(program, plain, work));
  });

  it('accounts for every slot of every tile in whole numbers', () => {
    const { network } = get();
    const macs = macCount(network.machine);
    for (const layer of network.layers) {
      expect(layer.cycles).toBe(layer.figures.cycles * network.frames);
      expect(layer.tiles.reduce((sum, tile) => sum + tile.slots, 0)).toBe(layer.slots);
      expect(layer.tiles.reduce((sum, tile) => sum + totalBytes(tile.dramBytes), 0)).toBe(totalBytes(layer.dramBytes));
      for (const part of [layer, ...layer.tiles]) {
        expect([part.usefulMacs, ...Object.values(part.lostSlots)].every((slots) => Number.isSafeInteger(slots) && slots >= 0)).toBe(true);
        expect(part.usefulMacs + CAUSES.reduce((sum, cause) => sum + part.lostSlots[cause], 0)).toBe(part.slots);
      }
    }
    expect(network.layers.reduce((sum, layer) => sum + layer.slots, 0)).toBe(network.cycles * macs);
    expect(network.layers.reduce((sum, layer) => sum + layer.energy.total, 0)).toBeCloseTo(network.millijoules, 6);
  });

  it('finds all bytes and MACs again over time, buffers never over-full, bandwidth never above the memory', () => {
    const { network } = get();
    const [{ activity, timing, total }] = network.parts;
    const sum = (series: Float64Array): number => series.reduce((a, b) => a + b, 0);
    for (const kind of ['weights', 'mapsIn', 'mapsOut', 'instructions'] as const) {
      expect(sum(activity.dramBytes[kind])).toBeCloseTo(total.dramBytes[kind], 3);
    }
    expect(sum(activity.usefulMacs)).toBeCloseTo(total.usefulMacs, 0);
    const peak = (activity.binCycles * network.machine.dram.bytesPerSecond) / network.machine.clockHz;
    for (let bin = 0; bin < activity.dramBytes.weights.length; bin++) {
      const bytes = Object.values(activity.dramBytes).reduce((all, series) => all + series[bin], 0);
      expect(bytes).toBeLessThanOrEqual(peak * 1.000001);
    }
    for (const [series, size] of [
      [activity.mapsBytes, network.machine.mapsBytes],
      [activity.weightsBytes, network.machine.weightsBytes * network.machine.vmacsPerCu],
    ] as const) {
      const fullest = Math.max(...series.flatMap((fill) => [...fill]));
      expect(fullest).toBeGreaterThan(0);
      expect(fullest).toBeLessThanOrEqual(size * 1.000001);
    }
    for (const { fill, most } of activity.queues) {
      expect(most).toBeLessThanOrEqual(network.machine.queueDepth);
      expect(Math.max(...fill)).toBeLessThanOrEqual(most * 1.000001);
    }
    for (const lives of Object.values(timing.residency)) {
      for (let i = 0; i < lives.count; i++) expect(lives.to[i]).toBeGreaterThanOrEqual(lives.from[i]);
    }
  });

  it('is a trace whose slices are the commit log', () => {
    const { network } = get();
    const { traceEvents } = traceSchema.parse(JSON.parse([...renderTrace(network)].join('')));
    const slices = traceEvents.flatMap((event) => (event.ph === 'X' ? [event] : []));
    const [{ timing, layers }] = network.parts;
    expect(slices).toHaveLength(timing.log.count);
    const tracks = new Map<string, number>();
    const names = new Map(
      traceEvents.flatMap((e) => (e.ph === 'M' && e.name === 'thread_name' ? [[`${e.pid}/${e.tid}`, e.args.name]] : [])),
    );
    for (const [i, slice] of slices.entries()) {
      const { unit, layer, waits, ...record } = timing.log.record(i);
      const { operands, tile, ...told } = slice.args as SliceArguments;
      expect(told).toEqual({
        ...record,
        layer: layers[layer].name,
        waits: Object.fromEntries(Object.entries(waits).filter(([, c]) => c > 0)),
      });
      expect(timing.operands[i]).toMatchObject(operands);
      expect(layers[layer].tiles.map((t) => t.name)).toContain(tile);
      const cycles = network.machine.clockHz / 1e6;
      expect(slice.ts * cycles).toBeCloseTo(record.start, 4);
      expect(slice.dur * cycles).toBeLessThanOrEqual(record.end - record.start + 1e-4);
      const track = `${slice.pid}/${slice.tid}`;
      expect(names.get(track)).toBe(unit);
      // Slices of a track follow each other.
      expect(slice.ts * cycles).toBeGreaterThanOrEqual((tracks.get(track) ?? 0) - 1e-4);
      tracks.set(track, (slice.ts + slice.dur) * cycles);
    }
  });

  it('is a page without requests, a table, CSV and JSON', () => {
    const { network } = get();
    const html = renderReport(network, [{ what: 'twice <everything>', cycles: network.cycles / 2, how: 'simulated' }]);
    expect(html).toContain('twice &#60;everything&#62; ×2.00 (simulated)');
    // No address but those inside the page; nothing that loads.
    expect(html).not.toMatch(/(?:src|href)\s*=\s*["'](?!#)|url\(|@import|https?:/);
    expect(html.match(/<tr class="layer"/g)).toHaveLength(network.layers.length);
    const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(html)![1]) as { tiles: string[][][]; time: { edges: number[] } };
    expect(data.tiles.map((tiles) => tiles.length)).toEqual(network.layers.map((layer) => layer.tiles.length));
    expect(data.time.edges.at(-1)).toBe(network.cycles);

    const csv = renderProfileCsv(network).trimEnd().split('\r\n');
    expect(csv).toHaveLength(1 + network.layers.reduce((sum, layer) => sum + 1 + layer.tiles.length, 0));
    const json = JSON.parse(JSON.stringify(profileToJson(network))) as { figures: unknown; layers: { tiles: unknown[] }[] };
    expect(json.figures).toEqual(JSON.parse(JSON.stringify(network.figures)));
    expect(renderProfile(network).split('\n')).toHaveLength(network.layers.length + 3);
  });
});

describe('profile of a program without layers', () => {
  it.each([
    ['no source map', []],
    ['an epilogue', [{ first: 0, end: 1, layer: -1, tile: 'end' }]],
  ])('%s: everything is drain', (_, sourceMap) => {
    const writer = new InstructionWriter();
    writer.end();
    const program: Program = {
      ...tiny.program,
      name: 'empty',
      instructions: writer.instructions(),
      segments: [],
      tensors: [],
      layers: [],
      sourceMap,
    };
    const network = joinProfiles('empty', [buildProfile(program, measureProfile(program))]);
    expect(network.lostSlots.drain).toBe(network.cycles * macCount(program.machine));
    const texts = [renderProfile(network), renderProfileCsv(network), advise(network, []), [...renderTrace(network)].join('')];
    const [page] = renderReport(network).split('<script>');
    for (const text of [...texts, page]) expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });
});

/** The events that we write, after the trace event format. */
const time = z.number().nonnegative();
const track = { pid: z.int().positive(), tid: z.int().positive() };
const cycle = z.int().nonnegative();
const traceSchema = z.strictObject({
  displayTimeUnit: z.literal('ns'),
  otherData: z.record(z.string(), z.union([z.string(), z.number()])),
  traceEvents: z.array(
    z.discriminatedUnion('ph', [
      z.strictObject({
        ph: z.literal('M'),
        name: z.string(),
        pid: track.pid,
        tid: track.tid.optional(),
        args: z.record(z.string(), z.unknown()),
      }),
      z.strictObject({
        ph: z.literal('C'),
        name: z.string(),
        pid: track.pid,
        ts: time,
        args: z.record(z.string(), z.number().nonnegative()),
      }),
      z.strictObject({
        ph: z.literal('X'),
        name: z.string().min(1),
        cat: z.enum(['LDM', 'LDW', 'ST', 'MAC', 'VEC']),
        ...track,
        ts: time,
        dur: time,
        args: z.strictObject({
          layer: z.string().min(1),
          tile: z.string(),
          instruction: cycle,
          arrival: cycle,
          start: cycle,
          readSignal: cycle,
          end: cycle,
          waits: z.partialRecord(z.enum(CAUSES as [string, ...string[]]), z.number().positive()),
          operands: z.record(z.string(), z.int()),
        }),
      }),
    ]),
  ),
});

describe('energy', () => {
  it('is calibrated on the published power of AlexNet', () => {
    expect(Math.abs(alexnet.network.watts - PUBLISHED_ALEXNET_WATTS)).toBeLessThan(0.01 * PUBLISHED_ALEXNET_WATTS);
  });
});

describe('sharesOfHundred', () => {
  it('adds up to 100.0 and rounds the first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e9), { minLength: 1, maxLength: 9 }), (parts) => {
        const total = parts.reduce((a, b) => a + b, 0);
        const shares = sharesOfHundred(parts);
        expect(Math.round(shares.reduce((a, b) => a + 10 * b, 0))).toBe(total > 0 ? 1000 : 0);
        if (total > 0) expect(shares[0]).toBeCloseTo(Math.round((1000 * parts[0]) / total) / 10, 9);
        for (const [i, share] of shares.entries())
          expect(Math.abs(share - (total > 0 ? (100 * parts[i]) / total : 0))).toBeLessThan(0.1001);
      }),
    );
  });
});

describe('advise', () => {
  it('names what gains most first, and how it was found', () => {
    const lostSlots = { ...alexnet.network.lostSlots, maps: alexnet.network.usefulMacs };
    const network = { ...alexnet.network, lostSlots };
    const text = advise(network, [
      { what: 'A', cycles: network.cycles / 3, how: 'simulated' },
      { what: 'B', cycles: network.cycles, how: 'recompiled and simulated' },
    ]);
    expect(text).toMatch(
      /^A ×3\.00 \(simulated\); loads that come in time: ×\d\.\d+ at most, for the 5\d\.\d % lost to maps and weights; B no gain \(recompiled/,
    );
  });
});

describe('measurePredictionErrors', () => {
  it('leaves out what was not predicted', () => {
    const layers = [
      { predictedCycles: 110, cycles: 100 },
      { predictedCycles: 0, cycles: 50 },
      { predictedCycles: 270, cycles: 300 },
    ];
    const { count, mean, weighted } = measurePredictionErrors(layers);
    expect(count).toBe(2);
    expect(mean).toBeCloseTo(0.1, 12);
    expect(weighted).toBeCloseTo(40 / 400, 12);
  });
});
