/** Measures the timeline with as many slices as the largest networks have; not part of the site. Started by scripts/measure-studio.ts. */
import '../styles/theme.css';
import { LOST_CAUSES, XC7Z045 } from '../../src/browser.ts';
import { NOTHING } from '../state/store.ts';
import { zoomAround } from '../timeline/navigation.ts';
import { TimelinePainter } from '../timeline/painter.ts';
import type { LogView, ProgramView, TimingView } from '../worker/protocol.ts';

const SLICES = 300_000;
const LAYERS = 60;
const UNITS = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11];
const BINS = 16384;

/** A log like those of the simulator: every unit works through its descriptors in order, with gaps. */
function syntheticTiming(): { timing: TimingView; program: ProgramView } {
  const log: LogView = {
    count: SLICES,
    unitId: new Uint8Array(SLICES),
    instruction: new Int32Array(SLICES),
    layer: new Int32Array(SLICES),
    go: new Float64Array(SLICES),
    arrival: new Float64Array(SLICES),
    start: new Float64Array(SLICES),
    readSignal: new Float64Array(SLICES),
    end: new Float64Array(SLICES),
    waits: new Float32Array(SLICES * LOST_CAUSES.length),
  };
  const free = UNITS.map(() => 0);
  let seed = 1;
  const random = (): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
  for (let i = 0; i < SLICES; i++) {
    const unit = i % UNITS.length;
    const wait = random() < 0.3 ? Math.floor(random() * 400) : 0;
    log.unitId[i] = UNITS[unit];
    log.instruction[i] = 3 * i;
    log.layer[i] = Math.floor((i * LAYERS) / SLICES);
    log.go[i] = free[unit] - 20;
    log.arrival[i] = free[unit] - 18;
    log.start[i] = free[unit] + wait;
    free[unit] = log.start[i] + 100 + Math.floor(random() * 900);
    log.readSignal[i] = free[unit] - 5;
    log.end[i] = free[unit] + 40;
    log.waits[i * LOST_CAUSES.length] = wait;
  }
  const cycles = Math.max(...free) + 41;
  const series = (): Float64Array => Float64Array.from({ length: BINS }, random);
  const activity = {
    binCycles: cycles / BINS,
    dramBytes: { weights: series(), mapsIn: series(), mapsOut: series(), instructions: series() },
    portBytes: [series(), series(), series(), series()],
    usefulMacs: series(),
    queues: ['LDM', 'LDW', 'ST', 'MAC0', 'VEC0'].map((unit) => ({ unit, fill: series(), most: 1 })),
    mapsBytes: [series(), series(), series(), series()],
    weightsBytes: [series(), series(), series(), series()],
  };
  const timing = { cycles, log, activities: [{ from: 0, cycles, activity }] } as unknown as TimingView;
  const layers = Array.from({ length: LAYERS }, (_, i) => ({ name: `layer ${i}` }));
  const program = { machine: XC7Z045, layers, sourceMap: [] } as unknown as ProgramView;
  return { timing, program };
}

const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
const canvas = document.querySelector<HTMLCanvasElement>('#timeline')!;
const { timing, program } = syntheticTiming();
let painter: TimelinePainter | undefined;

/** Milliseconds from the log to the picture. */
async function drawFirst(): Promise<number> {
  await frame();
  const started = performance.now();
  painter = new TimelinePainter(timing, program);
  painter.draw(canvas, [0, timing.cycles], NOTHING);
  canvas.getContext('2d')!.getImageData(0, 0, 1, 1); // nothing is left to draw
  return performance.now() - started;
}

/** In, along, and out again: frames a second. */
async function panAndZoom(frames: number): Promise<number> {
  let range: readonly [number, number] = [0, timing.cycles];
  const started = performance.now();
  for (let i = 0; i < frames; i++) {
    await frame();
    if (i < frames / 3) range = zoomAround(range, 0.93, timing.cycles * 0.4);
    else if (i < (2 * frames) / 3) range = [range[0] + (range[1] - range[0]) * 0.03, range[1] + (range[1] - range[0]) * 0.03];
    else range = zoomAround(range, 1.075, timing.cycles * 0.4);
    range = [Math.max(0, range[0]), Math.min(timing.cycles, range[1])];
    painter!.draw(canvas, range, NOTHING);
  }
  return (1000 * frames) / (performance.now() - started);
}

Object.assign(window, { drawFirst, panAndZoom, slices: SLICES });
