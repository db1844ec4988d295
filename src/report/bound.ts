/**
 * What no schedule can beat: the frame rate bound and the DRAM traffic floor of a network on a machine.
 * boundFps = 1 ÷ Σ over layers of max(MACs ÷ peak MAC/s, weight bytes ÷ DRAM bytes/s), weights counted once a batch.
 * On the preset: 64 G MAC/s and 4.2 GB/s.
 */
import { type Machine, macCount } from '../machine/machine.ts';

/** Work of one layer and frame, as the network defines it (not as a schedule stores it). */
export interface LayerWork {
  readonly name: string;
  /** Padding taps skipped. */
  readonly macs: number;
  /** Two bytes a weight. */
  readonly weightBytes: number;
}

/** The least time of a layer. */
export interface LayerBound {
  readonly name: string;
  /** Seconds a frame. */
  readonly seconds: number;
  readonly boundBy: 'compute' | 'weights';
}

/** The bound of a network and its layers. */
export interface NetworkBound {
  readonly layers: readonly LayerBound[];
  readonly boundFps: number;
}

/** Peak rate of the machine in MACs a second. */
export function peakMacsPerSecond(machine: Machine): number {
  return macCount(machine) * machine.clockHz;
}

/** Bound of a network whose weights are fetched once for `batch` frames. */
export function boundNetwork(layers: readonly LayerWork[], machine: Machine, batch: number): NetworkBound {
  const bounds = layers.map((layer): LayerBound => {
    const compute = layer.macs / peakMacsPerSecond(machine);
    const weights = layer.weightBytes / (batch * machine.dram.bytesPerSecond);
    return { name: layer.name, seconds: Math.max(compute, weights), boundBy: weights > compute ? 'weights' : 'compute' };
  });
  return { layers: bounds, boundFps: 1 / bounds.reduce((sum, b) => sum + b.seconds, 0) };
}

/** DRAM bytes a frame when each weight (once a batch), input and output moves once. */
export function floorBytes(layers: readonly LayerWork[], inputBytes: number, outputBytes: number, batch: number): number {
  return layers.reduce((sum, l) => sum + l.weightBytes, 0) / batch + inputBytes + outputBytes;
}
