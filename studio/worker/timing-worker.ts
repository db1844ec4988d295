/** Worker entry: the timing engine beside the data engine, with the commit log and the traffic over time. */
import { LOST_CAUSES, type Program, simulateTiming, type TimingResult, traceCore } from '../../src/browser.ts';
import { BinnedSeries } from './binned-series.ts';
import type { LogView, SeriesView } from './protocol.ts';

/** What the engine worker gets back. */
export type TimingAnswer =
  | { readonly result: Omit<TimingResult, 'log'>; readonly log: LogView; readonly traffic: SeriesView; readonly seconds: number }
  | { readonly error: { readonly name: string; readonly message: string } };

/** DRAM traffic is kept in at most so many bins. */
const TRAFFIC_BINS = 1 << 17;
const FIRST_BIN_CYCLES = 16;
const LINE_BYTES = 32;
/** Engines of the memory: fetch, ST, LDM, LDW. */
const ENGINES = 4;

function measure(program: Program): TimingAnswer {
  const started = performance.now();
  const { computeUnits, latency } = program.machine;
  const trace = traceCore(program.instructions, { computeUnits, maxSteps: 4_000_000 });
  const traffic = new BinnedSeries(ENGINES, TRAFFIC_BINS, FIRST_BIN_CYCLES);
  const { log, ...result } = simulateTiming(program, trace, {
    log: true,
    onBurst: (_cycle, engine, lines, from, to) => traffic.add(engine, from, to, lines * LINE_BYTES),
  });
  const { unitId, instruction, layer, arrivalAt, startAt, readSignalAt, writeSignalAt } = log!.columns;
  const count = log!.count;
  const causes = LOST_CAUSES.length;
  const waits = new Float32Array(count * causes);
  for (let i = 0; i < count; i++) {
    const record = log!.record(i).waits;
    for (let c = 0; c < causes; c++) waits[i * causes + c] = record[LOST_CAUSES[c]];
  }
  const go = arrivalAt.map((at) => at - latency.queueLatency);
  const view: LogView = {
    count,
    unitId,
    instruction,
    layer,
    go,
    arrival: arrivalAt,
    start: startAt,
    readSignal: readSignalAt,
    end: writeSignalAt,
    waits,
  };
  return { result, log: view, traffic: traffic.view(), seconds: (performance.now() - started) / 1000 };
}

self.onmessage = ({ data }: MessageEvent<Program>) => {
  let answer: TimingAnswer;
  try {
    answer = measure(data);
  } catch (error) {
    const { name, message } = error as Error;
    answer = { error: { name, message } };
  }
  self.postMessage(answer);
};
