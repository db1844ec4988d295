/** The table of ONNX operators in docs/operators.md: which the accelerator runs, and under which conditions. Its rows are the front end's builders. */
import { BUILDERS } from '../src/compiler/frontend/operators/builders.ts';

/** Conditions by operator. An operator that has none here is listed all the same. */
const CONDITIONS: Readonly<Record<string, string>> = {
  Conv: 'one or two dimensions, constant weights; any kernel, stride, dilation, padding, groups',
  ConvTranspose: 'one or two dimensions, constant weights; by the phases of its stride, each a convolution',
  Gemm: 'constant weights and bias',
  MatMul: 'by a constant, or of two activations',
  BatchNormalization: 'inference; folded into a convolution where one is beside it',
  MaxPool: 'one or two dimensions; without the second output (indices)',
  AveragePool: 'one or two dimensions',
  GlobalAveragePool: '',
  GlobalMaxPool: '',
  ReduceMean: 'over rows and columns, or over channels',
  ReduceSum: 'over rows and columns, or over channels',
  ReduceMax: 'over rows and columns',
  Add: 'a constant, or another activation with broadcasting',
  Sub: 'a constant, or another activation with broadcasting',
  Mul: 'a constant, or another activation with broadcasting',
  Div: 'by a constant, or by another activation (through a table of 1/x)',
  Max: 'constants, or activations of one shape',
  Min: 'constants, or activations of one shape',
  Sum: 'activations of one shape',
  Relu: 'folded into the layer in front',
  Clip: 'constant bounds; folded into the layer in front',
  LeakyRelu: 'exact apart from the rounding of its slope',
  PRelu: 'a slope for all, or one a channel',
  Softmax: 'over the channels',
  LRN: '',
  InstanceNormalization: 'constant scale and bias',
  LayerNormalization: 'over the last dimension, constant scale and bias; also in the nine nodes that older exporters write',
  Concat: 'no work where its operands can be stored into their places',
  Split: 'no work where its readers can read their part',
  Slice: 'constant bounds',
  Gather: 'constant indices',
  Pad: 'constant (no word written at run time), edge, reflect, wrap; zeros folded into a convolution or pool behind them where that is exact',
  Resize: 'nearest and linear, constant sizes or scales',
  Upsample: 'nearest and linear',
  DepthToSpace: 'both modes',
  SpaceToDepth: '',
  Reshape: 'no work where no dimension is split; channel and pixel shuffles as rearrangements',
  Transpose: 'no work where the order of elements in memory stays; else a rearrangement',
  Flatten: 'no work',
  Squeeze: 'no work',
  Unsqueeze: 'no work',
  Identity: 'no work',
  Dropout: 'inference: no work',
  Expand: 'constant shape',
  Tile: 'constant repeats',
};

const TABLE = 'a table of 256 lines; on the host where that is too coarse for the values';
const TABLES: ReadonlySet<string> = new Set(
  'Sigmoid Tanh HardSigmoid HardSwish Elu Selu Celu Softplus Softsign Gelu Erf Exp Log Mish Swish Sqrt Reciprocal Abs Pow Sin Cos'.split(
    ' ',
  ),
);

/** Rows: operator, condition. */
export function operatorRows(): string[][] {
  return [...BUILDERS.keys()].sort().map((operator) => [operator, CONDITIONS[operator] ?? (TABLES.has(operator) ? TABLE : '')]);
}
