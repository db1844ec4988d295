/** LUT sites: what may share a place and what may not. */
import { describe, expect, it } from 'vitest';
import type { Cell } from './cells.ts';
import { countSites } from './sites.ts';

const lut = (output: number, ...inputs: number[]): Cell => ({
  type: `LUT${inputs.length}`,
  parameters: {},
  connections: { O: [output], ...Object.fromEntries(inputs.map((net, i) => [`I${i}`, [net]])) },
});
const cell = (type: string, connections: Cell['connections']): Cell => ({ type, parameters: {}, connections });
const count = (...cells: Cell[]) => countSites({ ports: {}, netnames: {}, cells: Object.fromEntries(cells.map((c, i) => [`c${i}`, c])) });

describe('countSites', () => {
  it('pairs two LUTs of at most five inputs that share two', () => {
    expect(count(lut(90, 1, 2, 3), lut(91, 1, 2, 4, 5))).toEqual({ pairs: 1, passed: 0, sites: 1 });
    expect(count(lut(90, 1, 2, 3, 4, 5), lut(91, 2, 3))).toEqual({ pairs: 1, passed: 0, sites: 1 });
  });

  it('does not pair six inputs, one shared input, or LUT6', () => {
    expect(count(lut(90, 1, 2, 3, 4), lut(91, 1, 2, 5, 6)).sites).toBe(2);
    expect(count(lut(90, 1, 2), lut(91, 2, 3)).sites).toBe(2);
    expect(count(lut(90, 1, 2, 3, 4, 5, 6), lut(91, 1, 2)).sites).toBe(2);
  });

  it('does not pair what stands beside a carry chain or a multiplexer', () => {
    const carry = cell('CARRY4', { S: [90, '0', '0', '0'], DI: ['0', '0', '0', '0'], CI: ['0'] });
    expect(count(lut(90, 1, 2, 3), lut(91, 1, 2, 4), carry)).toEqual({ pairs: 0, passed: 0, sites: 2 });
    const multiplexer = cell('MUXF7', { I0: [90], I1: [92], S: [7], O: [93] });
    expect(count(lut(90, 1, 2, 3), lut(91, 1, 2, 4), multiplexer).pairs).toBe(0);
  });

  it('takes each LUT once, the best partner first', () => {
    expect(count(lut(90, 1, 2, 3, 4), lut(91, 1, 2, 3), lut(92, 1, 2))).toEqual({ pairs: 1, passed: 0, sites: 2 });
  });

  it('counts a LUT for a select input of a carry chain that has none of its own', () => {
    const carry = cell('CARRY4', { S: [50, 90, 90, '0'], DI: ['0', '0', '0', '0'], CI: ['0'] });
    // Net 50 comes from a register; the LUT of net 90 stands at one of two places.
    expect(count(lut(90, 1, 2), carry)).toEqual({ pairs: 0, passed: 2, sites: 3 });
  });

  it('counts memories by their LUTs', () => {
    expect(count(cell('RAM32M', {}), cell('RAM64X1D', {}), cell('SRL16E', {})).sites).toBe(7);
  });
});
