/** Bandwidth, occupancy and fill over time, below the slices: the profile's bins, summed for each pixel. */
import type { ActivityView } from '../worker/protocol.ts';
import type { Viewport } from './draw.ts';

export interface Curve {
  readonly title: string;
  readonly colour: string;
  /** Values of a part's bins. */
  readonly of: (part: ActivityView) => Float64Array;
}

export interface Chart {
  readonly title: string;
  readonly curves: readonly Curve[];
  readonly stacked: boolean;
  /** Value at the top, a cycle where the values are amounts. */
  readonly top: number;
  /** Whether a bin holds an amount (divided by its cycles) or a mean. */
  readonly amounts: boolean;
  readonly format: (value: number) => string;
}

/** Sums of all bins before each bin: any mean is then two look-ups. Kept as long as the curve. */
const sums = new WeakMap<Float64Array, Float64Array>();

function sumsOf(values: Float64Array): Float64Array {
  let found = sums.get(values);
  if (!found) {
    found = new Float64Array(values.length + 1);
    for (let i = 0; i < values.length; i++) found[i + 1] = found[i] + values[i];
    sums.set(values, found);
  }
  return found;
}

/** Sum of the bins before a fractional position. */
function sumBefore(values: Float64Array, totals: Float64Array, position: number): number {
  const bin = Math.min(values.length, Math.floor(position));
  return bin === values.length ? totals[bin] : totals[bin] + values[bin] * (position - bin);
}

/** Mean value of a curve over [from, to) cycles. */
export function meanOf(chart: Chart, curve: Curve, parts: readonly ActivityView[], from: number, to: number): number {
  let sum = 0;
  let time = 0;
  for (const part of parts) {
    const start = Math.max(from, part.from) - part.from;
    const end = Math.min(to, part.from + part.cycles) - part.from;
    if (end <= start) continue;
    const { binCycles } = part.activity;
    const values = curve.of(part);
    const totals = sumsOf(values);
    const bins = sumBefore(values, totals, end / binCycles) - sumBefore(values, totals, start / binCycles);
    sum += chart.amounts ? bins : bins * binCycles;
    time += end - start;
  }
  return time > 0 ? sum / time : 0;
}

export function drawChart(
  ctx: CanvasRenderingContext2D,
  chart: Chart,
  parts: readonly ActivityView[],
  y: number,
  height: number,
  view: Viewport,
): void {
  const columns = Math.ceil(view.width / 2);
  const cycles = (view.to - view.from) / columns;
  const width = view.width / columns;
  const valuesOf = (curve: Curve): Float32Array =>
    Float32Array.from({ length: columns }, (_, column) => {
      const from = view.from + column * cycles;
      return meanOf(chart, curve, parts, from, from + cycles) / chart.top;
    });
  const yOf = (value: number): number => y + height * (1 - Math.min(1, value));
  if (!chart.stacked) {
    for (const curve of chart.curves) {
      ctx.strokeStyle = curve.colour;
      ctx.lineWidth = 1.5;
      ctx.beginPath();
      for (const [column, value] of valuesOf(curve).entries()) ctx.lineTo(view.left + column * width, yOf(value));
      ctx.stroke();
    }
    return;
  }
  // The highest sum first, the lower ones over it: each is one polygon down to the base.
  const tops: Float32Array[] = [];
  for (const curve of chart.curves) {
    const below = tops[tops.length - 1];
    tops.push(valuesOf(curve).map((value, column) => value + (below?.[column] ?? 0)));
  }
  for (let c = tops.length - 1; c >= 0; c--) {
    ctx.fillStyle = chart.curves[c].colour;
    ctx.beginPath();
    ctx.moveTo(view.left, y + height);
    for (const [column, value] of tops[c].entries()) {
      ctx.lineTo(view.left + column * width, yOf(value));
      ctx.lineTo(view.left + (column + 1) * width, yOf(value));
    }
    ctx.lineTo(view.left + view.width, y + height);
    ctx.fill();
  }
}
