/**
 * Multiply-accumulates of a network's nodes, exactly, from shapes alone. Padding taps are counted or skipped as the caller wants: this project
 * counts them skipped (as its papers do), most tools count them in full.
 */
import type { Graph, GraphNode } from './graph.ts';

/** MACs of one node. */
export interface NodeMacs {
  readonly node: string;
  readonly op: string;
  /** Without the taps that fall into the padding. */
  readonly skipped: number;
  readonly full: number;
}

type Dims = readonly number[];

/** Gates of a recurrent node. */
const GATES: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };

/** Operators that multiply. */
export const MULTIPLYING: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', ...Object.keys(GATES)]);

function numbers(node: GraphNode, name: string, fallback: readonly number[]): readonly number[] {
  const value = node.attributes[name];
  return Array.isArray(value) ? (value as readonly number[]) : fallback;
}

/** Pads before each axis: given ones, or what `auto_pad` asks for. */
function padsBefore(node: GraphNode, from: Dims, to: Dims, reach: Dims, strides: Dims): number[] {
  const axes = reach.length;
  const given = numbers(node, 'pads', new Array(2 * axes).fill(0));
  const auto = node.attributes.auto_pad ?? 'NOTSET';
  return reach.map((extent, axis) => {
    if (auto === 'VALID') return 0;
    if (auto === 'NOTSET') return given[axis];
    const total = Math.max(0, (to[axis + 2] - 1) * strides[axis] + extent - from[axis + 2]);
    return auto === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2);
  });
}

/** Taps that hit the input along one axis, over all output positions. */
function countTaps(size: number, outSize: number, kernel: number, stride: number, dilation: number, padBefore: number): number {
  let taps = 0;
  for (let out = 0; out < outSize; out++) {
    for (let k = 0; k < kernel; k++) {
      const at = out * stride + k * dilation - padBefore;
      if (at >= 0 && at < size) taps++;
    }
  }
  return taps;
}

function countConvolution(node: GraphNode, input: Dims, weights: Dims, out: Dims): Pick<NodeMacs, 'skipped' | 'full'> {
  const axes = weights.length - 2;
  const kernel = weights.slice(2);
  const strides = numbers(node, 'strides', new Array(axes).fill(1));
  const dilations = numbers(node, 'dilations', new Array(axes).fill(1));
  // A transposed convolution is counted from its input's side: each input pixel meets each tap, unless it lands outside the output.
  const [from, to] = node.op === 'Conv' ? [input, out] : [out, input];
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1);
  const pads = padsBefore(node, from, to, reach, strides);
  const channels = node.op === 'Conv' ? out[1] * weights[1] : input[1] * weights[1];
  let skipped = out[0] * channels;
  let full = skipped;
  for (let axis = 0; axis < axes; axis++) {
    skipped *= countTaps(from[axis + 2], to[axis + 2], kernel[axis], strides[axis], dilations[axis], pads[axis]);
    full *= to[axis + 2] * kernel[axis];
  }
  return { skipped, full };
}

/** MACs of one node; undefined where a shape is not known, or the operator does not multiply. */
export function countNodeMacs(node: GraphNode, dimsOf: (value: string) => Dims | undefined): NodeMacs | undefined {
  if (!MULTIPLYING.has(node.op)) return undefined;
  const [first, second, third] = node.inputs.map((name) => (name === '' ? undefined : dimsOf(name)));
  const make = (skipped: number, full = skipped): NodeMacs => ({ node: node.name, op: node.op, skipped, full });
  if (node.op in GATES) {
    if (!first || !third) return undefined;
    const [positions, batch, features] = node.attributes.layout === 1 ? [first[1], first[0], first[2]] : first;
    const [directions, , hidden] = third;
    return make(positions * batch * directions * GATES[node.op] * hidden * (features + hidden));
  }
  const out = dimsOf(node.outputs[0]);
  if (!first || !second || !out) return undefined;
  if (node.op === 'Gemm' || node.op === 'MatMul') {
    const depth = node.attributes.transA ? first[0] : first[first.length - 1];
    return make(out.reduce((product, dim) => product * dim, 1) * depth);
  }
  const { skipped, full } = countConvolution(node, first, second, out);
  return make(skipped, full);
}

/** Shapes that are known and fixed, of inputs, constants and results. */
export function collectDims(graph: Graph): Map<string, Dims> {
  const dims = new Map<string, Dims>();
  for (const { name, dims: known } of [...graph.inputs, ...graph.values.values(), ...graph.outputs]) {
    if (known?.every((dim): dim is number => typeof dim === 'number')) dims.set(name, known);
  }
  for (const [name, tensor] of graph.initializers) dims.set(name, tensor.dims);
  return dims;
}
