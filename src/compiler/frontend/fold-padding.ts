/**
 * Pass: explicit zero padding moves into the windows that read it. Requires folded constants.
 *   Pad(0, 0, 1, 1, 0, 0, 1, 1) → Conv(pads 0)   →   Conv(pads 1, 1, 1, 1)
 * AveragePool then counts the padding; MaxPool takes it only behind a Relu, where zeros cannot win over values.
 */
import type { Graph, GraphNode } from '../../graph/graph.ts';
import { toNumbers } from '../../graph/tensor.ts';
import { findConstant, getNumber, getNumbers, getString } from './attributes.ts';

/** Spatial pads [begin…, end…] of a Pad node that pads rows and columns with zeros; undefined otherwise. */
function zeroPads(graph: Graph, node: GraphNode): readonly number[] | undefined {
  if (node.op !== 'Pad' || getString(node, 'mode', 'constant') !== 'constant') return undefined;
  if (node.inputs[3]) return undefined;
  const constant = findConstant(graph, node, 2);
  const value = node.inputs[2] ? constant && toNumbers(constant)[0] : getNumber(node, 'value', 0);
  const given = findConstant(graph, node, 1);
  const pads = getNumbers(node, 'pads') ?? (given && toNumbers(given));
  if (value !== 0 || !pads || pads.some((pad) => pad < 0)) return undefined;
  const rank = pads.length / 2;
  if ([0, 1, rank, rank + 1].some((at) => pads[at] !== 0)) return undefined;
  return [...pads.slice(2, rank), ...pads.slice(rank + 2)];
}

/** The reader with the padding added to its own, or undefined if that would change its result. */
function withPads(node: GraphNode, pads: readonly number[], behindRelu: boolean): GraphNode | undefined {
  const mode = getString(node, 'auto_pad', 'NOTSET');
  if (mode !== 'NOTSET' && mode !== 'VALID') return undefined;
  const own = (mode === 'NOTSET' && getNumbers(node, 'pads')) || pads.map(() => 0);
  if (own.length !== pads.length) return undefined;
  const counts = getNumber(node, 'count_include_pad', 0) === 1;
  const isAverage = node.op === 'AveragePool' && getNumber(node, 'ceil_mode', 0) === 0 && (counts || own.every((pad) => pad === 0));
  if (node.op !== 'Conv' && !isAverage && !(node.op === 'MaxPool' && behindRelu)) return undefined;
  const { auto_pad: _, ...attributes } = node.attributes;
  const sum = own.map((pad, at) => pad + pads[at]);
  return { ...node, attributes: { ...attributes, pads: sum, ...(isAverage ? { count_include_pad: 1 } : {}) } };
}

export function foldPadding(graph: Graph): Graph {
  const padded = new Map<string, { source: string; pads: readonly number[]; behindRelu: boolean }>();
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  for (const node of graph.nodes) {
    const pads = zeroPads(graph, node);
    if (pads) padded.set(node.outputs[0], { source: node.inputs[0], pads, behindRelu: producers.get(node.inputs[0])?.op === 'Relu' });
  }
  if (padded.size === 0) return graph;
  const nodes = graph.nodes.map((node) => {
    const from = padded.get(node.inputs[0]);
    const merged = from && withPads(node, from.pads, from.behindRelu);
    return merged ? { ...merged, inputs: [from.source, ...node.inputs.slice(1)] } : node;
  });
  const read = new Set([...nodes.flatMap((node) => node.inputs), ...graph.outputs.map((output) => output.name)]);
  return { ...graph, nodes: nodes.filter((node) => !padded.has(node.outputs[0]) || read.has(node.outputs[0])) };
}
