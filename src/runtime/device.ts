/** Where a network runs: one interface, several devices. */
import type { IntegerGraph } from '../graph/integer-graph.ts';
import type { TimingResult } from '../simulator/timing/result.ts';

/** Words (height × width × channels, channels last) of one frame's inputs, by name. */
export type WordInputs = ReadonlyMap<string, Int16Array>;

/** What a device holds after a run. */
export interface DeviceResult {
  /** Words of a tensor after the run, by its name; undefined when the device does not keep it. */
  read(name: string, frame: number): Int16Array | undefined;
  /** Cycles and bytes, from devices that have them. */
  readonly timing?: TimingResult;
}

/** Something that computes the accelerator's parts of a network: the simulated machine, the reference, later a board. */
export interface Device {
  readonly name: string;
  /** Frames that one run takes. */
  readonly frames: number;
  /**
   * Computes one set of frames.
   * @param part which of the accelerator's parts, in the order of execution; default 0
   * @throws InputError when the inputs don't fit, JobError when the program is wrong
   */
  run(inputs: readonly WordInputs[], part?: number): Promise<DeviceResult>;
}

/** Name of each tensor by id: a border's ONNX name, else the tensor's own. */
export function tensorNames(graph: IntegerGraph): string[] {
  const names = graph.tensors.map((tensor) => tensor.name);
  for (const border of [...graph.inputs, ...graph.outputs]) names[border.tensor] = border.name;
  return names;
}
