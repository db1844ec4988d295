/** Writing ONNX files, and reading back what was written: our own graphs, and published models where they are present. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Graph, Tensor } from '../graph.ts';
import { onnx } from './generated/onnx.js';
import { readOnnx } from './read-onnx.ts';
import { float, read, small, smallBytes } from './small-model.test-util.ts';
import { writeOnnx } from './write-onnx.ts';

describe('round trip', () => {
  it('reads what it wrote', () => {
    const graph = read(smallBytes);
    expect({ ...graph, opsets: undefined }).toEqual({ ...small, opsets: undefined });
    expect(graph.opsets).toEqual(new Map([['', 13]]));
  });

  it('is accepted and computed rightly by ONNX Runtime', async () => {
    const session = await InferenceSession.create(smallBytes);
    const x = new OrtTensor(
      'float32',
      Float32Array.from({ length: 9 }, (_, i) => i - 4),
      [1, 1, 3, 3],
    );
    const run = async (choice: number): Promise<number[]> =>
      Array.from((await session.run({ x, choice: new OrtTensor('bool', Uint8Array.of(choice), []) })).y.data as Float32Array);
    expect((await run(1)).slice(0, 9)).toEqual([-7.5, -5.5, -3.5, -1.5, 0.5, 2.5, 4.5, 6.5, 8.5]);
    expect((await run(0)).slice(9)).toEqual([-13, -10, -7, -4, -1, 2, 5, 8, 11]);
  });

  it('weights lie aligned in the file and are shared with it', () => {
    const lengths = [0, 1, 2, 3, 31, 32, 4093, 4094, 4095, 4096, 4097].map((length) => `w${'x'.repeat(length % 13)}${length}`);
    const graph: Graph = {
      ...small,
      initializers: new Map([
        ...small.initializers,
        ...lengths.map((name): [string, Tensor] => [
          name,
          float([Number(/\d+$/.exec(name)![0])], new Array(Number(/\d+$/.exec(name)![0])).fill(1)),
        ]),
      ]),
    };
    const bytes = writeOnnx(graph);
    const { initializers } = read(bytes);
    expect(initializers).toEqual(graph.initializers);
    for (const [name, { data }] of initializers) {
      expect((data as Float32Array).buffer, name).toBe(bytes.buffer);
      expect((data as Float32Array).byteOffset % 8, name).toBe(0);
    }
  });

  it('a file that others lay out is read the same', () => {
    // The generic encoder: no padding, fields in the order of their numbers.
    const plain = onnx.ModelProto.encode(onnx.ModelProto.decode(smallBytes)).finish();
    for (let shift = 0; shift < 8; shift++) {
      const moved = Buffer.alloc(plain.length + 8);
      moved.set(plain, shift);
      expect(read(moved.subarray(shift, shift + plain.length))).toEqual(read(smallBytes));
    }
  });
});

const data = '../shared/data/pretrained';
describe.skipIf(!existsSync(data))(`models of ${data} (skipped where absent)`, () => {
  const files = existsSync(data) ? readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.onnx')) : [];
  it.each(files)('%s: read, written and read again, it is the same graph', (file) => {
    const graph = readOnnx(readFileSync(`${data}/${file}`), { source: file });
    const again = readOnnx(writeOnnx(graph), { source: file });
    expect(again.nodes).toEqual(graph.nodes);
    expect([...again.initializers.keys()]).toEqual([...graph.initializers.keys()]);
    expect(again.inputs).toEqual(graph.inputs);
  });
});
