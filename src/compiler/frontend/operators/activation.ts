/**
 * Functions of one value: activation tables, and clamped lines where the function is one (exact, and folded into a convolution in front).
 * ONNX operators LeakyRelu, PRelu, Sigmoid, Tanh, HardSigmoid, HardSwish, Elu, Selu, Celu, Softplus, Softsign, Gelu, Erf, Exp, Log, Mish, Swish, Sqrt,
 * Reciprocal, Abs, Pow, Sin, Cos. Where a table would be too coarse, the node goes to the host once ranges are known (quantize/refine-tables.ts).
 */
import type { GraphNode } from '../../../graph/graph.ts';
import { getNumber, getString, needFloats } from '../attributes.ts';
import { type Draft, needView } from '../draft.ts';
import { type Expression, type FunctionName, line, X } from '../expression.ts';
import { type FloatClamp, NO_CLAMP } from '../layer-graph.ts';
import { Unsupported } from '../unsupported.ts';
import { viewLike } from '../view.ts';
import { perChannel, pushPair } from './binary.ts';
import { fill, innerTensor, outputLike, partOf, pushTable } from './push.ts';

type BuildNode = (draft: Draft, node: GraphNode) => void;

/** A builder of a table whose function follows from the node's attributes. */
function table(functionOf: (node: GraphNode) => Expression): BuildNode {
  return (draft, node) => pushTable(draft, node, needView(draft, node, 0), functionOf(node));
}

const named = (op: FunctionName): BuildNode => table(() => ({ op, of: X }));

const UNIT: FloatClamp = { low: 0, high: 1 };

/** x · clip(x/6 + 1/2, 0, 1) */
const HARD_SWISH: Expression = { op: 'mul', a: X, b: { op: 'clamp', ...UNIT, of: line(X, 1 / 6, 0.5) } };

/** x · tanh(ln(1 + e^x)) */
const MISH: Expression = { op: 'mul', a: X, b: { op: 'Tanh', of: { op: 'Softplus', of: X } } };

/** x · Φ(x), or its usual approximation by a tanh. */
function gelu(approximation: string): Expression {
  const inner: Expression =
    approximation === 'tanh'
      ? {
          op: 'Tanh',
          of: line({ op: 'add', a: X, b: line({ op: 'Pow', exponent: 3, of: X }, 0.044715, 0) }, Math.sqrt(2 / Math.PI), 0),
        }
      : { op: 'Erf', of: line(X, Math.SQRT1_2, 0) };
  return { op: 'mul', a: X, b: line(inner, 0.5, 0.5) };
}

/** ONNX's default alpha and gamma of Selu. */
const SELU = [1.6732632423543772, 1.0507009873554805] as const;

/** Builders by ONNX operator. */
export const ACTIVATIONS: ReadonlyMap<string, BuildNode> = new Map<string, BuildNode>([
  ['LeakyRelu', table((node) => ({ op: 'LeakyRelu', alpha: getNumber(node, 'alpha', 0.01), of: X }))],
  ['PRelu', buildPRelu],
  ['Sigmoid', named('Sigmoid')],
  ['Tanh', named('Tanh')],
  ['HardSigmoid', buildHardSigmoid],
  ['HardSwish', table(() => HARD_SWISH)],
  ['Elu', table((node) => ({ op: 'Elu', alpha: getNumber(node, 'alpha', 1), of: X }))],
  ['Selu', table((node) => line({ op: 'Elu', alpha: getNumber(node, 'alpha', SELU[0]), of: X }, getNumber(node, 'gamma', SELU[1]), 0))],
  [
    'Celu',
    table((node) => {
      const alpha = getNumber(node, 'alpha', 1);
      return line({ op: 'Elu', alpha: 1, of: line(X, 1 / alpha, 0) }, alpha, 0);
    }),
  ],
  ['Softplus', named('Softplus')],
  ['Softsign', named('Softsign')],
  ['Gelu', table((node) => gelu(getString(node, 'approximate', 'none')))],
  ['Erf', named('Erf')],
  ['Exp', named('Exp')],
  ['Mish', table(() => MISH)],
  ['Swish', table((node) => ({ op: 'mul', a: X, b: { op: 'Sigmoid', of: line(X, getNumber(node, 'alpha', 1), 0) } }))],
  ['Sqrt', named('Sqrt')],
  ['Abs', table(() => ({ op: 'LeakyRelu', alpha: -1, of: X }))],
  ['Reciprocal', named('Reciprocal')],
  ['Log', named('Log')],
  ['Sin', named('Sin')],
  ['Cos', named('Cos')],
  ['Pow', buildPow],
]);

/** clip(alpha · x + beta, 0, 1): a line and a clamp, both exact, both free behind a convolution. */
function buildHardSigmoid(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const slanted = innerTensor(draft, node, 'line', view.tensor);
  draft.layers.push({
    kind: 'affine',
    name: node.name,
    nodes: [node.name],
    inputs: [view.tensor.id],
    output: slanted.id,
    scale: fill(view, getNumber(node, 'alpha', 0.2)),
    bias: fill(view, getNumber(node, 'beta', 0.5)),
  });
  const output = outputLike(draft, node, view);
  draft.layers.push({ kind: 'clamp', ...partOf(node, 'clamp'), inputs: [slanted.id], output: output.id, clamp: UNIT });
}

/**
 * One slope: a table. A slope per channel: the greater of x and slope · x (a depthwise 1×1 convolution) where no slope exceeds 1, else
 * max(x, 0) · (1 − slope) + slope · x.
 */
function buildPRelu(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const slopes = perChannel(view, needFloats(draft.graph, node, 1, 'the slope'), true);
  if (slopes.every((slope) => slope === slopes[0])) {
    pushTable(draft, node, view, { op: 'LeakyRelu', alpha: slopes[0], of: X });
    return;
  }
  const scaled = (suffix: string, scale: Float64Array, from: number, clampLow = -Infinity): number => {
    const output = innerTensor(draft, node, suffix, view.tensor).id;
    if (clampLow === 0) {
      draft.layers.push({ kind: 'clamp', ...partOf(node, suffix), inputs: [from], output, clamp: { low: 0, high: Infinity } });
    } else {
      draft.layers.push({ kind: 'affine', ...partOf(node, suffix), inputs: [from], output, scale, bias: fill(view, 0) });
    }
    return output;
  };
  const slanted = scaled('slope', slopes, view.tensor.id);
  const push = (kind: 'add' | 'maximum', first: number): void => {
    const output = outputLike(draft, node, view);
    draft.layers.push({ kind, name: node.name, nodes: [node.name], inputs: [first, slanted], output: output.id, clamp: NO_CLAMP });
  };
  if (slopes.every((slope) => slope <= 1)) {
    push('maximum', view.tensor.id);
    return;
  }
  const positive = scaled('positive', slopes, view.tensor.id, 0);
  push(
    'add',
    scaled(
      'rest',
      slopes.map((slope) => 1 - slope),
      positive,
    ),
  );
}

/** A constant exponent: squares are products of two maps, other powers tables. */
function buildPow(draft: Draft, node: GraphNode): void {
  const view = needView(draft, node, 0);
  const { data, dims } = needFloats(draft.graph, node, 1, 'the exponent');
  if (data.length !== 1 || dims.length > view.axes.length) throw new Unsupported('its exponent is not one number');
  const [exponent] = data;
  if (exponent === 1) draft.views.set(node.outputs[0], viewLike(view, view.tensor));
  else if (exponent === 2) pushPair(draft, node, 'mul', view, view);
  else pushTable(draft, node, view, exponent === 0.5 ? { op: 'Sqrt', of: X } : { op: 'Pow', exponent, of: X });
}
