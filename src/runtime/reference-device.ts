/** The integer reference as a device: slow, plain, the arbiter of bits; it keeps every tensor. */
import type { IntegerGraph } from '../graph/integer-graph.ts';
import { runReference } from '../reference/run-reference.ts';
import { type Device, tensorNames } from './device.ts';

/** Options of the reference device. */
export interface ReferenceDeviceOptions {
  /** Default 1. */
  readonly frames?: number;
  readonly progress?: (done: number, total: number, what: string) => void;
}

/** A device that computes with the integer reference: a network's integer graph, or those of all its parts. */
export function createReferenceDevice(parts: IntegerGraph | readonly IntegerGraph[], options: ReferenceDeviceOptions = {}): Device {
  const frames = options.frames ?? 1;
  const graphs = [parts].flat() as IntegerGraph[];
  return {
    name: 'reference',
    frames,
    run: async (inputs, part = 0) => {
      const graph = graphs[part];
      const idOf = new Map(tensorNames(graph).map((name, id) => [name, id]));
      const total = inputs.length * graph.layers.length;
      const results = inputs.map((words, frame) =>
        runReference(graph, words, {
          onLayer: (layer, index) => options.progress?.(frame * graph.layers.length + index + 1, total, layer.name),
        }),
      );
      return {
        read: (name, frame) => {
          const id = idOf.get(name);
          return id === undefined ? undefined : results[frame].get(id);
        },
      };
    },
  };
}
