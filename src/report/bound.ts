/**
 * What no schedule can beat: the frame rate bound and the DRAM traffic floor of a network on a machine.
 * boundFps = 1 ÷ Σ over layers of max(MACs ÷ peak MAC/s, weight bytes ÷ DRAM bytes/s), weights counted once a batch.
 * On the preset: 64 G MAC/s and 4.2 GB/s. Weights that several layers share (a recurrent layer's positions) are fetched once as far as they fit the weights
 * buffers all together; what is beyond is fetched for every layer.
 */
import { type Machine, macCount } from '../machine/machine.ts';

/** Work of one layer and frame, as the network defines it (not as a schedule stores it). */
export interface LayerWork {
  readonly name: string;
  /** Padding taps skipped. */
  readonly macs: number;
  /** Two bytes a weight. */
  readonly weightBytes: number;
  /** Layers with the same weights have the same number. */
  readonly weightSet?: number;
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
function peakMacsPerSecond(machine: Machine): number {
  return macCount(machine) * machine.clockHz;
}

/** Bytes of weights that each layer must fetch, in order. */
function fetchedWeights(layers: readonly LayerWork[], machine: Machine): number[] {
  const uses = new Map<number, { readonly bytes: number; readonly count: number }>();
  for (const { weightSet, weightBytes } of layers) {
    if (weightSet !== undefined) uses.set(weightSet, { bytes: weightBytes, count: (uses.get(weightSet)?.count ?? 0) + 1 });
  }
  const shared = [...uses.values()].reduce((sum, { bytes, count }) => sum + (count > 1 ? bytes : 0), 0);
  const beyond =
    shared === 0 ? 0 : Math.max(0, 1 - (machine.clusters * machine.computeUnits * machine.vmacsPerCu * machine.weightsBytes) / shared);
  const seen = new Set<number>();
  return layers.map(({ weightSet, weightBytes }) => {
    if (weightSet === undefined || !seen.has(weightSet)) {
      if (weightSet !== undefined) seen.add(weightSet);
      return weightBytes;
    }
    return weightBytes * beyond;
  });
}

/** Bound of a network whose weights are fetched once for `batch` frames. */
export function boundNetwork(layers: readonly LayerWork[], machine: Machine, batch: number): NetworkBound {
  const fetched = fetchedWeights(layers, machine);
  const bounds = layers.map((layer, i): LayerBound => {
    const compute = layer.macs / peakMacsPerSecond(machine);
    const weights = fetched[i]! / (batch * machine.dram.bytesPerSecond);
    return { name: layer.name, seconds: Math.max(compute, weights), boundBy: weights > compute ? 'weights' : 'compute' };
  });
  return { layers: bounds, boundFps: 1 / bounds.reduce((sum, b) => sum + b.seconds, 0) };
}

/** DRAM bytes a frame when each weight (once a batch; shared ones as in the bound), input and output moves once. */
export function floorBytes(layers: readonly LayerWork[], machine: Machine, inputBytes: number, outputBytes: number, batch: number): number {
  return fetchedWeights(layers, machine).reduce((sum, bytes) => sum + bytes, 0) / batch + inputBytes + outputBytes;
}
