/** The figures that the project promises, measured by the command as a user runs it. */
import { expect, it } from 'vitest';
import type { NetworkFigures } from '../src/report/network-report.ts';
import { runCli } from './run-cli.ts';

interface Row extends NetworkFigures {
  readonly bitExact: boolean;
  readonly sqnrDb: number;
  readonly compileSeconds: number;
}

async function bench(...args: string[]): Promise<Row> {
  const { code, stdout, stderr } = await runCli(['bench', ...args, '--json']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { networks } = JSON.parse(stdout) as { networks: Row[] };
  expect(networks[0].bitExact).toBe(true);
  expect(networks[0].sqnrDb).toBeGreaterThan(45);
  return networks[0];
}

it('AlexNet, convolutions: 104 frames a second at 0.70 GB/s, every layer above 96 %', async () => {
  const row = await bench('alexnet');
  expect((row.macs / 1e6).toFixed(1)).toBe('599.3');
  expect(row.boundFps).toBeCloseTo(106.8, 1);
  expect(row.fps).toBeGreaterThan(104);
  expect(row.gbps).toBeLessThan(0.7);
  for (const layer of row.layers) expect(layer.occupancy, layer.name).toBeGreaterThan(0.96);
});

it('AlexNet, whole network: 95 % of its bound at batch 1, 87 frames a second at batch 16', async () => {
  const single = await bench('alexnet', '--scope', 'network');
  expect(single.fps / single.boundFps).toBeGreaterThan(0.95);
  expect((await bench('alexnet', '--scope', 'network', '--batch', '16')).fps).toBeGreaterThan(87);
});

it.each(['resnet18', 'vgg16'])('%s, convolutions: 96 % at 1.2 GB/s', async (network) => {
  const row = await bench(network);
  expect(row.occupancy).toBeGreaterThan(0.96);
  expect(row.gbps).toBeLessThanOrEqual(1.2);
});
