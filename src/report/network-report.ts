/**
 * The measured figures of one network on one machine, per frame, as `bench --json` prints them: rates, traffic, the bound, and for each layer where
 * its cycles went. For each layer macs ÷ (MACs of the machine) + Σ lost = cycles.
 */
import { type Machine, macCount } from '../machine/machine.ts';
import type { LayerInfo, Program, TensorPlacement } from '../program/program.ts';
import type { LayerTiming, LostCause, TimingResult } from '../simulator/timing/result.ts';
import { boundNetwork, floorBytes, type LayerWork, type NetworkBound } from './bound.ts';

/** What limits a layer in the bound: MACs, the fetch of its weights, or nothing (it does not multiply). */
export type BoundBy = 'compute' | 'weights' | 'none';

/** One layer of the schedule; all figures a frame. */
export interface LayerReport {
  readonly name: string;
  readonly op: string;
  readonly lanesPerOutput: number;
  readonly macs: number;
  readonly cycles: number;
  /** Cycles that the compiler's cost model expected. */
  readonly predictedCycles: number;
  /** Useful MACs ÷ possible MACs, 0 to 1. */
  readonly occupancy: number;
  readonly boundBy: BoundBy;
  readonly dramReadBytes: number;
  readonly dramWriteBytes: number;
  /** Lost cycles of the whole machine by cause. */
  readonly lost: Readonly<Record<LostCause, number>>;
}

/** What the timing run of a program says, a frame. */
export interface NetworkFigures {
  readonly macs: number;
  readonly cycles: number;
  readonly fps: number;
  /** 10⁹ operations a second; a MAC is two. */
  readonly gops: number;
  readonly occupancy: number;
  readonly dramReadBytes: number;
  readonly dramWriteBytes: number;
  readonly gbps: number;
  readonly boundFps: number;
  readonly floorBytes: number;
  readonly layers: readonly LayerReport[];
}

/**
 * Figures of a program from its timing run.
 * @param work the network's layers by the counting rules (not the schedule's)
 */
export function reportNetwork(
  program: Program,
  timing: TimingResult,
  work: readonly (LayerWork & { nodes: readonly string[] })[],
): NetworkFigures {
  const { machine, frames } = program;
  const bound = boundNetwork(work, machine, frames);
  const boundByNode = new Map(work.map((layer, i) => [layer.nodes[0], bound.layers[i]]));
  const layers = program.layers.map((info, i) => reportLayer(info, timing.layers[i], frames, machine, boundByNode));
  const macs = layers.reduce((sum, l) => sum + l.macs, 0);
  const cycles = timing.cycles / frames;
  const fps = machine.clockHz / cycles;
  const dramReadBytes = timing.dramReadBytes / frames;
  const dramWriteBytes = timing.dramWriteBytes / frames;
  return {
    macs,
    cycles,
    fps,
    gops: (2 * macs * fps) / 1e9,
    occupancy: macs / (cycles * macCount(machine)),
    dramReadBytes,
    dramWriteBytes,
    gbps: ((dramReadBytes + dramWriteBytes) * fps) / 1e9,
    boundFps: bound.boundFps,
    floorBytes: floorBytes(work, machine, borderBytes(program, 'input'), borderBytes(program, 'output'), frames),
    layers,
  };
}

/**
 * Figures of a network whose parts run one after the other, the host's time between them left out. Each part's borders count in the floor.
 * @throws Error for no parts
 */
export function joinFigures(parts: readonly NetworkFigures[]): NetworkFigures {
  const [first] = parts;
  if (first === undefined) throw new Error('no figures to join');
  if (parts.length === 1) return first;
  const sum = (value: (part: NetworkFigures) => number): number => parts.reduce((total, part) => total + value(part), 0);
  const cycles = sum((part) => part.cycles);
  const fps = (first.fps * first.cycles) / cycles;
  const macs = sum((part) => part.macs);
  const [dramReadBytes, dramWriteBytes] = [sum((part) => part.dramReadBytes), sum((part) => part.dramWriteBytes)];
  return {
    macs,
    cycles,
    fps,
    gops: (2 * macs * fps) / 1e9,
    occupancy: sum((part) => part.occupancy * part.cycles) / cycles,
    dramReadBytes,
    dramWriteBytes,
    gbps: ((dramReadBytes + dramWriteBytes) * fps) / 1e9,
    boundFps: 1 / sum((part) => 1 / part.boundFps),
    floorBytes: sum((part) => part.floorBytes),
    layers: parts.flatMap((part) => part.layers),
  };
}

function reportLayer(
  info: LayerInfo,
  timing: LayerTiming,
  frames: number,
  machine: Machine,
  boundByNode: ReadonlyMap<string, NetworkBound['layers'][number]>,
): LayerReport {
  const bounds = info.nodes.flatMap((node) => boundByNode.get(node) ?? []);
  const slowest = bounds.reduce<(typeof bounds)[number] | undefined>((a, b) => (a && a.seconds >= b.seconds ? a : b), undefined);
  const lost = Object.fromEntries(Object.entries(timing.lost).map(([cause, cycles]) => [cause, cycles / frames]));
  const macs = timing.usefulMacs / frames;
  const cycles = timing.cycles / frames;
  return {
    name: info.name,
    op: info.op,
    lanesPerOutput: info.lanesPerOutput,
    macs,
    cycles,
    predictedCycles: info.predictedCycles / frames,
    occupancy: cycles > 0 ? macs / (cycles * macCount(machine)) : 0,
    boundBy: slowest?.boundBy ?? 'none',
    dramReadBytes: timing.dramReadBytes / frames,
    dramWriteBytes: timing.dramWriteBytes / frames,
    lost: lost as Record<LostCause, number>,
  };
}

/** Bytes of one frame of the program's inputs or outputs, two a word, as packed as they can be. */
function borderBytes(program: Program, role: TensorPlacement['role']): number {
  return program.tensors.filter((t) => t.role === role).reduce((sum, t) => sum + 2 * t.height * t.width * t.channels, 0);
}
