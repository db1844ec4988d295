/** The causes of lost cycles and the kinds of traffic as reports show them: order, titles, meaning. Specification: docs/microarchitecture.md, section 10. */
import type { DramBytes, LostCause } from '../simulator/timing/result.ts';

/** How a cause is shown. */
export interface CauseText {
  /** Up to eight letters, for table heads. */
  readonly short: string;
  readonly title: string;
  /** One sentence. */
  readonly meaning: string;
}

/** By cause, in the order of reports. */
export const CAUSE_TEXTS: Readonly<Record<LostCause, CauseText>> = {
  maps: { short: 'maps', title: 'waiting for maps', meaning: 'The MACs waited for activations from DRAM.' },
  weights: { short: 'weights', title: 'waiting for weights', meaning: 'The MACs waited for weights from DRAM.' },
  store: { short: 'store', title: 'result path', meaning: 'Results, pooling or stores held the MACs up.' },
  dependency: { short: 'depend.', title: 'dependency', meaning: 'The input was still being computed or stored by an earlier layer.' },
  dispatch: { short: 'dispatch', title: 'dispatch', meaning: 'No instruction was there yet, or it was being set up.' },
  partialLanes: {
    short: 'lanes',
    title: 'partial lanes',
    meaning: 'Lanes had no useful product: clipped words, tails, outputs that do not exist.',
  },
  imbalance: { short: 'imbal.', title: 'imbalance', meaning: 'This compute unit waited for another one.' },
  drain: { short: 'drain', title: 'drain', meaning: 'The last results were pooled and stored after the last MAC.' },
};
/** All causes in the order of reports. */
export const CAUSES = Object.keys(CAUSE_TEXTS) as LostCause[];

/** Titles of the kinds of DRAM traffic, in the order of reports. */
export const TRAFFIC_TITLES: Readonly<Record<keyof DramBytes, string>> = {
  weights: 'weights',
  mapsIn: 'maps in',
  mapsOut: 'maps out',
  instructions: 'instructions',
};
/** All kinds in the order of reports. */
export const TRAFFIC_KINDS = Object.keys(TRAFFIC_TITLES) as (keyof DramBytes)[];
