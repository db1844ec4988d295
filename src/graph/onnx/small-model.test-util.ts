/** A small model for the tests of reading and writing ONNX files, and ways to damage it. */
import type { Graph, GraphNode, Tensor, ValueInfo } from '../graph.ts';
import { onnx } from './generated/onnx.js';
import { type ReadOptions, readOnnx } from './read-onnx.ts';
import { writeOnnx } from './write-onnx.ts';

export type GraphMessage = onnx.GraphProto;
export type ModelMessage = onnx.ModelProto;

export const value = (name: string, dims: ValueInfo['dims'], dtype: ValueInfo['dtype'] = 'float32'): ValueInfo => ({ name, dtype, dims });
export const node = (
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
export const float = (dims: number[], data: number[]): Tensor => ({ dtype: 'float32', dims, data: Float32Array.from(data) });

/** A 2-channel convolution with bias and a LeakyRelu, integer-valued float attributes and a sub-graph. */
export const small: Graph = {
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

export const smallBytes = writeOnnx(small);
export const read = (bytes: Uint8Array, options: Partial<ReadOptions> = {}): Graph => readOnnx(bytes, { source: 'test.onnx', ...options });
/** A small model's bytes with its message changed, usually damaged. */
export const proto = (change: (graph: GraphMessage, model: ModelMessage) => void): Uint8Array => {
  const model = onnx.ModelProto.decode(smallBytes);
  change(model.graph as GraphMessage, model);
  return onnx.ModelProto.encode(model).finish();
};

/** 64-bit integers as the wire has them. */
export const varints = (...values: bigint[]): Uint8Array => {
  const out: number[] = [];
  for (const value of values) {
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
    out.push(Number(rest));
  }
  return Uint8Array.from(out);
};
