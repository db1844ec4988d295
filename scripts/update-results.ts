/**
 * Measures the networks of the README's table and writes the figures between its markers `<!-- results -->` and `<!-- end results -->`, so that
 * none is ever typed. Takes a few minutes; run it after `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchRow } from '../src/report/bench-text.ts';
import { formatBytes, formatDecibels, formatNumber, formatPercent } from '../src/report/table.ts';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const README = path.join(ROOT, 'README.md');
const [START, END] = ['<!-- results -->', '<!-- end results -->'];

/** Arguments of `snowflake bench` for each row. */
const RUNS = [
  ['alexnet'],
  ['alexnet', '--scope', 'network'],
  ['alexnet', '--scope', 'network', '--batch', '16'],
  ['alexnet', '--scope', 'network', '--batch', '32'],
  ['resnet18'],
  ['vgg16'],
];

function bench(args: readonly string[]): BenchRow {
  const command = [path.join(ROOT, 'dist/src/cli/main.js'), 'bench', ...args, '--json'];
  const { status, stdout } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`snowflake bench ${args.join(' ')} ended with ${status}`);
  return (JSON.parse(stdout) as { networks: BenchRow[] }).networks[0];
}

function published(row: BenchRow): string {
  const { fps, gbps } = row.paper ?? {};
  return [...(fps === undefined ? [] : [`${fps} FPS`]), ...(gbps === undefined ? [] : [`${gbps} GB/s`])].join(', ') || '–';
}

const HEAD = ['network', 'batch', 'FPS', 'bound', 'occupancy', 'GB/s', 'DRAM a frame', 'floor', 'SQNR', 'bits', 'published'];

function renderRow(row: BenchRow): string {
  const cells = [
    `${row.network}, ${row.scope === 'network' ? 'whole network' : 'convolutions'}`,
    row.batch,
    formatNumber(row.fps, 4),
    formatNumber(row.boundFps, 4),
    formatPercent(row.occupancy),
    formatNumber(row.gbps),
    formatBytes(Math.round(row.dramReadBytes + row.dramWriteBytes)),
    formatBytes(Math.round(row.floorBytes)),
    row.sqnrDb === null ? '–' : `${formatDecibels(row.sqnrDb)} dB`,
    row.bitExact ? 'exact' : 'differ',
    published(row),
  ];
  return `| ${cells.join(' | ')} |`;
}

const rows = RUNS.map((args) => {
  process.stderr.write(`snowflake bench ${args.join(' ')}\n`);
  return renderRow(bench(args));
});
const table = [`| ${HEAD.join(' | ')} |`, `|${' --- |'.repeat(HEAD.length)}`, ...rows].join('\n');
const text = readFileSync(README, 'utf8');
const [start, end] = [text.indexOf(START), text.indexOf(END)];
if (start < 0 || end < start) throw new Error(`README.md lacks the markers ${START} and ${END}`);
writeFileSync(README, `${text.slice(0, start + START.length)}\n${table}\n${text.slice(end)}`);
