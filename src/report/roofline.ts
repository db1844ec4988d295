/** The roofline: what a piece of work could reach at most, by its MACs for each DRAM byte, and what it reached. */
import { bytesPerCycle, type Machine, macCount } from '../machine/machine.ts';

/** One piece of work on the roofline. */
export interface RooflinePoint {
  /** Useful MACs for each DRAM byte; Infinity without traffic. */
  readonly macsPerByte: number;
  /** min(peak, bandwidth × macsPerByte). */
  readonly attainableMacsPerCycle: number;
  readonly reachedMacsPerCycle: number;
  /** The roof above it: the slope of the memory or the flat one of the MACs. */
  readonly roof: 'memory' | 'compute';
}

/** Where work of `macs` useful MACs and `bytes` of DRAM traffic, done in `cycles`, stands under the roofs of a machine. */
export function placeOnRoofline(macs: number, bytes: number, cycles: number, machine: Machine): RooflinePoint {
  const peak = macCount(machine);
  const { numerator, denominator } = bytesPerCycle(machine);
  const macsPerByte = bytes > 0 ? macs / bytes : macs > 0 ? Number.POSITIVE_INFINITY : 0;
  const slope = macsPerByte * (numerator / denominator);
  return {
    macsPerByte,
    attainableMacsPerCycle: Math.min(peak, slope),
    reachedMacsPerCycle: cycles > 0 ? macs / cycles : 0,
    roof: slope < peak ? 'memory' : 'compute',
  };
}

/** Intensity at which the roofs meet. */
export function ridgeMacsPerByte(machine: Machine): number {
  const { numerator, denominator } = bytesPerCycle(machine);
  return (macCount(machine) * denominator) / numerator;
}
