import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../util/errors.ts';
import type { Graph, GraphNode, Tensor, ValueInfo } from '../graph.ts';
import { type ReadOptions, readOnnx, readTensorPb } from './read-onnx.ts';
import { type GraphProto, MODEL, type ModelProto, TENSOR, type TensorProto } from './schema.ts';
import { decodeMessage, encodeMessage } from './wire.ts';
import { writeOnnx } from './write-onnx.ts';

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
const proto = (change: (graph: GraphProto, model: ModelProto) => void): Uint8Array => {
  const model = decodeMessage<ModelProto>(smallBytes, MODEL);
  change(model.graph!, model);
  return encodeMessage(model, MODEL);
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

  it('shares aligned weights with the file', () => {
    const graph = read(smallBytes);
    const shared = [...graph.initializers.values()].filter(({ data }) => (data as Float32Array).buffer === smallBytes.buffer);
    const aligned = decodeMessage<ModelProto>(smallBytes, MODEL).graph!.initializers.filter(({ rawData }) => rawData!.byteOffset % 4 === 0);
    expect(shared.length).toBe(aligned.length);
  });
});

describe('golden bytes', () => {
  // Typed from the protobuf and ONNX specifications, not produced by our encoder.
  it('reads a TensorProto: dims [2] packed and unpacked, int64_data with a negative number', () => {
    const packed = Uint8Array.of(0x0a, 1, 2, 0x10, 7, 0x3a, 11, 5, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    expect(readTensorPb(packed)).toEqual({ dtype: 'int64', dims: [2], data: BigInt64Array.of(5n, -2n) });
    const unpacked = Uint8Array.of(0x08, 2, 0x10, 7, 0x38, 5, 0x38, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    expect(readTensorPb(unpacked)).toEqual({ dtype: 'int64', dims: [2], data: BigInt64Array.of(5n, -2n) });
  });

  it('writes a TensorProto in the same form', () => {
    const bytes = encodeMessage<TensorProto>(
      { dims: BigInt64Array.of(300n), dataType: 1, stringData: [], externalData: [], name: 'a' },
      TENSOR,
    );
    expect([...bytes]).toEqual([0x0a, 2, 0xac, 0x02, 0x10, 1, 0x42, 1, 0x61]);
  });
});

describe('tensor data in every form', () => {
  const tensor = (fields: Partial<TensorProto>): Tensor =>
    readTensorPb(encodeMessage<TensorProto>({ stringData: [], externalData: [], ...fields }, TENSOR));
  const dims = BigInt64Array.of(2n);

  it('typed lists', () => {
    expect(tensor({ dims, dataType: 1, floatData: Float32Array.of(1.5, -2) }).data).toEqual(Float32Array.of(1.5, -2));
    expect(tensor({ dims, dataType: 11, doubleData: Float64Array.of(1.5, -2) }).data).toEqual(Float64Array.of(1.5, -2));
    expect(tensor({ dims, dataType: 3, int32Data: Int32Array.of(5, -7) }).data).toEqual(Int8Array.of(5, -7));
    expect(tensor({ dims, dataType: 9, int32Data: Int32Array.of(0, 1) }).data).toEqual(Uint8Array.of(0, 1));
    expect(tensor({ dims, dataType: 10, int32Data: Int32Array.of(0x3c00, 0xc000) }).data).toEqual(Float32Array.of(1, -2));
    expect(tensor({ dims, dataType: 12, uint64Data: BigUint64Array.of(1n, 2n ** 32n - 1n) }).data).toEqual(Uint32Array.of(1, 2 ** 32 - 1));
    expect(tensor({ dims, dataType: 13, uint64Data: BigUint64Array.of(1n, 2n ** 64n - 1n) }).data).toEqual(
      BigUint64Array.of(1n, 2n ** 64n - 1n),
    );
    expect(tensor({ dims, dataType: 8, stringData: [Uint8Array.of(104, 105), Uint8Array.of()] }).data).toEqual(['hi', '']);
  });

  it('raw bytes at any alignment, Node buffers included', () => {
    const bytes = encodeMessage<TensorProto>(
      { dims, dataType: 1, rawData: new Uint8Array(Float32Array.of(1.5, -2).buffer), stringData: [], externalData: [] },
      TENSOR,
    );
    for (let shift = 0; shift < 8; shift++) {
      const moved = Buffer.alloc(bytes.length + 8);
      moved.set(bytes, shift);
      expect(readTensorPb(moved.subarray(shift, shift + bytes.length)).data).toEqual(Float32Array.of(1.5, -2));
    }
  });

  it('external files: offset and length, missing, short, outside the folder', () => {
    const external = (location: string, more: [string, string][] = []): Uint8Array =>
      proto((graph) => {
        const weights = graph.initializers[0];
        delete weights.rawData;
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
  it.each<[string, RegExp, (graph: GraphProto, model: ModelProto) => void]>([
    ['opset too old', /opset 6 .*"?If/, (_, model) => (model.opsets[0].version = 6)],
    ['opset too new', /opset 99 is not supported/, (_, model) => (model.opsets[0].version = 99)],
    ['no opset', /opset 1 is not supported/, (_, model) => (model.opsets = [])],
    ['NaN weights', /initializer "w" of node "Conv_c" \(Conv\) holds NaN at index 1/, (graph) => (graph.initializers[0].rawData = nan())],
    [
      'dims and data disagree',
      /initializer "b": dims \[3\] of float32 need 12 bytes, the file has 8/,
      (graph) => (graph.initializers[1].dims = BigInt64Array.of(3n)),
    ],
    ['absurd size', /absurd size/, (graph) => (graph.initializers[1].dims = BigInt64Array.of(2n ** 40n, 2n ** 40n))],
    ['negative dims', /negative dimension/, (graph) => (graph.initializers[1].dims = BigInt64Array.of(-2n))],
    ['unknown data type', /data type 17 is not supported/, (graph) => (graph.initializers[1].dataType = 17)],
    [
      'value produced twice',
      /output "c" of node "LeakyRelu_r" is also an output of node "Conv_c"/,
      (graph) => (graph.nodes[1].outputs = ['r', 'c']),
    ],
    ['missing input', /node "LeakyRelu_r" \(LeakyRelu\) reads "nowhere"/, (graph) => (graph.nodes[1].inputs = ['nowhere'])],
    [
      'missing input of a sub-graph',
      /node "Identity_branch_out" .* reads "z"/,
      (graph) => (graph.nodes[2].attributes[0].graph!.nodes[0].inputs = ['z']),
    ],
    ['cycle', /"Conv_c", "LeakyRelu_r", "If_y" depend on each other/, (graph) => (graph.nodes[0].inputs[0] = 'r')],
    ['missing output', /nothing produces the output "y"/, (graph) => (graph.nodes[2].outputs = ['z'])],
    ['two initializers of one name', /two initializers are named "w"/, (graph) => (graph.initializers[1].name = 'w')],
    ['node without operator', /has no operator type/, (graph) => delete graph.nodes[0].op],
    ['attribute of a strange type', /attribute type SPARSE_TENSOR is not supported/, (graph) => (graph.nodes[1].attributes[0].type = 11)],
    ['input without type', /input "x" has no type/, (graph) => delete graph.inputs[0].type],
    ['no outputs', /the graph has no outputs/, (graph) => (graph.outputs = [])],
    ['no graph', /it holds no graph/, (_, model) => delete model.graph],
  ])('%s', (_, message, change) => {
    expect(() => read(proto(change))).toThrow(InputError);
    expect(() => read(proto(change))).toThrow(message);
    expect(() => read(proto(change))).toThrow(/^test\.onnx: /);
  });

  function nan(): Uint8Array {
    return new Uint8Array(Float32Array.of(1, NaN).buffer);
  }

  it('restores topological order and is stable', () => {
    const shuffled = read(proto((graph) => graph.nodes.reverse()));
    expect(shuffled.nodes.map(({ op }) => op)).toEqual(['Conv', 'LeakyRelu', 'If']);
  });

  it('takes initializers out of the inputs of old models', () => {
    const old = proto((graph, model) => {
      model.irVersion = 3;
      graph.inputs.push({ name: 'w', type: { tensor: { elementType: 1, shape: { dims: [] } } } });
    });
    expect(read(old).inputs.map(({ name }) => name)).toEqual(['x', 'choice']);
  });

  it('makes node names unique', () => {
    const names = read(
      proto((graph) => {
        graph.nodes[0].name = '';
        graph.nodes[1].name = 'Conv_0';
        graph.nodes[2].name = 'Conv_0';
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
    const slice = proto((graph) => {
      graph.nodes[1].op = 'Slice';
      graph.nodes[1].attributes = [{ name: 'ends', ints: BigInt64Array.of(2n ** 63n - 1n), type: 7, strings: [] }];
    });
    expect(read(slice).nodes[1].attributes.ends).toEqual([Number.MAX_SAFE_INTEGER]);
    const big = proto((graph) => (graph.nodes[0].attributes[0].ints = BigInt64Array.of(2n ** 60n)));
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
    expect(() => read(bytes)).toThrow(/nested more than/);
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
