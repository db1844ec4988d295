/** The command line end to end, each command as a process. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeOnnx } from '../src/graph/onnx/write-onnx.ts';
import { readNpy, writeNpy } from '../src/runtime/npy.ts';
import { randomInputs } from '../src/runtime/random-input.ts';
import { runCli } from './run-cli.ts';
import { buildTinyNetwork } from './tiny-network.ts';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'snowflake-cli-'));
  const graph = buildTinyNetwork();
  writeFileSync(at('tiny.onnx'), writeOnnx(graph));
  writeFileSync(at('x.npy'), writeNpy(randomInputs(graph, 3).get('input')!));
  writeFileSync(at('labels.txt'), Array.from({ length: 10 }, (_, i) => `class ${i}\n`).join(''));
  await sharp({ create: { width: 30, height: 20, channels: 3, background: '#805020' } })
    .png()
    .toFile(at('brown.png'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.concurrent('snowflake', () => {
  it('explains itself', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const command of ['run', 'verify', 'bench', 'profile', 'check', 'compile', 'inspect', 'assemble', 'disassemble', 'models']) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    const bench = await runCli(['bench', '--help']);
    expect(bench.code).toBe(0);
    expect(bench.stdout).toMatch(/--batch <n>[\s\S]*Examples:/);
  });

  it('runs a frame on either device with the same result, saves outputs, names classes', async () => {
    const common = ['run', at('tiny.onnx'), '--input', `input=${at('x.npy')}`, '--labels', at('labels.txt'), '--top', '2'];
    const simulated = await runCli([...common, '--output', at('simulated')]);
    const reference = await runCli([...common, '--output', at('reference'), '--device', 'reference', '--json']);
    expect(simulated.stderr + reference.stderr).toBe('');
    expect([simulated.code, reference.code]).toEqual([0, 0]);
    const files = readdirSync(at('simulated'));
    expect(files).toHaveLength(1);
    const bytes = readFileSync(join(at('simulated'), files[0]));
    expect(readFileSync(join(at('reference'), files[0])).equals(bytes)).toBe(true);

    const scores = Array.from(readNpy(bytes, files[0]).data as Float32Array);
    expect(scores).toHaveLength(10);
    expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 5);
    const best = scores.indexOf(Math.max(...scores));
    expect(simulated.stdout).toMatch(new RegExp(`^  0\\.\\d+  ${best} class ${best}\\n  0\\.\\d+  \\d class \\d\\n\\d`, 'm'));
    expect(simulated.stdout).toMatch(/[\d,]+ cycles, .* ms on the accelerator\non the host: 1 node/);
    const json = JSON.parse(reference.stdout) as { outputs: { dims: number[]; top: { index: number; label: string }[] }[] };
    expect(json.outputs[0].dims).toEqual([1, 10]);
    expect(json.outputs[0].top[0]).toMatchObject({ index: best, label: `class ${best}` });
  });

  it('takes an image, and random input that repeats', async () => {
    const image = await runCli(['run', at('tiny.onnx'), '-i', at('brown.png'), '--mean', '0.5', '--std', '0.25', '--channel-order', 'bgr']);
    expect(image.stderr).toBe('');
    expect(image.code).toBe(0);
    const [first, second] = await Promise.all([1, 2].map(() => runCli(['run', at('tiny.onnx'), '--seed', '5', '--json'])));
    // All but the time that the host took.
    const [a, b] = [first, second].map(({ stdout }) => {
      const { hostSeconds, ...rest } = JSON.parse(stdout) as { hostSeconds: number };
      expect(hostSeconds).toBeGreaterThan(0);
      return rest;
    });
    expect(a).toEqual(b);
  });

  it('verifies: bits equal, accuracy measured', async () => {
    const { code, stdout } = await runCli(['verify', at('tiny.onnx'), '--json']);
    expect(code).toBe(0);
    const json = JSON.parse(stdout) as { bitExact: boolean; words: number; outputs: { sqnrDb: number; sameTop1: boolean }[] };
    expect(json.bitExact).toBe(true);
    // The pooled map stays on chip: the network is one relay.
    expect(json.words).toBe(10);
    expect(json.outputs[0].sqnrDb).toBeGreaterThan(45);
    expect(json.outputs[0].sameTop1).toBe(true);
  });

  it('compiles to a program, the same bytes each time, that inspect and disassemble read', async () => {
    const [a, b] = await Promise.all(['a.sfp', 'b.sfp'].map((name) => runCli(['compile', at('tiny.onnx'), '--output', at(name)])));
    expect([a.code, b.code]).toEqual([0, 0]);
    expect(a.stderr).toMatch(/a\.sfp: \d+ instructions, 2 layers, \d+ bytes[\s\S]*for the host: 1 node\(s\): Softmax/);
    expect(readFileSync(at('a.sfp')).equals(readFileSync(at('b.sfp')))).toBe(true);

    const inspected = await runCli(['inspect', at('a.sfp')]);
    expect(inspected.code).toBe(0);
    expect(inspected.stdout).toMatch(/machine +xc7z045: 4 CUs, 250 MHz/);
    expect(inspected.stdout).toMatch(/conv 3×3\/1 3→20 \+ maxpool 2×2\/2/);

    const text = await runCli(['disassemble', at('a.sfp'), '--output', at('a.s')]);
    expect(text.code).toBe(0);
    expect(readFileSync(at('a.s'), 'utf8')).toMatch(/^; layer 0 .*: conv 3×3/m);
    const words = await runCli(['assemble', at('a.s'), '--output', at('a.bin')]);
    expect(words.code).toBe(0);
    expect((await runCli(['disassemble', at('a.bin'), '--output', at('b.s')])).code).toBe(0);
    expect((await runCli(['assemble', at('b.s'), '--output', at('b.bin')])).code).toBe(0);
    expect(readFileSync(at('a.bin')).equals(readFileSync(at('b.bin')))).toBe(true);
  });

  it('runs a program file without its model', async () => {
    const compiled = await runCli(['compile', at('tiny.onnx'), '--output', at('run.sfp')]);
    expect(compiled.code).toBe(0);
    const seeded = ['--seed', '9', '--top', '10', '--json'];
    const [program, model] = (await Promise.all(['run.sfp', 'tiny.onnx'].map((name) => runCli(['run', at(name), ...seeded])))).map(
      ({ stdout }) => JSON.parse(stdout) as { cycles: number; outputs: { name: string; top: { index: number }[] }[] },
    );
    expect(program.cycles).toBe(model.cycles);
    // The same order of classes, before Softmax instead of behind it.
    expect(program.outputs[0].name).not.toBe(model.outputs[0].name);
    expect(program.outputs[0].top.map((c) => c.index)).toEqual(model.outputs[0].top.map((c) => c.index));
  });

  it('inspects and checks a model', async () => {
    const inspected = await runCli(['inspect', at('tiny.onnx'), '--json']);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ opset: 13, operators: { Conv: 1, Gemm: 1, MaxPool: 1, Softmax: 1 } });
    const checked = await runCli(['check', at('tiny.onnx')]);
    expect(checked.code).toBe(0);
    expect(checked.stdout).toMatch(/Softmax +host/);
    expect(checked.stdout).toMatch(/1 on the host$/m);
    const refused = await runCli(['check', at('tiny.onnx'), '--no-host']);
    expect(refused.code).toBe(2);
    expect(refused.stdout).toMatch(/Softmax +refused/);
    expect(refused.stderr).toContain('1 node can not run');
  });

  it('measures as the schema says, on another machine too, in batches', async () => {
    writeFileSync(at('two.json'), JSON.stringify({ extends: 'xc7z045', name: 'two', computeUnits: 2 }));
    const { code, stdout, stderr } = await runCli([
      'bench',
      at('tiny.onnx'),
      '--machine',
      at('two.json'),
      '--batch',
      '2',
      '--scope',
      'network',
      '--json',
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { machine, networks } = JSON.parse(stdout) as { machine: { name: string }; networks: Record<string, unknown>[] };
    expect(machine.name).toBe('two');
    const [network] = networks;
    expect(network).toMatchObject({ network: 'tiny', scope: 'network', batch: 2, bitExact: true });
    const macs = 3 * 20 * 34 * 34 + 6 * 6 * 20 * 10; // a padded 3×3 window at 12 positions has 34 valid rows
    expect(network.macs).toBe(macs);
    const weightBytes = 2 * (3 * 20 * 9 + 7200);
    expect(network.floorBytes).toBe(weightBytes / 2 + 2 * 3 * 144 + 2 * 10);
    for (const key of [
      'cycles',
      'fps',
      'gops',
      'occupancy',
      'dramReadBytes',
      'dramWriteBytes',
      'gbps',
      'boundFps',
      'sqnrDb',
      'compileSeconds',
      'simulateSeconds',
    ]) {
      expect(network[key], key).toBeGreaterThan(0);
    }
    expect(network.fps).toBeCloseTo(250e6 / (network.cycles as number), 3);
    const layers = network.layers as {
      name: string;
      op: string;
      lanesPerOutput: number;
      macs: number;
      cycles: number;
      lost: Record<string, number>;
    }[];
    expect(layers).toHaveLength(2);
    for (const layer of layers) {
      const lost = Object.values(layer.lost).reduce((a, b) => a + b, 0);
      expect(layer.macs / 128 + lost, layer.name).toBe(layer.cycles);
    }
    expect(layers.reduce((sum, layer) => sum + layer.macs, 0)).toBe(macs);
  });

  it('prints no colour and no progress into a pipe', async () => {
    const { stdout, stderr } = await runCli(['bench', at('tiny.onnx')]);
    expect(stderr).toBe('');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/tiny +convolutions +1 /);
  });

  it('says where a defect is when asked', async () => {
    const plain = await runCli(['run', at('none.onnx'), '--seed', '1']);
    const debug = await runCli(['run', at('none.onnx'), '--seed', '1'], { SNOWFLAKE_DEBUG: '1' });
    expect(plain.stderr).not.toMatch(/\n +at /);
    expect(debug.stderr).toMatch(/\n +at /);
    expect(existsSync(at('none.onnx'))).toBe(false);
  });
});
