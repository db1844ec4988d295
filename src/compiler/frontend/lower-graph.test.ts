/** Passes on the ONNX graph, the partition, and what is refused. Numbers are checked in ../quantize/operators.test.ts. */
import { describe, expect, it } from 'vitest';
import type { AttributeValue } from '../../graph/graph.ts';
import { fixFrameDimension } from './fix-frame-dimension.ts';
import { foldPadding } from './fold-padding.ts';
import { lowerGraph } from './lower-graph.ts';
import { floats, integers, makeGraph, type TestGraph } from './test-graph.test-util.ts';

const weights = (...dims: number[]) =>
  floats(
    dims,
    Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => (i % 7) - 3),
  );

type Nodes = TestGraph['nodes'];

/** Graph on x [1, 4, 6, 6] with 1×1 weights w for 4 channels. */
function chain(nodes: Nodes, outputs: string[], constants: TestGraph['constants'] = {}) {
  return makeGraph({ inputs: { x: [1, 4, 6, 6] }, outputs, nodes, constants: { w: weights(4, 4, 1, 1), ...constants } });
}

describe('fix-frame-dimension', () => {
  it('takes one frame', () => {
    const graph = makeGraph({ inputs: { x: ['batch', 3, 8, 8] }, outputs: [], nodes: [] });
    expect(fixFrameDimension(graph).inputs[0].dims).toEqual([1, 3, 8, 8]);
  });

  it('asks for other free dimensions', () => {
    const graph = makeGraph({ inputs: { x: [1, 3, 'height', 8] }, outputs: [], nodes: [] });
    expect(() => fixFrameDimension(graph)).toThrow('dimension 2 of input "x" ("height") has no value; give it with --shape height=…');
  });
});

describe('fold-padding', () => {
  const pads = integers(0, 0, 1, 2, 0, 0, 3, 4);
  const pad = (reader: string, attributes: Record<string, AttributeValue>, front: Nodes = []): Nodes => [
    ...front,
    ['Pad', [front.length ? 'r' : 'x', 'pads'], ['p']],
    [reader, reader === 'Conv' ? ['p', 'w'] : ['p'], ['y'], attributes],
  ];

  it('adds to the pads of a convolution', () => {
    const { nodes } = foldPadding(chain(pad('Conv', { pads: [1, 1, 1, 1] }), ['y'], { pads }));
    expect(nodes).toHaveLength(1);
    expect(nodes[0]).toMatchObject({ op: 'Conv', inputs: ['x', 'w'], attributes: { pads: [2, 3, 4, 5] } });
  });

  it('an average pool counts it', () => {
    const [pool] = foldPadding(chain(pad('AveragePool', { kernel_shape: [2, 2] }), ['y'], { pads })).nodes;
    expect(pool).toMatchObject({ op: 'AveragePool', attributes: { pads: [1, 2, 3, 4], count_include_pad: 1 } });
    const own = chain(pad('AveragePool', { kernel_shape: [2, 2], pads: [1, 1, 1, 1] }), ['y'], { pads });
    expect(foldPadding(own).nodes).toHaveLength(2);
  });

  it('a max pool takes it only behind a Relu', () => {
    expect(foldPadding(chain(pad('MaxPool', { kernel_shape: [5, 5] }), ['y'], { pads })).nodes).toHaveLength(2);
    expect(foldPadding(chain(pad('MaxPool', { kernel_shape: [5, 5] }, [['Relu', ['x'], ['r']]]), ['y'], { pads })).nodes).toHaveLength(2);
  });
});

describe('placement', () => {
  it('says for every node where it went', () => {
    const graph = chain(
      [
        ['Constant', [], ['two'], { value: floats([], [2]) }],
        ['Conv', ['x', 'w'], ['c']],
        ['Mul', ['c', 'two'], ['m']],
        ['Relu', ['m'], ['r']],
        ['Flatten', ['r'], ['f']],
        ['Softmax', ['f'], ['y']],
      ],
      ['y'],
    );
    const { placement, layers, tail } = lowerGraph(graph);
    expect(placement.map(({ node, where, how }) => `${node} ${where}: ${how}`)).toEqual([
      'n_two folded: constant, or into its reader',
      'n_c accelerated: conv',
      'n_m folded: into "n_c"',
      'n_r folded: into "n_c"',
      'n_f folded: changes no word',
      'n_y host: the operator Softmax has no implementation on the accelerator',
    ]);
    expect(layers.outputs).toEqual([{ name: 'f', tensor: 1, dims: [1, 144], order: 'nchw' }]);
    expect(tail).toMatchObject({ inputs: ['f'], outputs: ['y'], nodes: ['n_y'] });
    expect(tail!.graph.inputs).toEqual([{ name: 'f', dtype: 'float32', dims: [1, 144] }]);
  });

  it('takes along what feeds the head and what follows the tail', () => {
    const graph = chain(
      [
        ['Add', ['x', 'k'], ['a']],
        ['Exp', ['a'], ['e']],
        ['Conv', ['e', 'w'], ['c']],
        ['Exp', ['c'], ['t']],
        ['Relu', ['t'], ['y']],
        ['Relu', ['c'], ['z']],
      ],
      ['y', 'z'],
      { k: floats([], [1]) },
    );
    const { head, tail, layers } = lowerGraph(graph);
    expect(head).toMatchObject({ inputs: ['x'], outputs: ['e'], nodes: ['n_a', 'n_e'] });
    expect(tail).toMatchObject({ inputs: ['c'], outputs: ['y'], nodes: ['n_t', 'n_y'] });
    expect(layers.inputs.map(({ name }) => name)).toEqual(['e']);
    expect(layers.outputs.map(({ name }) => name)).toEqual(['c', 'z']);
  });

  it('names the passes it runs', () => {
    const seen: string[] = [];
    lowerGraph(chain([['Conv', ['x', 'w'], ['y']]], ['y']), { onPass: (name) => seen.push(name) });
    expect(seen).toEqual([
      'fix-frame-dimension',
      'infer-shapes',
      'fold-constants',
      'infer-shapes-again',
      'fold-padding',
      'fold-affine-into-producer',
      'fold-affine-into-consumer',
      'lower-affine',
      'fuse-clamp',
      'lower-clamp',
      'remove-unused',
    ]);
  });
});

describe('refusals', () => {
  const between = (op: string, inputs: string[] = ['c'], attributes: Record<string, AttributeValue> = {}): Nodes => [
    ['Conv', ['x', 'w'], ['c']],
    [op, inputs, ['m'], attributes],
    ['Conv', ['m', 'w'], ['y']],
  ];

  it('names node, operator, reason and remedy', () => {
    expect(() => lowerGraph(chain(between('LRN', ['c'], { size: 3 }), ['y']))).toThrow(
      'test: 1 node cannot run on the accelerator and lies between layers that do, so the host cannot take it over:\n' +
        '  "n_m" (LRN): the operator LRN has no implementation on the accelerator\n' +
        'Replace these operators',
    );
    expect(() => lowerGraph(chain(between('Mul', ['c', 'c']), ['y']))).toThrow('"n_m" (Mul): it multiplies two activations');
  });

  it('lists at most ten nodes, and not those that only follow', () => {
    const many: Nodes = Array.from({ length: 12 }, (_, i): Nodes[number] => ['Exp', [i === 0 ? 'c' : `e${i - 1}`], [`e${i}`]]);
    const graph = chain([['Conv', ['x', 'w'], ['c']], ...many, ['Conv', ['e11', 'w'], ['y']]], ['y']);
    expect(() => lowerGraph(graph)).toThrow(/12 nodes cannot[\s\S]*"n_e9"[\s\S]*… and 2 more/);
    const shuffle = chain(
      [
        ['Conv', ['x', 'w'], ['c']],
        ['Reshape', ['c', 's'], ['a']],
        ['Transpose', ['a'], ['b'], { perm: [0, 2, 1, 3, 4] }],
        ['Reshape', ['b', 'j'], ['d']],
        ['Conv', ['d', 'w'], ['y']],
      ],
      ['y'],
      { s: integers(1, 2, 2, 6, 6), j: integers(1, 4, 6, 6) },
    );
    expect(() => lowerGraph(shuffle)).toThrow(/1 node cannot[^\n]*\n {2}"n_a" \(Reshape\): it turns \[1, 4, 6, 6\] into \[1, 2, 2, 6, 6\]/);
  });

  it('a model without anything to accelerate', () => {
    expect(() => lowerGraph(chain([['Exp', ['x'], ['y']]], ['y']))).toThrow('no node can run on the accelerator');
  });

  it('more than one frame', () => {
    const graph = makeGraph({
      inputs: { x: [2, 4, 6, 6] },
      outputs: ['y'],
      constants: { w: weights(4, 4, 1, 1) },
      nodes: [['Conv', ['x', 'w'], ['y']]],
    });
    expect(() => lowerGraph(graph)).toThrow('expected rank 1 to 4 with 1 frame in dimension 0');
  });
});
