/**
 * One line on what would make a network faster: computed from the account of lost cycles and from runs on changed machines, each with the word
 * that says how it was found: *simulated* (the same program), *recompiled and simulated*, or *at most* (a bound: the cause disappears, nothing else appears).
 */
import type { LostCause } from '../simulator/timing/result.ts';
import { CAUSE_TEXTS } from './causes.ts';
import type { NetworkProfile } from './network-profile.ts';
import { formatPercent } from './table.ts';

/** A run of the same network on a changed machine. */
export interface WhatIf {
  readonly what: string;
  readonly cycles: number;
  readonly how: 'simulated' | 'recompiled and simulated';
}

/** Causes by what would remove them. */
const REMEDIES: readonly { readonly causes: readonly LostCause[]; readonly what: string }[] = [
  { causes: ['maps', 'weights'], what: 'loads that come in time' },
  { causes: ['dependency'], what: 'next layers that start on the first rows' },
  { causes: ['store'], what: 'a wider result path' },
  { causes: ['dispatch'], what: 'fewer, larger descriptors' },
  { causes: ['partialLanes'], what: 'lanes that fit the layers’ shapes' },
  { causes: ['imbalance'], what: 'work that divides evenly among the compute units' },
  { causes: ['drain'], what: 'a shorter tail after the last MAC' },
];
/** Losses below this share of the time are not worth a word. */
const LEAST_SHARE = 0.001;

/** What removing one group of causes gives at most. */
export interface Remedy {
  readonly what: string;
  readonly causes: readonly LostCause[];
  /** Share of the cycles, 0 to 1. */
  readonly share: number;
}

/** The groups of causes by what they cost, largest first. */
export function rankRemedies({ usefulMacs, lostSlots }: Pick<NetworkProfile, 'usefulMacs' | 'lostSlots'>): Remedy[] {
  const slots = Object.values(lostSlots).reduce((sum, lost) => sum + lost, usefulMacs);
  return REMEDIES.map(({ causes, what }) => {
    return { what, causes, share: slots > 0 ? causes.reduce((sum, cause) => sum + lostSlots[cause], 0) / slots : 0 };
  }).sort((a, b) => b.share - a.share);
}

/** The answer to "what would make it faster", in one line. */
export function advise(network: NetworkProfile, whatIfs: readonly WhatIf[]): string {
  const tried = [...whatIfs].sort((a, b) => a.cycles - b.cycles);
  const clauses = tried.map(({ what, cycles, how }) => `${what} ${formatGain(network.cycles / cycles)} (${how})`);
  const [remedy] = rankRemedies(network);
  if (remedy.share >= LEAST_SHARE && remedy.share < 1) {
    const bound = `${formatGain(1 / (1 - remedy.share))} at most, for the ${formatPercent(remedy.share)} lost to ${remedy.causes.map(nameOf).join(' and ')}`;
    // What gains more than the account can give comes first.
    const rank = tried.filter(({ cycles }) => network.cycles / cycles > 1 / (1 - remedy.share)).length;
    clauses.splice(rank, 0, `${remedy.what}: ${bound}`);
  } else clauses.push('the account shows no loss worth removing');
  return clauses.join('; ');
}

/** A cause in a sentence: "maps" rather than "waiting for maps". */
function nameOf(cause: LostCause): string {
  return CAUSE_TEXTS[cause].title.replace('waiting for ', '');
}

function formatGain(speedup: number): string {
  if (Math.abs(speedup - 1) < 0.0005) return 'no gain';
  return `×${speedup.toFixed(speedup < 1.1 ? 3 : 2)}`;
}
