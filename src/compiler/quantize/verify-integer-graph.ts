/** Checks an integer graph against docs/numbers.md: shapes, fractions, shifts, and that no accumulator can wrap. */
import { averageDivisors, averageMultiplier } from '../../graph/average-pool.ts';
import type { ConvLayer, IntegerGraph, IntegerLayer, IntegerTensor, RearrangePart } from '../../graph/integer-graph.ts';
import { MAX_ADD_SHIFT, MAX_ADD_SHIFT_OUT, MAX_SHIFT } from './fractions.ts';

type Extents = Pick<IntegerTensor, 'height' | 'width' | 'channels'>;

/** @throws Error naming the layer and the broken rule: a defect of the compiler, never of the input. */
export function verifyIntegerGraph(graph: IntegerGraph): void {
  const ready = new Set(graph.inputs.map((input) => input.tensor));
  for (const layer of graph.layers) {
    const broken = layer.inputs.every((id) => ready.has(id)) ? findBroken(graph, layer) : 'an input is not computed before it';
    if (broken) throw new Error(`integer graph "${graph.name}", layer "${layer.name}" (${layer.kind}): ${broken}`);
    ready.add(layer.output);
  }
}

/** True if rule (A) of numbers.md section 2 holds for every output channel. */
export function sumsFit(layer: ConvLayer): boolean {
  const outChannels = layer.bias.length;
  const words = layer.weights.length / outChannels;
  for (let o = 0; o < outChannels; o++) {
    let sum = 0;
    for (let k = o * words; k < (o + 1) * words; k++) sum += Math.abs(layer.weights[k]);
    const half = layer.shift[o] > 0 ? 2 ** (layer.shift[o] - 1) : 0;
    if (sum * 32768 + Math.abs(layer.bias[o]) + half >= 2 ** 47) return false;
  }
  return true;
}

function findBroken(graph: IntegerGraph, layer: IntegerLayer): string | undefined {
  const inputs = layer.inputs.map((id) => graph.tensors[id]);
  const [input] = inputs;
  const output = graph.tensors[layer.output];
  const within = (v: number, low: number, high: number) => Number.isInteger(v) && v >= low && v <= high;
  if ('clamp' in layer && !(within(layer.clamp.low, -32768, layer.clamp.high) && within(layer.clamp.high, layer.clamp.low, 32767))) {
    return 'its clamp is not an interval of words';
  }
  switch (layer.kind) {
    case 'conv': {
      const words = layer.window.kernel[0] * layer.window.kernel[1] * ((layer.inputChannels ?? input.channels) / layer.groups);
      if (layer.weights.length !== words * output.channels || layer.bias.length !== output.channels)
        return 'its weights have the wrong size';
      for (let o = 0; o < output.channels; o++) {
        if (!within(layer.shift[o], 0, MAX_SHIFT)) return `shift ${layer.shift[o]} of channel ${o} is out of range`;
        if (layer.shift[o] !== input.fraction + layer.weightFractions[o] - output.fraction)
          return `shift of channel ${o} disagrees with the fractions`;
        if (!Number.isInteger(layer.bias[o])) return `bias of channel ${o} is no integer`;
      }
      return sumsFit(layer) ? undefined : 'its accumulator could wrap';
    }
    case 'maxpool':
      return input.fraction === output.fraction ? undefined : 'its fractions differ';
    case 'averagepool': {
      if (input.fraction !== output.fraction) return 'its fractions differ';
      const { rows, columns } = averageDivisors(layer, input, output);
      const divisors = new Set(rows.flatMap((r) => columns.map((c) => r * c)));
      return [...divisors].every((n) => averageMultiplier(layer.shift, n) <= 32767) ? undefined : 'a multiplier exceeds a word';
    }
    case 'add': {
      const [a, b] = inputs;
      const point = a.fraction + layer.shiftA;
      const aligned = point === b.fraction + layer.shiftB && point === output.fraction + layer.shiftOut;
      if (!aligned) return 'its shifts do not align the binary points';
      const inRange =
        [layer.shiftA, layer.shiftB].every((shift) => within(shift, 0, MAX_ADD_SHIFT)) && within(layer.shiftOut, 0, MAX_ADD_SHIFT_OUT);
      if (!inRange) return 'its shifts are out of range';
      // x + x is one operand, shifted once more.
      const isDouble = a.id === b.id && layer.shiftA < MAX_ADD_SHIFT;
      return layer.shiftA === 0 || layer.shiftB === 0 || isDouble ? undefined : 'both operands are shifted';
    }
    case 'matmul':
      return within(layer.shift, 0, MAX_SHIFT) &&
        layer.shift === inputs[0].fraction + inputs[1].fraction - layer.scaleBits - output.fraction
        ? undefined
        : 'its shift disagrees with the fractions';
    case 'mul':
      return within(layer.shiftOut, 0, MAX_SHIFT) && layer.shiftOut === inputs[0].fraction + inputs[1].fraction - output.fraction
        ? undefined
        : 'its shift disagrees with the fractions';
    case 'maximum':
      return inputs.every((other) => other.fraction === output.fraction) ? undefined : 'its fractions differ';
    case 'constant':
      return layer.words.length === output.height * output.width * output.channels ? undefined : 'its words do not fill its tensor';
    case 'table':
      return within(layer.shiftOut, 0, 47) && layer.base.length === 256 && layer.slope.length === 256
        ? undefined
        : 'its table is malformed';
    case 'rearrange':
      if (!inputs.every((other) => other.fraction === output.fraction)) return 'its fractions differ';
      return findBadPart(layer.parts, inputs, output);
    case 'concat':
      return inputs.every((other) => other.fraction === output.fraction) ? undefined : 'its fractions differ';
  }
}

/** What is wrong with the parts of a rearrangement, if anything: words outside a tensor, or written twice. */
function findBadPart(parts: readonly RearrangePart[], inputs: readonly Extents[], output: Extents): string | undefined {
  const size = ({ height, width, channels }: Extents): number => height * width * channels;
  const written = new Uint8Array(size(output));
  for (const { input, rows, columns, words, from, to } of parts) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const source = from.offset + row * from.rowStep + column * from.columnStep;
        const target = to.offset + row * to.rowStep + column * to.columnStep;
        if (source < 0 || source + words > size(inputs[input])) return 'a part reads beyond its input';
        if (target < 0 || target + words > written.length) return 'a part writes beyond the result';
        for (let k = target; k < target + words; k++) if (written[k]++ > 0) return 'two parts write one word';
      }
    }
  }
  return undefined;
}
