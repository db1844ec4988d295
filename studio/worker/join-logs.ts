/** One commit log of a network whose parts run one after the other. */
import type { Program } from '../../src/browser.ts';
import type { LogView } from './protocol.ts';

export function joinLogs(programs: readonly Program[], parts: readonly { readonly log: LogView; readonly cycles: number }[]): LogView {
  if (parts.length === 1) return parts[0].log;
  const count = parts.reduce((sum, { log }) => sum + log.count, 0);
  const causes = parts[0].log.waits.length / Math.max(1, parts[0].log.count);
  const joined = {
    count,
    unitId: new Uint8Array(count),
    instruction: new Int32Array(count),
    layer: new Int32Array(count),
    go: new Float64Array(count),
    arrival: new Float64Array(count),
    start: new Float64Array(count),
    readSignal: new Float64Array(count),
    end: new Float64Array(count),
    waits: new Float32Array(count * causes),
  };
  let [at, cycle, instruction, layer] = [0, 0, 0, 0];
  for (const [i, { log, cycles }] of parts.entries()) {
    const [firstInstruction, firstLayer, from] = [instruction, layer, cycle];
    joined.unitId.set(log.unitId, at);
    joined.waits.set(log.waits, at * causes);
    joined.instruction.set(
      log.instruction.map((index) => index + firstInstruction),
      at,
    );
    joined.layer.set(
      log.layer.map((index) => index + firstLayer),
      at,
    );
    for (const column of ['go', 'arrival', 'start', 'readSignal', 'end'] as const) {
      joined[column].set(
        log[column].map((c) => c + from),
        at,
      );
    }
    at += log.count;
    cycle += cycles;
    instruction += programs[i].instructions.length;
    layer += programs[i].layers.length;
  }
  return joined;
}
