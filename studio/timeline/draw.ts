/**
 * Draws the timeline on a canvas. Slices narrower than a pixel are binned: each pixel column gets the layer that covers it most, as dark as it is covered,
 * and neighbouring columns of one look are drawn together, so that 300,000 slices cost a pass over numbers and a few thousand rectangles.
 */
import { inkOn, layerColour } from '../parts/colours.ts';
import { firstAfter, type Row } from './rows.ts';

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
  readonly label: (row: Row, index: number) => string;
  /** Colour of the cause for which a slice waited longest; undefined for none. */
  readonly waitColour: (descriptor: number) => string | undefined;
}

/** Coverage of pixel columns, reused from frame to frame. */
const covered = new Float32Array(8192);
const owner = new Int32Array(8192);
const share = new Float32Array(8192);

const LEAST_LABEL = 34;
/** Looks of a partly covered pixel. */
const SHADES = 6;

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
  for (let i = first; i < from.length && from[i] < view.to; i++) {
    const x0 = (from[i] - view.from) * scale;
    const x1 = (to[i] - view.from) * scale;
    if (x1 - x0 < 1.5) {
      const column = Math.max(0, Math.floor(x0));
      if (column >= columns) continue;
      const part = Math.max(x1 - x0, 0.02);
      covered[column] += part;
      if (part > share[column] || layer[i] === owner[column]) {
        share[column] = layer[i] === owner[column] && share[column] > 0 ? share[column] + part : part;
        owner[column] = layer[i];
      }
      continue;
    }
    drawSlice(ctx, row, i, Math.max(0, x0), Math.min(view.width, x1), view.left, y, bar, style, scale);
  }
  drawBins(ctx, columns, view.left, y, bar, style.selectedLayer);
  if (row.kind === 'unit' && style.selectedDescriptor >= 0) markSelected(ctx, row, y, bar, view, scale, style.selectedDescriptor);
}

function drawSlice(
  ctx: CanvasRenderingContext2D,
  row: Row,
  i: number,
  x0: number,
  x1: number,
  left: number,
  y: number,
  height: number,
  style: SliceStyle,
  scale: number,
): void {
  const colour = layerColour(row.layer[i]);
  ctx.globalAlpha = style.selectedLayer >= 0 && row.layer[i] !== style.selectedLayer ? 0.5 : 1;
  ctx.fillStyle = colour;
  const width = Math.max(0.5, x1 - x0 - (x1 - x0 > 3 ? 1 : 0));
  ctx.fillRect(left + x0, y, width, height);
  if (row.kind === 'unit') {
    // The wait before it, by its cause, on the track below.
    const wait = (row.from[i] - row.waitFrom[i]) * scale;
    const cause = wait >= 1 ? style.waitColour(row.descriptor[i]) : undefined;
    if (cause) {
      ctx.fillStyle = cause;
      ctx.fillRect(left + Math.max(0, x0 - wait), y + height + 1, Math.min(wait, x0), 3);
    }
  }
  if (width > LEAST_LABEL) {
    ctx.fillStyle = inkOn(colour);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left + x0, y, width - 4, height);
    ctx.clip();
    ctx.fillText(style.label(row, i), left + x0 + 4, y + height / 2 + 0.5);
    ctx.restore();
  }
  ctx.globalAlpha = 1;
}

function drawBins(ctx: CanvasRenderingContext2D, columns: number, left: number, y: number, height: number, selected: number): void {
  let start = 0;
  let look = -1;
  for (let column = 0; column <= columns; column++) {
    const shade = column < columns && covered[column] > 0 ? Math.max(1, Math.round(Math.min(1, covered[column]) * SHADES)) : 0;
    const next = shade === 0 ? -1 : owner[column] * (SHADES + 1) + shade;
    if (next === look) continue;
    if (look >= 0) {
      const layer = Math.floor(look / (SHADES + 1));
      ctx.globalAlpha = ((look % (SHADES + 1)) / SHADES) * (selected >= 0 && layer !== selected ? 0.5 : 1);
      ctx.fillStyle = layerColour(layer);
      ctx.fillRect(left + start, y, column - start, height);
    }
    look = next;
    start = column;
  }
  ctx.globalAlpha = 1;
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
export function axisStep(span: number, most: number): number {
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
