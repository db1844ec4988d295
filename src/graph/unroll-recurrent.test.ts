import { describe, expect, it } from 'vitest';
import { acceleratorParts, lowerGraph } from '../compiler/frontend/lower-graph.ts';
import { drawFloats } from '../compiler/frontend/test-graph.test-util.ts';
import { compareOutputs, runFloat } from '../runtime/verify-model.ts';
import { createRandom } from '../util/random.ts';
import { foldConstants } from './fold-constants.ts';
import type { AttributeValue, Graph, Tensor } from './graph.ts';
import { inferShapes } from './shape-inference.ts';
import { putTimeFirst } from './time-first.ts';
import { unrollRecurrent } from './unroll-recurrent.ts';

const random = createRandom(3);
const noise = (...dims: number[]): Tensor => drawFloats(dims, () => random.normal());
const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;
const [TIME, FEATURES, HIDDEN] = [4, 5, 6];

interface Case {
  readonly op: keyof typeof GATES;
  readonly directions?: number;
  readonly attributes?: Record<string, AttributeValue>;
  readonly hasStates?: boolean;
  /** The states are constants, not inputs. */
  readonly given?: 'zero' | 'some';
  readonly hasBias?: boolean;
  readonly frames?: number;
}

function givenState(directions: number, isZero: boolean): Tensor {
  const state = noise(directions, 1, HIDDEN);
  return isZero ? { ...state, data: new Float32Array(directions * HIDDEN) } : state;
}

function graphOf({ op, directions = 1, attributes = {}, hasStates = true, given, hasBias = true, frames = 1 }: Case): Graph {
  const rows = GATES[op] * HIDDEN;
  const hasCell = op === 'LSTM';
  const states = hasStates ? ['h', ...(hasCell ? ['c'] : [])] : [];
  const outputs = ['y', 'yh', ...(hasCell ? ['yc'] : [])];
  const info = (name: string, dims: number[]) => ({ name, dtype: 'float32' as const, dims });
  const sequence = attributes.layout === 1 ? [frames, TIME, FEATURES] : [TIME, frames, FEATURES];
  return {
    name: 'test',
    opset: 14,
    irVersion: 8,
    inputs: [info('x', sequence), ...(given ? [] : states).map((name) => info(name, [directions, frames, HIDDEN]))],
    outputs: outputs.map((name) => ({ name, dtype: 'float32', dims: undefined })),
    nodes: [
      {
        name: 'r',
        op,
        domain: '',
        inputs: ['x', 'w', 'k', hasBias ? 'b' : '', '', ...states],
        outputs,
        attributes: { hidden_size: HIDDEN, direction: directions === 2 ? 'bidirectional' : 'forward', ...attributes },
      },
    ],
    initializers: new Map([
      ['w', noise(directions, rows, FEATURES)],
      ['k', noise(directions, rows, HIDDEN)],
      ...(given ? states : []).map((name) => [name, givenState(directions, given === 'zero')] as const),
      ...(hasBias ? [['b', noise(directions, 2 * rows)] as const] : []),
    ]),
    values: new Map(),
  };
}

const CASES: Case[] = [
  { op: 'LSTM' },
  { op: 'LSTM', directions: 2 },
  { op: 'LSTM', hasStates: false, hasBias: false },
  { op: 'LSTM', attributes: { direction: 'reverse' } },
  { op: 'GRU' },
  { op: 'GRU', attributes: { linear_before_reset: 1 } },
  { op: 'GRU', directions: 2, hasStates: false, attributes: { linear_before_reset: 1 } },
  { op: 'GRU', hasStates: false, hasBias: false },
  { op: 'LSTM', given: 'zero' },
  { op: 'LSTM', given: 'some', directions: 2 },
  { op: 'GRU', given: 'zero', attributes: { linear_before_reset: 1 } },
  { op: 'GRU', given: 'some', attributes: { linear_before_reset: 1 } },
  { op: 'GRU', given: 'some' },
  { op: 'RNN', given: 'some' },
  { op: 'RNN' },
  { op: 'RNN', directions: 2, hasStates: false },
];

describe('unroll-recurrent', () => {
  it.each(CASES)('$op, directions $directions, $attributes, states $hasStates $given, bias $hasBias: computes the same', async (test) => {
    const graph = inferShapes(graphOf(test));
    const unrolled = unrollRecurrent(graph);
    expect(unrolled.nodes.map(({ op }) => op)).not.toContain(test.op);
    const inputs = [new Map(graph.inputs.map(({ name, dims }) => [name, noise(...(dims as number[]))]))];
    const [expected, found] = [await runFloat({ graph, name: 'a' }, inputs), await runFloat({ graph: unrolled, name: 'b' }, inputs)];
    const accuracy = compareOutputs(expected, found);
    expect(accuracy).toHaveLength(graph.outputs.length);
    for (const { sqnrDb } of accuracy) expect(sqnrDb).toBeGreaterThan(100);
    expect([...found[0]].map(([, { dims }]) => dims)).toEqual([...expected[0]].map(([, { dims }]) => dims));
  });

  it('leaves several frames, other activations and clipping alone', () => {
    const others: Case[] = [
      { op: 'LSTM', frames: 2 },
      { op: 'RNN', attributes: { activations: ['Relu'] } },
      { op: 'GRU', attributes: { clip: 3 } },
    ];
    for (const test of others) expect(unrollRecurrent(inferShapes(graphOf(test))).nodes).toHaveLength(1);
  });

  it('what comes out runs on the accelerator', () => {
    const lowered = lowerGraph(unrollRecurrent(inferShapes(graphOf({ op: 'LSTM' }))));
    // The input itself has its positions in front, where the accelerator has frames.
    expect(lowered.placement.filter(({ where }) => where === 'host').map(({ node }) => node)).toEqual(['r/positions']);
    expect(acceleratorParts(lowered)).toHaveLength(1);
  });
});

describe('a first state that is given', () => {
  it.each(['LSTM', 'GRU', 'RNN'] as const)('%s: of zeros it is no work at all', (op) => {
    const [given, none] = [{ given: 'zero' as const }, { hasStates: false }].map((states) =>
      unrollRecurrent(inferShapes(graphOf({ op, ...states }))),
    );
    expect(given.nodes.map(({ name }) => name)).toEqual(none.nodes.map(({ name }) => name));
  });

  it.each([
    ['LSTM', 'zero'],
    ['LSTM', 'some'],
    ['GRU', 'zero'],
    ['GRU', 'some'],
    ['RNN', 'some'],
  ] as const)('%s, %s: nothing of it goes to the host', (op, given) => {
    const graph = foldConstants(inferShapes(unrollRecurrent(inferShapes(graphOf({ op, given })))));
    const { placement } = lowerGraph(graph);
    expect(placement.filter(({ where }) => where === 'host').map(({ node }) => node)).toEqual(['r/positions']);
  });
});

describe('time-first', () => {
  it('turns batch-first nodes', () => {
    const { nodes } = putTimeFirst(graphOf({ op: 'GRU', attributes: { layout: 1 }, hasStates: false }));
    expect(nodes.map(({ op }) => op)).toEqual(['Transpose', 'GRU', 'Transpose', 'Transpose']);
    expect(nodes[1].attributes.layout).toBe(0);
  });
});
