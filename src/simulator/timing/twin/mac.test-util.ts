/** A MAC unit of the naive twin. Docs: microarchitecture.md, section 9, T4 to T7. */
import type { CoreTrace, Dispatch } from '../../../isa/core.ts';
import { UNIT_ID } from '../../../isa/fields.ts';
import type { Machine } from '../../../machine/machine.ts';
import type { TwinClock } from './clock.test-util.ts';
import type { TwinControl } from './control.test-util.ts';
import { rowStarts, windowSteps } from './geometry.test-util.ts';
import type { TwinPorts } from './ports.test-util.ts';

/** Returns what the unit does in a cycle: start, then a window. */
export function makeMac(
  cu: number,
  m: Machine,
  { dispatches }: CoreTrace,
  { now }: TwinClock,
  control: TwinControl,
  ports: TwinPorts,
): () => void {
  const lat = m.latency;
  const unit = UNIT_ID.mac(cu);
  const source = 2 * cu;
  const descriptorOf = (dispatch: number) => (dispatches[dispatch] as Extract<Dispatch, { kind: 'MAC' }>).descriptor;
  let index = -1;
  let windows: { steps: number; rowStart: boolean; lastRow: boolean }[] = [];
  let readyAt = 0;
  let rowFrom = 0;
  let freeFrom = 0;
  let pathFree = 0;
  return () => {
    const t = now();
    if (index < 0 && t >= freeFrom) {
      index = control.tryStart(unit);
      if (index >= 0) {
        const d = descriptorOf(index);
        const rows = rowStarts(d);
        windows = windowSteps(d).map((steps, i) => ({ steps, rowStart: rows.includes(i), lastRow: i === rows.at(-1) }));
        rowFrom = 0;
        readyAt = Math.max(t + lat.macSetup + Math.max(1, 4 / d.lanes), pathFree);
        ports.expectWrites(source, index, d.outCus);
      }
    }
    if (index < 0 || t < readyAt || (windows[0].rowStart && t < rowFrom)) return;
    const d = descriptorOf(index);
    const granules = Math.ceil(d.outWords / 16);
    if (!ports.takeCredits(source, granules)) return;
    const o = Math.max(2, 8 / d.lanes);
    const { steps, rowStart, lastRow } = windows.shift()!;
    if (rowStart) rowFrom = t + lat.rowPeriod;
    if (lastRow) control.prepareFrom(unit, t + 1);
    const e = t + Math.max(steps, o) - 1;
    for (let j = 0; j < granules; j++) {
      const last = windows.length === 0 && j === granules - 1 ? index : -1;
      ports.enter(source, { f: e + lat.macPipeline + o + j, mask: d.outCus, last });
    }
    readyAt = e + 1;
    if (windows.length > 0) return;
    control.signal('read', index, e + lat.readDone);
    index = -1;
    freeFrom = e + 1;
    pathFree = e + o + 1;
  };
}
