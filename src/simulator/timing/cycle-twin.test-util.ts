/**
 * A naive twin of the timing engine for tests: the table of docs/microarchitecture.md, section 9, as a loop over cycles, with the memory
 * served cycle by cycle and beat by beat and the windows counted tap by tap. Slow, plain, and written apart from the engine.
 *
 * A cycle has three phases: what becomes visible in it, grants and starts from registered requests, then new requests.
 */
import type { CoreTrace, Dispatch } from '../../isa/core.ts';
import { UNIT_ID, UNIT_ID_COUNT } from '../../isa/fields.ts';
import type { Program } from '../../program/program.ts';
import { makeMemory } from './memory-twin.test-util.ts';
import { type Burst, burstsOf, executedInstructions, rowStarts, validTaps, windowSteps } from './twin-geometry.test-util.ts';

export interface TwinRecord {
  arrival: number;
  start: number;
  readSignal: number;
  end: number;
}

interface Granule {
  readonly f: number;
  readonly mask: number;
  /** Dispatch that it completes, or −1. */
  readonly last: number;
}

const [FETCH, ST, LDM, LDW] = [0, 1, 2, 3];

export function runTwin(program: Program, trace: CoreTrace): { cycles: number; records: TwinRecord[] } {
  const m = program.machine;
  const lat = m.latency;
  const cus = m.computeUnits;
  const records = trace.dispatches.map(() => ({ arrival: -1, start: -1, readSignal: -1, end: -1 }));
  let t = 0;
  let lastEvent = 0;

  // --- things that become visible later ---
  const agenda = new Map<number, (() => void)[]>();
  const at = (cycle: number, action: () => void): void => {
    if (cycle <= t) throw new Error(`twin: ${cycle} is not after ${t}`);
    agenda.set(cycle, [...(agenda.get(cycle) ?? []), action]);
  };
  const event = (cycle: number): void => {
    lastEvent = Math.max(lastEvent, cycle);
  };

  // --- tokens, T3 ---
  const tokens = new Map<string, number>();
  const key = (kind: string, p: number, c: number): string => `${kind} ${p} ${c}`;
  const units = (mask: number): number[] => Array.from({ length: UNIT_ID_COUNT }, (_, id) => id).filter((id) => (mask >> id) & 1);
  const signal = (kind: 'read' | 'write', index: number, cycle: number): void => {
    const { unitId, descriptor: d } = trace.dispatches[index];
    if (kind === 'read') records[index].readSignal = cycle;
    else records[index].end = cycle;
    event(cycle);
    for (const c of units(kind === 'read' ? d.signalRead : d.signalWrite)) {
      at(cycle + lat.tokenLatency, () => tokens.set(key(kind, unitId, c), (tokens.get(key(kind, unitId, c)) ?? 0) + 1));
    }
  };
  const lastSignals = new Map<string, number>();
  /** Signals of one kind of one unit are at least a cycle apart, in the order of the calls. */
  const signalInOrder = (kind: 'read' | 'write', index: number, cycle: number): void => {
    const of = `${kind} ${trace.dispatches[index].unitId}`;
    const when = Math.max(cycle, (lastSignals.get(of) ?? -1) + 1);
    lastSignals.set(of, when);
    signal(kind, index, when);
  };

  // --- queues and starts, T2 and T3 ---
  const queues: number[][] = Array.from({ length: UNIT_ID_COUNT }, () => []);
  /** Cycle from which on each unit may prepare a head: the last row of the descriptor before has begun. */
  const prepareFrom = new Array<number>(UNIT_ID_COUNT).fill(0);
  const places = new Array<number>(UNIT_ID_COUNT).fill(m.queueDepth);
  /** The head of the unit's queue if it starts in this cycle. */
  const tryStart = (unit: number): number => {
    const head = queues[unit][0];
    if (head === undefined) return -1;
    const { kind, descriptor: d } = trace.dispatches[head];
    if (kind === 'MAC' || kind === 'VEC') {
      const prepare = d.dilationH * d.dilationW > 1 ? lat.prepareDilated : lat.prepare;
      if (t < Math.max(records[head].arrival, prepareFrom[unit]) + prepare) return -1;
    }
    const needed = [...units(d.waitRead).map((p) => key('read', p, unit)), ...units(d.waitWrite).map((p) => key('write', p, unit))];
    if (needed.some((k) => (tokens.get(k) ?? 0) === 0)) return -1;
    for (const k of needed) tokens.set(k, tokens.get(k)! - 1);
    queues[unit].shift();
    at(t + 2, () => places[unit]++);
    records[head].start = t;
    prepareFrom[unit] = Number.POSITIVE_INFINITY;
    return head;
  };

  // --- memory ---
  const memory = makeMemory(m, () => t, at, event);

  // --- fetch and core, T1 and T2 ---
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
  const fetchTick = (): void => {
    if (!fetching || memory.offers[FETCH] !== undefined || t < offerFrom || fetchLine >= codeLines || freeLines < m.axi.burstLines) return;
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
      onAccept: (now) => {
        fetchLine += lines;
        offerFrom = now + 2;
      },
      onLine: (now) => {
        event(now);
        const arrived = first + seen++;
        at(now + lat.instructionLatency, () => {
          if (mine === epoch) present.add(arrived);
        });
      },
    };
  };
  const coreTick = (): void => {
    if (endAt >= 0 || branching || !present.has(Math.floor(code[next].pc / 8))) return;
    const { pc, go, taken, end } = code[next];
    if (go >= 0) {
      const unit = trace.dispatches[go].unitId;
      if (places[unit] === 0) return;
      places[unit]--;
      records[go].arrival = t + lat.queueLatency;
      at(t + lat.queueLatency, () => {
        queues[unit].push(go);
      });
    }
    next++;
    if (pc % 8 === 7) {
      const mine = epoch;
      at(t + 2, () => {
        if (mine === epoch) freeLines++;
      });
    }
    if (taken) {
      branching = true;
      const when = t;
      at(t + 1, () => restart(when, code[next].pc));
    }
    if (end) {
      endAt = t;
      event(t);
      at(t + 1, () => {
        fetching = false;
        memory.offers[FETCH] = undefined;
      });
    }
  };

  // --- LDM, LDW, T15 and T16 ---
  const loader = (unit: number, engine: number) => {
    let bursts: Burst[] = [];
    let freeFrom = 0;
    let offerAt = 0;
    /** Descriptors in flight: lines to come, latest line. */
    const flying: { index: number; left: number; latest: number; all: boolean }[] = [];
    let maps = 0;
    return () => {
      if (bursts.length === 0 && t >= freeFrom) {
        const index = tryStart(unit);
        if (index >= 0) {
          const dispatch = trace.dispatches[index];
          bursts = burstsOf(dispatch, m);
          maps = dispatch.kind === 'LDM' && dispatch.descriptor.space === 0 ? dispatch.descriptor.cus : 0;
          offerAt = t + lat.dmaSetup;
          flying.push({ index, left: bursts.reduce((sum, b) => sum + b.lines, 0), latest: 0, all: false });
        }
      }
      if (bursts.length > 0 && t >= offerAt && memory.offers[engine] === undefined) {
        const mine = flying[flying.length - 1];
        memory.offers[engine] = {
          ...bursts[0],
          maps,
          onAccept: (now) => {
            bursts.shift();
            offerAt = now + 2;
            if (bursts.length === 0) freeFrom = now + 2;
          },
          onLine: (now) => {
            mine.latest = now;
            mine.left--;
          },
        };
      }
      // The signal of a complete descriptor at the head: the cycle after its last line, one a cycle.
      if (flying.length > 0 && flying[0].left === 0 && flying[0].latest < t) {
        const done = flying.shift()!;
        signal('read', done.index, t);
        signal('write', done.index, t);
      }
    };
  };
  const loadTicks = [loader(UNIT_ID.LDM, LDM), loader(UNIT_ID.LDW, LDW)];

  // --- ports B and the result bus, T8 to T11 ---
  /** Cycle in which the request that stands at a port was raised, by CU and requester (bus, MAC, VEC result, VEC read, ST read); −1: none. */
  const raised = Array.from({ length: cus }, () => [-1, -1, -1, -1, -1]);
  const busIn: { requestAt: number; source: number; last: number }[][] = Array.from({ length: cus }, () => []);
  const busRoom = new Array<number>(cus).fill(m.busFifoEntries);
  /** By source 2·cu (MAC), 2·cu + 1 (VEC). */
  const fifos: Granule[][] = Array.from({ length: 2 * cus }, () => []);
  /** T6: granules of one unit come one at a time, in order. */
  const enter = (source: number, granule: Granule): void => {
    if ((fifos[source].at(-1)?.f ?? -1) >= granule.f) throw new Error('twin: two granules meet');
    fifos[source].push(granule);
  };
  const credits = fifos.map((_, s) => (s % 2 === 0 ? m.resultFifoGranules : m.vecFifoGranules));
  const busRaised = fifos.map(() => -1);
  /** First cycle at which the head of a FIFO may raise a request. */
  const raiseFrom = fifos.map(() => 0);
  /** Write signals by source: descriptors in order, with the cycle at which they were known to be written. */
  const writes: { index: number; targets: number; at: number }[][] = fifos.map(() => []);
  let rotation = 2 * cus - 1;
  const written = (source: number, index: number, cycle: number): void => {
    const entry = writes[source].find((w) => w.index === index)!;
    entry.at = Math.max(entry.at, cycle);
    entry.targets--;
    while (writes[source].length > 0 && writes[source][0].targets === 0) {
      const done = writes[source].shift()!;
      signalInOrder('write', done.index, done.at);
    }
  };
  const pop = (source: number): Granule => {
    const granule = fifos[source].shift()!;
    at(t + lat.creditLatency, () => credits[source]++);
    return granule;
  };
  const busGrant = (): void => {
    for (let i = 1; i <= 2 * cus; i++) {
      const source = (rotation + i) % (2 * cus);
      if (busRaised[source] < 0 || busRaised[source] >= t) continue;
      const targets = units(fifos[source][0].mask);
      if (targets.some((cu) => busRoom[cu] <= 0)) continue;
      rotation = source;
      busRaised[source] = -1;
      raiseFrom[source] = t + 1;
      const { last } = pop(source);
      const when = t + lat.busLatency;
      for (const cu of targets) {
        at(t + 2, () => busRoom[cu]--);
        at(when, () => busIn[cu].push({ requestAt: when, source, last }));
      }
      return;
    }
  };
  const portGrant = (cu: number, loadBus: number): void => {
    if ((loadBus >> cu) & 1) return;
    const requester = raised[cu].findIndex((r) => r >= 0 && r < t);
    if (requester < 0) return;
    raised[cu][requester] = -1;
    if (requester === 0) {
      const { source, last } = busIn[cu].shift()!;
      at(t + 1, () => busRoom[cu]++);
      if (last >= 0) written(source, last, t + 1 + lat.busLatency);
    } else if (requester <= 2) {
      const source = 2 * cu + requester - 1;
      const { last } = pop(source);
      if (last >= 0) written(source, last, t + 1);
    } else if (requester === 3) vecs[cu].granted();
    else storeGranted();
  };
  const raiseResults = (): void => {
    for (let source = 0; source < 2 * cus; source++) {
      const cu = source >> 1;
      const head = fifos[source][0];
      if (head === undefined || head.f > t || raiseFrom[source] > t) continue;
      if (head.mask !== 1 << cu) {
        if (busRaised[source] < 0) busRaised[source] = t;
      } else if (raised[cu][1 + (source % 2)] < 0) raised[cu][1 + (source % 2)] = t;
    }
    for (let cu = 0; cu < cus; cu++) if (busIn[cu].length > 0 && raised[cu][0] < 0) raised[cu][0] = t;
  };

  // --- MAC, T4 to T7 ---
  const mac = (cu: number) => {
    const unit = UNIT_ID.mac(cu);
    let index = -1;
    let windows: { steps: number; rowStart: boolean; lastRow: boolean }[] = [];
    let readyAt = 0;
    let rowFrom = 0;
    let freeFrom = 0;
    let pathFree = 0;
    return () => {
      if (index < 0 && t >= freeFrom) {
        index = tryStart(unit);
        if (index >= 0) {
          const { descriptor: d } = trace.dispatches[index] as Extract<Dispatch, { kind: 'MAC' }>;
          const rows = rowStarts(d);
          windows = windowSteps(d).map((steps, i) => ({ steps, rowStart: rows.includes(i), lastRow: i === rows.at(-1) }));
          rowFrom = 0;
          readyAt = Math.max(t + lat.macSetup + Math.max(1, 4 / d.lanes), pathFree);
          writes[2 * cu].push({ index, targets: d.outCus === 1 << cu ? 1 : units(d.outCus).length, at: 0 });
        }
      }
      if (index < 0 || t < readyAt) return;
      const { descriptor: d } = trace.dispatches[index] as Extract<Dispatch, { kind: 'MAC' }>;
      const granules = Math.ceil(d.outWords / 16);
      if (credits[2 * cu] < granules || (windows[0].rowStart && t < rowFrom)) return;
      credits[2 * cu] -= granules;
      const o = Math.max(2, 8 / d.lanes);
      const { steps, rowStart, lastRow } = windows.shift()!;
      if (rowStart) rowFrom = t + lat.rowPeriod;
      if (lastRow) prepareFrom[unit] = t + 1;
      const e = t + Math.max(steps, o) - 1;
      for (let j = 0; j < granules; j++) {
        const last = windows.length === 0 && j === granules - 1 ? index : -1;
        enter(2 * cu, { f: e + lat.macPipeline + o + j, mask: d.outCus, last });
      }
      readyAt = e + 1;
      if (windows.length > 0) return;
      signal('read', index, e + lat.readDone);
      index = -1;
      freeFrom = e + 1;
      pathFree = e + o + 1;
    };
  };

  // --- VEC, T12 to T14 ---
  const vec = (cu: number) => {
    const unit = UNIT_ID.vec(cu);
    const source = 2 * cu + 1;
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
    const endChunk = (): void => {
      const { descriptor: d } = trace.dispatches[index] as Extract<Dispatch, { kind: 'VEC' }>;
      const cycles = d.op === 2 ? 8 : 4;
      const done = Math.max(t + 1, lanesFree) + cycles - 1;
      lanesFree = done + 1;
      inChunk = false;
      enter(source, { f: done + lat.vecPipeline, mask: d.outCus, last: chunks.length === 0 ? index : -1 });
      if (chunks.length > 0) return;
      signal('read', index, d.op === 2 ? done + 1 : t + 1);
      index = -1;
      freeFrom = done + 1;
    };
    return {
      granted: (): void => {
        if (--readsLeft === 0) endChunk();
      },
      start: (): void => {
        if (idleAt === t) {
          idleAt = -1;
          endChunk();
        }
        if (index >= 0 || t < freeFrom) return;
        index = tryStart(unit);
        if (index < 0) return;
        const { descriptor: d } = trace.dispatches[index] as Extract<Dispatch, { kind: 'VEC' }>;
        chunks = [];
        const starts = rowStarts(d);
        for (const [i, [rows, columns]] of validTaps(d).entries()) {
          for (let c = 0; c < Math.ceil(d.words / 16); c++) {
            const pixelStart = c === 0;
            const reads = rows.length * columns.length * (d.op & 1 ? 2 : 1);
            chunks.push({ reads, pixelStart, rowStart: pixelStart && starts.includes(i), lastRow: pixelStart && i === starts.at(-1) });
          }
        }
        pixelFrom = 0;
        rowFrom = 0;
        requestFrom = t + lat.vecSetup;
        writes[source].push({ index, targets: d.outCus === 1 << cu ? 1 : units(d.outCus).length, at: 0 });
      },
      raise: (): void => {
        if (index < 0 || t < requestFrom || raised[cu][3] >= 0 || idleAt >= 0) return;
        if (!inChunk) {
          const { reads, pixelStart, rowStart, lastRow } = chunks[0];
          if (credits[source] === 0 || (pixelStart && t < pixelFrom) || (rowStart && t < rowFrom)) return;
          credits[source]--;
          inChunk = true;
          chunks.shift();
          if (pixelStart) pixelFrom = t + lat.vecPixelPeriod;
          if (rowStart) rowFrom = t + lat.rowPeriod;
          if (lastRow) prepareFrom[unit] = t + 1;
          readsLeft = reads;
          if (readsLeft === 0) {
            idleAt = t + 1;
            return;
          }
        }
        raised[cu][3] = t;
      },
    };
  };
  const macs = Array.from({ length: cus }, (_, cu) => mac(cu));
  const vecs = Array.from({ length: cus }, (_, cu) => vec(cu));

  // --- ST, T17 and T18 ---
  let storeIndex = -1;
  let storeBursts: Burst[] = [];
  let storeRead = 0;
  let storeFrom = 0;
  let storeFree = 0;
  let storeOfferFrom = 0;
  let buffers = 2;
  const full: { burst: Burst; from: number; last: number }[] = [];
  /** Descriptors whose bursts are not all answered, in order: bursts accepted and not answered; index −1 until the last is accepted. */
  const answers: { index: number; left: number }[] = [{ index: -1, left: 0 }];
  const storeCu = (): number => (trace.dispatches[storeIndex] as Extract<Dispatch, { kind: 'ST' }>).descriptor.cu;
  const storeGranted = (): void => {
    if (++storeRead < storeBursts[0].lines) return;
    const burst = storeBursts.shift()!;
    storeRead = 0;
    full.push({ burst, from: t + lat.readLatencyMaps, last: storeBursts.length === 0 ? storeIndex : -1 });
    if (storeBursts.length > 0) return;
    signal('read', storeIndex, t + 1);
    storeIndex = -1;
    storeFree = t + 1;
  };
  const storeStart = (): void => {
    if (storeIndex >= 0 || t < storeFree) return;
    storeIndex = tryStart(UNIT_ID.ST);
    if (storeIndex < 0) return;
    storeBursts = burstsOf(trace.dispatches[storeIndex], m);
    storeFrom = t + lat.dmaSetup;
  };
  const storeOffer = (): void => {
    if (full.length === 0 || full[0].from > t || t < storeOfferFrom || memory.offers[ST] !== undefined) return;
    const { burst, last } = full[0];
    const owner = answers[answers.length - 1];
    memory.offers[ST] = {
      ...burst,
      maps: 0,
      onAccept: (now) => {
        full.shift();
        storeOfferFrom = now + 2;
        at(now + 2, () => buffers++);
        owner.left++;
        owner.index = last;
        if (last >= 0) answers.push({ index: -1, left: 0 });
      },
      onResponse: (now) => {
        owner.left--;
        while (answers[0].index >= 0 && answers[0].left === 0) signalInOrder('write', answers.shift()!.index, now + 1);
      },
    };
  };
  const storeRaise = (): void => {
    if (storeIndex < 0 || t < storeFrom || raised[storeCu()][4] >= 0) return;
    if (storeRead === 0) {
      if (buffers === 0) return;
      buffers--;
    }
    raised[storeCu()][4] = t;
  };

  for (; ; t++) {
    if (t > 1_000_000) throw new Error('twin: endless');
    for (const action of agenda.get(t) ?? []) action();
    agenda.delete(t);
    fetchTick();
    for (const tick of loadTicks) tick();
    storeOffer();
    const loadBus = memory.loadBus();
    memory.accept();
    memory.serve();
    coreTick();
    for (const tick of macs) tick();
    for (const v of vecs) v.start();
    storeStart();
    busGrant();
    for (let cu = 0; cu < cus; cu++) portGrant(cu, loadBus);
    raiseResults();
    for (const v of vecs) v.raise();
    storeRaise();
    const unfinished = records.some((r) => r.end < 0 || r.readSignal < 0);
    if (endAt >= 0 && t > endAt + 1 && !unfinished && agenda.size === 0 && memory.idle()) return { cycles: lastEvent + 1, records };
  }
}
