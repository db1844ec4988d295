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

/** Mean value of a curve over [from, to) cycles. */
export function meanOf(chart: Chart, curve: Curve, parts: readonly ActivityView[], from: number, to: number): number {
  let sum = 0;
  let time = 0;
  for (const part of parts) {
    if (part.from >= to || part.from + part.cycles <= from) continue;
    const { binCycles } = part.activity;
    const values = curve.of(part);
    const first = Math.max(0, Math.floor((from - part.from) / binCycles));
    const last = Math.min(values.length - 1, Math.ceil((to - part.from) / binCycles) - 1);
    for (let bin = first; bin <= last; bin++) {
      const start = part.from + bin * binCycles;
      const length = Math.min(binCycles, part.from + part.cycles - start);
      const overlap = Math.min(to, start + length) - Math.max(from, start);
      if (overlap <= 0) continue;
      sum += (chart.amounts ? values[bin] / length : values[bin]) * overlap;
      time += overlap;
    }
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
  const base = new Float32Array(columns);
  for (const curve of chart.curves) {
    ctx.beginPath();
    ctx.fillStyle = curve.colour;
    ctx.strokeStyle = curve.colour;
    ctx.lineWidth = 1.5;
    for (let column = 0; column < columns; column++) {
      const from = view.from + column * cycles;
      const value = meanOf(chart, curve, parts, from, from + cycles) / chart.top;
      const x = view.left + (column * view.width) / columns;
      if (chart.stacked) {
        const top = Math.min(1, base[column] + value);
        ctx.rect(x, y + height * (1 - top), view.width / columns + 0.5, height * (top - base[column]));
        base[column] = top;
      } else {
        const at = y + height * (1 - Math.min(1, value));
        if (column === 0) ctx.moveTo(x, at);
        else ctx.lineTo(x, at);
      }
    }
    if (chart.stacked) ctx.fill();
    else ctx.stroke();
  }
}
