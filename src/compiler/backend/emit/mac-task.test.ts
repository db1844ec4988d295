/** Pixels of a column laid along a row: whatever the layer's window says of columns, they follow each other. */
import { expect, it } from 'vitest';
import { checkConformance } from '../../../../test/conformance.ts';
import type { IntegerLayer } from '../../../graph/integer-graph.ts';
import { XC7Z045 } from '../../../machine/machine.ts';
import { GraphBuilder } from '../stages/graph-builder.test-util.ts';

it.each([1, 4, 8] as const)('a map of one column on chip, columns 4 apart, %i CUs: exact', async (computeUnits) => {
  const builder = new GraphBuilder();
  const x = builder.input(7, 2, 4);
  const graph = builder.build(builder.conv(builder.maxPool(builder.conv(x, 29), { kernel: 2, stride: 2 }), 2));
  // The pool leaves one column: any stride of columns says the same.
  const apart = { ...graph, layers: graph.layers.map((layer) => (layer === graph.layers.at(-1) ? moveColumnsApart(layer) : layer)) };
  expect((await checkConformance(apart, { ...XC7Z045, computeUnits }, 1, 5)).difference).toBeUndefined();
});

function moveColumnsApart(layer: IntegerLayer): IntegerLayer {
  if (layer.kind !== 'conv') throw new Error('a convolution is expected');
  return { ...layer, window: { ...layer.window, stride: [1, 4] } };
}
