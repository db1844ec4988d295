/** Words moved from place to place. Specification: docs/numbers.md section 7. */
import type { IntegerTensor, RearrangeLayer } from '../graph/integer-graph.ts';

/** Words of `output`: the layer's parts copied from its inputs, `fill` where none writes. */
export function executeRearrange(layer: RearrangeLayer, output: IntegerTensor, inputs: readonly Int16Array[]): Int16Array {
  const result = new Int16Array(output.height * output.width * output.channels).fill(layer.fill);
  for (const { input, rows, columns, words, from, to } of layer.parts) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const source = from.offset + row * from.rowStep + column * from.columnStep;
        const target = to.offset + row * to.rowStep + column * to.columnStep;
        result.set(inputs[input].subarray(source, source + words), target);
      }
    }
  }
  return result;
}
