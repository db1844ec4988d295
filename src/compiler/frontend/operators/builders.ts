/** The ONNX operators that the accelerator runs, each with the function that builds its layers. A node whose operator is not here runs on the host or is refused. */
import type { GraphNode } from '../../../graph/graph.ts';
import type { Draft } from '../draft.ts';
import { ACTIVATIONS } from './activation.ts';
import * as binary from './binary.ts';
import { buildConvTranspose } from './conv-transpose.ts';
import { buildConvolution } from './convolution.ts';
import { buildDepthToSpace, buildSpaceToDepth } from './depth-space.ts';
import * as elementwise from './elementwise.ts';
import * as layout from './layout.ts';
import { buildGemm, buildMatMul } from './matrix.ts';
import * as normalization from './normalization.ts';
import * as pool from './pool.ts';
import * as reduce from './reduce.ts';
import { buildResize } from './resize.ts';
import * as slice from './slice.ts';
import { buildSoftmax } from './softmax.ts';

/** Adds the node's layers, tensors and output view to the draft, or throws Unsupported before changing it. */
export type BuildNode = (draft: Draft, node: GraphNode) => void;

export const BUILDERS: ReadonlyMap<string, BuildNode> = new Map<string, BuildNode>([
  ['Conv', buildConvolution],
  ['Gemm', buildGemm],
  ['MatMul', buildMatMul],
  ['BatchNormalization', elementwise.buildBatchNormalization],
  ['Relu', elementwise.buildRelu],
  ['Clip', elementwise.buildClip],
  ...ACTIVATIONS,
  ['Softmax', buildSoftmax],
  ['LRN', normalization.buildLrn],
  ['InstanceNormalization', normalization.buildInstanceNormalization],
  ['LayerNormalization', normalization.buildLayerNormalization],
  ['MaxPool', pool.buildMaxPool],
  ['AveragePool', pool.buildAveragePool],
  ['GlobalMaxPool', pool.buildGlobalMaxPool],
  ['GlobalAveragePool', pool.buildGlobalAveragePool],
  ['ReduceMean', reduce.buildReduceMean],
  ['ReduceSum', reduce.buildReduceSum],
  ['ReduceMax', reduce.buildReduceMax],
  ['Add', binary.buildAdd],
  ['Sum', binary.buildSum],
  ['Sub', binary.buildSub],
  ['Mul', binary.buildMul],
  ['Div', binary.buildDiv],
  ['Neg', elementwise.buildNeg],
  ['Max', binary.buildMax],
  ['Min', binary.buildMin],
  ['Concat', layout.buildConcat],
  ['Reshape', layout.buildReshape],
  ['Flatten', layout.buildFlatten],
  ['Squeeze', layout.buildSqueeze],
  ['Unsqueeze', layout.buildUnsqueeze],
  ['Transpose', layout.buildTranspose],
  ['Identity', layout.buildIdentity],
  ['Dropout', layout.buildDropout],
  ['ConvTranspose', buildConvTranspose],
  ['Slice', slice.buildSlice],
  ['Split', slice.buildSplit],
  ['Gather', slice.buildGather],
  ['Pad', slice.buildPad],
  ['Expand', slice.buildExpand],
  ['Tile', slice.buildTile],
  ['DepthToSpace', buildDepthToSpace],
  ['SpaceToDepth', buildSpaceToDepth],
  ['Resize', buildResize],
  ['Upsample', buildResize],
]);
