import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import protobuf from 'protobufjs/minimal.js';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../util/errors.ts';
import type { Graph, GraphNode, Tensor, ValueInfo } from '../graph.ts';
import { onnx } from './generated/onnx.js';
import type { TensorProto } from './proto.ts';
import { type ReadOptions, readOnnx, readTensorPb } from './read-onnx.ts';
import { tensorToProto } from './tensor-proto.ts';
import { writeOnnx } from './write-onnx.ts';

type GraphMessage = onnx.GraphProto;
type ModelMessage = onnx.ModelProto;

const value = (name: string, dims: ValueInfo['dims'], dtype: ValueInfo['dtype'] = 'float32'): ValueInfo => ({ name, dtype, dims });
const node = (
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: GraphNode['attributes'] = {},
  name = `${op}_${outputs[0]}`,
): GraphNode => ({
  name,
  op,
  domain: '',
  inputs,
  outputs,
  attributes,
});
const float = (dims: number[], data: number[]): Tensor => ({ dtype: 'float32', dims, data: Float32Array.from(data) });

/** A 2-channel convolution with bias and a LeakyRelu, integer-valued float attributes and a sub-graph. */
const small: Graph = {
  name: 'small',
  opset: 13,
  irVersion: 8,
  inputs: [value('x', ['batch', 1, 3, 3]), value('choice', [], 'bool')],
  outputs: [value('y', ['batch', 2, 3, 3])],
  nodes: [
    node('Conv', ['x', 'w', 'b'], ['c'], { kernel_shape: [1, 1], pads: [0, 0, 0, 0], auto_pad: 'NOTSET' }),
    node('LeakyRelu', ['c'], ['r'], { alpha: 1 }),
    node('If', ['choice'], ['y'], {
      then_branch: branch('Identity'),
      else_branch: branch('Neg'),
    }),
  ],
  initializers: new Map([
    ['w', float([2, 1, 1, 1], [2, -3])],
    ['b', float([2], [0.5, 1])],
  ]),
  values: new Map([['c', value('c', ['batch', 2, 3, 3])]]),
};

function branch(op: string): Graph {
  const outputs = [value('branch_out', undefined)];
  return {
    name: op,
    opset: 13,
    irVersion: 8,
    inputs: [],
    outputs,
    nodes: [node(op, ['r'], ['branch_out'])],
    initializers: new Map(),
    values: new Map(),
  };
}

const smallBytes = writeOnnx(small);
const read = (bytes: Uint8Array, options: Partial<ReadOptions> = {}): Graph => readOnnx(bytes, { source: 'test.onnx', ...options });
/** A small model's message, to be damaged. */
const proto = (change: (graph: GraphMessage, model: ModelMessage) => void): Uint8Array => {
  const model = onnx.ModelProto.decode(smallBytes);
  change(model.graph as GraphMessage, model);
  return onnx.ModelProto.encode(model).finish();
};

/** 64-bit integers as the wire has them. */
const varints = (...values: bigint[]): Uint8Array => {
  const out: number[] = [];
  for (const value of values) {
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
    out.push(Number(rest));
  }
  return Uint8Array.from(out);
};

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

describe('golden bytes', () => {
  // Typed from the protobuf and ONNX specifications, not produced by our encoder.
  it('reads a TensorProto: dims [2] packed and unpacked, int64_data with a negative number', () => {
    const packed = Uint8Array.of(0x0a, 1, 2, 0x10, 7, 0x3a, 11, 5, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    expect(readTensorPb(packed)).toEqual({ dtype: 'int64', dims: [2], data: BigInt64Array.of(5n, -2n) });
    // Elements that are not packed, and behind them a packed run.
    const unpacked = Uint8Array.of(0x08, 2, 0x10, 7, 0x38, 5, 0x38, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    expect(readTensorPb(unpacked)).toEqual({ dtype: 'int64', dims: [2], data: BigInt64Array.of(5n, -2n) });
  });

  it('writes a TensorProto in the same form', () => {
    const tensor: Tensor = { dtype: 'uint8', dims: [300], data: new Uint8Array(300).fill(9) };
    const bytes = onnx.TensorProto.encode(tensorToProto(tensor, 'a')).finish();
    expect([...bytes]).toEqual([0x08, 0xac, 0x02, 0x10, 2, 0x42, 1, 0x61, 0x4a, 0xac, 0x02, ...new Array(300).fill(9)]);
  });
});

describe('tensor data in every form', () => {
  const tensor = (fields: TensorProto): Tensor => readTensorPb(onnx.TensorProto.encode(fields).finish());
  const dims = [2];
  const bytesOf = (...arrays: (Float32Array | Float64Array)[]): Uint8Array[] => arrays.map((array) => new Uint8Array(array.buffer));

  it('typed lists, in one run or several', () => {
    expect(tensor({ dims, dataType: 1, floatData: bytesOf(Float32Array.of(1.5, -2)) }).data).toEqual(Float32Array.of(1.5, -2));
    expect(tensor({ dims, dataType: 1, floatData: bytesOf(Float32Array.of(1.5), Float32Array.of(-2)) }).data).toEqual(
      Float32Array.of(1.5, -2),
    );
    expect(tensor({ dims, dataType: 11, doubleData: bytesOf(Float64Array.of(1.5, -2)) }).data).toEqual(Float64Array.of(1.5, -2));
    expect(tensor({ dims, dataType: 3, int32Data: [varints(5n, -7n)] }).data).toEqual(Int8Array.of(5, -7));
    expect(tensor({ dims, dataType: 6, int32Data: [varints(5n), varints(-7n)] }).data).toEqual(Int32Array.of(5, -7));
    expect(tensor({ dims, dataType: 9, int32Data: [varints(0n, 1n)] }).data).toEqual(Uint8Array.of(0, 1));
    expect(tensor({ dims, dataType: 10, int32Data: [varints(0x3c00n, 0xc000n)] }).data).toEqual(Float32Array.of(1, -2));
    expect(tensor({ dims, dataType: 12, uint64Data: [varints(1n, 2n ** 32n - 1n)] }).data).toEqual(Uint32Array.of(1, 2 ** 32 - 1));
    expect(tensor({ dims, dataType: 13, uint64Data: [varints(1n, 2n ** 64n - 1n)] }).data).toEqual(BigUint64Array.of(1n, 2n ** 64n - 1n));
    expect(tensor({ dims, dataType: 7, int64Data: [varints(2n ** 62n + 1n, -(2n ** 63n))] }).data).toEqual(
      BigInt64Array.of(2n ** 62n + 1n, -(2n ** 63n)),
    );
    expect(tensor({ dims, dataType: 8, stringData: [Uint8Array.of(104, 105), Uint8Array.of()] }).data).toEqual(['hi', '']);
  });

  it('typed lists that end inside an element', () => {
    expect(() => tensor({ dims, dataType: 1, floatData: [new Uint8Array(7)] })).toThrow(/float32 list ends inside an element/);
    expect(() => tensor({ dims, dataType: 7, int64Data: [Uint8Array.of(1, 0x80)] })).toThrow(/damaged list of numbers/);
  });

  it('elements that are not packed: float, double, int32', () => {
    const head = (dataType: number): number[] => [0x08, 2, 0x10, dataType];
    expect(readTensorPb(Uint8Array.of(...head(1), 0x25, 0, 0, 0xc0, 0x3f, 0x25, 0, 0, 0, 0xc0)).data).toEqual(Float32Array.of(1.5, -2));
    const doubles = [0x51, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x51, 0, 0, 0, 0, 0, 0, 0, 0xc0];
    expect(readTensorPb(Uint8Array.of(...head(11), ...doubles)).data).toEqual(Float64Array.of(1.5, -2));
    expect(readTensorPb(Uint8Array.of(...head(6), 0x28, 5, 0x28, 0xac, 0x02)).data).toEqual(Int32Array.of(5, 300));
  });

  it('raw bytes at any alignment, Node buffers included', () => {
    const bytes = onnx.TensorProto.encode({ dims, dataType: 1, rawData: bytesOf(Float32Array.of(1.5, -2))[0] }).finish();
    for (let shift = 0; shift < 8; shift++) {
      const moved = Buffer.alloc(bytes.length + 8);
      moved.set(bytes, shift);
      expect(readTensorPb(moved.subarray(shift, shift + bytes.length)).data).toEqual(Float32Array.of(1.5, -2));
    }
  });

  it('external files: offset and length, missing, short, outside the folder', () => {
    const external = (location: string, more: [string, string][] = []): Uint8Array =>
      proto((graph) => {
        const weights = graph.initializer[0];
        weights.rawData = null;
        weights.dataLocation = 1;
        weights.externalData = [['location', location], ...more].map(([key, value]) => ({ key, value }));
      });
    const file = new Uint8Array(Float32Array.of(9, 2, -3).buffer);
    const readExternal = (location: string): Uint8Array => {
      if (location !== 'w.bin') throw new Error('no such file');
      return file;
    };
    expect(read(external('w.bin', [['offset', '4']]), { readExternal }).initializers.get('w')!.data).toEqual(Float32Array.of(2, -3));
    expect(() => read(external('w.bin', [['offset', '8']]), { readExternal })).toThrow(/4 bytes where 8 were expected/);
    expect(() => read(external('w.bin', [['offset', '16']]), { readExternal })).toThrow(InputError);
    expect(() => read(external('v.bin'), { readExternal })).toThrow(/cannot read its external weights "v.bin": no such file/);
    expect(() => read(external('w.bin'))).toThrow(/"w.bin", which was not given/);
    expect(() => read(external('../w.bin'), { readExternal })).toThrow(/only paths below/);
    expect(() => read(external('/etc/passwd'), { readExternal })).toThrow(/only paths below/);
  });
});

describe('what files get wrong, and what old or odd files do', () => {
  it.each<[string, RegExp, (graph: GraphMessage, model: ModelMessage) => void]>([
    ['opset too old', /opset 6 .*"?If/, (_, model) => (model.opsetImport[0].version = 6)],
    ['opset too new', /opset 99 is not supported/, (_, model) => (model.opsetImport[0].version = 99)],
    ['no opset', /opset 1 is not supported/, (_, model) => (model.opsetImport = [])],
    ['NaN weights', /initializer "w" of node "Conv_c" \(Conv\) holds NaN at index 1/, (graph) => (graph.initializer[0].rawData = nan())],
    [
      'dims and data disagree',
      /initializer "b": dims \[3\] of float32 need 12 bytes, the file has 8/,
      (graph) => (graph.initializer[1].dims = [3]),
    ],
    ['absurd size', /absurd size/, (graph) => (graph.initializer[1].dims = [2 ** 40, 2 ** 40])],
    ['negative dims', /negative dimension/, (graph) => (graph.initializer[1].dims = [-2])],
    ['unknown data type', /data type 17 is not supported/, (graph) => (graph.initializer[1].dataType = 17)],
    [
      'value produced twice',
      /output "c" of node "LeakyRelu_r" is also an output of node "Conv_c"/,
      (graph) => (graph.node[1].output = ['r', 'c']),
    ],
    ['missing input', /node "LeakyRelu_r" \(LeakyRelu\) reads "nowhere"/, (graph) => (graph.node[1].input = ['nowhere'])],
    [
      'missing input of a sub-graph',
      /node "Identity_branch_out" .* reads "z"/,
      (graph) => (graph.node[2].attribute![0].g!.node![0].input = ['z']),
    ],
    ['cycle', /"Conv_c", "LeakyRelu_r", "If_y" depend on each other/, (graph) => (graph.node[0].input![0] = 'r')],
    ['missing output', /nothing produces the output "y"/, (graph) => (graph.node[2].output = ['z'])],
    ['two initializers of one name', /two initializers are named "w"/, (graph) => (graph.initializer[1].name = 'w')],
    ['node without operator', /has no operator type/, (graph) => (graph.node[0].opType = null)],
    ['attribute of a strange type', /attribute type SPARSE_TENSOR is not supported/, (graph) => (graph.node[1].attribute![0].type = 11)],
    ['input without type', /input "x" has no type/, (graph) => (graph.input[0].type = null)],
    ['no outputs', /the graph has no outputs/, (graph) => (graph.output = [])],
    ['no graph', /it holds no graph/, (_, model) => (model.graph = null)],
  ])('%s', (_, message, change) => {
    expect(() => read(proto(change))).toThrow(InputError);
    expect(() => read(proto(change))).toThrow(message);
    expect(() => read(proto(change))).toThrow(/^test\.onnx: /);
  });

  function nan(): Uint8Array {
    return new Uint8Array(Float32Array.of(1, NaN).buffer);
  }

  it('restores topological order and is stable', () => {
    const shuffled = read(proto((graph) => graph.node.reverse()));
    expect(shuffled.nodes.map(({ op }) => op)).toEqual(['Conv', 'LeakyRelu', 'If']);
  });

  it('takes initializers out of the inputs of old models', () => {
    const old = proto((graph, model) => {
      model.irVersion = 3;
      graph.input.push({ name: 'w', type: { tensorType: { elemType: 1, shape: { dim: [] } } } });
    });
    expect(read(old).inputs.map(({ name }) => name)).toEqual(['x', 'choice']);
  });

  it('makes node names unique', () => {
    const names = read(
      proto((graph) => {
        graph.node[0].name = '';
        graph.node[1].name = 'Conv_0';
        graph.node[2].name = 'Conv_0';
      }),
    ).nodes.map(({ name }) => name);
    expect(names).toEqual(['Conv_0_', 'Conv_0', 'If_2']);
  });

  it('reads old opsets whose operators have not changed', () => {
    const old: Graph = {
      ...small,
      opset: 1,
      inputs: [small.inputs[0]],
      nodes: [node('GlobalAveragePool', ['x'], ['y'])],
      initializers: new Map(),
    };
    expect(read(writeOnnx(old)).opset).toBe(1);
  });

  it('keeps the ends of int64 as "as far as it goes"', () => {
    const list = varints(2n ** 63n - 1n, -(2n ** 63n));
    const ends = Uint8Array.of(0x0a, 4, 0x65, 0x6e, 0x64, 0x73, 0x42, list.length, ...list, 0xa0, 0x01, 7);
    const slice = proto((graph) => {
      graph.node[1].opType = 'Slice';
      graph.node[1].attribute = [onnx.AttributeProto.decode(ends)];
    });
    expect(read(slice).nodes[1].attributes.ends).toEqual([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);
    const big = proto((graph) => (graph.node[0].attribute![0].ints = [2 ** 60]));
    expect(() => read(big)).toThrow(/beyond 2\^53/);
  });
});

describe('free dimensions', () => {
  const shape = (shapes: ReadOptions['shapes']): unknown => read(smallBytes, { shapes }).inputs[0].dims;

  it('stay symbolic unless given by dimension or input name', () => {
    expect(shape({})).toEqual(['batch', 1, 3, 3]);
    expect(shape({ batch: 2 })).toEqual([2, 1, 3, 3]);
    expect(shape({ x: [2, 1, 3, 3] })).toEqual([2, 1, 3, 3]);
    expect(read(smallBytes, { shapes: { x: [2, 1, 3, 3] } }).outputs[0].dims).toEqual([2, 2, 3, 3]);
  });

  it('must fit', () => {
    expect(() => shape({ x: [2, 1, 4, 3] })).toThrow(/has the shape \[batch,1,3,3\]; \[2,1,4,3\] does not fit/);
    expect(() => shape({ x: [1, 3, 3] })).toThrow(InputError);
    expect(() => shape({ y: 3 })).toThrow(/neither an input nor a free dimension \(there are "x", "choice", "batch"\)/);
    expect(() => shape({ batch: -1 })).toThrow(InputError);
    expect(() => shape({ batch: [1] })).toThrow(/takes one number/);
    expect(() => shape({ batch: 2, x: [3, 1, 3, 3] })).toThrow(/given as 2 and as 3/);
  });
});

describe('fuzzing: nothing but InputError, quickly', () => {
  const survives = (bytes: Uint8Array): void => {
    try {
      read(bytes, { readExternal: () => new Uint8Array(16) });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  };

  it('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        survives(bytes);
        try {
          readTensorPb(bytes);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('truncations of a model, every length', () => {
    for (let length = 0; length < smallBytes.length; length++) expect(() => read(smallBytes.subarray(0, length))).toThrow(InputError);
  });

  it('flipped bits', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(smallBytes.length * 8 - 1), { minLength: 1, maxLength: 4 }), (bits) => {
        const bytes = smallBytes.slice();
        for (const bit of bits) bytes[bit >> 3] ^= 1 << (bit & 7);
        survives(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('deep nesting', () => {
    let bytes = new Uint8Array(0);
    // Graphs in attributes of nodes: field 7 once, then 1 (node), 5 (attribute), 6 (graph) again and again.
    const wrap = (tag: number): void => {
      const length = bytes.length;
      const header = [tag];
      for (let rest = length; ; rest >>= 7) {
        header.push(rest >= 128 ? (rest & 127) | 128 : rest);
        if (rest < 128) break;
      }
      bytes = Uint8Array.from([...header, ...bytes]);
    };
    for (let depth = 0; depth < 400; depth++) for (const tag of [0x32, 0x2a, 0x0a]) wrap(tag);
    wrap(0x3a);
    expect(() => read(bytes)).toThrow(/nested more than 100 deep/);
  });

  it('two bytes that make an object each, millions of times', () => {
    const repeat = (head: number[], item: number[], times: number): Uint8Array => {
      const writer = new protobuf.Writer();
      for (const byte of head) writer.uint32(byte);
      const inner = new Uint8Array(item.length * times);
      for (let at = 0; at < inner.length; at += item.length) inner.set(item, at);
      return writer.bytes(inner).finish();
    };
    const millions = 2 ** 22 + 1;
    // Empty inputs; dimensions of one tensor; packed floats of an attribute.
    expect(() => read(repeat([0x3a], [0x5a, 0], millions))).toThrow(/more than 4194304 fields and numbers/);
    expect(() => readTensorPb(repeat([0x0a], [1], millions))).toThrow(/fields and numbers/);
    const floats = repeat([0x3a], [0], 4 * millions);
    const attribute = new protobuf.Writer().uint32(0x2a).bytes(floats).finish();
    const node = new protobuf.Writer().uint32(0x0a).bytes(attribute).finish();
    expect(() => read(new protobuf.Writer().uint32(0x3a).bytes(node).finish())).toThrow(/fields and numbers/);
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
