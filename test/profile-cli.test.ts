/** `snowflake profile` end to end, as a process. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeOnnx } from '../src/graph/onnx/write-onnx.ts';
import { runCli } from './run-cli.ts';
import { buildTinyNetwork } from './tiny-network.ts';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'snowflake-profile-'));
  writeFileSync(at('tiny.onnx'), writeOnnx(buildTinyNetwork()));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Figures {
  readonly cycles: number;
  readonly layers: readonly unknown[];
}

describe.concurrent('snowflake profile', () => {
  it('tells the same figures as bench, and writes report, trace and CSV', async () => {
    const files = ['--html', at('t.html'), '--trace', at('t.json'), '--csv', at('t.csv')];
    const profile = await runCli(['profile', at('tiny.onnx'), '--scope', 'network', '--what-if', '--json', ...files]);
    expect(profile.code, profile.stderr).toBe(0);
    const bench = await runCli(['bench', at('tiny.onnx'), '--scope', 'network', '--json']);
    const json = JSON.parse(profile.stdout) as { figures: Figures; advice: string; whatIfs: { what: string; how: string }[] };
    const [network] = (JSON.parse(bench.stdout) as { networks: Figures[] }).networks;
    expect(network).toMatchObject(json.figures);
    // Its matrix product waits for weights, so that more frames a run are tried too.
    expect(json.whatIfs.map(({ how }) => how)).toEqual(Array(4).fill('recompiled and simulated'));
    expect(json.whatIfs[3].what).toBe('8 frames a run (--batch 8)');
    expect(json.advice).toMatch(/twice the DRAM bandwidth/);
    expect(readFileSync(at('t.html'), 'utf8')).toMatch(/^<!doctype html>/);
    expect(JSON.parse(readFileSync(at('t.json'), 'utf8'))).toHaveProperty('traceEvents');
    expect(readFileSync(at('t.csv'), 'utf8')).toMatch(/^kind,layer,tile,/);
  });

  it('takes a program file, which knows its machine', async () => {
    expect((await runCli(['compile', at('tiny.onnx'), '-o', at('tiny.sfp')])).code).toBe(0);
    const { code, stdout, stderr } = await runCli(['profile', at('tiny.sfp'), '--tiles']);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^ {2}rows 0 to 12/m);
    expect(stdout).toMatch(/energy \(estimate\): .* W\n[\s\S]*what would make it faster: /);
    const machine = await runCli(['profile', at('tiny.sfp'), '--machine', 'xc7z045']);
    expect(machine.code).toBe(2);
    expect(machine.stderr).toMatch(/--machine was decided when the program was compiled/);
    const whatIf = await runCli(['profile', at('tiny.sfp'), '--what-if']);
    expect([whatIf.code, whatIf.stderr]).toEqual([2, expect.stringMatching(/--what-if compiles again and needs the network/)]);
  });

  it('refuses a place that it can not write before it works', async () => {
    const { code, stderr } = await runCli(['profile', at('tiny.onnx'), '--html', at('no/such/folder.html')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/folder\.html: can not be written: no such file or folder/);
  });
});
