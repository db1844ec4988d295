import { describe, expect, it } from 'vitest';
import type { AttributeValue, Graph } from '../../graph/graph.ts';
import { removeIdentities } from '../../graph/remove-identities.ts';
import { inferShapes } from '../../graph/shape-inference.ts';
import { recognizeNormalization } from './recognize-normalization.ts';
import { floats, makeGraph, type TestGraph } from './test-graph.test-util.ts';

const CONSTANTS = {
  two: floats([], [2]),
  eps: floats([], [1e-5]),
  gamma: floats([8], new Array(8).fill(1.5)),
  beta: floats([8], new Array(8).fill(0.1)),
};
const MEAN: Record<string, AttributeValue> = { axes: [-1], keepdims: 1 };

/** The nine nodes, with changes by output name. */
function decomposed(changes: Record<string, TestGraph['nodes'][number]> = {}, outputs = ['y'], more: TestGraph['nodes'] = []): Graph {
  const nodes: TestGraph['nodes'] = [
    ['ReduceMean', ['x'], ['m'], MEAN],
    ['Sub', ['x', 'm'], ['d']],
    ['Cast', ['d'], ['c'], { to: 1 }],
    ['Pow', ['c', 'two'], ['s']],
    ['ReduceMean', ['s'], ['v'], MEAN],
    ['Add', ['v', 'eps'], ['w']],
    ['Sqrt', ['w'], ['r']],
    ['Div', ['d', 'r'], ['q']],
    ['Mul', ['q', 'gamma'], ['t']],
    ['Add', ['t', 'beta'], ['y']],
  ];
  const changed = nodes.map((node) => changes[node[2][0]] ?? node);
  return removeIdentities(
    inferShapes(makeGraph({ inputs: { x: [1, 4, 8] }, outputs, constants: CONSTANTS, nodes: [...changed, ...more] })),
  );
}

const operators = (graph: Graph): string[] => graph.nodes.map(({ op }) => op);

describe('recognize-normalization', () => {
  it('finds what exporters write, with the square as Pow or as Mul', () => {
    for (const square of [undefined, ['Mul', ['c', 'c'], ['s']] as const]) {
      const { nodes } = recognizeNormalization(decomposed(square ? { s: square } : {}));
      expect(nodes).toHaveLength(1);
      expect(nodes[0]).toMatchObject({ name: 'n_y', op: 'LayerNormalization', inputs: ['x', 'gamma', 'beta'], outputs: ['y'] });
      expect(nodes[0].attributes.epsilon).toBeCloseTo(1e-5, 10);
    }
  });

  it('leaves alone what is something else', () => {
    const others: Record<string, TestGraph['nodes'][number]>[] = [
      { s: ['Pow', ['c', 'eps'], ['s']] },
      { m: ['ReduceMean', ['x'], ['m'], { axes: [1], keepdims: 1 }] },
      { v: ['ReduceMean', ['s'], ['v'], { axes: [1], keepdims: 1 }] },
      { d: ['Add', ['x', 'm'], ['d']] },
      { r: ['Exp', ['w'], ['r']] },
      { q: ['Div', ['x', 'r'], ['q']] },
    ];
    for (const other of others) expect(operators(recognizeNormalization(decomposed(other)))).toHaveLength(9);
  });

  it('keeps what somebody else reads', () => {
    const graph = decomposed({}, ['y', 'z'], [['Relu', ['r'], ['z']]]);
    expect(operators(recognizeNormalization(graph))).toHaveLength(10);
  });
});

describe('remove-identities', () => {
  it('removes casts to the type that a value has, keeps names of outputs', () => {
    const graph = makeGraph({
      inputs: { x: [1, 4] },
      outputs: ['y', 'z'],
      nodes: [
        ['Cast', ['x'], ['a'], { to: 1 }],
        ['Identity', ['a'], ['b']],
        ['Cast', ['b'], ['y'], { to: 1 }],
        ['Cast', ['b'], ['z'], { to: 7 }],
      ],
    });
    const { nodes } = removeIdentities(inferShapes(graph));
    expect(nodes.map(({ op, inputs, outputs }) => [op, inputs, outputs])).toEqual([
      ['Identity', ['x'], ['y']],
      ['Cast', ['x'], ['z']],
    ]);
  });
});
