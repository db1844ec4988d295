/**
 * Multiply-accumulates of a network, exactly, from shapes alone. Padding taps are counted or skipped as the caller wants: this project counts
 * them skipped (as its papers do), most tools count them in full.
 */
import type { Graph, GraphNode } from '../src/graph/graph.ts';

export interface LayerMacs {
  readonly node: string;
  readonly op: string;
  /** Without the taps that fall into the padding. */
  readonly skipped: number;
  readonly full: number;
}

function numbers(node: GraphNode, name: string, fallback: readonly number[]): readonly number[] {
  const value = node.attributes[name];
  return Array.isArray(value) ? (value as readonly number[]) : fallback;
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

/** Gates of a recurrent node. */
const GATES: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };

/** MACs of each Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU and RNN node of one frame. All shapes must be known (`Graph.values`). */
export function countMacs(graph: Graph): LayerMacs[] {
  const dims = new Map<string, readonly number[]>();
  for (const { name, dims: known } of [...graph.inputs, ...graph.values.values(), ...graph.outputs]) {
    if (known?.every((dim): dim is number => typeof dim === 'number')) dims.set(name, known);
  }
  for (const [name, tensor] of graph.initializers) dims.set(name, tensor.dims);
  const dimsOf = (node: GraphNode, name: string): readonly number[] => {
    const known = dims.get(name);
    if (known === undefined) throw new Error(`${graph.name}: the shape of "${name}" at node "${node.name}" is not known`);
    return known;
  };
  const layers: LayerMacs[] = [];
  for (const node of graph.nodes) {
    if (node.op === 'Gemm' || node.op === 'MatMul') {
      const out = dimsOf(node, node.outputs[0]);
      const a = dimsOf(node, node.inputs[0]);
      const depth = node.attributes.transA ? a[0] : a[a.length - 1];
      const macs = out.reduce((product, dim) => product * dim, 1) * depth;
      layers.push({ node: node.name, op: node.op, skipped: macs, full: macs });
    } else if (node.op in GATES) {
      const [positions, batch, features] = dimsOf(node, node.inputs[0]);
      const [directions, , hidden] = dimsOf(node, node.inputs[2]);
      const macs = positions * batch * directions * GATES[node.op] * hidden * (features + hidden);
      layers.push({ node: node.name, op: node.op, skipped: macs, full: macs });
    } else if (node.op === 'Conv' || node.op === 'ConvTranspose') {
      const out = dimsOf(node, node.outputs[0]);
      const input = dimsOf(node, node.inputs[0]);
      const weights = dimsOf(node, node.inputs[1]);
      const axes = weights.length - 2;
      const kernel = weights.slice(2);
      const strides = numbers(node, 'strides', new Array(axes).fill(1));
      const dilations = numbers(node, 'dilations', new Array(axes).fill(1));
      const pads = numbers(node, 'pads', new Array(2 * axes).fill(0));
      // A transposed convolution is counted from its input's side: each input pixel meets each tap, unless it lands outside the output.
      const [from, to] = node.op === 'Conv' ? [input, out] : [out, input];
      const channels = node.op === 'Conv' ? out[1] * weights[1] : input[1] * weights[1];
      let skipped = out[0] * channels;
      let full = skipped;
      for (let axis = 0; axis < axes; axis++) {
        skipped *= countTaps(from[axis + 2], to[axis + 2], kernel[axis], strides[axis], dilations[axis], pads[axis]);
        full *= to[axis + 2] * kernel[axis];
      }
      layers.push({ node: node.name, op: node.op, skipped, full });
    }
  }
  return layers;
}

/** Sum over the convolutions (scope of the papers) or everything. */
export function sumMacs(layers: readonly LayerMacs[], scope: 'convolutions' | 'network'): { skipped: number; full: number } {
  const counted = scope === 'network' ? layers : layers.filter(({ op }) => op === 'Conv' || op === 'ConvTranspose');
  return { skipped: counted.reduce((sum, layer) => sum + layer.skipped, 0), full: counted.reduce((sum, layer) => sum + layer.full, 0) };
}
