/** Changed machines of which a profile tells what they would give. */
import { type Machine, machineSchema } from '../machine/machine.ts';
import { findMachineFault } from '../machine/parse-machine.ts';

/** One change of a machine. */
export interface MachineChange {
  /** "twice the DRAM bandwidth" */
  readonly what: string;
  readonly machine: Machine;
  /** Whether a program must be compiled again to use the change (or to fit). */
  readonly needsCompile: boolean;
}

/** Twice each of the sizes that bound a network, where such a machine exists. */
export function doubledMachines(machine: Machine): MachineChange[] {
  const { dram, mapsBytes, weightsBytes, computeUnits } = machine;
  const change = (what: string, needsCompile: boolean, values: Partial<Machine>): MachineChange => {
    return { what, needsCompile, machine: { ...machine, ...values, name: `${machine.name}, ${what}` } };
  };
  return [
    change('twice the DRAM bandwidth', false, { dram: { ...dram, bytesPerSecond: 2 * dram.bytesPerSecond } }),
    change('twice the buffers', true, { mapsBytes: 2 * mapsBytes, weightsBytes: 2 * weightsBytes }),
    change(`${2 * computeUnits} compute units`, true, { computeUnits: 2 * computeUnits }),
  ].filter(({ machine: changed }) => machineSchema.safeParse(changed).success && findMachineFault(changed) === undefined);
}
