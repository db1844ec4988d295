/**
 * Pass: recurrent nodes with their batch first (attribute `layout` 1, which ONNX Runtime's CPU kernels lack) become nodes with their time first
 * between transpositions. Requires nothing; shapes of the new values are to be inferred.
 *
 *     LSTM(x [batch, time, in]) layout 1 → y [batch, time, dirs, h]
 *     →  Transpose(x) → LSTM layout 0 → Transpose → y
 */
import type { Graph, GraphNode } from './graph.ts';

/** Operators with a state that goes from position to position. */
export const RECURRENT: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);
/** Inputs whose first two dimensions swap: the sequence, the initial hidden and cell state. */
const SWAPPED_INPUTS: readonly number[] = [0, 5, 6];
/** Y is [time, dirs, batch, hidden] and becomes [batch, time, dirs, hidden]; the final states swap like the initial ones. */
const OUTPUT_ORDERS: readonly (readonly number[])[] = [
  [2, 0, 1, 3],
  [1, 0, 2],
  [1, 0, 2],
];

function rewrite(node: GraphNode): GraphNode[] {
  const transpose = (input: string, output: string, perm: readonly number[]): GraphNode => ({
    name: `${node.name}: ${output}`,
    op: 'Transpose',
    domain: '',
    inputs: [input],
    outputs: [output],
    attributes: { perm },
  });
  const front: GraphNode[] = [];
  const inputs = node.inputs.map((name, index) => {
    if (name === '' || !SWAPPED_INPUTS.includes(index)) return name;
    const turned = `${node.name}: ${name}, time first`;
    front.push(transpose(name, turned, [1, 0, 2]));
    return turned;
  });
  const outputs = node.outputs.map((name) => (name === '' ? '' : `${name}, time first`));
  const back = node.outputs.flatMap((name, index) => (name === '' ? [] : [transpose(outputs[index], name, OUTPUT_ORDERS[index])]));
  return [...front, { ...node, inputs, outputs, attributes: { ...node.attributes, layout: 0 } }, ...back];
}

/** See the file's header. */
export function putTimeFirst(graph: Graph): Graph {
  const isTurned = (node: GraphNode): boolean => RECURRENT.has(node.op) && node.domain === '' && node.attributes.layout === 1;
  return graph.nodes.some(isTurned) ? { ...graph, nodes: graph.nodes.flatMap((node) => (isTurned(node) ? rewrite(node) : [node])) } : graph;
}
