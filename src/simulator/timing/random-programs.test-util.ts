/** Random small programs and machines for the timing tests: every unit, tokens that never deadlock, taken branches, edges of all kinds. */
import fc from 'fast-check';
import { type CoreTrace, type Run, traceCore } from '../../isa/core.ts';
import { UNIT_ID, unitOf } from '../../isa/fields.ts';
import { type Machine, XC7Z045 } from '../../machine/machine.ts';
import type { Program } from '../../program/program.ts';
import { makeProgram, programOf, type Step, UNIT_IDS } from './programs.test-util.ts';

export interface RandomCase {
  readonly program: Program;
  readonly trace: CoreTrace;
}

/** Which units a random program uses, and how many DRAM words a run has at most. */
export interface Focus {
  readonly uses: (unit: number) => boolean;
  readonly maxWords: number;
  readonly maxSteps: number;
}

type Draw = (low: number, high: number) => number;

function drawMachine(draw: Draw): Machine {
  if (draw(0, 2) === 0) return XC7Z045;
  const pick = <T>(...values: T[]): T => values[draw(0, values.length - 1)];
  const base = XC7Z045;
  return {
    ...base,
    name: 'random',
    computeUnits: pick(1, 2, 4),
    queueDepth: pick(1, 2, 16),
    instructionBufferWords: pick(64, 128, 512),
    resultFifoGranules: pick(4, 8, 32),
    vecFifoGranules: pick(1, 2, 8),
    busFifoEntries: pick(1, 2, 4),
    axi: {
      ...base.axi,
      ports: pick(1, 2, 4),
      burstLines: pick(1, 2, 4),
      readsPerPort: draw(1, 8),
      readsPerEngine: draw(1, 16),
      writesOutstanding: draw(1, 8),
    },
    dram: {
      ...base.dram,
      bytesPerSecond: pick(4_200_000_000, 1_000_000_000, 8_000_000_000, 2_625_000_000, 50_000_000_000),
      readLatency: draw(1, 60),
      writeLatency: draw(1, 60),
    },
    latency: {
      branchRestart: draw(1, 4),
      instructionLatency: draw(1, 4),
      queueLatency: draw(1, 4),
      tokenLatency: draw(1, 4),
      prepare: draw(0, 2) === 0 ? 0 : draw(1, 40),
      prepareDilated: draw(0, 2) === 0 ? 0 : draw(1, 80),
      rowPeriod: draw(0, 1) === 0 ? 0 : draw(1, 60),
      vecPixelPeriod: draw(1, 4),
      macSetup: draw(1, 6),
      macPipeline: draw(1, 20),
      readDone: draw(1, 5),
      creditLatency: draw(1, 4),
      busLatency: draw(1, 4),
      vecSetup: draw(1, 6),
      vecPipeline: draw(1, 20),
      dmaSetup: draw(1, 5),
      readLatencyMaps: draw(1, 10),
    },
  };
}

function drawWindow(draw: Draw): Record<string, number> {
  const kernelH = draw(1, 3);
  const kernelW = draw(1, 3);
  const outWidth = draw(1, 6);
  const words = draw(1, 40);
  return {
    words,
    tapStep: draw(0, 2) === 0 ? words + draw(1, 9) : words,
    kernelH,
    kernelW,
    strideH: draw(1, 2),
    strideW: draw(1, 2),
    dilationH: draw(1, 2),
    dilationW: draw(1, 2),
    iy0: draw(-3, 1),
    ix0: draw(-3, 1),
    inHeight: draw(1, 6),
    inWidth: draw(1, 6),
    outWidth,
    x0: draw(0, outWidth - 1),
    count: draw(1, 12),
  };
}

function drawFields(draw: Draw, unit: number, cus: number, maxWords: number): Record<string, number> {
  const mask = draw(1, 2 ** cus - 1);
  const rows = draw(1, 4);
  const run = { dramAddress: draw(0, 4000), dramStep: draw(0, 600), rows, words: draw(1, maxWords), step: 16 };
  if (unit === UNIT_ID.LDM) {
    const isTable = draw(0, 5) === 0 && rows === 1;
    return isTable ? { ...run, dramAddress: 16 * (run.dramAddress >> 4), cus: mask, space: 1 } : { ...run, cus: mask, space: 0 };
  }
  if (unit === UNIT_ID.LDW) {
    const cusPerSlot = draw(1, cus);
    return { dramAddress: 16 * draw(0, 200), lines: draw(1, Math.ceil(maxWords / 16)), images: draw(1, 4), cusPerSlot };
  }
  if (unit === UNIT_ID.ST) return { ...run, cu: draw(0, cus - 1) };
  const cu = (unit - UNIT_ID.mac(0)) >> 1;
  const outCus = draw(0, 1) === 0 ? 1 << cu : mask;
  const window = drawWindow(draw);
  if (unit % 2 === 0) {
    const depthwise = draw(0, 4) === 0 ? 1 : 0;
    const lanes = depthwise ? 1 : 2 ** draw(0, 4);
    return { ...window, outCus, lanes, depthwise, outWords: draw(1, depthwise ? Math.min(64, window.words) : 64 / lanes) };
  }
  const op = draw(0, 4);
  if (op === 0) return { ...window, outCus, op };
  // Only a maximum has windows without valid taps.
  const { count, outWidth, strideH, strideW } = window;
  const inside = { iy0: 0, ix0: 0, inHeight: (count + outWidth) * strideH, inWidth: outWidth * strideW };
  return { ...window, ...inside, outCus, op, kernelH: 1, kernelW: 1 };
}

/** Waits only take tokens that earlier descriptors signal, one each, so that the program cannot deadlock. */
function drawSteps(draw: Draw, machine: Machine, focus: Focus): Step[] {
  const cus = machine.computeUnits;
  const units: number[] = UNIT_IDS.filter((id) => unitOf(id)!.cu < cus && focus.uses(id));
  const pending = new Map<string, number>();
  const steps: Step[] = [];
  const layers = draw(1, 4);
  const count = draw(1, focus.maxSteps);
  for (let i = 0; i < count; i++) {
    const unit = units[draw(0, units.length - 1)];
    const sync = { waitRead: 0, waitWrite: 0, signalRead: 0, signalWrite: 0 };
    for (const kind of ['Read', 'Write'] as const) {
      for (const producer of units) {
        const key = `${kind} ${producer} ${unit}`;
        if ((pending.get(key) ?? 0) === 0 || draw(0, 3) === 0) continue;
        pending.set(key, pending.get(key)! - 1);
        sync[`wait${kind}`] |= 1 << producer;
      }
      for (let n = draw(0, 2); n > 0; n--) {
        const consumer = units[draw(0, units.length - 1)];
        if ((sync[`signal${kind}`] >> consumer) & 1) continue;
        sync[`signal${kind}`] |= 1 << consumer;
        const key = `${kind} ${unit} ${consumer}`;
        pending.set(key, (pending.get(key) ?? 0) + 1);
      }
    }
    // Layers mostly in order, sometimes interleaved.
    const layer = draw(0, 5) === 0 ? draw(0, layers - 1) : Math.floor((i * layers) / count);
    steps.push({ unit, layer, fields: { ...drawFields(draw, unit, cus, focus.maxWords), ...sync } });
  }
  return steps;
}

/** The same dispatches reached by other paths: straight, or with taken branches to anywhere in a code of `length` instructions. */
function scatterRuns(draw: Draw, program: Program): RandomCase {
  const straight = traceCore(program.instructions);
  if (draw(0, 1) === 0) return { program, trace: straight };
  const length = 400;
  let pc = 0;
  const walk = (): Run[] => {
    const runs: Run[] = [];
    for (;;) {
      const left = length - pc;
      const go = left > 60 && draw(0, 3) !== 0;
      const run = { startIndex: pc, length: left > 60 ? draw(1, 50) : 1 };
      runs.push(run);
      pc += run.length;
      if (go) return runs;
      pc = draw(0, length - 61);
    }
  };
  const dispatches = straight.dispatches.map((dispatch) => {
    const runs = walk();
    const last = runs[runs.length - 1];
    return { ...dispatch, runs, instructionIndex: last.startIndex + last.length - 1 };
  });
  const layerOf = new Map(
    dispatches.map((d, i) => [d.instructionIndex, layerOfInstruction(program, straight.dispatches[i].instructionIndex)]),
  );
  const sourceMap = Array.from({ length }, (_, i) => ({ first: i, end: i + 1, layer: layerOf.get(i) ?? -1, tile: '' }));
  const moved = programOf(new Uint32Array(length), program.machine, program.layers.length, sourceMap);
  return { program: moved, trace: { dispatches, tail: walk(), steps: 0 } };
}

function layerOfInstruction(program: Program, index: number): number {
  return program.sourceMap.find((span) => index >= span.first && index < span.end)?.layer ?? -1;
}

/** A program and its trace from a list of random numbers. */
export function randomCase(focus: Focus = { uses: () => true, maxWords: 200, maxSteps: 30 }): fc.Arbitrary<RandomCase> {
  return fc.infiniteStream(fc.nat({ max: 0x7fffffff })).map((stream) => {
    const draw: Draw = (low, high) => low + ((stream.next().value as number) % (high - low + 1));
    const machine = drawMachine(draw);
    return scatterRuns(draw, makeProgram(drawSteps(draw, machine, focus), machine));
  });
}
