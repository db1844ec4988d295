/** The profile of a whole network: its parts on the accelerator one after the other, the host's time between them left out. */
import type { Machine } from '../machine/machine.ts';
import type { DramBytes, LostCause } from '../simulator/timing/result.ts';
import { joinFigures, type NetworkFigures } from './network-report.ts';
import type { Profile, ProfileLayer } from './profile.ts';

/** Profiles of the programs of one network. */
export interface NetworkProfile {
  readonly name: string;
  readonly machine: Machine;
  /** Frames of one run. */
  readonly frames: number;
  /** Cycles of one run, all parts. */
  readonly cycles: number;
  /** Figures a frame, as `bench --json` prints them. */
  readonly figures: NetworkFigures;
  /** Slots of one run: whole numbers. */
  readonly usefulMacs: number;
  readonly lostSlots: Readonly<Record<LostCause, number>>;
  readonly dramBytes: DramBytes;
  /** Estimated energy of one run (docs/energy.md), and the mean power. */
  readonly millijoules: number;
  readonly watts: number;
  readonly layers: readonly ProfileLayer[];
  /** In the order of execution; most networks have one. */
  readonly parts: readonly Profile[];
}

/** @throws Error for no parts */
export function joinProfiles(name: string, parts: readonly Profile[]): NetworkProfile {
  const figures = joinFigures(parts.map((part) => part.figures));
  const [{ machine, frames }] = parts;
  const sum = (value: (part: Profile) => number): number => parts.reduce((total, part) => total + value(part), 0);
  const cycles = sum((part) => part.timing.cycles);
  const millijoules = sum((part) => part.total.energy.total);
  const causes = Object.keys(parts[0].total.lostSlots) as LostCause[];
  return {
    name,
    machine,
    frames,
    cycles,
    figures,
    usefulMacs: sum((part) => part.total.usefulMacs),
    lostSlots: Object.fromEntries(causes.map((cause) => [cause, sum((part) => part.total.lostSlots[cause])])) as Record<LostCause, number>,
    dramBytes: {
      weights: sum((part) => part.total.dramBytes.weights),
      mapsIn: sum((part) => part.total.dramBytes.mapsIn),
      mapsOut: sum((part) => part.total.dramBytes.mapsOut),
      instructions: sum((part) => part.total.dramBytes.instructions),
    },
    millijoules,
    watts: (millijoules / 1000) * (machine.clockHz / cycles),
    layers: parts.flatMap((part) => part.layers),
    parts,
  };
}
