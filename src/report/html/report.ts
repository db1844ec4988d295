/**
 * The report of a profile: one HTML file with everything in it, which opens without a network and prints well. Documentation: docs/profile.md.
 * Figures are those of the profile; this file only lays them out.
 */
import { macCount } from '../../machine/machine.ts';
import { advise, type WhatIf } from '../advice.ts';
import { CAUSE_TEXTS, CAUSES, TRAFFIC_KINDS, TRAFFIC_TITLES } from '../causes.ts';
import { ENERGY_SOURCES, XC7Z045_ENERGY } from '../energy.ts';
import type { NetworkProfile } from '../network-profile.ts';
import { type ProfileLayer, type ProfilePart, sharesOfHundred, totalBytes } from '../profile.ts';
import { formatBytes, formatCount, formatNumber, formatPercent } from '../table.ts';
import { renderLostArea, renderRoofline, renderShareBar } from './charts.ts';
import { REPORT_SCRIPT } from './script.ts';
import { REPORT_STYLE } from './style.ts';
import { escapeText } from './svg.ts';
import { renderFills, renderMemoryMap, renderRates, timelineData } from './time-charts.ts';
import { buildTimeline } from './timeline.ts';

/** The whole file. @param whatIfs runs on changed machines, for the line of advice */
export function renderReport(network: NetworkProfile, whatIfs: readonly WhatIf[] = []): string {
  const timeline = buildTimeline(network);
  const data = { time: timelineData(network, timeline), tiles: network.layers.map((layer) => layer.tiles.map((tile) => tileCells(tile))) };
  const title = `${network.name} on ${network.machine.name}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeText(title)} · Snowflake profile</title><style>${REPORT_STYLE}</style></head>
<body><main>
${renderHead(network)}
${renderFacts(network)}
<p class="advice"><b>What would make it faster:</b> ${escapeText(advise(network, whatIfs))}.</p>
<h2>Lost cycles</h2>
${causeLegend()}
<div class="chart">${renderLostArea(network)}</div>
<h2>Over time</h2>
<p class="note">Useful MACs, DRAM traffic by kind under the memory’s bandwidth, and the layer that the first compute unit works on.</p>
${legend(TRAFFIC_KINDS.map((kind) => [`k-${kind}`, TRAFFIC_TITLES[kind]]))}
<div class="chart">${renderRates(network, timeline)}</div>
<h2>Buffers and queues</h2>
<p class="note">Share of each buffer that holds data still to be read, and descriptors that wait in the queue of each unit (of ${network.machine.queueDepth} places).</p>
<div class="chart">${renderFills(network, timeline)}</div>
<h2>Memory of compute unit 0</h2>
<p class="note">What lives where, when, in the colour of the layer that wrote it: a buffer’s addresses run downwards.</p>
<div class="chart">${renderMemoryMap(network, timeline)}</div>
<h2>Roofline</h2>
<div class="chart">${renderRoofline(network)}</div>
<h2>Layers</h2>
<p class="note">Cycles and bytes of one run of ${network.frames} frame(s). A head sorts; ▸ shows a layer’s tiles. Lost: the bar’s full width is the largest share that any layer lost.</p>
${renderTable(network)}
${renderEnergy(network)}
</main><div id="tip" role="status"></div><div id="hair"></div>
<script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
<script>${REPORT_SCRIPT}</script></body></html>
`;
}

function renderHead({ name, machine, frames }: NetworkProfile): string {
  const { dram, clockHz } = machine;
  const text = `${machine.name}: ${macCount(machine)} MACs at ${clockHz / 1e6} MHz, DRAM ${dram.bytesPerSecond / 1e9} GB/s, ${frames} frame(s) a run. Cycles, bytes and causes are those of the exact simulator; energy is an estimate.`;
  return `<header><h1>${escapeText(name)}</h1><p>${escapeText(text)}</p><button id="theme" type="button">light / dark</button></header>`;
}

function renderFacts(network: NetworkProfile): string {
  const { figures, machine, cycles, frames, watts, millijoules } = network;
  const peak = machine.dram.bytesPerSecond / 1e9;
  const facts: [string, string][] = [
    [formatNumber(figures.fps, 4), `frames a second (bound ${formatNumber(figures.boundFps, 4)})`],
    [formatPercent(figures.occupancy), 'of the MACs busy'],
    [formatCount(cycles / frames), `cycles a frame, ${formatNumber((1000 * cycles) / frames / machine.clockHz)} ms`],
    [`${formatNumber(figures.gbps)} GB/s`, `DRAM, of ${formatNumber(peak)}`],
    [
      formatBytes(Math.round(figures.dramReadBytes + figures.dramWriteBytes)),
      `a frame (floor ${formatBytes(Math.round(figures.floorBytes))})`,
    ],
    [`${formatNumber(figures.macs / 1e6, 4)} M`, `MACs a frame, ${formatNumber(figures.gops)} G-ops/s`],
    [`${formatNumber(millijoules / frames)} mJ`, `a frame, ${formatNumber(watts)} W: estimate`],
  ];
  return `<div class="facts">${facts.map(([value, what]) => `<div><b>${escapeText(value)}</b><span>${escapeText(what)}</span></div>`).join('')}</div>`;
}

function legend(entries: readonly (readonly [string, string])[]): string {
  return `<div class="legend">${entries.map(([className, text]) => `<span><i class="${className}"></i>${escapeText(text)}</span>`).join('')}</div>`;
}

function causeLegend(): string {
  const meanings = CAUSES.map((cause) => `<dt>${CAUSE_TEXTS[cause].title}</dt><dd>${CAUSE_TEXTS[cause].meaning}</dd>`).join('');
  return `${legend(CAUSES.map((cause) => [`c-${cause}`, CAUSE_TEXTS[cause].title]))}<details><summary>what the causes mean</summary><dl>${meanings}</dl></details>`;
}

/** Titles of the table after name and operation. */
const TITLES = [
  'lanes',
  'M MACs',
  'cycles',
  'time',
  'busy',
  'lost',
  'MAC/B',
  'roof',
  ...TRAFFIC_KINDS.map((kind) => TRAFFIC_TITLES[kind]),
  'est. mJ',
];

function lossTip(part: ProfilePart): string {
  const shares = sharesOfHundred([part.usefulMacs, ...CAUSES.map((cause) => part.lostSlots[cause])]);
  const lines = CAUSES.flatMap((cause, i) => (shares[i + 1] > 0 ? [`${CAUSE_TEXTS[cause].title} ${shares[i + 1].toFixed(1)} %`] : []));
  return [`useful ${shares[0].toFixed(1)} %`, ...lines].join('\n');
}

function renderTable(network: NetworkProfile): string {
  const lostOf = (part: ProfilePart): number => (part.slots > 0 ? 1 - part.occupancy : 0);
  const widest = Math.max(1e-9, ...network.layers.map(lostOf));
  const total = network.layers.reduce((sum, layer) => sum + layer.cycles, 0);
  const number = (value: number, text: string): string =>
    `<td data-v="${Number.isFinite(value) ? Number(value.toPrecision(6)) : 1e12}">${text}</td>`;
  const row = (layer: ProfileLayer, index: number): string => {
    const { name, op, lanesPerOutput, usefulMacs, cycles, dramBytes, roofline, energy } = layer;
    const works = usefulMacs > 0;
    const cells = [
      `<td title="${escapeText(name)}"><button class="open" type="button" aria-expanded="false" aria-label="tiles of ${escapeText(name)}">▸</button>${escapeText(name)}</td>`,
      `<td title="${escapeText(`${op}; ${layer.schedule}`)}">${escapeText(op)}</td>`,
      number(lanesPerOutput, `${lanesPerOutput}`),
      number(usefulMacs, works ? formatNumber(usefulMacs / 1e6) : '–'),
      number(cycles, formatCount(cycles)),
      number(cycles, total > 0 ? formatPercent(cycles / total) : '–'),
      number(layer.occupancy, works ? formatPercent(layer.occupancy) : '–'),
      `<td data-v="${lostOf(layer)}" data-tip="${escapeText(lossTip(layer))}">${renderShareBar(layer, widest)}</td>`,
      number(roofline.macsPerByte, works ? formatNumber(roofline.macsPerByte) : '–'),
      `<td>${works ? roofline.roof : '–'}</td>`,
      ...TRAFFIC_KINDS.map((kind) => number(dramBytes[kind], dramBytes[kind] > 0 ? formatBytes(dramBytes[kind]) : '·')),
      number(energy.total, formatNumber(energy.total)),
    ];
    return `<tr class="layer" id="layer-${index}" data-layer="${index}">${cells.join('')}</tr>`;
  };
  const heads = ['layer', 'what', ...TITLES].map((title) => `<th scope="col"><button type="button">${title}</button></th>`).join('');
  const all = [
    'all',
    '',
    '',
    formatNumber(network.usefulMacs / 1e6),
    formatCount(network.cycles),
    '',
    formatPercent(network.figures.occupancy),
    '',
    formatNumber(network.usefulMacs / totalBytes(network.dramBytes)),
    '',
    ...TRAFFIC_KINDS.map((kind) => formatBytes(network.dramBytes[kind])),
    formatNumber(network.millijoules),
  ];
  return `<div class="table"><table><thead><tr>${heads}</tr></thead><tbody id="layers">${network.layers.map(row).join('')}</tbody><tfoot><tr>${all.map((cell) => `<td>${cell}</td>`).join('')}</tr></tfoot></table></div>`;
}

/** Texts of a tile's row, in the columns of the table. */
function tileCells(tile: ProfilePart): string[] {
  const works = tile.usefulMacs > 0;
  return [
    tile.name,
    lossTip(tile).split('\n').slice(1).join(', '),
    '',
    works ? formatNumber(tile.usefulMacs / 1e6) : '–',
    formatCount(tile.cycles),
    '',
    works && tile.slots > 0 ? formatPercent(tile.occupancy) : '–',
    '',
    works ? formatNumber(tile.roofline.macsPerByte) : '–',
    works ? tile.roofline.roof : '–',
    ...TRAFFIC_KINDS.map((kind) => (tile.dramBytes[kind] > 0 ? formatBytes(tile.dramBytes[kind]) : '·')),
    formatNumber(tile.energy.total),
  ];
}

function renderEnergy({ layers, frames }: NetworkProfile): string {
  const sum = (value: (layer: ProfileLayer) => number): number => layers.reduce((total, layer) => total + value(layer), 0);
  const parts = [
    sum((layer) => layer.energy.macs),
    sum((layer) => layer.energy.buffers),
    sum((layer) => layer.energy.dram),
    sum((layer) => layer.energy.idle),
  ];
  const shares = sharesOfHundred(parts);
  const rows = ENERGY_SOURCES.map(({ coefficient, what, source }, i) => {
    const value = XC7Z045_ENERGY[coefficient];
    const unit = coefficient === 'idleWatts' ? `${value} W` : `${value} pJ`;
    return `<dt>${escapeText(what)}: ${unit}</dt><dd>${formatNumber(parts[i] / frames)} mJ a frame, ${shares[i].toFixed(1)} %. ${escapeText(source)}.</dd>`;
  });
  return `<h2>Energy (an estimate)</h2><p class="note">Counts of the simulator times coefficients from the literature; what the board draws otherwise is calibrated on one published measurement. Not measured on hardware.</p><dl>${rows.join('')}</dl>`;
}
