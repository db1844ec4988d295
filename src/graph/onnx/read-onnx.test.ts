/** Reading ONNX files: what is wrong with a file is said, old and odd files are understood, free dimensions take sizes. */
import { describe, expect, it } from 'vitest';
import { InputError } from '../../util/errors.ts';
import type { Graph } from '../graph.ts';
import { onnx } from './generated/onnx.js';
import type { ReadOptions } from './read-onnx.ts';
import { type GraphMessage, type ModelMessage, node, proto, read, small, smallBytes, varints } from './small-model.test-util.ts';
import { writeOnnx } from './write-onnx.ts';

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
