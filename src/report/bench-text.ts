/** The measurements as text: one line a network beside the published figures, one line a layer, and where the lost cycles went. */
import type { LostCause } from '../simulator/timing/result.ts';
import { CAUSE_TEXTS, CAUSES } from './causes.ts';
import type { LayerReport, NetworkFigures } from './network-report.ts';
import { formatBytes, formatCount, formatDecibels, formatNumber, formatPercent, renderTable } from './table.ts';

/** Published figures beside the measured ones. */
export interface PublishedFigures {
  readonly fps?: number;
  readonly gbps?: number;
  /** Occupancy of each convolution in order, 0 to 1. */
  readonly layerOccupancies?: readonly number[];
  readonly source: string;
}

/** One measured network: a row of the table. */
export interface BenchRow extends NetworkFigures {
  readonly network: string;
  readonly scope: string;
  readonly batch: number;
  readonly bitExact: boolean;
  /** Infinity when equal; null where it was not measured. */
  readonly sqnrDb: number | null;
  readonly paper?: PublishedFigures;
}

/** One line a network. */
export function renderNetworks(rows: readonly BenchRow[]): string {
  return renderTable(
    [
      { title: 'network', align: 'left' },
      { title: 'scope', align: 'left' },
      { title: 'batch' },
      { title: 'FPS' },
      { title: 'paper' },
      { title: 'bound' },
      { title: 'occupancy' },
      { title: 'G-ops/s' },
      { title: 'GB/s' },
      { title: 'paper' },
      { title: 'DRAM/frame' },
      { title: 'floor' },
      { title: 'bits' },
      { title: 'SQNR dB' },
    ],
    rows.map((r) => [
      r.network,
      r.scope,
      `${r.batch}`,
      formatNumber(r.fps, 4),
      r.paper?.fps === undefined ? '–' : `${r.paper.fps}`,
      formatNumber(r.boundFps, 4),
      formatPercent(r.occupancy),
      formatNumber(r.gops),
      formatNumber(r.gbps),
      r.paper?.gbps === undefined ? '–' : `${r.paper.gbps}`,
      formatBytes(r.dramReadBytes + r.dramWriteBytes),
      formatBytes(r.floorBytes),
      r.bitExact ? 'exact' : 'DIFFER',
      r.sqnrDb === null ? '–' : formatDecibels(r.sqnrDb),
    ]),
  );
}

/** One line a layer: work, time, traffic. Published occupancies stand beside the convolutions in their order. */
export function renderLayers(row: BenchRow): string {
  const published = [...(row.paper?.layerOccupancies ?? [])];
  const hasPublished = published.length > 0;
  const cells = row.layers.map((layer) => [
    layer.name,
    layer.op,
    `${layer.lanesPerOutput}`,
    formatNumber(layer.macs / 1e6),
    formatCount(layer.cycles),
    layer.macs > 0 ? formatPercent(layer.occupancy) : '–',
    ...(hasPublished ? [layer.op.startsWith('conv') ? formatPercent(published.shift() ?? Number.NaN) : '–'] : []),
    layer.boundBy,
    formatBytes(Math.round(layer.dramReadBytes)),
    formatBytes(Math.round(layer.dramWriteBytes)),
  ]);
  return renderTable(
    [
      { title: 'layer', align: 'left' },
      { title: 'what', align: 'left' },
      { title: 'lanes' },
      { title: 'M MACs' },
      { title: 'cycles' },
      { title: 'occupancy' },
      ...(hasPublished ? [{ title: 'paper' }] : []),
      { title: 'bound by', align: 'left' as const },
      { title: 'read' },
      { title: 'written' },
    ],
    cells,
  );
}

/** Lost cycles a frame, by layer and cause, and their share of the network's cycles. */
export function renderLostCycles(row: BenchRow): string {
  const sumOf = (cause: LostCause): number => row.layers.reduce((sum, layer) => sum + layer.lost[cause], 0);
  const lostOf = (layer: LayerReport): number => CAUSES.reduce((sum, cause) => sum + layer.lost[cause], 0);
  const total = CAUSES.reduce((sum, cause) => sum + sumOf(cause), 0);
  return renderTable(
    [{ title: 'lost cycles', align: 'left' }, ...CAUSES.map((cause) => ({ title: CAUSE_TEXTS[cause].short })), { title: 'all' }],
    [
      ...row.layers.map((layer) => [layer.name, ...CAUSES.map((cause) => formatCount(layer.lost[cause])), formatCount(lostOf(layer))]),
      ['all', ...CAUSES.map((cause) => formatCount(sumOf(cause))), formatCount(total)],
      ['of the time', ...CAUSES.map((cause) => formatPercent(sumOf(cause) / row.cycles)), formatPercent(total / row.cycles)],
    ],
  );
}
