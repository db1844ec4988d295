/** Colours of causes and layers: Okabe and Ito's set, which colour-blind people can tell apart; what they mean is always written too. */
import type { LostCause } from '../../src/browser.ts';

/** As in the report that `snowflake profile --html` writes. */
export const CAUSE_COLOURS: Readonly<Record<LostCause, string>> = {
  maps: '#0072b2',
  weights: '#56b4e9',
  store: '#cc79a7',
  dependency: '#e69f00',
  dispatch: '#b5a200',
  partialLanes: '#8a8f98',
  imbalance: '#009e73',
  drain: '#6b4c9a',
};
/** Pale: what is lost stands out. */
export const USEFUL_COLOUR = '#a9b8c6';

const LAYER_COLOURS = ['#4477aa', '#cc6677', '#117733', '#ddcc77', '#88ccee', '#882255', '#44aa99', '#999933', '#aa4499', '#6699cc'];

/** Neighbouring layers differ in hue and lightness. */
export function layerColour(layer: number): string {
  return layer < 0 ? '#8a8f98' : LAYER_COLOURS[layer % LAYER_COLOURS.length];
}

/** Black or white, whichever reads better on the colour. */
export function inkOn(colour: string): string {
  const [r, g, b] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.22 ? '#101418' : '#ffffff';
}

/** A scale from good (dark blue) over pale to bad (orange), 0 to 1; readable without red and green. */
export function heatColour(badness: number): string {
  const stops = [
    [47, 111, 181],
    [158, 196, 230],
    [247, 217, 160],
    [213, 94, 0],
  ];
  const at = Math.min(0.9999, Math.max(0, badness)) * (stops.length - 1);
  const i = Math.floor(at);
  const mix = stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (at - i)));
  return `#${mix.map((c) => c.toString(16).padStart(2, '0')).join('')}`;
}
