/** Networks in float32 in which one value is rounded: what a binary point costs, apart from all other rounding. */
import type { Graph, GraphNode, Tensor } from '../src/graph/graph.ts';
import type { NamedTensors } from '../src/runtime/float-session.ts';
import { runFloat } from '../src/runtime/verify-model.ts';

/**
 * The same network (opset 11 or newer), in which the value is rounded to multiples of a power of two: one for all channels, or one each.
 *
 * @param fractions bits behind the binary point: one number, or as many as the value (N, C, …) has channels
 * @throws Error when no node makes the value
 */
export function roundValue(graph: Graph, value: string, fractions: readonly number[]): Graph {
  const maker = graph.nodes.findIndex(({ outputs }) => outputs.includes(value));
  if (maker < 0) throw new Error(`no node makes ${value}`);
  const scale = (sign: number): Tensor => ({
    dtype: 'float32',
    dims: [1, fractions.length, 1, 1],
    data: Float32Array.from(fractions, (bits) => 2 ** (sign * bits)),
  });
  const [exact, up, scaled, rounded, down] = ['exact', 'up', 'scaled', 'rounded', 'down'].map((part) => `${value}#${part}`);
  const node = (op: string, inputs: string[], output: string): GraphNode => ({
    ...graph.nodes[maker],
    op,
    name: `${output}#${op}`,
    inputs,
    outputs: [output],
    attributes: {},
  });
  const { inputs, outputs, ...made } = graph.nodes[maker];
  return {
    ...graph,
    initializers: new Map([...graph.initializers, [up, scale(1)], [down, scale(-1)]]),
    nodes: [
      ...graph.nodes.slice(0, maker),
      { ...made, inputs, outputs: outputs.map((name) => (name === value ? exact : name)) },
      node('Mul', [exact, up], scaled),
      node('Round', [scaled], rounded),
      node('Mul', [rounded, down], value),
      ...graph.nodes.slice(maker + 1),
    ],
  };
}

/** Greatest magnitude of each channel of a value (1, C, …) on given inputs, by ONNX Runtime. */
export async function greatestByChannel(graph: Graph, value: string, inputs: NamedTensors): Promise<number[]> {
  const watched = { ...graph, outputs: [{ name: value, dtype: 'float32' as const, dims: undefined }] };
  const [outputs] = await runFloat({ graph: watched, name: graph.name }, [inputs]);
  const { data, dims } = outputs.get(value)!;
  const values = data as Float32Array;
  const size = values.length / dims[1];
  return Array.from({ length: dims[1] }, (_, c) =>
    values.subarray(c * size, (c + 1) * size).reduce((most, v) => Math.max(most, Math.abs(v)), 0),
  );
}
