/**
 * Pass: LSTM, GRU and RNN nodes over a known number of positions become products, sums and functions of each position, which the accelerator has. The
 * product of all positions with the input weights is one, in front; that with the recurrent weights is one a position.
 * Requires inferred shapes, folded constants, time first (time-first.ts). One frame, constant weights, default activations; other nodes stay.
 *
 *     LSTM(x [T,1,I], W, R, B) → y   →   X = x·Wᵀ + b;  each t: z = X[t] + h·Rᵀ;  i,o,f = σ(z…); g = tanh(z…);  c = f·c + i·g;  h = o·tanh(c);  y = all h
 */

import { collectDims } from './count-macs.ts';
import type { AttributeValue, Graph, GraphNode, Tensor } from './graph.ts';

/** Positions times directions that are worth writing out. */
const MAX_STEPS = 128;

type Operator = 'LSTM' | 'GRU' | 'RNN';
const GATES: Readonly<Record<Operator, number>> = { LSTM: 4, GRU: 3, RNN: 1 };
const ACTIVATIONS: Readonly<Record<Operator, string>> = { LSTM: 'Sigmoid,Tanh,Tanh', GRU: 'Sigmoid,Tanh', RNN: 'Tanh' };

/** Nodes and constants in the making; values are named after the node they replace. */
class Builder {
  readonly nodes: GraphNode[] = [];
  readonly constants = new Map<string, Tensor>();
  readonly #name: string;
  readonly #opset: number;

  constructor(name: string, opset: number) {
    this.#name = name;
    this.#opset = opset;
  }

  add(
    op: string,
    inputs: readonly string[],
    what: string,
    attributes: Record<string, AttributeValue> = {},
    output = `${this.#name}/${what}`,
  ): string {
    this.nodes.push({ name: `${this.#name}/${what}`, op, domain: '', inputs, outputs: [output], attributes });
    return output;
  }

  floats(what: string, dims: readonly number[], data: Float32Array): string {
    const name = `${this.#name}/${what}`;
    this.constants.set(name, { dtype: 'float32', dims, data });
    return name;
  }

  integers(...values: number[]): string {
    const name = `${this.#name}/[${values}]`;
    this.constants.set(name, { dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  }

  reshape(value: string, dims: readonly number[], what: string, output?: string): string {
    return this.add('Reshape', [value, this.integers(...dims)], what, {}, output);
  }

  slice(value: string, axis: number, first: number, end: number, what: string): string {
    if (this.#opset < 10) return this.add('Slice', [value], what, { axes: [axis], starts: [first], ends: [end] });
    return this.add('Slice', [value, this.integers(first), this.integers(end), this.integers(axis)], what);
  }

  concat(values: readonly string[], axis: number, what: string): string {
    return values.length === 1 ? values[0] : this.add('Concat', values, what, { axis });
  }
}

/** One direction of a node, with what its gates need. */
interface Direction {
  readonly hidden: number;
  /** Products of the position with the input weights, plus biases: [1, 1, gates·hidden]. */
  readonly inputOf: (position: number) => string;
  /** h · Rᵀ for gates [first, end), without bias. */
  readonly recur: (h: string, first: number, end: number, what: string) => string;
  /** GRU with `linear_before_reset`: bias of the recurrent product of the hidden gate. */
  readonly recurrentBias: string | undefined;
  /** It is 0: without a state the reset gate has nothing to do. */
  readonly isUnbiased: boolean;
}

interface State {
  readonly h: string | undefined;
  readonly c: string | undefined;
}

type Step = (b: Builder, d: Direction, state: State, position: number, what: string) => State;

const stepLstm: Step = (b, d, { h, c }, position, what) => {
  const { hidden } = d;
  const input = d.inputOf(position);
  const sum = h === undefined ? input : b.add('Add', [d.recur(h, 0, 4, `${what}/recurrent`), input], `${what}/sum`);
  const gate = (index: number, name: string): string => b.slice(sum, 2, index * hidden, (index + 1) * hidden, `${what}/${name}`);
  const sigmoid = (index: number, name: string): string => b.add('Sigmoid', [gate(index, `${name}Sum`)], `${what}/${name}`);
  const candidate = b.add('Tanh', [gate(3, 'candidateSum')], `${what}/candidate`);
  const added = b.add('Mul', [sigmoid(0, 'in'), candidate], `${what}/added`);
  const cell = c === undefined ? added : b.add('Add', [b.add('Mul', [sigmoid(2, 'forget'), c], `${what}/kept`), added], `${what}/cell`);
  return { h: b.add('Mul', [sigmoid(1, 'out'), b.add('Tanh', [cell], `${what}/cellTanh`)], `${what}/hidden`), c: cell };
};

/**
 * h' = (1 − z) · n + z · h. The gates one by one: what the candidate waits for, the reset, is made first; 1 − z and z · h are ready before the candidate is.
 */
const stepGru: Step = (b, d, { h }, position, what) => {
  const { hidden, recurrentBias, isUnbiased } = d;
  const input = d.inputOf(position);
  const inputPart = (first: number, end: number, name: string): string =>
    b.slice(input, 2, first * hidden, end * hidden, `${what}/${name}`);
  const gate = (index: number, name: string): string => {
    const own = inputPart(index, index + 1, `${name}Input`);
    const sum = h === undefined ? own : b.add('Add', [d.recur(h, index, index + 1, `${what}/${name}Recurrent`), own], `${what}/${name}Sum`);
    return b.add('Sigmoid', [sum], `${what}/${name}`);
  };
  const reset = gate(1, 'reset');
  const own = inputPart(2, 3, 'candidateInput');
  let recurrent: string | undefined;
  if (recurrentBias !== undefined && (h !== undefined || !isUnbiased)) {
    const biased =
      h === undefined
        ? recurrentBias
        : b.add('Add', [d.recur(h, 2, 3, `${what}/candidateRecurrent`), recurrentBias], `${what}/candidateBiased`);
    recurrent = b.add('Mul', [reset, biased], `${what}/candidateReset`);
  } else if (recurrentBias === undefined && h !== undefined) {
    recurrent = d.recur(b.add('Mul', [reset, h], `${what}/hiddenReset`), 2, 3, `${what}/candidateRecurrent`);
  }
  const candidate = b.add(
    'Tanh',
    [recurrent === undefined ? own : b.add('Add', [recurrent, own], `${what}/candidateSum`)],
    `${what}/candidate`,
  );
  const update = gate(0, 'update');
  const rest = b.add('Sub', [b.floats('1', [1], Float32Array.of(1)), update], `${what}/rest`);
  const renewed = b.add('Mul', [rest, candidate], h === undefined ? `${what}/hidden` : `${what}/renewed`);
  if (h === undefined) return { h: renewed, c: undefined };
  return { h: b.add('Add', [renewed, b.add('Mul', [update, h], `${what}/kept`)], `${what}/hidden`), c: undefined };
};

const stepRnn: Step = (b, d, { h }, position, what) => {
  const input = d.inputOf(position);
  const sum = h === undefined ? input : b.add('Add', [d.recur(h, 0, 1, `${what}/recurrent`), input], `${what}/sum`);
  return { h: b.add('Tanh', [sum], `${what}/hidden`), c: undefined };
};

const STEPS: Readonly<Record<Operator, Step>> = { LSTM: stepLstm, GRU: stepGru, RNN: stepRnn };

/** Rows [first, end) of one direction of a [dirs, rows, columns] constant, transposed: [columns, end − first]. */
function transposeRows({ dims, data }: Tensor, direction: number, first: number, end: number): Float32Array {
  const [, rows, columns] = dims;
  const out = new Float32Array(columns * (end - first));
  const source = data as Float32Array;
  for (let row = first; row < end; row++)
    for (let column = 0; column < columns; column++)
      out[column * (end - first) + row - first] = source[(direction * rows + row) * columns + column];
  return out;
}

/** Whether the node is one that can be written out, given its weights. */
function canUnroll(
  node: GraphNode,
  dims: readonly number[] | undefined,
  w: Tensor | undefined,
  r: Tensor | undefined,
  bias: Tensor | undefined,
): boolean {
  const { attributes, inputs } = node;
  if (!dims || !w || !r || dims.length !== 3 || dims[1] !== 1 || w.dtype !== 'float32' || r.dtype !== 'float32') return false;
  if ((inputs[3] && !bias) || inputs[4] || inputs[7] || attributes.clip !== undefined || attributes.input_forget === 1) return false;
  const given = attributes.activations as readonly string[] | undefined;
  const defaults = new Array(w.dims[0]).fill(ACTIVATIONS[node.op as Operator]).join(',');
  return (given === undefined || given.join(',') === defaults) && dims[0] * w.dims[0] <= MAX_STEPS;
}

/** One row times a [columns, rows] matrix, as a constant: what a recurrent product makes of a given first state. */
function multiplyRow(row: Float32Array, matrix: Float32Array): Float32Array {
  const columns = matrix.length / row.length;
  return Float32Array.from({ length: columns }, (_, j) => row.reduce((sum, value, i) => sum + value * matrix[i * columns + j], 0));
}

function unroll(graph: Graph, node: GraphNode, positions: number, w: Tensor, r: Tensor, bias: Tensor | undefined): Builder {
  const b = new Builder(node.name, graph.opset);
  const op = node.op as Operator;
  const gates = GATES[op];
  const [directions, , features] = w.dims;
  const hidden = r.dims[2];
  const rows = gates * hidden;
  const isSeparate = op === 'GRU' && node.attributes.linear_before_reset === 1;
  const [x, , , , , initialH, initialC] = node.inputs;
  const [y, finalH, finalC] = node.outputs;
  const flat = b.reshape(x, [1, positions, features], 'positions');
  const sequences: string[] = [];
  const finals: State[] = [];
  for (let direction = 0; direction < directions; direction++) {
    const side = `d${direction}`;
    const both = (bias?.data ?? new Float32Array(2 * rows * directions)) as Float32Array;
    const at = direction * 2 * rows;
    // The recurrent bias of a GRU's hidden gate stands inside the reset where `linear_before_reset` asks for it.
    const sum = Float32Array.from({ length: rows }, (_, i) => both[at + i] + (isSeparate && i >= 2 * hidden ? 0 : both[at + rows + i]));
    const product = b.add(
      'MatMul',
      [flat, b.floats(`${side}/W`, [features, rows], transposeRows(w, direction, 0, rows))],
      `${side}/inputs`,
    );
    const inputs = b.add('Add', [product, b.floats(`${side}/B`, [rows], sum)], `${side}/biased`);
    const weights = new Map<string, string>();
    const weightsOf = (first: number, end: number): string => {
      const key = `${first}-${end}`;
      const known =
        weights.get(key) ??
        b.floats(`${side}/R${key}`, [hidden, (end - first) * hidden], transposeRows(r, direction, first * hidden, end * hidden));
      weights.set(key, known);
      return known;
    };
    const d: Direction = {
      hidden,
      inputOf: (position) => (positions === 1 ? inputs : b.slice(inputs, 1, position, position + 1, `${side}/t${position}/input`)),
      recur: (h, first, end, what) => {
        const weightsName = weightsOf(first, end);
        const given = b.constants.get(h);
        if (!given) return b.add('MatMul', [h, weightsName], what);
        const product = multiplyRow(given.data as Float32Array, b.constants.get(weightsName)!.data as Float32Array);
        return b.floats(what, [1, 1, product.length], product);
      },
      recurrentBias: isSeparate ? b.floats(`${side}/Rb`, [hidden], both.slice(at + rows + 2 * hidden, at + 2 * rows)) : undefined,
      isUnbiased: both.subarray(at + rows + 2 * hidden, at + 2 * rows).every((value) => value === 0),
    };
    const initial = (value: string | undefined, what: string): string | undefined => {
      if (!value) return undefined;
      const given = graph.initializers.get(value);
      if (given?.dtype === 'float32') {
        const own = (given.data as Float32Array).slice(direction * hidden, (direction + 1) * hidden);
        // Exporters write out the state that nodes begin with anyway.
        return own.some((number) => number !== 0) ? b.floats(`${side}/${what}Row`, [1, 1, hidden], own) : undefined;
      }
      const part = directions === 1 ? value : b.slice(value, 0, direction, direction + 1, `${side}/${what}`);
      return b.reshape(part, [1, 1, hidden], `${side}/${what}Row`);
    };
    let state: State = { h: initial(initialH, 'initialHidden'), c: initial(initialC, 'initialCell') };
    const order = Array.from({ length: positions }, (_, t) => t);
    if (node.attributes.direction === 'reverse' || direction === 1) order.reverse();
    const results = new Array<string>(positions);
    for (const position of order) {
      state = STEPS[op](b, d, state, position, `${side}/t${position}`);
      results[position] = state.h!;
    }
    finals.push(state);
    if (y) sequences.push(b.concat(results, 1, `${side}/sequence`));
  }
  if (y) b.reshape(b.concat(sequences, 2, 'sequence'), [positions, directions, 1, hidden], 'Y', y);
  const states: [string | undefined, (string | undefined)[], string][] = [
    [finalH, finals.map(({ h }) => h), 'Y_h'],
    [finalC, finals.map(({ c }) => c), 'Y_c'],
  ];
  for (const [output, values, what] of states)
    if (output) b.reshape(b.concat(values as string[], 2, `${what}/states`), [directions, 1, hidden], what, output);
  return b;
}

/** See the file's header. */
export function unrollRecurrent(graph: Graph): Graph {
  if (!graph.nodes.some(({ op, domain }) => domain === '' && op in GATES)) return graph;
  const dims = collectDims(graph);
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    if (node.domain !== '' || !(node.op in GATES)) return [node];
    const [w, r, bias] = [1, 2, 3].map((index) => graph.initializers.get(node.inputs[index] ?? ''));
    const shape = dims.get(node.inputs[0]);
    if (!canUnroll(node, shape, w, r, bias)) return [node];
    const made = unroll(graph, node, shape![0], w!, r!, bias);
    for (const [name, tensor] of made.constants) initializers.set(name, tensor);
    return made.nodes;
  });
  return { ...graph, nodes, initializers };
}
