/** Charts of a report that have layers on their axes: lost cycles as areas, stacked bars, the roofline. Static SVG; colours by class (style.ts). */
import { macCount } from '../../machine/machine.ts';
import { CAUSE_TEXTS, CAUSES } from '../causes.ts';
import type { NetworkProfile } from '../network-profile.ts';
import { type ProfileLayer, peakBytesPerCycle, type SlotAccount } from '../profile.ts';
import { ridgeMacsPerByte } from '../roofline.ts';
import { formatCount, formatNumber, formatPercent } from '../table.ts';
import { at, boxPath, decades, escapeText, niceTicks } from './svg.ts';

/** Width of every chart in its own units; the page scales it. */
export const CHART_WIDTH = 1120;
const LEFT = 46;
const PLOT = CHART_WIDTH - LEFT;

/** Opening tag of a chart. @param label what it shows, for those who don't see it */
export function openChart(height: number, label: string, attributes = ''): string {
  return `<svg viewBox="0 0 ${CHART_WIDTH} ${height}" role="img" aria-label="${escapeText(label)}" ${attributes}>`;
}

/** Lines of a tooltip as the script shows them. */
export function tooltip(...lines: readonly string[]): string {
  return `data-tip="${escapeText(lines.join('\n'))}"`;
}

function lostSlots(account: SlotAccount): number {
  return CAUSES.reduce((sum, cause) => sum + account.lostSlots[cause], 0);
}

/** One column a layer, as wide as its time, as high as the share that it lost: each area is a number of lost cycles. */
export function renderLostArea(network: NetworkProfile): string {
  const { layers, machine } = network;
  const macs = macCount(machine);
  const [top, bottom] = [8, 168];
  const total = layers.reduce((sum, layer) => sum + layer.slots, 0);
  const highest = Math.max(0.001, ...layers.map((layer) => (layer.slots > 0 ? lostSlots(layer) / layer.slots : 0)));
  const ticks = niceTicks(highest, 4);
  const end = Math.max(ticks.at(-1)!, highest);
  const y = (share: number): number => bottom - ((bottom - top) * share) / end;
  let svg = openChart(206, 'Lost cycles: one column for each layer, width its time, height the share lost, by cause');
  for (const tick of ticks) {
    svg += `<path class="grid" d="M${LEFT} ${at(y(tick))}H${CHART_WIDTH}"/><text class="tick" x="${LEFT - 6}" y="${at(y(tick) + 4)}" text-anchor="end">${formatPercent(tick)}</text>`;
  }
  let x = LEFT;
  for (const [index, layer] of layers.entries()) {
    const width = (PLOT * layer.slots) / total;
    if (width === 0) continue;
    let base = 0;
    for (const cause of CAUSES) {
      const share = layer.lostSlots[cause] / layer.slots;
      if (share === 0) continue;
      const tip = tooltip(
        layer.name,
        `${CAUSE_TEXTS[cause].title}: ${formatCount(layer.lostSlots[cause] / macs)} cycles, ${formatPercent(share)} of the layer`,
        CAUSE_TEXTS[cause].meaning,
      );
      svg += `<path class="c-${cause}" ${tip} d="${boxPath(x, y(base + share), Math.max(0.6, width - 0.6), y(base) - y(base + share))}"/>`;
      base += share;
    }
    svg += `<a href="#layer-${index}"><path class="band${index % 2}" ${layerTip(layer)} d="${boxPath(x, bottom, width, 14)}"/>`;
    if (width > 7 * layer.name.length + 6) {
      svg += `<text class="name" x="${at(x + width / 2)}" y="${bottom + 11}" text-anchor="middle">${escapeText(layer.name)}</text>`;
    }
    svg += '</a>';
    x += width;
  }
  return `${svg}<text class="axis" x="${CHART_WIDTH}" y="${bottom + 32}" text-anchor="end">width: cycles of each layer, ${formatCount(network.cycles)} in all → an area is a number of lost cycles</text></svg>`;
}

function layerTip(layer: ProfileLayer): string {
  return tooltip(
    layer.name,
    layer.op,
    `${formatCount(layer.cycles)} cycles, ${layer.usefulMacs > 0 ? `${formatPercent(layer.occupancy)} of the MACs busy` : 'no MACs'}`,
    layer.schedule,
  );
}

/** A bar of the time of one part: useful in a calm colour, then the causes; drawn to the whole width. */
export function renderShareBar(account: SlotAccount, scale: number): string {
  const width = 100;
  if (account.slots === 0) return '';
  let svg = `<svg class="bar" viewBox="0 0 ${width} 10" preserveAspectRatio="none" aria-hidden="true">`;
  let x = 0;
  for (const cause of CAUSES) {
    const share = account.lostSlots[cause] / account.slots / scale;
    if (share <= 0) continue;
    svg += `<path class="c-${cause}" d="${boxPath(x * width, 0, share * width, 10)}"/>`;
    x += share;
  }
  return `${svg}</svg>`;
}

/** MACs a DRAM byte against MACs a cycle, both logarithmic; a dot a layer, its area the layer's time. */
export function renderRoofline(network: NetworkProfile): string {
  const { machine } = network;
  const layers = network.layers.filter((layer) => layer.usefulMacs > 0);
  if (layers.length === 0) return '';
  const peak = macCount(machine);
  const slope = peakBytesPerCycle(machine);
  const height = 260;
  const [top, bottom] = [22, height - 38];
  const finite = layers.map((layer) => layer.roofline.macsPerByte).filter(Number.isFinite);
  const xs = decades(Math.min(1, ridgeMacsPerByte(machine), ...finite), Math.max(100, 2 * ridgeMacsPerByte(machine), ...finite));
  const reached = layers.map((layer) => layer.roofline.reachedMacsPerCycle).filter((value) => value > 0);
  const low = Math.min(peak / 6, ...reached.map((value) => value / 1.5));
  const x = (intensity: number): number => LEFT + (PLOT * Math.log(Math.min(intensity, xs.at(-1)!) / xs[0])) / Math.log(xs.at(-1)! / xs[0]);
  const y = (rate: number): number => bottom - ((bottom - top) * Math.log(rate / low)) / Math.log((peak * 1.25) / low);
  let svg = openChart(height, 'Roofline: MACs for each DRAM byte against MACs a cycle');
  for (const tick of xs) {
    svg += `<path class="grid" d="M${at(x(tick))} ${top}V${bottom}"/><text class="tick" x="${at(x(tick))}" y="${bottom + 15}" text-anchor="${tick === xs.at(-1) ? 'end' : 'middle'}">${formatNumber(tick, 1)}</text>`;
  }
  for (let rate = peak; rate > low; rate /= 2) {
    svg += `<path class="grid" d="M${LEFT} ${at(y(rate))}H${CHART_WIDTH}"/><text class="tick" x="${LEFT - 6}" y="${at(y(rate) + 4)}" text-anchor="end">${formatNumber(rate, 2)}</text>`;
  }
  const ridge = ridgeMacsPerByte(machine);
  const start = Math.max(xs[0], low / slope);
  svg += `<path class="roof" d="M${at(x(start))} ${at(y(start * slope))}L${at(x(ridge))} ${at(y(peak))}H${CHART_WIDTH}"/>`;
  svg += `<text class="axis" x="${CHART_WIDTH}" y="${at(y(peak) - 7)}" text-anchor="end">${peak} MACs a cycle</text>`;
  svg += `<text class="axis" x="${at(x(ridge) - 10)}" y="${at(y(peak) - 7)}" text-anchor="end">${formatNumber(slope)} DRAM bytes a cycle ↗</text>`;
  const largest = Math.max(...layers.map((layer) => layer.cycles));
  for (const [index, layer] of network.layers.entries()) {
    if (layer.usefulMacs === 0 || layer.cycles === 0) continue;
    const { macsPerByte, reachedMacsPerCycle, attainableMacsPerCycle, roof } = layer.roofline;
    const radius = 3 + 9 * Math.sqrt(layer.cycles / largest);
    const tip = tooltip(
      layer.name,
      `${formatNumber(macsPerByte)} MACs a byte, under the roof of the ${roof === 'memory' ? 'memory' : 'MACs'}`,
      `${formatNumber(reachedMacsPerCycle)} of ${formatNumber(attainableMacsPerCycle)} attainable MACs a cycle (${formatPercent(reachedMacsPerCycle / attainableMacsPerCycle)})`,
    );
    svg += `<a href="#layer-${index}"><circle class="dot ${roof}" ${tip} cx="${at(x(macsPerByte))}" cy="${at(y(reachedMacsPerCycle))}" r="${at(radius)}"/></a>`;
  }
  return `${svg}<text class="axis" x="${CHART_WIDTH}" y="${height - 6}" text-anchor="end">MACs for each DRAM byte → · area of a dot: cycles</text></svg>`;
}
