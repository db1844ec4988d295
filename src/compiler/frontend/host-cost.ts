/**
 * What a node costs on the host and what a value costs that crosses the host's border, roughly: enough to decide which way is cheaper. The host is
 * the chip's pair of Cortex-A9 at 667 MHz; its figures are assumptions from its peak rates, not measurements. Specification: docs/compiler.md (placement).
 */
import { collectDims, countNodeMacs } from '../../graph/count-macs.ts';
import type { Graph, GraphNode } from '../../graph/graph.ts';

/** Rates of the host, single precision, both cores. */
const HOST_MACS_PER_SECOND = 1e9;
/** An element read or written by a simple operator: caches are small, memory binds. */
const HOST_SECONDS_PER_ELEMENT = 3e-9;
/** An element of a transcendental function, in addition. */
const HOST_SECONDS_PER_FUNCTION = 30e-9;
/** Calling a part: queues, caches, waiting for the interrupt. */
const SECONDS_PER_PART = 50e-6;
/** An element that is turned from float to word or back and brought into the other order of dimensions. */
const SECONDS_PER_BORDER_ELEMENT = 4e-9;
/** Rates of the accelerator, near enough for this purpose. */
const ACCELERATOR_MACS_PER_SECOND = 50e9;
const ACCELERATOR_SECONDS_PER_ELEMENT = 0.5e-9;

/** Change of shape only: no element moves. */
const FREE: ReadonlySet<string> = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Dropout',
  'Shape',
  'Size',
  'Constant',
]);

const FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'Sigmoid Tanh HardSigmoid Exp Log Erf Gelu Softmax LogSoftmax Softplus Softsign Elu Selu Celu Mish Swish Pow Sqrt Sin Cos Tan Atan ' +
    'LayerNormalization InstanceNormalization LpNormalization LRN Resize Upsample'
  ).split(' '),
);

/** Costs of a graph's nodes and values in seconds a frame; nothing for what is not known. */
export interface PlacementCosts {
  readonly onHost: (node: GraphNode) => number;
  readonly onAccelerator: (node: GraphNode) => number;
  /** Multiply-accumulates of a node, padding taps skipped. */
  readonly macs: (node: GraphNode) => number;
  /** Elements of a value. */
  readonly elements: (value: string) => number;
  /** A value that enters or leaves the accelerator. */
  readonly border: (value: string) => number;
  readonly part: number;
}

/** Requires inferred shapes. */
export function estimateCosts(graph: Graph): PlacementCosts {
  const dims = collectDims(graph);
  const elements = (value: string): number => dims.get(value)?.reduce((n, dim) => n * dim, 1) ?? 0;
  const counted = new Map<GraphNode, number>();
  const macs = (node: GraphNode): number => {
    let count = counted.get(node);
    if (count === undefined) {
      count = countNodeMacs(node, (name) => dims.get(name))?.skipped ?? 0;
      counted.set(node, count);
    }
    return count;
  };
  const moved = (node: GraphNode): number => {
    if (FREE.has(node.op)) return 0;
    return [...node.inputs, ...node.outputs].reduce((sum, name) => sum + (name === '' ? 0 : elements(name)), 0);
  };
  return {
    onHost: (node) =>
      macs(node) / HOST_MACS_PER_SECOND +
      moved(node) * HOST_SECONDS_PER_ELEMENT +
      (FUNCTIONS.has(node.op) ? elements(node.outputs[0]) * HOST_SECONDS_PER_FUNCTION : 0),
    onAccelerator: (node) => macs(node) / ACCELERATOR_MACS_PER_SECOND + moved(node) * ACCELERATOR_SECONDS_PER_ELEMENT,
    macs,
    elements,
    border: (value) => elements(value) * SECONDS_PER_BORDER_ELEMENT,
    part: SECONDS_PER_PART,
  };
}
