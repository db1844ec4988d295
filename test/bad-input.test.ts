/** Bad input and bad usage: one clear message, exit code 2, nothing half-written. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NetworkBuilder } from '../models/builder.ts';
import type { Graph, GraphNode, Tensor } from '../src/graph/graph.ts';
import { writeOnnx } from '../src/graph/onnx/write-onnx.ts';
import { writeNpy } from '../src/runtime/npy.ts';
import { runCli } from './run-cli.ts';
import { buildTinyNetwork } from './tiny-network.ts';

let folder: string;
const at = (name: string): string => join(folder, name);

const float = (dims: number[], fill = 0): Tensor => ({
  dtype: 'float32',
  dims,
  data: new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(fill),
});

/** The tiny network with one of its nodes changed. */
function withNode(op: string, change: (node: GraphNode) => GraphNode): Graph {
  const graph = buildTinyNetwork();
  return { ...graph, nodes: graph.nodes.map((node) => (node.op === op ? change(node) : node)) };
}

function withNanWeight(): Graph {
  const graph = buildTinyNetwork();
  const [name, tensor] = [...graph.initializers][0];
  const data = (tensor.data as Float32Array).slice();
  data[5] = Number.NaN;
  return { ...graph, initializers: new Map(graph.initializers).set(name, { ...tensor, data }) };
}

/** A network whose maps exceed a megabyte of DRAM. */
function buildLargeNetwork(): Graph {
  const net = new NetworkBuilder('large', [16, 256, 256]);
  return net.build(net.conv(net.input, 16, { kernel: 1 }));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'snowflake-bad-'));
  const tiny = buildTinyNetwork();
  const good = writeOnnx(tiny);
  const files: Record<string, Uint8Array | string> = {
    'tiny.onnx': good,
    'truncated.onnx': good.subarray(0, good.length - 1000),
    'text.onnx': 'this is no model, whatever its name says',
    'empty.onnx': '',
    'external.onnx': externalModel(),
    'operator.onnx': writeOnnx(withNode('MaxPool', (node) => ({ ...node, op: 'Frobnicate' }))),
    'opset.onnx': writeOnnx({ ...tiny, opset: 3 }),
    'dynamic.onnx': writeOnnx({ ...tiny, inputs: [{ ...tiny.inputs[0], dims: [1, 3, 'height', 12] }], values: new Map() }),
    'nan.onnx': writeOnnx(withNanWeight()),
    'large.onnx': writeOnnx(buildLargeNetwork()),
    'x.npy': writeNpy(float([1, 3, 12, 12])),
    'shape.npy': writeNpy(float([1, 3, 12, 13])),
    'type.npy': writeNpy({ dtype: 'int64', dims: [1, 3, 12, 12], data: new BigInt64Array(432) }),
    'nan.npy': writeNpy(float([1, 3, 12, 12], Number.NaN)),
    'truncated.npy': writeNpy(float([1, 3, 12, 12])).subarray(0, 500),
    'text.png': 'no picture',
    'small.json': JSON.stringify({ extends: 'xc7z045', name: 'small', dram: { bytes: 1 << 20 } }),
    'impossible.json': JSON.stringify({ extends: 'xc7z045', computeUnits: 3 }),
    'unknown.json': JSON.stringify({ extends: 'xc7z045', turbo: true }),
    'broken.json': '{"extends": ',
    'bad.s': 'ADD r1, r2\n',
    'odd.bin': 'abcde',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content);
  const compiled = await runCli(['compile', at('tiny.onnx'), '--output', at('tiny.sfp')]);
  expect(compiled.code, compiled.stderr).toBe(0);
  const program = readFileSync(at('tiny.sfp'));
  writeFileSync(at('good.sfp'), program);
  writeFileSync(at('short.sfp'), program.subarray(0, program.length - 7));
  program[program.length >> 1] ^= 4;
  writeFileSync(at('damaged.sfp'), program);
  mkdirSync(at('folder'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The tiny network's first weights moved to a file that is not there: fields 13 and 14 of TensorProto instead of raw data. */
function externalModel(): Uint8Array {
  const graph = buildTinyNetwork();
  const [name] = [...graph.initializers][0];
  const initializers = new Map(graph.initializers);
  initializers.delete(name);
  const bytes = writeOnnx({ ...graph, initializers });
  const field = (number: number, content: Uint8Array): Buffer => Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
  const text = (value: string): Uint8Array => Buffer.from(value);
  const location = Buffer.concat([field(1, text('location')), field(2, text('weights.bin'))]);
  const tensor = Buffer.concat([
    Buffer.from([8, 20, 8, 3, 8, 3, 8, 3, 16, 1]), // dims 20, 3, 3, 3, data type float32
    field(8, text(name)),
    field(13, location),
    Buffer.from([14 << 3, 1]), // external
  ]);
  // A later occurrence of the model's graph field is merged with the first one.
  return Buffer.concat([bytes, field(7, field(5, tensor))]);
}

type Case = readonly [what: string, args: () => string[], message: RegExp];
const run = (model: string, ...more: string[]): string[] => ['run', at(model), ...(more.length > 0 ? more : ['--seed', '1'])];

const CASES: readonly Case[] = [
  ['a file that is not there', () => run('none.onnx'), /none\.onnx: no such file/],
  ['a truncated model', () => run('truncated.onnx'), /truncated\.onnx: not an ONNX model, or damaged/],
  ['a file that is no model', () => run('text.onnx'), /text\.onnx: not an ONNX model/],
  ['a program where a network is expected', () => ['check', at('good.sfp')], /good\.sfp: a compiled program; .* give the network/],
  ['a machine beside a program', () => run('good.sfp', '--seed', '1', '-m', 'xc7z045'), /good\.sfp: --machine was decided/],
  ['an empty file', () => run('empty.onnx'), /empty\.onnx: not an ONNX model: the file is empty/],
  [
    'missing external weights',
    () => run('external.onnx'),
    /external\.onnx: cannot read its external weights "weights\.bin": .*no such file/,
  ],
  ['an unknown operator', () => run('operator.onnx'), /Frobnicate/],
  ['an unsupported opset', () => run('opset.onnx'), /opset\.onnx: opset 3 is not supported/],
  [
    'a dynamic dimension without a value',
    () => run('dynamic.onnx'),
    /dimension 2 of input "input" \("height"\) has no value; give it with --shape height=/,
  ],
  ['NaN weights', () => run('nan.onnx'), /nan\.onnx: initializer ".*" of node ".*" \(Conv\) holds NaN at index 5/],
  [
    'tensors too large for DRAM',
    () => run('large.onnx', '--seed', '1', '--machine', at('small.json')),
    /needs \d+ MiB of DRAM, machine small has 1 MiB/,
  ],
  [
    'a wrong input name',
    () => run('tiny.onnx', '-i', `pixels=${at('x.npy')}`),
    /input 'pixels': the model has no such input, only 'input'/,
  ],
  ['a wrong shape', () => run('tiny.onnx', '-i', at('shape.npy')), /shape\.npy: has shape 1×3×12×13, but input 'input' takes 1×3×12×12/],
  ['a wrong type', () => run('tiny.onnx', '-i', at('type.npy')), /type\.npy: holds int64, but input 'input' takes float32/],
  ['NaN input', () => run('tiny.onnx', '-i', at('nan.npy')), /input.* NaN/],
  ['a truncated array', () => run('tiny.onnx', '-i', at('truncated.npy')), /truncated\.npy: not a readable \.npy file/],
  ['an input of another kind', () => run('tiny.onnx', '-i', at('bad.s')), /bad\.s: not an input that can be read; give a \.npy/],
  ['a picture that is none', () => run('tiny.onnx', '-i', at('text.png')), /text\.png: not a readable image/],
  ['no input at all', () => run('tiny.onnx', '--top', '1'), /no file for input 'input' \(float32 1×3×12×12\)/],
  ['no labels', () => run('tiny.onnx', '--seed', '1', '--labels', at('none.txt')), /none\.txt: no such file/],
  ['an unknown built-in model', () => ['bench', 'alexnot'], /model 'alexnot': no such built-in model \(there are alexnet/],
  [
    'an impossible machine',
    () => run('tiny.onnx', '--seed', '1', '--machine', at('impossible.json')),
    /impossible\.json: not a possible machine: computeUnits/,
  ],
  ['an unknown value in a machine file', () => run('tiny.onnx', '--seed', '1', '-m', at('unknown.json')), /unknown\.json: .*turbo/],
  ['a machine file that is no JSON', () => run('tiny.onnx', '--seed', '1', '-m', at('broken.json')), /broken\.json: not JSON/],
  ['an unknown machine', () => run('tiny.onnx', '--seed', '1', '-m', 'zu9'), /machine 'zu9': no such preset/],
  [
    'a network that needs the host where it is ruled out',
    () => run('tiny.onnx', '--seed', '1', '--no-host'),
    /1 node does not run on the accelerator, and the host was ruled out:\n {2}"fc_softmax" \(Softmax\)/,
  ],
  ['a truncated program', () => ['inspect', at('short.sfp')], /short\.sfp: truncated or damaged program file/],
  ['a damaged program', () => ['disassemble', at('damaged.sfp')], /damaged\.sfp: damaged program file: the checksum/],
  ['words that are none', () => ['disassemble', at('odd.bin')], /odd\.bin: neither a program file nor instruction words/],
  ['wrong assembler text', () => ['assemble', at('bad.s'), '--output', at('out.bin')], /bad\.s:1/],
  [
    'an output folder that can not be',
    () => run('tiny.onnx', '--seed', '1', '--output', at('x.npy/out')),
    /x\.npy\/out: can not be written/,
  ],
  [
    'an output file that can not be',
    () => ['compile', at('tiny.onnx'), '--output', at('none/out.sfp')],
    /none\/out\.sfp: can not be written: no such file or folder/,
  ],
  [
    'an output file that is a folder',
    () => ['compile', at('tiny.onnx'), '--output', at('folder')],
    /folder: can not be written: it is a folder/,
  ],
  ['an unknown option', () => ['run', at('tiny.onnx'), '--sede', '1'], /unknown option '--sede'/],
  ['an unknown command', () => ['frobnicate'], /unknown command 'frobnicate'/],
  ['a missing argument', () => ['compile', '--output', at('out.sfp')], /missing required argument 'model'/],
  ['a number that is none', () => ['bench', 'alexnet', '--batch', 'many'], /--batch.*expected a whole number/],
  ['a port that is none', () => ['studio', '--port', '99999'], /--port.*expected a port from 0 to 65535/],
  ['a shape that is none', () => run('dynamic.onnx', '--seed', '1', '--shape', 'height'), /--shape.*expected NAME=/],
];

describe.concurrent('refuses', () => {
  it.each(CASES)('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await runCli(args());
    expect(stderr).toMatch(message);
    expect(stderr.match(/^error: /gm)).toHaveLength(1);
    expect(stderr).not.toMatch(/\n +at |defect/);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('after all that', () => {
  it('nothing was written', () => {
    expect(readdirSync(folder).filter((name) => /^out|tmp/.test(name))).toEqual([]);
    expect(readdirSync(at('folder'))).toEqual([]);
    expect(existsSync(at('none'))).toBe(false);
  });
});
