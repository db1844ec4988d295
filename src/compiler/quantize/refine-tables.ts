/**
 * Pass: activation tables that would be too coarse. A table has 256 linear segments over the whole range of its input's words: where a few large values
 * make the range wide, the segments near zero, where functions bend and most values lie, are long (docs/numbers.md, section 6). Many functions are flat, or
 * a multiple of x, beyond some bound; for them a table on the values within that bound, with finer words, is enough:
 *
 *     x → table(f) → y   →   x → add(x, x), saturating at ±2B → table(f(v/2)) → y                 f flat beyond ±B (Sigmoid, Tanh, Erf)
 *                        →   x → add(x, x), saturating at ±2B → table(s(v/2)) → mul with x → y    f(x) = x · s(x), s flat beyond ±B (SiLU, Gelu, Mish)
 *
 * Where f is flat and x a convolution's that nobody else reads, the convolution saturates at ±B itself, and its sums are rounded to the finer words.
 *
 * Requires the layer graph that is quantized, and samples of the values. What stays below LEAST_DB is refused and runs on the host.
 */
import { describeExpression, type Expression, evaluateExpression, line, substitute, X } from '../frontend/expression.ts';
import { type FinalLayer, type FloatClamp, type FloatTable, type LayerGraph, type LayerTensor, NO_CLAMP } from '../frontend/layer-graph.ts';
import { countReaders } from '../frontend/rewrite.ts';
import { LayerRefusal } from '../layer-refusal.ts';
import { fitFraction } from './fractions.ts';
import type { ValueRange } from './ranges.ts';
import { SEGMENT_WORDS } from './tables.ts';

/** A table this exact on the samples is left alone, decibels. */
const GOOD_DB = 50;
/** Below this the accelerator's result is no use. */
const LEAST_DB = 30;
/** A refinement has to gain as much. */
const LEAST_GAIN_DB = 4;
/** Powers of two for the bound B. */
const BOUNDS = [0.5, 1, 2, 4, 8, 16, 32];
/** Just below a power of two, so that the bound itself is a word. */
const BELOW = 32767 / 32768;
/** Relative error allowed at the ends of the range. */
const END_TOLERANCE = 0.01;
/** Where s(x) = f(x) ÷ x is looked at instead of 0. */
const TINY = 2 ** -20;

/** @param headroom Factor on the ranges, as in `quantize`. @throws LayerRefusal for a function that no table holds well enough */
export function refineTables(graph: LayerGraph, ranges: ReadonlyMap<string, ValueRange>, headroom: number): LayerGraph {
  const tensors = [...graph.tensors];
  const readers = countReaders(graph);
  const convolutions = new Map(graph.layers.flatMap((layer) => (layer.kind === 'conv' ? [[layer.output, layer] as const] : [])));
  const saturated = new Map<FinalLayer, FinalLayer>();
  const layers = graph.layers.flatMap((layer): readonly FinalLayer[] => {
    if (layer.kind !== 'table') return [layer];
    const [x] = layer.inputs;
    const range = rangeOf(graph.tensors[x], ranges);
    const choice = range?.sample && refine(layer, range, range.sample, headroom);
    if (!choice) return [layer];
    const maker = convolutions.get(x);
    if (!maker || readers.get(x) !== 1 || choice.isProduct) return replace(graph, layer, choice, tensors);
    const id = addTensor(tensors, graph.tensors[x], 'bounded');
    saturated.set(maker, { ...maker, output: id, clamp: within(maker.clamp, choice.bound * BELOW) });
    return [{ ...layer, inputs: [id] }];
  });
  return { ...graph, tensors, layers: layers.map((layer) => saturated.get(layer) ?? layer) };
}

function within({ low, high }: FloatClamp, bound: number): FloatClamp {
  return { low: Math.max(low, -bound), high: Math.min(high, bound) };
}

/** A tensor that the model does not have, of the extents of one that it has. */
function addTensor(tensors: LayerTensor[], { name, height, width, channels }: LayerTensor, suffix: string): number {
  const id = tensors.length;
  tensors.push({ id, name: `${name}#${suffix}`, height, width, channels, measurable: false });
  return id;
}

function rangeOf(tensor: LayerTensor, ranges: ReadonlyMap<string, ValueRange>): ValueRange | undefined {
  if (tensor.partOf !== undefined) return undefined;
  return tensor.measurable || tensor.probe
    ? ranges.get(tensor.name)
    : tensor.rangeOf === undefined
      ? undefined
      : ranges.get(tensor.rangeOf);
}

type Values = (x: number) => number;

/** A function read off a table with segments of length `step`; x beyond ±bound as at the bound. The line of a segment is its chord, moved to the middle of the curve. */
function interpolate(f: Values, step: number, bound: number): Values {
  return (x) => {
    const at = Math.min(bound, Math.max(-bound, x));
    const low = Math.floor(at / step) * step;
    const [a, b] = [f(low), f(low + step)];
    const sag = f(low + step / 2) - (a + b) / 2;
    return a + ((b - a) * (at - low)) / step + (2 / 3) * (Number.isFinite(sag) ? sag : 0);
  };
}

/** Decibels between a function and another one on the samples; Infinity where they agree. */
function compare(f: Values, g: Values, sample: Float32Array): number {
  let signal = 0;
  let noise = 0;
  for (const x of sample) {
    const [a, b] = [f(x), g(x)];
    if (!Number.isFinite(a)) continue;
    // A segment with a pole in it.
    if (!Number.isFinite(b)) return Number.NEGATIVE_INFINITY;
    signal += a * a;
    noise += (a - b) ** 2;
  }
  return noise === 0 || signal === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

interface Choice {
  readonly bound: number;
  readonly isProduct: boolean;
  readonly decibels: number;
}

/** What makes a table better, if it needs that and something does. */
function refine(layer: FloatTable, range: ValueRange, sample: Float32Array, headroom: number): Choice | undefined {
  // The form of LeakyRelu is exact.
  if (layer.function.op === 'LeakyRelu' && layer.function.of.op === 'x') return undefined;
  const f: Values = (x) => evaluateExpression(layer.function, x);
  const widest = Math.max(Math.abs(range.min), Math.abs(range.max)) * headroom;
  const stepOf = (bound: number): number => SEGMENT_WORDS * 2 ** -fitFraction(bound);
  const plain = compare(f, interpolate(f, stepOf(widest), Number.POSITIVE_INFINITY), sample);
  if (plain >= GOOD_DB) return undefined;
  const s: Values = (x) => f(x === 0 ? TINY : x) / (x === 0 ? TINY : x);
  // A sample may miss the ends, where a function that was cut off too early is worst.
  const ends = [range.min, range.max].filter(
    (x) => Math.abs(f(x)) > END_TOLERANCE * Math.max(Math.abs(f(range.min)), Math.abs(f(range.max))),
  );
  const bestOf = (isProduct: boolean): Choice | undefined => {
    let best: Choice | undefined;
    for (const bound of BOUNDS.filter((b) => b < widest)) {
      const fine = interpolate(isProduct ? s : f, stepOf(bound * BELOW), bound * BELOW);
      const decibels = compare(f, isProduct ? (x) => x * fine(x) : fine, sample);
      if (ends.some((x) => Math.abs(f(x) - (isProduct ? x * fine(x) : fine(x))) > END_TOLERANCE * Math.abs(f(x)))) continue;
      if (best === undefined || decibels > best.decibels) best = { bound, isProduct, decibels };
    }
    return best !== undefined && best.decibels > plain + LEAST_GAIN_DB ? best : undefined;
  };
  // A product costs one more pass.
  const [flat, product] = [bestOf(false), bestOf(true)];
  const isFlatEnough = flat !== undefined && (flat.decibels >= GOOD_DB || flat.decibels + LEAST_GAIN_DB > (product?.decibels ?? 0));
  const best = isFlatEnough ? flat : product;
  if (Math.max(plain, best?.decibels ?? plain) < LEAST_DB) {
    throw new LayerRefusal(
      `a table of ${describeExpression(layer.function)} over ±${Number(widest.toPrecision(3))} with 256 segments would be too coarse for its values (${Math.round(best?.decibels ?? plain)} dB)`,
      layer.nodes,
    );
  }
  return best;
}

function replace(graph: LayerGraph, layer: FloatTable, { bound, isProduct }: Choice, tensors: LayerTensor[]): FinalLayer[] {
  const [x] = layer.inputs;
  const output = graph.tensors[layer.output];
  const double = addTensor(tensors, output, 'bounded');
  const limit = 2 * bound * BELOW;
  const half = line(X, 0.5, 0);
  const bounded: FinalLayer = {
    kind: 'add',
    name: `${layer.name}#bounded`,
    nodes: layer.nodes,
    inputs: [x, x],
    output: double,
    clamp: { low: -limit, high: limit },
  };
  if (!isProduct) return [bounded, { ...layer, inputs: [double], function: substitute(layer.function, half) }];
  const factor = addTensor(tensors, output, 'factor');
  const shifted = line(X, 1, TINY);
  const s: Expression = { op: 'mul', a: substitute(layer.function, shifted), b: { op: 'Reciprocal', of: shifted } };
  return [
    bounded,
    { ...layer, name: `${layer.name}#factor`, inputs: [double], output: factor, function: substitute(s, half), clamp: NO_CLAMP },
    { kind: 'mul', name: layer.name, nodes: layer.nodes, inputs: [x, factor], output: layer.output, clamp: layer.clamp },
  ];
}
