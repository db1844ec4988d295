import { describe, expect, it } from 'vitest';
import { XC7Z045 } from '../../machine/machine.ts';
import { mapInstructionsToLayers } from './descriptor-table.ts';
import { programOf } from './programs.test-util.ts';

describe('mapInstructionsToLayers', () => {
  const span = (first: number, end: number, layer: number) => ({ first, end, layer, tile: '' });

  it('gives the prologue to the next layer and the epilogue to the last', () => {
    const spans = [span(0, 2, -1), span(2, 3, 1), span(3, 4, -1), span(4, 5, 0), span(5, 7, -1)];
    expect([...mapInstructionsToLayers(programOf(new Uint32Array(8), XC7Z045, 2, spans))]).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
  });

  it('counts everything to layer 0 without a source map', () => {
    expect([...mapInstructionsToLayers(programOf(new Uint32Array(3), XC7Z045))]).toEqual([0, 0, 0]);
  });
});
