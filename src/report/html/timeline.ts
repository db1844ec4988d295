/** A network's parts laid end to end on one axis of cycles, with series reduced to as many bins as a page can show. */
import type { DramBytes } from '../../simulator/timing/result.ts';
import type { NetworkProfile } from '../network-profile.ts';
import type { Profile } from '../profile.ts';

/** Values over the whole time, all series in the same bins; the last bin of a part may be partial. */
export interface Timeline {
  readonly cycles: number;
  /** Edges of the bins in cycles: one more than bins. */
  readonly edges: readonly number[];
  /** DRAM bytes a cycle by kind. */
  readonly bytesPerCycle: Readonly<Record<keyof DramBytes, readonly number[]>>;
  readonly macsPerCycle: readonly number[];
  /** Live share of each buffer, 0 to 1, by CU. */
  readonly maps: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
  /** Descriptors waiting, by unit. */
  readonly queues: readonly { readonly unit: string; readonly fill: readonly number[] }[];
  /** What the MAC unit of CU 0 (of a network without MACs: VEC) works on: [layer, from, to). */
  readonly work: readonly (readonly [number, number, number])[];
}

/** Bins of one page's width. */
const MOST_BINS = 560;

/** Activity of all parts of a network one after the other, in bins of which a network takes about MOST_BINS at most. */
export function buildTimeline(network: NetworkProfile): Timeline {
  const { machine, cycles, parts } = network;
  const edges: number[] = [0];
  const sums = new Map<string, number[]>();
  const push = (name: string, value: number): void => {
    const list = sums.get(name);
    if (list) list.push(value);
    else sums.set(name, [value]);
  };
  const units = [...new Set(parts.flatMap((part) => part.activity.queues.map(({ unit }) => unit)))];
  const weightsSize = machine.weightsBytes * machine.vmacsPerCu;
  const work: [number, number, number][] = [];
  let offset = 0;
  let layerOffset = 0;
  for (const part of parts) {
    const { activity, timing } = part;
    const binCycles = activity.binCycles * Math.max(1, Math.ceil(cycles / activity.binCycles / MOST_BINS));
    const merge = binCycles / activity.binCycles;
    for (let from = 0; from < timing.cycles; from += binCycles) {
      const width = Math.min(binCycles, timing.cycles - from);
      const first = from / activity.binCycles;
      /** Sum of the bins that make this one. */
      const total = (series: Float64Array): number => series.subarray(first, first + merge).reduce((sum, value) => sum + value, 0);
      /** Mean of levels, weighted by the width of their bins. */
      const level = (series: Float64Array | undefined): number => {
        let area = 0;
        for (let bin = first; bin < Math.min(first + merge, series?.length ?? 0); bin++) {
          area += series![bin] * Math.min(activity.binCycles, timing.cycles - bin * activity.binCycles);
        }
        return area / width;
      };
      edges.push(offset + from + width);
      for (const [kind, series] of Object.entries(activity.dramBytes)) push(kind, total(series) / width);
      push('macs', total(activity.usefulMacs) / width);
      for (let cu = 0; cu < machine.computeUnits; cu++) {
        push(`maps${cu}`, level(activity.mapsBytes[cu]) / machine.mapsBytes);
        push(`weightsBuffer${cu}`, level(activity.weightsBytes[cu]) / weightsSize);
      }
      for (const unit of units) push(`queue${unit}`, level(activity.queues.find((queue) => queue.unit === unit)?.fill));
    }
    for (const [layer, from, to] of workOf(part)) work.push([layerOffset + layer, offset + from, offset + to]);
    offset += timing.cycles;
    layerOffset += part.layers.length;
  }
  const seriesOf = (name: string): readonly number[] => sums.get(name) ?? [];
  const byCu = (name: string): (readonly number[])[] => Array.from({ length: machine.computeUnits }, (_, cu) => seriesOf(`${name}${cu}`));
  return {
    cycles,
    edges,
    bytesPerCycle: {
      weights: seriesOf('weights'),
      mapsIn: seriesOf('mapsIn'),
      mapsOut: seriesOf('mapsOut'),
      instructions: seriesOf('instructions'),
    },
    macsPerCycle: seriesOf('macs'),
    maps: byCu('maps'),
    weights: byCu('weightsBuffer'),
    queues: units.map((unit) => ({ unit, fill: seriesOf(`queue${unit}`) })),
    work,
  };
}

/** Runs of descriptors of one layer on the first MAC unit (else the first VEC unit). */
function workOf({ timing }: Profile): [number, number, number][] {
  const { log } = timing;
  const records = Array.from({ length: log.count }, (_, i) => i);
  const { unitId, layer, startAt, readSignalAt } = log.columns;
  const MAC0 = 4;
  const unit = records.some((i) => unitId[i] === MAC0) ? MAC0 : MAC0 + 1;
  const runs: [number, number, number][] = [];
  for (const i of records) {
    if (unitId[i] !== unit) continue;
    const last = runs.at(-1);
    if (last && last[0] === layer[i]) last[2] = readSignalAt[i];
    else runs.push([layer[i], startAt[i], readSignalAt[i]]);
  }
  return runs;
}
