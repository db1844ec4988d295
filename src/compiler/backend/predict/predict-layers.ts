/**
 * Predicted cycles of each layer: the times of the tasks divided among the layers as the simulator's account divides its own
 * (microarchitecture.md, section 10, "Which layer").
 */
import { UNIT_ID } from '../../../isa/fields.ts';
import type { Machine } from '../../../machine/machine.ts';
import type { Task } from '../tasks/task.ts';
import { predictTimeline } from './predict-timeline.ts';

/** End of the work of a layer without MACs on one CU. */
interface Boundary {
  readonly at: number;
  readonly layer: number;
}

/**
 * Cycles of each layer, all frames of the program; their sum is the program's.
 * @param instructions as predictTimeline
 */
export function predictLayers(order: readonly Task[], instructions: Int32Array, machine: Machine, layers: number): Float64Array {
  const { start, end, cycles } = predictTimeline(order, instructions, machine);
  const result = new Float64Array(layers);
  const work = new Uint8Array(layers);
  for (const { kind, layer } of order) work[layer]! |= kind === 'MAC' ? 1 : kind === 'VEC' ? 2 : 0;
  const lastLayer = order.reduce((last, task) => Math.max(last, task.layer), 0);
  const cus = machine.computeUnits;
  for (let cu = 0; cu < cus; cu++) {
    const boundaries = collectBoundaries(order, end, work, cu);
    let next = 0;
    let from = 0;
    /** Gives the time up to `to` to the layers without MACs that end in it, the rest to `layer`. */
    const charge = (to: number, layer: number): void => {
      for (; next < boundaries.length && boundaries[next]!.at <= to; next++) {
        const { at, layer: owner } = boundaries[next]!;
        if (at <= from) continue;
        result[owner]! += (at - from) / cus;
        from = at;
      }
      result[layer]! += (to - from) / cus;
      from = to;
    };
    for (const [place, task] of order.entries()) {
      if (task.unit !== UNIT_ID.mac(cu)) continue;
      charge(start[place]!, task.layer);
      result[task.layer]! += (end[place]! - from) / cus;
      from = end[place]!;
    }
    charge(Math.max(from, cycles), lastLayer);
  }
  return result;
}

function collectBoundaries(order: readonly Task[], end: Float64Array, work: Uint8Array, cu: number): Boundary[] {
  const boundaries: Boundary[] = [];
  for (const [place, { unit, kind, layer }] of order.entries()) {
    const isVecLayer = unit === UNIT_ID.vec(cu) && (work[layer]! & 1) === 0;
    const isCopy = kind === 'ST' && work[layer] === 0;
    if (isVecLayer || isCopy) boundaries.push({ at: end[place]!, layer });
  }
  return boundaries.sort((a, b) => a.at - b.at);
}
