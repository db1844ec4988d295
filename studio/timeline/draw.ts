/**
 * Draws the timeline on a canvas. Slices narrower than a few pixels are binned: each pixel column gets the layer that covers it most, as dark as it is
 * covered, and a row of columns is one picture, so that 300,000 slices cost a pass over numbers and a dozen pictures.
 */
import { inkOn, layerColour } from '../parts/colours.ts';
import { firstAfter, type Overview, type Row } from './rows.ts';

export interface Look {
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly ground: string;
  readonly panel: string;
  readonly accent: string;
}

export interface Viewport {
  readonly from: number;
  readonly to: number;
  /** Pixels of the time axis, and where it begins. */
  readonly left: number;
  readonly width: number;
}

export interface SliceStyle {
  readonly selectedDescriptor: number;
  readonly selectedLayer: number;
  /** Of labels on what is dimmed. */
  readonly ink: string;
  readonly label: (row: Row, index: number) => string;
  /** Colour of the cause for which a slice waited longest; undefined for none. */
  readonly waitColour: (descriptor: number) => string | undefined;
}

/** Coverage of pixel columns, reused from frame to frame. */
const covered = new Float32Array(8192);
const owner = new Int32Array(8192);
const share = new Float32Array(8192);
/** Slices of the row that are wide enough to be drawn as themselves. */
const wide = new Int32Array(8192);
let wideCount = 0;

const LEAST_LABEL = 34;
/** Pixels from which a slice is drawn as itself. */
const LEAST_WIDTH = 4;
/** A pixel with anything in it is at least so dark. */
const LEAST_SHADE = 0.18;

export function drawRow(ctx: CanvasRenderingContext2D, row: Row, y: number, height: number, view: Viewport, style: SliceStyle): void {
  const scale = view.width / (view.to - view.from);
  const columns = Math.min(covered.length, Math.ceil(view.width));
  const first = firstAfter(row, view.from);
  const { from, to, layer } = row;
  covered.fill(0, 0, columns);
  share.fill(0, 0, columns);
  const bar = row.kind === 'unit' ? height - 4 : height;
  ctx.font = '11px system-ui, sans-serif';
  ctx.textBaseline = 'middle';
  // From afar, where a pixel holds several bins of the overview, those stand for the slices.
  const { overview } = row;
  wideCount = 0;
  const afar = overview !== undefined && overview.binCycles * scale < 0.5;
  if (afar) binOverview(overview, view, scale, columns);
  for (let i = first; !afar && i < from.length && from[i] < view.to; i++) {
    const x0 = (from[i] - view.from) * scale;
    const x1 = (to[i] - view.from) * scale;
    if (x1 - x0 < LEAST_WIDTH) {
      cover(layer[i], Math.max(0, x0), Math.max(x1, x0 + 0.02), columns);
      continue;
    }
    if (wideCount < wide.length) wide[wideCount++] = i;
  }
  drawBins(ctx, columns, view.left, y, bar, style.selectedLayer);
  drawSlices(ctx, row, y, bar, view, scale, style);
  if (row.kind === 'unit' && style.selectedDescriptor >= 0) markSelected(ctx, row, y, bar, view, scale, style.selectedDescriptor);
}

/** Adds a narrow slice to the columns that it touches. */
function cover(layer: number, x0: number, x1: number, columns: number): void {
  const last = Math.min(columns - 1, Math.floor(x1));
  for (let column = Math.floor(x0); column <= last; column++) {
    const part = Math.min(x1, column + 1) - Math.max(x0, column);
    covered[column] += part;
    if (part > share[column] || layer === owner[column]) {
      share[column] = layer === owner[column] && share[column] > 0 ? share[column] + part : part;
      owner[column] = layer;
    }
  }
}

function binOverview({ binCycles, covered: bins, layer }: Overview, view: Viewport, scale: number, columns: number): void {
  const last = Math.min(bins.length - 1, Math.floor(view.to / binCycles));
  const weight = binCycles * scale;
  for (let bin = Math.max(0, Math.floor(view.from / binCycles)); bin <= last; bin++) {
    const part = bins[bin] * weight;
    const column = Math.floor((bin * binCycles - view.from) * scale);
    if (part === 0 || column < 0 || column >= columns) continue;
    covered[column] += part;
    if (part >= share[column]) {
      share[column] = part;
      owner[column] = layer[bin];
    }
  }
}

/** Slices drawn as themselves: bars, then waits, then labels, so that the canvas changes colour as seldom as it can. */
function drawSlices(
  ctx: CanvasRenderingContext2D,
  row: Row,
  y: number,
  height: number,
  view: Viewport,
  scale: number,
  style: SliceStyle,
): void {
  const { from, to, layer, waitFrom, descriptor } = row;
  const x0Of = (i: number): number => Math.max(0, (from[i] - view.from) * scale);
  const x1Of = (i: number): number => Math.min(view.width, (to[i] - view.from) * scale);
  let last = -2;
  for (let k = 0; k < wideCount; k++) {
    const i = wide[k];
    if (layer[i] !== last) {
      last = layer[i];
      ctx.fillStyle = layerColour(last);
      ctx.globalAlpha = style.selectedLayer >= 0 && last !== style.selectedLayer ? 0.5 : 1;
    }
    const x0 = x0Of(i);
    ctx.fillRect(view.left + x0, y, Math.max(0.5, x1Of(i) - x0 - 1), height);
  }
  ctx.globalAlpha = 1;
  if (row.kind === 'unit') {
    // The wait before a slice, by its cause, on the track below.
    let colour: string | undefined;
    for (let k = 0; k < wideCount; k++) {
      const i = wide[k];
      const wait = (from[i] - waitFrom[i]) * scale;
      const cause = wait >= 1 ? style.waitColour(descriptor[i]) : undefined;
      if (cause === undefined) continue;
      if (cause !== colour) ctx.fillStyle = colour = cause;
      const x0 = x0Of(i);
      ctx.fillRect(view.left + Math.max(0, x0 - wait), y + height + 1, Math.min(wait, x0), 3);
    }
  }
  for (let k = 0; k < wideCount; k++) {
    const i = wide[k];
    const x0 = x0Of(i);
    const width = x1Of(i) - x0 - 1;
    if (width <= LEAST_LABEL) continue;
    const dimmed = style.selectedLayer >= 0 && layer[i] !== style.selectedLayer;
    ctx.fillStyle = dimmed ? style.ink : inkOn(layerColour(layer[i]));
    ctx.save();
    ctx.beginPath();
    ctx.rect(view.left + x0, y, width - 4, height);
    ctx.clip();
    ctx.fillText(style.label(row, i), view.left + x0 + 4, y + height / 2 + 0.5);
    ctx.restore();
  }
}

/** One row of pixels, stretched to the row's height: a picture costs less than a rectangle for each column. */
let strip:
  | {
      readonly canvas: OffscreenCanvas;
      readonly context: OffscreenCanvasRenderingContext2D;
      readonly image: ImageData;
      readonly pixels: Uint32Array;
    }
  | undefined;

function stripOf(columns: number): NonNullable<typeof strip> {
  if (strip?.image.width === columns) return strip;
  const canvas = new OffscreenCanvas(columns, 1);
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(columns, 1);
  strip = { canvas, context, image, pixels: new Uint32Array(image.data.buffer) };
  return strip;
}

/** Colours of the layers as 0x00bbggrr. */
const packed: number[] = [];

function packedColour(layer: number): number {
  if (packed[layer] === undefined) {
    const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(layerColour(layer).slice(at, at + 2), 16));
    packed[layer] = (b << 16) | (g << 8) | r;
  }
  return packed[layer];
}

function drawBins(ctx: CanvasRenderingContext2D, columns: number, left: number, y: number, height: number, selected: number): void {
  const { canvas, context, image, pixels } = stripOf(columns);
  let any = false;
  for (let column = 0; column < columns; column++) {
    const shade = Math.min(1, covered[column]);
    if (shade === 0) {
      pixels[column] = 0;
      continue;
    }
    any = true;
    const alpha = Math.round(255 * Math.max(LEAST_SHADE, shade) * (selected >= 0 && owner[column] !== selected ? 0.5 : 1));
    pixels[column] = ((alpha << 24) | packedColour(owner[column])) >>> 0;
  }
  if (!any) return;
  context.putImageData(image, 0, 0);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(canvas, 0, 0, columns, 1, left, y, columns, height);
}

function markSelected(
  ctx: CanvasRenderingContext2D,
  row: Row,
  y: number,
  height: number,
  view: Viewport,
  scale: number,
  selected: number,
): void {
  const i = row.descriptor.indexOf(selected);
  if (i < 0 || row.to[i] < view.from || row.from[i] > view.to) return;
  const x0 = Math.max(0, (row.from[i] - view.from) * scale);
  const x1 = Math.min(view.width, Math.max(x0 + 3, (row.to[i] - view.from) * scale));
  ctx.strokeStyle = '#000';
  ctx.lineWidth = 3;
  ctx.strokeRect(view.left + x0 - 0.5, y - 0.5, x1 - x0 + 1, height + 1);
  ctx.strokeStyle = '#fff';
  ctx.lineWidth = 1.5;
  ctx.strokeRect(view.left + x0 - 0.5, y - 0.5, x1 - x0 + 1, height + 1);
}

/** Round steps for an axis: 1, 2 or 5 times a power of ten. */
function axisStep(span: number, most: number): number {
  const raw = span / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  for (const factor of [1, 2, 5, 10]) if (factor * power >= raw) return Math.max(1, factor * power);
  return Math.max(1, 10 * power);
}

export function drawAxis(ctx: CanvasRenderingContext2D, view: Viewport, height: number, full: number, look: Look): void {
  const step = axisStep(view.to - view.from, view.width / 110);
  const scale = view.width / (view.to - view.from);
  ctx.fillStyle = look.muted;
  ctx.strokeStyle = look.line;
  ctx.lineWidth = 1;
  ctx.font = '11px system-ui, sans-serif';
  ctx.textBaseline = 'middle';
  ctx.beginPath();
  for (let cycle = Math.ceil(view.from / step) * step; cycle <= view.to; cycle += step) {
    const x = Math.round(view.left + (cycle - view.from) * scale) + 0.5;
    ctx.moveTo(x, height - 5);
    ctx.lineTo(x, full);
    ctx.fillText(cycle.toLocaleString('en'), x + 3, height / 2);
  }
  ctx.stroke();
}
