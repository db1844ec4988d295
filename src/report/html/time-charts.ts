/** Charts of a report over time: MACs, bandwidth, buffers, queues, and what lives where in the buffers of a compute unit. One axis for all. */
import { macCount } from '../../machine/machine.ts';
import type { Residency } from '../../simulator/profile/residency.ts';
import { TRAFFIC_KINDS, TRAFFIC_TITLES } from '../causes.ts';
import type { NetworkProfile } from '../network-profile.ts';
import { peakBytesPerCycle } from '../profile.ts';
import { formatCount, formatNumber, formatPercent } from '../table.ts';
import { CHART_WIDTH, openChart, tooltip } from './charts.ts';
import { at, boxPath, escapeText, niceTicks, stepArea } from './svg.ts';
import type { Timeline } from './timeline.ts';

/** Left edge of the plots: names of rows stand before it. The script's cross-hair knows it too. */
const TIME_LEFT = 84;
const PLOT = CHART_WIDTH - TIME_LEFT;
/** Colours of the memory map; layers take them in turn. */
export const LAYER_COLOURS = 8;

/** Places a cycle on the axis. */
function scaleOf(timeline: Timeline): (cycle: number) => number {
  return (cycle) => TIME_LEFT + (PLOT * cycle) / timeline.cycles;
}

function rowLabel(text: string, y: number): string {
  return `<text class="tick" x="${TIME_LEFT - 6}" y="${at(y)}" text-anchor="end">${escapeText(text)}</text>`;
}

/** What the MACs do and what the memory moves, and the layers below. */
export function renderRates(network: NetworkProfile, timeline: Timeline): string {
  const x = scaleOf(timeline);
  const xs = timeline.edges.map(x);
  const peakMacs = macCount(network.machine);
  const peakBytes = peakBytesPerCycle(network.machine);
  const gigabytes = (bytesPerCycle: number): number => (bytesPerCycle * network.machine.clockHz) / 1e9;
  const macs = { top: 6, bottom: 56 };
  const bytes = { top: 74, bottom: 174 };
  let svg = openChart(226, 'MACs busy and DRAM bandwidth over time', 'class="time"');
  const yMacs = (value: number): number => macs.bottom - ((macs.bottom - macs.top) * value) / peakMacs;
  svg += rowLabel('MACs', macs.top + 10) + rowLabel('100 %', macs.top + 22);
  svg += `<path class="grid" d="M${TIME_LEFT} ${macs.top}H${CHART_WIDTH}M${TIME_LEFT} ${macs.bottom}H${CHART_WIDTH}"/>`;
  svg += `<path class="useful" d="${stepArea(
    xs,
    timeline.macsPerCycle.map((v) => yMacs(Math.min(v, peakMacs))),
    timeline.macsPerCycle.map(() => macs.bottom),
  )}"/>`;

  const yBytes = (value: number): number => bytes.bottom - ((bytes.bottom - bytes.top) * value) / peakBytes;
  svg += rowLabel('GB/s', bytes.top - 5);
  for (const tick of niceTicks(gigabytes(peakBytes), 4)) {
    const y = yBytes((tick * 1e9) / network.machine.clockHz);
    svg += `<path class="grid" d="M${TIME_LEFT} ${at(y)}H${CHART_WIDTH}"/>${rowLabel(formatNumber(tick, 2), y + 4)}`;
  }
  svg += `<path class="roof" d="M${TIME_LEFT} ${bytes.top}H${CHART_WIDTH}"/><text class="axis" x="${CHART_WIDTH}" y="${bytes.top - 5}" text-anchor="end">${formatNumber(gigabytes(peakBytes))} GB/s</text>`;
  let base = xs.slice(1).map(() => 0);
  for (const kind of TRAFFIC_KINDS) {
    const next = base.map((below, i) => below + timeline.bytesPerCycle[kind][i]);
    if (next.some((value, i) => value > base[i]))
      svg += `<path class="k-${kind}" d="${stepArea(xs, next.map(yBytes), base.map(yBytes))}"/>`;
    base = next;
  }
  svg += renderWork(network, timeline, 182);
  const ms = (1000 * timeline.cycles) / network.machine.clockHz;
  for (const tick of niceTicks(ms, 8)) {
    svg += `<text class="tick" x="${at(x((tick / ms) * timeline.cycles))}" y="214" text-anchor="middle">${formatNumber(tick, 2)}${tick === 0 ? ' ms' : ''}</text>`;
  }
  return `${svg}</svg>`;
}

/** The strip that says which layer the first MAC unit works on. */
function renderWork(network: NetworkProfile, timeline: Timeline, y: number): string {
  const x = scaleOf(timeline);
  let svg = rowLabel('layer', y + 11);
  for (const [layer, from, to] of timeline.work) {
    const width = x(to) - x(from);
    const info = network.layers[layer];
    if (width < 0.3 || info === undefined) continue;
    const tip = tooltip(info.name, info.op, `cycles ${formatCount(from)} to ${formatCount(to)}`);
    svg += `<a href="#layer-${layer}"><path class="l${layer % LAYER_COLOURS}" ${tip} d="${boxPath(x(from), y, width, 14)}"/>`;
    if (width > 7 * info.name.length + 6)
      svg += `<text class="name on" x="${at((x(from) + x(to)) / 2)}" y="${y + 11}" text-anchor="middle">${escapeText(info.name)}</text>`;
    svg += '</a>';
  }
  return svg;
}

/** Live share of each buffer and fill of each queue: a low chart a row. */
export function renderFills(network: NetworkProfile, timeline: Timeline): string {
  const xs = timeline.edges.map(scaleOf(timeline));
  const { machine } = network;
  const rows = [
    ...timeline.maps.map((values, cu) => ({ name: `maps ${cu}`, className: 'k-mapsIn', values, limit: 1 })),
    ...timeline.weights.map((values, cu) => ({ name: `weights ${cu}`, className: 'k-weights', values, limit: 1 })),
    ...timeline.queues.map(({ unit, fill }) => ({ name: `${unit} queue`, className: 'queue', values: fill, limit: machine.queueDepth })),
  ];
  const rowHeight = 19;
  let svg = openChart(rows.length * rowHeight + 4, 'Fill of buffers and queues over time', 'class="time"');
  for (const [i, { name, className, values, limit }] of rows.entries()) {
    const bottom = (i + 1) * rowHeight;
    const y = (value: number): number => bottom - ((rowHeight - 3) * Math.min(value, limit)) / limit;
    const mean = values.reduce((sum, value, bin) => sum + value * (timeline.edges[bin + 1] - timeline.edges[bin]), 0) / timeline.cycles;
    const text = limit === 1 ? `mean ${formatPercent(mean)} live` : `mean ${formatNumber(mean)} of ${limit} places`;
    svg += rowLabel(name, bottom - 4);
    svg += `<path class="track" ${tooltip(name, text)} d="${boxPath(TIME_LEFT, bottom - rowHeight + 3, PLOT, rowHeight - 3)}"/>`;
    svg += `<path class="${className} through" d="${stepArea(
      xs,
      values.map(y),
      values.map(() => bottom),
    )}"/>`;
  }
  return `${svg}</svg>`;
}

/** Time across, addresses down: what lives where in the maps and weights buffers of compute unit 0, in the colour of the layer that wrote it. */
export function renderMemoryMap(network: NetworkProfile, timeline: Timeline): string {
  const x = scaleOf(timeline);
  const { machine } = network;
  const granules = { maps: machine.mapsBytes / 128, weights: machine.weightsBytes / 32 };
  const areas = { maps: { top: 4, height: 150 }, weights: { top: 162, height: 110 } };
  let svg = openChart(300, 'What lives where in the buffers of compute unit 0 over time', 'class="time"');
  for (const kind of ['maps', 'weights'] as const) {
    const { top, height } = areas[kind];
    svg +=
      rowLabel(kind, top + 10) +
      rowLabel(`${formatNumber((kind === 'maps' ? machine.mapsBytes : machine.weightsBytes * machine.vmacsPerCu) / 1024)} KiB`, top + 22);
    svg += `<path class="track" d="${boxPath(TIME_LEFT, top, PLOT, height)}"/>`;
    const paths: string[] = Array.from({ length: LAYER_COLOURS }, () => '');
    let offset = 0;
    let layerOffset = 0;
    for (const part of network.parts) {
      const lives: Residency = part.timing.residency[kind];
      for (let i = 0; i < lives.count; i++) {
        if (lives.cu[i] !== 0) continue;
        const from = x(offset + lives.from[i]);
        const width = x(offset + lives.to[i]) - from;
        const y = top + (height * lives.granule[i]) / granules[kind];
        const tall = (height * lives.granules[i]) / granules[kind];
        if (width * tall < 0.04) continue;
        paths[(layerOffset + lives.layer[i]) % LAYER_COLOURS] += boxPath(from, y, width, tall);
      }
      offset += part.timing.cycles;
      layerOffset += part.layers.length;
    }
    for (const [colour, d] of paths.entries()) if (d !== '') svg += `<path class="l${colour} life" d="${d}"/>`;
  }
  return `${svg}${renderWork(network, timeline, 280)}</svg>`;
}

/** What the cross-hair tells: arrays by bin, for the script. */
export function timelineData(network: NetworkProfile, timeline: Timeline): object {
  const round = (values: readonly number[], digits: number): number[] => values.map((value) => Number(value.toFixed(digits)));
  const gigabytes = network.machine.clockHz / 1e9;
  const work = timeline.work.filter(([, from, to]) => to - from > timeline.cycles / 4000);
  return {
    left: TIME_LEFT / CHART_WIDTH,
    cycles: timeline.cycles,
    clockHz: network.machine.clockHz,
    edges: timeline.edges,
    macs: round(
      timeline.macsPerCycle.map((value) => value / macCount(network.machine)),
      3,
    ),
    traffic: TRAFFIC_KINDS.map((kind) => [
      TRAFFIC_TITLES[kind],
      round(
        timeline.bytesPerCycle[kind].map((value) => value * gigabytes),
        2,
      ),
    ]),
    layers: network.layers.map((layer) => layer.name),
    work,
  };
}
