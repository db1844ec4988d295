/**
 * Pass: what exporters make of a layer normalization before operator set 17 becomes the one node again, so that its statistics are computed with the
 * precision that the operator has on either side. Requires inferred shapes, folded constants, no identities.
 *
 *     ReduceMean(x) → m;  Sub(x, m) → d;  Pow(d, 2) → s;  ReduceMean(s) → v;  Add(v, ε) → w;  Sqrt(w) → r;  Div(d, r) → q;  Mul(q, γ) → t;  Add(t, β) → y
 *     →  LayerNormalization(x, γ, β) → y
 */
import type { Graph, GraphNode } from '../../graph/graph.ts';
import { capturedValues } from '../../graph/order-nodes.ts';
import { countElements, toNumbers } from '../../graph/tensor.ts';

interface Links {
  readonly graph: Graph;
  readonly producers: ReadonlyMap<string, GraphNode>;
  readonly readers: ReadonlyMap<string, number>;
}

function linksOf(graph: Graph): Links {
  const readers = new Map<string, number>();
  const count = (name: string): void => void readers.set(name, (readers.get(name) ?? 0) + 1);
  for (const node of graph.nodes) for (const name of [...node.inputs, ...capturedValues(node)]) count(name);
  for (const output of graph.outputs) count(output.name);
  return { graph, producers: new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const))), readers };
}

/** The node of this operator that makes a value, if `uses` others read it. */
function producerOf({ producers, readers }: Links, name: string, op: string, uses = 1): GraphNode | undefined {
  const node = producers.get(name);
  return node?.op === op && node.domain === '' && readers.get(name) === uses ? node : undefined;
}

/** A node's other operand where one of the two is a constant, and that constant. */
function splitConstant({ graph }: Links, node: GraphNode | undefined): { value: string; constant: string } | undefined {
  if (node?.inputs.length !== 2) return undefined;
  const [a, b] = node.inputs;
  if (graph.initializers.has(b)) return { value: a, constant: b };
  return graph.initializers.has(a) && node.op !== 'Pow' ? { value: b, constant: a } : undefined;
}

function scalar({ graph }: Links, name: string): number | undefined {
  const tensor = graph.initializers.get(name);
  return tensor && countElements(tensor.dims) === 1 && tensor.dtype !== 'string' ? toNumbers(tensor)[0] : undefined;
}

/** Input of a mean over the last dimension that keeps it. */
function meanOf(links: Links, node: GraphNode | undefined): string | undefined {
  if (!node || node.attributes.keepdims === 0) return undefined;
  const given = node.inputs[1] ? links.graph.initializers.get(node.inputs[1]) : undefined;
  const axes = given ? toNumbers(given) : (node.attributes.axes as readonly number[] | undefined);
  const rank = (links.graph.values.get(node.inputs[0]) ?? links.graph.inputs.find(({ name }) => name === node.inputs[0]))?.dims?.length;
  return axes?.length === 1 && rank !== undefined && (axes[0] === -1 || axes[0] === rank - 1) ? node.inputs[0] : undefined;
}

/** The normalization that ends at a sum with β; undefined where the nodes before it are others. */
function match(links: Links, end: GraphNode): GraphNode | undefined {
  const { graph } = links;
  const shift = end.op === 'Add' && end.domain === '' ? splitConstant(links, end) : undefined;
  const scale = shift && splitConstant(links, producerOf(links, shift.value, 'Mul'));
  const quotient = scale && producerOf(links, scale.value, 'Div');
  if (!quotient) return undefined;
  const [centred, root] = quotient.inputs;
  const variance = splitConstant(links, producerOf(links, producerOf(links, root, 'Sqrt')?.inputs[0] ?? '', 'Add'));
  const epsilon = variance && scalar(links, variance.constant);
  const squares = variance && meanOf(links, producerOf(links, variance.value, 'ReduceMean'));
  if (squares === undefined || epsilon === undefined) return undefined;
  const power = splitConstant(links, producerOf(links, squares, 'Pow'));
  const product = producerOf(links, squares, 'Mul');
  const isSquare = power
    ? power.value === centred && scalar(links, power.constant) === 2
    : product?.inputs.every((name) => name === centred);
  // The centred values are read by their square (once or twice) and by the quotient.
  const difference = isSquare ? producerOf(links, centred, 'Sub', power ? 2 : 3) : undefined;
  if (!difference || meanOf(links, producerOf(links, difference.inputs[1], 'ReduceMean')) !== difference.inputs[0]) return undefined;
  const [gamma, beta] = [scale.constant, shift.constant].map((name) => graph.initializers.get(name)!);
  const size = graph.values.get(centred)?.dims?.at(-1);
  if (![gamma, beta].every(({ dims, dtype }) => dtype === 'float32' && dims.length === 1 && dims[0] === size)) return undefined;
  const inputs = [difference.inputs[0], scale.constant, shift.constant];
  return { ...end, op: 'LayerNormalization', inputs, attributes: { axis: -1, epsilon } };
}

/** See the file's header. Nodes that only the old form needs are gone. */
export function recognizeNormalization(graph: Graph): Graph {
  const links = linksOf(graph);
  const found = new Map(
    graph.nodes.flatMap((node) => {
      const made = match(links, node);
      return made ? [[node, made] as const] : [];
    }),
  );
  if (found.size === 0) return graph;
  const used = new Set(graph.outputs.map(({ name }) => name));
  const kept: GraphNode[] = [];
  for (const node of graph.nodes.map((old) => found.get(old) ?? old).reverse()) {
    if (!node.outputs.some((name) => used.has(name))) continue;
    kept.push(node);
    for (const name of [...node.inputs, ...capturedValues(node)]) used.add(name);
  }
  return { ...graph, nodes: kept.reverse() };
}
