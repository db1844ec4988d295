/**
 * Measures the networks of the zoo, one at a time and each in a process of its own, and writes docs/results/networks.md and .json and the table of the README
 * between its markers, so that no figure is ever typed. Run it after a build (`npm run results` does both).
 *
 *   npm run results                        measure all, write; then the pages of update-profile.ts
 *   npm run results -- --only 'resnet|vgg' measure these, keep the rows of the others
 *   npm run results -- --check             measure, write nothing, exit code 1 when a figure is worse than the committed one
 *   npm run results -- --render            measure nothing, write the tables anew from the JSON
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MODELS } from '../models/index.ts';
import type { BenchRow } from '../src/report/bench-text.ts';
import { formatNumber } from '../src/report/table.ts';
import { writeSection } from './markdown.ts';
import { findWorse, type ResultRow, renderPage, renderRows, titleOf } from './results.ts';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const CLI = path.join(ROOT, 'dist/src/cli/main.js');
const README = path.join(ROOT, 'README.md');
const FOLDER = path.join(ROOT, 'docs/results');
const JSON_FILE = path.join(FOLDER, 'networks.json');
/** A network that takes longer has hung. */
const LIMIT_MS = 15 * 60_000;

interface Run {
  readonly network: string;
  readonly scope: 'convolutions' | 'network';
  readonly batch: number;
}

/** Networks whose work is no convolutions. */
const WHOLE: ReadonlySet<string> = new Set(['lstm-lm', 'gru-tagger', 'bert-mini', 'vit-tiny']);

const RUNS: readonly Run[] = [
  ...Object.keys(MODELS).map((network): Run => ({ network, scope: WHOLE.has(network) ? 'network' : 'convolutions', batch: 1 })),
  { network: 'alexnet', scope: 'network', batch: 1 },
  { network: 'alexnet', scope: 'network', batch: 16 },
  { network: 'alexnet', scope: 'network', batch: 32 },
];

/** Rows of the README's table. */
const IN_README: ReadonlySet<string> = new Set([
  'alexnet, convolutions',
  'alexnet, whole network',
  'alexnet, whole network, batch 32',
  ...[
    'googlenet',
    'inception-v3',
    'resnet18',
    'resnet50',
    'vgg16',
    'squeezenet1.1',
    'mobilenet-v1',
    'mobilenet-v2',
    'densenet121',
    'tiny-yolov2',
  ].map((network) => `${network}, convolutions`),
  ...['lstm-lm', 'bert-mini'].map((network) => `${network}, whole network`),
]);

interface ResultsFile {
  readonly machine: string;
  readonly networks: readonly ResultRow[];
  /** Networks that could not be measured, with the reason. */
  readonly failures: Readonly<Record<string, string>>;
}

type BenchOutput = BenchRow & Pick<ResultRow, 'acceleratedShare' | 'acceleratorParts' | 'compileSeconds' | 'simulateSeconds'>;

/** One run of `snowflake bench` in a process of its own, whose memory goes with it. @throws Error with its message when it fails */
async function measure({ network, scope, batch }: Run): Promise<{ machine: string; row: ResultRow }> {
  const child = spawn(process.execPath, [CLI, 'bench', network, '--scope', scope, '--batch', `${batch}`, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === null) throw new Error(`took more than ${LIMIT_MS / 60_000} minutes`);
  if (stdout === '')
    throw new Error(
      stderr
        .trim()
        .split('\n')[0]
        .replace(/^error: /, ''),
    );
  const { machine, networks } = JSON.parse(stdout) as { machine: { name: string }; networks: BenchOutput[] };
  return { machine: machine.name, row: pick(networks[0]) };
}

function pick(row: BenchOutput): ResultRow {
  const { network, scope, batch, macs, cycles, fps, boundFps, occupancy, gops, gbps, floorBytes, sqnrDb, bitExact, paper } = row;
  const { acceleratedShare, acceleratorParts } = row;
  return {
    network,
    scope,
    batch,
    macs,
    cycles,
    fps,
    boundFps,
    occupancy,
    gops,
    gbps,
    dramBytes: row.dramReadBytes + row.dramWriteBytes,
    floorBytes,
    acceleratedShare,
    acceleratorParts,
    sqnrDb,
    bitExact,
    compileSeconds: Number(row.compileSeconds.toFixed(2)),
    simulateSeconds: Number(row.simulateSeconds.toFixed(2)),
    ...(paper ? { paper: { fps: paper.fps, gbps: paper.gbps, source: paper.source } } : {}),
  };
}

const note = (text: string): void => void process.stderr.write(`${text}\n`);

function readCommitted(): ResultsFile {
  if (!existsSync(JSON_FILE)) return { machine: 'xc7z045', networks: [], failures: {} };
  return JSON.parse(readFileSync(JSON_FILE, 'utf8')) as ResultsFile;
}

/** @param keep Called after each network with all that was measured so far: a run of many minutes may be broken off */
async function measureAll(runs: readonly Run[], keep: (results: ResultsFile) => void): Promise<ResultsFile> {
  const networks: ResultRow[] = [];
  const failures: Record<string, string> = {};
  let machine = '';
  for (const [i, run] of runs.entries()) {
    const title = titleOf(run);
    const place = `${i + 1} of ${runs.length}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${place}: ${title} …`);
    const started = performance.now();
    try {
      const result = await measure(run);
      machine = result.machine;
      networks.push(result.row);
      const { fps, boundFps, gbps, bitExact } = result.row;
      const figures = `${formatNumber(fps, 4)} FPS, ${((100 * fps) / boundFps).toFixed(1)} % of bound, ${formatNumber(gbps)} GB/s${bitExact ? '' : ', bits DIFFER'}`;
      note(
        `${process.stderr.isTTY ? '\r\u001b[K' : ''}${place}: ${title}: ${figures}; ${((performance.now() - started) / 1000).toFixed(1)} s`,
      );
    } catch (error) {
      failures[title] = (error as Error).message;
      note(`${process.stderr.isTTY ? '\r\u001b[K' : ''}${place}: ${title}: FAILED: ${failures[title]}`);
    }
    keep({ machine, networks, failures });
  }
  return { machine, networks, failures };
}

/** Rows of both, those of `after` in front, in the order of the runs. */
function merge(before: ResultsFile, after: ResultsFile): ResultsFile {
  const rows = new Map([...before.networks, ...after.networks].map((row) => [titleOf(row), row]));
  const failures = { ...before.failures, ...after.failures };
  for (const row of after.networks) delete failures[titleOf(row)];
  for (const title of Object.keys(after.failures)) rows.delete(title);
  return { machine: after.machine || before.machine, networks: RUNS.flatMap((run) => rows.get(titleOf(run)) ?? []), failures };
}

function write(results: ResultsFile): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(JSON_FILE, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(path.join(FOLDER, 'networks.md'), renderPage(results.networks, results.machine, new Map(Object.entries(results.failures))));
  const table = renderRows(
    results.networks.filter((row) => IN_README.has(titleOf(row))),
    false,
  );
  writeSection(README, 'results', table);
}

const { values: options } = parseArgs({
  options: { check: { type: 'boolean' }, render: { type: 'boolean' }, only: { type: 'string' } },
});
const committed = readCommitted();
if (options.render) {
  write(committed);
} else {
  const wanted = new RegExp(options.only ?? '');
  const runs = RUNS.filter((run) => wanted.test(titleOf(run)));
  if (runs.length === 0) throw new Error(`--only ${options.only}: no network has such a title`);
  const measured = await measureAll(runs, (results) => {
    if (!options.check) write(merge(committed, results));
  });
  const before = new Map(committed.networks.map((row) => [titleOf(row), row]));
  const worse = measured.networks.flatMap((row) => {
    const old = before.get(titleOf(row));
    return old ? findWorse(old, row) : [];
  });
  for (const title of Object.keys(measured.failures)) if (before.has(title)) worse.push(`${title}: could be measured before`);
  for (const line of worse) note(`worse: ${line}`);
  if (options.check)
    note(
      worse.length === 0
        ? `${measured.networks.length} networks: no figure is worse than the committed one`
        : `${worse.length} figures are worse`,
    );
  if ((options.check && worse.length > 0) || Object.keys(measured.failures).length > 0) process.exitCode = 1;
  if (!options.check && options.only === undefined) {
    const { status } = spawnSync(process.execPath, ['--import', 'tsx', path.join(ROOT, 'scripts/update-profile.ts')], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}
