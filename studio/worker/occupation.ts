/**
 * What lives where in the maps buffers, when: a word lives from the descriptor that writes it to the last one that reads it before the next write.
 * Counted in cells of words, from the commit log and the descriptors' footprints.
 */
import { DEFAULT_CORE_LIMITS, traceCore } from '../../src/browser.ts';
import { mapsAccesses } from './footprints.ts';
import type { Calls, OccupationView } from './protocol.ts';
import type { Session } from './session.ts';

/** Life of a cell's present content. */
class Cells {
  readonly from: Float64Array;
  readonly until: Float64Array;
  readonly layer: Int32Array;

  constructor(cells: number) {
    this.from = new Float64Array(cells);
    this.until = new Float64Array(cells).fill(-1);
    this.layer = new Int32Array(cells).fill(-1);
  }
}

export function mapOccupation(session: Session, { columns, cells }: Calls['occupation']['argument']): OccupationView {
  const { log, program, starts } = session;
  const { machine } = program;
  const cycles = starts[starts.length - 1];
  const words = machine.mapsBytes / 2;
  const cellWords = words / cells;
  const buffer = { name: 'maps', words };
  const images = Array.from({ length: machine.computeUnits }, () => new Uint16Array(cells * columns));
  const states = images.map(() => new Cells(cells));

  const paint = (cu: number, cell: number): void => {
    const state = states[cu];
    if (state.layer[cell] < 0 || state.until[cell] < state.from[cell]) return;
    const first = Math.floor((state.from[cell] / cycles) * columns);
    const last = Math.min(columns - 1, Math.floor((state.until[cell] / cycles) * columns));
    images[cu].fill(state.layer[cell] + 1, cell * columns + first, cell * columns + last + 1);
  };

  let base = 0;
  for (const part of session.model.programs) {
    const { dispatches } = traceCore(part.instructions, { ...DEFAULT_CORE_LIMITS, computeUnits: machine.computeUnits });
    const order = Uint32Array.from(dispatches, (_, i) => base + i).sort((a, b) => log.start[a] - log.start[b]);
    for (const index of order) {
      for (const { cu, write, words: list } of mapsAccesses(dispatches[index - base], buffer)) {
        const state = states[cu];
        for (let i = 0; i < list.count; i++) {
          const last = Math.floor((list.end(i) - 1) / cellWords);
          for (let cell = Math.floor(list.start(i) / cellWords); cell <= last; cell++) {
            if (!write) state.until[cell] = Math.max(state.until[cell], log.readSignal[index]);
            else if (state.layer[cell] !== log.layer[index] || state.until[cell] >= state.from[cell]) {
              paint(cu, cell);
              state.from[cell] = log.start[index];
              state.until[cell] = -1;
              state.layer[cell] = log.layer[index];
            }
          }
        }
      }
    }
    base += dispatches.length;
  }
  for (const [cu, state] of states.entries()) for (let cell = 0; cell < state.layer.length; cell++) paint(cu, cell);
  return { cells, columns, cus: images, fill: images.map((image) => fillOf(image, cells, columns)) };
}

function fillOf(image: Uint16Array, cells: number, columns: number): Float32Array {
  const fill = new Float32Array(columns);
  for (let cell = 0; cell < cells; cell++) {
    for (let column = 0; column < columns; column++) if (image[cell * columns + column] > 0) fill[column] += 1 / cells;
  }
  return fill;
}
