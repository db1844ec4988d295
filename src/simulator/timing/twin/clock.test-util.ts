/** The naive twin's clock: which cycle it is, what becomes visible in a later one, and when something happened last (T19). */

export interface TwinClock {
  /** The cycle that is being computed. */
  readonly now: () => number;
  /** An action at the beginning of a later cycle. */
  readonly at: (cycle: number, action: () => void) => void;
  /** Something that counts for the length of the program happens in this cycle, which may be later than now. */
  readonly event: (cycle: number) => void;
}

export interface RunningClock extends TwinClock {
  /** Does what is due in this cycle. */
  readonly begin: () => void;
  /** On to the next cycle. */
  readonly advance: () => void;
  readonly idle: () => boolean;
  readonly lastEvent: () => number;
}

/** A clock at cycle 0. Throws where an action is not in the future, and where a program never ends. */
export function makeClock(): RunningClock {
  const agenda = new Map<number, (() => void)[]>();
  let t = 0;
  let lastEvent = 0;
  return {
    now: () => t,
    at: (cycle, action) => {
      if (cycle <= t) throw new Error(`twin: ${cycle} is not after ${t}`);
      agenda.set(cycle, [...(agenda.get(cycle) ?? []), action]);
    },
    event: (cycle) => {
      lastEvent = Math.max(lastEvent, cycle);
    },
    begin: () => {
      for (const action of agenda.get(t) ?? []) action();
      agenda.delete(t);
    },
    advance: () => {
      t++;
      if (t > 1_000_000) throw new Error('twin: endless');
    },
    idle: () => agenda.size === 0,
    lastEvent: () => lastEvent,
  };
}
