/** Work of a MAC stage for tests, from the fields that matter. */
import type { ConvLayer } from '../../../graph/integer-graph.ts';
import { type Geometry, type MacWork, pointGeometry } from '../stages/stage.ts';

const POINT = pointGeometry(1, 1);

export interface WorkOptions {
  readonly inChannels?: number;
  readonly outChannels?: number;
  readonly groups?: number;
  readonly depthwise?: boolean;
  readonly source?: MacWork['source'];
}

/** A convolution (16 → 16 channels unless told) of this geometry; its weights are the caller's `source`, or none. */
export function makeWork(geometry: Partial<Geometry>, options: WorkOptions = {}): MacWork {
  const { inChannels = 16, outChannels = 16, groups = 1, depthwise = false } = options;
  return {
    geometry: { ...POINT, ...geometry },
    inChannels,
    outChannels,
    groups,
    depthwise,
    tapWords: depthwise ? 1 : inChannels / groups,
    clamp: { low: -32768, high: 32767 },
    source: options.source ?? ({ kind: 'conv' } as ConvLayer),
  };
}
