/**
 * The memory of the naive twin: acceptance, a server with a budget of bytes a cycle, ports that deliver a beat a cycle,
 * a line register per port for the load bus. Docs: microarchitecture.md, section 6.
 */
import { bytesPerCycle, type Machine } from '../../../machine/machine.ts';
import type { TwinClock } from './clock.test-util.ts';
import type { Burst } from './geometry.test-util.ts';

interface AcceptedBurst extends Burst {
  readonly engine: number;
  /** A line is on the load bus. */
  readonly onLine: (t: number) => void;
  /** CUs whose port B a line takes. */
  readonly maps: number;
  /** Work left, in bytes times the denominator of the bandwidth. */
  left: number;
  start: number;
  /** First cycle of the data at the port. */
  dataAt: number;
  beats: number;
}

export interface Offer extends Burst {
  readonly onAccept: (t: number) => void;
  readonly onLine?: (t: number) => void;
  readonly onResponse?: (t: number) => void;
  readonly maps: number;
}

/** Engines in order of priority: index of their offer. */
export const ENGINES = { FETCH: 0, ST: 1, LDM: 2, LDW: 3 } as const;
const { ST } = ENGINES;

export type TwinMemory = ReturnType<typeof makeMemory>;

/** An engine offers a burst by putting it into `offers`, where it stays until it is accepted. */
export function makeMemory(m: Machine, { now, at, event }: TwinClock) {
  const offers: (Offer | undefined)[] = [undefined, undefined, undefined, undefined];
  const { numerator, denominator } = bytesPerCycle(m);
  const perEngine = [m.axi.readsPerEngine, m.axi.writesOutstanding, m.axi.readsPerEngine, m.axi.readsPerEngine];
  const perPort = new Array<number>(m.axi.ports).fill(m.axi.readsPerPort);
  const served: (AcceptedBurst & { onResponse?: (t: number) => void })[] = [];
  const ports: AcceptedBurst[][] = Array.from({ length: m.axi.ports }, () => []);
  const registers: (AcceptedBurst & { since: number })[][] = Array.from({ length: m.axi.ports }, () => []);
  const portOf = (line: number): number => Math.floor(line / 4) % m.axi.ports;
  /** Write data beats that a port still has to take. */
  const writeBeats = new Array<number>(m.axi.ports).fill(0);
  let waitingResponses = 0;
  return {
    offers,
    idle: () =>
      served.length === 0 && ports.every((p) => p.length === 0) && registers.every((r) => r.length === 0) && waitingResponses === 0,
    /** The line on the load bus in this cycle; returns the CUs whose port B it takes. */
    loadBus: (): number => {
      const t = now();
      const register = t % 4 < m.axi.ports ? registers[t % 4] : [];
      if (register.length > 1) throw new Error('twin: a port has two lines for one slot');
      if (register.length === 0 || register[0].since >= t) return 0;
      const burst = register.shift()!;
      burst.onLine(t);
      return burst.maps;
    },
    accept: (): void => {
      const t = now();
      for (let engine = 0; engine < 4; engine++) {
        const offer = offers[engine];
        if (offer === undefined || perEngine[engine] === 0 || (engine !== ST && perPort[portOf(offer.line)] === 0)) continue;
        offers[engine] = undefined;
        perEngine[engine]--;
        const burst = {
          ...offer,
          onLine: offer.onLine ?? (() => {}),
          engine,
          left: offer.lines * 32 * denominator,
          start: -1,
          dataAt: -1,
          beats: 0,
        };
        served.push(burst);
        if (engine !== ST) {
          perPort[portOf(offer.line)]--;
          ports[portOf(offer.line)].push(burst);
        } else {
          waitingResponses++;
          burst.dataAt = t + writeBeats[portOf(offer.line)];
          writeBeats[portOf(offer.line)] += 4 * offer.lines;
        }
        offer.onAccept(t);
        return;
      }
    },
    /** Serves the bursts for this cycle's budget, then lets every port deliver a beat. */
    serve: (): void => {
      const t = now();
      let budget = numerator;
      while (served.length > 0 && budget > 0) {
        const burst = served[0];
        if (burst.start < 0) {
          // Service that begins inside a cycle counts from the next one.
          burst.start = budget === numerator ? t : t + 1;
          if (burst.engine !== ST) burst.dataAt = burst.start + m.dram.readLatency;
        }
        const work = Math.min(budget, burst.left);
        budget -= work;
        burst.left -= work;
        if (burst.left > 0) break;
        served.shift();
        if (burst.engine === ST) {
          const response = Math.max(t + 1, burst.dataAt) + m.dram.writeLatency;
          at(response, () => burst.onResponse?.(response));
          at(response + 1, () => {
            perEngine[ST]++;
            waitingResponses--;
          });
          event(response);
        }
      }
      for (const [p, queue] of ports.entries()) {
        if (writeBeats[p] > 0) writeBeats[p]--;
        const burst = queue[0];
        if (burst === undefined || burst.dataAt < 0 || burst.dataAt > t) continue;
        burst.beats++;
        if (burst.beats % 4 === 0) registers[p].push({ ...burst, since: t });
        if (burst.beats === 4 * burst.lines) {
          queue.shift();
          at(t + 1, () => {
            perEngine[burst.engine]++;
            perPort[p]++;
          });
        }
      }
    },
  };
}
