/**
 * Tensors that should have one binary point because layers treat them alike: the positions of a recurrent layer, written out one by one, share their weights;
 * if their tensors have one format, their weights and tables are equal words too, fetched once for all of them.
 * Specification: docs/numbers.md, section 8.
 */
import type { FinalLayer, FloatConv, LayerGraph } from '../frontend/layer-graph.ts';

/** Weights of more words are fetched for every layer anyway: no machine holds them (4 × 4 × 32 KB). */
const MAX_WEIGHTS = 2 ** 18;
/** How far behind shared weights layers are compared. */
const ROUNDS = 8;

/** Sets of single pixels: what layers with the same weights read, what they make, what the same layers behind them make of that, and what equal tables read and make. */
export function findAlike(graph: LayerGraph): number[][] {
  const byWeights = new Map<Float32Array, Map<number, FloatConv[]>>();
  const isPixel = (id: number): boolean => graph.tensors[id].height * graph.tensors[id].width === 1;
  for (const layer of graph.layers) {
    if (layer.kind !== 'conv' || !isPixel(layer.output) || layer.weights.data.length > MAX_WEIGHTS) continue;
    const { data, offset } = layer.weights;
    const views = byWeights.get(data) ?? new Map<number, FloatConv[]>();
    byWeights.set(data, views.set(offset, [...(views.get(offset) ?? []), layer]));
  }
  const shared = [...byWeights.values()].flatMap((views) => [...views.values()]).filter((layers) => layers.length > 1);
  if (shared.length === 0) return [];
  const numbers = new Map<string, number>();
  const numberOf = (what: string): number => {
    const known = numbers.get(what) ?? numbers.size;
    numbers.set(what, known);
    return known;
  };
  let signs = graph.tensors.map(({ height, width, channels }) => numberOf(`${height} ${width} ${channels}`));
  /** Tensors behind shared weights. */
  const behind = new Set<number>();
  const roots = new Set(shared.flatMap((layers) => layers.map(({ output }) => output)));
  for (const [i, layers] of shared.entries()) for (const { output } of layers) signs[output] = numberOf(`weights ${i}`);
  for (const layer of graph.layers) {
    if (roots.has(layer.output) || (isPixel(layer.output) && layer.inputs.some((id) => behind.has(id)))) behind.add(layer.output);
    if (!roots.has(layer.output)) signs[layer.output] = numberOf(`${signs[layer.output]} ${describe(layer)}`);
  }
  for (let round = 0; round < ROUNDS; round++) {
    const before = signs;
    signs = [...before];
    for (const { inputs, output } of graph.layers) {
      if (behind.has(output) && !roots.has(output)) signs[output] = numberOf(`${before[output]}: ${inputs.map((id) => before[id])}`);
    }
  }
  const sets = new Map<number, number[]>();
  for (const id of behind) sets.set(signs[id], [...(sets.get(signs[id]) ?? []), id]);
  const read = shared.map((layers) => [...new Set(layers.map(({ inputs }) => inputs[0]))].filter(isPixel));
  // Equal functions of such tensors are one table: it need not be changed between them.
  const tables = new Map<string, { inputs: Set<number>; outputs: Set<number> }>();
  for (const layer of graph.layers) {
    if (layer.kind !== 'table' || !behind.has(layer.output)) continue;
    const known = tables.get(describe(layer)) ?? { inputs: new Set(), outputs: new Set() };
    tables.set(describe(layer), known);
    known.inputs.add(layer.inputs[0]);
    known.outputs.add(layer.output);
  }
  const functions = [...tables.values()].flatMap(({ inputs, outputs }) => [[...inputs], [...outputs]]);
  return [...sets.values(), ...read, ...functions].filter(({ length }) => length > 1);
}

function describe(layer: FinalLayer): string {
  return JSON.stringify([layer.kind, layer.kind === 'table' ? layer.function : '']);
}
