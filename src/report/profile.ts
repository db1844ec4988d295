/**
 * The profile of one run of a program: where every MAC slot and every DRAM byte went, by layer and tile, and what was busy when.
 * `snowflake profile`, the HTML report, the trace and the studio all show this one object; it runs in browsers. Documentation: docs/profile.md.
 *
 * Slots (one MAC in one cycle) are whole numbers: useful MACs + Σ lost slots = cycles × MACs of the machine, for each tile, layer and the program.
 * Figures a frame are those of `bench` (NetworkFigures), from the same function.
 */
import { bytesPerCycle, type Machine, macCount } from '../machine/machine.ts';
import type { Program } from '../program/program.ts';
import type { Activity, ProfiledTiming } from '../simulator/profile/simulate-profile.ts';
import type { DramBytes, LostCause, TileTiming } from '../simulator/timing/result.ts';
import type { LayerWork } from './bound.ts';
import { type EnergyEstimate, estimateEnergy } from './energy.ts';
import { type LayerReport, type NetworkFigures, reportNetwork } from './network-report.ts';
import { placeOnRoofline, type RooflinePoint } from './roofline.ts';

/** MAC slots of some part of a run. */
export interface SlotAccount {
  /** usefulMacs + Σ lostSlots. */
  readonly slots: number;
  readonly usefulMacs: number;
  readonly lostSlots: Readonly<Record<LostCause, number>>;
}

/** What a program, a layer or a tile did, all frames of the run together. */
export interface ProfilePart extends SlotAccount {
  readonly name: string;
  /** Slots ÷ MACs of the machine. */
  readonly cycles: number;
  /** Useful ÷ all slots, 0 to 1. */
  readonly occupancy: number;
  readonly dramBytes: DramBytes;
  /** Lines read and written in on-chip buffers. */
  readonly bufferLines: number;
  readonly roofline: RooflinePoint;
  /** An estimate (docs/energy.md), millijoules. */
  readonly energy: EnergyEstimate;
}

/** One layer of the schedule. */
export interface ProfileLayer extends ProfilePart {
  readonly op: string;
  /** ONNX nodes covered, main node first. */
  readonly nodes: readonly string[];
  readonly lanesPerOutput: number;
  /** For people: how the layer was cut. */
  readonly schedule: string;
  /** Cycles that the compiler's cost model expected. */
  readonly predictedCycles: number;
  /** The figures a frame, as `bench --json` prints them. */
  readonly figures: LayerReport;
  readonly tiles: readonly ProfilePart[];
}

/** The profile of one run. */
export interface Profile {
  readonly name: string;
  readonly machine: Machine;
  readonly frames: number;
  readonly total: ProfilePart;
  /** Figures a frame, as `bench --json` prints them. */
  readonly figures: NetworkFigures;
  readonly layers: readonly ProfileLayer[];
  /** Bandwidth, queues and buffers over time. */
  readonly activity: Activity;
  /** Mean estimated power of the board. */
  readonly watts: number;
  /** Commit log, descriptors, lives of buffer granules: for timelines. */
  readonly timing: ProfiledTiming;
}

/** Work of a network's layers by the counting rules, as measureLayerWork gives it. */
export type ProfileWork = readonly (LayerWork & { readonly nodes: readonly string[] })[];

/**
 * The profile of a program from its recorded timing run.
 * @param work of the network's layers; without it (a program file) what the program says of itself
 */
export function buildProfile(program: Program, timing: ProfiledTiming, work?: ProfileWork): Profile {
  const { machine, frames } = program;
  const figures = reportNetwork(program, timing, work ?? workOfProgram(program));
  const partOf = (name: string, tiles: readonly number[]): ProfilePart => sumTiles(name, tiles, timing, machine);
  const tilesOf: number[][] = program.layers.map(() => []);
  for (const [i, { layer }] of timing.tiles.entries()) tilesOf[layer]?.push(i);
  const layers = program.layers.map(({ name, op, nodes, lanesPerOutput, schedule, predictedCycles }, i): ProfileLayer => {
    const tiles = tilesOf[i].map((tile) => partOf(timing.tiles[tile].name, [tile]));
    return { ...partOf(name, tilesOf[i]), op, nodes, lanesPerOutput, schedule, predictedCycles, figures: figures.layers[i], tiles };
  });
  const total = partOf(program.name, [...timing.tiles.keys()]);
  const watts = (total.energy.total / 1000) * (machine.clockHz / timing.cycles);
  return { name: program.name, machine, frames, total, figures, layers, activity: timing.activity, watts, timing };
}

/** What a program file knows of its layers' work: weight bytes are those of the image, parameters and padding included. */
function workOfProgram(program: Program): ProfileWork {
  return program.layers.filter(({ macs }) => macs > 0).map(({ name, nodes, macs, weightBytes }) => ({ name, nodes, macs, weightBytes }));
}

function sumTiles(name: string, indices: readonly number[], timing: ProfiledTiming, machine: Machine): ProfilePart {
  const tiles = indices.map((i) => timing.tiles[i]);
  const sum = (value: (tile: TileTiming) => number): number => tiles.reduce((total, tile) => total + value(tile), 0);
  const sumBytes = (kind: keyof DramBytes): number => sum((tile) => tile.dramBytes[kind]);
  const causes = Object.keys(timing.tiles[0]?.lostSlots ?? {}) as LostCause[];
  const lostSlots = Object.fromEntries(causes.map((cause) => [cause, sum((tile) => tile.lostSlots[cause])])) as Record<LostCause, number>;
  const usefulMacs = sum((tile) => tile.usefulMacs);
  const slots = causes.reduce((total, cause) => total + lostSlots[cause], usefulMacs);
  const cycles = slots / macCount(machine);
  const dramBytes = {
    weights: sumBytes('weights'),
    mapsIn: sumBytes('mapsIn'),
    mapsOut: sumBytes('mapsOut'),
    instructions: sumBytes('instructions'),
  };
  const bufferLines = indices.reduce((total, i) => total + timing.bufferLines[i], 0);
  const bytes = totalBytes(dramBytes);
  return {
    name,
    slots,
    usefulMacs,
    lostSlots,
    cycles,
    occupancy: slots > 0 ? usefulMacs / slots : 0,
    dramBytes,
    bufferLines,
    roofline: placeOnRoofline(usefulMacs, bytes, cycles, machine),
    energy: estimateEnergy({ macs: usefulMacs, bufferLines, dramBytes: bytes, cycles }, machine),
  };
}

/** Bytes of all kinds. */
export function totalBytes(bytes: DramBytes): number {
  return bytes.weights + bytes.mapsIn + bytes.mapsOut + bytes.instructions;
}

/** DRAM bytes that the machine can move in a cycle. */
export function peakBytesPerCycle(machine: Machine): number {
  const { numerator, denominator } = bytesPerCycle(machine);
  return numerator / denominator;
}

/**
 * Shares of parts in tenths of a percent that add up to 100.0: the first (what is useful) as rounding gives it, so that it reads the same everywhere,
 * the others by largest remainders (ties by order).
 * @returns numbers like 98.9; all 0 when the sum is 0
 */
export function sharesOfHundred(parts: readonly number[]): number[] {
  const total = parts.reduce((sum, part) => sum + part, 0);
  if (total <= 0) return parts.map(() => 0);
  const exact = parts.map((part) => (1000 * part) / total);
  const tenths = exact.map((share, i) => (i === 0 ? Math.round(share) : Math.floor(share)));
  const missing = 1000 - tenths.reduce((sum, t) => sum + t, 0);
  const remainder = (i: number): number => (i === 0 ? -1 : exact[i] - tenths[i]);
  const order = exact.map((_, i) => i).sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const i of order.slice(0, missing)) tenths[i]++;
  return tenths.map((t) => t / 10);
}
