/**
 * Pass: what is a function of one value becomes one table. Run after affine layers were folded into convolutions.
 *   s = table(Sigmoid)(x), mul(x, s)           →   table(x · Sigmoid)(x)
 *   affine(½) behind a table, a table behind a table   →   one table
 * On a single pixel a line stays behind a table that other pixels need as it is (1 − Sigmoid at the first position of a recurrent layer): one pass of the
 * MAC units costs less than a further table, of which a CU holds one at a time.
 * Only scales and biases that are the same for all channels take part. Layers that nobody reads any more are left to remove-unused.
 */
import { type Expression, line, substitute, X } from './expression.ts';
import { type DraftGraph, type FloatClamp, type FloatLayer, type FloatTable, NO_CLAMP } from './layer-graph.ts';
import { countReaders } from './rewrite.ts';

/** Longest chain of layers that is looked at. */
const MAX_DEPTH = 16;

/** A tensor as a function of another one, and the nodes between. */
interface Derived {
  readonly expression: Expression;
  readonly nodes: readonly string[];
}

export function fuseFunctions(graph: DraftGraph): DraftGraph {
  const layers: FloatLayer[] = [];
  const producerAt = new Map<number, number>();
  const readers = countReaders(graph);
  const isPixel = (tensor: number): boolean => graph.tensors[tensor].height * graph.tensors[tensor].width === 1;
  /** Functions of single pixels that several layers read, which therefore stay as they are. */
  const lasting = new Set(
    graph.layers.flatMap((layer) =>
      layer.kind === 'table' && isPixel(layer.output) && readers.get(layer.output)! > 1 ? [JSON.stringify(layer.function)] : [],
    ),
  );
  const producerOf = (tensor: number): FloatLayer | undefined => {
    const at = producerAt.get(tensor);
    return at === undefined ? undefined : layers[at];
  };

  /** The tensor as functions of tensors in front of it, nearest first. */
  const derivations = (tensor: number, depth = 0): Map<number, Derived> => {
    const result = new Map<number, Derived>([[tensor, { expression: X, nodes: [] }]]);
    const layer = producerOf(tensor);
    if (!layer || depth > MAX_DEPTH) return result;
    const add = (root: number, expression: Expression, nodes: readonly string[]): void => {
      result.set(root, { expression: clamped(expression, 'clamp' in layer ? layer.clamp : NO_CLAMP), nodes: merge(layer.nodes, nodes) });
    };
    const own = unaryFunction(layer);
    if (own) {
      for (const [root, { expression, nodes }] of derivations(layer.inputs[0], depth + 1)) add(root, substitute(own, expression), nodes);
    } else if (isPair(layer) && sameShape(graph, layer)) {
      const second = derivations(layer.inputs[1], depth + 1);
      for (const [root, a] of derivations(layer.inputs[0], depth + 1)) {
        const b = second.get(root);
        if (b) add(root, { op: layer.kind, a: a.expression, b: b.expression }, merge(a.nodes, b.nodes));
      }
    }
    return result;
  };

  const toTable = (layer: FloatLayer): FloatTable | undefined => {
    if (isPair(layer)) {
      if (layer.inputs[0] === layer.inputs[1]) return undefined;
      const all = derivations(layer.inputs[1]);
      const common = [...derivations(layer.inputs[0])].filter(([root]) => all.has(root));
      if (common.length === 0 || !sameShape(graph, layer)) return undefined;
      // The nearest common ancestor is the one made last.
      const [root, a] = common.reduce((best, next) => ((producerAt.get(next[0]) ?? -1) > (producerAt.get(best[0]) ?? -1) ? next : best));
      const b = all.get(root)!;
      const expression: Expression = { op: layer.kind, a: a.expression, b: b.expression };
      return makeTable(layer, root, expression, merge(a.nodes, b.nodes), layer.clamp);
    }
    const own = unaryFunction(layer);
    if (!own || layer.kind === 'clamp') return undefined;
    // Up through layers that nothing else reads; lines and clamps are not worth keeping for others either.
    let root = layer.inputs[0];
    let expression = own;
    let nodes: readonly string[] = [];
    let hasTable = layer.kind === 'table';
    let steps = 0;
    for (let next = producerOf(root); next && steps < MAX_DEPTH; next = producerOf(root), steps++) {
      const inner = unaryFunction(next);
      if (!inner || (readers.get(root)! > 1 && (next.kind === 'table' || !hasTable))) break;
      if (layer.kind === 'affine' && next.kind === 'table' && isPixel(root) && lasting.has(JSON.stringify(next.function))) break;
      hasTable ||= next.kind === 'table';
      expression = substitute(expression, clamped(inner, 'clamp' in next ? next.clamp : NO_CLAMP));
      nodes = merge(next.nodes, nodes);
      root = next.inputs[0];
    }
    if (!hasTable || steps === 0) return undefined;
    return makeTable(layer, root, expression, nodes, 'clamp' in layer ? layer.clamp : NO_CLAMP);
  };

  for (const layer of graph.layers) {
    producerAt.set(layer.output, layers.length);
    layers.push(toTable(layer) ?? layer);
  }
  return { ...graph, layers };
}

function makeTable(layer: FloatLayer, root: number, expression: Expression, nodes: readonly string[], clamp: FloatClamp): FloatTable {
  return {
    kind: 'table',
    name: layer.name,
    nodes: merge(layer.nodes, nodes),
    inputs: [root],
    output: layer.output,
    function: expression,
    clamp,
  };
}

type Pair = Extract<FloatLayer, { kind: 'add' | 'mul' | 'maximum' }>;

function isPair(layer: FloatLayer): layer is Pair {
  return layer.kind === 'add' || layer.kind === 'mul' || layer.kind === 'maximum';
}

function sameShape(graph: DraftGraph, layer: Pair): boolean {
  const [a, b] = layer.inputs.map((id) => graph.tensors[id]);
  return a.height === b.height && a.width === b.width && a.channels === b.channels;
}

/** The function of its input that a layer computes, without its clamp; undefined where it is none or differs by channel. */
function unaryFunction(layer: FloatLayer): Expression | undefined {
  if (layer.kind === 'table') return layer.function;
  if (layer.kind === 'clamp') return X;
  if (layer.kind !== 'affine') return undefined;
  const isUniform = layer.scale.every((s) => s === layer.scale[0]) && layer.bias.every((b) => b === layer.bias[0]);
  return isUniform ? line(X, layer.scale[0], layer.bias[0]) : undefined;
}

function clamped(of: Expression, { low, high }: FloatClamp): Expression {
  return low === -Infinity && high === Infinity ? of : { op: 'clamp', low, high, of };
}

function merge(first: readonly string[], second: readonly string[]): string[] {
  return [...new Set([...first, ...second])];
}
