/** A profile as plain JSON: what `snowflake profile --json` prints. Series over time are arrays of rounded numbers; the commit log is in `--trace`. */
import type { NetworkProfile } from './network-profile.ts';
import type { Profile } from './profile.ts';

/** A value that JSON.stringify writes as it is. Infinite intensities (no traffic) become null. */
export function profileToJson(network: NetworkProfile): object {
  const { parts, ...rest } = network;
  return { ...rest, parts: parts.map(partToJson) };
}

function partToJson({ name, total, watts, activity, timing }: Profile): object {
  const { binCycles, dramBytes, usefulMacs, queues, mapsBytes, weightsBytes } = activity;
  return {
    name,
    cycles: timing.cycles,
    descriptors: timing.log.count,
    total,
    watts,
    activity: {
      binCycles,
      dramBytes: Object.fromEntries(Object.entries(dramBytes).map(([kind, series]) => [kind, roundAll(series, 0)])),
      usefulMacs: roundAll(usefulMacs, 0),
      queues: queues.map(({ unit, fill, most }) => ({ unit, most, fill: roundAll(fill, 2) })),
      mapsBytes: mapsBytes.map((series) => roundAll(series, 0)),
      weightsBytes: weightsBytes.map((series) => roundAll(series, 0)),
    },
  };
}

function roundAll(series: Float64Array, digits: number): number[] {
  return Array.from(series, (value) => Number(value.toFixed(digits)));
}
