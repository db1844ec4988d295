/** Worker entry: the timing engine beside the data engine. It keeps the profile, for what is exported later. */
import {
  buildProfile,
  joinProfiles,
  LOST_CAUSES,
  measureProfile,
  type NetworkProfile,
  type ProfiledTiming,
  type ProfileWork,
  type Program,
  profileToJson,
  renderProfileCsv,
  renderReport,
  renderTrace,
} from '../../src/browser.ts';
import { joinLogs } from './join-logs.ts';
import type { ActivityView, ExportKind, LogView, ProfileView, ResidencyView, TimingView } from './protocol.ts';

export type TimingRequest =
  | { readonly type: 'time'; readonly name: string; readonly programs: readonly Program[]; readonly works: readonly ProfileWork[] }
  | { readonly type: 'export'; readonly kind: ExportKind };

export type TimingAnswer =
  | { readonly type: 'timing'; readonly timing: TimingView; readonly starts: readonly number[] }
  | { readonly type: 'export'; readonly text: string }
  | { readonly type: 'failed'; readonly name: string; readonly message: string };

/** Bandwidth and fill over time are kept in at most so many bins: enough for every pixel of a wide screen at eightfold zoom. */
const BINS = 16384;

let profile: NetworkProfile | undefined;

function logOf({ log }: ProfiledTiming, queueLatency: number): LogView {
  const { unitId, instruction, layer, arrivalAt, startAt, readSignalAt, writeSignalAt } = log.columns;
  const { count } = log;
  const waits = new Float32Array(count * LOST_CAUSES.length);
  for (let i = 0; i < count; i++) {
    const record = log.record(i).waits;
    for (const [c, cause] of LOST_CAUSES.entries()) waits[i * LOST_CAUSES.length + c] = record[cause];
  }
  const go = arrivalAt.map((at) => at - queueLatency);
  return { count, unitId, instruction, layer, go, arrival: arrivalAt, start: startAt, readSignal: readSignalAt, end: writeSignalAt, waits };
}

function measure({ name, programs, works }: Extract<TimingRequest, { readonly type: 'time' }>): TimingAnswer {
  const started = performance.now();
  profile = joinProfiles(
    name,
    programs.map((program, i) => buildProfile(program, measureProfile(program, BINS), works[i])),
  );
  const starts = [0];
  const activities: ActivityView[] = [];
  const residencies: ResidencyView[] = [];
  let firstLayer = 0;
  for (const part of profile.parts) {
    const from = starts[starts.length - 1];
    activities.push({ from, cycles: part.timing.cycles, activity: part.activity });
    residencies.push({ from, firstLayer, maps: part.timing.residency.maps, weights: part.timing.residency.weights });
    starts.push(from + part.timing.cycles);
    firstLayer += part.layers.length;
  }
  const { parts, ...rest } = profile;
  const view: ProfileView = rest;
  const { queueLatency } = profile.machine.latency;
  const log = joinLogs(
    programs,
    parts.map((part) => ({ log: logOf(part.timing, queueLatency), cycles: part.timing.cycles })),
  );
  const seconds = (performance.now() - started) / 1000;
  return { type: 'timing', timing: { cycles: profile.cycles, log, profile: view, activities, residencies, seconds }, starts };
}

function exportProfile(network: NetworkProfile, kind: ExportKind): string {
  switch (kind) {
    case 'html':
      return renderReport(network);
    case 'trace':
      return [...renderTrace(network)].join('');
    case 'csv':
      return renderProfileCsv(network);
    case 'json':
      return JSON.stringify(profileToJson(network), null, 2);
  }
}

function answer(request: TimingRequest): TimingAnswer {
  try {
    if (request.type === 'time') return measure(request);
    if (!profile) throw new Error('nothing is timed yet');
    return { type: 'export', text: exportProfile(profile, request.kind) };
  } catch (error) {
    const { name, message } = error as Error;
    return { type: 'failed', name, message };
  }
}

self.onmessage = ({ data }: MessageEvent<TimingRequest>) => self.postMessage(answer(data));
