/** Shape rules of operators that work element by element or keep the shape of their first input. */
import type { DataType } from '../graph.ts';
import { DATA_TYPE_BY_NUMBER } from '../onnx/data-types.ts';
import { broadcast, type NodeContext, type ShapeRule, type ValueType } from './node-context.ts';

/** Output 0 like input 0. */
const keepType: ShapeRule = (node) => [node.type(0)];

/** Output 0 has the shape of input 0. */
const keepShapeAs =
  (dtype: DataType): ShapeRule =>
  (node) => [{ dtype, dims: node.dims(0) }];

function broadcastInputs(node: NodeContext, dtype: DataType | undefined, from = 0): readonly (ValueType | undefined)[] {
  const types = node.node.inputs.map((_, index) => node.type(index)).slice(from);
  const dims = broadcast(
    node,
    types.map((type) => type?.dims),
  );
  const element = dtype ?? types.find((type) => type !== undefined)?.dtype;
  return element === undefined ? [] : [{ dtype: element, dims }];
}

const arithmetic: ShapeRule = (node) => broadcastInputs(node, undefined);
const comparison: ShapeRule = (node) => broadcastInputs(node, 'bool');

const where: ShapeRule = (node) => {
  const [out] = broadcastInputs(node, undefined);
  const dtype = node.type(1)?.dtype ?? node.type(2)?.dtype;
  return dtype === undefined ? [] : [{ dtype, dims: out?.dims }];
};

const cast: ShapeRule = (node) => {
  const dtype = DATA_TYPE_BY_NUMBER[node.number('to', 0)];
  return dtype === undefined ? [] : [{ dtype, dims: node.dims(0) }];
};

const castLike: ShapeRule = (node) => {
  const dtype = node.type(1)?.dtype;
  return dtype === undefined ? [] : [{ dtype, dims: node.dims(0) }];
};

const dropout: ShapeRule = (node) => {
  const first = node.type(0);
  // The mask has the input's type before opset 10.
  return first ? [first, { dtype: node.opset >= 10 ? 'bool' : first.dtype, dims: first.dims }] : [];
};

/** Mean and inverse deviation keep the axes before `axis`, the others become 1. */
const layerNormalization: ShapeRule = (node) => {
  const first = node.type(0);
  if (first?.dims === undefined) return [first];
  const axis = node.axis(node.number('axis', -1), first.dims.length);
  const statistics: ValueType = { dtype: 'float32', dims: first.dims.map((dim, index) => (index < axis ? dim : 1)) };
  return [first, statistics, statistics];
};

const quantize: ShapeRule = (node) => {
  const to = DATA_TYPE_BY_NUMBER[node.number('output_dtype', 0)];
  return [{ dtype: to ?? node.dtype(2, 'uint8'), dims: node.dims(0) }];
};

const dequantize: ShapeRule = (node) => [{ dtype: node.dtype(1), dims: node.dims(0) }];

const dynamicQuantize: ShapeRule = (node) => [
  { dtype: 'uint8', dims: node.dims(0) },
  { dtype: 'float32', dims: [] },
  { dtype: 'uint8', dims: [] },
];

function each(rule: ShapeRule, ...ops: readonly string[]): Record<string, ShapeRule> {
  return Object.fromEntries(ops.map((op) => [op, rule]));
}

export const ELEMENTWISE_RULES: Readonly<Record<string, ShapeRule>> = {
  ...each(
    keepType,
    'Abs',
    'Acos',
    'Acosh',
    'Asin',
    'Asinh',
    'Atan',
    'Atanh',
    'BitwiseNot',
    'Ceil',
    'Celu',
    'Clip',
    'Cos',
    'Cosh',
    'CumSum',
    'Elu',
    'Erf',
  ),
  ...each(
    keepType,
    'Exp',
    'Floor',
    'Gelu',
    'HardSigmoid',
    'HardSwish',
    'Hardmax',
    'Identity',
    'LRN',
    'LeakyRelu',
    'Log',
    'LogSoftmax',
    'LpNormalization',
  ),
  ...each(
    keepType,
    'MeanVarianceNormalization',
    'Mish',
    'Neg',
    'Reciprocal',
    'Relu',
    'Round',
    'Selu',
    'Shrink',
    'Sigmoid',
    'Sign',
    'Sin',
    'Sinh',
    'Softmax',
  ),
  ...each(
    keepType,
    'Softplus',
    'Softsign',
    'Sqrt',
    'Swish',
    'Tan',
    'Tanh',
    'ThresholdedRelu',
    'Trilu',
    'InstanceNormalization',
    'GroupNormalization',
  ),
  ...each(
    keepType,
    'RMSNormalization',
    'ScatterElements',
    'ScatterND',
    'Scatter',
    'ReverseSequence',
    'PRelu',
    'BatchNormalization',
    'Bernoulli',
  ),
  ...each(
    arithmetic,
    'Add',
    'Sub',
    'Mul',
    'Div',
    'Mod',
    'Pow',
    'Max',
    'Min',
    'Mean',
    'Sum',
    'BitShift',
    'BitwiseAnd',
    'BitwiseOr',
    'BitwiseXor',
  ),
  ...each(comparison, 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'And', 'Or', 'Xor'),
  ...each(keepShapeAs('bool'), 'Not', 'IsNaN', 'IsInf'),
  Where: where,
  Cast: cast,
  CastLike: castLike,
  Dropout: dropout,
  LayerNormalization: layerNormalization,
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
};
