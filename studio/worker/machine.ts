/**
 * The machine at a cycle: what each unit does and has queued, tokens, registers, and the contents of the buffers. Times come from the commit log; contents
 * from the data engine, which executes the descriptors in the order of their starts. A descriptor's results are there from its start.
 */
import { DataEngine, DEFAULT_CORE_LIMITS, type Dispatch, packInputs, runCore, traceCore, unitName, unitOf } from '../../src/browser.ts';
import type { Calls, MachineView, TokenView, UnitView } from './protocol.ts';
import type { Session } from './session.ts';

/** A part of the network with what stepping needs: made once, kept for the session. */
interface PartState {
  readonly part: number;
  readonly dispatches: readonly Dispatch[];
  /** Index in the log of its first descriptor. */
  readonly base: number;
  /** Its descriptors in the order of their starts. */
  readonly order: Uint32Array;
  /** Instructions executed up to and with each GO. */
  readonly steps: Float64Array;
  engine: DataEngine;
  dispatched: number;
  /** Descriptors executed: the first ones of `order`. */
  executed: number;
}

let state: { session: Session; parts: (PartState | undefined)[] } | undefined;

function partOf(session: Session, cycle: number): number {
  let part = 0;
  while (part + 2 < session.starts.length && session.starts[part + 1] <= cycle) part++;
  return part;
}

function newEngine(session: Session, part: number): DataEngine {
  const program = session.model.programs[part];
  const words = session.inputWords[part];
  return new DataEngine(program, { inputs: words ? packInputs(program, words) : [], checks: 'none' });
}

function openPart(session: Session, part: number): PartState {
  if (state?.session.model !== session.model) state = { session, parts: [] };
  const known = state.parts[part];
  if (known) return known;
  // Images of DRAM are big: one part at a time.
  state.parts = [];
  const { log } = session;
  const traces = session.model.programs.map((p) =>
    traceCore(p.instructions, { ...DEFAULT_CORE_LIMITS, computeUnits: p.machine.computeUnits }),
  );
  const base = traces.slice(0, part).reduce((sum, t) => sum + t.dispatches.length, 0);
  const { dispatches } = traces[part];
  const order = Uint32Array.from(dispatches, (_, i) => i).sort((a, b) => log.start[base + a] - log.start[base + b] || a - b);
  let total = 0;
  const steps = Float64Array.from(dispatches, ({ runs }) => {
    for (const run of runs) total += run.length;
    return total;
  });
  const opened: PartState = { part, dispatches, base, order, steps, engine: newEngine(session, part), dispatched: 0, executed: 0 };
  state.parts[part] = opened;
  return opened;
}

/** Executes (from the start again, where time goes back) all descriptors that have started by `cycle`. */
function moveTo(session: Session, part: PartState, cycle: number): void {
  const { log } = session;
  const startOf = (i: number): number => log.start[part.base + part.order[i]];
  if (part.executed > 0 && startOf(part.executed - 1) > cycle) {
    part.engine = newEngine(session, part.part);
    part.dispatched = 0;
    part.executed = 0;
  }
  while (part.executed < part.order.length && startOf(part.executed) <= cycle) {
    const index = part.order[part.executed];
    // In program order; the queue of another unit has room because its heads have started before.
    while (part.dispatched <= index) part.engine.dispatch(part.dispatches[part.dispatched++]);
    part.engine.step(part.dispatches[index].unitId);
    part.executed++;
  }
}

export function seek(session: Session, { cycle }: Calls['seek']['argument']): MachineView {
  const { log, program, starts } = session;
  const last = starts[starts.length - 1];
  const at = Math.min(Math.max(0, cycle), last);
  const part = openPart(session, partOf(session, at));
  moveTo(session, part, at);
  const { pc, steps, registers, fields } = coreAt(session, part, at);
  return {
    cycle: at,
    pc: pc + program.parts[part.part].firstInstruction,
    steps,
    registers,
    fields,
    units: unitsAt(session, part, at),
    tokens: tokensAt(session, part, at),
    executed: part.base + part.executed,
    finished: at >= last,
    next: nextTimes(log, part, at, last),
  };
}

/** First cycle after `at` of an event of any kind, and of a GO. */
function nextTimes(log: Session['log'], part: PartState, at: number, last: number): MachineView['next'] {
  let event = last;
  let go = last;
  for (let i = part.base; i < part.base + part.dispatches.length; i++) {
    if (log.go[i] > at && log.go[i] < go) go = log.go[i];
    for (const time of [log.arrival[i], log.start[i], log.readSignal[i], log.end[i]]) if (time > at && time < event) event = time;
  }
  return { event: Math.min(event, go), go };
}

/** The core after what it has executed by `at`: exact at each GO; between two, one instruction a cycle from the earlier one on. */
function coreAt(session: Session, part: PartState, at: number): Pick<MachineView, 'pc' | 'steps' | 'registers' | 'fields'> {
  const { log, model } = session;
  const { base, steps: stepsOf, dispatches } = part;
  let [low, high] = [0, dispatches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (log.go[base + middle] <= at) low = middle + 1;
    else high = middle;
  }
  const from = low === 0 ? session.starts[part.part] : log.go[base + low - 1];
  const done = low === 0 ? 0 : stepsOf[low - 1];
  const most = low < dispatches.length ? stepsOf[low] - 1 : Number.POSITIVE_INFINITY;
  const target = Math.min(most, done + Math.max(0, at - from));
  const found = { pc: 0, steps: 0, registers: new Int32Array(32), fields: {} as Record<string, readonly number[]> };
  const program = model.programs[part.part];
  runCore(
    program.instructions,
    () => {},
    { ...DEFAULT_CORE_LIMITS, computeUnits: program.machine.computeUnits },
    (core, pc, steps) => {
      if (steps < target && pc !== program.instructions.length - 1) return false;
      found.pc = pc;
      found.steps = steps;
      found.registers = core.registers.slice();
      found.fields = Object.fromEntries(Object.entries(core.fields).map(([kind, values]) => [kind, [...values]]));
      return true;
    },
  );
  return found;
}

function unitsAt(session: Session, part: PartState, at: number): UnitView[] {
  const { log, program } = session;
  const units = new Map<number, { running: number; queue: number[] }>();
  for (let i = part.base; i < part.base + part.dispatches.length; i++) {
    const unitId = log.unitId[i];
    const unit = units.get(unitId) ?? { running: -1, queue: [] };
    if (!units.has(unitId)) units.set(unitId, unit);
    if (log.start[i] <= at && at < log.end[i]) unit.running = i;
    else if (log.go[i] <= at && at < log.start[i]) unit.queue.push(i);
  }
  const views: UnitView[] = [];
  for (let id = 0; id < 4 + 2 * program.machine.computeUnits; id++) {
    const unit = units.get(id) ?? { running: -1, queue: [] };
    if (unitOf(id)) views.push({ unitId: id, name: unitName(id)!, ...unit });
  }
  return views;
}

function tokensAt({ log, program }: Session, part: PartState, at: number): TokenView[] {
  const counts = new Map<string, TokenView>();
  const latency = program.machine.latency.tokenLatency;
  const add = (kind: 'read' | 'write', from: number, to: number, delta: number): void => {
    const key = `${kind} ${from} ${to}`;
    const known = counts.get(key) ?? { kind, from: unitName(from) ?? `${from}`, to: unitName(to) ?? `${to}`, count: 0 };
    counts.set(key, { ...known, count: known.count + delta });
  };
  const each = (mask: number, visit: (unit: number) => void): void => {
    for (let unit = 0, rest = mask; rest !== 0; unit++, rest >>>= 1) if (rest & 1) visit(unit);
  };
  for (const [i, { unitId, descriptor }] of part.dispatches.entries()) {
    const index = part.base + i;
    if (log.go[index] > at) break;
    if (log.readSignal[index] + latency <= at) each(descriptor.signalRead, (to) => add('read', unitId, to, 1));
    if (log.end[index] + latency <= at) each(descriptor.signalWrite, (to) => add('write', unitId, to, 1));
    if (log.start[index] <= at) {
      each(descriptor.waitRead, (from) => add('read', from, unitId, -1));
      each(descriptor.waitWrite, (from) => add('write', from, unitId, -1));
    }
  }
  return [...counts.values()].filter((token) => token.count !== 0);
}

/** Words of a buffer at the cycle of the last `seek`. */
export function peek(session: Session, { space, cu, vmac, address, words }: Calls['peek']['argument']): Int16Array {
  const part = state?.parts.find((p) => p !== undefined) ?? openPart(session, 0);
  const { maps, weights, dram } = part.engine.state;
  const buffer = space === 'maps' ? maps[cu] : space === 'weights' ? weights[cu][vmac] : dram;
  return buffer.slice(address, address + words);
}

/** All fields of a descriptor of the log. */
export function descriptorOf(session: Session, { index }: Calls['descriptor']['argument']): Readonly<Record<string, number>> {
  let base = 0;
  for (const [i, program] of session.model.programs.entries()) {
    const part = state?.session.model === session.model ? state.parts[i] : undefined;
    const limits = { ...DEFAULT_CORE_LIMITS, computeUnits: program.machine.computeUnits };
    const dispatches = part?.dispatches ?? traceCore(program.instructions, limits).dispatches;
    if (index < base + dispatches.length) return { ...dispatches[index - base].descriptor };
    base += dispatches.length;
  }
  throw new Error(`no descriptor ${index}`);
}

export function findToken(session: Session, { from, to, after }: Calls['findToken']['argument']): number {
  const part = openPart(session, partOf(session, after));
  const { log } = session;
  let best = Number.POSITIVE_INFINITY;
  const names = (mask: number): boolean => {
    for (let unit = 0, rest = mask; rest !== 0; unit++, rest >>>= 1) if (rest & 1 && unitName(unit) === to) return true;
    return false;
  };
  for (const [i, { unitId, descriptor }] of part.dispatches.entries()) {
    if (unitName(unitId) !== from) continue;
    const index = part.base + i;
    if (names(descriptor.signalRead) && log.readSignal[index] > after) best = Math.min(best, log.readSignal[index]);
    if (names(descriptor.signalWrite) && log.end[index] > after) best = Math.min(best, log.end[index]);
  }
  return Number.isFinite(best) ? best : -1;
}
