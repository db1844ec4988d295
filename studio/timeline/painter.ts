/** The whole picture of the timeline: where rows and charts lie, what is under the pointer. */
import { CAUSE_TEXTS, formatBytes, formatCount, formatNumber, formatPercent, LOST_CAUSES, macCount } from '../../src/browser.ts';
import { CAUSE_COLOURS, USEFUL_COLOUR } from '../parts/colours.ts';
import type { Selection } from '../state/store.ts';
import { themeColour } from '../state/theme.ts';
import type { ProgramView, TimingView } from '../worker/protocol.ts';
import { type Chart, drawChart, meanOf } from './curves.ts';
import { drawAxis, drawRow, type Look, type SliceStyle, type Viewport } from './draw.ts';
import { buildRows, firstAfter, type Row } from './rows.ts';

const LEFT = 74;
const AXIS = 24;
const LAYER_ROW = 22;
const CHART_TITLE = 14;
const GAP = 3;

interface Place {
  readonly y: number;
  readonly height: number;
}

export class TimelinePainter {
  readonly rows: readonly Row[];
  /** Pixels of the time axis, as last drawn. */
  width = 1;
  readonly #timing: TimingView;
  readonly #program: ProgramView;
  readonly #charts: readonly Chart[];
  #rowPlaces: Place[] = [];
  #chartPlaces: Place[] = [];

  constructor(timing: TimingView, program: ProgramView) {
    this.#timing = timing;
    this.#program = program;
    this.rows = buildRows(timing.log);
    this.#charts = chartsOf(timing, program);
  }

  rowTitles(): string {
    return this.rows.map((row) => row.title).join(', ');
  }

  cycleAt(x: number, [from, to]: readonly [number, number]): number {
    return from + ((x - LEFT) / this.width) * (to - from);
  }

  spanOfLayer(layer: number): readonly [number, number] | undefined {
    const [row] = this.rows;
    const i = row.layer.indexOf(layer);
    return i < 0 ? undefined : [row.from[i], row.to[i]];
  }

  /** The slice of the same unit after (1) or before (−1) a descriptor; the first of all for none. */
  neighbour(descriptor: number, direction: number): number | undefined {
    if (descriptor < 0) return 0;
    const row = this.rows.find((r) => r.kind === 'unit' && r.unitId === this.#timing.log.unitId[descriptor]);
    const i = row?.descriptor.indexOf(descriptor) ?? -1;
    return i < 0 ? undefined : row?.descriptor[i + direction];
  }

  draw(canvas: HTMLCanvasElement, [from, to]: readonly [number, number], { layer, descriptor }: Selection): void {
    const box = canvas.parentElement!.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.floor(box.width), Math.floor(box.height)];
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const ctx = canvas.getContext('2d', { alpha: false })!;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const look: Look = {
      ink: themeColour('ink'),
      muted: themeColour('muted'),
      line: themeColour('line'),
      ground: themeColour('ground'),
      panel: themeColour('panel'),
      accent: themeColour('accent'),
    };
    ctx.fillStyle = look.panel;
    ctx.fillRect(0, 0, width, height);
    this.width = Math.max(1, width - LEFT - 8);
    this.#layOut(height);
    const view: Viewport = { from, to, left: LEFT, width: this.width };
    drawAxis(ctx, view, AXIS, height, look);
    const style: SliceStyle = {
      selectedDescriptor: descriptor,
      selectedLayer: layer,
      ink: look.ink,
      label: (row, index) => this.#label(row, index),
      waitColour: (index) => this.#waitColour(index),
    };
    for (const [i, row] of this.rows.entries()) drawRow(ctx, row, this.#rowPlaces[i].y, this.#rowPlaces[i].height, view, style);
    for (const [i, chart] of this.#charts.entries()) {
      const { y, height: tall } = this.#chartPlaces[i];
      ctx.fillStyle = look.ground;
      ctx.fillRect(LEFT, y, this.width, tall);
      drawChart(ctx, chart, this.#timing.activities, y, tall, view);
    }
    this.#drawTitles(ctx, look, height);
  }

  #layOut(height: number): void {
    const units = this.rows.length - 1;
    // Charts take what the rows leave, between 26 and 90 pixels each.
    const rowHeight = Math.max(12, Math.min(26, (height - AXIS - LAYER_ROW - this.#charts.length * 60) / units - GAP));
    let y = AXIS;
    this.#rowPlaces = this.rows.map((_, i) => {
      const place = { y, height: i === 0 ? LAYER_ROW : rowHeight };
      y += place.height + GAP;
      return place;
    });
    const left = height - y - 6;
    const chart = Math.max(22, Math.min(90, left / this.#charts.length - CHART_TITLE - 2));
    this.#chartPlaces = this.#charts.map(() => {
      const place = { y: y + CHART_TITLE, height: chart };
      y += chart + CHART_TITLE + 2;
      return place;
    });
  }

  #drawTitles(ctx: CanvasRenderingContext2D, look: Look, height: number): void {
    ctx.fillStyle = look.panel;
    ctx.fillRect(0, AXIS, LEFT - 1, height);
    ctx.fillRect(LEFT + this.width, AXIS, 20, height);
    ctx.textBaseline = 'middle';
    for (const [i, row] of this.rows.entries()) {
      ctx.font = '12px system-ui, sans-serif';
      ctx.fillStyle = look.ink;
      ctx.fillText(row.title, 10, this.#rowPlaces[i].y + this.#rowPlaces[i].height / 2);
    }
    for (const [i, chart] of this.#charts.entries()) {
      const { y, height: tall } = this.#chartPlaces[i];
      ctx.font = '11px system-ui, sans-serif';
      ctx.fillStyle = look.muted;
      let x = LEFT;
      ctx.fillText(chart.title, x, y - CHART_TITLE / 2);
      x += ctx.measureText(chart.title).width + 12;
      for (const { title, colour } of chart.curves) {
        ctx.fillStyle = colour;
        ctx.fillRect(x, y - CHART_TITLE / 2 - 4, 8, 8);
        ctx.fillStyle = look.ink;
        ctx.fillText(title, x + 11, y - CHART_TITLE / 2);
        x += ctx.measureText(title).width + 22;
      }
      ctx.fillStyle = look.muted;
      ctx.textAlign = 'right';
      ctx.fillText(chart.format(chart.top), LEFT - 6, y + 6);
      ctx.fillText('0', LEFT - 6, y + tall - 6);
      ctx.textAlign = 'left';
    }
  }

  #waitColour(descriptor: number): string | undefined {
    const { waits } = this.#timing.log;
    let best = 0;
    let cause = -1;
    for (let c = 0; c < LOST_CAUSES.length; c++) {
      const wait = waits[descriptor * LOST_CAUSES.length + c];
      if (wait > best) [best, cause] = [wait, c];
    }
    return cause < 0 ? undefined : CAUSE_COLOURS[LOST_CAUSES[cause]];
  }

  #label(row: Row, index: number): string {
    const name = this.#program.layers[row.layer[index]]?.name ?? '';
    if (row.kind === 'layers') return name;
    const instruction = this.#timing.log.instruction[row.descriptor[index]];
    if (row.kind === 'core') return `→ ${instruction}`;
    const tile = this.#program.sourceMap.find((s) => s.first <= instruction && instruction < s.end)?.tile ?? '';
    return tile ? `${name} · ${tile}` : name;
  }

  /** The slice at a point. */
  hit(x: number, y: number, view: readonly [number, number]): { readonly row: Row; readonly index: number } | undefined {
    const at = this.#rowPlaces.findIndex((place) => y >= place.y && y < place.y + place.height);
    if (at < 0 || x < LEFT) return undefined;
    const row = this.rows[at];
    const cycle = this.cycleAt(x, view);
    const slack = (1.5 * (view[1] - view[0])) / this.width;
    const index = firstAfter(row, cycle - slack);
    return index < row.from.length && row.from[index] <= cycle + slack ? { row, index } : undefined;
  }

  /** What the tooltip says at a point. */
  describe(x: number, y: number, view: readonly [number, number]): string | undefined {
    if (x < LEFT) return undefined;
    const chart = this.#chartPlaces.findIndex((place) => y >= place.y && y < place.y + place.height);
    if (chart >= 0) {
      const { curves, format } = this.#charts[chart];
      const cycles = (2 * (view[1] - view[0])) / this.width;
      const cycle = this.cycleAt(x, view);
      const values = curves.map((curve) => {
        const value = meanOf(this.#charts[chart], curve, this.#timing.activities, cycle - cycles, cycle + cycles);
        return `${curve.title} ${format(value)}`;
      });
      return `cycle ${formatCount(cycle)}\n${values.join('\n')}`;
    }
    const hit = this.hit(x, y, view);
    if (!hit) return undefined;
    const { row, index } = hit;
    const { log } = this.#timing;
    const descriptor = row.descriptor[index];
    const cycles = row.end[index] - row.from[index];
    const lines = [
      `${row.title}: ${this.#label(row, index)}`,
      `cycles ${formatCount(row.from[index])} to ${formatCount(row.end[index])} (${formatCount(cycles)})`,
    ];
    if (row.kind === 'layers') return lines.join('\n');
    lines.push(`instruction ${log.instruction[descriptor]}`);
    for (const [c, cause] of LOST_CAUSES.entries()) {
      const wait = log.waits[descriptor * LOST_CAUSES.length + c];
      if (row.kind === 'unit' && wait > 0) lines.push(`waited ${formatCount(wait)} for: ${CAUSE_TEXTS[cause].title}`);
    }
    return lines.join('\n');
  }
}

function chartsOf({ activities }: TimingView, { machine }: ProgramView): Chart[] {
  const bytes = machine.dram.bytesPerSecond / machine.clockHz;
  const gigabytes = (value: number): string => `${formatNumber((value * machine.clockHz) / 1e9)} GB/s`;
  const cus = Array.from({ length: machine.computeUnits }, (_, cu) => cu);
  const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8a8f98', '#7f3c8d'];
  const queues = activities[0]?.activity.queues ?? [];
  return [
    {
      title: 'DRAM',
      stacked: true,
      amounts: true,
      top: bytes,
      format: gigabytes,
      curves: [
        { title: 'weights', colour: '#d55e00', of: ({ activity }) => activity.dramBytes.weights },
        { title: 'maps in', colour: '#e69f00', of: ({ activity }) => activity.dramBytes.mapsIn },
        { title: 'maps out', colour: '#cc79a7', of: ({ activity }) => activity.dramBytes.mapsOut },
        { title: 'instructions', colour: '#d8c900', of: ({ activity }) => activity.dramBytes.instructions },
      ],
    },
    {
      title: 'AXI ports',
      stacked: false,
      amounts: true,
      top: machine.axi.bytesPerBeat,
      format: (value) => `${formatNumber(value)} B`,
      curves: Array.from({ length: machine.axi.ports }, (_, port) => ({
        title: `port ${port}`,
        colour: colours[port],
        of: ({ activity }: (typeof activities)[number]) => activity.portBytes[port],
      })),
    },
    {
      title: 'MACs',
      stacked: true,
      amounts: true,
      top: macCount(machine),
      format: (value) => formatPercent(value / macCount(machine)),
      curves: [{ title: 'useful', colour: USEFUL_COLOUR, of: ({ activity }) => activity.usefulMacs }],
    },
    {
      title: 'maps buffers, alive',
      stacked: false,
      amounts: false,
      top: machine.mapsBytes,
      format: formatBytes1,
      curves: cus.map((cu) => ({ title: `CU ${cu}`, colour: colours[cu], of: ({ activity }) => activity.mapsBytes[cu] })),
    },
    {
      title: 'weights buffers, alive',
      stacked: false,
      amounts: false,
      top: 4 * machine.weightsBytes,
      format: formatBytes1,
      curves: cus.map((cu) => ({ title: `CU ${cu}`, colour: colours[cu], of: ({ activity }) => activity.weightsBytes[cu] })),
    },
    {
      title: 'queues',
      stacked: false,
      amounts: false,
      top: machine.queueDepth,
      format: (value) => formatNumber(value),
      curves: queues
        .map(({ unit }, q) => ({
          title: unit,
          colour: colours[q % colours.length],
          of: (part: (typeof activities)[number]) => part.activity.queues[q].fill,
        }))
        .filter(({ title }) => /^(LDM|LDW|ST|MAC0|VEC0)$/.test(title)),
    },
  ];
}

function formatBytes1(value: number): string {
  return formatBytes(Math.round(value));
}
