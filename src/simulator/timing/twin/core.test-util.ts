/** The naive twin's instruction fetch and control core. Docs: microarchitecture.md, section 9, T1 and T2. */
import type { CoreTrace } from '../../../isa/core.ts';
import type { Program } from '../../../program/program.ts';
import type { TwinClock } from './clock.test-util.ts';
import type { TwinControl } from './control.test-util.ts';
import { executedInstructions } from './geometry.test-util.ts';
import { ENGINES, type TwinMemory } from './memory.test-util.ts';

const { FETCH } = ENGINES;

export interface TwinCore {
  /** Offers the next burst of instructions. */
  readonly offer: () => void;
  /** Executes an instruction. */
  readonly execute: () => void;
  /** The program's end was executed in a cycle before the last one. */
  readonly ended: () => boolean;
}

/** The core and its instruction buffer, to be asked once a cycle. */
export function makeCore(program: Program, trace: CoreTrace, clock: TwinClock, control: TwinControl, memory: TwinMemory): TwinCore {
  const m = program.machine;
  const lat = m.latency;
  const { now, at, event } = clock;
  const code = executedInstructions(trace);
  const codeLines = Math.ceil(program.instructions.length / 8);
  const bufferLines = m.instructionBufferWords / 8;
  let next = 0;
  let epoch = 0;
  let fetchLine = 0;
  let freeLines = bufferLines;
  let offerFrom = 2;
  let branching = true;
  let fetching = false;
  let endAt = -1;
  const present = new Set<number>();
  const restart = (branchAt: number, target: number): void => {
    epoch++;
    memory.offers[FETCH] = undefined;
    present.clear();
    freeLines = bufferLines;
    fetchLine = Math.floor(target / 8);
    offerFrom = branchAt + lat.branchRestart;
    branching = false;
    fetching = true;
  };
  at(1, () => restart(0, 0));
  return {
    ended: () => endAt >= 0 && now() > endAt + 1,
    offer: () => {
      if (!fetching || memory.offers[FETCH] !== undefined || now() < offerFrom) return;
      if (fetchLine >= codeLines || freeLines < m.axi.burstLines) return;
      const line = program.codeAddress / 16 + fetchLine;
      const lines = Math.min(m.axi.burstLines - (line % m.axi.burstLines), codeLines - fetchLine);
      const first = fetchLine;
      const mine = epoch;
      let seen = 0;
      freeLines -= lines;
      memory.offers[FETCH] = {
        line,
        lines,
        maps: 0,
        onAccept: (t) => {
          fetchLine += lines;
          offerFrom = t + 2;
        },
        onLine: (t) => {
          event(t);
          const arrived = first + seen++;
          at(t + lat.instructionLatency, () => {
            if (mine === epoch) present.add(arrived);
          });
        },
      };
    },
    execute: () => {
      if (endAt >= 0 || branching || !present.has(Math.floor(code[next].pc / 8))) return;
      const t = now();
      const { pc, go, taken, end } = code[next];
      if (go >= 0 && !control.enqueue(go)) return;
      next++;
      if (pc % 8 === 7) {
        const mine = epoch;
        at(t + 2, () => {
          if (mine === epoch) freeLines++;
        });
      }
      if (taken) {
        branching = true;
        at(t + 1, () => restart(t, code[next].pc));
      }
      if (end) {
        endAt = t;
        event(t);
        at(t + 1, () => {
          fetching = false;
          memory.offers[FETCH] = undefined;
        });
      }
    },
  };
}
