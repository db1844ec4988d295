/** A profile for the terminal: a line a layer, where its time went in percent, what it moved, the energy estimate. */
import { CAUSE_TEXTS, CAUSES, TRAFFIC_KINDS } from './causes.ts';
import type { NetworkProfile } from './network-profile.ts';
import { type ProfilePart, type SlotAccount, sharesOfHundred } from './profile.ts';
import { type Column, formatBytes, formatCount, formatNumber, formatPercent, renderTable } from './table.ts';

/** Columns of percentages: useful and each cause, which add up to 100.0 in every line. */
function shareCells(account: SlotAccount): string[] {
  const shares = sharesOfHundred([account.usefulMacs, ...CAUSES.map((cause) => account.lostSlots[cause])]);
  return shares.map((share) => (share === 0 ? '·' : share.toFixed(1)));
}

/** One line a layer, or with `tiles` also one a tile; all figures of the whole run. */
export function renderProfile(network: NetworkProfile, options: { readonly tiles?: boolean } = {}): string {
  const columns: Column[] = [
    { title: 'layer', align: 'left' },
    { title: 'lanes' },
    { title: 'cycles' },
    { title: 'useful %' },
    ...CAUSES.map((cause) => ({ title: CAUSE_TEXTS[cause].short })),
    { title: 'weights' },
    { title: 'maps in' },
    { title: 'maps out' },
    { title: 'code' },
    { title: 'MAC/B' },
    { title: 'roof', align: 'left' },
    { title: 'est. mJ' },
  ];
  const measures = (part: Omit<ProfilePart, 'name' | 'occupancy' | 'bufferLines'>): string[] => [
    formatCount(part.cycles),
    ...shareCells(part),
    ...TRAFFIC_KINDS.map((kind) => (part.dramBytes[kind] === 0 ? '·' : formatBytes(part.dramBytes[kind]))),
    part.usefulMacs === 0 ? '·' : formatNumber(part.roofline.macsPerByte),
    part.usefulMacs === 0 ? '' : part.roofline.roof,
    formatNumber(part.energy.total),
  ];
  const rows = network.layers.flatMap((layer) => [
    [layer.name, `${layer.lanesPerOutput}`, ...measures(layer)],
    ...(options.tiles ? layer.tiles.map((tile) => [`  ${tile.name}`, '', ...measures(tile)]) : []),
  ]);
  const { cycles, usefulMacs, lostSlots, dramBytes, millijoules, figures } = network;
  const bytes = figures.dramReadBytes + figures.dramWriteBytes;
  const all = [
    'all',
    '',
    formatCount(cycles),
    ...shareCells({ slots: 0, usefulMacs, lostSlots }),
    ...TRAFFIC_KINDS.map((kind) => formatBytes(dramBytes[kind])),
    formatNumber(figures.macs / bytes),
    '',
    formatNumber(millijoules),
  ];
  return renderTable(columns, [...rows, all]);
}

/** Buffers and queues: means over the run and the fullest queue. */
export function renderFill(network: NetworkProfile): string {
  const { machine } = network;
  const mean = (series: Float64Array): number => series.reduce((sum, value) => sum + value, 0) / Math.max(1, series.length);
  const cells = network.parts.flatMap((part) => {
    const { mapsBytes, weightsBytes, queues } = part.activity;
    const meanOf = (all: readonly Float64Array[]): number => all.reduce((sum, series) => sum + mean(series), 0) / all.length;
    const weightsSize = machine.weightsBytes * machine.vmacsPerCu;
    return [
      ...(network.parts.length > 1 ? [part.name] : []),
      `maps buffers ${formatPercent(meanOf(mapsBytes) / machine.mapsBytes)} live`,
      `weights buffers ${formatPercent(meanOf(weightsBytes) / weightsSize)} live`,
      `fullest queues ${queues.map(({ unit, most }) => `${unit} ${most}`).join(' ')} of ${machine.queueDepth}`,
    ];
  });
  return cells.join('; ');
}

/** What the compiler's cost model expected of a layer and what it took. */
export interface Prediction {
  /** 0 where there is none. */
  readonly predictedCycles: number;
  readonly cycles: number;
}

/** Predicted against simulated cycles of each layer, and the mean error over those that the cost model predicts. */
export function renderPredictions(layers: readonly (Prediction & { readonly name: string })[]): string {
  const columns: Column[] = [{ title: 'layer', align: 'left' }, { title: 'predicted' }, { title: 'simulated' }, { title: 'error' }];
  const cells = layers.map(({ name, predictedCycles: predicted, cycles: simulated }) => [
    name,
    predicted > 0 ? formatCount(predicted) : '–',
    formatCount(simulated),
    predicted > 0 && simulated > 0 ? formatSigned(predicted / simulated - 1) : '–',
  ]);
  const errors = measurePredictionErrors(layers);
  const predicted = layers.reduce((sum, layer) => sum + layer.predictedCycles, 0);
  const simulated = layers.reduce((sum, layer) => sum + layer.cycles, 0);
  const rows = [...cells, ['all', formatCount(predicted), formatCount(simulated), formatSigned(predicted / simulated - 1)]];
  const summary = `mean error over ${errors.count} layers ${formatPercent(errors.mean)}, weighted by cycles ${formatPercent(errors.weighted)}`;
  return `${renderTable(columns, rows)}\n${summary}`;
}

/** Mean of |predicted − simulated| ÷ simulated over the layers that the cost model predicts, plain and weighted by cycles; 0 to 1. */
export function measurePredictionErrors(layers: readonly Prediction[]): {
  readonly count: number;
  readonly mean: number;
  readonly weighted: number;
} {
  const known = layers.filter(({ predictedCycles, cycles }) => predictedCycles > 0 && cycles > 0);
  const simulated = known.reduce((sum, layer) => sum + layer.cycles, 0);
  const off = known.map((layer) => Math.abs(layer.predictedCycles - layer.cycles));
  return {
    count: known.length,
    mean: known.length === 0 ? 0 : off.reduce((sum, cycles, i) => sum + cycles / known[i].cycles, 0) / known.length,
    weighted: simulated === 0 ? 0 : off.reduce((sum, cycles) => sum + cycles, 0) / simulated,
  };
}

function formatSigned(fraction: number): string {
  const text = formatPercent(Math.abs(fraction));
  return text === '0.0 %' ? text : `${fraction > 0 ? '+' : '−'}${text}`;
}
