/** Passes on the ONNX graph, the partition, and what is refused. Numbers are checked in ../quantize/operators.test.ts. */
import { describe, expect, it } from 'vitest';
import type { AttributeValue } from '../../graph/graph.ts';
import { fixFrameDimension } from './fix-frame-dimension.ts';
import { foldPadding } from './fold-padding.ts';
import { acceleratorParts, hostParts, lowerGraph } from './lower-graph.ts';
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

/** The same on x [1, 64, 56, 56], where a convolution is worth the way to the accelerator. */
function bigChain(nodes: Nodes, outputs: string[], constants: TestGraph['constants'] = {}) {
  return makeGraph({ inputs: { x: [1, 64, 56, 56] }, outputs, nodes, constants: { w: weights(64, 64, 1, 1), ...constants } });
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
    const lowered = lowerGraph(graph);
    const { placement } = lowered;
    const [[layers], [tail]] = [acceleratorParts(lowered), hostParts(lowered)];
    expect(placement.map(({ node, where, how }) => `${node} ${where}: ${how}`)).toEqual([
      'n_two folded: constant, or into its reader',
      'n_c accelerated: conv',
      'n_m folded: into "n_c"',
      'n_r folded: into "n_c"',
      'n_f folded: changes no word',
      'n_y host: no multiplication follows: the host does it faster than a dozen stages',
    ]);
    expect(layers.outputs).toEqual([{ name: 'f', tensor: 1, dims: [1, 144], order: 'nchw' }]);
    expect(tail).toMatchObject({ inputs: ['f'], outputs: ['y'], nodes: ['n_y'] });
    expect(tail.graph.inputs).toEqual([{ name: 'f', dtype: 'float32', dims: [1, 144] }]);
  });

  it('takes along what feeds the head and what follows the tail', () => {
    const graph = chain(
      [
        ['Add', ['x', 'k'], ['a']],
        ['Atan', ['a'], ['e']],
        ['Conv', ['e', 'w'], ['c']],
        ['Atan', ['c'], ['t']],
        ['Relu', ['t'], ['y']],
        ['Relu', ['c'], ['z']],
      ],
      ['y', 'z'],
      { k: floats([], [1]) },
    );
    const lowered = lowerGraph(graph);
    expect(lowered.parts.map(({ where }) => where)).toEqual(['host', 'accelerator', 'host']);
    const [[layers], [head, tail]] = [acceleratorParts(lowered), hostParts(lowered)];
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
      'time-first',
      'infer-shapes',
      'fold-constants',
      'infer-shapes-again',
      'remove-identities',
      'recognize-normalization',
      'fold-padding',
      'hoist-through-moves',
      'fold-affine-into-producer',
      'fold-affine-into-consumer',
      'fuse-functions',
      'remove-fused',
      'lower-affine',
      'fuse-clamp',
      'pool-before-pointwise',
      'lower-clamp',
      'nest-pools',
      'read-blocks',
      'remove-unused',
      'order-channels',
      'remove-moved',
    ]);
  });
});

describe('parts', () => {
  const between = (op: string, inputs: string[] = ['c'], attributes: Record<string, AttributeValue> = {}): Nodes => [
    ['Conv', ['x', 'w'], ['c']],
    [op, inputs, ['m'], attributes],
    ['Conv', ['m', 'w'], ['y']],
  ];
  const sidesOf = (nodes: Nodes, outputs = ['y'], constants: TestGraph['constants'] = {}) =>
    lowerGraph(bigChain(nodes, outputs, constants)).parts.map((part) =>
      part.where === 'host' ? `host ${part.host.nodes.join(' ')}` : `accelerator ${part.layers.layers.map(({ name }) => name).join(' ')}`,
    );

  it('alternate where the accelerator lacks a node', () => {
    expect(sidesOf(between('Hardmax', ['c'], { axis: 1 }))).toEqual(['accelerator n_c', 'host n_m', 'accelerator n_y']);
  });

  it('each have what they need from any part before', () => {
    const { parts } = lowerGraph(
      bigChain(
        [
          ['Conv', ['x', 'w'], ['a']],
          ['Hardmax', ['a'], ['l'], { axis: 1 }],
          ['Conv', ['l', 'w'], ['b']],
          ['Add', ['b', 'a'], ['s']],
          ['Conv', ['s', 'w'], ['y']],
        ],
        ['y'],
      ),
    );
    expect(parts.map(({ where }) => where)).toEqual(['accelerator', 'host', 'accelerator']);
    const last = parts[2];
    expect(last.where === 'accelerator' && last.layers.inputs.map(({ name }) => name)).toEqual(['l', 'a']);
  });

  it('take branches that need no word from the other side into one part', () => {
    const nodes: Nodes = [
      ['Conv', ['x', 'w'], ['a']],
      ['Hardmax', ['a'], ['l'], { axis: 1 }],
      ['Conv', ['x', 'w'], ['b']],
      ['Hardmax', ['b'], ['m'], { axis: 1 }],
      ['Conv', ['l', 'w'], ['c']],
      ['Conv', ['m', 'w'], ['d']],
      ['Add', ['c', 'd'], ['y']],
    ];
    expect(sidesOf(nodes)).toEqual(['accelerator n_a n_b', 'host n_l n_m', 'accelerator n_c n_d n_y']);
  });

  it('leave islands without multiplications to the host between which they lie', () => {
    const nodes: Nodes = [
      ['Conv', ['x', 'w'], ['a']],
      ['Hardmax', ['a'], ['l'], { axis: 1 }],
      ['Relu', ['l'], ['r']],
      ['Hardmax', ['r'], ['y'], { axis: 1 }],
    ];
    expect(sidesOf(nodes)).toEqual(['accelerator n_a', 'host n_l n_r n_y']);
    const { placement } = lowerGraph(bigChain(nodes, ['y']));
    expect(placement[2]).toMatchObject({
      node: 'n_r',
      where: 'host',
      how: 'the way of its values to the accelerator and back costs more than it saves',
    });
  });

  it('a network that only the host runs has no layers', () => {
    const lowered = lowerGraph(chain([['Hardmax', ['x'], ['y'], { axis: 1 }]], ['y']));
    expect(acceleratorParts(lowered)).toEqual([]);
    expect(hostParts(lowered)[0].nodes).toEqual(['n_y']);
  });

  it('an output that depends on no input is a constant', () => {
    const graph = chain(
      [
        ['Conv', ['x', 'w'], ['y']],
        ['Neg', ['k'], ['z']],
      ],
      ['y', 'z'],
      { k: floats([1], [3]) },
    );
    expect(lowerGraph(graph).constants.get('z')?.data).toEqual(Float32Array.of(-3));
  });

  it('more than one frame goes to the host, with the reason', () => {
    const graph = makeGraph({
      inputs: { x: [2, 4, 6, 6] },
      outputs: ['y'],
      constants: { w: weights(4, 4, 1, 1) },
      nodes: [['Conv', ['x', 'w'], ['y']]],
    });
    expect(lowerGraph(graph).placement[0]).toMatchObject({ where: 'host', how: expect.stringContaining('1 frame in dimension 0') });
  });
});

describe('without the host', () => {
  it('names node, operator, reason and remedy', () => {
    const nodes: Nodes = [
      ['Conv', ['x', 'w'], ['c']],
      ['Hardmax', ['c'], ['y'], { axis: 1 }],
    ];
    expect(() => lowerGraph(chain(nodes, ['y']), { allowHost: false })).toThrow(
      'test: 1 node does not run on the accelerator, and the host was ruled out:\n' +
        '  "n_y" (Hardmax): the operator Hardmax has no implementation on the accelerator\n' +
        'Allow the host, replace these operators',
    );
  });

  it('lists at most ten nodes', () => {
    const many: Nodes = Array.from({ length: 12 }, (_, i): Nodes[number] => [
      'Hardmax',
      [i === 0 ? 'c' : `e${i - 1}`],
      [`e${i}`],
      { axis: 1 },
    ]);
    const graph = chain([['Conv', ['x', 'w'], ['c']], ...many], ['e11']);
    expect(() => lowerGraph(graph, { allowHost: false })).toThrow(/12 nodes do not[\s\S]*"n_e9"[\s\S]*… and 2 more/);
  });

  it('changes nothing for a network that needs none', () => {
    expect(lowerGraph(chain([['Conv', ['x', 'w'], ['y']]], ['y']), { allowHost: false }).parts).toHaveLength(1);
  });
});
