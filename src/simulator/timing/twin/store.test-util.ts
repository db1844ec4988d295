/** The store engine of the naive twin. Docs: microarchitecture.md, section 9, T17 and T18. */
import type { CoreTrace, Dispatch } from '../../../isa/core.ts';
import { UNIT_ID } from '../../../isa/fields.ts';
import type { Machine } from '../../../machine/machine.ts';
import type { TwinClock } from './clock.test-util.ts';
import type { TwinControl } from './control.test-util.ts';
import { type Burst, burstsOf } from './geometry.test-util.ts';
import { ENGINES, type TwinMemory } from './memory.test-util.ts';
import { REQUESTERS, type TwinPorts } from './ports.test-util.ts';

const { ST } = ENGINES;

export interface TwinStore {
  /** Offers a burst all of whose lines are read. */
  readonly offer: () => void;
  readonly start: () => void;
  /** Port B grants the read of a line. */
  readonly granted: () => void;
  /** Raises the read of the next line. */
  readonly raise: () => void;
}

/** The store engine with both burst buffers free. */
export function makeStore(
  m: Machine,
  { dispatches }: CoreTrace,
  { now, at }: TwinClock,
  control: TwinControl,
  memory: TwinMemory,
  ports: TwinPorts,
): TwinStore {
  const lat = m.latency;
  let index = -1;
  let bursts: Burst[] = [];
  let linesRead = 0;
  let raiseFrom = 0;
  let freeFrom = 0;
  let offerFrom = 0;
  let buffers = 2;
  const full: { burst: Burst; from: number; last: number }[] = [];
  /** Descriptors whose bursts are not all answered, in order: bursts accepted and not answered; index −1 until the last is accepted. */
  const answers: { index: number; left: number }[] = [{ index: -1, left: 0 }];
  const cu = (): number => (dispatches[index] as Extract<Dispatch, { kind: 'ST' }>).descriptor.cu;
  return {
    granted: () => {
      if (++linesRead < bursts[0].lines) return;
      const t = now();
      const burst = bursts.shift()!;
      linesRead = 0;
      full.push({ burst, from: t + lat.readLatencyMaps, last: bursts.length === 0 ? index : -1 });
      if (bursts.length > 0) return;
      control.signal('read', index, t + 1);
      index = -1;
      freeFrom = t + 1;
    },
    start: () => {
      if (index >= 0 || now() < freeFrom) return;
      index = control.tryStart(UNIT_ID.ST);
      if (index < 0) return;
      bursts = burstsOf(dispatches[index], m);
      raiseFrom = now() + lat.dmaSetup;
    },
    offer: () => {
      if (full.length === 0 || full[0].from > now() || now() < offerFrom || memory.offers[ST] !== undefined) return;
      const { burst, last } = full[0];
      const owner = answers[answers.length - 1];
      memory.offers[ST] = {
        ...burst,
        maps: 0,
        onAccept: (t) => {
          full.shift();
          offerFrom = t + 2;
          at(t + 2, () => buffers++);
          owner.left++;
          owner.index = last;
          if (last >= 0) answers.push({ index: -1, left: 0 });
        },
        onResponse: (t) => {
          owner.left--;
          while (answers[0].index >= 0 && answers[0].left === 0) control.signalInOrder('write', answers.shift()!.index, t + 1);
        },
      };
    },
    raise: () => {
      if (index < 0 || now() < raiseFrom || ports.isRaised(cu(), REQUESTERS.stRead)) return;
      if (linesRead === 0) {
        if (buffers === 0) return;
        buffers--;
      }
      ports.raiseRead(cu(), REQUESTERS.stRead);
    },
  };
}
