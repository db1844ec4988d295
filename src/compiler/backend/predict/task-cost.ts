/**
 * What one task asks of the machine, from its descriptor alone: MAC cycles, accesses of port B, granules, DRAM bytes and how they are cut into bursts.
 * Specification: docs/microarchitecture.md, sections 3 to 6; used by predict-timeline.ts.
 */
import { hasSource2, hasTable } from '../../../isa/fields.ts';
import { LINE_BYTES, LINE_WORDS, type Machine, VEC_CHUNK_CYCLES, VEC_TABLE_CHUNK_CYCLES } from '../../../machine/machine.ts';
import { outputCycles, parameterLines } from '../mac/window-cost.ts';
import type { BareDescriptor, Task } from '../tasks/task.ts';

/** Demands of one task; what does not apply is 0. */
export interface TaskCost {
  /** Cycles before the work begins. */
  readonly setupCycles: number;
  /** Cycles of the work when nothing is in its way. */
  readonly workCycles: number;
  /** Accesses of the own CU's port B among them (VEC). */
  readonly portAccesses: number;
  /** Results: granules, and the CUs that get them. */
  readonly granules: number;
  readonly targets: number;
  /** Bytes through the memory, in whole lines, and bytes of a mean burst. */
  readonly bytes: number;
  readonly burstBytes: number;
  /** AXI ports among which the bursts are spread: strides that are multiples of a block times the ports stay on one. */
  readonly ports: number;
}

/** Cycles from a VEC read request to the return of its credit beyond the pipeline and the credit's latency. */
const CREDIT_LOOP_CYCLES = 3;
/** Words of an aligned block of DRAM, which belongs to one port. */
const BLOCK_WORDS = 64;
/** Rows of a transfer after which its alignment repeats. */
const ROWS_SAMPLED = 64;

type Walked = BareDescriptor<'MAC'> | BareDescriptor<'VEC'>;

/** Counts demands; remembers window shapes, which few distinct ones of a program share. */
export class TaskCosts {
  readonly #machine: Machine;
  /** By shape: for each output column the steps of one kernel row; by number of kernel rows the running sums of window cycles. */
  readonly #columns = new Map<string, { readonly steps: Int32Array; readonly sums: Map<number, Float64Array> }>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  of(task: Task): TaskCost {
    switch (task.kind) {
      case 'MAC':
        return this.#mac(task.descriptor as BareDescriptor<'MAC'>);
      case 'VEC':
        return this.#vec(task.descriptor as BareDescriptor<'VEC'>);
      case 'LDW': {
        const { images, lines } = task.descriptor as BareDescriptor<'LDW'>;
        const { burstLines, ports } = this.#machine.axi;
        return this.#transfer(images * lines * LINE_BYTES, burstLines * LINE_BYTES, ports);
      }
      default:
        return this.#runs(task.descriptor as BareDescriptor<'LDM'>);
    }
  }

  #mac(d: BareDescriptor<'MAC'>): TaskCost {
    const floor = outputCycles(d.lanes);
    const words = d.words;
    const adjacent = d.depthwise === 0 && d.tapStep === words;
    const stepsOf = (first: number, count: number): number => {
      if (d.depthwise === 1) return count;
      if (!adjacent) return count * Math.ceil(words / d.lanes);
      return count === 0 ? 0 : Math.ceil((((first * words) % d.lanes) + count * words) / d.lanes);
    };
    const key = `M${d.lanes},${d.depthwise},${adjacent},${words}`;
    return {
      ...NOTHING,
      setupCycles: this.#machine.latency.macSetup + parameterLines(d.lanes),
      workCycles: this.#sumWindows(d, key, stepsOf, floor),
      granules: d.count * Math.ceil(d.outWords / LINE_WORDS),
      targets: d.outCus,
    };
  }

  #vec(d: BareDescriptor<'VEC'>): TaskCost {
    const chunks = Math.ceil(d.words / LINE_WORDS);
    const reads = hasSource2(d.op) ? 2 * d.count : this.#sumWindows(d, 'V', (_, count) => count, 1);
    const granules = d.count * chunks;
    const { latency, vecFifoGranules } = this.#machine;
    const creditLoop = (latency.vecPipeline + latency.creditLatency + CREDIT_LOOP_CYCLES) / vecFifoGranules;
    const chunkCycles = hasTable(d.op) ? VEC_TABLE_CHUNK_CYCLES : VEC_CHUNK_CYCLES;
    return {
      ...NOTHING,
      setupCycles: latency.vecSetup,
      workCycles: Math.max(reads * chunks, granules * Math.max(chunkCycles, creditLoop)),
      portAccesses: reads * chunks,
      granules,
      targets: d.outCus,
    };
  }

  /** Loads and stores of runs of words: whole lines, cut at blocks of a burst. */
  #runs(d: BareDescriptor<'LDM'> | BareDescriptor<'ST'>): TaskCost {
    const { dramAddress, dramStep, rows, words } = d;
    const burstWords = this.#machine.axi.burstLines * LINE_WORDS;
    const sampled = Math.min(rows, ROWS_SAMPLED);
    let lines = 0;
    let bursts = 0;
    const ports = new Set<number>();
    for (let row = 0; row < sampled; row++) {
      const first = dramAddress + row * dramStep;
      const last = first + words - 1;
      lines += Math.floor(last / LINE_WORDS) - Math.floor(first / LINE_WORDS) + 1;
      bursts += Math.floor(last / burstWords) - Math.floor(first / burstWords) + 1;
      const blocks = Math.min(this.#machine.axi.ports, Math.floor(last / BLOCK_WORDS) - Math.floor(first / BLOCK_WORDS) + 1);
      for (let i = 0; i < blocks; i++) ports.add((Math.floor(first / BLOCK_WORDS) + i) % this.#machine.axi.ports);
    }
    return this.#transfer((lines * LINE_BYTES * rows) / sampled, (lines * LINE_BYTES) / bursts, ports.size);
  }

  #transfer(bytes: number, burstBytes: number, ports: number): TaskCost {
    return { ...NOTHING, setupCycles: this.#machine.latency.dmaSetup, bytes, burstBytes, ports };
  }

  /** Σ over the windows of max(floor, valid kernel rows × steps of the valid kernel columns). */
  #sumWindows(d: Walked, key: string, stepsOf: (firstTap: number, count: number) => number, floor: number): number {
    const shape = `${key},${d.outWidth},${d.kernelW},${d.strideW},${d.dilationW},${d.ix0},${d.inWidth}`;
    let known = this.#columns.get(shape);
    if (known === undefined) {
      const steps = Int32Array.from({ length: d.outWidth }, (_, x) => {
        const { first, count } = validTaps(d.ix0 + x * d.strideW, d.dilationW, d.kernelW, d.inWidth);
        return stepsOf(first, count);
      });
      known = { steps, sums: new Map() };
      this.#columns.set(shape, known);
    }
    let total = 0;
    for (let y = 0, left = d.count, from = d.x0; left > 0; y++, from = 0) {
      const { count } = validTaps(d.iy0 + y * d.strideH, d.dilationH, d.kernelH, d.inHeight);
      let sums = known.sums.get(count);
      if (sums === undefined) {
        sums = new Float64Array(d.outWidth + 1);
        for (let x = 0; x < d.outWidth; x++) sums[x + 1] = sums[x]! + Math.max(floor, count * known.steps[x]!);
        known.sums.set(count, sums);
      }
      const end = Math.min(d.outWidth, from + left);
      total += sums[end]! - sums[from]!;
      left -= end - from;
    }
    return total;
  }
}

const NOTHING: TaskCost = { setupCycles: 0, workCycles: 0, portAccesses: 0, granules: 0, targets: 0, bytes: 0, burstBytes: 0, ports: 0 };

/** Taps of a window from input index `start` that lie inside. */
function validTaps(start: number, dilation: number, kernel: number, extent: number): { first: number; count: number } {
  const step = Math.max(1, dilation);
  const first = start >= 0 ? 0 : Math.min(kernel, Math.ceil(-start / step));
  const end = Math.min(kernel, Math.ceil((extent - start) / step));
  return { first, count: Math.max(0, end - first) };
}
