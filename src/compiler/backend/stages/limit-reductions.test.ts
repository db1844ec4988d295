import { describe, expect, it } from 'vitest';
import { type Machine, weightsLines, XC7Z045 } from '../../../machine/machine.ts';
import { type FinalLayer, type FloatConv, type LayerGraph, NO_CLAMP } from '../../frontend/layer-graph.ts';
import { limitReductions } from './limit-reductions.ts';

interface Conv {
  readonly size: number;
  readonly channels: number;
  readonly kernel: number;
  readonly groups?: number;
}

/** Convolutions side by side, each from an input of its own to two channels. */
function makeGraph(convs: readonly Conv[]): LayerGraph {
  const tensors = convs.flatMap(({ size, channels, kernel }, i) => {
    const out = size - kernel + 1;
    const input = { id: 2 * i, name: `x${i}`, height: size, width: size, channels, measurable: true };
    return [input, { id: 2 * i + 1, name: `y${i}`, height: out, width: out, channels: 2, measurable: true }];
  });
  const layers = convs.map(({ channels, kernel, groups = 1 }, i): FinalLayer => {
    const strides = { output: 1, row: 1, column: 1, input: 1 };
    return {
      kind: 'conv',
      name: `conv${i}`,
      nodes: [`conv${i}`],
      inputs: [2 * i],
      output: 2 * i + 1,
      window: { kernel: [kernel, kernel], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] },
      groups,
      weights: { data: new Float32Array(2 * kernel * kernel * channels), offset: 0, strides },
      bias: new Float64Array(2),
      clamp: NO_CLAMP,
    };
  });
  return { name: 'test', tensors, layers, inputs: [], outputs: [] };
}

/** Channels of the parts of each convolution. */
function partsOf(convs: readonly Conv[], machine: Machine, frames = 1): number[][] {
  const { layers, tensors } = limitReductions(makeGraph(convs), machine, frames);
  return convs.map((conv, i) => {
    const parts = layers.filter((layer): layer is FloatConv => layer.kind === 'conv' && layer.nodes[0] === `conv${i}`);
    let next = 0;
    for (const part of parts) {
      expect(part.inputChannelOffset ?? 0).toBe(next);
      next += part.inputChannels ?? tensors[part.inputs[0]].channels;
    }
    expect(next).toBe(conv.channels);
    // A sum of n parts takes n − 1 additions, the last of which makes the result.
    const adds = layers.filter((layer) => layer.kind === 'add' && layer.nodes[0] === `conv${i}`);
    expect(adds.length).toBe(parts.length - 1);
    expect([...parts, ...adds].at(-1)!.output).toBe(2 * i + 1);
    return parts.map((part) => part.inputChannels ?? conv.channels);
  });
}

/** Weights lines of a group with 16 lanes, taps adjacent or apart, whichever is more. */
function groupLines(kernel: number, channels: number): number {
  return 1 + Math.max(kernel * Math.ceil((kernel * channels) / 16), kernel * kernel * Math.ceil(channels / 16));
}

describe('limitReductions', () => {
  it('leaves what two groups of which fit a weights buffer', () => {
    expect(partsOf([{ size: 9, channels: 512, kernel: 3 }], XC7Z045)).toEqual([[512]]);
    expect(
      partsOf(
        [
          { size: 30, channels: 3, kernel: 11 },
          { size: 2, channels: 4096, kernel: 1 },
        ],
        XC7Z045,
      ),
    ).toEqual([[3], [4096]]);
  });

  it('splits longer ones into equal parts of which two fit side by side', () => {
    expect(partsOf([{ size: 9, channels: 1024, kernel: 3 }], XC7Z045)).toEqual([[512, 512]]);
    for (const weightsBytes of [8192, 16384, 32768]) {
      const machine = { ...XC7Z045, weightsBytes };
      for (const kernel of [1, 2, 3, 5, 7]) {
        // Steps that give channel counts on both sides of a line.
        for (let all = 40; all < 3000; all = Math.ceil(all * 1.07)) {
          for (const channels of partsOf([{ size: 9, channels: all, kernel }], machine)[0]) {
            expect(groupLines(kernel, channels), `${kernel}×${kernel}×${all}`).toBeLessThanOrEqual(weightsLines(machine) / 2);
          }
        }
      }
    }
  });

  it('splits each layer by its own kernel: a large one does not cut up the others', () => {
    const machine = { ...XC7Z045, weightsBytes: 4096 };
    const convs = [
      { size: 30, channels: 3, kernel: 11 },
      { size: 9, channels: 64, kernel: 1 },
    ];
    expect(partsOf(convs, machine)[1]).toEqual([64]);
  });

  it('splits flat layers so that the frames of a batch fit the maps buffers together, not by half a weights buffer', () => {
    const flat = { size: 6, channels: 256, kernel: 6 };
    expect(partsOf([flat], XC7Z045)).toEqual([[256]]);
    // 16 frames, four to a CU: 36·256·4 words of 57,344.
    expect(partsOf([flat], XC7Z045, 16)).toEqual([[256]]);
    for (const frames of [32, 64]) {
      const parts = partsOf([flat], XC7Z045, frames)[0];
      expect(parts.length).toBeGreaterThan(1);
      for (const channels of parts) expect(36 * channels * (frames / 4)).toBeLessThanOrEqual(65536 * (7 / 8));
    }
  });

  it('never makes a tap longer than a descriptor can say', () => {
    const machine = { ...XC7Z045, mapsBytes: 1 << 20, weightsBytes: 1 << 20 };
    expect(partsOf([{ size: 1, channels: 70000, kernel: 1 }], machine)).toEqual([[35008, 34992]]);
  });

  it('leaves grouped convolutions alone', () => {
    expect(partsOf([{ size: 9, channels: 4096, kernel: 3, groups: 2 }], XC7Z045)).toEqual([[4096]]);
  });
});
