/** The choice of binary points. Specification: docs/numbers.md sections 2, 8 and 9. */
import { InputError } from '../../util/errors.ts';
import { channelsRead, type FinalLayer, type FloatConv, type LayerGraph } from '../frontend/layer-graph.ts';
import { findAlike } from './alike.ts';
import { magnitude, type ValueRange } from './ranges.ts';
import { MIN_TABLE_GAIN_BITS } from './tables.ts';

/** Fractions of activations stay within this range. */
const MIN_FRACTION = -16;
const MAX_FRACTION = 30;
/** |bias| < 2^45 and half(shift) ≤ 2^45 leave 2^46 of the 48-bit accumulator to the products. */
const BIAS_BITS = 45;
export const MAX_SHIFT = 46;
/** Fraction of a tensor whose values are all 0. */
const FRACTION_OF_ZERO = 15;
/** Shift of a channel whose weights are all 0. */
const SHIFT_OF_ZERO = 15;
/** Add: an operand is shifted left by at most as much as a multiplier can (docs/numbers.md, section 5), the sum right by at most this. */
export const MAX_ADD_SHIFT = 23;
export const MAX_ADD_SHIFT_OUT = 31;

/** Greatest f with m · 2^f ≤ limit; Infinity for m = 0. */
export function fitFraction(m: number, limit = 32767): number {
  if (m === 0) return Infinity;
  let f = Math.floor(Math.log2(limit / m));
  // The logarithm may be off by one at powers of two.
  while (m * 2 ** (f + 1) <= limit) f++;
  while (m * 2 ** f > limit) f--;
  return f;
}

/** Largest weight word allowed for a reduction of K products, so that the sum cannot wrap. */
export function weightLimit(reduction: number): number {
  return Math.min(32767, Math.floor(2 ** 31 / reduction));
}

/** Fractions that the weights of each output channel could have by their size alone. */
export function fitWeights(graph: LayerGraph, layer: FloatConv, magnitudes: Float64Array): number[] {
  const reduction = (layer.window.kernel[0] * layer.window.kernel[1] * channelsRead(layer, graph.tensors[layer.inputs[0]])) / layer.groups;
  return Array.from(magnitudes, (m) => fitFraction(m, weightLimit(reduction)));
}

/** Greatest accumulator point at which the channel's bias stays below its limit. */
function fitBias(bias: number): number {
  return fitFraction(Math.abs(bias), 2 ** BIAS_BITS - 1);
}

/** Greatest output fraction that leaves every channel's shift ≥ 0. */
function outputLimit(layer: FloatConv, fits: readonly number[], inputFraction: number): number {
  return fits.reduce((least, fit, o) => Math.min(least, fit + inputFraction, fitBias(layer.bias[o])), Infinity);
}

/** Weight fractions once the fractions of input and output are known. */
export function weightFractions(layer: FloatConv, fits: readonly number[], inputFraction: number, outputFraction: number): Int8Array {
  return Int8Array.from(fits, (fit, o) => {
    const most = fit === Infinity ? outputFraction - inputFraction + SHIFT_OF_ZERO : fit;
    return Math.min(most, fitBias(layer.bias[o]) - inputFraction, outputFraction - inputFraction + MAX_SHIFT);
  });
}

/** The fraction of every tensor, by id, in mode `calibrated`. */
export function chooseFractions(
  graph: LayerGraph,
  ranges: readonly ValueRange[],
  fits: ReadonlyMap<FloatConv, readonly number[]>,
  headroom: number,
): number[] {
  const producers = new Map<number, FinalLayer>(graph.layers.map((layer) => [layer.output, layer]));
  const fractions = graph.tensors.map(({ id }) => {
    const producer = producers.get(id);
    const clamp = producer && 'clamp' in producer ? producer.clamp : undefined;
    const bound = clamp ? Math.max(Math.abs(clamp.low), Math.abs(clamp.high)) : Infinity;
    const fit = fitFraction(Math.min(magnitude(ranges[id]) * headroom, bound));
    return fit === Infinity ? FRACTION_OF_ZERO : Math.min(MAX_FRACTION, Math.max(MIN_FRACTION, fit));
  });
  const alike = findAlike(graph);
  for (let changed = true; changed; ) {
    changed = false;
    const lower = (id: number, limit: number): void => {
      if (fractions[id] <= limit) return;
      fractions[id] = limit;
      changed = true;
      if (limit < 2 * MIN_FRACTION) {
        throw new InputError(`${graph.name}: no binary point fits the value "${graph.tensors[id].name}"; its weights are too large.`);
      }
    };
    for (const ids of alike) {
      const least = Math.min(...ids.map((id) => fractions[id]));
      for (const id of ids) lower(id, least);
    }
    for (const layer of graph.layers) {
      const ids = [...layer.inputs, layer.output];
      const least = Math.min(...ids.map((id) => fractions[id]));
      if (layer.kind === 'conv') lower(layer.output, outputLimit(layer, fits.get(layer)!, fractions[layer.inputs[0]]));
      else if (layer.kind === 'add') {
        // The result gets no finer than the finer operand: nothing is lost, and one of the two needs no shift. x + x is one operand, shifted once more.
        const [a, b] = layer.inputs;
        lower(a, fractions[b] + MAX_ADD_SHIFT);
        lower(b, fractions[a] + MAX_ADD_SHIFT);
        lower(layer.output, Math.max(fractions[a], fractions[b]) + (a === b ? MAX_ADD_SHIFT - 1 : 0));
        for (const id of layer.inputs) lower(id, fractions[layer.output] + MAX_ADD_SHIFT_OUT);
      } else if (layer.kind === 'mul' || layer.kind === 'matmul') {
        // The product has the sum of the operands' fraction bits; the result may drop up to 46 of them.
        const [a, b] = layer.inputs;
        const scale = layer.kind === 'matmul' ? layer.scaleBits : 0;
        lower(layer.output, fractions[a] + fractions[b] - scale);
        lower(b, fractions[layer.output] + scale + MAX_SHIFT - fractions[a]);
      } else if (layer.kind === 'table') lower(layer.output, fractions[layer.inputs[0]] + MIN_TABLE_GAIN_BITS);
      else for (const id of ids) lower(id, least);
    }
  }
  return fractions;
}
