import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageDivisor } from '../../../graph/average-pool.ts';
import type { AveragePoolLayer } from '../../../graph/integer-graph.ts';
import { buildStages, geometryOf } from '../stages/build-stages.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';
import type { Region } from '../stages/stage.ts';
import { type Block, blocksOf, imagesOf, regionsOf } from './blocks.ts';
import { makeWork } from './work.test-util.ts';

const WHOLE: Region = { y0: 0, y1: 3, x0: 0, x1: 2 };
const one = [{ region: WHOLE, divisor: 1 }];

/** Blocks that compute output channel c of pixel (y, x). */
function blocksAt(blocks: readonly Block[], c: number, y: number, x: number): Block[] {
  return blocks.filter(
    ({ channel, channels, region: r }) => c >= channel && c < channel + channels && y >= r.y0 && y < r.y1 && x >= r.x0 && x < r.x1,
  );
}

const sizes = fc.record({
  lanes: fc.constantFrom(1, 2, 4, 8, 16),
  slots: fc.constantFrom(1, 2, 4, 8),
  groups: fc.integer({ min: 1, max: 5 }),
  inPerGroup: fc.integer({ min: 1, max: 40 }),
  outPerGroup: fc.integer({ min: 1, max: 150 }),
});

describe('blocksOf', () => {
  it('computes every output channel once, from the input channels of its group, with no more than the CUs can hold', () => {
    fc.assert(
      fc.property(sizes, ({ lanes, slots, groups, inPerGroup, outPerGroup }) => {
        const outChannels = groups * outPerGroup;
        const blocks = blocksOf(makeWork({}, { inChannels: groups * inPerGroup, outChannels, groups }), lanes, slots, one);
        for (let c = 0; c < outChannels; c++) {
          const found = blocksAt(blocks, c, 1, 1);
          expect(found.length).toBe(1);
          expect(found[0].inputChannel).toBe(Math.floor(c / outPerGroup) * inPerGroup);
        }
        for (const block of blocks) expect(block.channels).toBeLessThanOrEqual((slots * 64) / lanes);
      }),
    );
  });

  it('reads the channels that it writes where it is depthwise', () => {
    const work = makeWork({}, { inChannels: 150, outChannels: 150, depthwise: true });
    expect(blocksOf(work, 1, 1, one).map(({ channel, channels, inputChannel }) => [channel, channels, inputChannel])).toEqual([
      [0, 64, 0],
      [64, 64, 64],
      [128, 22, 128],
    ]);
  });

  it('needs an image for every vMAC with an output', () => {
    expect([1, 4, 5, 16, 17, 64].map((channels) => imagesOf(channels, 4))).toEqual([1, 1, 2, 4, 5, 16]);
    expect(imagesOf(3, 16)).toBe(3);
    expect(imagesOf(33, 1)).toBe(3);
  });
});

const pool = fc.record({
  size: fc.integer({ min: 1, max: 12 }),
  kernel: fc.integer({ min: 1, max: 5 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  pad: fc.integer({ min: 0, max: 4 }),
  countIncludePad: fc.boolean(),
});

describe('regionsOf', () => {
  it('cuts an average pool so that every pixel is in one region, which has its divisor', () => {
    let several = 0;
    fc.assert(
      fc.property(pool, ({ size, kernel, stride, dilation, pad, countIncludePad }) => {
        fc.pre(size + 2 * pad >= (kernel - 1) * dilation + 1);
        const b = new GraphBuilder();
        const x = b.input(size, size + 1, 3);
        const graph = b.build(b.averagePool(x, { kernel, stride, dilation, pad }, countIncludePad));
        const layer = graph.layers[0] as AveragePoolLayer;
        const [input, output] = [graph.tensors[x], graph.tensors[layer.output]];
        const work = buildStages(graph).stages[0].mac!;
        const regions = regionsOf(work, geometryOf(layer.window, input, output));
        const blocks = blocksOf(work, 1, 1, regions);
        if (regions.length > 1) several++;
        for (let y = 0; y < output.height; y++) {
          for (let column = 0; column < output.width; column++) {
            const found = blocksAt(blocks, 0, y, column);
            expect(found.length).toBe(1);
            expect(found[0].divisor).toBe(averageDivisor(layer, input, y, column));
          }
        }
      }),
    );
    expect(several).toBeGreaterThan(20);
  });

  it('gives every frame of a batch the divisor of the one output row', () => {
    const b = new GraphBuilder();
    const layer = b.build(b.averagePool(b.input(1, 1, 3), { kernel: 1 })).layers[0] as AveragePoolLayer;
    const work = makeWork({ inHeight: 5, outHeight: 5 }, { depthwise: true, source: layer });
    const original = makeWork({}).geometry;
    expect(regionsOf(work, original)).toEqual([{ region: { y0: 0, y1: 5, x0: 0, x1: 1 }, divisor: 1 }]);
  });

  it('leaves convolutions whole', () => {
    const { geometry } = makeWork({ outHeight: 3, outWidth: 2 });
    expect(regionsOf(makeWork(geometry), geometry)).toEqual(one);
  });
});
