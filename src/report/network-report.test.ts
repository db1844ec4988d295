import { describe, expect, it } from 'vitest';
import { XC7Z045 } from '../machine/machine.ts';
import type { Program } from '../program/program.ts';
import { type LayerTiming, LOST_CAUSES, type LostCause, type TimingResult } from '../simulator/timing/result.ts';
import { type BenchRow, renderLayers, renderLostCycles, renderNetworks } from './bench-text.ts';
import { reportNetwork } from './network-report.ts';

const noLoss = Object.fromEntries(LOST_CAUSES.map((cause) => [cause, 0])) as Record<LostCause, number>;

/** Two frames; a convolution of 2560 MACs a frame that loses 6 cycles in all, a matrix product of 256 that waits 94 for its weights. */
const LAYERS: LayerTiming[] = [
  { cycles: 26, usefulMacs: 5120, lost: { ...noLoss, maps: 4, drain: 2 }, dramReadBytes: 640, dramWriteBytes: 320 },
  { cycles: 96, usefulMacs: 512, lost: { ...noLoss, weights: 94 }, dramReadBytes: 1600, dramWriteBytes: 64 },
];
const TIMING: TimingResult = { cycles: 122, frames: 2, dramReadBytes: 2304, dramWriteBytes: 384, fetchBytes: 64, layers: LAYERS };
const layer = { lanesPerOutput: 4, schedule: '', predictedCycles: 0 };
const tensor = { address: 0, pixelPitch: 0, rowPitch: 0, frames: 2, frameStep: 0, fraction: 0 };
const PROGRAM: Program = {
  name: 'p',
  machine: XC7Z045,
  frames: 2,
  codeAddress: 0,
  instructions: new Uint32Array(1),
  segments: [],
  tensors: [
    { ...tensor, name: 'x', role: 'input', height: 4, width: 4, channels: 3 },
    { ...tensor, name: 'h', role: 'intermediate', height: 9, width: 9, channels: 9 },
    { ...tensor, name: 'y', role: 'output', height: 1, width: 1, channels: 10 },
  ],
  layers: [
    { ...layer, name: 'c', op: 'conv 3×3/1 3→4 + maxpool 2×2/2', nodes: ['c', 'relu', 'pool'], macs: 2560, weightBytes: 999 },
    { ...layer, name: 'f', op: 'gemm 16→16', nodes: ['f'], macs: 256, weightBytes: 999 },
  ],
  sourceMap: [],
  dramWords: 64,
};
const WORK = [
  { name: 'c', nodes: ['c'], macs: 2560, weightBytes: 216 },
  { name: 'f', nodes: ['f'], macs: 256, weightBytes: 512 },
];
const FIGURES = reportNetwork(PROGRAM, TIMING, WORK);

describe('reportNetwork', () => {
  it('divides by the frames', () => {
    expect(FIGURES).toMatchObject({ macs: 2816, cycles: 61, dramReadBytes: 1152, dramWriteBytes: 192 });
    expect(FIGURES.fps).toBeCloseTo(250e6 / 61, 6);
    expect(FIGURES.occupancy).toBeCloseTo(2816 / (61 * 256), 12);
    expect(FIGURES.gops).toBeCloseTo((2 * 2816 * 250e6) / 61 / 1e9, 9);
    expect(FIGURES.gbps).toBeCloseTo((1344 * 250e6) / 61 / 1e9, 9);
    expect(FIGURES.floorBytes).toBe((216 + 512) / 2 + 2 * 48 + 2 * 10);
  });

  it('accounts for every cycle of a layer and says what bounds it', () => {
    for (const l of FIGURES.layers) expect(l.macs / 256 + Object.values(l.lost).reduce((a, b) => a + b, 0)).toBe(l.cycles);
    // 256 MACs take 4 ns; 512 bytes for two frames 61 ns. 2560 MACs take 40 ns; 216 bytes for two 26 ns.
    expect(FIGURES.layers.map((l) => l.boundBy)).toEqual(['compute', 'weights']);
    expect(FIGURES.boundFps).toBeCloseTo(1 / (2560 / 64e9 + 256 / 4.2e9), 3);
  });
});

describe('tables', () => {
  const row: BenchRow = {
    ...FIGURES,
    network: 'net',
    scope: 'network',
    batch: 2,
    bitExact: true,
    sqnrDb: 61.3,
    paper: { fps: 98, layerOccupancies: [0.699], source: 'somewhere' },
  };

  it('show the measured beside the published', () => {
    expect(renderNetworks([row]).split('\n')[2]).toMatch(/^net +network +2 +4098361 +98 .*exact +61\.3$/);
    expect(renderNetworks([{ ...row, bitExact: false, sqnrDb: null }])).toMatch(/DIFFER +–$/);
    const layers = renderLayers(row).split('\n');
    expect(layers[2]).toMatch(/^c +conv.* 4 +0\.00256 +13 +76\.9 % +69\.9 % +compute +320 B +160 B$/);
    expect(layers[3]).toMatch(/^f .* – +weights/);
  });

  it('add up the lost cycles', () => {
    const lines = renderLostCycles(row).split('\n');
    expect(lines.at(-2)).toMatch(/^all +2 +47 .* 1 +50$/);
    expect(lines.at(-1)).toMatch(/82\.0 %$/);
  });
});
