/**
 * An estimate of energy from counts and stated coefficients; never a measurement. Derivation and sources: docs/energy.md.
 */
import type { Machine } from '../machine/machine.ts';

/** Energy coefficients of one technology. */
export interface EnergyCoefficients {
  /** One useful 16-bit multiply-accumulate. */
  readonly picojoulesPerMac: number;
  /** One read or write of a line (32 bytes) in an on-chip buffer. */
  readonly picojoulesPerBufferLine: number;
  /** One byte to or from DRAM, controller and device. */
  readonly picojoulesPerDramByte: number;
  /** What the board draws whether it works or not: leakage, clock, processor cores, DRAM standby, regulators. Charged to every cycle. */
  readonly idleWatts: number;
}

/** One coefficient with where it comes from, as reports print it. */
export interface EnergySource {
  readonly coefficient: keyof EnergyCoefficients;
  readonly what: string;
  readonly source: string;
}

/**
 * Coefficients of a ZC706 board with the XC7Z045. idleWatts is what is left of the published 9.48 W (AlexNet's convolutions) when the other
 * three have been counted on this project's own AlexNet run; a test holds the sum.
 */
export const XC7Z045_ENERGY: EnergyCoefficients = {
  picojoulesPerMac: 13,
  picojoulesPerBufferLine: 40,
  picojoulesPerDramByte: 560,
  idleWatts: 8.09,
};

/** Power that the papers state for AlexNet on the board. */
export const PUBLISHED_ALEXNET_WATTS = 9.48;

export const ENERGY_SOURCES: readonly EnergySource[] = [
  {
    coefficient: 'picojoulesPerMac',
    what: 'useful MAC',
    source:
      'Horowitz, ISSCC 2014: 16-bit multiply (between 0.2 pJ for 8 and 3.1 pJ for 32 bits: 0.8 pJ) and 48-bit add (0.15 pJ), times 14, ' +
      'the FPGA’s dynamic power against an ASIC’s (Kuon and Rose, TCAD 2007)',
  },
  {
    coefficient: 'picojoulesPerBufferLine',
    what: 'line of a buffer',
    source: 'Horowitz, ISSCC 2014: 10 pJ for 64 bits of an 8 KB memory; a line is four of them (block RAM is hard logic: no FPGA factor)',
  },
  {
    coefficient: 'picojoulesPerDramByte',
    what: 'DRAM byte',
    source: 'Malladi et al., ISCA 2012: 70 pJ a bit of DDR3 at high utilisation',
  },
  {
    coefficient: 'idleWatts',
    what: 'every cycle',
    source: 'calibrated: AlexNet’s convolutions then draw the 9.48 W that the papers measured on the board',
  },
];

/** What an energy is counted from. */
export interface EnergyCounts {
  readonly macs: number;
  readonly bufferLines: number;
  readonly dramBytes: number;
  readonly cycles: number;
}

/** Estimated millijoules by what they are spent on. */
export interface EnergyEstimate {
  readonly macs: number;
  readonly buffers: number;
  readonly dram: number;
  readonly idle: number;
  readonly total: number;
}

/** Estimated energy of some work, in millijoules. */
export function estimateEnergy(counts: EnergyCounts, machine: Machine, coefficients: EnergyCoefficients = XC7Z045_ENERGY): EnergyEstimate {
  const macs = counts.macs * coefficients.picojoulesPerMac * 1e-9;
  const buffers = counts.bufferLines * coefficients.picojoulesPerBufferLine * 1e-9;
  const dram = counts.dramBytes * coefficients.picojoulesPerDramByte * 1e-9;
  const idle = (counts.cycles / machine.clockHz) * coefficients.idleWatts * 1e3;
  return { macs, buffers, dram, idle, total: macs + buffers + dram + idle };
}
