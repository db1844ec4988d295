import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import type { DataType, Graph, GraphNode, Tensor, ValueInfo } from './graph.ts';
import { readOnnx, readTensorPb } from './onnx/read-onnx.ts';
import { inferShapes } from './shape-inference.ts';

type Dims = readonly (number | string | null)[];
const ints = (...data: number[]): Tensor => ({ dtype: 'int64', dims: [data.length], data: BigInt64Array.from(data, BigInt) });

/** Dims that one node makes of its inputs: shapes, or constants. */
function infer(
  op: string,
  inputs: (Dims | Tensor | null)[],
  attributes: GraphNode['attributes'] = {},
  opset = 13,
  outputCount = 1,
): (Dims | undefined)[] {
  const names = inputs.map((input, index) => (input === null ? '' : `i${index}`));
  const initializers = new Map<string, Tensor>();
  const values: ValueInfo[] = [];
  for (const [index, input] of inputs.entries()) {
    if (input === null) continue;
    if ('data' in input) initializers.set(names[index], input);
    else values.push({ name: names[index], dtype: 'float32', dims: input });
  }
  const outputs = Array.from({ length: outputCount }, (_, index) => `o${index}`);
  const graph: Graph = {
    name: 'test',
    opset,
    irVersion: 8,
    inputs: values,
    outputs: outputs.map((name): ValueInfo => ({ name, dtype: 'float32', dims: undefined })),
    nodes: [{ name: 'node', op, domain: '', inputs: names, outputs, attributes }],
    initializers,
    values: new Map(),
  };
  return inferShapes(graph).outputs.map(({ dims }) => dims);
}

describe('windows', () => {
  const x = [1, 3, 224, 224];
  it.each<[string, Dims, GraphNode['attributes'], Dims]>([
    ['AlexNet layer 1', [64, 3, 11, 11], { strides: [4, 4], pads: [2, 2, 2, 2] }, [1, 64, 55, 55]],
    ['dilation', [8, 3, 3, 3], { dilations: [2, 3] }, [1, 8, 220, 218]],
    ['SAME_UPPER', [8, 3, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }, [1, 8, 112, 112]],
    ['VALID', [8, 3, 7, 7], { auto_pad: 'VALID', strides: [2, 2] }, [1, 8, 109, 109]],
    ['groups', [6, 1, 1, 1], { group: 3 }, [1, 6, 224, 224]],
  ])('Conv, %s', (_, weights, attributes, expected) => {
    expect(infer('Conv', [x, weights], attributes)).toEqual([expected]);
  });

  it('pools: floor, ceil, and the window that ceil drops', () => {
    const pool = (dims: Dims, attributes: GraphNode['attributes']): unknown => infer('MaxPool', [dims], attributes)[0];
    expect(pool([1, 64, 55, 55], { kernel_shape: [3, 3], strides: [2, 2] })).toEqual([1, 64, 27, 27]);
    expect(pool([1, 64, 112, 112], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 })).toEqual([1, 64, 56, 56]);
    // 2 + 2 padding, kernel 2, stride 3: the second window would start in the padding at the end.
    expect(pool([1, 1, 2, 2], { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 })).toEqual([1, 1, 1, 1]);
  });

  it('ConvTranspose', () => {
    const weights = [3, 2, 4, 4];
    expect(infer('ConvTranspose', [[1, 3, 8, 8], weights], { strides: [2, 2], pads: [1, 1, 1, 1], group: 1 })).toEqual([[1, 2, 16, 16]]);
    expect(infer('ConvTranspose', [[1, 3, 8, 8], weights], { strides: [3, 3], output_padding: [1, 1] })).toEqual([[1, 2, 26, 26]]);
    expect(infer('ConvTranspose', [[1, 3, 8, 8], weights], { strides: [3, 3], auto_pad: 'SAME_UPPER' })).toEqual([[1, 2, 24, 24]]);
  });

  it('keeps the batch symbolic', () => {
    expect(
      infer('Conv', [
        ['n', 3, 8, 8],
        [4, 3, 3, 3],
      ]),
    ).toEqual([['n', 4, 6, 6]]);
  });

  it.each<[string, Dims, Dims, GraphNode['attributes'], RegExp]>([
    ['channels', x, [8, 4, 3, 3], {}, /the input has 3 channels, the weights expect 4/],
    ['kernel too large', [1, 3, 4, 4], [8, 3, 5, 5], {}, /the kernel covers 5 of only 4/],
    ['kernel_shape', x, [8, 3, 3, 3], { kernel_shape: [5, 5] }, /kernel_shape \[5,5\] differs/],
    ['strides', x, [8, 3, 3, 3], { strides: [0, 1] }, /"strides" is \[0,1\]/],
    ['pads', x, [8, 3, 3, 3], { pads: [1, 1] }, /"pads" has 2 numbers, expected 4/],
    ['rank', [3, 224], [8, 3, 3, 3], {}, /rank 2/],
  ])('refuses contradictions: %s', (_, input, weights, attributes, message) => {
    expect(() => infer('Conv', [input, weights], attributes)).toThrow(InputError);
    expect(() => infer('Conv', [input, weights], attributes)).toThrow(message);
    expect(() => infer('Conv', [input, weights], attributes)).toThrow(/^node "node" \(Conv\)/);
  });
});

describe('movement', () => {
  it('Reshape: copies, the free dimension, names that only move', () => {
    expect(infer('Reshape', [[2, 3, 4], ints(0, -1)])).toEqual([[2, 12]]);
    expect(infer('Reshape', [['n', 3, 4], ints(-1, 12)])).toEqual([['n', 12]]);
    expect(infer('Reshape', [['n', 3, 4], ints(-1, 6)])).toEqual([[null, 6]]);
    expect(() => infer('Reshape', [[2, 3], ints(4, -1)])).toThrow(/6 elements do not fit/);
    expect(() => infer('Reshape', [[2, 3], ints(7)])).toThrow(/cannot be reshaped/);
  });

  it('attributes of old opsets, inputs of new ones', () => {
    expect(infer('Squeeze', [[1, 3, 1]], { axes: [0] }, 11)).toEqual([[3, 1]]);
    expect(infer('Squeeze', [[1, 3, 1], ints(-1)])).toEqual([[1, 3]]);
    expect(infer('Squeeze', [[1, 3, 1]])).toEqual([[3]]);
    expect(infer('Unsqueeze', [[3]], { axes: [0, 2] }, 11)).toEqual([[1, 3, 1]]);
    expect(infer('Unsqueeze', [[3], ints(0, -1)])).toEqual([[1, 3, 1]]);
    expect(infer('Slice', [[10, 8]], { starts: [1, -3], ends: [Number.MAX_SAFE_INTEGER, -1], axes: [0, 1] }, 9)).toEqual([[9, 2]]);
    expect(infer('Slice', [[10], ints(-1), ints(-100), ints(0), ints(-3)])).toEqual([[4]]);
    expect(infer('Split', [[10, 2]], { split: [3, 7] }, 11, 2)).toEqual([
      [3, 2],
      [7, 2],
    ]);
    expect(infer('Split', [[7]], { num_outputs: 3 }, 18, 3)).toEqual([[3], [3], [1]]);
    expect(infer('Pad', [[3, 4]], { pads: [1, 0, 0, 2] }, 9)).toEqual([[4, 6]]);
    expect(infer('Pad', [[3, 4], ints(5, 5), null, ints(1)], {}, 18)).toEqual([[3, 14]]);
    expect(infer('ReduceMean', [[2, 3, 4]], { axes: [-1], keepdims: 0 })).toEqual([[2, 3]]);
    expect(infer('ReduceMean', [[2, 3, 4], ints(1)], {}, 18)).toEqual([[2, 1, 4]]);
  });

  it('leaves open what depends on values that are not constant', () => {
    expect(infer('Reshape', [[2, 3], [4]])).toEqual([[null, null, null, null]]);
    expect(infer('Slice', [[10, 8], [1], [1]])).toEqual([[null, null]]);
    expect(infer('Squeeze', [[1, 3], [1]])).toEqual([undefined]);
    expect(infer('NoSuchOperator', [[1]])).toEqual([undefined]);
  });
});

describe('products', () => {
  it('Gemm and MatMul', () => {
    expect(
      infer(
        'Gemm',
        [
          [2, 3],
          [5, 3],
        ],
        { transB: 1 },
      ),
    ).toEqual([[2, 5]]);
    expect(
      infer('MatMul', [
        [2, 1, 3, 4],
        [5, 4, 6],
      ]),
    ).toEqual([[2, 5, 3, 6]]);
    expect(infer('MatMul', [[4], [4, 6]])).toEqual([[6]]);
    expect(() =>
      infer('MatMul', [
        [2, 3],
        [4, 5],
      ]),
    ).toThrow(/inner dimensions 3 and 4 differ/);
  });

  it('LSTM', () => {
    const outputs = infer(
      'LSTM',
      [
        [7, 2, 10],
        [2, 20, 10],
        [2, 20, 5],
      ],
      { direction: 'bidirectional', hidden_size: 5 },
      14,
      3,
    );
    expect(outputs).toEqual([
      [7, 2, 2, 5],
      [2, 2, 5],
      [2, 2, 5],
    ]);
  });
});

const vectors = '../shared/data/node/v1.15.0';
describe.skipIf(!existsSync(vectors))(`conformance vectors of ${vectors} (skipped where absent)`, () => {
  /** Shape-giving integer inputs of the vectors become constants, as they are in real models. */
  function inferCase(name: string): { graph: Graph; expected: Tensor[] } | undefined {
    const load = (file: string): Tensor => readTensorPb(readFileSync(`${vectors}/${name}/test_data_set_0/${file}.pb`));
    let graph: Graph;
    let inputs: Tensor[];
    let expected: Tensor[];
    try {
      graph = readOnnx(readFileSync(`${vectors}/${name}/model.onnx`), { source: name });
      inputs = graph.inputs.map((_, index) => load(`input_${index}`));
      expected = graph.outputs.map((_, index) => load(`output_${index}`));
    } catch (error) {
      // Types that this project does not hold: float8, sequences.
      if (error instanceof InputError || (error as { code?: string }).code === 'ENOENT') return undefined;
      throw error;
    }
    const small: DataType[] = ['int64'];
    const fixed = graph.inputs.flatMap((input, index): [string, Tensor][] =>
      small.includes(inputs[index].dtype) || (/resize|upsample|range/.test(name) && inputs[index].data.length < 10)
        ? [[input.name, inputs[index]]]
        : [],
    );
    const initializers = new Map([...graph.initializers, ...fixed]);
    const bare = {
      ...graph,
      initializers,
      inputs: graph.inputs.filter((input) => !initializers.has(input.name)),
      values: new Map(),
      outputs: graph.outputs.map((output) => ({ ...output, dims: undefined })),
    };
    return { graph: inferShapes(bare), expected };
  }

  it('every shape that is found is right, and few are not found', () => {
    let found = 0;
    let open = 0;
    for (const name of readdirSync(vectors)) {
      const result = inferCase(name);
      for (const [index, output] of result?.graph.outputs.entries() ?? []) {
        const { dims, dtype } = result!.expected[index];
        if (!output.dims?.every((dim) => typeof dim === 'number')) open++;
        else {
          expect(output.dims, name).toEqual(dims);
          // The vectors store bfloat16 as uint16.
          if (output.dtype !== 'bfloat16') expect(output.dtype, name).toBe(dtype);
          found++;
        }
      }
    }
    expect(found).toBeGreaterThan(600);
    expect(open).toBeLessThan(20);
  });
});
