import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { foldConstants } from './fold-constants.ts';
import type { Graph, GraphNode, Tensor, ValueInfo } from './graph.ts';
import { readOnnx, readTensorPb } from './onnx/read-onnx.ts';
import { writeOnnx } from './onnx/write-onnx.ts';
import { countElements } from './tensor.ts';

const value = (name: string, dims: ValueInfo['dims'], dtype: ValueInfo['dtype'] = 'float32'): ValueInfo => ({ name, dtype, dims });
const ints = (...data: number[]): Tensor => ({ dtype: 'int64', dims: [data.length], data: BigInt64Array.from(data, BigInt) });
const scalar = (data: number): Tensor => ({ dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(data)) });
const node = (op: string, inputs: string[], outputs: string[], attributes: GraphNode['attributes'] = {}): GraphNode => ({
  name: `${op}_${outputs[0]}`,
  op,
  domain: '',
  inputs,
  outputs,
  attributes,
});
function graphOf(nodes: GraphNode[], inputs: ValueInfo[], outputs: string[], constants: Record<string, Tensor> = {}): Graph {
  return {
    name: 'test',
    opset: 13,
    irVersion: 8,
    inputs,
    outputs: outputs.map((name) => value(name, undefined)),
    nodes,
    initializers: new Map(Object.entries(constants)),
    values: new Map(),
  };
}

describe('shape computations', () => {
  /** What PyTorch leaves of x.view(x.size(0), -1). */
  const exported = graphOf(
    [
      node('Shape', ['x'], ['s']),
      node('Constant', [], ['zero'], { value: scalar(0) }),
      node('Gather', ['s', 'zero'], ['n'], { axis: 0 }),
      node('Unsqueeze', ['n', 'axes'], ['u']),
      node('Constant', [], ['minus'], { value_ints: [-1] }),
      node('Concat', ['u', 'minus'], ['t'], { axis: 0 }),
      node('Relu', ['x'], ['unused']),
      node('Reshape', ['x', 't'], ['y']),
    ],
    [value('x', [2, 3, 4, 4])],
    ['y'],
    { axes: ints(0), nobody: ints(1) },
  );

  it('disappear', () => {
    const folded = foldConstants(exported);
    expect(folded.nodes.map(({ op }) => op)).toEqual(['Reshape']);
    expect(folded.initializers).toEqual(new Map([['t', ints(2, -1)]]));
    expect(folded.outputs[0].dims).toEqual([2, 48]);
    expect(exported.nodes.length).toBe(8);
  });

  it('stay where a dimension is free', () => {
    const open = foldConstants({ ...exported, inputs: [value('x', ['n', 3, 4, 4])] });
    expect(open.nodes.map(({ op }) => op)).toEqual(['Shape', 'Gather', 'Unsqueeze', 'Concat', 'Reshape']);
  });

  it('make no absurdly large constants', () => {
    const huge = graphOf([node('ConstantOfShape', ['dims'], ['c']), node('Add', ['x', 'c'], ['y'])], [value('x', [1])], ['y'], {
      dims: ints(100000, 100000),
    });
    expect(foldConstants(huge).nodes.length).toBe(2);
  });

  it('refuse what has no value', () => {
    const bad = graphOf([node('Gather', ['c', 'i'], ['y'])], [], ['y'], { c: ints(1, 2), i: scalar(5) });
    expect(() => foldConstants(bad)).toThrow(InputError);
    expect(() => foldConstants(bad)).toThrow(/index 5 is out of range/);
    const zero = graphOf([node('Div', ['c', 'i'], ['y'])], [], ['y'], { c: ints(1, 2), i: scalar(0) });
    expect(() => foldConstants(zero)).toThrow(/division by zero/);
  });

  it('leave integers beyond 2^53 alone', () => {
    const large = { dtype: 'int64', dims: [], data: BigInt64Array.of(2n ** 62n) } as const;
    expect(foldConstants(graphOf([node('Add', ['c', 'c'], ['y'])], [], ['y'], { c: large })).nodes.length).toBe(1);
  });
});

describe('If with a constant condition', () => {
  const branch = (nodes: GraphNode[], output: string, constants: Record<string, Tensor> = {}): Graph =>
    graphOf(nodes, [], [output], constants);
  const flag = (on: number): Tensor => ({ dtype: 'bool', dims: [], data: Uint8Array.of(on) });
  const attributes = {
    then_branch: branch([node('Constant', [], ['k'], { value: ints(6) }), node('Reshape', ['x', 'k'], ['r'])], 'r'),
    else_branch: branch([], 'x'),
  };
  const nodes = [node('Not', ['flag'], ['condition']), node('If', ['condition'], ['y'], attributes), node('Relu', ['y'], ['k'])];

  it('is replaced by its branch, inner names kept apart', () => {
    const folded = foldConstants(graphOf(nodes, [value('x', [2, 3])], ['k'], { flag: flag(0) }));
    expect(folded.nodes.map(({ op, inputs, outputs }) => [op, inputs, outputs])).toEqual([
      ['Reshape', ['x', 'k_2'], ['y']],
      ['Relu', ['y'], ['k']],
    ]);
    expect(folded.outputs[0].dims).toEqual([6]);
  });

  it('whose branch is a value from outside becomes Identity', () => {
    const folded = foldConstants(graphOf(nodes, [value('x', [2, 3])], ['k'], { flag: flag(1) }));
    expect(folded.nodes.map(({ op, inputs }) => [op, inputs])).toEqual([
      ['Identity', ['x']],
      ['Relu', ['y']],
    ]);
  });
});

it('turns integer weights of a quantized model back into numbers', () => {
  const constants: Record<string, Tensor> = {
    q: { dtype: 'int8', dims: [2, 3], data: Int8Array.of(1, 2, 3, -4, -5, -6) },
    scale: { dtype: 'float32', dims: [2], data: Float32Array.of(0.5, 2) },
    zero: { dtype: 'int8', dims: [2], data: Int8Array.of(1, 0) },
  };
  const folded = foldConstants(graphOf([node('DequantizeLinear', ['q', 'scale', 'zero'], ['y'], { axis: 0 })], [], ['y'], constants));
  expect(folded.initializers.get('y')).toEqual({ dtype: 'float32', dims: [2, 3], data: Float32Array.of(0, 0.5, 1, -8, -10, -12) });
});

const vectors = '../shared/data/node/v1.15.0';
describe('Loop', () => {
  /** v ← v + v each time, with a scan of v; goes on until the iteration is `last`. */
  const loop = (count: number, last: number): Graph => {
    const body: Graph = {
      ...graphOf(
        [
          node('Add', ['v', 'v'], ['w']),
          node('Identity', ['w'], ['row']),
          node('Equal', ['i', 'last'], ['ends']),
          node('Not', ['ends'], ['more']),
          node('And', ['go', 'more'], ['next']),
        ],
        [value('i', [], 'int64'), value('go', [], 'bool'), value('v', [1, 2])],
        ['next', 'w', 'row'],
        { last: scalar(last) },
      ),
    };
    const on: Tensor = { dtype: 'bool', dims: [], data: Uint8Array.of(1) };
    return graphOf([node('Loop', ['count', 'on', 'x'], ['y', 'rows'], { body })], [value('x', [1, 2])], ['y', 'rows'], {
      count: scalar(count),
      on,
    });
  };
  const operators = (graph: Graph): string[] => foldConstants(graph).nodes.map(({ op }) => op);

  it('of a constant count is written out, its scans stacked', () => {
    const found = operators(loop(3, 99));
    expect(found.filter((op) => op === 'Add')).toHaveLength(3);
    expect(found.filter((op) => op === 'Unsqueeze')).toHaveLength(3);
    expect(found).not.toContain('Loop');
    expect(foldConstants(loop(3, 99)).outputs[1].dims).toEqual([3, 1, 2]);
  });

  it('ends when its condition says so', () => {
    expect(operators(loop(9, 1)).filter((op) => op === 'Add')).toHaveLength(2);
  });

  it('stays where it would be long', () => {
    expect(operators(loop(1000, 999))).toEqual(['Loop']);
  });
});

describe.skipIf(!existsSync(vectors))(`conformance vectors of ${vectors} (skipped where absent)`, () => {
  it('with constant inputs: what is folded has the expected value', () => {
    let folded = 0;
    for (const name of readdirSync(vectors)) {
      const load = (file: string): Tensor => readTensorPb(readFileSync(`${vectors}/${name}/test_data_set_0/${file}.pb`));
      let graph: Graph;
      let expected: Tensor[];
      try {
        const read = readOnnx(readFileSync(`${vectors}/${name}/model.onnx`), { source: name });
        const inputs = read.inputs.map((input, index): [string, Tensor] => [input.name, load(`input_${index}`)]);
        graph = { ...read, inputs: [], initializers: new Map([...read.initializers, ...inputs]) };
        expected = graph.outputs.map((_, index) => load(`output_${index}`));
      } catch (error) {
        if (error instanceof InputError || (error as { code?: string }).code === 'ENOENT') continue;
        throw error;
      }
      // Their bfloat16 tensors are stored as uint16.
      if (/BFLOAT16/.test(name)) continue;
      const result = foldConstants(graph);
      if (result.nodes.length > 0) continue;
      for (const [index, { dims, dtype, data }] of expected.entries()) {
        const actual = result.initializers.get(graph.outputs[index].name)!;
        expect([actual.dtype, actual.dims], name).toEqual([dtype, dims]);
        const close = (actual.data as Float64Array).findIndex((x, i) => {
          const y = (data as Float64Array)[i];
          return !(
            x === y ||
            Math.abs(Number(x) - Number(y)) <= 1e-6 * Math.max(1, Math.abs(Number(y))) ||
            (Number.isNaN(x) && Number.isNaN(y))
          );
        });
        expect(close, name).toBe(-1);
        folded++;
      }
    }
    expect(folded).toBeGreaterThan(250);
  });
});

const pretrained = '../shared/data/pretrained';
describe.skipIf(!existsSync(pretrained))(`models of ${pretrained} (skipped where absent)`, () => {
  it.each(['silero/silero_vad_openvino_16k.onnx', 'ultraface/version-RFB-320.onnx', 'vitTracker.onnx', 'mnist-8/mnist-8.onnx'])(
    '%s: folded and written, ONNX Runtime computes the same',
    async (file) => {
      const bytes = readFileSync(`${pretrained}/${file}`);
      const graph = readOnnx(bytes, { source: file });
      const folded = foldConstants(graph);
      expect(folded.nodes.length).toBeLessThan(graph.nodes.length);
      const unknown = folded.nodes
        .flatMap(({ outputs }) => outputs)
        .filter((name) => name !== '' && !folded.values.get(name)?.dims?.every((dim) => typeof dim === 'number'));
      expect(unknown).toEqual([]);
      const feeds = Object.fromEntries(
        graph.inputs.map(({ name, dims }) => [
          name,
          new OrtTensor(
            'float32',
            Float32Array.from({ length: countElements(dims as number[]) }, (_, i) => Math.sin(i * 0.7)),
            dims as number[],
          ),
        ]),
      );
      const options = { graphOptimizationLevel: 'disabled' as const, intraOpNumThreads: 1, logSeverityLevel: 3 as const };
      const [before, after] = await Promise.all(
        [bytes, writeOnnx(folded)].map(async (model) => (await InferenceSession.create(model, options)).run(feeds)),
      );
      for (const { name, dims } of folded.outputs) {
        expect(after[name].dims).toEqual(dims);
        const expected = before[name].data as Float32Array;
        const worst = (after[name].data as Float32Array).reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i])), 0);
        expect(worst).toBeLessThan(1e-4);
      }
    },
  );
});

describe.skipIf(!existsSync(vectors))('fuzzing', () => {
  it('damaged models that still parse give InputError or a graph, nothing else', () => {
    const models = readdirSync(vectors).map((name) => readFileSync(`${vectors}/${name}/model.onnx`));
    fc.assert(
      fc.property(fc.nat(models.length - 1), fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 3 }), (model, flips) => {
        const bytes = Uint8Array.from(models[model]);
        for (const [at, bit] of flips) bytes[at % bytes.length] ^= 1 << bit;
        try {
          writeOnnx(foldConstants(readOnnx(bytes, { source: 'damaged.onnx' })));
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }),
      { numRuns: 4000 },
    );
  });
});
