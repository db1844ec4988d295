/** Small ONNX graphs for tests, written down in a few lines. */
import type { AttributeValue, Graph, GraphNode, Tensor, ValueInfo } from '../../graph/graph.ts';

export interface TestGraph {
  readonly inputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs: readonly string[];
  readonly constants?: Readonly<Record<string, Tensor>>;
  /** [operator, inputs, outputs, attributes]; the node is named after its first output. */
  readonly nodes: readonly (readonly [
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes?: Record<string, AttributeValue>,
  ])[];
  readonly opset?: number;
}

export function floats(dims: readonly number[], data: ArrayLike<number>): Tensor {
  return { dtype: 'float32', dims, data: Float32Array.from(data) };
}

/** A tensor whose elements `draw` gives in row-major order. */
export function drawFloats(dims: readonly number[], draw: (index: number) => number): Tensor {
  return floats(
    dims,
    Array.from({ length: dims.reduce((n, dim) => n * dim, 1) }, (_, i) => draw(i)),
  );
}

export function integers(...values: number[]): Tensor {
  return { dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) };
}

export function makeGraph(test: TestGraph): Graph {
  const info = (name: string, dims?: readonly (number | string)[]): ValueInfo => ({ name, dtype: 'float32', dims });
  return {
    name: 'test',
    opset: test.opset ?? 13,
    irVersion: 8,
    inputs: Object.entries(test.inputs).map(([name, dims]) => info(name, dims)),
    outputs: test.outputs.map((name) => info(name)),
    nodes: test.nodes.map(
      ([op, inputs, outputs, attributes]): GraphNode => ({
        name: `n_${outputs[0]}`,
        op,
        domain: '',
        inputs,
        outputs,
        attributes: attributes ?? {},
      }),
    ),
    initializers: new Map(Object.entries(test.constants ?? {})),
    values: new Map(),
  };
}
