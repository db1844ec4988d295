/** A load engine (LDM or LDW) of the naive twin. Docs: microarchitecture.md, section 9, T15 and T16. */
import type { CoreTrace } from '../../../isa/core.ts';
import type { Machine } from '../../../machine/machine.ts';
import type { TwinClock } from './clock.test-util.ts';
import type { TwinControl } from './control.test-util.ts';
import { type Burst, burstsOf } from './geometry.test-util.ts';
import type { TwinMemory } from './memory.test-util.ts';

/** Returns what the engine does in a cycle: start, offer, signal. */
export function makeLoader(
  unit: number,
  engine: number,
  m: Machine,
  { dispatches }: CoreTrace,
  { now }: TwinClock,
  control: TwinControl,
  memory: TwinMemory,
): () => void {
  let bursts: Burst[] = [];
  let freeFrom = 0;
  let offerAt = 0;
  /** Descriptors in flight: lines to come, latest line. */
  const flying: { index: number; left: number; latest: number }[] = [];
  let maps = 0;
  return () => {
    const t = now();
    if (bursts.length === 0 && t >= freeFrom) {
      const index = control.tryStart(unit);
      if (index >= 0) {
        const dispatch = dispatches[index];
        bursts = burstsOf(dispatch, m);
        maps = dispatch.kind === 'LDM' && dispatch.descriptor.space === 0 ? dispatch.descriptor.cus : 0;
        offerAt = t + m.latency.dmaSetup;
        flying.push({ index, left: bursts.reduce((sum, b) => sum + b.lines, 0), latest: 0 });
      }
    }
    if (bursts.length > 0 && t >= offerAt && memory.offers[engine] === undefined) {
      const mine = flying[flying.length - 1];
      memory.offers[engine] = {
        ...bursts[0],
        maps,
        onAccept: (accepted) => {
          bursts.shift();
          offerAt = accepted + 2;
          if (bursts.length === 0) freeFrom = accepted + 2;
        },
        onLine: (arrived) => {
          mine.latest = arrived;
          mine.left--;
        },
      };
    }
    // The signal of a complete descriptor at the head: the cycle after its last line, one a cycle.
    if (flying.length > 0 && flying[0].left === 0 && flying[0].latest < t) {
      const done = flying.shift()!;
      control.signal('read', done.index, t);
      control.signal('write', done.index, t);
    }
  };
}
