/**
 * The dispatched descriptors of one run as columns: what the units need of them at once (tokens, layer) and the cycles at which
 * things happened to them. Filled during the run, never grown.
 */
import type { CoreTrace, Dispatch } from '../../isa/core.ts';
import { UNIT_ID_COUNT } from '../../isa/fields.ts';
import type { Program } from '../../program/program.ts';

export class DescriptorTable {
  readonly count: number;
  readonly dispatches: readonly Dispatch[];
  readonly unitId: Uint8Array;
  readonly instruction: Int32Array;
  readonly layer: Int32Array;
  readonly waitRead: Int32Array;
  readonly waitWrite: Int32Array;
  readonly signalRead: Int32Array;
  readonly signalWrite: Int32Array;
  /** Cycle from which the descriptor is at its queue (T2); NaN before. */
  readonly arrivalAt: Float64Array;
  readonly startAt: Float64Array;
  readonly readSignalAt: Float64Array;
  readonly writeSignalAt: Float64Array;
  /** Descriptors of a unit in order, by unit id. */
  readonly order: readonly Int32Array[];

  constructor(trace: CoreTrace, layerOf: Int32Array) {
    const { dispatches } = trace;
    const n = dispatches.length;
    this.count = n;
    this.dispatches = dispatches;
    this.unitId = new Uint8Array(n);
    this.instruction = new Int32Array(n);
    this.layer = new Int32Array(n);
    this.waitRead = new Int32Array(n);
    this.waitWrite = new Int32Array(n);
    this.signalRead = new Int32Array(n);
    this.signalWrite = new Int32Array(n);
    this.arrivalAt = new Float64Array(n).fill(Number.NaN);
    this.startAt = new Float64Array(n).fill(Number.NaN);
    this.readSignalAt = new Float64Array(n).fill(Number.NaN);
    this.writeSignalAt = new Float64Array(n).fill(Number.NaN);
    const order: number[][] = Array.from({ length: UNIT_ID_COUNT }, () => []);
    for (let i = 0; i < n; i++) {
      const { unitId, instructionIndex, descriptor } = dispatches[i];
      this.unitId[i] = unitId;
      this.instruction[i] = instructionIndex;
      this.layer[i] = layerOf[instructionIndex];
      this.waitRead[i] = descriptor.waitRead;
      this.waitWrite[i] = descriptor.waitWrite;
      this.signalRead[i] = descriptor.signalRead;
      this.signalWrite[i] = descriptor.signalWrite;
      order[unitId].push(i);
    }
    this.order = order.map((list) => Int32Array.from(list));
  }
}

/**
 * Layer of every instruction by the source map. Prologue and epilogue (layer −1) count to the next layer, at the end to the last
 * one, so that the layers' sums are the program's.
 */
export function mapInstructionsToLayers(program: Program): Int32Array {
  const layers = new Int32Array(program.instructions.length).fill(-1);
  for (const span of program.sourceMap) layers.fill(span.layer, span.first, span.end);
  let next = -1;
  let last = 0;
  for (let i = layers.length - 1; i >= 0; i--) {
    if (layers[i] >= 0) {
      if (next < 0) last = layers[i];
      next = layers[i];
    } else if (next >= 0) layers[i] = next;
  }
  for (let i = layers.length - 1; i >= 0 && layers[i] < 0; i--) layers[i] = last;
  return layers;
}
