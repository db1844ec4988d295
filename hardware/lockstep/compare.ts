/**
 * Simulator against RTL: final DRAM, commit log with every cycle, total cycles, counters; the first difference in words.
 * Specification: docs/microarchitecture.md, sections 9 and 10; hardware/README.md (counters).
 */
import type { CoreTrace } from '../../src/isa/core.ts';
import { unitName } from '../../src/isa/field-codes.ts';
import { LINE_BYTES } from '../../src/machine/machine.ts';
import type { Program } from '../../src/program/program.ts';
import type { EventKind, RtlResult } from '../../src/runtime/rtl-run.ts';
import type { TimingResult } from '../../src/simulator/timing/result.ts';
import { macTotals } from '../../src/simulator/walker.ts';

/** One difference. `cycle` is the earlier of both; undefined where nobody knows. */
export interface Difference {
  readonly cycle?: number;
  readonly text: string;
}

const COUNTERS_OF_CU = 4;
const FIRST_CU_COUNTER = 7;

/** Differences of the commit logs, earliest first: a descriptor's GO, start, read signal and write signal. */
export function compareLogs(program: Program, timing: TimingResult, rtl: RtlResult): Difference[] {
  const log = timing.log;
  if (log === undefined) throw new Error('the timing result has no log');
  const { unitId, instruction, layer, arrivalAt, startAt, readSignalAt, writeSignalAt } = log.columns;
  const byUnit = new Map<string, { cycle: number; instruction: number }[]>();
  for (const event of rtl.events) {
    const key = `${event.kind} ${event.unitId}`;
    const list = byUnit.get(key);
    if (list === undefined) byUnit.set(key, [event]);
    else list.push(event);
  }
  const next = new Map<string, number>();
  const differences: Difference[] = [];
  const { queueLatency } = program.machine.latency;
  for (let i = 0; i < log.count; i++) {
    const who = `${unitName(unitId[i])}, instruction ${instruction[i]} (layer ${layer[i]})`;
    const check = (kind: EventKind, expected: number, label: string): void => {
      const key = `${kind} ${unitId[i]}`;
      const at = next.get(key) ?? 0;
      next.set(key, at + 1);
      const found = byUnit.get(key)?.[at];
      if (found === undefined)
        differences.push({ cycle: expected, text: `${who}: ${label} at ${expected} in the simulator, never in the RTL` });
      else if (found.cycle !== expected || (kind === 'go' && found.instruction !== instruction[i])) {
        const where = kind === 'go' && found.instruction !== instruction[i] ? ` (instruction ${found.instruction})` : '';
        differences.push({
          cycle: Math.min(expected, found.cycle),
          text: `${who}: ${label} at ${expected} in the simulator, at ${found.cycle}${where} in the RTL`,
        });
      }
    };
    check('go', arrivalAt[i] - queueLatency, 'GO');
    check('start', startAt[i], 'start');
    check('readSignal', readSignalAt[i], 'read signal');
    check('writeSignal', writeSignalAt[i], 'write signal');
  }
  for (const [key, list] of byUnit) {
    const used = next.get(key) ?? 0;
    const [kind, unit] = key.split(' ');
    if (list.length > used) {
      differences.push({
        cycle: list[used].cycle,
        text: `${unitName(Number(unit))}: ${list.length - used} more '${kind}' in the RTL than in the simulator, the first at ${list[used].cycle}`,
      });
    }
  }
  return differences.sort((a, b) => a.cycle! - b.cycle!);
}

/** First differing DRAM word and the store that wrote it; undefined when all are equal. */
export function compareDram(trace: CoreTrace, timing: TimingResult, simulated: Int16Array, rtl: Int16Array): Difference | undefined {
  let count = 0;
  let first = -1;
  for (let i = 0; i < simulated.length; i++) {
    if (simulated[i] === rtl[i]) continue;
    if (first < 0) first = i;
    count++;
  }
  if (first < 0) return undefined;
  const values = `DRAM word ${first} is ${simulated[first]} in the simulator, ${rtl[first]} in the RTL (${count} words differ)`;
  const store = trace.dispatches.findLastIndex(({ kind, descriptor: d }) => {
    if (kind !== 'ST') return false;
    for (let r = 0; r < d.rows; r++) {
      const start = (d.dramAddress + r * d.dramStep) % 2 ** 32;
      if (first >= start && first < start + d.words) return true;
    }
    return false;
  });
  if (store < 0) return { text: `${values}; no ST writes it` };
  const { instructionIndex, descriptor } = trace.dispatches[store];
  const cycle = timing.log?.columns.startAt[store];
  const source = 'cu' in descriptor ? descriptor.cu : 0;
  return { cycle, text: `ST, instruction ${instructionIndex}, from CU ${source}, started at ${cycle}: ${values}` };
}

/** Differences of total cycles and performance counters. */
export function compareCounters(program: Program, trace: CoreTrace, timing: TimingResult, rtl: RtlResult): Difference[] {
  const differences: Difference[] = [];
  const check = (name: string, expected: number, found: number): void => {
    if (expected !== found) differences.push({ text: `${name}: ${expected} in the simulator, ${found} in the RTL` });
  };
  const [cycles, instructions, , fetchLines, storeLines, ldmLines, ldwLines] = rtl.counters;
  check('cycles', timing.cycles, cycles);
  check('instructions', trace.steps, instructions);
  check('fetched lines', timing.fetchBytes / LINE_BYTES, fetchLines);
  check('stored lines', timing.dramWriteBytes / LINE_BYTES, storeLines);
  check('read lines', timing.dramReadBytes / LINE_BYTES, fetchLines + ldmLines + ldwLines);
  for (let cu = 0; cu < program.machine.computeUnits; cu++) {
    let steps = 0;
    let windows = 0;
    for (const dispatch of trace.dispatches) {
      if (dispatch.kind !== 'MAC' || dispatch.cu !== cu) continue;
      const totals = macTotals(dispatch.descriptor);
      steps += totals.steps;
      windows += totals.cycles;
    }
    check(`MAC steps of CU ${cu}`, steps, rtl.counters[FIRST_CU_COUNTER + COUNTERS_OF_CU * cu]);
    check(`MAC window cycles of CU ${cu}`, windows, rtl.counters[FIRST_CU_COUNTER + COUNTERS_OF_CU * cu + 1]);
  }
  return differences;
}
