/** Measured figures of the networks: which are kept, how they are written down, and when one counts as worse than before. */
import { type Column, formatBytes, formatDecibels, formatNumber, formatPercent } from '../src/report/table.ts';
import { renderMarkdown } from './markdown.ts';

/** What is kept of one run of `snowflake bench`; all figures a frame. */
export interface ResultRow {
  readonly network: string;
  readonly scope: string;
  readonly batch: number;
  readonly macs: number;
  readonly cycles: number;
  readonly fps: number;
  readonly boundFps: number;
  /** Useful MACs ÷ possible MACs, 0 to 1. */
  readonly occupancy: number;
  readonly gops: number;
  readonly gbps: number;
  readonly dramBytes: number;
  readonly floorBytes: number;
  /** Share of the MACs that the accelerator does, 0 to 1. */
  readonly acceleratedShare: number;
  readonly acceleratorParts: number;
  /** Null: equal to float32, or not measured. */
  readonly sqnrDb: number | null;
  readonly bitExact: boolean;
  readonly compileSeconds: number;
  readonly simulateSeconds: number;
  readonly paper?: { readonly fps?: number; readonly gbps?: number; readonly source: string };
}

/** Name of a row, unique in a table. */
export function titleOf({ network, scope, batch }: Pick<ResultRow, 'network' | 'scope' | 'batch'>): string {
  return `${network}, ${scope === 'network' ? 'whole network' : 'convolutions'}${batch > 1 ? `, batch ${batch}` : ''}`;
}

/** Changes below this are the same: rates and bytes are exact, the share of a percent leaves room for nothing but rounding. */
const SAME = 1e-4;
/** Decibels that come and go with a rounding elsewhere. */
const SAME_DECIBELS = 0.5;

/** What got worse from one measurement of a row to the next. */
export function findWorse(before: ResultRow, after: ResultRow): string[] {
  const worse: string[] = [];
  const say = (what: string, from: string, to: string): void => void worse.push(`${titleOf(before)}: ${what} ${from} → ${to}`);
  if (after.fps < before.fps * (1 - SAME)) say('FPS', formatNumber(before.fps, 5), formatNumber(after.fps, 5));
  if (after.dramBytes > before.dramBytes * (1 + SAME)) say('DRAM a frame', formatBytes(before.dramBytes), formatBytes(after.dramBytes));
  if (after.acceleratedShare < before.acceleratedShare - SAME)
    say('MACs accelerated', formatPercent(before.acceleratedShare), formatPercent(after.acceleratedShare));
  const [was, is] = [before.sqnrDb ?? Infinity, after.sqnrDb ?? Infinity];
  if (is < was - SAME_DECIBELS) say('SQNR', formatDecibels(was), formatDecibels(is));
  if (before.bitExact && !after.bitExact) say('bits', 'exact', 'differ from the reference');
  return worse;
}

interface ResultColumn extends Column {
  readonly cell: (row: ResultRow) => string;
}

const SHORT_COLUMNS: readonly ResultColumn[] = [
  { title: 'network', align: 'left', cell: titleOf },
  { title: 'FPS', cell: (row) => formatNumber(row.fps, 4) },
  { title: 'bound', cell: (row) => formatNumber(row.boundFps, 4) },
  { title: 'of bound', cell: (row) => formatPercent(row.fps / row.boundFps) },
  { title: 'occupancy', cell: (row) => formatPercent(row.occupancy) },
  { title: 'GB/s', cell: (row) => formatNumber(row.gbps) },
  { title: 'DRAM a frame', cell: (row) => formatBytes(Math.round(row.dramBytes)) },
  { title: 'floor', cell: (row) => formatBytes(Math.round(row.floorBytes)) },
  { title: 'SQNR', cell: (row) => (row.sqnrDb === null ? '–' : `${formatDecibels(row.sqnrDb)} dB`) },
  { title: 'bits', cell: (row) => (row.bitExact ? 'exact' : 'differ') },
  { title: 'published', cell: published },
];

const [NAME, ...FIGURES] = SHORT_COLUMNS;
const ALL_COLUMNS: readonly ResultColumn[] = [
  NAME,
  { title: 'M MACs', cell: (row) => formatNumber(row.macs / 1e6, 4) },
  ...FIGURES.slice(0, 4),
  { title: 'G-ops/s', cell: (row) => formatNumber(row.gops) },
  ...FIGURES.slice(4, 7),
  {
    title: 'accelerated',
    cell: (row) => `${formatPercent(row.acceleratedShare)}${row.acceleratorParts > 1 ? ` in ${row.acceleratorParts} parts` : ''}`,
  },
  ...FIGURES.slice(7, 9),
  { title: 'compile', cell: (row) => `${row.compileSeconds.toFixed(1)} s` },
  { title: 'simulate', cell: (row) => `${row.simulateSeconds.toFixed(1)} s` },
  FIGURES[9],
];

function published({ paper }: ResultRow): string {
  const { fps, gbps } = paper ?? {};
  return [...(fps === undefined ? [] : [`${fps} FPS`]), ...(gbps === undefined ? [] : [`${gbps} GB/s`])].join(', ') || '–';
}

/** A Markdown table; `full` has all columns. */
export function renderRows(rows: readonly ResultRow[], full: boolean): string {
  const columns = full ? ALL_COLUMNS : SHORT_COLUMNS;
  return renderMarkdown(
    columns,
    rows.map((row) => columns.map(({ cell }) => cell(row))),
  );
}

/** The page docs/results/networks.md. @param failures Networks that could not be measured, with the reason */
export function renderPage(rows: readonly ResultRow[], machine: string, failures: ReadonlyMap<string, string>): string {
  const sources = rows.flatMap(({ network, paper }) => (paper ? [`* ${network}: ${paper.source}`] : []));
  const lost = [...failures].map(([title, reason]) => `* ${title}: ${reason}`);
  return `# Networks

Written by \`npm run results\`; don't edit. Machine: preset \`${machine}\`, seeded weights and input, binary points from the default calibration.

Padding taps are neither multiplied nor counted. *Convolutions*: up to the last convolution and what is fused behind it, as the papers count. *Bound*: 1 ÷ Σ over layers of
max(MACs ÷ peak rate, weight bytes ÷ DRAM rate), weights fetched once a batch. *Occupancy*: useful MACs ÷ possible MACs. *Floor*: each weight, input and output of
the accelerator's parts once. *Accelerated*: share of the network's MACs; a network in several parts has host parts between them, whose time is not in the FPS. *SQNR*: least of the outputs,
against float32 of ONNX Runtime. Recurrent layers
are written out position by position: bound and floor count their recurrent weights once as far as they fit the weights buffers, the rest once a position. *Bits*: simulator against integer reference, every tensor. *Compile*, *simulate*: seconds on the machine that wrote this page.

${renderRows(rows, true)}
${sources.length > 0 ? `\nPublished figures:\n\n${[...new Set(sources)].join('\n')}\n` : ''}${lost.length > 0 ? `\nNot measured:\n\n${lost.join('\n')}\n` : ''}`;
}
