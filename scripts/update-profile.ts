/**
 * Writes the profile of AlexNet into README.md between its markers, and docs/results/cost-model.md: predicted against simulated cycles of the zoo's
 * layers, so that no figure is ever typed. `npm run results` runs it last (update-results.ts).
 *
 *   npx tsx scripts/update-profile.ts [network ...]   the networks of the cost model's table; default: those below
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MODELS } from '../models/index.ts';
import { measurePredictionErrors, type Prediction } from '../src/report/profile-text.ts';
import { formatPercent } from '../src/report/table.ts';
import { compileModel } from '../src/runtime/compile-model.ts';
import { measureTiming } from '../src/runtime/measure-timing.ts';
import { writeSection } from './markdown.ts';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const CLI = path.join(ROOT, 'src/cli/main.ts');
const README = path.join(ROOT, 'README.md');
const PAGE = path.join(ROOT, 'docs/results/cost-model.md');

const NETWORKS = [
  ...['alexnet', 'googlenet', 'inception-v3', 'vgg16', 'resnet18', 'resnet34', 'resnet50', 'squeezenet1.0', 'squeezenet1.1'],
  ...['mobilenet-v1', 'mobilenet-v2', 'mobilenet-v3-small', 'efficientnet-lite0', 'shufflenet-v1', 'shufflenet-v2', 'densenet121'],
  ...['tiny-yolov2', 'unet', 'linknet', 'enet', 'espcn', 'ds-cnn'],
];

function writeReadme(): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', CLI, 'profile', 'alexnet', '--what-if'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  writeSection(README, 'profile', `\`\`\`\n$ npx snowflake profile alexnet --what-if\n${stdout.trimEnd()}\n\`\`\``);
}

/** Predictions of the layers of a network's convolutions; binary points don't change cycles. */
async function predict(network: string): Promise<Prediction[]> {
  const scope = 'convolutions';
  const { programs } = await compileModel(MODELS[network].build({ scope }), { name: network, scope, numbers: 'q8.8' });
  return programs.flatMap((program) => {
    const { layers } = measureTiming(program);
    return program.layers.map(({ predictedCycles }, i) => ({ predictedCycles, cycles: layers[i].cycles }));
  });
}

async function writeCostModel(networks: readonly string[]): Promise<void> {
  const all: Prediction[] = [];
  const rows: string[] = [];
  const row = (name: string, layers: readonly Prediction[]): string => {
    const { count, mean, weighted } = measurePredictionErrors(layers);
    const sum = (value: (layer: Prediction) => number): number => layers.reduce((total, layer) => total + value(layer), 0);
    const total = sum((layer) => layer.predictedCycles) / sum((layer) => layer.cycles);
    return `| ${name} | ${count} | ${formatPercent(mean)} | ${formatPercent(weighted)} | ${formatPercent(total)} |`;
  };
  for (const network of networks) {
    const layers = await predict(network);
    all.push(...layers);
    rows.push(row(network, layers));
    process.stderr.write(`${rows.at(-1)}\n`);
  }
  const text = [
    '# Predicted against simulated cycles',
    '',
    'Written by `npm run results`: the convolutions of networks of the zoo at batch 1 on `xc7z045`. The prediction is that of a program’s layers (compiler.md, “Predicted cycles”);',
    'the error of a layer is |predicted − simulated| ÷ simulated. `snowflake bench NETWORK --explain` shows each layer.',
    '',
    '| network | layers | mean error | weighted by cycles | sum of predictions ÷ simulated |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    row('all', all),
  ];
  mkdirSync(path.dirname(PAGE), { recursive: true });
  writeFileSync(PAGE, `${text.join('\n')}\n`);
}

const networks = process.argv.slice(2);
for (const network of networks) if (!Object.hasOwn(MODELS, network)) throw new Error(`no network '${network}' in the zoo`);
writeReadme();
await writeCostModel(networks.length > 0 ? networks : NETWORKS);
