/** The front end's passes in order: reads as a table of contents. Each is a pure function, so any step can be looked at by its name. */
import { foldConstants } from '../../graph/fold-constants.ts';
import type { Graph } from '../../graph/graph.ts';
import { removeIdentities } from '../../graph/remove-identities.ts';
import { inferShapes } from '../../graph/shape-inference.ts';
import { putTimeFirst } from '../../graph/time-first.ts';
import { fixFrameDimension } from './fix-frame-dimension.ts';
import { foldAffineIntoConsumer } from './fold-affine-into-consumer.ts';
import { foldAffineIntoProducer } from './fold-affine-into-producer.ts';
import { foldPadding } from './fold-padding.ts';
import { fuseClamp } from './fuse-clamp.ts';
import { fuseFunctions } from './fuse-functions.ts';
import { hoistThroughMoves } from './hoist-through-moves.ts';
import type { DraftGraph } from './layer-graph.ts';
import { lowerAffine } from './lower-affine.ts';
import { lowerClamp } from './lower-clamp.ts';
import { nestPools } from './nest-pools.ts';
import { orderChannels } from './order-channels.ts';
import { poolBeforePointwise } from './pool-before-pointwise.ts';
import { readBlocks } from './read-blocks.ts';
import { recognizeNormalization } from './recognize-normalization.ts';
import { removeUnused } from './remove-unused.ts';

/** On the ONNX graph, before it is divided between accelerator and host. */
export const GRAPH_PASSES: readonly (readonly [name: string, pass: (graph: Graph) => Graph])[] = [
  ['fix-frame-dimension', fixFrameDimension],
  ['time-first', putTimeFirst],
  ['infer-shapes', inferShapes],
  ['fold-constants', foldConstants],
  ['infer-shapes-again', inferShapes], // folded shapes (Reshape) decide further ones
  ['remove-identities', removeIdentities],
  ['recognize-normalization', recognizeNormalization],
  ['fold-padding', foldPadding],
];

/** On the layer graph: folding. Affine layers left in front of everything go to the host (lower-graph.ts). */
export const FOLDING_PASSES: readonly (readonly [name: string, pass: (graph: DraftGraph) => DraftGraph])[] = [
  ['hoist-through-moves', hoistThroughMoves],
  ['fold-affine-into-producer', foldAffineIntoProducer],
  ['fold-affine-into-consumer', foldAffineIntoConsumer],
];

/** On the layer graph: what is left becomes layers of the accelerator. */
export const LOWERING_PASSES: readonly (readonly [name: string, pass: (graph: DraftGraph) => DraftGraph])[] = [
  ['fuse-functions', fuseFunctions],
  ['remove-fused', removeUnused], // what was fused must not count as a reader
  ['lower-affine', lowerAffine],
  ['fuse-clamp', fuseClamp], // after lower-affine: a depthwise layer takes the Relu behind it
  ['pool-before-pointwise', poolBeforePointwise], // clamps are where they belong
  ['lower-clamp', lowerClamp],
  ['nest-pools', nestPools],
  ['read-blocks', readBlocks],
  ['remove-unused', removeUnused],
  ['order-channels', orderChannels],
  ['remove-moved', removeUnused],
];

/** Runs passes in order; `onPass` sees every intermediate result. */
export function runPasses<G>(
  graph: G,
  passes: readonly (readonly [name: string, pass: (graph: G) => G])[],
  onPass?: (name: string, graph: G) => void,
): G {
  let current = graph;
  for (const [name, pass] of passes) {
    current = pass(current);
    onPass?.(name, current);
  }
  return current;
}
