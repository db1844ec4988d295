import { describe, expect, it } from 'vitest';
import { findWorse, type ResultRow, renderPage, renderRows, titleOf } from './results.ts';

const row: ResultRow = {
  network: 'net',
  scope: 'convolutions',
  batch: 1,
  macs: 600e6,
  cycles: 2.5e6,
  fps: 100,
  boundFps: 106,
  occupancy: 0.95,
  gops: 120,
  gbps: 1.2,
  dramBytes: 12e6,
  floorBytes: 6e6,
  acceleratedShare: 1,
  acceleratorParts: 1,
  sqnrDb: 60,
  bitExact: true,
  compileSeconds: 1,
  simulateSeconds: 2,
  paper: { fps: 98, gbps: 1.2, source: 'a paper' },
};

describe('findWorse', () => {
  it('finds each figure that fell, and no figure that rose', () => {
    expect(findWorse(row, row)).toEqual([]);
    expect(findWorse(row, { ...row, fps: 101, dramBytes: 11e6, sqnrDb: null, compileSeconds: 9 })).toEqual([]);
    expect(findWorse(row, { ...row, fps: 99.9 })).toEqual(['net, convolutions: FPS 100.00 → 99.900']);
    expect(findWorse(row, { ...row, dramBytes: 12.1e6 })[0]).toContain('DRAM a frame 12.0 MB → 12.1 MB');
    expect(findWorse(row, { ...row, acceleratedShare: 0.9 })[0]).toContain('MACs accelerated 100.0 % → 90.0 %');
    expect(findWorse(row, { ...row, sqnrDb: 59 })[0]).toContain('SQNR 60.0 → 59.0');
    expect(findWorse(row, { ...row, bitExact: false })[0]).toContain('bits exact → differ');
  });

  it('takes an output that was equal to float32 for better than any other', () => {
    expect(findWorse({ ...row, sqnrDb: null }, row)).toHaveLength(1);
  });
});

describe('tables', () => {
  it('have as many cells as titles in every line', () => {
    for (const full of [true, false]) {
      const widths = renderRows([row, { ...row, batch: 16, paper: undefined, sqnrDb: null }], full)
        .split('\n')
        .map((line) => line.split('|').length);
      expect(new Set(widths).size).toBe(1);
    }
  });

  it('name sources and what could not be measured', () => {
    const page = renderPage([row], 'xc7z045', new Map([['other, convolutions', 'it has no weights']]));
    expect(page).toContain('* net: a paper');
    expect(page).toContain('* other, convolutions: it has no weights');
    expect(page).toContain(titleOf(row));
  });
});
