/** The simulated machine as a device under Node: the data engine on this thread, the timing engine on another. */
import type { Program } from '../program/program.ts';
import type { CheckLevel } from '../simulator/data/engine.ts';
import type { Device } from './device.ts';
import { createMachineDevice } from './machine-device.ts';
import { timeProgram } from './time-program.ts';

/** Options of the simulated machine. */
export interface SimulatorDeviceOptions {
  /** Measure cycles and bytes too. Default false. */
  readonly timing?: boolean;
  /** What the data engine checks about the program. Default `races`: everything. */
  readonly checks?: CheckLevel;
}

/** A device that executes a program, or those of all parts of a network, on the simulated machine that it was compiled for. */
export function createSimulatorDevice(program: Program | readonly Program[], { timing, checks }: SimulatorDeviceOptions = {}): Device {
  return createMachineDevice(program, { checks, ...(timing ? { time: timeProgram } : {}) });
}
