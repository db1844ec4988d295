/**
 * Layers on sequences, [positions, features] behind a batch of one: projections, normalization, attention, recurrences. Each adds nodes to a
 * NetworkBuilder in the form that PyTorch's exporter writes, whose recurrent nodes want positions before the batch.
 */
import type { Made, NetworkBuilder, Value } from './builder.ts';

/** Softmax averages over positions: what is left of the values' variance with scores of deviation one and a hundred positions or more. */
const ATTENTION_KEEPS = 0.1;
/** Variance of what recurrent units put out, far below one: measured on the built networks with noise as input. */
const HIDDEN_VARIANCE = { LSTM: 0.03, GRU: 0.17 };
/** Variance and mean square of Gelu of a standard normal x. */
const GELU_VARIANCE = 0.35;
const GELU_SQUARE = 0.43;
const LAYER_NORM_EPSILON = 1e-6;

/** Matrix product with constant weights [in, out], and bias. */
export function addLinear(net: NetworkBuilder, x: Value, features: number, name: string, gain = 1): Value {
  const [positions, fanIn] = x.shape;
  const deviation = gain / Math.sqrt(fanIn * x.square);
  const weights = net.addWeights(`${name}.weight`, [fanIn, features], { outChannels: fanIn, fanIn: features, deviation });
  const made: Made = { shape: [positions, features], variance: gain * gain, square: gain * gain };
  const product = net.addNode('MatMul', `${name}_matmul`, [x.name, weights], made);
  return net.addNode('Add', name, [product.name, net.addBias(`${name}.bias`, features)], made);
}

/** Normalization over features, with scale and shift. */
export function addLayerNorm(net: NetworkBuilder, x: Value, name: string): Value {
  const features = x.shape[1];
  const scale = net.addConstant(`${name}.weight`, [features], new Float32Array(features).fill(1));
  const inputs = [x.name, scale, net.addBias(`${name}.bias`, features)];
  const made = { shape: x.shape, variance: 1, square: 1 };
  return net.addNode('LayerNormalization', name, inputs, made, { axis: -1, epsilon: LAYER_NORM_EPSILON });
}

/** Gaussian error linear unit, x · (1 + erf(x / √2)) / 2, as exporters write it out. */
export function addGelu(net: NetworkBuilder, x: Value): Value {
  const scalar = (value: number, what: string): string => net.addConstant(`gelu.${what}`, [], Float32Array.of(value));
  const step = (op: string, what: string, ...inputs: string[]): string => net.addNode(op, `${x.name}_gelu_${what}`, inputs, x).name;
  const erf = step('Erf', 'erf', step('Div', 'scaled', x.name, scalar(Math.SQRT2, 'root2')));
  const product = step('Mul', 'product', x.name, step('Add', 'gate', erf, scalar(1, 'one')));
  const made = { shape: x.shape, variance: GELU_VARIANCE, square: GELU_SQUARE };
  return net.addNode('Mul', `${x.name}_gelu`, [product, scalar(0.5, 'half')], made);
}

/** Reshape to a constant shape, without the batch. */
export function addReshape(net: NetworkBuilder, x: Value, shape: readonly number[], name: string): Value {
  return net.addNode('Reshape', name, [x.name, net.addIntegers(`${name}.shape`, [1, ...shape])], { ...x, shape });
}

/** Permutes the dimensions behind the batch: `axes` counts them from 1, as ONNX does. */
export function addTranspose(net: NetworkBuilder, x: Value, axes: readonly number[], name: string): Value {
  return net.addNode('Transpose', name, [x.name], { ...x, shape: axes.map((axis) => x.shape[axis - 1]) }, { perm: [0, ...axes] });
}

/** Scaled dot product of heads: queries, keys and values [positions, features] each; the result before its projection. */
export function addAttention(net: NetworkBuilder, [q, k, v]: readonly Value[], heads: number, name: string): Value {
  const [positions, features] = q.shape;
  const width = features / heads;
  const divide = (x: Value, what: string, axes: readonly number[]): Value =>
    addTranspose(net, addReshape(net, x, [positions, heads, width], `${name}_${what}_heads`), axes, `${name}_${what}`);
  const queries = divide(q, 'q', [2, 1, 3]);
  const keys = divide(k, 'k', [2, 3, 1]);
  const values = divide(v, 'v', [2, 1, 3]);
  const shape = [heads, positions, positions];
  const product = net.addNode('MatMul', `${name}_scores`, [queries.name, keys.name], { shape, variance: width, square: width });
  const root = net.addConstant(`${name}.root`, [], Float32Array.of(Math.sqrt(width)));
  const scores = net.addNode('Div', `${name}_scaled`, [product.name, root], { shape, variance: 1, square: 1 });
  const weights = net.addNode('Softmax', `${name}_softmax`, [scores.name], scores, { axis: -1 });
  const made = { shape: values.shape, variance: ATTENTION_KEEPS, square: ATTENTION_KEEPS };
  const mixed = net.addNode('MatMul', `${name}_mixed`, [weights.name, values.name], made);
  return addReshape(net, addTranspose(net, mixed, [2, 1, 3], `${name}_merged`), [positions, features], `${name}_output`);
}

/** [1, positions, features] to [positions, 1, features], or back. */
function swapBatch(net: NetworkBuilder, x: Value, dims: readonly number[], name: string): Value {
  const made = { shape: dims.slice(1), variance: x.variance, square: x.square, dims };
  return net.addNode('Transpose', name, [x.name], made, { perm: [1, 0, 2] });
}

export interface RecurrentOptions {
  readonly hidden: number;
  readonly name: string;
  /** States to begin with, [1, 1, hidden] with the direction first: hidden, and cell for an LSTM. Default: zeros. */
  readonly states?: readonly Value[];
  readonly bidirectional?: boolean;
}

/** What a recurrent layer makes: the sequence of hidden states [positions, directions · hidden], and the last states. */
export interface RecurrentResult {
  readonly sequence: Value;
  readonly states: readonly Value[];
}

function addRecurrent(net: NetworkBuilder, op: 'LSTM' | 'GRU', x: Value, options: RecurrentOptions): RecurrentResult {
  const { hidden, name, states = [], bidirectional = false } = options;
  const [positions, features] = x.shape;
  const directions = bidirectional ? 2 : 1;
  const rows = (op === 'LSTM' ? 4 : 3) * hidden;
  const weights = (what: string, width: number, square: number): string =>
    net.addWeights(`${name}.${what}`, [directions, rows, width], {
      outChannels: directions * rows,
      fanIn: width,
      deviation: 1 / Math.sqrt(width * square),
    });
  // Recurrent weights of deviation 1/√hidden: gates see what came before about half as strongly as the input.
  const w = weights('weight_ih', features, x.square);
  const r = weights('weight_hh', hidden, 1);
  const bias = net.addConstant(`${name}.bias`, [directions, 2 * rows], new Float32Array(directions * 2 * rows));
  const input = swapBatch(net, x, [positions, 1, features], `${name}_input`);
  const made = { variance: HIDDEN_VARIANCE[op], square: HIDDEN_VARIANCE[op] };
  const state = { ...made, shape: [1, hidden], dims: [directions, 1, hidden] };
  const [y, ...last] = net.addNodes(
    op,
    name,
    [input.name, w, r, bias, ...(states.length > 0 ? ['', ...states.map((value) => value.name)] : [])],
    [{ ...made, shape: [directions, 1, hidden], dims: [positions, directions, 1, hidden] }, ...(op === 'LSTM' ? [state, state] : [state])],
    {
      direction: bidirectional ? 'bidirectional' : 'forward',
      hidden_size: hidden,
      // PyTorch's GRU: the reset gate is applied behind the matrix product.
      ...(op === 'GRU' ? { linear_before_reset: 1 } : {}),
    },
  );
  const dims = [positions, 1, directions * hidden];
  const flat = { ...made, shape: dims.slice(1), dims };
  let joined: Value;
  if (bidirectional) {
    const across = { ...made, shape: [1, 2, hidden], dims: [positions, 1, 2, hidden] };
    const side = net.addNode('Transpose', `${name}_directions`, [y.name], across, { perm: [0, 2, 1, 3] });
    joined = net.addNode('Reshape', `${name}_joined`, [side.name, net.addIntegers(`${name}_joined.shape`, [0, 0, -1])], flat);
  } else joined = net.addNode('Squeeze', `${name}_joined`, [y.name, net.addIntegers(`${name}_joined.axes`, [1])], flat);
  return { sequence: swapBatch(net, joined, [1, positions, directions * hidden], `${name}_output`), states: last };
}

export function addLstm(net: NetworkBuilder, x: Value, options: RecurrentOptions): RecurrentResult {
  return addRecurrent(net, 'LSTM', x, options);
}

export function addGru(net: NetworkBuilder, x: Value, options: RecurrentOptions): RecurrentResult {
  return addRecurrent(net, 'GRU', x, options);
}
