import { describe, expect, it } from 'vitest';
import type { Graph, GraphNode, Tensor } from '../graph/graph.ts';
import { cutAfterConvolutions, cutGraph, exposeValues } from './subgraph.ts';

const weights: Tensor = { dtype: 'float32', dims: [1], data: Float32Array.of(1) };

/** A graph from lines "op: in, in -> out"; values w* are constants. */
function graphOf(lines: readonly string[], outputs: readonly string[]): Graph {
  const nodes = lines.map((line, i): GraphNode => {
    const [op, inputs, output] = line.split(/: | -> /);
    return { name: `n${i}`, op, domain: '', inputs: inputs.split(', '), outputs: [output], attributes: {} };
  });
  const constants = nodes.flatMap((n) => n.inputs).filter((name) => name.startsWith('w'));
  return {
    name: 'g',
    opset: 13,
    irVersion: 8,
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 3, 8, 8] }],
    outputs: outputs.map((name) => ({ name, dtype: 'float32', dims: undefined })),
    nodes,
    initializers: new Map(constants.map((name) => [name, weights])),
    values: new Map(),
  };
}
const opsOf = (graph: Graph): string[] => graph.nodes.map((n) => n.op);
const outputsOf = (graph: Graph): string[] => graph.outputs.map((o) => o.name);

describe('cutAfterConvolutions', () => {
  it('keeps what is fused behind the last convolution and drops the rest with its weights', () => {
    const graph = graphOf(
      ['Conv: x, w1 -> a', 'Relu: a -> b', 'Conv: b, w2 -> c', 'Relu: c -> d', 'MaxPool: d -> e', 'Flatten: e -> f', 'Gemm: f, w3 -> y'],
      ['y'],
    );
    const cut = cutAfterConvolutions(graph);
    expect(opsOf(cut)).toEqual(['Conv', 'Relu', 'Conv', 'Relu', 'MaxPool']);
    expect(outputsOf(cut)).toEqual(['e']);
    expect([...cut.initializers.keys()]).toEqual(['w1', 'w2']);
  });

  it('follows a residual add with its shortcut', () => {
    const graph = graphOf(['Conv: x, w1 -> a', 'Conv: a, w2 -> b', 'Add: b, a -> c', 'Relu: c -> d', 'GlobalAveragePool: d -> y'], ['y']);
    const cut = cutAfterConvolutions(graph);
    expect(opsOf(cut)).toEqual(['Conv', 'Conv', 'Add', 'Relu']);
    expect(outputsOf(cut)).toEqual(['d']);
  });

  it('ends every head, stops at outputs and where a value is used twice', () => {
    const graph = graphOf(
      ['Conv: x, w1 -> a', 'Conv: a, w2 -> b', 'Relu: b -> p', 'Conv: a, w3 -> c', 'Relu: c -> q', 'Sigmoid: c -> r'],
      ['b', 'p', 'q', 'r'],
    );
    expect(outputsOf(cutAfterConvolutions(graph))).toEqual(['b', 'c']);
  });

  it('leaves a graph without convolutions whole', () => {
    const graph = graphOf(['Gemm: x, w1 -> y'], ['y']);
    expect(cutAfterConvolutions(graph)).toBe(graph);
  });
});

describe('cutGraph and exposeValues', () => {
  it('drops inputs that nothing needs', () => {
    const graph = {
      ...graphOf(['Relu: x -> a', 'Relu: z -> b'], ['a', 'b']),
      inputs: ['x', 'z'].map((name) => ({ name, dtype: 'float32' as const, dims: [1] })),
    };
    expect(cutGraph(graph, ['b']).inputs.map((i) => i.name)).toEqual(['z']);
  });

  it('adds outputs once', () => {
    const graph = graphOf(['Relu: x -> a', 'Relu: a -> y'], ['y']);
    expect(outputsOf(exposeValues(graph, ['a', 'y']))).toEqual(['y', 'a']);
  });
});
