/** Simplified geometries read the same input words in the same order. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IntegerGraph } from '../../../graph/integer-graph.ts';
import { layOutTensors, viewTensor } from '../layout/dram-layout.ts';
import { makeWork } from '../mac/work.test-util.ts';
import { buildStages } from './build-stages.ts';
import { GraphBuilder } from './graph-builder.test-util.ts';
import { countMacs, coversMap, type MacWork } from './stage.ts';
import { simplifyGeometry, type View } from './view.ts';

/** DRAM addresses of the operands of output pixel (y, x), in the order of the weights: kernel row, kernel column, channel. */
function operands(work: MacWork, view: View, y: number, x: number): number[] {
  const g = work.geometry;
  const addresses: number[] = [];
  for (let ky = 0; ky < g.kernelH; ky++) {
    const row = y * g.strideH - g.padTop + ky * g.dilationH;
    for (let kx = 0; kx < g.kernelW; kx++) {
      const column = x * g.strideW - g.padLeft + kx * g.dilationW;
      if (row < 0 || row >= g.inHeight || column < 0 || column >= g.inWidth) continue;
      const at = view.address + row * view.rowPitch + column * view.pixelPitch;
      for (let c = 0; c < work.tapWords; c++) addresses.push(at + c);
    }
  }
  return addresses;
}

/** The work of the graph's last stage, plain and simplified, with the views that go with them. */
function seenBy(graph: IntegerGraph): { plain: MacWork; view: View; simple: ReturnType<typeof simplifyGeometry>; simpleView: View } {
  const stages = buildStages(graph);
  const stage = stages.stages.at(-1)!;
  const layout = layOutTensors(graph, stages, 1);
  const plain = stage.mac!;
  const isDense = layout.homes.get(stage.input)!.pixelPitch === stages.tensors[stage.input].channels;
  const simple = simplifyGeometry(plain, isDense, true);
  const { shape, rowScale, columnScale } = simple;
  const batch = shape === 'map' ? {} : { batch: 1 };
  const simpleView = viewTensor(stages, layout, stage.input, 0, { shape, rowScale, columnScale, ...batch });
  return { plain, view: viewTensor(stages, layout, stage.input, 0), simple, simpleView };
}

/** Every output pixel reads the same words in the same order; the view holds the rows and columns that the geometry names. */
function expectSameOperands(graph: IntegerGraph): ReturnType<typeof seenBy> {
  const seen = seenBy(graph);
  const { plain, view, simple, simpleView } = seen;
  const { outHeight, outWidth } = plain.geometry;
  expect([simple.work.geometry.outHeight, simple.work.geometry.outWidth]).toEqual([outHeight, outWidth]);
  expect(simpleView.height).toBeGreaterThanOrEqual(simple.work.geometry.inHeight);
  expect(simpleView.width).toBeGreaterThanOrEqual(simple.work.geometry.inWidth);
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) expect(operands(simple.work, simpleView, y, x)).toEqual(operands(plain, view, y, x));
  }
  expect(countMacs(simple.work)).toBe(countMacs(plain));
  return seen;
}

const window = fc.record({
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
  channels: fc.integer({ min: 1, max: 5 }),
  kernel: fc.constantFrom(1, 1, 2, 3),
  stride: fc.integer({ min: 1, max: 4 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  pad: fc.constantFrom(0, 0, 1),
});

describe('simplifyGeometry', () => {
  it('leaves every operand where it is', () => {
    const scaled = { rows: 0, kept: 0 };
    fc.assert(
      fc.property(window, ({ height, width, channels, ...options }) => {
        const reach = (options.kernel - 1) * options.dilation + 1;
        fc.pre(Math.min(height, width) + 2 * options.pad >= reach);
        const b = new GraphBuilder();
        const { simple } = expectSameOperands(b.build(b.conv(b.input(height, width, channels), 3, options)));
        if (simple.rowScale > 1) scaled.rows++;
        else scaled.kept++;
      }),
      { numRuns: 300 },
    );
    expect(scaled.rows).toBeGreaterThan(20);
    expect(scaled.kept).toBeGreaterThan(20);
  });

  it('sees a pointwise layer with a stride as one without, on the rows and columns that it reads', () => {
    const b = new GraphBuilder();
    const { simple, simpleView } = expectSameOperands(b.build(b.conv(b.input(7, 6, 4), 3, { stride: 2 })));
    expect(simple).toMatchObject({
      rowScale: 2,
      columnScale: 2,
      shape: 'map',
      work: { geometry: { inHeight: 4, inWidth: 3, strideH: 1 } },
    });
    expect(simpleView).toMatchObject({ rowPitch: 2 * 6 * 4, pixelPitch: 8 });
  });

  it('sees a kernel that covers a dense map as one pixel', () => {
    const b = new GraphBuilder();
    const { simple, simpleView } = expectSameOperands(b.build(b.conv(b.input(3, 3, 5), 4, { kernel: 3 })));
    expect(simple).toMatchObject({
      shape: 'pixel',
      work: { tapWords: 45, inChannels: 45, geometry: { kernelH: 1, kernelW: 1, inWidth: 1 } },
    });
    expect(simpleView).toMatchObject({ width: 1, channels: 45 });
  });

  it('sees a kernel that covers a slice of a concatenation as a row of pixels', () => {
    const b = new GraphBuilder();
    const x = b.input(3, 3, 2);
    const part = b.conv(x, 5);
    const whole = b.concat(b.conv(x, 7), part);
    const { simple, simpleView } = expectSameOperands(b.build(whole, b.conv(part, 4, { kernel: 3 })));
    expect(simple).toMatchObject({ shape: 'row', work: { tapWords: 5, geometry: { kernelH: 1, kernelW: 9, inHeight: 1, inWidth: 9 } } });
    expect(simpleView).toMatchObject({ width: 9, channels: 5, pixelPitch: 12 });
  });

  it('keeps a stride whose last windows lie behind the image', () => {
    // Padding at the bottom only: output row 2 would be input row 4 of 4.
    const work = makeWork({ inHeight: 4, outHeight: 3, strideH: 2, inWidth: 5, outWidth: 3, strideW: 2 });
    expect(simplifyGeometry(work, true, true)).toMatchObject({
      rowScale: 1,
      columnScale: 2,
      work: { geometry: { inHeight: 4, strideH: 2 } },
    });
  });

  it('leaves a kernel over the whole map alone in a stage that runs frame by frame, or on a stripe', () => {
    const work = makeWork({ inHeight: 3, inWidth: 3, kernelH: 3, kernelW: 3 });
    expect(simplifyGeometry(work, true, true).shape).toBe('pixel');
    expect(simplifyGeometry(work, true, false)).toEqual({ work, shape: 'map', rowScale: 1, columnScale: 1 });
  });

  it('leaves a padded kernel over the whole map alone', () => {
    const work = makeWork({ inHeight: 3, inWidth: 3, kernelH: 3, kernelW: 3, padTop: 1 });
    expect(coversMap(work)).toBe(false);
    expect(simplifyGeometry(work, true, true)).toEqual({ work, shape: 'map', rowScale: 1, columnScale: 1 });
  });
});
