/**
 * Pass: of max pools of one map, pixel by pixel, the larger one looks at what the smaller one made: the greatest word of a window is the greatest of those of the
 * smaller windows in it. Pyramids of pools (5×5, 9×9 and 13×13 in detectors) take 25 taps each then, not 25, 81 and 169.
 *
 *     x → maxpool 5×5, x → maxpool 9×9   →   x → maxpool 5×5 → maxpool 5×5
 */
import type { Window } from '../../graph/integer-graph.ts';
import type { DraftGraph, FloatLayer, FloatMaxPool } from './layer-graph.ts';

export function nestPools(graph: DraftGraph): DraftGraph {
  const byMap = new Map<number, FloatMaxPool[]>();
  for (const layer of graph.layers) {
    if (layer.kind !== 'maxpool' || !keepsPixels(layer.window)) continue;
    const [input] = layer.inputs;
    byMap.set(input, [...(byMap.get(input) ?? []), layer]);
  }
  const groups = [...byMap.values()].filter((pools) => pools.length > 1);
  const first = new Map<FloatLayer, FloatMaxPool[]>(groups.map((pools) => [pools[0], nest(pools)]));
  const others = new Set<FloatLayer>(groups.flatMap((pools) => pools.slice(1)));
  // They all read one map: where the first of them was, the smallest goes first.
  return { ...graph, layers: graph.layers.flatMap((layer) => first.get(layer) ?? (others.has(layer) ? [] : [layer])) };
}

/** Pools of one map from the smallest on, each on the results of the largest one that lies in it. */
function nest(pools: readonly FloatMaxPool[]): FloatMaxPool[] {
  const ascending = [...pools].sort((a, b) => taps(a.window) - taps(b.window));
  return ascending.map((pool, i) => {
    const inner = ascending.slice(0, i).findLast((other) => isInside(other, pool));
    return inner ? { ...pool, inputs: [inner.output], window: between(inner.window, pool.window) } : pool;
  });
}

function taps({ kernel }: Window): number {
  return kernel[0] * kernel[1];
}

/** As many results as pixels, no gaps, none of the windows beyond the map. */
function keepsPixels({ kernel, stride, dilation, pads }: Window): boolean {
  const [top, left, bottom, right] = pads;
  return [...stride, ...dilation].every((step) => step === 1) && top + bottom === kernel[0] - 1 && left + right === kernel[1] - 1;
}

/** Does every window of a pool lie in the one of another pool at the same pixel, its words as they were? */
function isInside(inner: FloatMaxPool, outer: FloatMaxPool): boolean {
  const isFree = inner.clamp.low === Number.NEGATIVE_INFINITY && inner.clamp.high === Number.POSITIVE_INFINITY;
  return isFree && inner.window.pads.every((pad, side) => pad <= outer.window.pads[side]);
}

/** The window over the smaller one's results that sees what the larger one does. */
function between(inner: Window, outer: Window): Window {
  const [top, left, bottom, right] = outer.pads.map((pad, side) => pad - inner.pads[side]);
  return { ...outer, kernel: [top + bottom + 1, left + right + 1], pads: [top, left, bottom, right] };
}
