/**
 * How many LUT sites a unit takes. A LUT6 of the 7 series has two outputs: it holds one function of six inputs or two of at most five different
 * inputs together (O5, O6). Every packer uses that; Yosys stops before packing. This is a careful estimate of it, by rules that any packer can keep:
 * - only LUTs of the same unit are paired, with at most five different inputs together, of which they share two or more;
 * - neither drives a carry chain or a MUXF7, MUXF8, which take the output of the LUT beside them;
 * - distributed RAM and shift registers are not paired.
 * Against it counts what a netlist does not show: the select input of a carry chain comes from the LUT beside it and from nowhere else, so a register that
 * drives it (or a LUT that already drives another one) passes through a LUT of its own.
 */
import { type Cell, lutsOf } from './cells.ts';
import type { Netlist } from './timing.ts';

const MOST_INPUTS = 5;
const LEAST_SHARED = 2;

export interface Sites {
  /** Pairs of LUTs in one site. */
  readonly pairs: number;
  /** Sites that only pass a signal on to a carry chain. */
  readonly passed: number;
  readonly sites: number;
}

type Net = number;
const netsOf = (cell: Cell, port: string): Net[] => (cell.connections[port] ?? []).filter((bit): bit is Net => typeof bit === 'number');

/** The LUT sites of a synthesized unit, its children not included. */
export function countSites(netlist: Netlist): Sites {
  const cells = Object.values(netlist.cells);
  const total = cells.reduce((sum, cell) => sum + lutsOf(cell.type), 0);
  const { besideLuts, passed } = findFixedLuts(cells);
  const free = cells
    .filter((cell) => /^LUT[1-5]$/.test(cell.type) && netsOf(cell, 'O').every((net) => !besideLuts.has(net)))
    .map((cell) => new Set(Array.from({ length: Number(cell.type[3]) }, (_, i) => netsOf(cell, `I${i}`)).flat()));
  const pairs = matchPairs(free);
  return { pairs, passed, sites: total - pairs + passed };
}

/** Nets that a LUT must drive from beside a carry chain or multiplexer, and how many select inputs of carry chains have no LUT for themselves. */
function findFixedLuts(cells: readonly Cell[]): { readonly besideLuts: ReadonlySet<Net>; readonly passed: number } {
  const lutOutputs = new Set(cells.filter((cell) => /^(LUT\d|INV)$/.test(cell.type)).flatMap((cell) => netsOf(cell, 'O')));
  const besideLuts = new Set<Net>();
  const selects = new Set<Net>();
  let passed = 0;
  for (const cell of cells) {
    if (cell.type === 'CARRY4') {
      for (const port of ['S', 'DI', 'CI', 'CYINIT']) for (const net of netsOf(cell, port)) besideLuts.add(net);
      for (const net of netsOf(cell, 'S')) {
        if (!lutOutputs.has(net) || selects.has(net)) passed++;
        selects.add(net);
      }
    } else if (/^MUXF[78]$/.test(cell.type)) {
      for (const port of ['I0', 'I1', 'S']) for (const net of netsOf(cell, port)) besideLuts.add(net);
    }
  }
  return { besideLuts, passed };
}

/** Number of pairs that a greedy matching finds: the LUTs with most inputs first, each with the partner with which it shares most. */
function matchPairs(luts: readonly ReadonlySet<Net>[]): number {
  const readers = new Map<Net, number[]>();
  for (const [index, inputs] of luts.entries()) {
    for (const net of inputs) {
      const list = readers.get(net);
      if (list === undefined) readers.set(net, [index]);
      else list.push(index);
    }
  }
  const order = luts.map((_, index) => index).sort((a, b) => luts[b].size - luts[a].size || a - b);
  const taken = new Set<number>();
  let pairs = 0;
  for (const index of order) {
    if (taken.has(index)) continue;
    const shared = new Map<number, number>();
    for (const net of luts[index]) {
      for (const other of readers.get(net) ?? []) if (other !== index && !taken.has(other)) shared.set(other, (shared.get(other) ?? 0) + 1);
    }
    let best = -1;
    for (const [other, common] of shared) {
      if (common < LEAST_SHARED || luts[index].size + luts[other].size - common > MOST_INPUTS) continue;
      const isBetter = best < 0 || common > shared.get(best)! || (common === shared.get(best)! && luts[other].size > luts[best].size);
      if (isBetter) best = other;
    }
    if (best < 0) continue;
    taken.add(index).add(best);
    pairs++;
  }
  return pairs;
}
