/** The ONNX operators that the accelerator runs, each with the function that builds its layers. A node whose operator is not here runs on the host or is refused. */
import type { GraphNode } from '../../../graph/graph.ts';
import type { Draft } from '../draft.ts';
import { buildConvolution } from './convolution.ts';
import * as elementwise from './elementwise.ts';
import * as layout from './layout.ts';
import { buildGemm, buildMatMul } from './matrix.ts';
import * as pool from './pool.ts';

/** Adds the node's layers, tensors and output view to the draft, or throws Unsupported before changing it. */
export type BuildNode = (draft: Draft, node: GraphNode) => void;

export const BUILDERS: ReadonlyMap<string, BuildNode> = new Map<string, BuildNode>([
  ['Conv', buildConvolution],
  ['Gemm', buildGemm],
  ['MatMul', buildMatMul],
  ['BatchNormalization', elementwise.buildBatchNormalization],
  ['Relu', elementwise.buildRelu],
  ['Clip', elementwise.buildClip],
  ['LeakyRelu', elementwise.buildLeakyRelu],
  ['PRelu', elementwise.buildPRelu],
  ['Sigmoid', elementwise.buildSigmoid],
  ['Tanh', elementwise.buildTanh],
  ['HardSigmoid', elementwise.buildHardSigmoid],
  ['MaxPool', pool.buildMaxPool],
  ['AveragePool', pool.buildAveragePool],
  ['GlobalMaxPool', pool.buildGlobalMaxPool],
  ['GlobalAveragePool', pool.buildGlobalAveragePool],
  ['ReduceMean', pool.buildReduceMean],
  ['Add', elementwise.buildAdd],
  ['Sum', elementwise.buildSum],
  ['Sub', elementwise.buildSub],
  ['Mul', elementwise.buildMul],
  ['Div', elementwise.buildDiv],
  ['Neg', elementwise.buildNeg],
  ['Max', elementwise.buildMax],
  ['Min', elementwise.buildMin],
  ['Concat', layout.buildConcat],
  ['Reshape', layout.buildReshape],
  ['Flatten', layout.buildFlatten],
  ['Squeeze', layout.buildSqueeze],
  ['Unsqueeze', layout.buildUnsqueeze],
  ['Transpose', layout.buildTranspose],
  ['Identity', layout.buildIdentity],
  ['Dropout', layout.buildDropout],
]);

/** Operators with multiplications worth accelerating: what decides whether a host node lies before, behind or between accelerated layers. */
export const HEAVY_OPERATORS: ReadonlySet<string> = new Set(['Conv', 'Gemm', 'MatMul']);
