/** The naive twin's result FIFOs, result bus and ports B. Docs: microarchitecture.md, sections 7 and 9, T6 and T8 to T11. */
import type { Machine } from '../../../machine/machine.ts';
import type { TwinClock } from './clock.test-util.ts';
import { bitsOf, type TwinControl } from './control.test-util.ts';

export interface Granule {
  /** First cycle at which it stands in the FIFO. */
  readonly f: number;
  readonly mask: number;
  /** Dispatch that it completes, or −1. */
  readonly last: number;
}

/** Requesters of a port B besides the load bus, in order of priority. */
export const REQUESTERS = { bus: 0, macResult: 1, vecResult: 2, vecRead: 3, stRead: 4 } as const;
const { bus: BUS, macResult: MAC_RESULT, vecResult: VEC_RESULT, vecRead: VEC_READ, stRead: ST_READ } = REQUESTERS;

/** Sources of results: 2·cu for the MAC unit, 2·cu + 1 for the VEC unit. */
export interface TwinPorts {
  /** Takes places in a source's FIFO; false, and nothing is taken, where there are too few. */
  readonly takeCredits: (source: number, granules: number) => boolean;
  /** A granule enters its FIFO; those of one unit come one at a time, in order. */
  readonly enter: (source: number, granule: Granule) => void;
  /** A descriptor of this source has started whose results go to the CUs of the mask. */
  readonly expectWrites: (source: number, index: number, mask: number) => void;
  /** Raises a read request in this cycle; none of this requester may stand already. */
  readonly raiseRead: (cu: number, requester: typeof VEC_READ | typeof ST_READ) => void;
  readonly isRaised: (cu: number, requester: typeof VEC_READ | typeof ST_READ) => boolean;
  /** Grants the result bus, then every port that the load bus does not take. */
  readonly grant: (loadBus: number, reads: { readonly vec: (cu: number) => void; readonly store: () => void }) => void;
  /** Raises the requests of results, from FIFOs and from the bus. */
  readonly raiseResults: () => void;
}

/** Empty FIFOs and ports of all CUs. */
export function makePorts(m: Machine, { now, at }: TwinClock, control: TwinControl): TwinPorts {
  const lat = m.latency;
  const cus = m.computeUnits;
  /** Cycle in which the request that stands at a port was raised, by CU and requester; −1: none. */
  const raised = Array.from({ length: cus }, () => [-1, -1, -1, -1, -1]);
  const busIn: { source: number; last: number }[][] = Array.from({ length: cus }, () => []);
  const busRoom = new Array<number>(cus).fill(m.busFifoEntries);
  const fifos: Granule[][] = Array.from({ length: 2 * cus }, () => []);
  const credits = fifos.map((_, s) => (s % 2 === 0 ? m.resultFifoGranules : m.vecFifoGranules));
  const busRaised = fifos.map(() => -1);
  /** First cycle at which the head of a FIFO may raise a request. */
  const raiseFrom = fifos.map(() => 0);
  /** Write signals by source: descriptors in order, with the cycle at which they were known to be written. */
  const writes: { index: number; targets: number; at: number }[][] = fifos.map(() => []);
  let rotation = 2 * cus - 1;

  const written = (source: number, index: number, cycle: number): void => {
    const entry = writes[source].find((w) => w.index === index)!;
    entry.at = Math.max(entry.at, cycle);
    entry.targets--;
    while (writes[source].length > 0 && writes[source][0].targets === 0) {
      const done = writes[source].shift()!;
      control.signalInOrder('write', done.index, done.at);
    }
  };
  const pop = (source: number): Granule => {
    const granule = fifos[source].shift()!;
    at(now() + lat.creditLatency, () => credits[source]++);
    return granule;
  };
  const grantBus = (): void => {
    const t = now();
    for (let i = 1; i <= 2 * cus; i++) {
      const source = (rotation + i) % (2 * cus);
      if (busRaised[source] < 0 || busRaised[source] >= t) continue;
      const targets = bitsOf(fifos[source][0].mask);
      if (targets.some((cu) => busRoom[cu] <= 0)) continue;
      rotation = source;
      busRaised[source] = -1;
      raiseFrom[source] = t + 1;
      const { last } = pop(source);
      for (const cu of targets) {
        at(t + 2, () => busRoom[cu]--);
        at(t + lat.busLatency, () => busIn[cu].push({ source, last }));
      }
      return;
    }
  };
  /** The requester of a port that is granted in this cycle; −1: none. Its request is gone then. */
  const grantPort = (cu: number): number => {
    const requester = raised[cu].findIndex((r) => r >= 0 && r < now());
    if (requester >= 0) raised[cu][requester] = -1;
    return requester;
  };

  return {
    takeCredits: (source, granules) => {
      if (credits[source] < granules) return false;
      credits[source] -= granules;
      return true;
    },
    enter: (source, granule) => {
      if ((fifos[source].at(-1)?.f ?? -1) >= granule.f) throw new Error('twin: two granules meet');
      fifos[source].push(granule);
    },
    expectWrites: (source, index, mask) => {
      writes[source].push({ index, targets: bitsOf(mask).length, at: 0 });
    },
    raiseRead: (cu, requester) => {
      raised[cu][requester] = now();
    },
    isRaised: (cu, requester) => raised[cu][requester] >= 0,
    grant: (loadBus, reads) => {
      const t = now();
      grantBus();
      for (let cu = 0; cu < cus; cu++) {
        if ((loadBus >> cu) & 1) continue;
        const requester = grantPort(cu);
        if (requester === BUS) {
          const { source, last } = busIn[cu].shift()!;
          at(t + 1, () => busRoom[cu]++);
          if (last >= 0) written(source, last, t + 1 + lat.busLatency);
        } else if (requester === MAC_RESULT || requester === VEC_RESULT) {
          const source = 2 * cu + (requester === VEC_RESULT ? 1 : 0);
          const { last } = pop(source);
          if (last >= 0) written(source, last, t + 1);
        } else if (requester === VEC_READ) reads.vec(cu);
        else if (requester === ST_READ) reads.store();
      }
    },
    raiseResults: () => {
      const t = now();
      for (const [source, fifo] of fifos.entries()) {
        const cu = source >> 1;
        const head = fifo[0];
        if (head === undefined || head.f > t || raiseFrom[source] > t) continue;
        const own = source % 2 === 0 ? MAC_RESULT : VEC_RESULT;
        if (head.mask !== 1 << cu) {
          if (busRaised[source] < 0) busRaised[source] = t;
        } else if (raised[cu][own] < 0) raised[cu][own] = t;
      }
      for (let cu = 0; cu < cus; cu++) if (busIn[cu].length > 0 && raised[cu][BUS] < 0) raised[cu][BUS] = t;
    },
  };
}
