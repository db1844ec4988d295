/** A VEC unit of the naive twin. Docs: microarchitecture.md, section 9, T12 to T14. */
import type { CoreTrace, Dispatch } from '../../../isa/core.ts';
import { UNIT_ID } from '../../../isa/fields.ts';
import type { Machine } from '../../../machine/machine.ts';
import type { TwinClock } from './clock.test-util.ts';
import type { TwinControl } from './control.test-util.ts';
import { rowStarts, validTaps } from './geometry.test-util.ts';
import { REQUESTERS, type TwinPorts } from './ports.test-util.ts';

export interface TwinVec {
  /** Ends an idle step, or starts the head of the queue. */
  readonly start: () => void;
  /** Port B grants the operand read. */
  readonly granted: () => void;
  /** Raises the next operand read. */
  readonly raise: () => void;
}

/** The VEC unit of a CU. */
export function makeVec(
  cu: number,
  m: Machine,
  { dispatches }: CoreTrace,
  { now }: TwinClock,
  control: TwinControl,
  ports: TwinPorts,
): TwinVec {
  const lat = m.latency;
  const unit = UNIT_ID.vec(cu);
  const source = 2 * cu + 1;
  const descriptorOf = (dispatch: number) => (dispatches[dispatch] as Extract<Dispatch, { kind: 'VEC' }>).descriptor;
  let index = -1;
  /** Reads of each chunk to come; 0: an idle step. */
  let chunks: { reads: number; pixelStart: boolean; rowStart: boolean; lastRow: boolean }[] = [];
  let readsLeft = 0;
  let inChunk = false;
  let idleAt = -1;
  let requestFrom = 0;
  let pixelFrom = 0;
  let rowFrom = 0;
  let freeFrom = 0;
  let lanesFree = 0;
  let startedAt = 0;
  const endChunk = (): void => {
    const t = now();
    const d = descriptorOf(index);
    const cycles = d.op === 2 || d.op === 4 ? 8 : 4;
    let from = Math.max(t + 1, lanesFree);
    while (d.op === 4 && (from - startedAt) % 2 !== 0) from++;
    lanesFree = from + cycles;
    const done = lanesFree - 1 + (d.op === 4 ? 7 : 0);
    inChunk = false;
    ports.enter(source, { f: done + lat.vecPipeline, mask: d.outCus, last: chunks.length === 0 ? index : -1 });
    if (chunks.length > 0) return;
    control.signal('read', index, d.op === 2 || d.op === 4 ? done + 1 : t + 1);
    index = -1;
    freeFrom = done + 1;
  };
  return {
    granted: () => {
      if (--readsLeft === 0) endChunk();
    },
    start: () => {
      const t = now();
      if (idleAt === t) {
        idleAt = -1;
        endChunk();
      }
      if (index >= 0 || t < freeFrom) return;
      index = control.tryStart(unit);
      if (index < 0) return;
      startedAt = t;
      const d = descriptorOf(index);
      chunks = [];
      const starts = rowStarts(d);
      for (const [i, [rows, columns]] of validTaps(d).entries()) {
        for (let c = 0; c < Math.ceil(d.words / 16); c++) {
          const pixelStart = c === 0;
          const reads = rows.length * columns.length * ([1, 3, 4].includes(d.op) ? 2 : 1);
          chunks.push({ reads, pixelStart, rowStart: pixelStart && starts.includes(i), lastRow: pixelStart && i === starts.at(-1) });
        }
      }
      pixelFrom = 0;
      rowFrom = 0;
      requestFrom = t + lat.vecSetup;
      ports.expectWrites(source, index, d.outCus);
    },
    raise: () => {
      const t = now();
      if (index < 0 || t < requestFrom || ports.isRaised(cu, REQUESTERS.vecRead) || idleAt >= 0) return;
      if (!inChunk) {
        const { reads, pixelStart, rowStart, lastRow } = chunks[0];
        if ((pixelStart && t < pixelFrom) || (rowStart && t < rowFrom) || !ports.takeCredits(source, 1)) return;
        inChunk = true;
        chunks.shift();
        if (pixelStart) pixelFrom = t + lat.vecPixelPeriod;
        if (rowStart) rowFrom = t + lat.rowPeriod;
        if (lastRow) control.prepareFrom(unit, t + 1);
        readsLeft = reads;
        if (readsLeft === 0) {
          idleAt = t + 1;
          return;
        }
      }
      ports.raiseRead(cu, REQUESTERS.vecRead);
    },
  };
}
