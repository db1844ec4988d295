import { describe, expect, it } from 'vitest';
import type { ConvLayer, IntegerGraph, IntegerTensor } from '../graph/integer-graph.ts';
import { measureLayerWork } from './layer-work.ts';

/** Square convolutions [input size, input channels, output channels, kernel, stride, pad]. */
function convGraph(convs: readonly (readonly number[])[]): IntegerGraph {
  const tensors: IntegerTensor[] = [];
  const addTensor = (size: number, channels: number): number =>
    tensors.push({ id: tensors.length, name: `t${tensors.length}`, height: size, width: size, channels, fraction: 0 }) - 1;
  const layers = convs.map(([size, from, to, k, s, p], i): ConvLayer => {
    const input = addTensor(size, from);
    return {
      kind: 'conv',
      name: `conv${i}`,
      nodes: [`conv${i}`],
      inputs: [input],
      output: addTensor(Math.floor((size + 2 * p - k) / s) + 1, to),
      window: { kernel: [k, k], stride: [s, s], dilation: [1, 1], pads: [p, p, p, p] },
      groups: 1,
      weights: new Int16Array(to * k * k * from),
      weightFractions: new Int8Array(to),
      bias: new Float64Array(to),
      shift: new Uint8Array(to),
      clamp: { low: 0, high: 32767 },
    };
  });
  return { name: 'g', tensors, layers, inputs: [], outputs: [] };
}

describe('measureLayerWork', () => {
  it("gives AlexNet's published 599.3 M MACs, padding taps skipped", () => {
    const work = measureLayerWork(
      convGraph([
        [224, 3, 64, 11, 4, 2],
        [27, 64, 192, 5, 1, 2],
        [13, 192, 384, 3, 1, 1],
        [13, 384, 256, 3, 1, 1],
        [13, 256, 256, 3, 1, 1],
      ]),
    );
    expect((work.reduce((sum, l) => sum + l.macs, 0) / 1e6).toFixed(1)).toBe('599.3');
    expect(work.reduce((sum, l) => sum + l.weightBytes, 0)).toBe(2 * 2_468_544);
  });

  it('counts one tap a channel for depthwise layers and average pools', () => {
    const dense = convGraph([[5, 4, 4, 3, 1, 1]]);
    const conv = dense.layers[0] as ConvLayer;
    const taps = 5 * 5 * 9 - 4 * 5 * 3 + 4; // nine a pixel, less three at each border pixel, corners counted once
    expect(measureLayerWork({ ...dense, layers: [{ ...conv, groups: 4 }] })[0].macs).toBe(taps * 4);
    const { weights: _w, weightFractions: _f, bias: _b, shift: _s, groups: _g, ...base } = conv;
    const pool = { ...base, kind: 'averagepool', countIncludePad: true, shift: 17 } as const;
    expect(measureLayerWork({ ...dense, layers: [pool] })[0]).toMatchObject({ macs: taps * 4, weightBytes: 0 });
  });
});
