/** Shape rules of operators on batch × channels × space: convolutions, pools, resizing, channel–space exchange. */
import type { WindowGeometry } from '../window.ts';
import { resolveTransposedWindow, resolveWindow } from '../window.ts';
import { type Dim, type Dims, isStatic, mapDim, type NodeContext, type ShapeRule, type ValueType } from './node-context.ts';

type Resolve = (node: NodeContext, inSize: readonly number[], kernel: readonly number[]) => WindowGeometry;

/** Output sizes of a window; sizes along free dimensions are unknown (and with them, to keep it simple, all others). */
function windowDims(node: NodeContext, space: Dims, kernel: Dims, resolve: Resolve): Dims {
  if (!isStatic(space) || !isStatic(kernel)) return space.map(() => null);
  return resolve(node, space, kernel).outSize;
}

function spaceOf(node: NodeContext): { batch: Dim; channels: Dim; space: Dims } | undefined {
  const dims = node.dims(0);
  if (dims === undefined) return undefined;
  if (dims.length < 3)
    return node.fail(`the input has rank ${dims.length}; batch, channels and at least one spatial dimension are expected`);
  return { batch: dims[0], channels: dims[1], space: dims.slice(2) };
}

function checkGroups(node: NodeContext, channels: Dim, weightChannels: Dim, outChannels: Dim): number {
  const groups = node.number('group', 1);
  if (!Number.isInteger(groups) || groups < 1) node.fail(`attribute "group" is ${groups}`);
  if (typeof channels === 'number' && typeof weightChannels === 'number' && channels !== weightChannels * groups) {
    node.fail(`the input has ${channels} channels, the weights expect ${weightChannels} × ${groups} groups`);
  }
  if (typeof outChannels === 'number' && outChannels % groups !== 0)
    node.fail(`${outChannels} output channels do not divide into ${groups} groups`);
  return groups;
}

function convDims(node: NodeContext, weightIndex: number): Dims | undefined {
  const input = spaceOf(node);
  const weights = node.dims(weightIndex);
  if (input === undefined || weights === undefined) return undefined;
  if (weights.length !== input.space.length + 2) node.fail(`the weights have rank ${weights.length}, the input ${input.space.length + 2}`);
  checkGroups(node, input.channels, weights[1], weights[0]);
  const kernel = weights.slice(2);
  const declared = node.list('kernel_shape');
  if (declared !== undefined && isStatic(kernel) && `${declared}` !== `${kernel}`)
    node.fail(`kernel_shape [${declared}] differs from the weights' [${kernel}]`);
  return [input.batch, weights[0], ...windowDims(node, input.space, kernel, resolveWindow)];
}

const conv: ShapeRule = (node) => [{ dtype: node.dtype(0), dims: convDims(node, 1) }];

const convTranspose: ShapeRule = (node) => {
  const input = spaceOf(node);
  const weights = node.dims(1);
  if (input === undefined || weights === undefined) return [{ dtype: node.dtype(0), dims: undefined }];
  if (weights.length !== input.space.length + 2) node.fail(`the weights have rank ${weights.length}, the input ${input.space.length + 2}`);
  const groups = checkGroups(node, null, null, weights[0]);
  if (typeof input.channels === 'number' && typeof weights[0] === 'number' && input.channels !== weights[0]) {
    node.fail(`the input has ${input.channels} channels, the weights expect ${weights[0]}`);
  }
  const outChannels = mapDim(weights[1], (size) => size * groups);
  return [
    { dtype: node.dtype(0), dims: [input.batch, outChannels, ...windowDims(node, input.space, weights.slice(2), resolveTransposedWindow)] },
  ];
};

const integerConv: ShapeRule = (node) => [{ dtype: 'int32', dims: convDims(node, 1) }];

/** Inputs x, its scale and zero point, w, …, the output's zero point is input 7. */
const quantizedConv: ShapeRule = (node) => [{ dtype: node.dtype(7, 'uint8'), dims: convDims(node, 3) }];

const pool: ShapeRule = (node) => {
  const input = spaceOf(node);
  if (input === undefined) return [node.type(0)];
  const kernel = node.list('kernel_shape') ?? node.fail('attribute "kernel_shape" is missing');
  const dims = [input.batch, input.channels, ...windowDims(node, input.space, kernel, resolveWindow)];
  // MaxPool's second output holds indices.
  return [
    { dtype: node.dtype(0), dims },
    { dtype: 'int64', dims },
  ];
};

const globalPool: ShapeRule = (node) => {
  const input = spaceOf(node);
  return [{ dtype: node.dtype(0), dims: input && [input.batch, input.channels, ...input.space.map(() => 1)] }];
};

const depthToSpace: ShapeRule = (node) => {
  const input = spaceOf(node);
  const block = node.number('blocksize', 1);
  if (input === undefined) return [node.type(0)];
  const channels = mapDim(input.channels, (size) => size / (block * block));
  if (typeof channels === 'number' && !Number.isInteger(channels))
    node.fail(`${input.channels} channels do not divide by blocksize² = ${block * block}`);
  return [{ dtype: node.dtype(0), dims: [input.batch, channels, ...input.space.map((dim) => mapDim(dim, (size) => size * block))] }];
};

const spaceToDepth: ShapeRule = (node) => {
  const input = spaceOf(node);
  const block = node.number('blocksize', 1);
  if (input === undefined) return [node.type(0)];
  if (input.space.some((dim) => typeof dim === 'number' && dim % block !== 0))
    node.fail(`[${input.space}] does not divide by blocksize ${block}`);
  const channels = mapDim(input.channels, (size) => size * block * block);
  return [{ dtype: node.dtype(0), dims: [input.batch, channels, ...input.space.map((dim) => mapDim(dim, (size) => size / block))] }];
};

function scaleDims(node: NodeContext, dims: Dims, scales: readonly number[] | undefined): ValueType {
  if (scales === undefined) return { dtype: node.dtype(0), dims: dims.map(() => null) };
  if (scales.length !== dims.length) node.fail(`${scales.length} scales for rank ${dims.length}`);
  return {
    dtype: node.dtype(0),
    dims: dims.map((dim, axis) => (scales[axis] === 1 ? dim : mapDim(dim, (size) => Math.floor(size * scales[axis])))),
  };
}

const upsample: ShapeRule = (node) => {
  const dims = node.dims(0);
  return dims === undefined ? [node.type(0)] : [scaleDims(node, dims, node.listOrInput('scales', 1))];
};

const resize: ShapeRule = (node) => {
  const dims = node.dims(0);
  if (dims === undefined) return [node.type(0)];
  if (node.opset < 11) return [scaleDims(node, dims, node.numbers(1))];
  const axes = node.list('axes')?.map((axis) => node.axis(axis, dims.length)) ?? dims.map((_, axis) => axis);
  const sizes = node.numbers(3);
  const scales = node.numbers(2);
  if (sizes !== undefined && sizes.length > 0) {
    if (sizes.length !== axes.length) node.fail(`${sizes.length} sizes for ${axes.length} axes`);
    const policy = node.text('keep_aspect_ratio_policy', 'stretch');
    const out: Dim[] = [...dims];
    const ratios = axes.map((axis, index) => sizes[index] / Number(dims[axis]));
    const ratio = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
    for (const [index, axis] of axes.entries())
      out[axis] = policy === 'stretch' ? sizes[index] : mapDim(dims[axis], (size) => Math.round(size * ratio));
    return [{ dtype: node.dtype(0), dims: out }];
  }
  if (scales === undefined || scales.length === 0) return [scaleDims(node, dims, undefined)];
  if (scales.length !== axes.length) node.fail(`${scales.length} scales for ${axes.length} axes`);
  const all = dims.map(() => 1);
  for (const [index, axis] of axes.entries()) all[axis] = scales[index];
  return [scaleDims(node, dims, all)];
};

export const WINDOW_RULES: Readonly<Record<string, ShapeRule>> = {
  Conv: conv,
  ConvInteger: integerConv,
  QLinearConv: quantizedConv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: (node) => pool(node).slice(0, 1),
  LpPool: (node) => pool(node).slice(0, 1),
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Upsample: upsample,
  Resize: resize,
};
