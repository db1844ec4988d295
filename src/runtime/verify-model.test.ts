import { describe, expect, it } from 'vitest';
import type { Tensor } from '../graph/graph.ts';
import type { IntegerGraph } from '../graph/integer-graph.ts';
import type { DeviceResult } from './device.ts';
import { compareBits, compareOutputs, countSaturated, describeDifference } from './verify-model.ts';

const size = { height: 2, width: 3, channels: 4, fraction: 8 };
const window = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] } as const;
const pool = { kind: 'maxpool', window, clamp: { low: -32768, high: 32767 } } as const;

/** x → a → b, all 2×3×4; the border calls b "y". */
const GRAPH: IntegerGraph = {
  name: 'g',
  tensors: ['x', 'a', 'b'].map((name, id) => ({ id, name, ...size })),
  layers: [
    { ...pool, name: 'first', nodes: ['first'], inputs: [0], output: 1 },
    { ...pool, name: 'second', nodes: ['second'], inputs: [1], output: 2 },
  ],
  inputs: [{ name: 'x', tensor: 0, dims: [1, 4, 2, 3], order: 'nchw' }],
  outputs: [{ name: 'y', tensor: 2, dims: [1, 4, 2, 3], order: 'nchw' }],
};

/** A device that holds these words, by name, for each frame. */
function holding(words: Readonly<Record<string, readonly Int16Array[]>>): DeviceResult {
  return { read: (name, frame) => words[name]?.[frame] };
}
const ramp = (from: number): Int16Array => Int16Array.from({ length: 24 }, (_, i) => from + i);

describe('compareBits', () => {
  const reference = holding({ a: [ramp(0), ramp(100)], y: [ramp(200), ramp(300)] });

  it('compares all tensors that both keep', () => {
    expect(compareBits(GRAPH, reference, reference, 2)).toEqual({ tensors: 4, words: 96 });
    expect(compareBits(GRAPH, reference, holding({ y: [ramp(200), ramp(300)] }), 2)).toEqual({ tensors: 2, words: 48 });
  });

  it('names the first difference in the order of execution', () => {
    const wrong = ramp(100);
    wrong[4 * (1 * 3 + 2) + 1] = -7;
    const { difference } = compareBits(GRAPH, reference, holding({ a: [ramp(0), wrong], y: [ramp(0), ramp(0)] }), 2);
    expect(difference).toEqual({ layer: 'first', tensor: 'a', frame: 1, y: 1, x: 2, channel: 1, expected: 121, found: -7 });
    expect(describeDifference(difference!)).toBe("layer 'first', value 'a': row 1, column 2, channel 1, frame 1: expected 121, found -7");
  });
});

describe('countSaturated', () => {
  it('counts words at both ends of the range, by layer', () => {
    const words = ramp(0);
    words.set([32767, -32768, 32766]);
    expect(countSaturated(GRAPH, holding({ a: [ramp(0)], y: [words] }), 1)).toEqual([{ layer: 'second', saturated: 2, words: 24 }]);
  });
});

describe('compareOutputs', () => {
  it('measures float outputs and passes over others', () => {
    const floats = (...values: number[]) => ({ dtype: 'float32' as const, dims: [2], data: Float32Array.from(values) });
    const labels = { dtype: 'int64' as const, dims: [1], data: BigInt64Array.of(3n) };
    const found = compareOutputs(
      [
        new Map<string, Tensor>([
          ['y', floats(1, 2)],
          ['label', labels],
        ]),
      ],
      [
        new Map<string, Tensor>([
          ['y', floats(1, 4)],
          ['label', labels],
        ]),
      ],
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ output: 'y', frame: 0, maxError: 2, meanError: 1, sameTop1: true });
  });
});
