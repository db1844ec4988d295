/**
 * Complements: layers that make 2^c − x of every word x, as 1 − z of a gate z does, and products with them. The vector units multiply by what a word lacks to
 * a power of two, so that the layer needs no stage. Specification: docs/compiler.md, "Products of activations".
 */
import type { IntegerLayer, TableLayer } from '../../../graph/integer-graph.ts';

/** A layer without a stage: 2^power − x of a tensor's words x, and the nodes that it comes from. */
export interface Complement {
  readonly of: number;
  readonly power: number;
  readonly nodes: readonly string[];
}

/** Powers that the field of the descriptor holds (docs/isa.md, VEC.shiftB). */
const MAX_COMPLEMENT = 23;

/**
 * The c of a layer that makes 2^c − x of the words x of a table, none of them beyond a word: a depthwise layer without window whose weights are −2^shift, and
 * whose biases are 2^c. Undefined for all others.
 */
export function complementOf(layer: IntegerLayer, maker: IntegerLayer | undefined): number | undefined {
  if (layer.kind !== 'conv' || maker?.kind !== 'table' || layer.groups !== layer.weights.length) return undefined;
  const { kernel, stride, pads } = layer.window;
  if ([...kernel, ...stride].some((n) => n !== 1) || pads.some((n) => n !== 0) || layer.inputChannels !== undefined) return undefined;
  const wholeOf = (i: number): number => (layer.bias[i]! + (layer.shift[i]! > 0 ? 2 ** (layer.shift[i]! - 1) : 0)) / 2 ** layer.shift[i]!;
  const whole = Math.floor(wholeOf(0));
  const power = Math.log2(whole);
  if (!Number.isInteger(power) || power < 1 || power > MAX_COMPLEMENT) return undefined;
  const isAlike = layer.weights.every((weight, i) => weight === -(2 ** layer.shift[i]!) && Math.floor(wholeOf(i)) === whole);
  const { low, high } = rangeOf(maker);
  const isFree = whole - high >= Math.max(layer.clamp.low, -32768) && whole - low <= Math.min(layer.clamp.high, 32767);
  return isAlike && isFree ? power : undefined;
}

/** The least and the greatest word that a table makes. */
function rangeOf({ base, slope, shiftOut, clamp }: TableLayer): { low: number; high: number } {
  const half = shiftOut > 0 ? 2 ** (shiftOut - 1) : 0;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < 256; i++) {
    for (const fraction of [0, 255]) {
      const value = Math.floor((base[i]! + slope[i]! * fraction + half) / 2 ** shiftOut);
      const word = Math.min(clamp.high, Math.max(clamp.low, Math.min(32767, Math.max(-32768, value))));
      [low, high] = [Math.min(low, word), Math.max(high, word)];
    }
  }
  return { low, high };
}
